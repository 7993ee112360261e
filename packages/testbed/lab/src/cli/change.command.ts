/** Commands that change a running laboratory: plan, apply, fault, snapshot, restore. */
import { buildCommand, buildRouteMap } from '@stricli/core'
import { Fault } from '../document/document.ts'
import { ExitStatus, type LabContext } from '../os-context.ts'
import { connect, type LabFlags, labFlags, parseText, valueOrReport } from './connection.ts'

export const planCommand = buildCommand({
  docs: {
    brief:
      'What "apply" would do: the difference between what runs and what the program says; exit status 1 when there is one',
    customUsage: [''],
  },
  parameters: { flags: labFlags },
  async func(this: LabContext, flags: LabFlags) {
    const result = valueOrReport(this, await (await connect(this, flags)).plan({ body: this.document }))
    if (result === undefined) return
    if (flags.json) this.printJson(result.value.steps)
    else this.print(result.value.text)
    if (result.value.steps.length > 0) this.exit(ExitStatus.failed)
  },
})

export const applyCommand = buildCommand({
  docs: { brief: 'Make what runs what the program says; what is the same goes on undisturbed', customUsage: [''] },
  parameters: { flags: labFlags },
  async func(this: LabContext, flags: LabFlags) {
    report(this, flags, valueOrReport(this, await (await connect(this, flags)).apply({ body: this.document })))
  },
})

/** What was done, and what could not be; then the exit status says no. */
function report(
  context: LabContext,
  flags: LabFlags,
  result:
    | {
        readonly value: {
          readonly steps: readonly object[]
          readonly text: string
          readonly failures: readonly string[]
        }
      }
    | undefined,
): void {
  if (result === undefined) return
  const { steps, text, failures } = result.value
  if (flags.json) context.printJson({ steps, failures })
  else context.print(text)
  for (const failure of failures) context.note(failure)
  if (failures.length > 0) context.exit(ExitStatus.failed)
}

interface ShapeFlags extends LabFlags {
  readonly direction?: 'a-to-b' | 'b-to-a'
  readonly profile?: string
  readonly delayMs?: number
  readonly jitterMs?: number
  readonly rateBps?: number
  readonly loss?: number
  readonly duplicate?: number
  readonly corrupt?: number
  readonly reorder?: number
  readonly impairments?: Record<string, unknown>
}

const amount = (text: string): number => {
  const value = Number(text)
  if (!(value >= 0)) throw new Error('expected a number, 0 or more')
  return value
}

const number = (brief: string, placeholder: string) =>
  ({ kind: 'parsed', parse: amount, optional: true, brief, placeholder }) as const

async function inject(context: LabContext, flags: LabFlags, fault: Fault): Promise<void> {
  const result = valueOrReport(context, await (await connect(context, flags)).fault({ body: fault }))
  if (result !== undefined && flags.json) context.printJson({ done: fault })
}

const target = { parse: parseText, brief: 'A link, node or group', placeholder: 'TARGET' } as const

function simple(kind: 'up' | 'down' | 'off' | 'on' | 'pause' | 'resume', brief: string, example: string) {
  return buildCommand({
    docs: { brief, customUsage: [example] },
    parameters: { flags: labFlags, positional: { kind: 'tuple', parameters: [target] } },
    async func(this: LabContext, flags: LabFlags, name: string) {
      await inject(this, flags, { kind, target: name })
    },
  })
}

