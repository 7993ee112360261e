/**
 * ICMP errors quote the packet that they are about (RFC 792, RFC 4443 §2.4). Behind translation the quote must be
 * translated too (RFC 5508 §4), and it says which connection the error belongs to.
 */
import {
  fixIpv4Checksum,
  Fragment,
  IPV4_DST,
  IPV4_SRC,
  IPV6_DST,
  IPV6_SRC,
  Icmpv6Type,
  IcmpType,
  IpProtocol,
  nonzeroUdpChecksum,
  parseQuoted,
  ROW_END,
  ROW_FRAGMENT,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_L4_KIND,
  ROW_PAYLOAD,
  ROW_PROTOCOL,
  ROW_SIZE,
  L3Kind,
  L4Kind,
  updateChecksum16,
  updateChecksum32,
} from '@lodestone/packet'
import { type AddressWords, isAddress } from './address-words.ts'
import { checksumAt, dstAt, META_OUT, mirrorFlowKey, newFlowKey, readFlowKey } from './flow-key.ts'
import type { Connection } from './connection.ts'
import type { FlowCache } from './flow-cache.ts'
import type { QuoteRewrite, Walk } from './walk.ts'

/** Deprecated by RFC 6633, and still about a packet. */
const SOURCE_QUENCH = 4

const quoteRow = new Int32Array(ROW_SIZE)
const quoteKey = newFlowKey()
const ownerKey = newFlowKey()

export function isIcmpError(protocol: number, type: number): boolean {
  if (protocol === IpProtocol.icmp) {
    return (
      type === IcmpType.unreachable ||
      type === IcmpType.timeExceeded ||
      type === IcmpType.parameterProblem ||
      type === IcmpType.redirect ||
      type === SOURCE_QUENCH
    )
  }
  return protocol === IpProtocol.icmpv6 && type >= Icmpv6Type.unreachable && type <= Icmpv6Type.parameterProblem
}

/** The connection that the quoted packet belongs to. It travelled the other way, in the form it has on that side. */
export function findRelated(walk: Walk, cache: FlowCache): Connection | undefined {
  if (!readQuote(walk)) return undefined
  const family = readFlowKey(walk.bytes, walk.view, quoteRow, walk.isOut ? 0 : META_OUT, quoteKey)
  if (family === 0 || family !== walk.family || quoteRow[ROW_FRAGMENT] === Fragment.later) return undefined
  // The key of a packet that goes the error's way is the mirror of the quoted one.
  mirrorFlowKey(quoteKey, family, walk.isExternal, ownerKey)
  return cache.find(ownerKey, family)
}

/** Whether the quoted packet's source or destination is `address`. */
export function quotedAddressIs(walk: Walk, side: 'src' | 'dst', address: AddressWords): boolean {
  if (!readQuote(walk)) return false
  const family = readFlowKey(walk.bytes, walk.view, quoteRow, 0, quoteKey)
  return (
    family !== 0 && family === walk.family && isAddress(quoteKey, side === 'src' ? 0 : dstAt(family), family, address)
  )
}

function readQuote(walk: Walk): boolean {
  return parseQuoted(walk.bytes, walk.row[ROW_PAYLOAD]!, walk.row[ROW_END]!, quoteRow) === 0
}

/** Translates the quote. The caller computes the checksum of the whole ICMP message anew. */
export function rewriteQuote(walk: Walk, quote: QuoteRewrite): void {
  if (!readQuote(walk)) return
  const { bytes, view } = walk
  const l3 = quoteRow[ROW_L3]!
  const isV4 = quoteRow[ROW_L3_KIND] === L3Kind.ipv4
  const isSource = quote.side === 'src'
  const at = l3 + (isV4 ? (isSource ? IPV4_SRC : IPV4_DST) : isSource ? IPV6_SRC : IPV6_DST)
  const l4 = quoteRow[ROW_L4]!
  const kind = quoteRow[ROW_L4_KIND]!
  const checksumFieldAt = l4 + checksumAt(quoteRow[ROW_PROTOCOL]!)
  const hasChecksum = hasQuotedChecksum(view, l4, kind, checksumFieldAt)
  let checksum = hasChecksum ? view.getUint16(checksumFieldAt) : 0
  // Without a pseudo-header the address does not count.
  const isAddressSummed = kind !== L4Kind.icmp
  for (let i = 0; i < (isV4 ? 1 : 4); i++) {
    const word = quote.address[i]!
    if (isAddressSummed) checksum = updateChecksum32(checksum, view.getInt32(at + i * 4), word)
    view.setInt32(at + i * 4, word)
  }
  // The quoted checksums are those of the packet as it was; make them right for the packet as the receiver knows it
  // (RFC 5508 §4.2).
  if (isV4) fixIpv4Checksum(bytes, l3)
  const portAt = l4 < 0 ? -1 : quotedPortAt(l4, kind, isSource)
  if (quote.port >= 0 && portAt >= 0) {
    checksum = updateChecksum16(checksum, view.getUint16(portAt), quote.port)
    view.setUint16(portAt, quote.port)
  }
  if (hasChecksum) view.setUint16(checksumFieldAt, kind === L4Kind.udp ? nonzeroUdpChecksum(checksum) : checksum)
}

/** Offset of the port or identifier that is the guest's, -1 where there is none. */
function quotedPortAt(l4: number, kind: number, isSource: boolean): number {
  if (kind === L4Kind.tcp || kind === L4Kind.udp) return l4 + (isSource ? 0 : 2)
  return kind === L4Kind.icmp || kind === L4Kind.icmpv6 ? l4 + 4 : -1
}

/** A quote may end before the checksum of TCP, and UDP may have none. */
function hasQuotedChecksum(view: DataView, l4: number, kind: number, at: number): boolean {
  if (l4 < 0 || at + 2 > quoteRow[ROW_END]!) return false
  if (kind === L4Kind.udp) return view.getUint16(at) !== 0
  return kind === L4Kind.tcp || kind === L4Kind.icmp || kind === L4Kind.icmpv6
}
