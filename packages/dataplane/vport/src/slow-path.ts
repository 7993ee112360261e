/**
 * What happens to a packet that no flow speaks for: it walks the layers, and if they let it through the decision is
 * committed (connection, TCP state, flow row) and applied. The layers change nothing themselves, so a dry run is the
 * same walk without the commit.
 */
import { Fragment, ROW_END, ROW_L3, ROW_L4 } from '@lodestone/packet'
import { applyWalk } from './apply-walk.ts'
import { compileFlow } from './compile-flow.ts'
import { type Connection, NO_TCP } from './connection.ts'
import { Drop } from './drop-reasons.ts'
import { encapsulationBytes } from './encapsulation.ts'
import type { EngineScope } from './engine-scope.ts'
import { mirrorFlowKey, newFlowKey } from './flow-key.ts'
import { errorOfDrop, type IcmpError, mayTell, tellGuest, tellSender, tooBig } from './icmp-error.ts'
import { findRelated, isIcmpError } from './icmp-quote.ts'
import { type Layer, passLayer } from './layer.ts'
import { entropyOfWalk, hashOfKey } from './parse-inner.ts'
import { isGroup } from './multicast-groups.ts'
import { PortCounter, type PortState } from './port-state.ts'
import { TCP_NEW_FLOW, TCP_UNEXPECTED, TcpState } from './tcp-state.ts'
import { commitTcp, tcpAfter } from './tcp-tracking.ts'
import { PEERS_DEPENDENCY } from './versions.ts'
import { Verdict, WAIT, type Walk } from './walk.ts'

const ETHERNET_BYTES = 14

const inKey = newFlowKey()
const outKey = newFlowKey()

/**
 * Walks a parsed packet (`walk.row`, `walk.key`, `walk.family` and `walk.flowHash` are set) and applies the result to
 * `walk.slot`.
 * @returns allow when the frame is ready to go on, hairpin when it ends here (with an answer in `walk.hairpin`, or none),
 * deny with `walk.reason`, where `walk.hairpin` may hold a message for the guest and `walk.answer` one for the sender, or `WAIT`.
 */
export function walkSlowPath(walk: Walk, port: PortState, scope: EngineScope): Verdict | typeof WAIT {
  if (walk.fragment !== Fragment.none && walk.family !== 0) {
    const reason = port.fragments.look(walk)
    if (reason === Drop.fragmentOrphan && walk.mayWait) return WAIT
    if (reason !== Drop.none) return walk.deny(reason, '')
    if (walk.fragment === Fragment.later) walk.flowHash = hashOfKey(walk, walk.key)
  }
  walk.current.set(walk.key)
  if (walk.family !== 0) {
    walk.isMulticast = isGroup(walk.key, walk.dstAt, walk.family)
    findConnection(walk, port)
  }
  if (isOrphan(walk)) return orphan(walk)
  if (walk.isOut && isUnexpectedTcp(walk)) return unexpectedTcp(walk)
  const layers = walk.isOut ? port.layersOut : port.layersIn
  for (let i = 0; i < layers.length; i++) {
    const verdict = passLayer(layers[i]!, walk)
    if (verdict === Verdict.hairpin && walk.fragment !== Fragment.none) return noFragments(walk, port)
    if (verdict === Verdict.hairpin) return verdict
    if (verdict === Verdict.deny) return denied(walk, port, layers[i]!)
  }
  if (isOrphan(walk)) return orphan(walk)
  if (!walk.isOut && isUnexpectedTcp(walk)) return unexpectedTcp(walk)
  if (walk.encapsulation !== undefined) walk.entropy = entropyOfWalk(walk)
  const limit = largestPacket(walk, port, scope)
  const ipBytes = walk.row[ROW_END]! - walk.row[ROW_L3]!
  if (ipBytes > limit) {
    tell(walk, port, tooBig(limit))
    return walk.deny(Drop.mtuExceeded, `${ipBytes} bytes, and the path carries ${limit}`)
  }
  if (!walk.isDryRun && walk.family !== 0 && !walk.isIcmpError) {
    const reason = walk.isMulticast ? Drop.none : commit(walk, port, scope, limit)
    if (reason !== Drop.none) return walk.deny(reason, 'no room for another connection')
    if (walk.fragment !== Fragment.none) port.fragments.pass(walk)
  }
  if (walk.isDryRun) walk.onDecided?.(limit)
  if (!applyWalk(walk, scope.arena, walk.slot, port.underlaySource)) return walk.deny(Drop.noBuffer, 'no head room')
  return Verdict.allow
}

/** A later fragment goes with its flow or not at all: it can open nothing. */
function isOrphan(walk: Walk): boolean {
  return walk.fragment === Fragment.later && walk.connection === undefined && !walk.isMulticast
}

function orphan(walk: Walk): Verdict {
  return walk.deny(Drop.fragmentOrphan, 'the connection of the first fragment is gone')
}

/** What the gateway has answered was only the beginning of a message. */
function noFragments(walk: Walk, port: PortState): Verdict {
  if (walk.hairpin >= 0) port.arena.free(walk.hairpin)
  walk.hairpin = -1
  return walk.deny(Drop.fragment, 'the gateway puts no fragments together')
}

function findConnection(walk: Walk, port: PortState): void {
  const family = walk.family as 4 | 6 // because the caller checked
  if (walk.isIcmp && isIcmpError(walk.protocol, walk.icmpType)) {
    walk.isIcmpError = true
    walk.related = findRelated(walk, port.cache)
    return
  }
  if (walk.isMulticast) return
  walk.connection = port.cache.find(walk.key, family)
  if (walk.connection === undefined || !walk.isTcp || walk.fragment === Fragment.later) return
  // A fresh SYN is judged as a new connection; the old one stays until the new one is allowed.
  const next = tcpAfter(walk.connection, walk.isOut, walk.bytes, walk.row[ROW_L4]!)
  if (next === TCP_NEW_FLOW) walk.connection = undefined
}

