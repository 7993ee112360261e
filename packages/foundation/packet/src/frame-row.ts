/**
 * The row of numbers in which `parseFrame` says where everything in a frame is. A row is an `Int32Array` of at least
 * `ROW_SIZE` words; offsets are absolute, and -1 where a frame has no such header.
 */

export const ROW_SIZE = 16

/** Ethernet header; -1 when parsing began at IP. */
export const ROW_L2 = 0
/** First 802.1Q tag control information (a `vlan` header). */
export const ROW_VLAN = 1
/** EtherType after all tags; 0 when parsing began at IP. */
export const ROW_ETHER_TYPE = 2
/** ARP or IP header, or whatever follows the link layer. */
export const ROW_L3 = 3
/** An `L3Kind`. */
export const ROW_L3_KIND = 4
/** Transport header, after IPv6 extension headers. */
export const ROW_L4 = 5
/** An `L4Kind`. */
export const ROW_L4_KIND = 6
/** IP protocol number of the transport header (also in later fragments), 0 when not IP. */
export const ROW_PROTOCOL = 7
/** Ports of TCP and UDP; the identifier in both for ICMP echo and its reply; else 0. */
export const ROW_SRC_PORT = 8
export const ROW_DST_PORT = 9
/** First byte after the last header. */
export const ROW_PAYLOAD = 10
/** One past the last byte of the IP packet, so without Ethernet padding; of the frame when it is not IP. */
export const ROW_END = 11
/** A `Fragment`. */
export const ROW_FRAGMENT = 12
/** DDM extension header. */
export const ROW_DDM = 13
/** The `ParseError` that was returned, or 0. */
export const ROW_ERROR = 14
/** The `HeaderKind` in which the error is, or 0. */
export const ROW_ERROR_HEADER = 15

export const L3Kind = { none: 0, arp: 1, other: 2, ipv4: 4, ipv6: 6 } as const

/** `none` for ARP, later fragments and packets without a transport header; `other` for protocols not parsed. */
export const L4Kind = { none: 0, icmp: 1, tcp: 6, udp: 17, icmpv6: 58, other: 255 } as const

/** An unfragmented packet, a first fragment (its payload is cut), a later one (it has no transport header). */
export const Fragment = { none: 0, first: 1, later: 2 } as const

export const HeaderKind = {
  none: 0,
  ethernet: 1,
  vlan: 2,
  arp: 3,
  ipv4: 4,
  ipv6: 6,
  ipv6Ext: 7,
  ipv6Fragment: 8,
  ddm: 9,
  tcp: 10,
  udp: 11,
  icmp: 12,
  icmpv6: 13,
} as const
