/** Frames for tests: those of the rack's walk of a packet, byte for byte, and a small builder for others. */
import assert from 'node:assert/strict'
import { Ip, Mac } from '@lodestone/net'
import {
  ETHERNET_MIN,
  EtherType,
  fixIpv4Checksum,
  fixTransportChecksum,
  IpProtocol,
  IPV4_MIN,
  IPV6_MIN,
  parseFrame,
  ROW_END,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_SIZE,
  verifyIpv4Checksum,
  verifyTransportChecksum,
  L3Kind,
  SIDECAR_MIN,
  writeArp,
  writeEthernet,
  writeIpv4,
  writeIpv6,
  writeSidecar,
} from '@lodestone/packet'

export function hex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A SYN from the world to 1.2.3.4 port 80, at qsfp0. */
export const FRAME_A = hex(`
  a8402505 00840200 5e000101 08004500 00281234 40003906 ef8ccb00 71090102
  0304c93a 00501122 33440000 00005002 faf066f1 0000`)

/** The same on its way to the sled, as a switch with hardware checksums and no tunnel source sends it. */
export const FRAME_B = hex(`
  a8402504 0270a840 25050064 86dd6000 0000004a 11fe0000 00000000 00000000
  00000000 0000fd00 11223344 01040000 00000000 000117c1 17c1004a 40b80100
  65581c51 21000129 0000a840 25f411d7 00000000 00000800 45000028 12344000
  3906ef8c cb007109 01020304 c93a0050 11223344 00000000 5002faf0 66f10000`)
/** Where frame B has its outer source address and its outer UDP checksum. */
export const FRAME_B_SOURCE = 14 + 8
export const FRAME_B_CHECKSUM = 14 + 40 + 6

/** The answer in its tunnel, from the sled. */
export const FRAME_E = hex(`
  a8402505 0064a840 25040270 86dd6000 00000046 1180fd00 11223344 01040000
  00000000 0001fdb1 a8442ecd 00000000 00000000 00013b37 17c10046 00000000
  65580000 6300a840 25777777 a84025f4 11d70800 45000028 00004000 4006fac0
  01020304 cb007109 0050c93a a0b0c0d0 11223345 5012faf0 055f0000`)

/** The answer on its way to the upstream router. */
export const FRAME_F = hex(`
  02005e00 0101a840 25050084 08004500 00280000 40003f06 fbc00102 0304cb00
  71090050 c93aa0b0 c0d01122 33455012 faf0055f 0000`)

/** Between two sleds, and the same one hop later. */
export const FRAME_H = hex(`
  a8402505 0064a840 25040270 86dd6000 0000004e 1180fd00 11223344 01040000
  00000000 0001fd00 11223344 01010000 00000000 00016924 17c1004e 00000200
  65581c51 21000129 02010000 0000a840 25f2a4ea a84025f4 11d70800 45000028
  00004000 4006e288 ac1e0005 ac1e0006 9c400050 01020304 00000000 5002faf0
  bc130000`)

export const ROUTER_MAC = Mac.of('02:00:5e:00:01:01')
export const SLED_MAC = Mac.of('a8:40:25:04:02:70')
export const QSFP0_MAC = Mac.of('a8:40:25:05:00:84')
export const REAR0_MAC = Mac.of('a8:40:25:05:00:64')
export const SLED_IP = Ip.of('fd00:1122:3344:104::1')
export const GUEST_MAC = Mac.of('a8:40:25:f4:11:d7')
export const GUEST_VNI = 0x1c5121
export const TUNNEL_SOURCE = Ip.of('fdb1:a844:2ecd::1')

export interface PacketOptions {
  readonly src: string
  readonly dst: string
  readonly ttl?: number
  readonly protocol?: number
  /** Transport header and payload; its checksum is filled in where the protocol has one. */
  readonly payload?: Uint8Array
  readonly dstMac?: Mac
  readonly srcMac?: Mac
  readonly fragmentOffset?: number
  readonly flags?: number
}

