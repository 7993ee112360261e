import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as packet from './index.ts'
import { ParseError } from './index.ts'

test('all four ECN values survive read and write, in IPv4 and IPv6', () => {
  for (let ecn = 0; ecn < 4; ecn++) {
    const bytes = new Uint8Array(40)
    packet.writeIpv4(bytes, 0, { ecn, dscp: 0x3f })
    assert.equal(packet.readIpv4(bytes, 0).ecn, ecn)
    assert.equal(bytes[1], 0xfc | ecn)
    packet.writeIpv6(bytes, 0, { ecn, dscp: 0x2a, flowLabel: 0xfffff })
    assert.equal(packet.readIpv6(bytes, 0).ecn, ecn)
    assert.equal(packet.readIpv6(bytes, 0).dscp, 0x2a)
    assert.equal(packet.readIpv6(bytes, 0).flowLabel, 0xfffff)
  }
})

test('IPv4 with 40 bytes of options checks, verifies and reads back', () => {
  const options = Uint8Array.from({ length: 40 }, (_, i) => i + 1)
  const bytes = new Uint8Array(60)
  assert.equal(packet.writeIpv4(bytes, 0, { options, protocol: 6, src: 0x0a000001, dst: 0xffffffff }), 60)
  packet.fixIpv4Checksum(bytes, 0)
  assert.equal(packet.checkIpv4(bytes, 0, 60), 60)
  assert.equal(packet.ipv4Ihl(bytes, 0), 15)
  assert.equal(packet.ipv4TotalLength(bytes, 0), 60)
  assert.equal(packet.ipv4Dst(bytes, 0), 0xffffffff)
  assert.deepEqual(packet.readIpv4Options(bytes, 0), options)
  assert.ok(packet.verifyIpv4Checksum(bytes, 0))
  bytes[59]! ^= 1
  assert.ok(!packet.verifyIpv4Checksum(bytes, 0))
  assert.throws(() => packet.writeIpv4(new Uint8Array(80), 0, { options: new Uint8Array(41) }), RangeError)
})

test('TCP data offsets below 5 are rejected', () => {
  const bytes = new Uint8Array(60)
  packet.writeTcp(bytes, 0, {})
  for (let words = 0; words < 16; words++) {
    packet.setTcpDataOffset(bytes, 0, words)
    assert.equal(packet.checkTcp(bytes, 0, 60), words < 5 ? ParseError.badDataOffset : words * 4)
  }
})

test('each malformation of a header has its own error', () => {
  const ip = new Uint8Array(40)
  packet.writeIpv4(ip, 0, {})
  packet.setIpv4Version(ip, 0, 6)
  assert.equal(packet.checkIpv4(ip, 0, 40), ParseError.badVersion)
  packet.writeIpv4(ip, 0, {})
  packet.setIpv4Ihl(ip, 0, 4)
  assert.equal(packet.checkIpv4(ip, 0, 40), ParseError.badHeaderLength)
  packet.writeIpv4(ip, 0, { totalLength: 19 })
  assert.equal(packet.checkIpv4(ip, 0, 40), ParseError.badLength)
  packet.writeIpv4(ip, 0, { totalLength: 41 })
  assert.equal(packet.checkIpv4(ip, 0, 40), ParseError.truncated)
  assert.equal(packet.checkIpv4Quoted(ip, 0, 40), 20)
  packet.writeIpv6(ip, 0, { payloadLength: 1 })
  assert.equal(packet.checkIpv6(ip, 0, 40), ParseError.truncated)
  packet.writeUdp(ip, 0, { length: 7 })
  assert.equal(packet.checkUdp(ip, 0, 40), ParseError.badLength)
  packet.writeArp(ip, 0, { hardwareLength: 8 })
  assert.equal(packet.checkArp(ip, 0, 40), ParseError.badLength)
  packet.writeArp(ip, 0, { protocolType: 0x86dd })
  assert.equal(packet.checkArp(ip, 0, 40), ParseError.unsupported)
  packet.writeGeneve(ip, 0, { version: 1 })
  assert.equal(packet.checkGeneve(ip, 0, 40), ParseError.badVersion)
  assert.equal(packet.parseErrorName(ParseError.badDataOffset), 'badDataOffset')
  assert.equal(packet.parseErrorName(0), 'none')
})

