import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { packetDigest, sealPacket } from './authentication-section.ts'
import { type ControlPacket, decodeControlPacket, encodeControlPacket } from './control-packet.ts'
import { hex, toHex } from './hex.fixture.ts'

const UP = `
  20 c0 03 18   # version 1, no diagnostic, Up, multiplier 3, 24 bytes
  00 00 00 0b   # my discriminator
  de ad be ef   # your discriminator
  00 04 93 e0   # 300 000 us
  00 03 0d 40   # 200 000 us
  00 00 c3 50   # echo 50 000 us
`
const UP_PACKET: ControlPacket = {
  diagnostic: 0,
  state: 'Up',
  isPoll: false,
  isFinal: false,
  isControlPlaneIndependent: false,
  isDemand: false,
  detectMult: 3,
  myDiscriminator: 11,
  yourDiscriminator: 0xdeadbeef,
  desiredMinTxUs: 300_000,
  requiredMinRxUs: 200_000,
  requiredMinEchoRxUs: 50_000,
}

const VECTORS: ReadonlyArray<{ readonly name: string; readonly bytes: string; readonly packet: ControlPacket }> = [
  { name: 'a session that is up', bytes: UP, packet: UP_PACKET },
  {
    name: 'a first packet in Down with detection time expired',
    bytes: '21 40 05 18 ff ff ff fe 00 00 00 00 00 0f 42 40 00 00 00 01 00 00 00 00',
    packet: {
      ...UP_PACKET,
      diagnostic: 1,
      state: 'Down',
      detectMult: 5,
      myDiscriminator: 0xfffffffe,
      yourDiscriminator: 0,
      desiredMinTxUs: 1_000_000,
      requiredMinRxUs: 1,
      requiredMinEchoRxUs: 0,
    },
  },
  {
    name: 'AdminDown',
    bytes: '27 00 01 18 00 00 00 01 00 00 00 00 00 0f 42 40 ff ff ff ff 00 00 00 00',
    packet: {
      ...UP_PACKET,
      diagnostic: 7,
      state: 'AdminDown',
      detectMult: 1,
      myDiscriminator: 1,
      yourDiscriminator: 0,
      desiredMinTxUs: 1_000_000,
      requiredMinRxUs: 0xffffffff,
      requiredMinEchoRxUs: 0,
    },
  },
  {
    name: 'a poll in Init, control plane independent, demand',
    bytes: '20 aa ff 18 00 00 00 0b de ad be ef 00 04 93 e0 00 03 0d 40 00 00 c3 50',
    packet: {
      ...UP_PACKET,
      state: 'Init',
      isPoll: true,
      isControlPlaneIndependent: true,
      isDemand: true,
      detectMult: 255,
    },
  },
  {
    name: 'a final answer with a simple password',
    bytes: '20 d4 03 20 00 00 00 0b de ad be ef 00 04 93 e0 00 03 0d 40 00 00 c3 50 01 08 07 6c 6f 64 65 73',
    packet: {
      ...UP_PACKET,
      isFinal: true,
      authentication: { kind: 'simple-password', keyId: 7, password: new TextEncoder().encode('lodes') },
    },
  },
  {
    name: 'meticulous keyed SHA1',
    bytes: `20 c4 03 34 00 00 00 0b de ad be ef 00 04 93 e0 00 03 0d 40 00 00 c3 50
            05 1c 02 00 80 00 00 01 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13`,
    packet: {
      ...UP_PACKET,
      authentication: {
        kind: 'meticulous-keyed-sha1',
        keyId: 2,
        sequence: 0x80000001,
        digest: Uint8Array.from({ length: 20 }, (_, i) => i),
      },
    },
  },
  {
    name: 'keyed MD5, which we do not know',
    bytes: `20 c4 03 1c 00 00 00 0b de ad be ef 00 04 93 e0 00 03 0d 40 00 00 c3 50 02 04 aa bb`,
    packet: { ...UP_PACKET, authentication: { kind: 'unsupported', type: 2, body: Uint8Array.of(0xaa, 0xbb) } },
  },
]

