/** A port's insides as plain data, for tools and tests. */
import type { NamedValue } from '@lodestone/probe'
import { IpProtocol, nameOf } from '@lodestone/packet'
import { ipOfWords } from './address-words.ts'
import { DROP_REASONS } from './drop-reasons.ts'
import { dstAt, hasPorts, newFlowKey, portsAt } from './flow-key.ts'
import type { Connection } from './connection.ts'
import { isRowCurrent } from './compile-flow.ts'
import { dumpLayer, type LayerDump } from './layer.ts'
import { PortCounter, type PortState } from './port-state.ts'
import type { SourceNatUsage } from './snat-pools.ts'
import { TCP_STATE_NAMES } from './tcp-state.ts'

export interface FlowDump {
  readonly protocol: string
  /** `address:port`, as the guest knows itself and the other side; without the port where the protocol has none. */
  readonly guest: string
  readonly remote: string
  readonly external?: string
  readonly initiator: 'in' | 'out'
  readonly tcpState?: string
  readonly firewallRule: string
  readonly ageMs: number
  readonly idleMs: number
  readonly packetsIn: number
  readonly bytesIn: number
  readonly packetsOut: number
  readonly bytesOut: number
  /** Which directions have a row that is current. */
  readonly cached: readonly ('in' | 'out')[]
}

export interface PortDump {
  readonly id: string
  readonly name: string
  readonly generation: number
  readonly epoch: number
  readonly layers: readonly LayerDump[]
  readonly flows: readonly FlowDump[]
  readonly counters: Readonly<Record<keyof typeof PortCounter, number>>
  /** Drop counts by code; only those that happened. */
  readonly drops: readonly { readonly code: string; readonly count: number }[]
  readonly facts: readonly NamedValue[]
  /** Of the shared addresses, one of each family at most. */
  readonly sourceNat: readonly SourceNatUsage[]
}

export function dumpPort(port: PortState): PortDump {
  const { config, cache } = port
  const facts: NamedValue[] = [
    { name: 'connections', value: `${cache.count} of ${cache.limit}` },
    { name: 'evictions', value: String(cache.evictions) },
    { name: 'expirations', value: String(cache.expirations) },
    { name: 'groups joined', value: joinedOf(port) },
  ]
  return {
    id: config.id,
    name: config.name,
    generation: config.generation,
    epoch: port.context.epoch,
    layers: port.layersOut.map(dumpLayer),
    flows: dumpFlows(port),
    counters: countersOf(port),
    drops: dropCountsOf(port.dropCounts),
    facts,
    sourceNat: sourceNatOf(port),
  }
}

function joinedOf(port: PortState): string {
  const list = port.joined.list().map(({ group, mode, sources }) => {
    return sources.length === 0 ? `${group}` : `${group} ${mode} ${sources.join(' ')}`
  })
  return list.length === 0 ? 'none' : list.join(', ')
}

export function sourceNatOf(port: PortState): SourceNatUsage[] {
  return [port.pools4, port.pools6].flatMap((pools) => (pools === undefined ? [] : [pools.usage(port.nowMs())]))
}

export function countersOf(port: PortState): Record<keyof typeof PortCounter, number> {
  const names = Object.keys(PortCounter) as (keyof typeof PortCounter)[]
  const counters = {} as Record<keyof typeof PortCounter, number> // because every name is filled in below
  for (const name of names) counters[name] = port.counters[PortCounter[name]]!
  return counters
}

export function dropCountsOf(counts: Float64Array): { code: string; count: number }[] {
  const list: { code: string; count: number }[] = []
  counts.forEach((count, number) => {
    if (count > 0) list.push({ code: DROP_REASONS[number]!.code, count })
  })
  return list
}

function dumpFlows(port: PortState): FlowDump[] {
  const nowMs = port.nowMs()
  const flows: FlowDump[] = []
  port.cache.forEach((connection) => flows.push(flowDump(port, connection, nowMs)))
  return flows
}

export function flowDump(port: PortState, connection: Connection, nowMs: number): FlowDump {
  const { cache } = port
  const key = newFlowKey()
  cache.readOutKey(connection, key)
  const { family, nat, natPort } = connection
  const ports = key[portsAt(family)]!
  const isIcmp = connection.protocol === IpProtocol.icmp || connection.protocol === IpProtocol.icmpv6
  const portText = (port: number): string => (hasPorts(connection.protocol) ? `:${port}` : '')
  const state = connection.tcpState
  const cached: ('in' | 'out')[] = []
  if (isRowCurrent(cache.table, connection.row(false))) cached.push('in')
  if (isRowCurrent(cache.table, connection.row(true))) cached.push('out')
  return {
    protocol: nameOf(IpProtocol, connection.protocol),
    guest: `${ipOfWords(key, 0, family)}${portText(ports >>> 16)}`,
    remote: `${ipOfWords(key, dstAt(family), family)}${portText(isIcmp ? ports >>> 16 : ports & 0xffff)}`,
    ...(nat === undefined
      ? {}
      : { external: `${nat.externalText}${portText(natPort >= 0 ? natPort : connection.guestPort)} (${nat.kind})` }),
    initiator: connection.initiator,
    ...(state < 0 ? {} : { tcpState: TCP_STATE_NAMES[state]! }),
    firewallRule: connection.firewallRule,
    ageMs: nowMs - connection.createdMs,
    idleMs: connection.idleMs(nowMs),
    packetsIn: connection.packets(false),
    bytesIn: connection.bytes(false),
    packetsOut: connection.packets(true),
    bytesOut: connection.bytes(true),
    cached,
  }
}
