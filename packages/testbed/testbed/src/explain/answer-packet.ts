/**
 * The packet with which a stack would answer one that reached it: TCP with the acknowledgment that its flags ask for, UDP from the port that was
 * asked, ICMP echo with its reply; as long as the packet itself.
 */
import {
  fixIpv4Checksum,
  fixTransportChecksum,
  Fragment,
  Icmpv6Type,
  IcmpType,
  IPV4_DST,
  IPV4_SRC,
  IPV6_DST,
  IPV6_SRC,
  IpProtocol,
  parseIp,
  ROW_END,
  ROW_FRAGMENT,
  ROW_L4,
  ROW_PROTOCOL,
  ROW_SIZE,
  setIpv4Ttl,
  setIpv6HopLimit,
  setTcpAcknowledgment,
  setTcpFlags,
  setTcpSequence,
  tcpDataOffset,
  TcpFlag,
  tcpFlags,
  tcpSequence,
} from '@lodestone/packet'

const HOP_LIMIT = 64

export type AnswerPacket = { readonly packet: Uint8Array } | { readonly none: string }

/** @param packet from the IP header on. */
export function answerPacket(packet: Uint8Array): AnswerPacket {
  const row = new Int32Array(ROW_SIZE)
  if (parseIp(packet, 0, packet.length, row) < 0) return { none: 'what arrives is no whole IP packet' }
  if (row[ROW_FRAGMENT] !== Fragment.none) return { none: 'a fragment has no answer of its own' }
  const end = row[ROW_END]!
  const l4 = row[ROW_L4]!
  const bytes = packet.slice(0, end)
  const isV4 = bytes[0]! >> 4 === 4
  const [source, destination, length] = isV4 ? [IPV4_SRC, IPV4_DST, 4] : [IPV6_SRC, IPV6_DST, 16]
  if (isGroup(packet, destination, isV4)) return { none: 'what is sent to a group is not answered to it' }
  bytes.copyWithin(source, destination, destination + length)
  bytes.set(packet.subarray(source, source + length), destination)
  if (isV4) setIpv4Ttl(bytes, 0, HOP_LIMIT)
  else setIpv6HopLimit(bytes, 0, HOP_LIMIT)
  switch (row[ROW_PROTOCOL]) {
    case IpProtocol.tcp:
      if ((tcpFlags(packet, l4) & TcpFlag.rst) !== 0) return { none: 'a reset is not answered' }
      answerTcp(bytes, packet, l4, end)
      break
    case IpProtocol.udp:
      swapPorts(bytes, packet, l4)
      break
    case IpProtocol.icmp:
      if (bytes[l4] !== IcmpType.echoRequest) return { none: 'of ICMP only echo requests are answered' }
      bytes[l4] = IcmpType.echoReply
      break
    case IpProtocol.icmpv6:
      if (bytes[l4] !== Icmpv6Type.echoRequest) return { none: 'of ICMP only echo requests are answered' }
      bytes[l4] = Icmpv6Type.echoReply
      break
    default:
      return { none: 'nobody knows how another IP protocol answers' }
  }
  if (isV4) fixIpv4Checksum(bytes, 0)
  fixTransportChecksum(bytes, 0, l4, end)
  return { packet: bytes }
}

function answerTcp(bytes: Uint8Array, asked: Uint8Array, l4: number, end: number): void {
  swapPorts(bytes, asked, l4)
  const flags = tcpFlags(asked, l4)
  const isSyn = (flags & TcpFlag.syn) !== 0
  const occupies = end - l4 - tcpDataOffset(asked, l4) * 4 + (isSyn ? 1 : 0) + ((flags & TcpFlag.fin) !== 0 ? 1 : 0)
  setTcpSequence(bytes, l4, 1)
  setTcpAcknowledgment(bytes, l4, (tcpSequence(asked, l4) + occupies) >>> 0)
  setTcpFlags(bytes, l4, isSyn && (flags & TcpFlag.ack) === 0 ? TcpFlag.syn | TcpFlag.ack : TcpFlag.ack)
}

function swapPorts(bytes: Uint8Array, asked: Uint8Array, l4: number): void {
  bytes.set(asked.subarray(l4 + 2, l4 + 4), l4)
  bytes.set(asked.subarray(l4, l4 + 2), l4 + 2)
}

function isGroup(packet: Uint8Array, at: number, isV4: boolean): boolean {
  return isV4
    ? packet[at]! >> 4 === 0xe || packet.subarray(at, at + 4).every((byte) => byte === 0xff)
    : packet[at] === 0xff
}
