/** How fast a guest may send and receive. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip } from '@lodestone/net'
import { encapsulated, frame } from './frame-fixture.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import { GUEST_MAC, portConfig, SledFixture } from './sled-fixture.ts'
import { TokenBucket } from './token-bucket.ts'
import type { VirtualPort } from './virtual-port.ts'

const ALLOW_ALL = [{ id: 'i', name: 'in', direction: 'in', action: 'allow', priority: 1 }] as const
/** 100 kB/s, two frames of 1514 bytes at once. */
const LIMIT = { bitsPerSecond: 800_000, burstBytes: 3028 }
const externalIps6 = { floating: [{ ip: Ip.of('2001:db8::4') }] }
const limited = portConfig({ firewall: ALLOW_ALL, externalIps6, rateLimits: { in: LIMIT, out: LIMIT } })

const big = (isV6: boolean): Uint8Array => {
  const [src, dst] = isV6 ? ['fd12:3456:789a::5', '2001:db8:1::9'] : ['172.30.0.5', '203.0.113.9']
  return frame({ src, dst, kind: 'udp', payload: new Uint8Array(isV6 ? 1452 : 1472) })
}
const bigIn = (isV6: boolean): Uint8Array => {
  const [src, dst] = isV6 ? ['2001:db8:1::9', '2001:db8::4'] : ['203.0.113.9', '1.2.3.4']
  const inner = frame({ etherDst: GUEST_MAC, src, dst, kind: 'udp', payload: new Uint8Array(isV6 ? 1452 : 1472) })
  return encapsulated(inner, { isExternal: true })
}
const drops = (port: VirtualPort, code: string): number =>
  port.dump().drops.find((drop) => drop.code === code)?.count ?? 0

test('beyond the rate frames are dropped and counted, each direction by itself, in the cache and out of it', async () => {
  for (const isV6 of [false, true]) {
    for (const isWatched of [false, true]) {
      const sled = new SledFixture()
      if (isWatched) sled.tracer.listen(() => undefined)
      const port = sled.addPort(limited)
      let sent = 0
      let received = 0
      // Ten a second each way are 15 kB/s; a hundred are 151 kB/s, of which 100 may pass.
      for (let i = 0; i < 200; i++) {
        const explained = port.explain(big(isV6), 'out')
        if (sled.exchange(port, big(isV6)) !== undefined) sent++
        else assert.equal(explained.reason?.code, 'QOS_RATE_OUT')
        const explainedIn = port.explain(bigIn(isV6), 'in')
        sled.receive(bigIn(isV6))
        if (sled.take(port).length > 0) received++
        else assert.equal(explainedIn.reason?.code, 'QOS_RATE_IN')
        await sled.clock.advance(10)
      }
      const expected = 2 + (2 * 100_000) / 1514
      for (const passed of [sent, received])
        assert.ok(Math.abs(passed - expected) <= 2, `${passed} of about ${expected}`)
      assert.equal(drops(port, 'QOS_RATE_OUT'), 200 - sent)
      assert.equal(drops(port, 'QOS_RATE_IN'), 200 - received)
      assert.equal(sled.arena.freeSlots, sled.arena.slots)
    }
  }
})

test('a batch is cut where its guest has sent enough, and what passes keeps its order', () => {
  const sled = new SledFixture({ slots: 256 })
  const port = sled.addPort(portConfig({ rateLimits: { out: LIMIT } }))
  const small = (srcPort: number): Uint8Array => frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'udp', srcPort })
  for (let round = 0; round < 2; round++) {
    const slots = Int32Array.from({ length: 150 }, (_, i) => sled.arena.from(small(1000 + i)))
    port.guest.send(slots, slots.length)
  }
  assert.equal(sled.takeSent().length, Math.floor(3028 / 42))
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('a limit holds from the next frame on, leaves the rules’ epoch alone, and goes on filling when other things change', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: ALLOW_ALL }))
  for (let i = 0; i < 5; i++) assert.notEqual(sled.exchange(port, big(false)), undefined)
  const { epoch } = port.dump()
  const config = portConfig({ generation: 2, firewall: ALLOW_ALL, rateLimits: { out: LIMIT } })
  assert.deepEqual(port.apply(config), { ok: true, generation: 2, changed: ['rate-limits'] })
  assert.equal(port.dump().epoch, epoch)
  const passes = (): number => [1, 2, 3, 4].filter(() => sled.exchange(port, big(false)) !== undefined).length
  assert.equal(passes(), 2)
  port.apply({ ...config, generation: 3, firewall: [] })
  assert.equal(passes(), 0, 'a rule change is no reason for another burst')
  port.apply({ ...config, generation: 4, rateLimits: {} })
  assert.equal(passes(), 4)
})

test('a limit that no frame could pass is refused', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  for (const limit of [
    { bitsPerSecond: 0, burstBytes: 3000 },
    { bitsPerSecond: Number.NaN, burstBytes: 3000 },
    { bitsPerSecond: 1000, burstBytes: 1513 },
  ]) {
    const result = port.apply(portConfig({ generation: 2, rateLimits: { in: limit } }))
    assert.equal(result.ok ? '' : result.error.path.slice(0, 13), 'rateLimits.in')
  }
})

/** What two sums of the same fractions, taken in different orders, may differ by, in bytes. */
const ROUNDING = 1e-5

test('a bucket never gives more than its rate and its burst, and not much less', () => {
  const ask = fc.record({
    waitMs: fc.double({ min: 0, max: 50, noNaN: true }),
    count: fc.integer({ min: 1, max: 100 }),
  })
  fc.assert(
    fc.property(fc.array(ask, { maxLength: 60 }), (asks) => {
      const bucket = new TokenBucket(1000, 100, 0)
      let nowMs = 0
      let given = 0
      let least = 100
      for (const { waitMs, count } of asks) {
        nowMs += waitMs
        least = Math.min(100, least + waitMs)
        const has = bucket.has(count, nowMs)
        assert.equal(bucket.take(count, nowMs), has)
        if (least >= count + ROUNDING) assert.ok(has, `${least} are there, ${count} are refused`)
        if (least < count - ROUNDING) assert.ok(!has, `${least} are there, ${count} are given`)
        if (has) {
          given += count
          least -= count
        }
        assert.ok(given <= 100 + nowMs + ROUNDING)
      }
    }),
    fuzzRuns(200),
  )
})
