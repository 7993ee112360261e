/** For tests: frames from a description, with right checksums, and frames inside a tunnel. */
import { Ip, Mac } from '@lodestone/net'
import {
  ETHERNET_MIN,
  EtherType,
  fixIpv4Checksum,
  fixTransportChecksum,
  ICMP_MIN,
  IPV4_MIN,
  IPV6_MIN,
  IpProtocol,
  TcpFlag,
  TCP_MIN,
  UDP_MIN,
  UdpPort,
  writeEthernet,
  writeGeneve,
  writeIcmp,
  writeIpv4,
  writeIpv6,
  writeTcp,
  writeUdp,
} from '@lodestone/packet'

export interface FrameFields {
  readonly etherDst: string
  readonly etherSrc: string
  readonly src: string
  readonly dst: string
  readonly kind: 'tcp' | 'udp' | 'icmp'
  readonly srcPort?: number
  readonly dstPort?: number
  readonly ttl?: number
  readonly payload?: Uint8Array
}

export function frameOf(fields: FrameFields): Uint8Array {
  const src = Ip.of(fields.src)
  const dst = Ip.of(fields.dst)
  const isV4 = src.family === 4
  const { kind, srcPort = 40000, dstPort = 80, ttl = 64 } = fields
  const payload = fields.payload ?? new Uint8Array(0)
  const l3 = ETHERNET_MIN
  const l4 = l3 + (isV4 ? IPV4_MIN : IPV6_MIN)
  const l4Bytes = kind === 'tcp' ? TCP_MIN : kind === 'udp' ? UDP_MIN : ICMP_MIN
  const length = l4Bytes + payload.length
  const bytes = new Uint8Array(l4 + length)
  const etherType = isV4 ? EtherType.ipv4 : EtherType.ipv6
  writeEthernet(bytes, 0, { dst: Mac.of(fields.etherDst).bytes, src: Mac.of(fields.etherSrc).bytes, etherType })
  const protocol = kind === 'icmp' ? (isV4 ? IpProtocol.icmp : IpProtocol.icmpv6) : IpProtocol[kind]
  if (isV4) {
    writeIpv4(bytes, l3, { totalLength: IPV4_MIN + length, ttl, protocol, src: src.word(0), dst: dst.word(0) })
    fixIpv4Checksum(bytes, l3)
  } else {
    writeIpv6(bytes, l3, {
      payloadLength: length,
      nextHeader: protocol,
      hopLimit: ttl,
      src: src.bytes,
      dst: dst.bytes,
    })
  }
  bytes.set(payload, l4 + l4Bytes)
  if (kind === 'tcp') {
    writeTcp(bytes, l4, { srcPort, dstPort, sequence: 1000, acknowledgment: 0, flags: TcpFlag.syn, window: 64000 })
  } else if (kind === 'udp') {
    writeUdp(bytes, l4, { srcPort, dstPort, length, checksum: 0 })
  } else {
    writeIcmp(bytes, l4, { type: isV4 ? 8 : 128, code: 0, rest: 0x70001 })
  }
  fixTransportChecksum(bytes, l3, l4, bytes.length)
  return bytes
}

export interface TunnelFields {
  readonly etherDst: string
  readonly etherSrc: string
  readonly src: string
  readonly dst: string
  readonly vni: number
  /** With the option by which a switch marks what comes from outside. */
  readonly isExternal: boolean
}

/** From the outer Ethernet header on. */
export function tunnelled(inner: Uint8Array, fields: TunnelFields): Uint8Array {
  const header = new Uint8Array(64)
  const options = fields.isExternal ? Uint8Array.of(0x01, 0x29, 0, 0) : new Uint8Array(0)
  const headerBytes = writeGeneve(header, 0, { protocol: EtherType.teb, vni: fields.vni, options })
  const payload = new Uint8Array(headerBytes + inner.length)
  payload.set(header.subarray(0, headerBytes))
  payload.set(inner, headerBytes)
  return frameOf({ ...fields, kind: 'udp', srcPort: 6081, dstPort: UdpPort.geneve, payload })
}
