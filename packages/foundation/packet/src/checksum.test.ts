import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  finishChecksum,
  fixIpv4Checksum,
  fixTransportChecksum,
  IpProtocol,
  sumBytes,
  udpChecksum,
  updateChecksum16,
  verifyTransportChecksum,
  writeDdm,
  writeIcmp,
  writeIcmpv6,
  writeIpv4,
  writeIpv6,
  writeIpv6Fragment,
  writeTcp,
  writeUdp,
} from './index.ts'

test('the example of RFC 1071 §3 sums to ddf2', () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
  assert.equal(finishChecksum(sumBytes(bytes, 0, 8)), ~0xddf2 & 0xffff)
})

test('the examples of RFC 1624 §4 come out as there', () => {
  assert.equal(updateChecksum16(0xdd2f, 0x5555, 0x3285), 0x0000)
})

test('a header that is known from elsewhere gets its known checksum', () => {
  const bytes = new Uint8Array(20)
  writeIpv4(bytes, 0, {
    totalLength: 0x73,
    flags: 2,
    ttl: 0x40,
    protocol: IpProtocol.udp,
    src: 0xc0a80001,
    dst: 0xc0a800c7,
  })
  fixIpv4Checksum(bytes, 0)
  assert.deepEqual([bytes[10], bytes[11]], [0xb8, 0x61])
})

test('a UDP checksum that computes to 0 is sent as ffff, over IPv4 and IPv6, and verifies', () => {
  const bytes = new Uint8Array(60)
  for (const write of [
    () => writeIpv4(bytes, 0, { totalLength: 30, protocol: IpProtocol.udp, src: 0x0a000001, dst: 0x0a000002 }),
    () => writeIpv6(bytes, 0, { payloadLength: 10, nextHeader: IpProtocol.udp }),
  ]) {
    const l4 = write()
    const end = l4 + 10
    writeUdp(bytes, l4, { srcPort: 1, dstPort: 2, length: 10 })
    // A payload word equal to the checksum over the rest makes the sum ffff and its complement 0.
    bytes[l4 + 8] = 0
    bytes[l4 + 9] = 0
    assert.ok(fixTransportChecksum(bytes, 0, l4, end))
    const checksum = udpChecksum(bytes, l4)
    bytes[l4 + 8] = checksum >>> 8
    bytes[l4 + 9] = checksum & 0xff
    assert.ok(fixTransportChecksum(bytes, 0, l4, end))
    assert.equal(udpChecksum(bytes, l4), 0xffff)
    assert.ok(verifyTransportChecksum(bytes, 0, l4, end))
  }
})

test('a UDP checksum of 0 is none over IPv4 and wrong over IPv6', () => {
  const bytes = new Uint8Array(60)
  writeIpv4(bytes, 0, { totalLength: 28, protocol: IpProtocol.udp })
  writeUdp(bytes, 20, {})
  assert.ok(verifyTransportChecksum(bytes, 0, 20, 28))
  writeIpv6(bytes, 0, { payloadLength: 8, nextHeader: IpProtocol.udp })
  writeUdp(bytes, 40, {})
  assert.ok(!verifyTransportChecksum(bytes, 0, 40, 48))
})

test('ICMP has no pseudo-header and ICMPv6 has one', () => {
  const bytes = new Uint8Array(64)
  writeIpv4(bytes, 0, { totalLength: 30, protocol: IpProtocol.icmp, src: 1, dst: 2 })
  writeIcmp(bytes, 20, { type: 8, rest: 0x00010002 })
  assert.ok(fixTransportChecksum(bytes, 0, 20, 30))
  assert.ok(verifyTransportChecksum(bytes, 0, 20, 30))
  bytes[12] = 99
  assert.ok(verifyTransportChecksum(bytes, 0, 20, 30))
  writeIpv6(bytes, 0, { payloadLength: 9, nextHeader: IpProtocol.icmpv6 })
  writeIcmpv6(bytes, 40, { type: 128, rest: 5 })
  bytes[48] = 0x77
  assert.ok(fixTransportChecksum(bytes, 0, 40, 49))
  assert.ok(verifyTransportChecksum(bytes, 0, 40, 49))
  bytes[12] = 99
  assert.ok(!verifyTransportChecksum(bytes, 0, 40, 49))
})

test('the protocol of a message behind extension headers is that of the last one', () => {
  const bytes = new Uint8Array(80)
  let at = writeIpv6(bytes, 0, { payloadLength: 8 + 8 + 20, nextHeader: IpProtocol.ddm })
  at += writeDdm(bytes, at, { nextHeader: IpProtocol.fragment, elements: new Uint8Array(4) })
  at += writeIpv6Fragment(bytes, at, { nextHeader: IpProtocol.tcp })
  writeTcp(bytes, at, { srcPort: 5 })
  assert.equal(at, 56)
  assert.ok(fixTransportChecksum(bytes, 0, at, at + 20))
  assert.ok(verifyTransportChecksum(bytes, 0, at, at + 20))
  bytes[at + 1] = 6
  assert.ok(!verifyTransportChecksum(bytes, 0, at, at + 20))
})

test('what has no checksum, or is too short for one, is left alone', () => {
  const bytes = new Uint8Array(60)
  writeIpv4(bytes, 0, { totalLength: 40, protocol: IpProtocol.gre })
  assert.ok(!fixTransportChecksum(bytes, 0, 20, 40))
  assert.ok(verifyTransportChecksum(bytes, 0, 20, 40))
  writeIpv4(bytes, 0, { totalLength: 27, protocol: IpProtocol.udp })
  assert.ok(!fixTransportChecksum(bytes, 0, 20, 27))
  assert.ok(!verifyTransportChecksum(bytes, 0, 20, 27))
})
