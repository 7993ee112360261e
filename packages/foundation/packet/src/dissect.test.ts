import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as packet from './index.ts'
import { goldenFrames } from './golden-frames.ts'

/** Names of the layers of a frame of `length` bytes. */
function names(bytes: Uint8Array, length: number): string[] {
  return packet.dissect(bytes, 0, length).map((layer) => layer.name)
}

test('a sidecar frame shows the header and the frame behind it', () => {
  const bytes = new Uint8Array(200)
  let at = packet.writeEthernet(bytes, 0, { etherType: packet.EtherType.sidecar })
  at += packet.writeSidecar(bytes, at, { code: 1, ingress: 3, etherType: packet.EtherType.ipv6 })
  at += packet.writeIpv6(bytes, at, { nextHeader: 58, payloadLength: 24 })
  at += packet.writeNdpNeighborSolicit(bytes, at, { target: Uint8Array.of(0xfe, 0x80, ...new Uint8Array(13), 1) })
  assert.deepEqual(names(bytes, at), ['ethernet', 'sidecar', 'ipv6', 'ndpNeighborSolicit'])
  assert.equal(
    packet.summarize(bytes, 0, at),
    'Sidecar forwardToUser ingress 3 egress 0 | IPv6 :: > :: ICMPv6 neighborSolicit who has fe80::1',
  )
})

test('DDM elements are shown one by one, with the header they precede', () => {
  const bytes = new Uint8Array(200)
  let at = packet.writeEthernet(bytes, 0, { etherType: packet.EtherType.ipv6 })
  at += packet.writeIpv6(bytes, at, { nextHeader: packet.IpProtocol.ddm, payloadLength: 12 + 20 })
  at += packet.writeDdm(bytes, at, { nextHeader: 6, ack: 1, elements: Uint8Array.of(2, 0, 1, 0, 5, 0, 0, 9) })
  at += packet.writeTcp(bytes, at, { srcPort: 1, dstPort: 2, flags: 0x10 })
  const ddm = packet.dissect(bytes, 0, at).find((layer) => layer.name === 'ddm')
  assert.deepEqual(
    ddm?.fields.slice(-2).map((field) => [field.name, field.value]),
    [
      ['element 2', '256 us'],
      ['element 5', '9 us'],
    ],
  )
  assert.equal(packet.summarize(bytes, 0, at), 'IPv6 [::]:1 > [::]:2 DDM ack TCP ACK')
})

test('an ICMP error shows the packet that it quotes, one level deeper', () => {
  const bytes = new Uint8Array(200)
  let at = packet.writeEthernet(bytes, 0, { etherType: packet.EtherType.ipv4 })
  at += packet.writeIpv4(bytes, at, { protocol: 1, totalLength: 28 + 28 })
  at += packet.writeIcmp(bytes, at, { type: packet.IcmpType.unreachable, code: 1 })
  bytes.set(goldenFrames.A.subarray(14, 42), at)
  at += 28
  const layers = packet.dissect(bytes, 0, at)
  assert.deepEqual(
    layers.map((layer) => [layer.name, layer.depth]),
    [
      ['ethernet', 0],
      ['ipv4', 0],
      ['icmp', 0],
      ['ipv4', 1],
      ['payload', 1],
    ],
  )
  assert.equal(packet.summarize(bytes, 0, at), 'IPv4 0.0.0.0 > 0.0.0.0 ICMP unreachable code 1')
})

test('padding, payload and ARP are named', () => {
  const bytes = new Uint8Array(60)
  packet.writeEthernet(bytes, 0, { etherType: packet.EtherType.arp })
  packet.writeArp(bytes, 14, { senderIp: 0x0a000001, targetIp: 0x0a000002 })
  assert.deepEqual(names(bytes, 60), ['ethernet', 'arp', 'payload'])
  assert.equal(packet.summarize(bytes, 0, 60), 'ARP request who has 10.0.0.2 tell 10.0.0.1')
  packet.setArpOperation(bytes, 14, 2)
  assert.equal(packet.summarize(bytes, 0, 60), 'ARP reply 10.0.0.1 is at 00:00:00:00:00:00')
  packet.writeEthernet(bytes, 0, { etherType: packet.EtherType.ipv4 })
  packet.writeIpv4(bytes, 14, { protocol: 17, totalLength: 32 })
  packet.writeUdp(bytes, 34, { srcPort: 9, dstPort: 10, length: 12 })
  assert.deepEqual(names(bytes, 60), ['ethernet', 'ipv4', 'udp', 'payload', 'padding'])
  assert.equal(packet.summarize(bytes, 0, 60), 'IPv4 0.0.0.0:9 > 0.0.0.0:10 UDP length 4')
})

