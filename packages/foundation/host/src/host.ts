/**
 * What a daemon is given instead of finding it: a clock, randomness, files, named networks, a log. Nothing else in the
 * repository may reach for time, entropy, sockets or disks.
 */
import type { Clock } from './clock.ts'
import type { Files } from './files.ts'
import type { LogLevel, LogSink } from './log.ts'
import type { Network } from './network.ts'
import type { Random } from './random.ts'

export interface HostOptions {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly files: Files
  readonly networks?: Readonly<Record<string, Network>>
  readonly log?: LogSink
}

export class Host {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly files: Files
  readonly #networks: Readonly<Record<string, Network>>
  readonly #log: LogSink | undefined

  constructor(options: HostOptions) {
    this.name = options.name
    this.clock = options.clock
    this.random = options.random
    this.files = options.files
    this.#networks = options.networks ?? {}
    this.#log = options.log
  }

  /** The network called `name`: `underlay`, `management`, `os`, … Asking for one that was not given is a bug. */
  network(name: string): Network {
    const network = this.#networks[name]
    if (network === undefined) throw new Error(`host ${this.name} was given no network called ${name}`)
    return network
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#log?.({ level, wallMs: this.clock.wallMs(), source: this.name, event, fields })
  }
}
