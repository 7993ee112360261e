/** A run that stops where somebody wants to look: at a time, or at the first event after which a condition holds. */
import { causeOf, type CauseResult, StoryKeeper, tablesOf } from '@lodestone/testbed'
import type { Lookup } from './break-expression.ts'
import { Simulation, type SimulationOptions, type Verdict } from './simulation.ts'

export interface ReplayStopOptions extends SimulationOptions {
  readonly untilMs?: number
  readonly holds?: (lookup: Lookup) => boolean
  /** How many of the last frames to keep. */
  readonly packets: number
  /** How many frames to go on after the stop, one by one. */
  readonly steps?: number
  /** Entries that `cause` is to tell about: packets that use them are kept from the beginning. */
  readonly cause?: { readonly node: string; readonly table: string; readonly words: readonly string[] }
}

/** What every frame changes, and nobody looks for. */
const COUNTING_TABLES: ReadonlySet<string> = new Set(['counters', 'telemetry', 'paths', 'drops'])
const COUNTING_COLUMNS: ReadonlySet<string> = new Set([
  'packets',
  'hits',
  'packets in',
  'packets out',
  'drops',
  'connections',
])

export interface PacketLine {
  readonly atMs: number
  readonly link: string
  readonly direction: string
  readonly bytes: number
  readonly packet: number
}

/** A frame after the stop, and what it changed. */
export interface ReplayStep {
  readonly packet: PacketLine
  /** Rows that went and came, without what they count: `- switch0 rib …`, `+ switch0 rib …`. */
  readonly changes: readonly string[]
}

interface TableText {
  readonly node: string
  readonly table: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

class Stopped extends Error {}

export class ReplayStop {
  readonly simulation: Simulation
  readonly packets: PacketLine[] = []
  readonly steps: ReplayStep[] = []
  readonly #options: ReplayStopOptions
  readonly #stories: StoryKeeper | undefined
  /** Of the step before, once the run has come to its stop. */
  #before: readonly string[] | undefined

  constructor(options: ReplayStopOptions) {
    this.#options = options
    this.simulation = new Simulation(options)
    const { cause } = options
    const { world } = this.simulation.emulation
    if (cause !== undefined) this.#stories = new StoryKeeper(world.tracer, world.clock, cause.node, cause.words)
  }

  /** @returns the verdict when the run came to its end, undefined where it stopped. */
  async run(): Promise<Verdict | undefined> {
    const { simulation } = this
    const { clock, monitor } = simulation
    const { untilMs = Infinity, holds } = this.#options
    let frames = 0
    clock.onEvent(() => {
      const isFrame = monitor.hash.frames !== frames
      if (isFrame) {
        frames = monitor.hash.frames
        this.packets.push({ atMs: clock.nowMs(), ...monitor.last })
        if (this.packets.length > this.#options.packets) this.packets.shift()
      }
      if (this.#before !== undefined) return isFrame ? this.#step() : undefined
      if (clock.nowMs() < untilMs && holds?.((name) => this.#lookup(name)) !== true) return undefined
      return this.#stop()
    })
    try {
      return await simulation.run()
    } catch (error) {
      if (error instanceof Stopped) return undefined
      throw error
    } finally {
      clock.onEvent(() => {})
    }
  }

  async #stop(): Promise<void> {
    if ((this.#options.steps ?? 0) === 0) throw new Stopped()
    this.#before = await this.#lines()
  }

  async #step(): Promise<void> {
    const before = new Set(this.#before)
    const now = await this.#lines()
    const after = new Set(now)
    const gone = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`)
    const come = now.filter((line) => !before.has(line)).map((line) => `+ ${line}`)
    const { clock, monitor } = this.simulation
    this.steps.push({ packet: { atMs: clock.nowMs(), ...monitor.last }, changes: [...gone, ...come] })
    this.#before = now
    if (this.steps.length >= (this.#options.steps ?? 0)) throw new Stopped()
  }

  /** Every table of every node as it is now. */
  async tables(): Promise<readonly TableText[]> {
    const all: TableText[] = []
    for (const [name, node] of this.simulation.emulation.nodes) {
      for (const source of await tablesOf(node)) {
        const { columns, rows } = await source.read()
        all.push({ node: name, table: source.name, columns, rows })
      }
    }
    return all
  }

  /** Who wrote the entries that were asked about, and which packets have used them since the beginning. */
  cause(): Promise<CauseResult> | undefined {
    const { cause } = this.#options
    if (cause === undefined) return undefined
    const { emulation, control, clock } = this.simulation
    this.#stories?.close()
    const question = { ...cause, words: [...cause.words] }
    // The database may be slow; then the answer takes its time.
    return clock.run(causeOf(emulation, control.nexus, question, this.#stories?.stories))
  }

  async #lines(): Promise<readonly string[]> {
    return (await this.tables()).flatMap(({ node, table, columns, rows }) => {
      if (COUNTING_TABLES.has(table)) return []
      return rows.map((row) =>
        [node, table, ...row.filter((_, k) => !COUNTING_COLUMNS.has(columns[k] ?? ''))].join('  '),
      )
    })
  }

  #lookup(name: string): string | number | boolean | undefined {
    const { simulation } = this
    const { last } = simulation.monitor
    switch (name) {
      case 'now':
        return simulation.clock.nowMs() / 1000
      case 'phase':
        return simulation.phase
      case 'nexus':
        return simulation.control.nexus === undefined ? 'down' : 'up'
      case 'event':
        return simulation.log.at(-1)
      case 'problems':
        return simulation.monitor.problems.length
      case 'frame.link':
        return last.link
      case 'frame.direction':
        return last.direction
      case 'frame.bytes':
        return last.bytes
      case 'frame.packet':
        return last.packet
      default: {
        if (!name.startsWith('node.')) return undefined
        const node = name.slice('node.'.length)
        if (!simulation.emulation.topology.nodes.some((each) => each.name === node)) return undefined
        return simulation.emulation.nodes.has(node) ? 'on' : 'off'
      }
    }
  }
}
