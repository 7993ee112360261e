/**
 * Network Layer Reachability Information (RFC 4271 §4.3): prefixes as a length in bits and as many bytes as it needs.
 * Trailing bits are irrelevant on the wire and zero in what we decode and encode.
 */
import { Ip, Prefix } from '@lodestone/net'
import type { Family } from './address-family.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

/**
 * Reads prefixes to the end of `reader`.
 * @returns `undefined` when a length is out of range or a prefix is cut off (RFC 7606 §5.3).
 */
export function decodeNlri(reader: ByteReader, family: Family): Prefix[] | undefined {
  const size = family === 4 ? 4 : 16
  const prefixes: Prefix[] = []
  while (reader.remaining > 0) {
    const length = reader.u8()
    if (length > size * 8) return undefined
    const count = (length + 7) >> 3
    const bytes = new Uint8Array(size)
    bytes.set(reader.view(count))
    if (reader.isShort) return undefined
    if ((length & 7) !== 0) bytes[count - 1] = bytes[count - 1]! & (0xff << (8 - (length & 7)))
    prefixes.push(new Prefix(Ip.fromBytes(bytes, 0, size), length))
  }
  return prefixes
}

export function encodeNlri(writer: ByteWriter, prefix: Prefix): void {
  const count = (prefix.length + 7) >> 3
  const bytes = prefix.address.bytes
  writer.u8(prefix.length)
  for (let i = 0; i < count; i++) {
    const isLast = i === count - 1 && (prefix.length & 7) !== 0
    writer.u8(isLast ? bytes[i]! & (0xff << (8 - (prefix.length & 7))) : bytes[i]!)
  }
}

/** Bytes that `encodeNlri` writes. */
export function nlriSize(prefix: Prefix): number {
  return 1 + ((prefix.length + 7) >> 3)
}
