/**
 * The connections of a port as plain data, so that they can go on elsewhere: after a restart of the engine, or on the sled
 * that an instance moves to. Only what cannot be worked out again is in it; the rows are made anew by the first packet of
 * each direction, which walks the layers of the port as it is then.
 */
import { IpProtocol } from '@lodestone/packet'
import { type Connection, NO_TCP } from './connection.ts'
import { type FlowKey, META_EXTERNAL, META_OUT, metaAt, newFlowKey } from './flow-key.ts'
import type { NatMapping } from './nat-mapping.ts'
import type { PortState } from './port-state.ts'
import { TcpState } from './tcp-state.ts'

/** Grows when a field changes its meaning. */
export const FLOW_SNAPSHOT_VERSION = 1

export interface SavedFlow {
  readonly family: 4 | 6
  readonly protocol: number
  readonly initiator: 'in' | 'out'
  readonly ageMs: number
  readonly idleMs: number
  readonly remoteVni: number
  readonly guestPort: number
  readonly firewallRule: string
  readonly tcpState: number
  readonly finAck?: number
  /** The flow keys of both directions, as the packets come. */
  readonly outKey: readonly number[]
  readonly inKey: readonly number[]
  readonly nat?: { readonly kind: NatMapping['kind']; readonly external: string; readonly port: number }
}

export interface FlowSnapshot {
  readonly version: typeof FLOW_SNAPSHOT_VERSION
  readonly portId: string
  readonly flows: readonly SavedFlow[]
}

export function saveFlows(port: PortState): FlowSnapshot {
  const nowMs = port.nowMs()
  const flows: SavedFlow[] = []
  port.cache.forEach((connection) => flows.push(saveFlow(port, connection, nowMs)))
  return { version: FLOW_SNAPSHOT_VERSION, portId: port.config.id, flows }
}

function saveFlow(port: PortState, connection: Connection, nowMs: number): SavedFlow {
  const keyOf = (isOut: boolean): number[] => {
    const key = newFlowKey()
    port.cache.table.readKey(connection.row(isOut), connection.family, key)
    return [...key]
  }
  const { finAck, nat } = connection
  return {
    family: connection.family,
    protocol: connection.protocol,
    initiator: connection.initiator,
    ageMs: nowMs - connection.createdMs,
    idleMs: connection.idleMs(nowMs),
    remoteVni: connection.remoteVni,
    guestPort: connection.guestPort,
    firewallRule: connection.firewallRule,
    tcpState: connection.tcpState,
    ...(finAck === undefined ? {} : { finAck }),
    outKey: keyOf(true),
    inKey: keyOf(false),
    ...(nat === undefined ? {} : { nat: { kind: nat.kind, external: nat.externalText, port: connection.natPort } }),
  }
}

export interface RestoreResult {
  readonly restored: number
  /** Why others were not, with how many. */
  readonly refused: Readonly<Record<string, number>>
}

/**
 * Enters saved connections. One whose address or port is not the port's any more is refused; the rules are asked by the
 * next packet, as after any change.
 */
export function restoreFlows(port: PortState, snapshot: FlowSnapshot): RestoreResult {
  const refused: Record<string, number> = {}
  let restored = 0
  for (const flow of snapshot.flows) {
    const problem = restoreFlow(port, flow)
    if (problem === undefined) restored++
    else refused[problem] = (refused[problem] ?? 0) + 1
  }
  return { restored, refused }
}

function restoreFlow(port: PortState, flow: SavedFlow): string | undefined {
  const nowMs = port.nowMs()
  if (!isSound(flow)) return 'it contradicts itself'
  let nat: NatMapping | undefined
  if (flow.nat !== undefined) {
    nat = port.mappingOf(flow.family, flow.protocol, flow.nat.kind, flow.nat.external)
    if (nat === undefined) return 'the external address is not attached'
    if (nat.pool !== undefined && !nat.pool.leaseExactly(flow.nat.port))
      return 'the port of the shared address is taken'
  }
  const connection = port.cache.open(
    {
      family: flow.family,
      protocol: flow.protocol,
      initiator: flow.initiator,
      createdMs: nowMs - flow.ageMs,
      remoteVni: flow.remoteVni,
      nat,
      natPort: flow.nat?.port ?? -1,
      guestPort: flow.guestPort,
      firewallRule: flow.firewallRule,
      // No epoch of this port: the first packet asks the rules.
      epoch: 0,
      tcpState: flow.tcpState,
    },
    keyOf(flow.outKey),
    keyOf(flow.inKey),
    nowMs,
  )
  if (connection === undefined) {
    if (flow.nat !== undefined) nat?.pool?.release(flow.nat.port, nowMs)
    return 'the table is full'
  }
  connection.finAck = flow.finAck
  connection.touch(nowMs - flow.idleMs)
  return undefined
}

/** What comes from elsewhere may be anything: keys and state must fit together, or the table would not. */
function isSound(flow: SavedFlow): boolean {
  const { family, protocol, tcpState, outKey, inKey, nat } = flow
  const at = metaAt(family)
  const [out, into] = [outKey[at] ?? -1, inKey[at] ?? -1]
  const isTcp = protocol === IpProtocol.tcp
  return (
    out === (protocol | META_OUT) &&
    (into & ~META_EXTERNAL) === protocol &&
    (isTcp ? tcpState > TcpState.closed && tcpState <= TcpState.timeWait : tcpState === NO_TCP) &&
    (nat === undefined || (nat.kind === 'snat') === nat.port >= 0) &&
    flow.idleMs >= 0 &&
    flow.ageMs >= flow.idleMs
  )
}

function keyOf(words: readonly number[]): FlowKey {
  const key = newFlowKey()
  key.set(words.slice(0, key.length))
  return key
}
