/**
 * What flows did, for whoever keeps records: one entry when a connection begins, one with its totals when it ends. The other
 * side's address and port can be left out. Packets that were refused are not flows: they are in the drop ring.
 */
import type { Connection } from './connection.ts'
import type { FlowListener } from './flow-cache.ts'
import { type FlowDump, flowDump } from './port-dump.ts'
import type { PortState } from './port-state.ts'

/** Grows when a field changes its meaning. */
export const FLOW_LOG_VERSION = 1

export interface FlowLogEntry {
  readonly version: typeof FLOW_LOG_VERSION
  readonly kind: 'opened' | 'closed'
  readonly atMs: number
  readonly portId: string
  readonly portName: string
  readonly vni: number
  /** Without `remote` where addresses are left out. */
  readonly flow: Omit<FlowDump, 'remote' | 'cached'> & { readonly remote?: string }
}

export interface FlowLogOptions {
  /** Default true. */
  readonly hasAddresses?: boolean
}

export class FlowLog implements FlowListener {
  readonly #port: PortState
  readonly #write: (entry: FlowLogEntry) => void
  readonly #hasAddresses: boolean

  constructor(port: PortState, write: (entry: FlowLogEntry) => void, options: FlowLogOptions) {
    this.#port = port
    this.#write = write
    this.#hasAddresses = options.hasAddresses ?? true
  }

  opened(connection: Connection): void {
    this.#tell('opened', connection, this.#port.nowMs())
  }

  closing(connection: Connection, nowMs: number): void {
    this.#tell('closed', connection, nowMs)
  }

  #tell(kind: FlowLogEntry['kind'], connection: Connection, nowMs: number): void {
    const { cached: _, remote, ...rest } = flowDump(this.#port, connection, nowMs)
    const { id, name, vni } = this.#port.config
    this.#write({
      version: FLOW_LOG_VERSION,
      kind,
      atMs: nowMs,
      portId: id,
      portName: name,
      vni,
      flow: this.#hasAddresses ? { ...rest, remote } : rest,
    })
  }
}