const shapeCommand = buildCommand({
  docs: {
    brief: 'Change what links do to frames; what is not named stays as it is',
    customUsage: [
      { input: 'left-sw --delay-ms 40 --loss 0.01', brief: 'A long and lossy path' },
      { input: 'left-sw --profile leo --direction a-to-b', brief: 'One direction becomes that of a satellite' },
      {
        input: `left-sw --impairments '{"lossModel":{"kind":"gilbert-elliott","toBad":0.01,"toGood":0.3}}'`,
        brief: 'Anything else',
      },
    ],
  },
  parameters: {
    flags: {
      ...labFlags,
      direction: {
        kind: 'enum',
        values: ['a-to-b', 'b-to-a'],
        optional: true,
        brief: 'One of the two; both when absent',
      },
      profile: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Begin with this profile',
        placeholder: 'NAME',
      },
      delayMs: number('One-way delay', 'MS'),
      jitterMs: number('Jitter', 'MS'),
      rateBps: number('Bits per second', 'BPS'),
      loss: number('Share of frames lost', '0…1'),
      duplicate: number('Share of frames that arrive twice', '0…1'),
      corrupt: number('Share of frames damaged', '0…1'),
      reorder: number('Share of frames that overtake', '0…1'),
      impairments: {
        kind: 'parsed',
        parse: (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>, // because the server checks it
        optional: true,
        brief: 'Impairments as JSON',
        placeholder: 'JSON',
      },
    },
    positional: { kind: 'tuple', parameters: [target] },
  },
  async func(this: LabContext, flags: ShapeFlags, name: string) {
    const { state: _state, json: _json, direction, profile, impairments, ...numbers } = flags
    const parsed = Fault.safeParse({
      kind: 'shape',
      target: name,
      change: { ...numbers, ...impairments },
      ...(direction === undefined ? {} : { direction }),
      ...(profile === undefined ? {} : { profile }),
    })
    if (!parsed.success) {
      this.note(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
      return this.exit(ExitStatus.usage)
    }
    await inject(this, flags, parsed.data)
  },
})

const flapCommand = buildCommand({
  docs: {
    brief: 'Take links down and up again, several times',
    customUsage: [{ input: 'left-sw --times 3', brief: 'Half a second each' }],
  },
  parameters: {
    flags: {
      ...labFlags,
      downMs: { kind: 'parsed', parse: amount, default: '500', brief: 'How long down', placeholder: 'MS' },
      upMs: { kind: 'parsed', parse: amount, default: '500', brief: 'How long up between', placeholder: 'MS' },
      times: { kind: 'parsed', parse: amount, default: '1', brief: 'How often', placeholder: 'N' },
    },
    positional: { kind: 'tuple', parameters: [target] },
  },
  async func(
    this: LabContext,
    flags: LabFlags & { readonly downMs: number; readonly upMs: number; readonly times: number },
    name: string,
  ) {
    const { downMs, upMs, times } = flags
    await inject(this, flags, { kind: 'flap', target: name, downMs, upMs, times })
  },
})

const healCommand = buildCommand({
  docs: { brief: 'Mend everything: links and nodes as the topology says', customUsage: [''] },
  parameters: { flags: labFlags },
  async func(this: LabContext, flags: LabFlags) {
    await inject(this, flags, { kind: 'heal' })
  },
})

export const faultRoutes = buildRouteMap({
  routes: {
    down: simple('down', 'Take links down', 'left-sw'),
    up: simple('up', 'Bring links up', 'left-sw'),
    shape: shapeCommand,
    flap: flapCommand,
    off: simple('off', 'Pull the plug of nodes', 'sw'),
    on: simple('on', 'Give nodes power again', 'sw'),
    pause: simple('pause', 'Stop a program, machine or switch where it is', 'frr'),
    resume: simple('resume', 'Let it go on', 'frr'),
    heal: healCommand,
  },
  docs: { brief: 'Break and mend links and nodes' },
})

export const snapshotCommand = buildCommand({
  docs: {
    brief: 'Write the state of the laboratory to a file; the memory of machines goes to a folder beside it',
    customUsage: ['lab.snapshot.json'],
  },
  parameters: {
    flags: labFlags,
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'File', placeholder: 'FILE' }] },
  },
  async func(this: LabContext, flags: LabFlags, path: string) {
    const { absolutePath, writeText } = await import('../os-text-file.ts')
    const folder = `${absolutePath(path)}.machines`
    const result = valueOrReport(this, await (await connect(this, flags)).snapshot({ query: { folder } }))
    if (result === undefined) return
    writeText(path, JSON.stringify(result.value, undefined, 2))
    const machines = Object.values(result.value.machines)
    if (flags.json) this.printJson({ file: path, machines })
    else this.print(`written to ${path}${machines.length === 0 ? '' : `, machines to ${folder}`}`)
  },
})

export const restoreCommand = buildCommand({
  docs: { brief: 'Bring the running laboratory back to a snapshot', customUsage: ['lab.snapshot.json'] },
  parameters: {
    flags: labFlags,
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'File', placeholder: 'FILE' }] },
  },
  async func(this: LabContext, flags: LabFlags, path: string) {
    const { readText } = await import('../os-text-file.ts')
    const { Snapshot } = await import('../control/lab-api.ts')
    const parsed = Snapshot.safeParse(jsonOf(readText(path)))
    if (!parsed.success) {
      this.note(`${path} is no snapshot: ${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}`)
      return this.exit(ExitStatus.usage)
    }
    report(this, flags, valueOrReport(this, await (await connect(this, flags)).restore({ body: parsed.data })))
  },
})

/** What is no JSON is no snapshot either. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
