import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from '@lodestone/net'
import {
  EtherType,
  fixIpv4Checksum,
  IpProtocol,
  TcpFlag,
  writeEthernet,
  writeGeneve,
  writeIpv4,
  writeIpv6,
  writePcap,
  writeTcp,
  writeUdp,
} from '@lodestone/packet'
import { capturedQuestion } from './captured-frame.ts'

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1)
const INNER_BYTES = 54
const TUNNEL_BYTES = 14 + 40 + 8 + 8

/** A SYN from 192.0.2.1 port 40000 to 198.51.100.10 port 80. */
function syn(): Uint8Array {
  const frame = new Uint8Array(INNER_BYTES)
  writeEthernet(frame, 0, { dst: MAC, src: MAC, etherType: EtherType.ipv4 })
  const [src, dst] = [Ip.parse('192.0.2.1')!.word(0), Ip.parse('198.51.100.10')!.word(0)]
  writeIpv4(frame, 14, { totalLength: 40, protocol: IpProtocol.tcp, src, dst })
  fixIpv4Checksum(frame, 14)
  writeTcp(frame, 34, { srcPort: 40_000, dstPort: 80, sequence: 1, flags: TcpFlag.syn, window: 1000 })
  return frame
}

function inTunnel(inner: Uint8Array): Uint8Array {
  const frame = new Uint8Array(TUNNEL_BYTES + inner.length)
  writeEthernet(frame, 0, { dst: MAC, src: MAC, etherType: EtherType.ipv6 })
  const [src, dst] = [Ip.parse('fd00::1')!.bytes, Ip.parse('fd00::2')!.bytes]
  const length = frame.length - 54
  writeIpv6(frame, 14, { payloadLength: length, nextHeader: IpProtocol.udp, hopLimit: 64, src, dst })
  writeUdp(frame, 54, { srcPort: 1, dstPort: 6081, length })
  writeGeneve(frame, 62, { protocol: 0x6558, vni: 7 })
  frame.set(inner, TUNNEL_BYTES)
  return frame
}

const capture = (...frames: Uint8Array[]): Uint8Array =>
  writePcap(frames.map((bytes) => ({ seconds: 0, nanoseconds: 0, bytes })))

test('a frame is asked about as its IP packet, and one in a tunnel as what it carries', () => {
  const file = capture(inTunnel(syn()), syn())
  const packet = Buffer.from(syn().subarray(14)).toString('hex')
  const question = { to: '198.51.100.10', protocol: 'tcp', port: 80, source_port: 40_000, packet }
  for (const number of [1, 2]) assert.deepEqual(capturedQuestion(file, number), { ok: true, question })
})

test('what cannot be asked about says why, whatever the file', () => {
  const message = (file: Uint8Array, number = 1): string => {
    const result = capturedQuestion(file, number)
    return result.ok ? '' : result.message
  }
  assert.equal(message(Uint8Array.of(1, 2, 3)), 'the file is neither pcapng nor pcap')
  assert.equal(message(capture(syn()), 2), 'the capture has 1 frames')
  const ospf = syn()
  ospf[23] = 89
  fixIpv4Checksum(ospf, 14)
  assert.equal(message(capture(ospf)), 'frame 1 is of IP protocol 89: TCP, UDP and ICMP can be explained')
  for (const whole of [syn(), inTunnel(syn())]) {
    for (let length = 0; length < whole.length; length++) {
      assert.match(message(capture(whole.subarray(0, length))), /^frame 1 holds no whole IPv4 or IPv6 packet$/)
    }
  }
})
