import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'

interface PutFlags extends RackFlags {
  readonly serial?: string
}

const PLACES = 32

const flags = {
  ...rackFlags,
  serial: {
    kind: 'parsed',
    parse: parseText,
    optional: true,
    brief: 'Serial number of the board; default: one that no board had',
    placeholder: 'SERIAL',
  },
} as const

const place = {
  parse: (text: string): number => {
    const number = Number(/^(?:sled)?(\d+)$/.exec(text)?.[1])
    if (!(number < PLACES)) throw new Error(`expected a place as in 4 or sled4, 0 to ${PLACES - 1}, not ${text}`)
    return number
  },
  placeholder: 'PLACE',
} as const

export const addCommand = buildCommand({
  docs: {
    brief: 'Put a sled into a free place of the running rack',
    fullDescription: [
      'Its service processor starts, and its host; switches and control plane find it within seconds, without further commands.',
      'It is there at the next start, too. Watch it with: lode api GET /v1/system/hardware/sleds',
    ].join('\n'),
    customUsage: [
      { input: '', brief: 'Into the first free place' },
      { input: '7', brief: 'Into place 7, as sled7' },
    ],
  },
  parameters: {
    flags,
    positional: {
      kind: 'tuple',
      parameters: [{ ...place, brief: 'Place; default: the first free one', optional: true }],
    },
  },
  async func(this: LodeContext, given: PutFlags, at?: number) {
    const sleds = await sledsOf(this, given)
    if (sleds === undefined) return
    const free = at ?? Array.from({ length: PLACES }, (_, each) => each).find((each) => !sleds.has(`sled${each}`))
    if (free !== undefined && !sleds.has(`sled${free}`)) return put(this, given, free)
    this.note(free === undefined ? 'the rack is full' : `sled${free} is there; lode sled replace sled${free} swaps it`)
    this.exit(ExitStatus.failed)
  },
})

export const replaceCommand = buildCommand({
  docs: {
    brief: 'Put another sled into the place of one, as after a repair',
    fullDescription:
      'The new one is another sled of the rack; instances of the old one are started on sleds that are there.',
    customUsage: [{ input: 'sled2', brief: 'Another board in place 2' }],
  },
  parameters: { flags, positional: { kind: 'tuple', parameters: [{ ...place, brief: 'Which sled' }] } },
  async func(this: LodeContext, given: PutFlags, at: number) {
    const sleds = await sledsOf(this, given)
    if (sleds === undefined) return
    if (sleds.has(`sled${at}`)) return put(this, given, at)
    this.note(`there is no sled${at}; lode sled add ${at} puts one there`)
    this.exit(ExitStatus.failed)
  },
})

/** Names of the sleds; undefined when the rack does not say, which has been told. */
async function sledsOf(context: LodeContext, { state }: RackFlags): Promise<ReadonlySet<string> | undefined> {
  const directory = context.stateDirectory(state)
  const info = await (await rackClient(context, directory)).info()
  if (info.ok) return new Set(info.value.nodes.filter(({ kind }) => kind === 'sled').map(({ name }) => name))
  reportFailure(context, directory, info)
  return undefined
}

async function put(context: LodeContext, { state, serial, json }: PutFlags, at: number): Promise<void> {
  const directory = context.stateDirectory(state)
  const body = serial === undefined ? {} : { serial }
  const result = await (await rackClient(context, directory)).sled_put({ params: { place: at }, body })
  if (!result.ok) return reportFailure(context, directory, result)
  const { name, replaced } = result.value
  if (json) context.printJson(result.value)
  else context.print(`${name} is ${result.value.serial}${replaced === null ? '' : `, instead of ${replaced}`}`)
}
