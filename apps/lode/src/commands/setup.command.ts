import { readFileSync } from 'node:fs'
import { httpFetch, client } from '@lodestone/api'
import { setupApi, type SetupStatus } from '@lodestone/contract-testbed'
import { sleep } from '@lodestone/host'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../state-flag.ts'

const POLL_MS = 200
/** A rack that makes its first database answers nothing for seconds, on a busy machine for many. */
const ANSWER_MS = 60_000

export const setupCommand = buildCommand({
  docs: {
    brief: "Set a new rack up, through the technician's port",
    fullDescription: [
      'The rack was started with lode up --uninitialized. Mistakes in the file are told with their lines, and nothing is done.',
      'Then each step is told when it is through.',
    ].join('\n'),
    customUsage: [{ input: 'examples/rack.toml --state ./rack', brief: 'As the example says' }],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'tuple',
      parameters: [{ parse: parseText, brief: 'Configuration (TOML)', placeholder: 'FILE' }],
    },
  },
  async func(this: LodeContext, flags: RackFlags, file: string) {
    const directory = this.stateDirectory(flags.state)
    const info = await (await rackClient(this, directory)).info()
    if (!info.ok) return reportFailure(this, directory, info)
    const { technician_port: port } = info.value
    if (port === null) {
      this.note('this rack is set up, or was not started with --uninitialized')
      return this.exit(ExitStatus.failed)
    }
    const toml = textOf(this, file)
    if (toml === undefined) return
    const fetch = httpFetch(this.network, { clock: this.clock, timeoutMs: ANSWER_MS })
    const setup = client(setupApi, fetch, `http://127.0.0.1:${port}`)
    const given = await setup.setup_config_put({ body: { toml, file } })
    if (!given.ok) {
      this.note(given.message)
      return this.exit(given.kind === 'refused' && given.status === 400 ? ExitStatus.usage : ExitStatus.failed)
    }
    let now = await setup.setup_run({})
    const told = new Set<string>()
    while (now.ok) {
      if (!flags.json) tell(this, now.value, told)
      if (now.value.state !== 'initializing') break
      await sleep(this.clock, POLL_MS)
      now = await setup.setup_view({})
    }
    if (!now.ok) return reportFailure(this, directory, now)
    if (flags.json) this.printJson(now.value)
    if (now.value.state === 'initialized') return
    this.note(`the set-up ${now.value.state}: ${now.value.message ?? ''}`)
    this.exit(ExitStatus.failed)
  },
})

function textOf(context: LodeContext, file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    context.note(`${file}: it cannot be read: ${(error as Error).message}`)
    context.exit(ExitStatus.usage)
    return undefined
  }
}

function tell(context: LodeContext, { steps }: SetupStatus, told: Set<string>): void {
  for (const { name, state, detail, after_ms: afterMs } of steps) {
    if (state !== 'done' || told.has(name)) continue
    told.add(name)
    context.print(`${((afterMs ?? 0) / 1000).toFixed(1).padStart(5)} s  ${name}: ${detail ?? ''}`)
  }
}
