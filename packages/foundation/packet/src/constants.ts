/** Numbers with names: IANA and IEEE assignments, and those of the rack's own headers. */

export const EtherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  sidecar: 0x0901,
  teb: 0x6558,
  vlan: 0x8100,
  ipv6: 0x86dd,
  qinq: 0x88a8,
  lldp: 0x88cc,
} as const

export const IpProtocol = {
  hopByHop: 0,
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  none: 59,
  destinationOptions: 60,
  ospf: 89,
  sctp: 132,
  ddm: 221,
} as const

/** Bits of `tcpFlags`. */
export const TcpFlag = {
  fin: 0x01,
  syn: 0x02,
  rst: 0x04,
  psh: 0x08,
  ack: 0x10,
  urg: 0x20,
  ece: 0x40,
  cwr: 0x80,
} as const

/** Bits of `ipv4Flags`. */
export const Ipv4Flag = { moreFragments: 1, dontFragment: 2 } as const

export const ArpOperation = { request: 1, reply: 2 } as const

export const IcmpType = {
  echoReply: 0,
  unreachable: 3,
  redirect: 5,
  echoRequest: 8,
  timeExceeded: 11,
  parameterProblem: 12,
} as const

/** Codes of `IcmpType.unreachable`. */
export const IcmpUnreachable = {
  net: 0,
  host: 1,
  protocol: 2,
  port: 3,
  fragmentationNeeded: 4,
  administrativelyProhibited: 13,
} as const

export const Icmpv6Type = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  parameterProblem: 4,
  echoRequest: 128,
  echoReply: 129,
  listenerQuery: 130,
  listenerReport: 131,
  listenerDone: 132,
  routerSolicit: 133,
  routerAdvert: 134,
  neighborSolicit: 135,
  neighborAdvert: 136,
  redirect: 137,
  listenerReportV2: 143,
} as const

/** Codes of `Icmpv6Type.unreachable`. */
export const Icmpv6Unreachable = {
  noRoute: 0,
  administrativelyProhibited: 1,
  beyondScope: 2,
  address: 3,
  port: 4,
} as const

export const UdpPort = {
  dns: 53,
  dhcpServer: 67,
  dhcpClient: 68,
  dhcpv6Client: 546,
  dhcpv6Server: 547,
  bfd: 3784,
  geneve: 6081,
} as const

/** Codes of the sidecar header. */
export const SidecarCode = {
  forwardFromUser: 0,
  forwardToUser: 1,
  icmpNeeded: 2,
  arpNeeded: 3,
  neighborNeeded: 4,
} as const

/** Geneve option class of the rack's own options. */
export const GENEVE_CLASS_OXIDE = 0x0129

/** Option types of `GENEVE_CLASS_OXIDE`. */
export const GeneveOxideOption = { external: 0, multicast: 1, mss: 2 } as const

export const DhcpOperation = { request: 1, reply: 2 } as const

export const DHCP_MAGIC_COOKIE = 0x63825363

/** Option 53 (RFC 2132 §9.6). */
export const DhcpMessageType = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const

export const DhcpOptionCode = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  dns: 6,
  hostName: 12,
  domainName: 15,
  interfaceMtu: 26,
  requestedAddress: 50,
  leaseTimeS: 51,
  overload: 52,
  messageType: 53,
  serverId: 54,
  parameterRequestList: 55,
  message: 56,
  maxMessageSize: 57,
  renewalTimeS: 58,
  rebindingTimeS: 59,
  clientId: 61,
  domainSearch: 119,
  classlessRoutes: 121,
  end: 255,
} as const

export const TcpOptionKind = {
  end: 0,
  nop: 1,
  mss: 2,
  windowScale: 3,
  sackPermitted: 4,
  sack: 5,
  timestamps: 8,
} as const

export const NdpOptionType = {
  sourceLinkLayer: 1,
  targetLinkLayer: 2,
  prefix: 3,
  redirected: 4,
  mtu: 5,
  rdnss: 25,
  dnssl: 31,
} as const

/** The key of `constants` whose value is `value`, or the value in decimal. */
export function nameOf(constants: Readonly<Record<string, number>>, value: number): string {
  for (const key in constants) if (constants[key] === value) return key
  return String(value)
}
