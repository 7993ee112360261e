/**
 * Control packets of tcpdump's published captures (`tests/bfd*.pcap`), byte by byte, beside what tcpdump and we say that they are. Each
 * is written again as the same bytes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ControlPacket, decodeControlPacket, encodeControlPacket } from './control-packet.ts'
import { hex, toHex } from './hex.fixture.ts'

const VECTORS: ReadonlyArray<{ readonly from: string; readonly bytes: string; readonly says: string }> = [
  {
    from: 'bfd-multihop, the single-hop session beside it',
    bytes: '20c00318 7429abf9 d43a40c1 000493e0 000493e0 000493e0',
    says: 'Up x3 7429abf9 d43a40c1 300 300 300 ms',
  },
  {
    from: 'bfd-multihop, one side',
    bytes: '20c00318 89860b19 457f7451 00061a80 00061a80 00061a80',
    says: 'Up x3 89860b19 457f7451 400 400 400 ms',
  },
  {
    from: 'bfd-multihop, the other',
    bytes: '20c00318 457f7451 89860b19 000493e0 000493e0 000493e0',
    says: 'Up x3 457f7451 89860b19 300 300 300 ms',
  },
  {
    from: 'bfd_source_port_49152, control plane independent',
    bytes: '20c80318 80000001 80000001 000186a0 000186a0 00000000',
    says: 'Up x3 C 80000001 80000001 100 100 0 ms',
  },
  {
    from: 'bfd-lag, a poll',
    bytes: '20600318 0de60837 00000000 000f4240 000493e0 000493e0',
    says: 'Down x3 P de60837 0 1000 300 300 ms',
  },
  {
    from: 'bfd-sbfd, a reflector with echoes of no use to it',
    bytes: '20c00318 27acfe90 a2961c74 000493e0 00000000 00000000',
    says: 'Up x3 27acfe90 a2961c74 300 0 0 ms',
  },
  {
    from: 'bfd-raw-auth-simple',
    bytes: '20440521 00000001 00000000 000f4240 000f4240 00000000 01 09 02 736563726574',
    says: 'Down x5 1 0 1000 1000 0 ms simple-password 2 secret',
  },
  {
    from: 'bfd-raw-auth-sha1',
    bytes: `20440534 00000001 00000000 000f4240 000f4240 00000000
      05 1c 02 00 00000005 010203040506070809101112131415161718191a`,
    says: 'Down x5 1 0 1000 1000 0 ms meticulous-keyed-sha1 2 sequence 5 010203040506070809101112131415161718191a',
  },
  {
    from: 'bfd-raw-auth-md5, which is not implemented',
    bytes:
      '20440530 00000001 00000000 000f4240 000f4240 00000000 02 18 02 00 00000005 01020304050607080910111213141516',
    says: 'Down x5 1 0 1000 1000 0 ms unsupported authentication 2',
  },
]

function describe(packet: ControlPacket): string {
  const { authentication: section } = packet
  const times = [packet.desiredMinTxUs, packet.requiredMinRxUs, packet.requiredMinEchoRxUs].map((us) => us / 1000)
  const parts = [
    packet.state,
    `x${packet.detectMult}`,
    ...(packet.isPoll ? ['P'] : []),
    ...(packet.isFinal ? ['F'] : []),
    ...(packet.isControlPlaneIndependent ? ['C'] : []),
    packet.myDiscriminator.toString(16),
    packet.yourDiscriminator.toString(16),
    `${times.join(' ')} ms`,
  ]
  if (section?.kind === 'simple-password') {
    parts.push(`${section.kind} ${section.keyId} ${new TextDecoder().decode(section.password)}`)
  } else if (section?.kind === 'unsupported') {
    parts.push(`unsupported authentication ${section.type}`)
  } else if (section !== undefined) {
    parts.push(`${section.kind} ${section.keyId} sequence ${section.sequence} ${toHex(section.digest)}`)
  }
  return parts.join(' ')
}

for (const { from, bytes: text, says } of VECTORS) {
  test(`tcpdump ${from}`, () => {
    const bytes = hex(text)
    const result = decodeControlPacket(bytes)
    assert.ok(result.ok)
    assert.equal(describe(result.packet), says)
    assert.equal(toHex(encodeControlPacket(result.packet)), toHex(bytes))
  })
}
