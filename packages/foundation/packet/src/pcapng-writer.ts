/**
 * Writes pcapng (draft-ietf-opsawg-pcapng) block by block, little-endian, with nanosecond timestamps: a section header,
 * interfaces with names, enhanced packets with comments. Each block goes to the sink at once, so a file can grow while
 * it is read.
 */
import { type CapturedPacket, LinkType } from './capture.ts'

/** Block types. */
export const PcapngBlock = { section: 0x0a0d0d0a, interface: 1, simplePacket: 3, enhancedPacket: 6 } as const

/** Option codes, by the block that they belong to. */
export const PcapngOption = {
  end: 0,
  comment: 1,
  sectionHardware: 2,
  sectionOs: 3,
  sectionApplication: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  interfaceTimeResolution: 9,
  packetFlags: 2,
  packetId: 5,
} as const

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

export interface PcapngPacket extends CapturedPacket {
  /** What `addInterface` returned. */
  readonly interfaceId: number
  /** Shown by Wireshark beside the packet. */
  readonly comments?: readonly string[]
  readonly direction?: 'in' | 'out'
  /** Ties together captures of one packet at several interfaces; an unsigned 32-bit number. */
  readonly packetId?: number
}

export class PcapngWriter {
  readonly #sink: (block: Uint8Array) => void
  #interfaces = 0

  /** Writes the section header. Blocks given to `sink` are new and belong to it. */
  constructor(sink: (block: Uint8Array) => void, application = 'lodestone') {
    this.#sink = sink
    sink(pcapngSection(application))
  }

  /** Declares an interface. @returns its id, for packets. */
  addInterface(name: string, options: { readonly description?: string; readonly linkType?: number } = {}): number {
    this.#sink(pcapngInterface(name, options.description, options.linkType))
    return this.#interfaces++
  }

  write(packet: PcapngPacket): void {
    if (packet.interfaceId >= this.#interfaces) throw new RangeError(`no interface ${packet.interfaceId}`)
    this.#sink(pcapngPacket(packet))
  }
}

/** A section header block of unknown section length. */
export function pcapngSection(application: string): Uint8Array {
  const options = encodeOptions([[PcapngOption.sectionApplication, utf8(application)]])
  const out = block(PcapngBlock.section, 16, options)
  const view = new DataView(out.buffer)
  view.setUint32(8, BYTE_ORDER_MAGIC, true)
  view.setUint16(12, 1, true)
  view.setUint16(14, 0, true)
  view.setUint32(16, 0xffffffff, true)
  view.setUint32(20, 0xffffffff, true)
  return out
}

/** An interface description block with nanosecond resolution. */
export function pcapngInterface(name: string, description?: string, linkType: number = LinkType.ethernet): Uint8Array {
  const list: [number, Uint8Array][] = [[PcapngOption.interfaceName, utf8(name)]]
  if (description !== undefined) list.push([PcapngOption.interfaceDescription, utf8(description)])
  list.push([PcapngOption.interfaceTimeResolution, Uint8Array.of(9)])
  const out = block(PcapngBlock.interface, 8, encodeOptions(list))
  new DataView(out.buffer).setUint16(8, linkType, true)
  return out
}

/** An enhanced packet block. */
export function pcapngPacket(packet: PcapngPacket): Uint8Array {
  const list: [number, Uint8Array][] = []
  for (const comment of packet.comments ?? []) list.push([PcapngOption.comment, utf8(comment)])
  if (packet.direction !== undefined) {
    list.push([PcapngOption.packetFlags, Uint8Array.of(packet.direction === 'in' ? 1 : 2, 0, 0, 0)])
  }
  if (packet.packetId !== undefined) {
    const id = new Uint8Array(8)
    new DataView(id.buffer).setUint32(0, packet.packetId, true)
    list.push([PcapngOption.packetId, id])
  }
  const captured = packet.bytes.length
  const out = block(PcapngBlock.enhancedPacket, 20 + pad4(captured), list.length === 0 ? EMPTY : encodeOptions(list))
  const view = new DataView(out.buffer)
  // The 64-bit count of nanoseconds from two halves of the seconds, each product below 2^47 and so exact.
  const fromHigh = Math.floor(packet.seconds / 65536) * 1e9
  const fromLow = (packet.seconds % 65536) * 1e9 + packet.nanoseconds
  const low = (fromHigh % 65536) * 65536 + (fromLow % 4294967296)
  const high = Math.floor(fromHigh / 65536) + Math.floor(fromLow / 4294967296) + Math.floor(low / 4294967296)
  view.setUint32(8, packet.interfaceId, true)
  view.setUint32(12, high, true)
  view.setUint32(16, low % 4294967296, true)
  view.setUint32(20, captured, true)
  view.setUint32(24, packet.originalLength ?? captured, true)
  out.set(packet.bytes, 28)
  return out
}

const EMPTY = new Uint8Array(0)
const encoder = new TextEncoder()

function utf8(text: string): Uint8Array {
  const bytes = encoder.encode(text)
  // An option's length is 16 bits. A comment cut inside a character is the lesser evil.
  return bytes.length > 65535 ? bytes.slice(0, 65535) : bytes
}

/** A block with its two lengths and its options in place and the body zero. */
function block(type: number, bodyBytes: number, options: Uint8Array): Uint8Array {
  const length = 12 + bodyBytes + options.length
  const out = new Uint8Array(length)
  const view = new DataView(out.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, length, true)
  view.setUint32(length - 4, length, true)
  out.set(options, 8 + bodyBytes)
  return out
}

function encodeOptions(options: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const length = options.reduce((sum, [, value]) => sum + 4 + pad4(value.length), 4)
  const out = new Uint8Array(length)
  const view = new DataView(out.buffer)
  let at = 0
  for (const [code, value] of options) {
    view.setUint16(at, code, true)
    view.setUint16(at + 2, value.length, true)
    out.set(value, at + 4)
    at += 4 + pad4(value.length)
  }
  return out
}

function pad4(length: number): number {
  return (length + 3) & ~3
}
