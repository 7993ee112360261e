/** The packet that a question describes, as bytes from the IP header on: as a stack that has just begun would send it. */
import type { Ip } from '@lodestone/net'
import {
  fixIpv4Checksum,
  fixTransportChecksum,
  IpProtocol,
  Ipv4Flag,
  TcpFlag,
  writeIcmp,
  writeIcmpv6,
  writeIpv4,
  writeIpv6,
  writeTcp,
  writeUdp,
} from '@lodestone/packet'

export const EXPLAINED_PROTOCOLS = ['tcp', 'udp', 'icmp'] as const
export type ExplainedProtocol = (typeof EXPLAINED_PROTOCOLS)[number]

export interface PacketDescription {
  readonly source: Ip
  readonly destination: Ip
  readonly protocol: ExplainedProtocol
  /** Of TCP and UDP. */
  readonly sourcePort: number
  readonly destinationPort: number
  /** Of the whole IP packet; padded with zeros. */
  readonly bytes: number
}

/** TCP: a SYN; ICMP: an echo request. Both addresses are of one family. */
export function describedPacket(packet: PacketDescription): Uint8Array {
  const { source, destination, protocol, sourcePort: srcPort, destinationPort: dstPort } = packet
  const isV4 = source.family === 4
  const l4 = isV4 ? 20 : 40
  const header = protocol === 'tcp' ? 20 : 8
  const end = Math.max(packet.bytes, l4 + header)
  const bytes = new Uint8Array(end)
  const number =
    protocol === 'tcp'
      ? IpProtocol.tcp
      : protocol === 'udp'
        ? IpProtocol.udp
        : isV4
          ? IpProtocol.icmp
          : IpProtocol.icmpv6
  if (isV4) {
    writeIpv4(bytes, 0, {
      totalLength: end,
      flags: Ipv4Flag.dontFragment,
      protocol: number,
      src: source.word(0),
      dst: destination.word(0),
    })
    fixIpv4Checksum(bytes, 0)
  } else {
    writeIpv6(bytes, 0, {
      payloadLength: end - l4,
      nextHeader: number,
      hopLimit: 64,
      src: source.bytes,
      dst: destination.bytes,
    })
  }
  if (protocol === 'tcp') writeTcp(bytes, l4, { srcPort, dstPort, sequence: 1, flags: TcpFlag.syn, window: 65_535 })
  else if (protocol === 'udp') writeUdp(bytes, l4, { srcPort, dstPort, length: end - l4 })
  else if (isV4) writeIcmp(bytes, l4, { type: 8, rest: (srcPort << 16) | 1 })
  else writeIcmpv6(bytes, l4, { type: 128, rest: (srcPort << 16) | 1 })
  fixTransportChecksum(bytes, 0, l4, end)
  return bytes
}
