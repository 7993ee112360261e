/**
 * TCP segments as the state machine sees them: header fields as numbers, the payload as a length. One of each kind
 * is reused for every packet. Numbers here are as on the wire; the machine turns them into stream positions.
 */

export const FIN = 0x01
export const SYN = 0x02
export const RST = 0x04
export const PSH = 0x08
export const ACK = 0x10
/** RFC 3168 §6.1: the echo of congestion, and the answer to it. */
export const ECE = 0x40
export const CWR = 0x80

/** The two bits in the IP header (RFC 3168 §5): a sender that understands marks, and a mark. */
export const ECT_0 = 2
export const CONGESTION_EXPERIENCED = 3

/** RFC 2018 §3: four blocks fit into the option space, three beside timestamps. */
export const MAX_SACK_BLOCKS = 4
/** Bytes of the timestamps option with its padding. */
export const TIMESTAMPS_LENGTH = 12

/** A segment that arrived. */
export class InSegment {
  sequence = 0
  acknowledgment = 0
  flags = 0
  /** Of the IP header. */
  ecn = 0
  /** As in the header, not scaled. */
  window = 0
  payloadLength = 0
  /** 0 when the option is absent. */
  mss = 0
  /** -1 when the option is absent. */
  windowShift = -1
  sackPermitted = false
  hasTimestamps = false
  tsValue = 0
  tsEcho = 0
  sackCount = 0
  readonly sackStarts: Uint32Array<ArrayBuffer> = new Uint32Array(MAX_SACK_BLOCKS)
  readonly sackEnds: Uint32Array<ArrayBuffer> = new Uint32Array(MAX_SACK_BLOCKS)
}

/** A segment to send. */
export class OutSegment {
  sequence = 0
  acknowledgment = 0
  flags = 0
  /** For the IP header. */
  ecn = 0
  window = 0
  /** Position of the first payload byte in the send stream. */
  position = 0
  payloadLength = 0
  /** 0: leave the option out. */
  mss = 0
  /** -1: leave the option out. */
  windowShift = -1
  sackPermitted = false
  hasTimestamps = false
  tsValue = 0
  tsEcho = 0
  sackCount = 0
  readonly sackStarts: Uint32Array<ArrayBuffer> = new Uint32Array(MAX_SACK_BLOCKS)
  readonly sackEnds: Uint32Array<ArrayBuffer> = new Uint32Array(MAX_SACK_BLOCKS)
}

/** Clears `out` to a bare segment with these flags. */
export function startSegment(out: OutSegment, flags: number, sequence: number, acknowledgment: number): void {
  out.flags = flags
  out.sequence = sequence >>> 0
  out.acknowledgment = acknowledgment >>> 0
  out.ecn = 0
  out.window = 0
  out.position = 0
  out.payloadLength = 0
  out.mss = 0
  out.windowShift = -1
  out.sackPermitted = false
  out.hasTimestamps = false
  out.sackCount = 0
}

/**
 * RFC 9293 §3.10.7.1: the reset that answers a segment for which there is no connection.
 * @returns false when the segment is itself a reset, which nothing answers.
 */
export function resetFor(segment: InSegment, out: OutSegment): boolean {
  if ((segment.flags & RST) !== 0) return false
  if ((segment.flags & ACK) !== 0) {
    startSegment(out, RST, segment.acknowledgment, 0)
  } else {
    const length = segment.payloadLength + (segment.flags & SYN ? 1 : 0) + (segment.flags & FIN ? 1 : 0)
    startSegment(out, RST | ACK, 0, segment.sequence + length)
  }
  return true
}
