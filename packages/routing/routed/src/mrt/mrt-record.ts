/**
 * MRT records (RFC 6396): tables (TABLE_DUMP_V2), messages and state changes (BGP4MP_ET), with path identifiers (RFC 8050).
 *
 * ```
 *  0                   4         6         8                   12
 * ├── timestamp, s ───┼─ type ──┼ subtype ┼── length ─────────┤ message …
 * ```
 * The length counts what follows it; in BGP4MP_ET that begins with the microseconds of the timestamp.
 */
import type { PeerIdentity } from '@lodestone/bgp'
import type { Ip, Prefix } from '@lodestone/net'
import type { ByteSink } from '../byte-sink.ts'

export const MrtType = { tableDumpV2: 13, bgp4mp: 16, bgp4mpEt: 17 } as const

/** RFC 6396 §4.3, RFC 8050 §4.2. */
export const TableDumpSubtype = {
  peerIndexTable: 1,
  ribIpv4Unicast: 2,
  ribIpv6Unicast: 4,
  ribIpv4UnicastAddPath: 8,
  ribIpv6UnicastAddPath: 10,
} as const

/** RFC 6396 §4.4, RFC 8050 §4.1. */
export const Bgp4mpSubtype = {
  message: 1,
  messageAs4: 4,
  stateChangeAs4: 5,
  messageLocal: 6,
  messageAs4Local: 7,
  messageAddPath: 8,
  messageAs4AddPath: 9,
  messageLocalAddPath: 10,
  messageAs4LocalAddPath: 11,
} as const

export const HEADER_BYTES = 12

export interface TablePeer {
  /** BGP identifier, unsigned 32 bits. */
  readonly id: number
  readonly address: Ip
  readonly asn: number
}

export interface TableEntry {
  /** Position in the peer index table. */
  readonly peerIndex: number
  /** Seconds since 1970. */
  readonly originatedS: number
  readonly pathId: number
  /** Path attributes with four-octet ASes; MP_REACH_NLRI shortened to its next hop (RFC 6396 §4.3.4). */
  readonly attributes: Uint8Array
}

/** The table's head: whom the entries that follow are from. At most 65535 peers. */
export function writePeerIndexTable(
  out: ByteSink,
  wallMs: number,
  collectorId: number,
  viewName: string,
  peers: readonly TablePeer[],
): void {
  const start = header(out, wallMs, MrtType.tableDumpV2, TableDumpSubtype.peerIndexTable)
  out.u32(collectorId)
  const name = new TextEncoder().encode(viewName)
  out.u16(name.length)
  out.bytes(name)
  out.u16(peers.length)
  for (const { id, address, asn } of peers) {
    // Bit 0: IPv6; bit 1: four-octet AS.
    out.u8(0b10 | (address.family === 6 ? 1 : 0))
    out.u32(id)
    out.bytes(address.bytes)
    out.u32(asn)
  }
  finish(out, start)
}

/** All paths of one prefix. */
export function writeRibEntries(
  out: ByteSink,
  wallMs: number,
  sequence: number,
  prefix: Prefix,
  entries: readonly TableEntry[],
): void {
  const hasPathIds = entries.some(({ pathId }) => pathId !== 0)
  const { ribIpv4Unicast, ribIpv4UnicastAddPath, ribIpv6Unicast, ribIpv6UnicastAddPath } = TableDumpSubtype
  const v4 = hasPathIds ? ribIpv4UnicastAddPath : ribIpv4Unicast
  const v6 = hasPathIds ? ribIpv6UnicastAddPath : ribIpv6Unicast
  const start = header(out, wallMs, MrtType.tableDumpV2, prefix.family === 4 ? v4 : v6)
  out.u32(sequence)
  out.u8(prefix.length)
  out.bytes(prefix.address.bytes, (prefix.length + 7) >> 3)
  out.u16(entries.length)
  for (const { peerIndex, originatedS, pathId, attributes } of entries) {
    out.u16(peerIndex)
    out.u32(originatedS)
    if (hasPathIds) out.u32(pathId)
    out.u16(attributes.length)
    out.bytes(attributes)
  }
  finish(out, start)
}

/** @param hasPathIds the prefixes in the message have path identifiers. */
export function writeMessage(
  out: ByteSink,
  wallMs: number,
  identity: PeerIdentity,
  direction: 'received' | 'sent',
  message: Uint8Array,
  hasPathIds: boolean,
): void {
  const { isFourOctetAs } = identity
  const subtypes = isFourOctetAs ? AS4_SUBTYPES : AS2_SUBTYPES
  const start = extendedHeader(out, wallMs, subtypes[direction][hasPathIds ? 1 : 0])
  sessionHead(out, identity, isFourOctetAs)
  out.bytes(message)
  finish(out, start)
}

const { message, messageAs4, messageLocal, messageAs4Local } = Bgp4mpSubtype
const { messageAddPath, messageAs4AddPath, messageLocalAddPath, messageAs4LocalAddPath } = Bgp4mpSubtype
const AS4_SUBTYPES = {
  received: [messageAs4, messageAs4AddPath],
  sent: [messageAs4Local, messageAs4LocalAddPath],
} as const
const AS2_SUBTYPES = { received: [message, messageAddPath], sent: [messageLocal, messageLocalAddPath] } as const

/** RFC 6396 §4.4.1: the states are numbered from 1. */
const STATES = ['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'] as const

export function writeStateChange(
  out: ByteSink,
  wallMs: number,
  identity: PeerIdentity,
  from: (typeof STATES)[number],
  to: (typeof STATES)[number],
): void {
  const start = extendedHeader(out, wallMs, Bgp4mpSubtype.stateChangeAs4)
  sessionHead(out, identity, true)
  out.u16(STATES.indexOf(from) + 1)
  out.u16(STATES.indexOf(to) + 1)
  finish(out, start)
}

function sessionHead(out: ByteSink, identity: PeerIdentity, isFourOctetAs: boolean): void {
  const { remoteAsn, localAsn, remoteAddress, localAddress } = identity
  if (isFourOctetAs) {
    out.u32(remoteAsn)
    out.u32(localAsn)
  } else {
    out.u16(remoteAsn)
    out.u16(localAsn)
  }
  out.u16(0) // interface index: not known here
  out.u16(remoteAddress.family === 4 ? 1 : 2)
  out.bytes(remoteAddress.bytes)
  // Both addresses are of one family; one that is not known is all zeros.
  if (localAddress?.family === remoteAddress.family) out.bytes(localAddress.bytes)
  else out.zeros(remoteAddress.bytes.length)
}

/** @returns where the record begins, for `finish`. */
function header(out: ByteSink, wallMs: number, type: number, subtype: number): number {
  const start = out.length
  out.u32(Math.floor(wallMs / 1000))
  out.u16(type)
  out.u16(subtype)
  out.u32(0)
  return start
}

function extendedHeader(out: ByteSink, wallMs: number, subtype: number): number {
  const start = header(out, wallMs, MrtType.bgp4mpEt, subtype)
  out.u32(Math.floor((wallMs % 1000) * 1000))
  return start
}

function finish(out: ByteSink, start: number): void {
  out.setU32(start + 8, out.length - start - HEADER_BYTES)
}
