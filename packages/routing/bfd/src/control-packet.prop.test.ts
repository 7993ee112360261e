import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AuthenticationSection } from './authentication-section.ts'
import { type ControlPacket, decodeControlPacket, encodeControlPacket, SESSION_STATES } from './control-packet.ts'
import { decodeEcho, encodeEcho } from './echo-packet.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const byte = fc.integer({ min: 0, max: 255 })

const plain = { noNullPrototype: true } as const

const section: fc.Arbitrary<AuthenticationSection> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('simple-password' as const),
      keyId: byte,
      password: fc.uint8Array({ minLength: 1, maxLength: 16 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constantFrom('keyed-sha1' as const, 'meticulous-keyed-sha1' as const),
      keyId: byte,
      sequence: u32,
      digest: fc.uint8Array({ minLength: 20, maxLength: 20 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('unsupported' as const),
      type: byte.filter((type) => type !== 1 && type !== 4 && type !== 5),
      body: fc.uint8Array({ maxLength: 40 }),
    },
    plain,
  ),
)

const packet: fc.Arbitrary<ControlPacket> = fc
  .record(
    {
      diagnostic: fc.integer({ min: 0, max: 31 }),
      state: fc.constantFrom(...SESSION_STATES),
      isPoll: fc.boolean(),
      isFinal: fc.boolean(),
      isControlPlaneIndependent: fc.boolean(),
      isDemand: fc.boolean(),
      detectMult: fc.integer({ min: 1, max: 255 }),
      myDiscriminator: fc.integer({ min: 1, max: 0xffffffff }),
      yourDiscriminator: u32,
      desiredMinTxUs: u32,
      requiredMinRxUs: u32,
      requiredMinEchoRxUs: u32,
      authentication: section,
    },
    {
      noNullPrototype: true,
      requiredKeys: [
        'diagnostic',
        'state',
        'isPoll',
        'isFinal',
        'isControlPlaneIndependent',
        'isDemand',
        'detectMult',
        'myDiscriminator',
        'yourDiscriminator',
        'desiredMinTxUs',
        'requiredMinRxUs',
        'requiredMinEchoRxUs',
      ],
    },
  )
  .filter(({ state, yourDiscriminator }) => yourDiscriminator !== 0 || state === 'Down' || state === 'AdminDown')

test('decoding an encoded packet gives the packet', () => {
  fc.assert(
    fc.property(packet, (value) => {
      assert.deepEqual(decodeControlPacket(encodeControlPacket(value)), { ok: true, packet: value })
    }),
  )
})

test('any bytes decode to a packet or to a refusal, and a decoded packet encodes to what decodes the same', () => {
  const plausible = fc
    .tuple(fc.uint8Array({ minLength: 24, maxLength: 64 }), fc.integer({ min: 20, max: 60 }))
    .map(([bytes, length]) => {
      bytes[0] = 0x20 | (bytes[0]! & 0x1f)
      bytes[3] = length
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), plausible), (bytes) => {
      const result = decodeControlPacket(bytes)
      if (!result.ok) return
      assert.deepEqual(decodeControlPacket(encodeControlPacket(result.packet)), result)
    }),
    { numRuns: 2000 },
  )
})

test('echo packets survive the wire, and other bytes are not taken for them', () => {
  const echo = fc.record(
    {
      discriminator: u32,
      sequence: u32,
      nonce: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      sentAtMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
    },
    plain,
  )
  fc.assert(
    fc.property(echo, fc.uint8Array({ maxLength: 40 }), (value, noise) => {
      assert.deepEqual(decodeEcho(encodeEcho(value)), value)
      assert.equal(decodeEcho(noise), undefined)
    }),
  )
})
