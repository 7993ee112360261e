import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Prefix } from '@lodestone/net'
import { AddressMap, keyOf } from './address-map.ts'
import { hashFlow } from './flow.ts'
import type { Interface } from './interface.ts'
import { ipOf } from './neighbor-cache.ts'
import { RouteTable } from './route-table.ts'
import { ByteRing } from './tcp/byte-ring.ts'
import { RangeSet } from './tcp/range-set.ts'

const ip = fc.oneof(
  fc.integer({ min: 0, max: 63 }).map((n) => Ip.v4(0x0a000000 + n * 0x01000003)),
  fc.integer({ min: 0, max: 63 }).map((n) => Ip.of(`fd00:${n % 4}::${(n * 7).toString(16)}`)),
)

test('an AddressMap behaves like a Map keyed by scope and address', () => {
  const operation = fc.record({
    kind: fc.constantFrom('set' as const, 'set' as const, 'delete' as const),
    scope: fc.nat(2),
    ip,
    value: fc.nat(1000),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const map = new AddressMap()
      const model = new Map<string, number>()
      for (const { kind, scope, ip, value } of operations) {
        const name = `${scope} ${ip}`
        if (kind === 'set') {
          map.set(scope, keyOf(ip), value)
          model.set(name, value)
        } else {
          assert.equal(map.delete(scope, keyOf(ip)), model.delete(name))
        }
      }
      assert.equal(map.size, model.size)
      for (const { scope, ip } of operations) {
        assert.equal(map.get(scope, keyOf(ip)), model.get(`${scope} ${ip}`) ?? -1)
      }
    }),
  )
})

test('a key gives its address back', () => {
  fc.assert(fc.property(ip, (address) => assert.ok(ipOf(keyOf(address)).equals(address))))
})

test('the route table agrees with a search through all prefixes, through adds, removals and link states', () => {
  const prefix = fc.oneof(
    fc
      .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 7, 8, 9, 16, 24, 25, 31, 32))
      .map(([word, length]) => new Prefix(Ip.v4(word), length).masked()),
    fc
      .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.constantFrom(0, 3, 32, 33, 48, 64, 65, 96, 127, 128))
      .map(([bytes, length]) => new Prefix(Ip.fromBytes(bytes, 0, 16), length).masked()),
  )
  const operation = fc.record({ prefix, isRemoval: fc.boolean(), hop: fc.nat(2), bits: fc.nat(128) })
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 60 }), fc.nat(7), (operations, upMask) => {
      const table = new RouteTable()
      const interfaces = [0, 1, 2].map((i) => ({ isUp: true, index: i }) as unknown as Interface) // all that routes look at
      const model = new Map<string, { prefix: Prefix; hop: number }>()
      const check = (address: Ip): void => {
        const best = [...model.values()]
          .filter((entry) => entry.prefix.contains(address) && interfaces[entry.hop]!.isUp)
          .sort((a, b) => b.prefix.length - a.prefix.length)[0]
        // Twice: the second answer is a remembered one.
        for (let i = 0; i < 2; i++) {
          const route = table.match(address.family, keyOf(address))
          assert.equal(route?.prefix.toString(), best?.prefix.toString())
          assert.equal(route?.usable[0]!.interface, best && interfaces[best.hop])
        }
      }
      for (const { prefix, isRemoval, hop } of operations) {
        const hops = isRemoval
          ? []
          : [{ via: undefined, viaKey: undefined, interface: interfaces[hop]!, metric: 0, neighbor: undefined }]
        table.configure(prefix, hops, undefined)
        if (isRemoval) model.delete(prefix.toString())
        else model.set(prefix.toString(), { prefix, hop })
        check(operations[0]!.prefix.address)
        check(prefix.address)
      }
      interfaces.forEach((iface, i) => ((iface as { isUp: boolean }).isUp = (upMask & (1 << i)) !== 0))
      table.refresh()
      for (const { prefix, bits } of operations) {
        // An address in or just beside the prefix.
        const bytes = prefix.address.bytes.slice()
        const at = bits % (bytes.length * 8)
        bytes[at >> 3]! ^= 0x80 >> (at & 7)
        check(prefix.address)
        check(Ip.fromBytes(bytes, 0, bytes.length as 4 | 16))
      }
      assert.equal(table.all().length, model.size)
    }),
  )
})

test('a RangeSet holds exactly the positions added and not trimmed, in as few ranges as possible', () => {
  const operation = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('add' as const),
        at: fc.nat(1000),
        length: fc.integer({ min: 1, max: 20 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('trim' as const), at: fc.nat(1000), length: fc.constant(0) }),
    },
  )
  fc.assert(
    fc.property(fc.constantFrom(16, 100), fc.array(operation, { maxLength: 300, size: 'max' }), (limit, operations) => {
      const set = new RangeSet(limit)
      const model = new Set<number>()
      for (const { kind, at, length } of operations) {
        if (kind === 'trim') {
          set.trim(at)
          for (const each of [...model]) if (each < at) model.delete(each)
          continue
        }
        const fresh = set.add(at, at + length)
        if (fresh < 0) {
          assert.equal(set.count, limit)
          continue
        }
        const before = model.size
        for (let i = at; i < at + length; i++) model.add(i)
        assert.equal(fresh, model.size - before)
      }
      let runs = 0
      for (const each of model) if (!model.has(each - 1)) runs++
      assert.equal(set.count, runs)
      for (let i = 0; i < 1025; i++) assert.equal(set.reach(i) > i, model.has(i))
      assert.equal(set.missing(0, 1025), 1025 - model.size)
      assert.equal(set.highest, model.size === 0 ? -1 : Math.max(...model) + 1)
    }),
  )
})

test('a ByteRing gives back what was written at each position while it moves and grows', () => {
  const operation = fc.record({ ahead: fc.nat(3000), length: fc.integer({ min: 1, max: 3000 }), release: fc.nat(4000) })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const ring = new ByteRing(1, 16_384)
      const model = new Map<number, number>()
      let value = 0
      for (const { ahead, length, release } of operations) {
        const at = ring.base + ahead
        const bytes = Uint8Array.from({ length }, () => value++ & 0xff)
        ring.write(at, bytes, 0, length)
        bytes.forEach((byte, i) => model.set(at + i, byte))
        const out = new Uint8Array(1)
        for (const [position, byte] of model) {
          if (position < ring.base) continue
          ring.read(position, out, 0, 1)
          assert.equal(out[0], byte)
        }
        ring.release(ring.base + release)
        for (const position of [...model.keys()]) if (position < ring.base) model.delete(position)
      }
    }),
    { numRuns: 50 },
  )
})

test('a ring refuses more than its limit', () => {
  const ring = new ByteRing(1, 5000)
  assert.equal(ring.limitBytes, 8192)
  ring.write(1, new Uint8Array(8192), 0, 8192)
  assert.throws(() => ring.write(2, new Uint8Array(8192), 0, 8192))
})

test('the flow hash is that of the five-tuple and spreads', () => {
  const packet = new Uint8Array(28)
  packet.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0, 80, 0, 8, 0, 0])
  const hash = hashFlow(packet, 0, 28, 1)
  packet[8] = 3 // hop count
  packet[1] = 0xb8 // traffic class
  assert.equal(hashFlow(packet, 0, 28, 1), hash)
  const counts = [0, 0, 0, 0]
  for (let port = 0; port < 1000; port++) {
    packet[20] = port >> 8
    packet[21] = port
    counts[hashFlow(packet, 0, 28, 1) % 4]!++
  }
  assert.ok(
    counts.every((count) => count > 200 && count < 300),
    counts.join(),
  )
})