test('the DDM header is the layout of the switch program: ack is the high bit, an id precedes its timestamp', () => {
  const elements = Uint8Array.of(7, 0x01, 0x02, 0x03, 9, 0xff, 0xff, 0xff)
  const bytes = new Uint8Array(12)
  assert.equal(packet.writeDdm(bytes, 0, { nextHeader: 6, ack: 1, elements }), 12)
  assert.deepEqual([...bytes], [6, 11, 1, 0x80, 7, 1, 2, 3, 9, 255, 255, 255])
  assert.equal(packet.checkDdm(bytes, 0, 12), 12)
  assert.equal(packet.ddmElementId(bytes, 4), 7)
  assert.equal(packet.ddmElementTimestamp(bytes, 4), 0x010203)
  for (const restLength of [2, 4, 10, 71]) {
    packet.setDdmRestLength(bytes, 0, restLength)
    assert.equal(packet.checkDdm(bytes, 0, 12), ParseError.badHeaderLength)
  }
})

test('the sidecar header is 24 bytes', () => {
  const bytes = new Uint8Array(24)
  const payload = Uint8Array.from({ length: 16 }, (_, i) => i)
  packet.writeSidecar(bytes, 0, { code: packet.SidecarCode.arpNeeded, ingress: 0x102, etherType: 0x0800, payload })
  assert.deepEqual(bytes.slice(0, 8), Uint8Array.of(3, 0, 1, 2, 0, 0, 8, 0))
  assert.equal(packet.checkSidecar(bytes, 0, 24), 24)
  assert.equal(packet.describeSidecar(bytes, 0), 'Sidecar arpNeeded ingress 258 egress 0 ipv4')
})

test('tails are padded with zeros to whole units', () => {
  const bytes = new Uint8Array(32).fill(0xff)
  assert.equal(packet.writeTcp(bytes, 0, { options: Uint8Array.of(1, 2, 3) }), 24)
  assert.deepEqual(bytes.slice(20, 25), Uint8Array.of(1, 2, 3, 0, 0xff))
  bytes.fill(0xff)
  assert.equal(packet.writeIpv6Ext(bytes, 0, {}), 8)
  assert.equal(packet.checkIpv6Ext(bytes, 0, 32), 8)
  assert.deepEqual(bytes.slice(0, 9), Uint8Array.of(59, 0, 0, 0, 0, 0, 0, 0, 0xff))
})

test('MAC, IPv4 and IPv6 addresses are shown in canonical form', () => {
  assert.equal(packet.formatIpv4(0xcb007109), '203.0.113.9')
  assert.equal(packet.formatMac(Uint8Array.of(0xa8, 0x40, 0x25, 0xff, 0x77, 0x07), 0), 'a8:40:25:ff:77:07')
  const v6 = (...groups: number[]): string =>
    packet.formatIpv6(Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])), 0)
  assert.equal(v6(0, 0, 0, 0, 0, 0, 0, 0), '::')
  assert.equal(v6(0, 0, 0, 0, 0, 0, 0, 1), '::1')
  assert.equal(v6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), '2001:db8::1:0:0:1')
  assert.equal(v6(0x2001, 0, 0, 1, 0, 0, 0, 1), '2001:0:0:1::1')
  assert.equal(v6(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1), '2001:db8:0:1:1:1:1:1')
  assert.equal(v6(0xfe80, 0, 0, 0, 0, 0, 0, 0), 'fe80::')
  assert.equal(v6(0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7109), '::ffff:203.0.113.9')
})
