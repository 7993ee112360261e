/** Launch, destroy, and the hidden command that the background process runs. */
import { buildCommand } from '@stricli/core'
import { isProcessAlive, sleep } from '@lodestone/host'
import { ExitStatus, type LabContext } from '../os-context.ts'
import { connect, type LabFlags, labFlags, parseText } from './connection.ts'

const LAUNCH_LIMIT_MS = 240_000
const DESTROY_LIMIT_MS = 10_000
const POLL_MS = 10

export const launchCommand = buildCommand({
  docs: {
    brief: 'Start the laboratory in the background; one that runs already stays',
    customUsage: ['', { input: '--state ./lab', brief: 'With its control socket and logs here' }],
  },
  parameters: { flags: labFlags },
  async func(this: LabContext, flags: LabFlags) {
    const { launchFailure, managerOf, spawnManager } = await import('../os-lab-process.ts')
    const directory = this.stateDirectory(flags.state)
    const startMs = this.clock.nowMs()
    const client = await connect(this, flags)
    const running = await client.info()
    if (running.ok) {
      if (flags.json) this.printJson({ name: this.document.name, state: directory, launched: false })
      else this.print(`${this.document.name} runs already; "apply" changes it, "destroy" ends it`)
      return
    }
    const manager = spawnManager(directory, [...this.self, 'serve', '--state', directory])
    const { pid } = manager
    for (;;) {
      await sleep(this.clock, POLL_MS)
      const info = await client.info()
      if (info.ok) {
        const elapsedMs = this.clock.nowMs() - startMs
        const { nodes, links } = info.value
        if (flags.json)
          this.printJson({
            name: info.value.name,
            state: directory,
            launched: true,
            pid,
            elapsed_ms: elapsedMs,
            nodes: nodes.length,
            links: links.length,
          })
        else
          this.print(
            `${info.value.name} runs: ${nodes.length} nodes, ${links.length} links, ${(elapsedMs / 1000).toFixed(2)} s`,
          )
        return
      }
      const failure = launchFailure(directory)
      // Of two launches at once one manager gives way: then the other one is what to wait for.
      const isOver = pid !== undefined && !isProcessAlive(pid) && (managerOf(directory) ?? pid) === pid
      if (failure !== undefined || isOver) {
        this.note(failure ?? `the laboratory ended at once; see ${directory}/manager.log`)
        return this.exit(ExitStatus.failed)
      }
      if (this.clock.nowMs() - startMs > LAUNCH_LIMIT_MS) {
        this.note(
          `the laboratory is not up after ${LAUNCH_LIMIT_MS / 1000} s; see ${directory}/manager.log, then "destroy"`,
        )
        return this.exit(ExitStatus.failed)
      }
    }
  },
})

export const destroyCommand = buildCommand({
  docs: {
    brief: 'End the laboratory and remove whatever there is of it, also of one that was killed',
    customUsage: [''],
  },
  parameters: { flags: labFlags },
  async func(this: LabContext, flags: LabFlags) {
    const { findLeftovers, sweep } = await import('../os-lab-process.ts')
    const directory = this.stateDirectory(flags.state)
    const { name } = this.document
    const startMs = this.clock.nowMs()
    const asked = await (await connect(this, flags)).shutdown()
    if (asked.ok) {
      const endMs = this.clock.nowMs() + DESTROY_LIMIT_MS
      while (findLeftovers(directory, name).processes.length > 0 && this.clock.nowMs() < endMs)
        await sleep(this.clock, POLL_MS)
    }
    const found = await sweep(directory, name)
    const elapsedMs = this.clock.nowMs() - startMs
    if (flags.json) return this.printJson({ name, was_running: asked.ok, elapsed_ms: elapsedMs, removed: found })
    const rest = found.processes.length + found.namespaces.length
    if (asked.ok) this.print(`${name} is gone (${(elapsedMs / 1000).toFixed(2)} s)`)
    else if (rest + found.files.length === 0) this.print(`there is nothing of ${name}`)
    else
      this.print(
        `removed what was left of ${name}: ${found.processes.length} processes, ${found.namespaces.length} namespaces`,
      )
  },
})

interface ServeFlags {
  readonly state: string
}

export const serveCommand = buildCommand({
  docs: { brief: 'Be the background process' },
  parameters: {
    flags: { state: { kind: 'parsed', parse: parseText, brief: 'State directory', placeholder: 'DIR' } },
  },
  async func(this: LabContext, flags: ServeFlags) {
    const { serve } = await import('../os-serve.ts')
    await serve(this, { directory: flags.state })
  },
})
