/** For tests: frames built from a description, with right checksums unless asked otherwise. */
import { Ip, type Mac } from '@lodestone/net'
import {
  ETHERNET_MIN,
  EtherType,
  fixIpv4Checksum,
  fixTransportChecksum,
  GENEVE_MIN,
  ICMP_MIN,
  IPV4_MIN,
  IPV6_MIN,
  IpProtocol,
  parseFrame,
  ROW_END,
  ROW_L3,
  ROW_L4,
  ROW_SIZE,
  setIpv4Flags,
  setIpv4FragmentOffset,
  setIpv4Identification,
  setIpv4TotalLength,
  setIpv6PayloadLength,
  TcpFlag,
  TCP_MIN,
  UDP_MIN,
  UdpPort,
  verifyIpv4Checksum,
  verifyTransportChecksum,
  writeEthernet,
  writeGeneve,
  writeIcmp,
  writeIpv4,
  writeIpv6,
  writeTcp,
  writeUdp,
} from '@lodestone/packet'
import { GATEWAY_MAC } from './gateway/gateway-address.ts'
import { GUEST_MAC, SLED_A, SLED_MAC, REAR_MAC, VNI } from './sled-fixture.ts'

export interface FrameFields {
  readonly etherDst?: Mac
  readonly etherSrc?: Mac
  readonly src: string
  readonly dst: string
  readonly kind: 'tcp' | 'udp' | 'icmp' | 'other'
  /** Of kind other; default GRE. The payload is all of it. */
  readonly protocol?: number
  readonly srcPort?: number
  readonly dstPort?: number
  /** TCP flags; default SYN. */
  readonly flags?: number
  readonly sequence?: number
  readonly acknowledgment?: number
  /** ICMP; default echo request of the family. */
  readonly type?: number
  readonly code?: number
  readonly identifier?: number
  /** Fills the second half of the ICMP header instead of identifier and sequence. */
  readonly rest?: number
  readonly payload?: Uint8Array
  readonly ecn?: number
  readonly ipOptions?: Uint8Array
  readonly tcpOptions?: Uint8Array
  /** Sends UDP without a checksum. */
  readonly noChecksum?: boolean
}

/** From the guest to its gateway unless the MACs say otherwise. */
export function frame(fields: FrameFields): Uint8Array {
  const src = Ip.of(fields.src)
  const dst = Ip.of(fields.dst)
  const isV4 = src.family === 4
  const payload = fields.payload ?? new Uint8Array(0)
  const tcpOptions = fields.tcpOptions ?? new Uint8Array(0)
  const ipOptions = fields.ipOptions ?? new Uint8Array(0)
  const l4Bytes =
    fields.kind === 'other'
      ? 0
      : fields.kind === 'tcp'
        ? TCP_MIN + tcpOptions.length
        : fields.kind === 'udp'
          ? UDP_MIN
          : ICMP_MIN
  const l3Bytes = isV4 ? IPV4_MIN + ipOptions.length : IPV6_MIN
  const bytes = new Uint8Array(ETHERNET_MIN + l3Bytes + l4Bytes + payload.length)
  writeEthernet(bytes, 0, {
    dst: (fields.etherDst ?? GATEWAY_MAC).bytes,
    src: (fields.etherSrc ?? GUEST_MAC).bytes,
    etherType: isV4 ? EtherType.ipv4 : EtherType.ipv6,
  })
  const protocol =
    fields.kind === 'other'
      ? (fields.protocol ?? IpProtocol.gre)
      : fields.kind === 'icmp'
        ? isV4
          ? IpProtocol.icmp
          : IpProtocol.icmpv6
        : IpProtocol[fields.kind]
  const l3 = ETHERNET_MIN
  const l4 = l3 + l3Bytes
  const messageBytes = l4Bytes + payload.length
  if (isV4) {
    writeIpv4(bytes, l3, {
      totalLength: l3Bytes + messageBytes,
      flags: 2,
      ttl: 64,
      protocol,
      ecn: fields.ecn ?? 0,
      src: src.word(0),
      dst: dst.word(0),
      options: ipOptions,
    })
    fixIpv4Checksum(bytes, l3)
  } else {
    writeIpv6(bytes, l3, {
      payloadLength: messageBytes,
      nextHeader: protocol,
      hopLimit: 64,
      ecn: fields.ecn ?? 0,
      src: src.bytes,
      dst: dst.bytes,
    })
  }
  bytes.set(payload, l4 + l4Bytes)
  if (fields.kind === 'other') return bytes
  writeMessage(bytes, l4, fields, isV4, messageBytes, tcpOptions)
  if (fields.noChecksum !== true) fixTransportChecksum(bytes, l3, l4, bytes.length)
  return bytes
}

function writeMessage(
  bytes: Uint8Array,
  l4: number,
  fields: FrameFields,
  isV4: boolean,
  length: number,
  options: Uint8Array,
): void {
  const srcPort = fields.srcPort ?? 40000
  const dstPort = fields.dstPort ?? 80
  if (fields.kind === 'tcp') {
    writeTcp(bytes, l4, {
      srcPort,
      dstPort,
      sequence: fields.sequence ?? 1000,
      acknowledgment: fields.acknowledgment ?? 0,
      flags: fields.flags ?? TcpFlag.syn,
      window: 64000,
      options,
    })
  } else if (fields.kind === 'udp') {
    writeUdp(bytes, l4, { srcPort, dstPort, length, checksum: 0 })
  } else {
    const identifier = fields.identifier ?? 7
    writeIcmp(bytes, l4, {
      type: fields.type ?? (isV4 ? 8 : 128),
      code: fields.code ?? 0,
      rest: fields.rest ?? ((identifier << 16) | 1) >>> 0,
    })
  }
}

