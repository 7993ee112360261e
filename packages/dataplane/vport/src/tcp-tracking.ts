/** Reads a segment against a connection: the flags and numbers that `tcp-state.ts` asks for. */
import { TcpFlag, tcpAcknowledgment, tcpDataOffset, tcpFlags, tcpSequence } from '@lodestone/packet'
import type { Connections } from './connection.ts'
import { nextTcpState, TcpState } from './tcp-state.ts'

const SETTLED_FLAGS: number = TcpFlag.syn | TcpFlag.fin | TcpFlag.rst

/**
 * The state after this segment, as `nextTcpState` says it. Nothing changes.
 * @param index of the connection, or -1 for none. @param l4 offset of a checked TCP header.
 */
export function tcpAfter(
  connections: Connections,
  index: number,
  isOut: boolean,
  bytes: Uint8Array,
  l4: number,
): number {
  const flags = tcpFlags(bytes, l4)
  if (index < 0) return nextTcpState(TcpState.closed, isOut, flags, false)
  const state = connections.tcpState[index]!
  if (state === TcpState.established && (flags & SETTLED_FLAGS) === 0) return state
  const ackOfFin =
    connections.finSent[index] === 1 && ((tcpAcknowledgment(bytes, l4) - connections.finAck[index]!) | 0) >= 0
  return nextTcpState(state, isOut, flags, ackOfFin)
}

/** Stores the state and, for the guest's FIN, the number that will acknowledge it. @param end of the IP packet. */
export function commitTcp(
  connections: Connections,
  index: number,
  next: number,
  isOut: boolean,
  bytes: Uint8Array,
  l4: number,
  end: number,
): void {
  const flags = tcpFlags(bytes, l4)
  if (isOut && (flags & TcpFlag.fin) !== 0) {
    const data = end - l4 - tcpDataOffset(bytes, l4) * 4
    const syn = (flags & TcpFlag.syn) !== 0 ? 1 : 0
    connections.finAck[index] = (tcpSequence(bytes, l4) + syn + data + 1) | 0
    connections.finSent[index] = 1
  }
  if (next >= 0) connections.setTcpState(index, next)
}