for (const { name, bytes, packet } of VECTORS) {
  test(`decodes and encodes ${name}`, () => {
    assert.deepEqual(decodeControlPacket(hex(bytes)), { ok: true, packet })
    assert.equal(toHex(encodeControlPacket(packet)), toHex(hex(bytes)))
  })

  test(`refuses every truncation of ${name}`, () => {
    const whole = hex(bytes)
    for (let length = 0; length < whole.length; length++) {
      const result = decodeControlPacket(whole.subarray(0, length))
      assert.equal(result.ok ? 'decoded' : result.error.kind, 'truncated', `${length} bytes`)
    }
  })

  test(`refuses ${name} when its length field is any other that fits`, () => {
    const whole = hex(bytes)
    for (let length = 0; length < whole.length; length++) {
      const changed = whole.slice()
      changed[3] = length
      const result = decodeControlPacket(changed)
      // An unauthenticated packet has 24 bytes and no more.
      assert.equal(result.ok, false, `length ${length}`)
    }
  })
}

test('ignores what follows the packet in the datagram', () => {
  const result = decodeControlPacket(Uint8Array.of(...hex(UP), 1, 2, 3))
  assert.deepEqual(result, { ok: true, packet: UP_PACKET })
})

test('says which field it refuses, and where', () => {
  const refused = (change: (bytes: Uint8Array) => void): unknown => {
    const bytes = hex(UP)
    change(bytes)
    const result = decodeControlPacket(bytes)
    return result.ok ? 'decoded' : result.error
  }
  assert.deepEqual(
    refused((b) => (b[0] = 0x00)),
    { kind: 'version', offset: 0 },
  )
  assert.deepEqual(
    refused((b) => (b[0] = 0x40)),
    { kind: 'version', offset: 0 },
  )
  assert.deepEqual(
    refused((b) => (b[2] = 0)),
    { kind: 'detect-multiplier', offset: 2 },
  )
  assert.deepEqual(
    refused((b) => (b[3] = 23)),
    { kind: 'length', offset: 3 },
  )
  assert.deepEqual(
    refused((b) => (b[1] = 0xc4)),
    { kind: 'length', offset: 3 },
  )
  assert.deepEqual(
    refused((b) => (b[3] = 25)),
    { kind: 'truncated', offset: 3 },
  )
  assert.deepEqual(
    refused((b) => (b[1] = 0xc1)),
    { kind: 'multipoint', offset: 1 },
  )
  assert.deepEqual(
    refused((b) => b.fill(0, 4, 8)),
    { kind: 'my-discriminator', offset: 4 },
  )
  assert.deepEqual(
    refused((b) => b.fill(0, 8, 12)),
    { kind: 'your-discriminator-missing', offset: 8 },
  )
})

test('refuses authentication sections whose length contradicts their type', () => {
  for (const section of ['01 03 07', '01 14 07' + ' 41'.repeat(17), '04 04 01 00', '05 1d' + ' 00'.repeat(27)]) {
    const body = hex(section)
    const bytes = Uint8Array.of(...hex(UP), ...body)
    bytes[1] = bytes[1]! | 0x04
    bytes[3] = bytes.length
    const result = decodeControlPacket(bytes)
    assert.equal(result.ok ? 'decoded' : result.error.kind, 'authentication-length', section)
  }
})

test('digests the packet with the padded secret in the place of the digest (RFC 5880 §6.7.4)', () => {
  const secret = new TextEncoder().encode('lodestone')
  const packet = hex(VECTORS[5]!.bytes)
  const keyed = packet.slice()
  keyed.fill(0, 32)
  keyed.set(secret, 32)
  const expected = createHash('sha1').update(keyed).digest('hex')
  assert.equal(toHex(packetDigest(packet, secret)), expected)
  sealPacket(packet, secret)
  assert.equal(toHex(packet.subarray(32)), expected)
  assert.equal(toHex(packetDigest(packet, secret)), expected, 'a sealed packet verifies')
})
