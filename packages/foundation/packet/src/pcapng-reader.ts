/**
 * Reads pcapng files: sections in either byte order, interfaces with any timestamp resolution, enhanced and simple
 * packets, comments. Other blocks are skipped.
 * NOT IMPLEMENTED: if_tsoffset; the obsolete packet block (type 2).
 */
import { type CaptureError, LinkType } from './capture.ts'
import { BYTE_ORDER_MAGIC, PcapngBlock, PcapngOption, type PcapngPacket } from './pcapng-writer.ts'

export interface PcapngInterface {
  /** Empty when the file gives none. */
  readonly name: string
  readonly description: string
  readonly linkType: number
  readonly snapLength: number
  /** Timestamp units per second. */
  readonly unitsPerSecond: bigint
}

export interface Pcapng {
  readonly interfaces: readonly PcapngInterface[]
  /** Interface ids index `interfaces`, over all sections. */
  readonly packets: readonly PcapngPacket[]
  /** Why reading stopped before the end of the file. */
  readonly error?: CaptureError
}

/** Reads a file. A damaged one gives what precedes the damage, and `error`. */
export function readPcapng(file: Uint8Array): Pcapng {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const interfaces: PcapngInterface[] = []
  const packets: PcapngPacket[] = []
  let isLittle = true
  let sectionBase = 0
  let at = 0
  const stop = (kind: CaptureError['kind']): Pcapng => ({ interfaces, packets, error: { kind, offset: at } })
  while (at < file.length) {
    if (at + 12 > file.length) return stop(at === 0 ? 'not-a-capture' : 'truncated')
    if (view.getUint32(at, true) === PcapngBlock.section) {
      const magic = view.getUint32(at + 8, true)
      if (magic !== BYTE_ORDER_MAGIC && magic !== 0x4d3c2b1a) return stop(at === 0 ? 'not-a-capture' : 'bad-block')
      isLittle = magic === BYTE_ORDER_MAGIC
      sectionBase = interfaces.length
    } else if (at === 0) {
      return stop('not-a-capture')
    }
    const type = view.getUint32(at, isLittle)
    const length = view.getUint32(at + 4, isLittle)
    if (length < 12 || length % 4 !== 0) return stop('bad-block')
    if (at + length > file.length) return stop('truncated')
    const end = at + length - 4
    if (view.getUint32(end, isLittle) !== length) return stop('bad-block')
    if (type === PcapngBlock.interface) {
      if (length < 20) return stop('bad-block')
      interfaces.push(readInterface(view, at, end, isLittle))
    } else if (type === PcapngBlock.enhancedPacket) {
      const packet = length < 32 ? undefined : readPacket(view, file, at, end, isLittle, interfaces, sectionBase)
      if (packet === undefined) return stop('bad-block')
      packets.push(packet)
    } else if (type === PcapngBlock.simplePacket) {
      const declared = interfaces[sectionBase]
      if (length < 16 || declared === undefined) return stop('bad-block')
      const originalLength = view.getUint32(at + 8, isLittle)
      const limit = declared.snapLength === 0 ? originalLength : Math.min(originalLength, declared.snapLength)
      const bytes = new Uint8Array(file.subarray(at + 12, at + 12 + Math.min(limit, end - at - 12)))
      packets.push({ interfaceId: sectionBase, seconds: 0, nanoseconds: 0, bytes, originalLength })
    }
    at += length
  }
  return file.length === 0 ? stop('not-a-capture') : { interfaces, packets }
}

function readInterface(view: DataView, at: number, end: number, isLittle: boolean): PcapngInterface {
  const options = readOptions(view, at + 16, end, isLittle)
  const resolution = options.find(([code]) => code === PcapngOption.interfaceTimeResolution)?.[1][0] ?? 6
  const exponent = BigInt(resolution & 0x7f)
  return {
    name: text(options, PcapngOption.interfaceName),
    description: text(options, PcapngOption.interfaceDescription),
    linkType: view.getUint16(at + 8, isLittle) || LinkType.ethernet,
    snapLength: view.getUint32(at + 12, isLittle),
    unitsPerSecond: (resolution & 0x80) === 0 ? 10n ** exponent : 2n ** exponent,
  }
}

function readPacket(
  view: DataView,
  file: Uint8Array,
  at: number,
  end: number,
  isLittle: boolean,
  interfaces: readonly PcapngInterface[],
  sectionBase: number,
): PcapngPacket | undefined {
  const interfaceId = sectionBase + view.getUint32(at + 8, isLittle)
  const declared = interfaces[interfaceId]
  const captured = view.getUint32(at + 20, isLittle)
  const from = at + 28
  if (declared === undefined || from + captured > end) return undefined
  const units = (BigInt(view.getUint32(at + 12, isLittle)) << 32n) | BigInt(view.getUint32(at + 16, isLittle))
  const options = readOptions(view, from + ((captured + 3) & ~3), end, isLittle)
  const comments = options.filter(([code]) => code === PcapngOption.comment).map(([, value]) => decoder.decode(value))
  const flags = options.find(([code]) => code === PcapngOption.packetFlags)?.[1]
  const direction = flags === undefined || flags.length < 4 ? 0 : flags[isLittle ? 0 : 3]! & 3
  const id = options.find(([code]) => code === PcapngOption.packetId)?.[1]
  return {
    interfaceId,
    seconds: Number(units / declared.unitsPerSecond),
    nanoseconds: Number(((units % declared.unitsPerSecond) * 1_000_000_000n) / declared.unitsPerSecond),
    bytes: new Uint8Array(file.subarray(from, from + captured)),
    originalLength: view.getUint32(at + 24, isLittle),
    ...(comments.length > 0 ? { comments } : {}),
    ...(direction === 1 ? { direction: 'in' } : direction === 2 ? { direction: 'out' } : {}),
    ...(id !== undefined && id.length === 8
      ? { packetId: new DataView(id.buffer, id.byteOffset).getUint32(isLittle ? 0 : 4, isLittle) }
      : {}),
  }
}

const decoder = new TextDecoder()

/** Options up to the end option; one that runs past the block ends the walk. */
function readOptions(view: DataView, start: number, end: number, isLittle: boolean): [number, Uint8Array][] {
  const options: [number, Uint8Array][] = []
  let at = start
  while (at + 4 <= end) {
    const code = view.getUint16(at, isLittle)
    const length = view.getUint16(at + 2, isLittle)
    if (code === PcapngOption.end || at + 4 + length > end) break
    options.push([code, new Uint8Array(view.buffer, view.byteOffset + at + 4, length)])
    at += 4 + ((length + 3) & ~3)
  }
  return options
}

function text(options: readonly (readonly [number, Uint8Array])[], code: number): string {
  const value = options.find(([candidate]) => candidate === code)?.[1]
  return value === undefined ? '' : decoder.decode(value)
}
