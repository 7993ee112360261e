import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Prefix } from '@lodestone/net'
import { AttributeSet, type OriginValue } from './attribute-set.ts'
import type { Capability } from './capability.ts'
import { checkHeader, decodeMessage, encodeMessage, HEADER_BYTES, type Message } from './message.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const ip4 = u32.map((value) => Ip.v4(value))
const ip6 = bytesOf(16).map((bytes) => Ip.fromBytes(bytes, 0, 16))
const prefix4 = fc.tuple(ip4, fc.nat(32)).map(([ip, length]) => new Prefix(ip, length).masked())
const prefix6 = fc.tuple(ip6, fc.nat(128)).map(([ip, length]) => new Prefix(ip, length).masked())
const segment = fc.record({
  kind: fc.constantFrom('sequence' as const, 'set' as const),
  asns: fc.array(u32, { minLength: 1, maxLength: 5 }),
})
const option = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined })
const attributes = fc
  .record({
    origin: fc.constantFrom<OriginValue>(0, 1, 2),
    asPath: fc.array(segment, { maxLength: 4 }),
    med: option(u32),
    localPref: option(u32),
    isAtomicAggregate: fc.boolean(),
    aggregator: option(fc.record({ asn: u32, address: ip4 })),
    communities: fc.array(u32, { maxLength: 6 }),
    extendedCommunities: option(fc.nat(3).chain((n) => bytesOf(8 * (n + 1)))),
    largeCommunities: option(fc.nat(3).chain((n) => bytesOf(12 * (n + 1)))),
    originatorId: option(u32),
    clusterList: fc.array(u32, { maxLength: 4 }),
    otc: option(u32),
    unknown: fc.uniqueArray(
      fc.record({ type: fc.integer({ min: 40, max: 250 }), value: fc.uint8Array({ maxLength: 300 }) }),
      { maxLength: 3, selector: ({ type }) => type },
    ),
  })
  .map((fields) => AttributeSet.of(fields))

const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.constantFrom<Capability>({ kind: 'multiprotocol', family: 4 }, { kind: 'multiprotocol', family: 6 }),
  fc.constant<Capability>({ kind: 'route-refresh' }),
  fc.boolean().map((ipv4OverIpv6): Capability => ({ kind: 'extended-next-hop', ipv4OverIpv6 })),
  u32.map((asn): Capability => ({ kind: 'four-octet-as', asn })),
  fc.constant<Capability>({ kind: 'enhanced-route-refresh' }),
  fc.nat(255).map((value): Capability => ({ kind: 'role', value })),
  fc
    .record({
      isRestarting: fc.boolean(),
      hasNotification: fc.boolean(),
      restartTimeS: fc.nat(4095),
      families: fc.array(
        fc.tuple(fc.constantFrom(4 as const, 6 as const), fc.boolean()).map(([family, isForwardingPreserved]) => ({
          family,
          isForwardingPreserved,
        })),
        { maxLength: 2 },
      ),
    })
    .map((fields): Capability => ({ kind: 'graceful-restart', ...fields })),
  fc
    .array(
      fc.constantFrom(
        { family: 4 as const, receive: true, send: false },
        { family: 6 as const, receive: false, send: true },
        { family: 4 as const, receive: true, send: true },
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((families): Capability => ({ kind: 'add-path', families })),
  fc
    .tuple(fc.integer({ min: 71, max: 255 }), fc.uint8Array({ maxLength: 10 }))
    .map(([code, value]): Capability => ({ kind: 'other', code, value })),
)

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    version: fc.constant(4),
    myAs: fc.nat(0xffff),
    holdTimeS: fc.nat(0xffff),
    bgpIdentifier: u32,
    capabilities: fc.array(capability, { maxLength: 6 }),
  }),
  fc.record({
    kind: fc.constant('notification' as const),
    code: fc.nat(255),
    subcode: fc.nat(255),
    data: fc.uint8Array({ maxLength: 40 }),
  }),
  fc
    .record({
      attributes,
      nextHop4: ip4,
      nextHop6: ip6,
      linkLocal: option(ip6),
      prefixes4: fc.array(prefix4, { maxLength: 20 }),
      prefixes6: fc.array(prefix6, { maxLength: 20 }),
      withdrawn4: fc.array(prefix4, { maxLength: 20 }),
      withdrawn6: fc.array(prefix6, { minLength: 1, maxLength: 20 }),
    })
    .map((r): Message => {
      const announces = r.prefixes4.length > 0 || r.prefixes6.length > 0
      return {
        kind: 'update',
        attributes: announces ? r.attributes : undefined,
        ipv4: r.prefixes4.length > 0 ? { family: 4, nextHop: r.nextHop4, prefixes: r.prefixes4 } : undefined,
        mpReach:
          r.prefixes6.length > 0
            ? {
                family: 6,
                nextHop: r.nextHop6,
                ...(r.linkLocal === undefined ? {} : { linkLocalNextHop: r.linkLocal }),
                prefixes: r.prefixes6,
              }
            : undefined,
        withdrawnIpv4: r.withdrawn4,
        mpUnreach: { family: 6, prefixes: r.withdrawn6 },
      }
    }),
)

const context = { isFourOctetAs: true, isExternal: false }
const decode = (bytes: Uint8Array, as = context): ReturnType<typeof decodeMessage> =>
  decodeMessage({ type: bytes[18]!, body: bytes.subarray(HEADER_BYTES), bytes }, as)

test('decode(encode(message)) is the message', () => {
  fc.assert(
    fc.property(message, (value) => {
      const bytes = encodeMessage(value)
      assert.equal(checkHeader(bytes, 0), bytes.length)
      const result = decode(bytes)
      assert.ok(result.ok)
      if (result.value.kind === 'update') {
        assert.deepEqual(result.value.errors, [])
        assert.deepEqual(result.value.update, value)
      } else assert.deepEqual(result.value, { ...value })
    }),
    { numRuns: 300 },
  )
})

test('messages with bytes changed never throw, and decode to a value or an error with a code', () => {
  fc.assert(
    fc.property(message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (value, changes) => {
      const bytes = encodeMessage(value)
      for (const [at, byte] of changes) bytes[HEADER_BYTES + (at % Math.max(1, bytes.length - HEADER_BYTES))] = byte
      for (const isFourOctetAs of [true, false]) {
        for (const isExternal of [true, false]) {
          const result = decode(bytes, { isFourOctetAs, isExternal })
          if (!result.ok) assert.ok(result.error.code >= 1 && result.error.code <= 7)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('arbitrary bytes of every type never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 200 }), fc.constantFrom(1, 2, 3, 5), (body, type) => {
      decodeMessage({ type, body, bytes: body }, context)
    }),
    { numRuns: 500 },
  )
})