/**
 * Cuts a frame without IP options or extension headers into fragments.
 * @param pieceBytes of the IP payload in each but the last; a multiple of 8.
 */
export function fragmentsOf(whole: Uint8Array, pieceBytes: number, id = 1): Uint8Array[] {
  const l3 = ETHERNET_MIN
  const isV4 = whole[l3]! >> 4 === 4
  const from = l3 + (isV4 ? IPV4_MIN : IPV6_MIN)
  const fragments: Uint8Array[] = []
  for (let at = from; at < whole.length; at += pieceBytes) {
    const piece = whole.subarray(at, Math.min(at + pieceBytes, whole.length))
    fragments.push(fragmentOf(whole, piece, at - from, at + pieceBytes < whole.length, id))
  }
  return fragments
}

/** One fragment with the IP header of `whole`. */
export function fragmentOf(
  whole: Uint8Array,
  piece: Uint8Array,
  offsetBytes: number,
  hasMore: boolean,
  id: number,
): Uint8Array {
  const l3 = ETHERNET_MIN
  if (whole[l3]! >> 4 === 4) {
    const bytes = new Uint8Array(l3 + IPV4_MIN + piece.length)
    bytes.set(whole.subarray(0, l3 + IPV4_MIN))
    bytes.set(piece, l3 + IPV4_MIN)
    setIpv4TotalLength(bytes, l3, IPV4_MIN + piece.length)
    setIpv4Identification(bytes, l3, id)
    setIpv4Flags(bytes, l3, hasMore ? 1 : 0)
    setIpv4FragmentOffset(bytes, l3, offsetBytes / 8)
    fixIpv4Checksum(bytes, l3)
    return bytes
  }
  const header = new Uint8Array(8)
  header[0] = whole[l3 + 6]!
  new DataView(header.buffer).setUint16(2, offsetBytes | (hasMore ? 1 : 0))
  new DataView(header.buffer).setUint32(4, id)
  const bytes = new Uint8Array(l3 + IPV6_MIN + 8 + piece.length)
  bytes.set(whole.subarray(0, l3 + IPV6_MIN))
  bytes.set(header, l3 + IPV6_MIN)
  bytes.set(piece, l3 + IPV6_MIN + 8)
  bytes[l3 + 6] = IpProtocol.fragment
  setIpv6PayloadLength(bytes, l3, 8 + piece.length)
  return bytes
}

export interface TunnelFields {
  readonly vni?: number
  /** Adds the External option, as a switch does. */
  readonly isExternal?: boolean
  readonly src?: Ip
  readonly dst?: Ip
  readonly options?: Uint8Array
}

export const EXTERNAL_OPTION = new Uint8Array([0x01, 0x29, 0, 0])

/** A frame as it arrives from the underlay, from the outer Ethernet header on. */
export function encapsulated(inner: Uint8Array, fields: TunnelFields = {}): Uint8Array {
  const options = fields.options ?? (fields.isExternal === true ? EXTERNAL_OPTION : new Uint8Array(0))
  const udpBytes = UDP_MIN + GENEVE_MIN + options.length + inner.length
  const bytes = new Uint8Array(ETHERNET_MIN + IPV6_MIN + udpBytes)
  writeEthernet(bytes, 0, { dst: SLED_MAC.bytes, src: REAR_MAC.bytes, etherType: EtherType.ipv6 })
  let at = ETHERNET_MIN
  at += writeIpv6(bytes, at, {
    payloadLength: udpBytes,
    nextHeader: IpProtocol.udp,
    hopLimit: 127,
    src: (fields.src ?? (fields.isExternal === true ? Ip.of('::') : Ip.of('fd00:1122:3344:101::1'))).bytes,
    dst: (fields.dst ?? SLED_A).bytes,
  })
  at += writeUdp(bytes, at, { srcPort: 6081, dstPort: UdpPort.geneve, length: udpBytes, checksum: 0 })
  at += writeGeneve(bytes, at, { protocol: EtherType.teb, vni: fields.vni ?? VNI, options })
  bytes.set(inner, at)
  return bytes
}

/** The inner frame of what an engine sent (which begins at the outer IPv6 header). */
export function innerOf(sent: Uint8Array): Uint8Array {
  const geneve = IPV6_MIN + UDP_MIN
  return sent.slice(geneve + GENEVE_MIN + (sent[geneve]! & 0x3f) * 4)
}

export function vniOf(sent: Uint8Array): number {
  const at = IPV6_MIN + UDP_MIN + 4
  return (sent[at]! << 16) | (sent[at + 1]! << 8) | sent[at + 2]!
}

export function outerDstOf(sent: Uint8Array): string {
  return Ip.fromBytes(sent, 24, 16).toString()
}

/** What tests look at in a frame. */
export interface FrameView {
  readonly src: string
  readonly dst: string
  readonly srcPort: number
  readonly dstPort: number
  readonly isChecksumRight: boolean
}

export function look(bytes: Uint8Array): FrameView {
  const row = new Int32Array(ROW_SIZE)
  const error = parseFrame(bytes, 0, bytes.length, row)
  if (error < 0) throw new Error(`the frame does not parse: ${error}`)
  const l3 = row[ROW_L3]!
  const isV4 = bytes[l3]! >> 4 === 4
  const length = isV4 ? 4 : 16
  const l4 = row[ROW_L4]!
  return {
    src: Ip.fromBytes(bytes, l3 + (isV4 ? 12 : 8), length).toString(),
    dst: Ip.fromBytes(bytes, l3 + (isV4 ? 16 : 24), length).toString(),
    srcPort: row[8]!,
    dstPort: row[9]!,
    isChecksumRight: (!isV4 || verifyIpv4Checksum(bytes, l3)) && verifyTransportChecksum(bytes, l3, l4, row[ROW_END]!),
  }
}
