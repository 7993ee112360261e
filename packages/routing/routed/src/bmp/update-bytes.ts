/**
 * UPDATE messages for a monitoring station (RFC 4271 §4.3, RFC 4760, RFC 7911), made from the table. AS_PATHs always have four
 * octets for each AS: the per-peer header says so.
 */
import { type AttributeSet, encodeAttributes } from '@lodestone/bgp'
import type { Ip, Prefix } from '@lodestone/net'
import { ByteSink } from '../byte-sink.ts'

export interface MonitoredPrefix {
  readonly prefix: Prefix
  /** Undefined where the session has no path identifiers. */
  readonly pathId: number | undefined
}

const MAX_BYTES = 4096
const MARKER_BYTES = 16
const UPDATE = 2
const OPTIONAL_EXTENDED = 0x90
const MP_REACH = 14
const MP_UNREACH = 15

/**
 * Messages that announce prefixes of one family with the same attributes and next hop.
 * @returns undefined when the attributes alone leave no room in a message.
 */
export function announcements(
  attributes: AttributeSet,
  nextHop: Ip,
  prefixes: readonly MonitoredPrefix[],
): readonly Uint8Array[] | undefined {
  const family = prefixes[0]?.prefix.family ?? 4
  const isPlain = family === 4 && nextHop.family === 4
  const encoded = encodeAttributes(attributes, isPlain ? nextHop : undefined, { isFourOctetAs: true })
  const mpBytes = isPlain ? 0 : 4 + 5 + nextHop.bytes.length
  const room = MAX_BYTES - MARKER_BYTES - 7 - encoded.length - mpBytes
  if (room < 21) return undefined
  return split(prefixes, room).map((chunk) =>
    message((out) => {
      out.u16(0)
      const at = out.length
      out.u16(0)
      if (!isPlain) {
        multiprotocol(out, MP_REACH, family, () => {
          out.u8(nextHop.bytes.length)
          out.bytes(nextHop.bytes)
          out.u8(0)
          for (const item of chunk) nlri(out, item)
        })
      }
      out.bytes(encoded)
      out.setU16(at, out.length - at - 2)
      if (isPlain) for (const item of chunk) nlri(out, item)
    }),
  )
}

/** Messages that withdraw prefixes of one family; none at all makes the end-of-RIB marker (RFC 4724 §2). */
export function withdrawals(family: 4 | 6, prefixes: readonly MonitoredPrefix[]): readonly Uint8Array[] {
  const chunks = prefixes.length === 0 ? [[]] : split(prefixes, MAX_BYTES - MARKER_BYTES - 16)
  return chunks.map((chunk) =>
    message((out) => {
      const at = out.length
      out.u16(0)
      if (family === 4) {
        for (const item of chunk) nlri(out, item)
        out.setU16(at, out.length - at - 2)
        out.u16(0)
        return
      }
      const attributesAt = out.length
      out.u16(0)
      multiprotocol(out, MP_UNREACH, family, () => {
        for (const item of chunk) nlri(out, item)
      })
      out.setU16(attributesAt, out.length - attributesAt - 2)
    }),
  )
}

/** An OPEN of a speaker that does nothing but exist, for the loc-RIB's Peer Up (RFC 9069 §4.3). */
export function emptyOpen(asn: number, id: number): Uint8Array {
  return message((out) => {
    out.u8(4)
    out.u16(asn > 0xffff ? 23_456 : asn)
    out.u16(0)
    out.u32(id)
    // One parameter: the capabilities IPv4 and IPv6 unicast and four-octet AS.
    out.u8(20)
    out.u8(2)
    out.u8(18)
    for (const afi of [1, 2]) {
      out.u8(1)
      out.u8(4)
      out.u16(afi)
      out.u16(1)
    }
    out.u8(65)
    out.u8(4)
    out.u32(asn)
  }, 1)
}

function message(body: (out: ByteSink) => void, type: number = UPDATE): Uint8Array {
  const out = new ByteSink(256)
  for (let i = 0; i < MARKER_BYTES; i++) out.u8(0xff)
  out.u16(0)
  out.u8(type)
  body(out)
  out.setU16(MARKER_BYTES, out.length)
  return out.take()
}

function multiprotocol(out: ByteSink, type: number, family: 4 | 6, body: () => void): void {
  out.u8(OPTIONAL_EXTENDED)
  out.u8(type)
  const at = out.length
  out.u16(0)
  out.u16(family === 4 ? 1 : 2)
  out.u8(1)
  body()
  out.setU16(at, out.length - at - 2)
}

function nlri(out: ByteSink, { prefix, pathId }: MonitoredPrefix): void {
  if (pathId !== undefined) out.u32(pathId)
  out.u8(prefix.length)
  out.bytes(prefix.address.bytes, (prefix.length + 7) >> 3)
}

function split(prefixes: readonly MonitoredPrefix[], room: number): readonly (readonly MonitoredPrefix[])[] {
  const chunks: MonitoredPrefix[][] = []
  let chunk: MonitoredPrefix[] = []
  let used = 0
  for (const item of prefixes) {
    const size = (item.pathId === undefined ? 1 : 5) + ((item.prefix.length + 7) >> 3)
    if (used + size > room) {
      chunks.push(chunk)
      chunk = []
      used = 0
    }
    chunk.push(item)
    used += size
  }
  chunks.push(chunk)
  return chunks
}
