/** TCP options: MSS, window scale, SACK, timestamps (RFC 9293 §3.2, RFC 7323, RFC 2018). */
import { TcpOptionKind } from './constants.ts'
import { TCP_MIN, tcpHeaderLength } from './generated/tcp.ts'

export interface TcpOptions {
  /** Largest segment payload in bytes that the sender takes. */
  readonly mss?: number
  /** Left shift of the window, 0 to 14. */
  readonly windowScale?: number
  readonly sackPermitted?: boolean
  readonly timestamps?: { readonly value: number; readonly echo: number }
  /** Received blocks as left edge, right edge, left edge, …: at most four blocks. */
  readonly sack?: readonly number[]
}

/** The options of the checked TCP header at `offset`. Unknown options are skipped; a malformed one ends the walk. */
export function decodeTcpOptions(bytes: Uint8Array, offset: number): TcpOptions {
  const options: { -readonly [Key in keyof TcpOptions]: TcpOptions[Key] } = {}
  const end = offset + tcpHeaderLength(bytes, offset)
  let at = offset + TCP_MIN
  while (at < end) {
    const kind = bytes[at]!
    if (kind === TcpOptionKind.end) break
    if (kind === TcpOptionKind.nop) {
      at++
      continue
    }
    const length = optionLength(bytes, at, end)
    if (length < 0) break
    if (kind === TcpOptionKind.mss && length === 4) options.mss = (bytes[at + 2]! << 8) | bytes[at + 3]!
    // RFC 7323 §2.3: a larger shift is taken as 14.
    if (kind === TcpOptionKind.windowScale && length === 3) options.windowScale = Math.min(14, bytes[at + 2]!)
    if (kind === TcpOptionKind.sackPermitted && length === 2) options.sackPermitted = true
    if (kind === TcpOptionKind.timestamps && length === 10) {
      options.timestamps = { value: word(bytes, at + 2), echo: word(bytes, at + 6) }
    }
    if (kind === TcpOptionKind.sack && length > 2 && (length - 2) % 8 === 0) {
      const edges: number[] = []
      for (let i = at + 2; i < at + length; i += 4) edges.push(word(bytes, i))
      options.sack = edges
    }
    at += length
  }
  return options
}

/** The option bytes, padded with NOP to a multiple of four, for the `options` of `writeTcp`. At most 40 bytes. */
export function encodeTcpOptions(options: TcpOptions): Uint8Array {
  const out: number[] = []
  if (options.mss !== undefined) out.push(TcpOptionKind.mss, 4, options.mss >>> 8, options.mss & 0xff)
  if (options.sackPermitted === true) out.push(TcpOptionKind.sackPermitted, 2)
  if (options.timestamps !== undefined) {
    // Keeps the two words 4-byte aligned: after SACK-permitted as they are, else behind two NOPs (RFC 7323 appendix A).
    if (out.length % 4 === 0) out.push(TcpOptionKind.nop, TcpOptionKind.nop)
    out.push(TcpOptionKind.timestamps, 10)
    pushWord(out, options.timestamps.value)
    pushWord(out, options.timestamps.echo)
  }
  if (options.windowScale !== undefined) out.push(TcpOptionKind.nop, TcpOptionKind.windowScale, 3, options.windowScale)
  if (options.sack !== undefined && options.sack.length > 0) {
    while (out.length % 4 !== 2) out.push(TcpOptionKind.nop)
    out.push(TcpOptionKind.sack, 2 + options.sack.length * 4)
    for (const edge of options.sack) pushWord(out, edge)
  }
  while (out.length % 4 !== 0) out.push(TcpOptionKind.nop)
  if (out.length > 40) throw new RangeError(`TCP options take ${out.length} bytes, more than 40`)
  return Uint8Array.from(out)
}

/**
 * Offset of the first option of this kind in the checked TCP header at `offset`, or -1. The whole option lies inside the
 * header. No allocation: for MSS clamping on packet paths.
 */
export function findTcpOption(bytes: Uint8Array, offset: number, kind: number): number {
  const end = offset + tcpHeaderLength(bytes, offset)
  let at = offset + TCP_MIN
  while (at < end) {
    const found = bytes[at]!
    if (found === TcpOptionKind.end) return -1
    const length = found === TcpOptionKind.nop ? 1 : optionLength(bytes, at, end)
    if (length < 0) return -1
    if (found === kind) return at
    at += length
  }
  return -1
}

function optionLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return -1
  const length = bytes[at + 1]!
  return length < 2 || at + length > end ? -1 : length
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function pushWord(out: number[], value: number): void {
  out.push((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}
