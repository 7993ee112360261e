/**
 * Network Layer Reachability Information (RFC 4271 §4.3): prefixes as a length in bits and as many bytes as it needs.
 * Trailing bits are irrelevant on the wire and zero in what we decode and encode.
 */
import { Ip, Prefix } from '@lodestone/net'
import type { Family } from './address-family.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

/** Prefixes, and with add-path an identifier for each. */
export interface Nlri {
  readonly prefixes: readonly Prefix[]
  readonly pathIds?: readonly number[] | undefined
}

/**
 * Reads prefixes to the end of `reader`.
 * @param hasPathIds each prefix is preceded by a path identifier of 4 bytes (RFC 7911 §3).
 * @returns `undefined` when a length is out of range or a prefix is cut off (RFC 7606 §5.3).
 */
export function decodeNlri(reader: ByteReader, family: Family, hasPathIds = false): Nlri | undefined {
  const size = family === 4 ? 4 : 16
  const prefixes: Prefix[] = []
  const pathIds: number[] = []
  while (reader.remaining > 0) {
    if (hasPathIds) pathIds.push(reader.u32())
    const length = reader.u8()
    if (length > size * 8) return undefined
    const count = (length + 7) >> 3
    const bytes = new Uint8Array(size)
    bytes.set(reader.view(count))
    if (reader.isShort) return undefined
    if ((length & 7) !== 0) bytes[count - 1] = bytes[count - 1]! & (0xff << (8 - (length & 7)))
    prefixes.push(new Prefix(Ip.fromBytes(bytes, 0, size), length))
  }
  return hasPathIds ? { prefixes, pathIds } : { prefixes }
}

/** Whether the bytes [start, end) are prefixes of the family, without reading them into objects. */
export function isNlri(bytes: Uint8Array, start: number, end: number, family: Family, hasPathIds: boolean): boolean {
  const max = family === 4 ? 32 : 128
  const extra = hasPathIds ? 5 : 1
  let at = start
  while (at < end) {
    const lengthAt = at + extra - 1
    if (lengthAt >= end) return false
    const length = bytes[lengthAt]!
    if (length > max) return false
    at += extra + ((length + 7) >> 3)
  }
  return at === end
}

export function encodeNlri(writer: ByteWriter, prefix: Prefix, pathId?: number): void {
  if (pathId !== undefined) writer.u32(pathId)
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
