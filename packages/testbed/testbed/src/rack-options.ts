/** What a running rack is started with, and how it says that it cannot start. */
import type { Clock, Files, LogSink, Network, Random } from '@lodestone/host'
import type { PublishSpec } from './publish.ts'
import type { RackConfig } from './rack-config.ts'
import type { MultipathMode } from './topology.ts'

export interface RackOptions {
  readonly clock: Clock
  readonly random: Random
  /** The operating system's sockets, for the public API, the control socket and published ports. */
  readonly os: Network
  readonly sleds: number
  /** How sleds choose between the switches; default: by measured delay. */
  readonly multipath?: MultipathMode
  /** What the operator wants of a new rack. The outside is always as it says; the control plane's state is what it was. */
  readonly config?: RackConfig
  /**
   * The rack waits to be set up at the technician's port, which this port of the machine leads to (0 picks one). Not together with a
   * configuration; a state directory that was set up keeps what it is.
   */
  readonly technicianPort?: number
  readonly stateDirectory: string
  /** Where archives of empty databases are kept, so that a new rack starts quickly. */
  readonly archives?: readonly Files[]
  /** Keeps the database in memory: for demonstrations, whose state nobody wants back. */
  readonly isEphemeral?: boolean
  /** URL of a PostgreSQL server to use instead of the embedded database. */
  readonly database?: string
  /** A built web console, served on the origin of the API. */
  readonly console?: Files
  readonly apiAddress: string
  /** 0 picks a free one. */
  readonly apiPort: number
  /** Of the API over TLS at the same address; absent: it is on its external address only. */
  readonly tlsPort?: number
  readonly publish: readonly PublishSpec[]
  /** Told once as each part becomes ready. */
  readonly onProgress?: (name: string, detail: string) => void
  readonly log?: LogSink
  /** Of this process, for the lock; and whether another one still runs. */
  readonly processId: number
  readonly isProcessAlive: (pid: number) => boolean
}

/** The rack cannot start, for a reason that its user can do something about. */
export class RackStartError extends Error {}

export function multipathOf({ multipath }: RackOptions): MultipathMode {
  return multipath ?? 'delay'
}
