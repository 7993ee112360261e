/**
 * What flows did, for whoever keeps records: one entry when a connection begins, one with its totals when it ends, and one for
 * a packet that was refused. The other side's address and port can be left out. Of refused packets a flood is not logged one by
 * one: an entry says how many before it were left out, and counters have them all.
 */
import { IpProtocol, nameOf } from '@lodestone/packet'
import { ipOfWords } from './address-words.ts'
import type { Connection } from './connection.ts'
import { Drop, dropReason } from './drop-reasons.ts'
import type { FlowListener } from './flow-cache.ts'
import { type FlowDump, flowDump } from './port-dump.ts'
import type { PortState } from './port-state.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Walk } from './walk.ts'

/** Grows when a field changes its meaning. */
export const FLOW_LOG_VERSION = 1

/** Refused packets that are logged for each port. */
const REFUSED_PER_SECOND = 50
const REFUSED_BURST = 200

interface EntryOfPort {
  readonly version: typeof FLOW_LOG_VERSION
  readonly atMs: number
  readonly portId: string
  readonly portName: string
  readonly vni: number
}

export interface FlowEntry extends EntryOfPort {
  readonly kind: 'opened' | 'closed'
  /** Without `remote` where addresses are left out. */
  readonly flow: Omit<FlowDump, 'remote' | 'cached'> & { readonly remote?: string }
}

export interface RefusedEntry extends EntryOfPort {
  readonly kind: 'refused'
  readonly direction: 'in' | 'out'
  /** Code of a `DropReason`. */
  readonly reason: string
  readonly detail?: string
  /** The firewall rule that says so; absent where another layer or a default does. */
  readonly rule?: string
  /** Absent for what is not IP, or not well-formed. */
  readonly protocol?: string
  readonly guest?: string
  readonly remote?: string
  readonly bytes: number
  /** How many refused packets since the last such entry were not logged. */
  readonly unlogged: number
}

export type FlowLogEntry = FlowEntry | RefusedEntry

export interface FlowLogOptions {
  /** Default true. */
  readonly hasAddresses?: boolean
}

export class FlowLog implements FlowListener {
  readonly #port: PortState
  readonly #write: (entry: FlowLogEntry) => void
  readonly #hasAddresses: boolean
  readonly #budget: TokenBucket
  #unlogged = 0

  constructor(port: PortState, write: (entry: FlowLogEntry) => void, options: FlowLogOptions) {
    this.#port = port
    this.#write = write
    this.#hasAddresses = options.hasAddresses ?? true
    this.#budget = new TokenBucket(REFUSED_PER_SECOND, REFUSED_BURST, port.nowMs())
  }

  opened(connection: Connection): void {
    this.#tell('opened', connection, this.#port.nowMs())
  }

  closing(connection: Connection, nowMs: number): void {
    this.#tell('closed', connection, nowMs)
  }

  refused(walk: Walk, bytes: number, nowMs: number): void {
    if (!this.#budget.take(1, nowMs)) {
      this.#unlogged++
      return
    }
    const unlogged = this.#unlogged
    this.#unlogged = 0
    const rule = walk.reason === Drop.denyRule ? walk.firewallRule : ''
    this.#write({
      ...this.#entryOfPort(nowMs),
      kind: 'refused',
      direction: walk.direction,
      reason: dropReason(walk.reason).code,
      // It names addresses.
      ...(walk.detail === '' || !this.#hasAddresses ? {} : { detail: walk.detail }),
      ...(rule === '' ? {} : { rule }),
      ...this.#sidesOf(walk),
      bytes,
      unlogged,
    })
  }

  /** As the guest knows itself: inbound after translation, if the packet came that far. */
  #sidesOf(walk: Walk): Pick<RefusedEntry, 'protocol' | 'guest' | 'remote'> {
    const { family, isOut, key, current } = walk
    if (family === 0) return {}
    const remoteAt = isOut ? walk.dstAt : 0
    const guestPort = isOut || walk.isIcmp ? walk.srcPort : walk.dstPort
    const remotePort = isOut && !walk.isIcmp ? walk.dstPort : walk.srcPort
    const portText = (port: number): string => (walk.hasTransport ? `:${port}` : '')
    const remote = `${ipOfWords(key, remoteAt, family)}${portText(remotePort)}`
    return {
      protocol: nameOf(IpProtocol, walk.protocol),
      guest: `${ipOfWords(isOut ? key : current, isOut ? 0 : walk.dstAt, family)}${portText(guestPort)}`,
      ...(this.#hasAddresses ? { remote } : {}),
    }
  }

  #tell(kind: FlowEntry['kind'], connection: Connection, nowMs: number): void {
    const { cached: _, remote, ...rest } = flowDump(this.#port, connection, nowMs)
    this.#write({
      ...this.#entryOfPort(nowMs),
      kind,
      flow: this.#hasAddresses ? { ...rest, remote } : rest,
    })
  }

  #entryOfPort(nowMs: number): EntryOfPort {
    const { id, name, vni } = this.#port.config
    return { version: FLOW_LOG_VERSION, atMs: nowMs, portId: id, portName: name, vni }
  }
}
