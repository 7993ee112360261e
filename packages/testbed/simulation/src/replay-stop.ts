/** A run that stops where somebody wants to look: at a time, or at the first event after which a condition holds. */
import { tablesOf } from '@lodestone/testbed'
import type { Lookup } from './break-expression.ts'
import { Simulation, type SimulationOptions, type Verdict } from './simulation.ts'

export interface ReplayStopOptions extends SimulationOptions {
  readonly untilMs?: number
  readonly holds?: (lookup: Lookup) => boolean
  /** How many of the last frames to keep. */
  readonly packets: number
}

export interface PacketLine {
  readonly atMs: number
  readonly link: string
  readonly direction: string
  readonly bytes: number
  readonly packet: number
}

class Stopped extends Error {}

export class ReplayStop {
  readonly simulation: Simulation
  readonly packets: PacketLine[] = []
  readonly #options: ReplayStopOptions

  constructor(options: ReplayStopOptions) {
    this.#options = options
    this.simulation = new Simulation(options)
  }

  /** @returns the verdict when the run came to its end, undefined where it stopped. */
  async run(): Promise<Verdict | undefined> {
    const { simulation } = this
    const { untilMs = Infinity, holds } = this.#options
    let frames = 0
    simulation.clock.onEvent(() => {
      const { hash, last } = simulation.monitor
      if (hash.frames !== frames) {
        frames = hash.frames
        this.packets.push({ atMs: simulation.clock.nowMs(), ...last })
        if (this.packets.length > this.#options.packets) this.packets.shift()
      }
      if (simulation.clock.nowMs() >= untilMs || holds?.((name) => this.#lookup(name)) === true) throw new Stopped()
    })
    try {
      return await simulation.run()
    } catch (error) {
      if (error instanceof Stopped) return undefined
      throw error
    }
  }

  /** Every table of every node as it is now. */
  async tables(): Promise<
    readonly { readonly node: string; readonly table: string; readonly rows: readonly (readonly string[])[] }[]
  > {
    const all = []
    for (const [name, node] of this.simulation.emulation.nodes) {
      for (const source of await tablesOf(node)) {
        const { rows } = await source.read()
        all.push({ node: name, table: source.name, rows })
      }
    }
    return all
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
