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
}

export class World {
  readonly clock: Clock
  readonly random: Random
  readonly arena: Arena
  readonly tracer: Tracer
  readonly #log: LogSink | undefined

  constructor(options: WorldOptions) {
    this.clock = options.clock
    this.random = options.random
    this.arena = new Arena({ slots: options.frames ?? 8192 })
    this.tracer = new Tracer(() => options.clock.nowMs())
    this.#log = options.log
  }

  /** A host for the daemons of one node, on the networks that the node gives them. */
  host(name: string, networks: Readonly<Record<string, Network>>): Host {
    return new Host({
      name,
      clock: this.clock,
      random: this.random.fork(name),
      files: new MemoryFiles(),
      networks,
      ...(this.#log === undefined ? {} : { log: this.#log }),
    })
  }
}