function isUnexpectedTcp(walk: Walk): boolean {
  if (walk.connection !== undefined || !walk.isTcp) return false
  const next = tcpAfter(undefined, walk.isOut, walk.bytes, walk.row[ROW_L4]!)
  return next === TCP_UNEXPECTED
}

function unexpectedTcp(walk: Walk): Verdict {
  return walk.deny(Drop.tcpUnexpected, `neither SYN nor ACK, and no connection from ${walk.srcText} is known`)
}

function denied(walk: Walk, port: PortState, layer: Layer): Verdict {
  const connection = walk.connection
  // A connection without its translation is over. One that the firewall has turned against stays, refused in both directions:
  // if it were forgotten, the guest's next segment in the middle of it would be judged as something that the guest begins.
  if (connection !== undefined && !walk.isDryRun && layer.name === 'nat') {
    port.cache.retire(connection, walk.nowMs)
    walk.connection = undefined
  }
  if (connection !== undefined && !walk.isDryRun && layer.name === 'firewall') {
    connection.isRefused = true
    // Its own end of life begins with the last attempt. Of other protocols no packet is in the middle of anything.
    if (walk.isTcp) connection.touch(walk.nowMs)
  }
  const error = walk.isOut ? errorOfDrop(walk.reason) : undefined
  if (error !== undefined) tell(walk, port, error)
  return Verdict.deny
}

/** Tells the sender, if that is allowed and there has not been too much of it. */
function tell(walk: Walk, port: PortState, error: IcmpError): void {
  if (!mayTell(walk) || !port.errors.take(1, walk.nowMs)) return
  if (walk.isOut) walk.hairpin = tellGuest(walk, port.arena, port.config, error)
  else walk.answer = tellSender(walk, port.context, port.config, error, port.underlaySource)
  const counter = (walk.isOut ? walk.hairpin : walk.answer) >= 0 ? PortCounter.icmpErrors : -1
  if (counter >= 0) port.counters[counter] = port.counters[counter]! + 1
}

function largestPacket(walk: Walk, port: PortState, scope: EngineScope): number {
  const encapsulation = walk.encapsulation
  if (encapsulation === undefined) return port.config.mtuBytes
  const path = scope.underlayMtuBytes - encapsulationBytes(encapsulation) - ETHERNET_BYTES
  const isExternal = walk.route?.target.kind === 'internet-gateway'
  return Math.min(port.config.mtuBytes, path, isExternal ? scope.externalMtuBytes : path)
}

/** @returns a drop reason, or none. */
function commit(walk: Walk, port: PortState, scope: EngineScope, limit: number): number {
  const { cache } = port
  if (walk.fragment === Fragment.later) return commitLater(walk)
  const l4 = walk.row[ROW_L4]!
  let next = -1
  if (walk.isTcp) {
    next = tcpAfter(walk.connection, walk.isOut, walk.bytes, l4)
    if (next === TcpState.closed) {
      if (walk.connection !== undefined) {
        countPacket(walk, walk.connection)
        cache.retire(walk.connection, walk.nowMs)
      }
      return Drop.none
    }
  }
  const connection = walk.connection ?? open(walk, port, next)
  if (connection === undefined) return walk.isTcp ? Drop.tcpTableFull : Drop.flowTableFull
  connection.epoch = port.context.epoch
  connection.firewallRule = walk.firewallRule
  connection.isRefused = false
  if (walk.isTcp) commitTcp(connection, next, walk.isOut, walk.bytes, l4, walk.row[ROW_END]!)
  countPacket(walk, connection)
  const dependency = walk.isOut ? walk.dependency : PEERS_DEPENDENCY
  compileFlow(cache.table.memory.view, connection.row(walk.isOut), walk, {
    expected: (scope.versions.of(cache.number) + scope.versions.of(dependency)) | 0,
    dependency,
    maxBytes: limit,
    underlaySource: port.underlaySource,
  })
  return Drop.none
}

/** A later fragment changes no state, and says nothing that could be repeated. */
function commitLater(walk: Walk): number {
  if (walk.connection !== undefined) countPacket(walk, walk.connection)
  return Drop.none
}

function open(walk: Walk, port: PortState, tcpState: number): Connection | undefined {
  const family = walk.family as 4 | 6 // because the caller checked
  const isToInternet = walk.route?.target.kind === 'internet-gateway'
  if (walk.isOut) {
    outKey.set(walk.key)
    mirrorFlowKey(walk.current, family, isToInternet, inKey)
  } else {
    inKey.set(walk.key)
    mirrorFlowKey(walk.current, family, false, outKey)
  }
  const guestPort = walk.isOut ? walk.key[family === 4 ? 2 : 8]! >>> 16 : walk.isIcmp ? walk.srcPort : walk.dstPort
  const connection = port.cache.open(
    {
      family,
      protocol: walk.protocol,
      initiator: walk.direction,
      createdMs: walk.nowMs,
      remoteVni: walk.remoteVni,
      nat: walk.nat,
      natPort: walk.natPort,
      guestPort,
      firewallRule: walk.firewallRule,
      epoch: port.context.epoch,
      tcpState: walk.isTcp ? tcpState : NO_TCP,
    },
    outKey,
    inKey,
    walk.nowMs,
  )
  const pool = walk.nat?.pool
  // Nothing takes a port between the look and the lease of one packet.
  if (connection !== undefined) pool?.lease(walk.natPort)
  return connection
}

function countPacket(walk: Walk, connection: Connection): void {
  connection.count(walk.isOut, walk.row[ROW_END]! - walk.start, walk.nowMs)
}
