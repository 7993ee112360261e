/**
 * ICMP errors quote the packet that they are about (RFC 792, RFC 4443 §2.4). Behind translation the quote must be
 * translated too (RFC 5508 §4), and it says which connection the error belongs to.
 */
import {
  fixIpv4Checksum,
  IPV4_DST,
  IPV4_SRC,
  IPV6_DST,
  IPV6_SRC,
  Icmpv6Type,
  IcmpType,
  IpProtocol,
  parseQuoted,
  ROW_END,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_L4_KIND,
  ROW_PAYLOAD,
  ROW_SIZE,
  L3Kind,
  L4Kind,
} from '@lodestone/packet'
import { type AddressWords, isAddress } from './address-words.ts'
import { dstAt, META_OUT, mirrorFlowKey, newFlowKey, readFlowKey } from './flow-key.ts'
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
  if (family === 0 || family !== walk.family) return undefined
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
  if (quoteRow[ROW_L3_KIND] === L3Kind.ipv4) {
    view.setInt32(l3 + (quote.side === 'src' ? IPV4_SRC : IPV4_DST), quote.address[0]!)
    // The quoted checksum is that of the packet as it was; make it right for the packet as the receiver knows it.
    fixIpv4Checksum(bytes, l3)
  } else {
    const at = l3 + (quote.side === 'src' ? IPV6_SRC : IPV6_DST)
    for (let i = 0; i < 4; i++) view.setInt32(at + i * 4, quote.address[i]!)
  }
  const l4 = quoteRow[ROW_L4]!
  const kind = quoteRow[ROW_L4_KIND]
  if (quote.port >= 0 && l4 >= 0) {
    if (kind === L4Kind.tcp || kind === L4Kind.udp) view.setUint16(l4 + (quote.side === 'src' ? 0 : 2), quote.port)
    else if (kind === L4Kind.icmp || kind === L4Kind.icmpv6) view.setUint16(l4 + 4, quote.port)
  }
}
