/**
 * The TCP connection state as a middlebox beside the guest sees it (states of RFC 9293 §3.3.2, from the guest's side).
 * A table from (state, direction, flags) to the next state; nothing here knows about packets, tables or time.
 *
 *     out SYN: Closed → SynSent --in SYN+ACK→ Established
 *     in SYN:  Closed → Listen --out SYN+ACK→ SynRcvd --in ACK→ Established
 *     out FIN: Established → FinWait1 --in ACK of it→ FinWait2 --in FIN→ TimeWait
 *     in FIN:  Established → CloseWait --out FIN→ LastAck --in ACK of it→ Closed
 *
 * An ACK without a connection makes an established one: flows survive a restart of the engine, where rules still allow.
 * NOT IMPLEMENTED: sequence window checks (RFC 9293 §3.4), simultaneous open.
 */
import { TcpFlag } from '@lodestone/packet'

export const TcpState = {
  closed: 0,
  listen: 1,
  synSent: 2,
  synRcvd: 3,
  established: 4,
  closeWait: 5,
  lastAck: 6,
  finWait1: 7,
  finWait2: 8,
  timeWait: 9,
} as const

export const TCP_STATE_NAMES = [
  'Closed',
  'Listen',
  'SynSent',
  'SynRcvd',
  'Established',
  'CloseWait',
  'LastAck',
  'FinWait1',
  'FinWait2',
  'TimeWait',
] as const

/** The segment fits no transition: it opens nothing; on a live connection it passes and changes nothing. */
export const TCP_UNEXPECTED = -1
/** A SYN on a connection that is past opening: the old connection is over and a new one begins. */
export const TCP_NEW_FLOW = -2

/** Idle seconds after which a connection is forgotten, by state. */
export const TCP_TTL_S: readonly number[] = [0, 5, 5, 5, 8000, 120, 5, 120, 120, 120]

/**
 * @param flags byte of TCP flags. @param ackOfFin whether the segment acknowledges the guest's FIN.
 * @returns the next state, or TCP_UNEXPECTED, or TCP_NEW_FLOW.
 */
export function nextTcpState(state: number, isOut: boolean, flags: number, ackOfFin: boolean): number {
  return TABLE[(((state << 1) | (isOut ? 1 : 0)) << 6) | ((flags & 0x1f) << 1) | (ackOfFin ? 1 : 0)]!
}

/** Whether a segment with ACK and without SYN, FIN and RST leaves the state as it is, whatever it acknowledges. */
export function isSettled(state: number, isOut: boolean): boolean {
  return (
    nextTcpState(state, isOut, TcpFlag.ack, false) === state && nextTcpState(state, isOut, TcpFlag.ack, true) === state
  )
}

const TABLE = buildTable()

function buildTable(): Int8Array {
  const table = new Int8Array(10 << 7)
  for (let state = 0; state < 10; state++) {
    for (let direction = 0; direction < 2; direction++) {
      for (let flags = 0; flags < 32; flags++) {
        for (let ackOfFin = 0; ackOfFin < 2; ackOfFin++) {
          const at = (((state << 1) | direction) << 6) | (flags << 1) | ackOfFin
          table[at] = transition(state, direction === 1, flags, ackOfFin === 1)
        }
      }
    }
  }
  return table
}

function transition(state: number, isOut: boolean, flags: number, ackOfFin: boolean): number {
  if ((flags & TcpFlag.rst) !== 0) return TcpState.closed
  const next = isOut ? outbound(state, flags) : inbound(state, flags, ackOfFin)
  if (next !== TCP_UNEXPECTED) return next
  // Only a SYN without ACK starts over. A SYN+ACK that arrives late is a retransmission whose answer was lost, and
  // killing the connection for it would be wrong.
  return (flags & (TcpFlag.syn | TcpFlag.ack)) === TcpFlag.syn ? TCP_NEW_FLOW : TCP_UNEXPECTED
}

function inbound(state: number, flags: number, ackOfFin: boolean): number {
  const syn = (flags & TcpFlag.syn) !== 0
  const fin = (flags & TcpFlag.fin) !== 0
  const ack = (flags & TcpFlag.ack) !== 0
  switch (state) {
    case TcpState.closed:
      if (syn) return ack ? TCP_UNEXPECTED : TcpState.listen
      return ack ? TcpState.established : TCP_UNEXPECTED
    case TcpState.listen:
      return syn && !ack ? TcpState.listen : TCP_UNEXPECTED
    case TcpState.synSent:
      return syn && ack ? TcpState.established : TCP_UNEXPECTED
    case TcpState.synRcvd:
      if (syn) return ack ? TCP_UNEXPECTED : TcpState.synRcvd
      return ack ? TcpState.established : TCP_UNEXPECTED
    case TcpState.established:
      if (syn) return TCP_UNEXPECTED
      return fin ? TcpState.closeWait : TcpState.established
    case TcpState.closeWait:
      return !syn && (fin || ack) ? TcpState.closeWait : TCP_UNEXPECTED
    case TcpState.lastAck:
      if (syn) return TCP_UNEXPECTED
      return ack && ackOfFin ? TcpState.closed : TcpState.lastAck
    case TcpState.finWait1:
      if (syn || !ack) return TCP_UNEXPECTED
      if (fin) return TcpState.timeWait
      return ackOfFin ? TcpState.finWait2 : TcpState.finWait1
    case TcpState.finWait2:
      if (syn) return TCP_UNEXPECTED
      if (fin && ackOfFin) return TcpState.timeWait
      return ack ? TcpState.finWait2 : TCP_UNEXPECTED
    default:
      return !syn && (fin || ack) ? TcpState.timeWait : TCP_UNEXPECTED
  }
}

function outbound(state: number, flags: number): number {
  const syn = (flags & TcpFlag.syn) !== 0
  const fin = (flags & TcpFlag.fin) !== 0
  const ack = (flags & TcpFlag.ack) !== 0
  switch (state) {
    case TcpState.closed:
      if (syn) return ack ? TCP_UNEXPECTED : TcpState.synSent
      return ack ? TcpState.established : TCP_UNEXPECTED
    case TcpState.listen:
      return syn && ack ? TcpState.synRcvd : TCP_UNEXPECTED
    case TcpState.synSent:
      return syn && !ack ? TcpState.synSent : TCP_UNEXPECTED
    case TcpState.synRcvd:
      return syn && ack ? TcpState.synRcvd : TCP_UNEXPECTED
    case TcpState.established:
      if (syn) return TCP_UNEXPECTED
      return fin ? TcpState.finWait1 : TcpState.established
    case TcpState.closeWait:
      if (syn) return TCP_UNEXPECTED
      return fin ? TcpState.lastAck : TcpState.closeWait
    case TcpState.lastAck:
      return !syn && (fin || ack) ? TcpState.lastAck : TCP_UNEXPECTED
    case TcpState.finWait1:
      return !syn && (fin || ack) ? TcpState.finWait1 : TCP_UNEXPECTED
    case TcpState.finWait2:
      return !syn && ack ? TcpState.finWait2 : TCP_UNEXPECTED
    default:
      return !syn && ack ? TcpState.timeWait : TCP_UNEXPECTED
  }
}
