/**
 * The outside of an encapsulated frame: IPv6, UDP and Geneve (RFC 8926) with the rack's own options.
 *
 *     IPv6 40 | UDP 8 | Geneve 8 | one option of 4 or 8, or none | inner Ethernet frame
 *
 * The UDP checksum is 0, as RFC 6935 allows for tunnels: the inner checksums guard the data.
 */
import {
  checkGeneve,
  checkGeneveOption,
  ETHERNET_MIN,
  EtherType,
  GENEVE_CLASS_OXIDE,
  GENEVE_MIN,
  GeneveOxideOption,
  geneveOptionCritical,
  geneveOptionOptionClass,
  geneveOptionType,
  geneveProtocol,
  geneveVni,
  IPV6_MIN,
  IPV6_PAYLOAD_LENGTH,
  IpProtocol,
  L3Kind,
  L4Kind,
  ParseError,
  ROW_DST_PORT,
  ROW_END,
  ROW_L3_KIND,
  ROW_L4_KIND,
  ROW_PAYLOAD,
  UDP_LENGTH,
  UDP_MIN,
  UdpPort,
  writeGeneve,
  writeIpv6,
  writeUdp,
} from '@lodestone/packet'
import type { Encapsulation, TunnelOption } from './walk.ts'

export const OUTER_HOP_LIMIT = 128
/** IPv6, UDP and Geneve without options. */
export const ENCAP_MIN_BYTES: number = IPV6_MIN + UDP_MIN + GENEVE_MIN
/** Where the two length fields are, from the outer IPv6 header on. */
export const ENCAP_IP_LENGTH: number = IPV6_PAYLOAD_LENGTH
export const ENCAP_UDP_LENGTH: number = IPV6_MIN + UDP_LENGTH

/** Neither of them is critical. Data: the original MSS (0: unchanged); the kind of replication in the two highest bits. */
const OPTIONS: Readonly<Record<TunnelOption, Uint8Array>> = {
  none: new Uint8Array(0),
  external: option(GeneveOxideOption.external),
  mss: option(GeneveOxideOption.mss, 0, 0, 0, 0),
  multicast: option(GeneveOxideOption.multicast, 0x40, 0, 0, 0),
}

function option(type: number, ...data: readonly number[]): Uint8Array {
  return new Uint8Array([GENEVE_CLASS_OXIDE >> 8, GENEVE_CLASS_OXIDE & 0xff, type, data.length / 4, ...data])
}

/**
 * Writes the headers at `offset`.
 * @param source the sled's underlay address. @param entropy its lower half becomes the UDP source port, so that the
 * underlay can tell flows apart. @param innerBytes length of the inner frame.
 * @returns bytes written.
 */
export function writeEncapsulation(
  bytes: Uint8Array,
  offset: number,
  encapsulation: Encapsulation,
  source: Uint8Array,
  entropy: number,
  innerBytes: number,
): number {
  const options = OPTIONS[encapsulation.option]
  const udpBytes = UDP_MIN + GENEVE_MIN + options.length + innerBytes
  writeIpv6(bytes, offset, {
    payloadLength: udpBytes,
    nextHeader: IpProtocol.udp,
    hopLimit: OUTER_HOP_LIMIT,
    src: source,
    dst: encapsulation.destination,
  })
  writeUdp(bytes, offset + IPV6_MIN, {
    srcPort: entropy & 0xffff,
    dstPort: UdpPort.geneve,
    length: udpBytes,
    checksum: 0,
  })
  writeGeneve(bytes, offset + IPV6_MIN + UDP_MIN, { protocol: EtherType.teb, vni: encapsulation.vni, options })
  return ENCAP_MIN_BYTES + options.length
}

export function encapsulationBytes(encapsulation: Encapsulation): number {
  return ENCAP_MIN_BYTES + OPTIONS[encapsulation.option].length
}

/** What `openTunnel` found. One object per engine, reused. */
export interface Tunnel {
  vni: number
  /** The External option was there: from outside of the VPC. */
  isExternal: boolean
  /** The Multicast option was there: for the subscribers of a group. */
  isMulticast: boolean
  /** Absolute offset of the inner Ethernet header, and the end of the inner frame. */
  innerStart: number
  innerEnd: number
}

export const TunnelError = { none: 0, notGeneve: 1, truncated: 2, badVersion: 3, badOption: 4 } as const

/**
 * Reads the Geneve header and its options behind a parsed outer header.
 * NOT IMPLEMENTED: verification of a non-zero outer UDP checksum (the switch sends one): the inner checksums guard the
 * data, and the VNI and MAC must name a port of this sled.
 * @returns a TunnelError.
 */
export function openTunnel(bytes: Uint8Array, row: Int32Array, tunnel: Tunnel): number {
  if (row[ROW_L3_KIND] !== L3Kind.ipv6 || row[ROW_L4_KIND] !== L4Kind.udp || row[ROW_DST_PORT] !== UdpPort.geneve) {
    return TunnelError.notGeneve
  }
  const geneve = row[ROW_PAYLOAD]!
  const end = row[ROW_END]!
  const length = checkGeneve(bytes, geneve, end)
  if (length < 0) return length === ParseError.badVersion ? TunnelError.badVersion : TunnelError.truncated
  if (geneveProtocol(bytes, geneve) !== EtherType.teb) return TunnelError.notGeneve
  tunnel.isExternal = false
  tunnel.isMulticast = false
  const optionsEnd = geneve + length
  for (let at = geneve + GENEVE_MIN; at < optionsEnd;) {
    const used = checkGeneveOption(bytes, at, optionsEnd)
    if (used < 0) return TunnelError.badOption
    if (geneveOptionOptionClass(bytes, at) === GENEVE_CLASS_OXIDE) {
      const type = geneveOptionType(bytes, at)
      if (type === GeneveOxideOption.external) tunnel.isExternal = true
      else if (type === GeneveOxideOption.multicast) tunnel.isMulticast = true
      else if (type > GeneveOxideOption.mss && geneveOptionCritical(bytes, at) !== 0) return TunnelError.badOption
    } else if (geneveOptionCritical(bytes, at) !== 0) {
      // RFC 8926 §3.5: a critical option that the endpoint does not know drops the packet.
      return TunnelError.badOption
    }
    at += used
  }
  tunnel.vni = geneveVni(bytes, geneve)
  tunnel.innerStart = optionsEnd
  tunnel.innerEnd = end
  return end - optionsEnd < ETHERNET_MIN ? TunnelError.truncated : TunnelError.none
}
