import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Prefix } from '@lodestone/net'
import { decodeDiscovery } from './discovery-packet.ts'
import {
  decodeSnapshot,
  decodeUpdate,
  encodeSnapshot,
  encodeUpdate,
  type ExchangeSnapshot,
  type PathVector,
  type TunnelOrigin,
} from './exchange-message.ts'
import { applyUpdate, differenceOf, isSameSet, setOf } from './exchange-set.ts'

const ip6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Ip.fromBytes(bytes, 0, 16))
const prefix6 = fc.tuple(ip6, fc.nat(128)).map(([ip, length]) => new Prefix(ip, length).masked())
const prefix4 = fc.tuple(fc.nat(0xffffffff), fc.nat(32)).map(([ip, length]) => new Prefix(Ip.v4(ip), length).masked())
const name = fc.string({ minLength: 1, maxLength: 12 })
const vector: fc.Arbitrary<PathVector> = fc
  .record({ destination: prefix6, path: fc.array(name, { minLength: 1, maxLength: 5 }) })
  .map((value) => ({ ...value }))
const tunnel: fc.Arbitrary<TunnelOrigin> = fc
  .record({
    overlayPrefix: fc.oneof(prefix4, prefix6),
    boundaryAddress: ip6,
    vni: fc.nat(0xffffff),
    metric: fc.bigInt(0n, (1n << 64n) - 1n),
  })
  .map((value) => ({ ...value }))
const snapshot: fc.Arbitrary<ExchangeSnapshot> = fc
  .record({ underlay: fc.array(vector, { maxLength: 6 }), tunnel: fc.array(tunnel, { maxLength: 6 }) })
  .map((value) => ({ ...value }))

test('both versions carry every message exactly', () => {
  fc.assert(
    fc.property(snapshot, snapshot, (a, b) => {
      for (const version of [2, 3] as const) {
        assert.deepEqual(decodeSnapshot(encodeSnapshot(a, version), version), { ok: true, value: a })
        const update = {
          underlay: { announce: a.underlay, withdraw: b.underlay },
          tunnel: a.tunnel.length === 0 ? undefined : { announce: a.tunnel, withdraw: b.tunnel },
        }
        assert.deepEqual(decodeUpdate(encodeUpdate(update, version), version), { ok: true, value: update })
      }
    }),
    { numRuns: 200 },
  )
})

test('no text and no datagram makes a decoder throw', () => {
  fc.assert(
    fc.property(fc.json(), snapshot, fc.nat(), fc.uint8Array({ maxLength: 40 }), (json, good, cut, datagram) => {
      for (const version of [2, 3] as const) {
        const text = encodeSnapshot(good, version)
        for (const candidate of [
          json,
          text.slice(0, cut % (text.length + 1)),
          `{"underlay":${json},"tunnel":${json}}`,
        ]) {
          decodeUpdate(candidate, version)
          decodeSnapshot(candidate, version)
        }
      }
      decodeDiscovery(datagram)
    }),
    { numRuns: 300 },
  )
})

test('the difference takes whoever holds any part of what was told to what is desired', () => {
  fc.assert(
    fc.property(snapshot, snapshot, snapshot, (told, maybe, desired) => {
      const [from, uncertain, to] = [setOf(told), setOf(maybe), setOf(desired)]
      for (const held of [
        told,
        { underlay: [...told.underlay, ...maybe.underlay], tunnel: [...told.tunnel, ...maybe.tunnel] },
      ]) {
        const set = setOf(held)
        const update = differenceOf(from, uncertain, to)
        if (update !== undefined) applyUpdate(set, update)
        assert.ok(isSameSet(set, to))
      }
    }),
    { numRuns: 200 },
  )
})