test('a DHCP message is recognised by its port', () => {
  const bytes = new Uint8Array(400)
  let at = packet.writeEthernet(bytes, 0, { etherType: packet.EtherType.ipv4 })
  at += packet.writeIpv4(bytes, at, { protocol: 17, totalLength: 28 + packet.DHCP_MIN })
  at += packet.writeUdp(bytes, at, { srcPort: 68, dstPort: 67, length: 8 + packet.DHCP_MIN })
  at += packet.writeDhcp(bytes, at, { xid: 0x11223344 })
  const layer = packet.dissect(bytes, 0, at).at(-1)
  assert.equal(layer?.summary, 'DHCP request xid 0x11223344 ciaddr 0.0.0.0 yiaddr 0.0.0.0')
})

test('options are shown by name: inside of TCP, after DHCP and after neighbor discovery messages', () => {
  const bytes = new Uint8Array(400)
  const options = packet.encodeTcpOptions({ mss: 1460, sackPermitted: true })
  let at = packet.writeEthernet(bytes, 0, { etherType: packet.EtherType.ipv4 })
  at += packet.writeIpv4(bytes, at, { protocol: 6, totalLength: 48 })
  at += packet.writeTcp(bytes, at, { options })
  const shown = (length: number): string[] =>
    packet.dissect(bytes, 0, length).flatMap((layer) => layer.fields.map((field) => `${field.name}=${field.value}`))
  assert.ok(shown(at).includes('mss=1460') && shown(at).includes('sackPermitted=yes'))

  at = 34 + packet.writeUdp(bytes, 34, { srcPort: 67, dstPort: 68, length: 8 + packet.DHCP_MIN + 6 })
  packet.writeIpv4(bytes, 14, { protocol: 17, totalLength: 28 + packet.DHCP_MIN + 6 })
  at += packet.writeDhcp(bytes, at, {})
  at += packet.writeDhcpOptions(bytes, at, new Map([[53, Uint8Array.of(5)]]))
  bytes.fill(0, at, at + 2)
  assert.ok(shown(at + 2).includes('messageType=5'))
  assert.deepEqual(names(bytes, at + 2).slice(-2), ['options', 'payload'])

  at = packet.writeEthernet(bytes, 0, { etherType: packet.EtherType.ipv6 })
  at += packet.writeIpv6(bytes, at, { nextHeader: 58, payloadLength: 24 })
  at += packet.writeNdpRouterAdvert(bytes, at, {})
  at += packet.writeNdpOptions(bytes, at, [{ kind: 'mtu', mtu: 1500 }])
  assert.deepEqual(names(bytes, at).slice(-2), ['ndpRouterAdvert', 'options'])
  assert.ok(shown(at).includes('mtu=0000000005dc'))
})

test('a malformed header inside a tunnel is named where it is', () => {
  const frame = goldenFrames.B.slice()
  packet.setTcpDataOffset(frame, 108, 3)
  assert.match(packet.summarize(frame, 0, frame.length), /1\.2\.3\.4 malformed tcp: badDataOffset$/)
  const last = packet.dissect(frame, 0, frame.length).at(-1)
  assert.deepEqual([last?.name, last?.summary, last?.offset], ['malformed', 'malformed TCP: badDataOffset', 108])
})

test('fragments say which they are', () => {
  const frame = goldenFrames.A.slice()
  packet.setIpv4Flags(frame, 14, packet.Ipv4Flag.moreFragments)
  assert.equal(packet.summarize(frame, 0, frame.length), 'IPv4 203.0.113.9:51514 > 1.2.3.4:80 TCP SYN first fragment')
  packet.setIpv4FragmentOffset(frame, 14, 100)
  assert.equal(packet.summarize(frame, 0, frame.length), 'IPv4 203.0.113.9 > 1.2.3.4 TCP fragment at 800')
})
