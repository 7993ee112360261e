/** Segments in packets: the TCP header with its options between bytes and `InSegment`, `OutSegment`, and the sum over a segment. */
import {
  ipv4Ecn,
  ipv6Ecn,
  IpProtocol,
  pseudoSumIpv4,
  pseudoSumIpv6,
  setTcpAcknowledgment,
  setTcpChecksum,
  setTcpDataOffset,
  setTcpDstPort,
  setTcpFlags,
  setTcpReserved,
  setTcpSequence,
  setTcpSrcPort,
  setTcpUrgent,
  setTcpWindow,
  TCP_MIN,
  tcpAcknowledgment,
  tcpFlags,
  tcpSequence,
  tcpWindow,
} from '@lodestone/packet'
import type { ArenaSum } from '../arena-sum.ts'
import { readSegmentOptions, segmentOptionsLength, writeSegmentOptions } from './segment-options.ts'
import type { InSegment, OutSegment } from './segment.ts'

/** Sum of the pseudo-header of the packet at `l3` and everything from `l4` to `end`. */
export function sumSegment(sum: ArenaSum, bytes: Uint8Array, l3: number, l4: number, end: number): number {
  const pseudo =
    bytes[l3]! >>> 4 === 4
      ? pseudoSumIpv4(bytes, l3, IpProtocol.tcp, end - l4)
      : pseudoSumIpv6(bytes, l3, IpProtocol.tcp, end - l4)
  return pseudo + sum(l4, end)
}

/** Bytes of header and options. */
export function segmentHeaderLength(out: OutSegment): number {
  return TCP_MIN + segmentOptionsLength(out)
}

/** Everything but the payload; the checksum is 0. */
export function writeSegment(out: OutSegment, bytes: Uint8Array, l4: number, srcPort: number, dstPort: number): void {
  const header = segmentHeaderLength(out)
  setTcpSrcPort(bytes, l4, srcPort)
  setTcpDstPort(bytes, l4, dstPort)
  setTcpSequence(bytes, l4, out.sequence)
  setTcpAcknowledgment(bytes, l4, out.acknowledgment)
  setTcpDataOffset(bytes, l4, header / 4)
  setTcpReserved(bytes, l4, 0)
  setTcpFlags(bytes, l4, out.flags)
  setTcpWindow(bytes, l4, out.window)
  setTcpChecksum(bytes, l4, 0)
  setTcpUrgent(bytes, l4, 0)
  if (header > TCP_MIN) writeSegmentOptions(out, bytes, l4 + TCP_MIN)
}

export function readSegment(
  segment: InSegment,
  bytes: Uint8Array,
  l3: number,
  l4: number,
  payload: number,
  end: number,
): void {
  segment.ecn = bytes[l3]! >>> 4 === 4 ? ipv4Ecn(bytes, l3) : ipv6Ecn(bytes, l3)
  segment.sequence = tcpSequence(bytes, l4)
  segment.acknowledgment = tcpAcknowledgment(bytes, l4)
  segment.flags = tcpFlags(bytes, l4)
  segment.window = tcpWindow(bytes, l4)
  segment.payloadLength = end - payload
  readSegmentOptions(segment, bytes, l4, payload)
}
