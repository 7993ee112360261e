/** Reads a segment against a connection: the flags and numbers that `tcp-state.ts` asks for. */
import { TcpFlag, tcpAcknowledgment, tcpDataOffset, tcpFlags, tcpSequence } from '@lodestone/packet'
import type { Connection } from './connection.ts'
import { nextTcpState, TcpState } from './tcp-state.ts'

/** The state after this segment, as `nextTcpState` says it. Nothing changes. @param l4 offset of a checked TCP header. */
export function tcpAfter(connection: Connection | undefined, isOut: boolean, bytes: Uint8Array, l4: number): number {
  const flags = tcpFlags(bytes, l4)
  if (connection === undefined) return nextTcpState(TcpState.closed, isOut, flags, false)
  const finAck = connection.finAck
  const ackOfFin = finAck !== undefined && ((tcpAcknowledgment(bytes, l4) - finAck) | 0) >= 0
  return nextTcpState(connection.tcpState, isOut, flags, ackOfFin)
}

/** Stores the state and, for the guest's FIN, the number that will acknowledge it. @param end of the IP packet. */
export function commitTcp(
  connection: Connection,
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
    connection.finAck = (tcpSequence(bytes, l4) + syn + data + 1) | 0
  }
  if (next >= 0) connection.tcpState = next
}
