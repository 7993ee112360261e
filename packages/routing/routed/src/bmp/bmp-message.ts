/**
 * BMP messages (RFC 7854, RFC 9069 for the loc-RIB), as a monitored router writes them.
 *
 * ```
 * common header   ├ version 3 ┼ length (4) ┼ type ┤
 * per-peer header ├ type ┼ flags ┼ distinguisher (8) ┼ address (16) ┼ AS (4) ┼ BGP ID (4) ┼ seconds ┼ microseconds ┤
 * ```
 */
import type { PeerIdentity } from '@lodestone/bgp'
import type { ByteSink } from '../byte-sink.ts'

export const BMP_VERSION = 3
export const COMMON_HEADER_BYTES = 6
export const PEER_HEADER_BYTES = 42

export const BmpType = {
  routeMonitoring: 0,
  statisticsReport: 1,
  peerDown: 2,
  peerUp: 3,
  initiation: 4,
  termination: 5,
} as const

export const PeerType = { global: 0, locRib: 3 } as const

/** RFC 7854 §4.2; for a loc-RIB peer the flags have another meaning and are 0 here: nothing is filtered (RFC 9069 §4.2). */
export const PeerFlag = { ipv6: 0x80, postPolicy: 0x40, twoOctetAsPath: 0x20 } as const

export const InitiationTlv = { text: 0, systemDescription: 1, systemName: 2 } as const

/** RFC 7854 §4.9, RFC 9069 §5.3: why a peer went down. */
export const PeerDownReason = {
  localNotification: 1,
  localWithoutNotification: 2,
  remoteNotification: 3,
  remoteWithoutNotification: 4,
  deconfigured: 5,
  locRib: 6,
} as const

/** RFC 7854 §4.8. */
export const Stat = {
  rejectedByPolicy: 0,
  duplicateWithdraws: 2,
  treatedAsWithdraw: 11,
  adjRibInRoutes: 7,
  locRibRoutes: 8,
} as const

/** Whom a message is about. */
export interface BmpPeer {
  readonly type: (typeof PeerType)[keyof typeof PeerType]
  readonly flags: number
  /** 4 or 16 bytes; empty for the loc-RIB. */
  readonly address: Uint8Array
  readonly asn: number
  readonly id: number
}

export function bmpPeer(identity: PeerIdentity, isPostPolicy: boolean): BmpPeer {
  const { remoteAddress, remoteAsn, remoteId, isFourOctetAs } = identity
  const flags =
    (remoteAddress.family === 6 ? PeerFlag.ipv6 : 0) |
    (isPostPolicy ? PeerFlag.postPolicy : 0) |
    // What is made here from the table always has four-octet paths; only messages passed on can have two.
    (isFourOctetAs || isPostPolicy ? 0 : PeerFlag.twoOctetAsPath)
  return { type: PeerType.global, flags, address: remoteAddress.bytes, asn: remoteAsn, id: remoteId }
}

export function locRibPeer(asn: number, id: number): BmpPeer {
  return { type: PeerType.locRib, flags: 0, address: new Uint8Array(0), asn, id }
}

export function writeInitiation(out: ByteSink, systemName: string, description: string): void {
  const start = begin(out, BmpType.initiation)
  tlv(out, InitiationTlv.systemDescription, description)
  tlv(out, InitiationTlv.systemName, systemName)
  finish(out, start)
}

/** Reason 0: closed by the administrator; 2: out of resources. */
export function writeTermination(out: ByteSink, reason: 0 | 2): void {
  const start = begin(out, BmpType.termination)
  out.u16(1)
  out.u16(2)
  out.u16(reason)
  finish(out, start)
}

export interface PeerUp {
  readonly localAddress: Uint8Array
  readonly localPort: number
  readonly remotePort: number
  /** Whole messages with their headers. */
  readonly sentOpen: Uint8Array
  readonly receivedOpen: Uint8Array
  /** The name of the table, for the loc-RIB (RFC 9069 §4.3). */
  readonly tableName?: string
}

export function writePeerUp(out: ByteSink, peer: BmpPeer, wallMs: number, up: PeerUp): void {
  const start = begin(out, BmpType.peerUp)
  peerHeader(out, peer, wallMs)
  address(out, up.localAddress)
  out.u16(up.localPort)
  out.u16(up.remotePort)
  out.bytes(up.sentOpen)
  out.bytes(up.receivedOpen)
  if (up.tableName !== undefined) tlv(out, 3, up.tableName)
  finish(out, start)
}

/** @param data the NOTIFICATION, whole, where there was one; the event code of two bytes for `localWithoutNotification`. */
export function writePeerDown(out: ByteSink, peer: BmpPeer, wallMs: number, reason: number, data: Uint8Array): void {
  const start = begin(out, BmpType.peerDown)
  peerHeader(out, peer, wallMs)
  out.u8(reason)
  out.bytes(data)
  finish(out, start)
}

/** @param update a whole UPDATE. */
export function writeRouteMonitoring(out: ByteSink, peer: BmpPeer, wallMs: number, update: Uint8Array): void {
  const start = begin(out, BmpType.routeMonitoring)
  peerHeader(out, peer, wallMs)
  out.bytes(update)
  finish(out, start)
}

/** @param stats types of 32-bit counters and 64-bit gauges with their values. */
export function writeStatistics(
  out: ByteSink,
  peer: BmpPeer,
  wallMs: number,
  stats: readonly (readonly [type: number, value: number])[],
): void {
  const start = begin(out, BmpType.statisticsReport)
  peerHeader(out, peer, wallMs)
  out.u32(stats.length)
  for (const [type, value] of stats) {
    out.u16(type)
    const isGauge = type === Stat.adjRibInRoutes || type === Stat.locRibRoutes
    out.u16(isGauge ? 8 : 4)
    if (isGauge) out.u64(value)
    else out.u32(value >>> 0)
  }
  finish(out, start)
}

function begin(out: ByteSink, type: number): number {
  const start = out.length
  out.u8(BMP_VERSION)
  out.u32(0)
  out.u8(type)
  return start
}

function finish(out: ByteSink, start: number): void {
  out.setU32(start + 1, out.length - start)
}

function peerHeader(out: ByteSink, peer: BmpPeer, wallMs: number): void {
  out.u8(peer.type)
  out.u8(peer.flags)
  out.zeros(8) // distinguisher: there is one instance
  address(out, peer.address)
  out.u32(peer.asn)
  out.u32(peer.id)
  out.u32(Math.floor(wallMs / 1000))
  out.u32(Math.floor((wallMs % 1000) * 1000))
}

/** IPv4 addresses stand at the end of the field. */
function address(out: ByteSink, bytes: Uint8Array): void {
  out.zeros(16 - bytes.length)
  out.bytes(bytes)
}

function tlv(out: ByteSink, type: number, text: string): void {
  const bytes = new TextEncoder().encode(text)
  out.u16(type)
  out.u16(bytes.length)
  out.bytes(bytes)
}
