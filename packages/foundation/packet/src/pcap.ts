/**
 * Classic pcap files (draft-ietf-opsawg-pcap): read in either byte order with microseconds or nanoseconds, write
 * little-endian with nanoseconds (magic 0xa1b23c4d) unless microseconds are asked for (0xa1b2c3d4).
 */
import { type CapturedPacket, type CaptureError, LinkType } from './capture.ts'

const MAGIC_US = 0xa1b2c3d4
const MAGIC_NS = 0xa1b23c4d
const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
/** A record longer than this is taken for damage. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024

export interface PcapOptions {
  readonly linkType?: number
  /** Largest `bytes` of a packet. */
  readonly snapLength?: number
  readonly precision?: 'us' | 'ns'
}

export interface Pcap {
  readonly linkType: number
  readonly snapLength: number
  readonly precision: 'us' | 'ns'
  readonly packets: readonly CapturedPacket[]
  /** Why reading stopped before the end of the file. */
  readonly error?: CaptureError
}

/** The file header; followed by `pcapRecord`s this makes a file that can grow. */
export function pcapFileHeader(options: PcapOptions = {}): Uint8Array {
  const out = new Uint8Array(FILE_HEADER_BYTES)
  const view = new DataView(out.buffer)
  view.setUint32(0, options.precision === 'us' ? MAGIC_US : MAGIC_NS, true)
  view.setUint16(4, 2, true)
  view.setUint16(6, 4, true)
  view.setUint32(16, options.snapLength ?? 262144, true)
  view.setUint32(20, options.linkType ?? LinkType.ethernet, true)
  return out
}

/** One record, with a copy of the packet's bytes. */
export function pcapRecord(packet: CapturedPacket, precision: 'us' | 'ns' = 'ns'): Uint8Array {
  const out = new Uint8Array(RECORD_HEADER_BYTES + packet.bytes.length)
  const view = new DataView(out.buffer)
  view.setUint32(0, packet.seconds, true)
  view.setUint32(4, precision === 'us' ? Math.floor(packet.nanoseconds / 1000) : packet.nanoseconds, true)
  view.setUint32(8, packet.bytes.length, true)
  view.setUint32(12, packet.originalLength ?? packet.bytes.length, true)
  out.set(packet.bytes, RECORD_HEADER_BYTES)
  return out
}

/** A whole file. */
export function writePcap(packets: Iterable<CapturedPacket>, options: PcapOptions = {}): Uint8Array {
  const parts = [pcapFileHeader(options)]
  for (const packet of packets) parts.push(pcapRecord(packet, options.precision ?? 'ns'))
  return concat(parts)
}

/** Reads a file; `bytes` of the packets are copies. A damaged file gives what precedes the damage, and `error`. */
export function readPcap(file: Uint8Array): Pcap {
  const empty = { linkType: 0, snapLength: 0, precision: 'us', packets: [] } as const
  if (file.length < FILE_HEADER_BYTES) return { ...empty, error: { kind: 'not-a-capture', offset: 0 } }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const isLittle = view.getUint32(0, true) === MAGIC_US || view.getUint32(0, true) === MAGIC_NS
  const magic = view.getUint32(0, isLittle)
  if (magic !== MAGIC_US && magic !== MAGIC_NS) return { ...empty, error: { kind: 'not-a-capture', offset: 0 } }
  const precision = magic === MAGIC_NS ? 'ns' : 'us'
  const head = {
    precision,
    snapLength: view.getUint32(16, isLittle),
    // The upper bits say whether frames carry a check sequence.
    linkType: view.getUint32(20, isLittle) & 0xffff,
  } as const
  const packets: CapturedPacket[] = []
  let at = FILE_HEADER_BYTES
  while (at < file.length) {
    if (at + RECORD_HEADER_BYTES > file.length) return { ...head, packets, error: { kind: 'truncated', offset: at } }
    const length = view.getUint32(at + 8, isLittle)
    if (length > MAX_RECORD_BYTES) return { ...head, packets, error: { kind: 'bad-block', offset: at } }
    const from = at + RECORD_HEADER_BYTES
    if (from + length > file.length) return { ...head, packets, error: { kind: 'truncated', offset: at } }
    const fraction = view.getUint32(at + 4, isLittle)
    packets.push({
      seconds: view.getUint32(at, isLittle),
      nanoseconds: precision === 'ns' ? fraction : fraction * 1000,
      bytes: new Uint8Array(file.subarray(from, from + length)),
      originalLength: view.getUint32(at + 12, isLittle),
    })
    at = from + length
  }
  return { ...head, packets }
}

/** The parts one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
