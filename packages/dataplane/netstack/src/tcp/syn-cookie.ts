/**
 * SYN cookies (RFC 4987 §3.6): while a listener's backlog is full, what a SYN said is kept in the initial sequence number
 * of the answer instead of in memory, so a flood costs a packet each and nothing else.
 *
 *     counter of 64 s (5 bits) | index into the list of segment sizes (3 bits) | keyed hash (24 bits)
 *
 * Options other than the segment size are lost, and with them window scale, SACK and timestamps of such a connection.
 */
import { keyedHash } from './keyed-hash.ts'

const PERIOD_MS = 64_000
const SIZES = [536, 1000, 1220, 1360, 1440, 1460, 4096, 8940] as const
const words = new Int32Array(13)

/** @param tuple 10 words that name the connection. @param peer the initial sequence number of the SYN. */
export function makeCookie(key: Uint32Array, tuple: Int32Array, peer: number, mss: number, nowMs: number): number {
  let index = 0
  while (index + 1 < SIZES.length && SIZES[index + 1]! <= mss) index++
  return cookie(key, tuple, peer, index, Math.floor(nowMs / PERIOD_MS))
}

/** @returns the peer's segment size, or -1 when `value` is no cookie of this or the last period. */
export function openCookie(key: Uint32Array, tuple: Int32Array, peer: number, value: number, nowMs: number): number {
  const index = (value >>> 24) & 7
  const period = Math.floor(nowMs / PERIOD_MS)
  const isOurs =
    cookie(key, tuple, peer, index, period) === value || cookie(key, tuple, peer, index, period - 1) === value
  return isOurs ? SIZES[index]! : -1
}

function cookie(key: Uint32Array, tuple: Int32Array, peer: number, index: number, period: number): number {
  for (let i = 0; i < 10; i++) words[i] = tuple[i]!
  words[10] = peer
  words[11] = period
  words[12] = index
  return (((period & 31) << 27) | (index << 24) | (keyedHash(key, words, 13) >>> 8)) >>> 0
}
