/** CRC-32 as in IEEE 802.3 §3.2.9 (reflected, polynomial 0x04c11db7), and the canonical flow hash over it. */
import { IPV4_SRC } from './generated/ipv4.ts'
import { IPV6_SRC } from './generated/ipv6.ts'
import { L3Kind, ROW_DST_PORT, ROW_L3, ROW_L3_KIND, ROW_PROTOCOL, ROW_SRC_PORT } from './frame-row.ts'

const table = new Int32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  table[byte] = value
}

/** CRC-32 of the bytes from `start` to `end`, unsigned. `crc` is the result for what came before. */
export function crc32(bytes: Uint8Array, start: number, end: number, crc = 0): number {
  let state = ~crc
  for (let i = start; i < end; i++) state = (state >>> 8) ^ table[(state ^ bytes[i]!) & 0xff]!
  return ~state >>> 0
}

function step(state: number, byte: number): number {
  return (state >>> 8) ^ table[(state ^ byte) & 0xff]!
}

/**
 * The canonical flow hash: CRC-32 over protocol ‖ 4 or 6 ‖ source ‖ destination ‖ source port ‖ destination port, of a
 * packet that `parseFrame` described. Ports are those of the row: the identifier twice for ICMP echo, 0 where there are none.
 * @returns an unsigned 32-bit number; 0 for a frame that is not IP.
 */
export function flowHash(bytes: Uint8Array, row: Int32Array): number {
  const kind = row[ROW_L3_KIND]!
  const l3 = row[ROW_L3]!
  if (kind !== L3Kind.ipv4 && kind !== L3Kind.ipv6) return 0
  let state = step(-1, row[ROW_PROTOCOL]!)
  state = step(state, kind)
  const from = kind === L3Kind.ipv4 ? l3 + IPV4_SRC : l3 + IPV6_SRC
  const to = kind === L3Kind.ipv4 ? from + 8 : from + 32
  for (let i = from; i < to; i++) state = step(state, bytes[i]!)
  const srcPort = row[ROW_SRC_PORT]!
  const dstPort = row[ROW_DST_PORT]!
  state = step(state, srcPort >>> 8)
  state = step(state, srcPort & 0xff)
  state = step(state, dstPort >>> 8)
  state = step(state, dstPort & 0xff)
  return ~state >>> 0
}
