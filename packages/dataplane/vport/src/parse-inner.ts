/** Parses the frame of a guest, sent or received, into a walk; says in the engine's terms what is wrong with it. */
import {
  crc32,
  flowHash,
  Fragment,
  HeaderKind,
  L3Kind,
  L4Kind,
  ParseError,
  parseFrame,
  ROW_ERROR_HEADER,
  ROW_FRAGMENT,
  ROW_L4,
  ROW_L3_KIND,
  ROW_L4_KIND,
  ROW_PROTOCOL,
  ROW_VLAN,
} from '@lodestone/packet'
import { Drop } from './drop-reasons.ts'
import { type FlowKey, hasPorts, portsAt, readFlowKey } from './flow-key.ts'
import type { Walk } from './walk.ts'

/**
 * Fills in `walk.row`, `walk.key` and `walk.family` for the frame from `walk.start` to `walk.end`.
 * @param flags of the flow key. @returns a drop reason, or none.
 */
export function parseInner(walk: Walk, flags: number): number {
  const row = walk.row
  walk.family = 0
  const error = parseFrame(walk.bytes, walk.start, walk.end, row)
  walk.fragment = row[ROW_FRAGMENT]!
  if (error < 0) {
    const isCut = walk.fragment === Fragment.first && error === ParseError.truncated && row[ROW_L4]! >= 0
    return isCut ? Drop.fragmentTiny : parseDrop(error, row[ROW_ERROR_HEADER]!)
  }
  if (row[ROW_VLAN]! >= 0) return Drop.notIp
  const kind = row[ROW_L3_KIND]!
  if (kind === L3Kind.arp) return Drop.none
  if (kind !== L3Kind.ipv4 && kind !== L3Kind.ipv6) return Drop.notIp
  const l4 = row[ROW_L4_KIND]!
  const isLater = walk.fragment === Fragment.later
  if ((l4 === L4Kind.none && !isLater) || (l4 === L4Kind.other && hasPorts(row[ROW_PROTOCOL]!))) {
    return Drop.unwantedProtocol
  }
  walk.family = readFlowKey(walk.bytes, walk.view, row, flags, walk.key)
  return Drop.none
}

/** The canonical hash of the packet that `walk.row` describes. */
export function hashOfWalk(walk: Walk): number {
  return walk.family === 0 ? 0 : flowHash(walk.bytes, walk.row)
}

const image = new Uint8Array(38)
const imageView = new DataView(image.buffer)

/** The canonical hash of what the packet has become: of the same bytes as `flowHash`, taken from `walk.current`. */
export function entropyOfWalk(walk: Walk): number {
  return hashOfKey(walk, walk.current)
}

/** The same of a key of the walk's family and protocol. */
export function hashOfKey(walk: Walk, current: FlowKey): number {
  const { family } = walk
  if (family === 0) return 0
  const words = family === 4 ? 2 : 8
  image[0] = walk.protocol
  image[1] = family
  for (let i = 0; i < words; i++) imageView.setInt32(2 + i * 4, current[i]!)
  const ports = current[portsAt(family)]!
  const at = 2 + words * 4
  imageView.setUint16(at, ports >>> 16)
  imageView.setUint16(at + 2, walk.isIcmp ? ports >>> 16 : ports & 0xffff)
  return crc32(image, 0, at + 4)
}

export function parseDrop(error: number, header: number): number {
  switch (error) {
    case ParseError.badVersion:
      return Drop.badVersion
    case ParseError.badHeaderLength:
      return header === HeaderKind.ipv4 ? Drop.badIhl : Drop.badLength
    case ParseError.badLength:
      return Drop.badLength
    case ParseError.badDataOffset:
      return Drop.badDataOffset
    case ParseError.badExtension:
      return Drop.badExtension
    case ParseError.unsupported:
      return Drop.unwantedProtocol
    default:
      return Drop.truncated
  }
}