/** An Ethernet frame with an IPv4 or IPv6 packet, by the family of the addresses. */
export function packet(options: PacketOptions): Uint8Array {
  const src = Ip.of(options.src)
  const dst = Ip.of(options.dst)
  const isV4 = src.family === 4
  const payload = options.payload ?? udp(1000, 2000)
  const l4 = ETHERNET_MIN + (isV4 ? IPV4_MIN : IPV6_MIN)
  const frame = new Uint8Array(l4 + payload.length)
  writeEthernet(frame, 0, {
    dst: (options.dstMac ?? (dst.isMulticast ? Mac.forMulticast(dst) : QSFP0_MAC)).bytes,
    src: (options.srcMac ?? ROUTER_MAC).bytes,
    etherType: isV4 ? EtherType.ipv4 : EtherType.ipv6,
  })
  frame.set(payload, l4)
  if (isV4) {
    writeIpv4(frame, ETHERNET_MIN, {
      totalLength: IPV4_MIN + payload.length,
      ttl: options.ttl ?? 64,
      protocol: options.protocol ?? IpProtocol.udp,
      fragmentOffset: options.fragmentOffset ?? 0,
      flags: options.flags ?? 0,
      src: src.word(0),
      dst: dst.word(0),
    })
    fixIpv4Checksum(frame, ETHERNET_MIN)
  } else {
    writeIpv6(frame, ETHERNET_MIN, {
      payloadLength: payload.length,
      nextHeader: options.protocol ?? IpProtocol.udp,
      hopLimit: options.ttl ?? 64,
      src: src.bytes,
      dst: dst.bytes,
    })
  }
  if ((options.fragmentOffset ?? 0) === 0) fixTransportChecksum(frame, ETHERNET_MIN, l4, frame.length)
  return frame
}

export function udp(srcPort: number, dstPort: number, data = 4): Uint8Array {
  const bytes = new Uint8Array(8 + data).fill(0x5a)
  new DataView(bytes.buffer).setUint16(0, srcPort)
  new DataView(bytes.buffer).setUint16(2, dstPort)
  new DataView(bytes.buffer).setUint16(4, bytes.length)
  return bytes
}

export function icmp(type: number, code: number, data = 8, rest = 0x0102_0003): Uint8Array {
  const bytes = new Uint8Array(8 + data).fill(0x61, 8)
  bytes[0] = type
  bytes[1] = code
  new DataView(bytes.buffer).setUint32(4, rest)
  return bytes
}

export function arp(operation: 1 | 2, senderMac: Mac, sender: string, target: string): Uint8Array {
  const frame = new Uint8Array(60)
  writeEthernet(frame, 0, { dst: Mac.broadcast.bytes, src: senderMac.bytes, etherType: EtherType.arp })
  writeArp(frame, ETHERNET_MIN, {
    operation,
    senderMac: senderMac.bytes,
    senderIp: Ip.of(sender).word(0),
    targetIp: Ip.of(target).word(0),
  })
  return frame
}

/** The frame as the pipeline hands it to the CPU. */
export function punted(
  frame: Uint8Array,
  sidecar: { code: number; ingress: number; egress?: number; payload?: Uint8Array },
): Uint8Array {
  const out = new Uint8Array(frame.length + SIDECAR_MIN)
  out.set(frame.subarray(0, 12))
  out[12] = EtherType.sidecar >> 8
  out[13] = EtherType.sidecar & 0xff
  const payload = new Uint8Array(16)
  if (sidecar.payload !== undefined) payload.set(sidecar.payload, 16 - sidecar.payload.length)
  writeSidecar(out, ETHERNET_MIN, {
    code: sidecar.code,
    ingress: sidecar.ingress,
    egress: sidecar.egress ?? 0,
    etherType: (frame[12]! << 8) | frame[13]!,
    payload,
  })
  out.set(frame.subarray(ETHERNET_MIN), ETHERNET_MIN + SIDECAR_MIN)
  return out
}

/** Without the header of the CPU port. */
export function stripped(frame: Uint8Array): Uint8Array {
  const header = frame.subarray(ETHERNET_MIN, ETHERNET_MIN + SIDECAR_MIN)
  return Uint8Array.of(...frame.subarray(0, 12), header[6]!, header[7]!, ...frame.subarray(ETHERNET_MIN + SIDECAR_MIN))
}

/** Parses a frame and asserts that it is well formed with right checksums. @returns its row. */
export function checked(frame: Uint8Array): Int32Array {
  const row = new Int32Array(ROW_SIZE)
  assert.equal(parseFrame(frame, 0, frame.length, row), 0, `malformed frame ${toHex(frame)}`)
  const l3 = row[ROW_L3]!
  if (row[ROW_L3_KIND] === L3Kind.ipv4) assert.ok(verifyIpv4Checksum(frame, l3), 'IPv4 header checksum')
  if (row[ROW_L4]! >= 0) {
    assert.ok(verifyTransportChecksum(frame, l3, row[ROW_L4]!, row[ROW_END]!), 'transport checksum')
  }
  return row
}
