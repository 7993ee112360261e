/**
 * TCP options between header bytes and segments, without allocation: with timestamps every segment has some. The same
 * wire format as `decodeTcpOptions` and `encodeTcpOptions` of the packet package, which a property test holds it to.
 */
import { TCP_MIN, TcpOptionKind } from '@lodestone/packet'
import { type InSegment, MAX_SACK_BLOCKS, type OutSegment, TIMESTAMPS_LENGTH } from './segment.ts'

/** NOP, NOP, timestamps, length 10: what nearly every segment with options begins with. */
const ALIGNED_TIMESTAMPS = 0x0101080a

/** Reads the options between the TCP header at `l4` and `payload`. A malformed one ends the walk. */
export function readSegmentOptions(segment: InSegment, bytes: Uint8Array, l4: number, payload: number): void {
  segment.mss = 0
  segment.windowShift = -1
  segment.sackPermitted = false
  segment.hasTimestamps = false
  segment.sackCount = 0
  let at = l4 + TCP_MIN
  if (payload - at === TIMESTAMPS_LENGTH && word(bytes, at) === ALIGNED_TIMESTAMPS) {
    return takeTimestamps(segment, bytes, at + 4)
  }
  while (at < payload) {
    const kind = bytes[at]!
    if (kind === TcpOptionKind.end) return
    if (kind === TcpOptionKind.nop) {
      at++
      continue
    }
    const length = at + 1 < payload ? bytes[at + 1]! : 0
    if (length < 2 || at + length > payload) return
    readOption(segment, bytes, at, kind, length)
    at += length
  }
}

function readOption(segment: InSegment, bytes: Uint8Array, at: number, kind: number, length: number): void {
  switch (kind) {
    case TcpOptionKind.mss:
      if (length === 4) segment.mss = (bytes[at + 2]! << 8) | bytes[at + 3]!
      return
    case TcpOptionKind.windowScale:
      // RFC 7323 §2.3: a larger shift is taken as 14.
      if (length === 3) segment.windowShift = Math.min(14, bytes[at + 2]!)
      return
    case TcpOptionKind.sackPermitted:
      if (length === 2) segment.sackPermitted = true
      return
    case TcpOptionKind.timestamps:
      if (length === 10) takeTimestamps(segment, bytes, at + 2)
      return
    case TcpOptionKind.sack: {
      if (length <= 2 || (length - 2) % 8 !== 0) return
      const count = Math.min(MAX_SACK_BLOCKS, (length - 2) >> 3)
      for (let i = 0; i < count; i++) {
        segment.sackStarts[i] = word(bytes, at + 2 + i * 8)
        segment.sackEnds[i] = word(bytes, at + 6 + i * 8)
      }
      segment.sackCount = count
    }
  }
}

function takeTimestamps(segment: InSegment, bytes: Uint8Array, at: number): void {
  segment.hasTimestamps = true
  segment.tsValue = word(bytes, at) >>> 0
  segment.tsEcho = word(bytes, at + 4) >>> 0
}

/** Bytes that `writeSegmentOptions` writes: a multiple of four, at most 40. */
export function segmentOptionsLength(out: OutSegment): number {
  let length = out.hasTimestamps ? TIMESTAMPS_LENGTH : 0
  if (out.mss !== 0) length += 4
  if (out.windowShift >= 0) length += 4
  if (out.sackPermitted && !out.hasTimestamps) length += 4 // else it takes the place of two NOPs
  if (out.sackCount > 0) length += 4 + 8 * out.sackCount
  return length
}

export function writeSegmentOptions(out: OutSegment, bytes: Uint8Array, from: number): void {
  let at = from
  if (out.mss !== 0) {
    putWord(bytes, at, (TcpOptionKind.mss << 24) | (4 << 16) | out.mss)
    at += 4
  }
  if (out.hasTimestamps) {
    const first = out.sackPermitted ? SACK_PERMITTED : TWO_NOPS
    putWord(bytes, at, (first << 16) | (TcpOptionKind.timestamps << 8) | 10)
    putWord(bytes, at + 4, out.tsValue)
    putWord(bytes, at + 8, out.tsEcho)
    at += TIMESTAMPS_LENGTH
  } else if (out.sackPermitted) {
    putWord(bytes, at, (TWO_NOPS << 16) | SACK_PERMITTED)
    at += 4
  }
  if (out.windowShift >= 0) {
    putWord(bytes, at, (TcpOptionKind.nop << 24) | (TcpOptionKind.windowScale << 16) | (3 << 8) | out.windowShift)
    at += 4
  }
  if (out.sackCount === 0) return
  putWord(bytes, at, (TWO_NOPS << 16) | (TcpOptionKind.sack << 8) | (2 + 8 * out.sackCount))
  at += 4
  for (let i = 0; i < out.sackCount; i++) {
    putWord(bytes, at, out.sackStarts[i]!)
    putWord(bytes, at + 4, out.sackEnds[i]!)
    at += 8
  }
}

const TWO_NOPS = (TcpOptionKind.nop << 8) | TcpOptionKind.nop
const SACK_PERMITTED = (TcpOptionKind.sackPermitted << 8) | 2

/** Signed. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

function putWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
