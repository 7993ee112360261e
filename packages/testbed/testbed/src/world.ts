/** What every node of one emulation shares: time, randomness, the arena, the tracer. */
import { Arena } from '@lodestone/frame'
import { type Clock, Host, type LogSink, MemoryFiles, type Network, type Random } from '@lodestone/host'
import { Tracer } from '@lodestone/probe'

export interface WorldOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log?: LogSink
  /** Frames that may exist at once in the whole emulation. */
  readonly frames?: number
  /** A node's own clock, which may be wrong; the world's unless given. Links always run on the world's. */
  readonly clockOf?: (node: string) => Clock
}

export class World {
  readonly clock: Clock
  readonly random: Random
  readonly arena: Arena
  readonly tracer: Tracer
  readonly #options: WorldOptions
  readonly #log: LogSink | undefined

  /** @param shared the world that this is a node's view of. */
  constructor(options: WorldOptions, shared?: World) {
    this.#options = options
    this.clock = options.clock
    this.random = options.random
    this.arena = shared?.arena ?? new Arena({ slots: options.frames ?? 8192 })
    this.tracer = shared?.tracer ?? new Tracer(() => options.clock.nowMs())
    this.#log = options.log
  }

  /** The world as a node sees it: the same, but for the time. */
  of(node: string): World {
    const { clockOf, ...options } = this.#options
    return clockOf === undefined ? this : new World({ ...options, clock: clockOf(node) }, this)
  }

  /**
   * A host for the daemons of one node, on the networks that the node gives them.
   * @param random the world's unless given, whose sequence a seed of 32 bits determines: secrets need better.
   */
  host(name: string, networks: Readonly<Record<string, Network>>, random: Random = this.random.fork(name)): Host {
    return new Host({
      name,
      clock: this.clock,
      random,
      files: new MemoryFiles(),
      networks,
      ...(this.#log === undefined ? {} : { log: this.#log }),
    })
  }
}
