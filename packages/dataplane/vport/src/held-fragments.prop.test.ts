/** Fragments in any order: those that come before the first one of their datagram, and bounds of what waits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Mac } from '@lodestone/net'
import { ETHERNET_MIN, IPV4_MIN, IPV6_MIN } from '@lodestone/packet'
import { encapsulated, fragmentOf, fragmentsOf, frame, innerOf } from './frame-fixture.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import { HELD_IN_ALL, HELD_PER_PORT, HOLD_MS } from './held-fragments.ts'
import type { PortConfig } from './port-config.ts'
import { GUEST_MAC, peerConfig, PEER_MAC, portConfig, SledFixture, toHex } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

function config(overrides: Partial<PortConfig> = {}): PortConfig {
  return portConfig({
    firewall: [{ id: 'i', name: 'in', direction: 'in', action: 'allow', priority: 1 }],
    externalIps6: { floating: [{ ip: Ip.of('2001:db8::4') }] },
    ...overrides,
  })
}

function datagram(isV6: boolean, isOut: boolean, payloadBytes: number, srcPort = 40_000): Uint8Array {
  const [guest, floating, client] = isV6
    ? ['fd12:3456:789a::5', '2001:db8::4', '2001:db8:1::9']
    : ['172.30.0.5', '1.2.3.4', '203.0.113.9']
  return frame({
    ...(isOut ? {} : { etherDst: GUEST_MAC }),
    src: isOut ? guest : client,
    dst: isOut ? client : floating,
    kind: 'udp',
    srcPort,
    payload: Uint8Array.from({ length: payloadBytes }, (_, i) => i),
  })
}

/** All that comes out when a frame goes in, inner frames in order. */
function pass(sled: SledFixture, port: VirtualPort, bytes: Uint8Array, isOut: boolean): Uint8Array[] {
  if (!isOut) {
    sled.receive(encapsulated(bytes, { isExternal: true }))
    return sled.take(port)
  }
  sled.send(port, bytes)
  return sled.takeSent().map(innerOf)
}

const macOf = (n: number): Mac => Mac.of(`a8:40:25:00:00:0${n}`)

const drops = (port: VirtualPort): Record<string, number> =>
  Object.fromEntries(port.dump().drops.map(({ code, count }) => [code, count]))

/** The place of a fragment in its datagram, in units of 8 bytes. */
function placeOf(bytes: Uint8Array): number {
  const isV4 = bytes[ETHERNET_MIN]! >> 4 === 4
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return isV4 ? view.getUint16(ETHERNET_MIN + 6) & 0x1fff : view.getUint16(ETHERNET_MIN + IPV6_MIN + 2) >> 3
}

test('in whatever order fragments come, each passes once, as it would have after the first one', async () => {
  const fields = fc.record({
    isV6: fc.boolean(),
    isOut: fc.boolean(),
    units: fc.integer({ min: 1, max: 8 }),
    payload: fc.integer({ min: 20, max: 300 }),
    order: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
    isTraced: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fields, async ({ isV6, isOut, units, payload, order, isTraced }) => {
      const [plain, mixed] = [new SledFixture(), new SledFixture()]
      const [port, other] = [plain.addPort(config()), mixed.addPort(config())]
      if (isTraced) mixed.tracer.listen(() => undefined)
      const fragments = fragmentsOf(datagram(isV6, isOut, payload), units * 8, 77)
      const expected = fragments.flatMap((each) => pass(plain, port, each, isOut))
      assert.equal(expected.length, fragments.length)
      const shuffled = fragments.map((each, i) => ({ each, at: order[i % 40]! })).toSorted((a, b) => a.at - b.at)
      const out: Uint8Array[] = []
      const early: number[] = []
      for (const { each } of shuffled) {
        const isEarly = out.length === 0 && placeOf(each) > 0
        const bytes = isOut ? each : encapsulated(each, { isExternal: true })
        const explained = other.explain(bytes, isOut ? 'out' : 'in')
        assert.equal(explained.verdict, isEarly ? 'waiting' : isOut ? 'forwarded' : 'delivered')
        const passed = pass(mixed, other, each, isOut)
        if (isEarly) early.push(placeOf(each))
        else if (out.length === 0) assert.deepEqual(passed.map(placeOf), [0, ...early], 'in the order of arrival')
        else assert.equal(passed.length, 1)
        out.push(...passed)
      }
      assert.deepEqual(out.map(toHex).toSorted(), expected.map(toHex).toSorted())
      const names = ['packetsIn', 'packetsOut', 'bytesIn', 'bytesOut', 'slowIn', 'slowOut', 'drops'] as const
      for (const name of names) assert.equal(other.dump().counters[name], port.dump().counters[name], name)
      assert.equal(other.dump().counters.heldFragments, early.length)
      await mixed.clock.advance(HOLD_MS * 2)
      assert.equal(other.dump().counters.drops, 0)
      assert.equal(mixed.arena.freeSlots, mixed.arena.slots)
    }),
    fuzzRuns(60),
  )
})

test('whatever pieces come, in whatever order, what passes of a datagram begins with the first one and never overlaps', async () => {
  const piece = fc.record({
    at: fc.nat({ max: 9 }),
    units: fc.integer({ min: 1, max: 4 }),
    isLast: fc.boolean(),
    id: fc.nat({ max: 1 }),
    isOut: fc.boolean(),
    pauseMs: fc.constantFrom(0, 0, 0, HOLD_MS / 2, HOLD_MS),
  })
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(piece, { minLength: 2, maxLength: 24 }), async (isV6, pieces) => {
      const sled = new SledFixture()
      const port = sled.addPort(config())
      const l4 = ETHERNET_MIN + (isV6 ? IPV6_MIN : IPV4_MIN)
      /** Units of a datagram that are covered, while it is not complete. */
      const covered = new Map<string, Set<number>>()
      let sent = 0
      let passed = 0
      for (const { at, units, isLast, id, isOut, pauseMs } of pieces) {
        if (at === 0 && isLast) continue // a whole packet
        const whole = datagram(isV6, isOut, 60)
        const body = at === 0 ? whole.subarray(l4, l4 + units * 8) : new Uint8Array(units * 8)
        const out = pass(sled, port, fragmentOf(whole, body, at * 8, !isLast, id), isOut)
        sent++
        passed += out.length
        for (const each of out) {
          const place = placeOf(each)
          const key = `${id} ${isOut}`
          if (place === 0) covered.set(key, new Set())
          const set = covered.get(key)
          assert.ok(set !== undefined, 'nothing passes before the first one')
          const end = place + (each.length - l4 - (isV6 ? 8 : 0)) / 8
          for (let unit = place; unit < end; unit++) {
            assert.ok(!set.has(unit), `unit ${unit} twice`)
            set.add(unit)
          }
        }
        await sled.clock.advance(pauseMs)
      }
      await sled.clock.advance(HOLD_MS)
      assert.equal(passed + port.dump().counters.drops, sent, 'each has passed or was dropped for a reason')
      for (const code of Object.keys(drops(port))) assert.match(code, /^FRAG_/)
      assert.equal(sled.arena.freeSlots, sled.arena.slots)
    }),
    fuzzRuns(120),
  )
})

test('those that waited are refused with a first one that is refused, and when none comes in time', async () => {
  for (const isV6 of [false, true]) {
    const sled = new SledFixture()
    const port = sled.addPort(config({ firewall: [] }))
    const [first, second, third] = fragmentsOf(datagram(isV6, false, 60), 24)
    assert.deepEqual(pass(sled, port, second!, false), [])
    assert.deepEqual(drops(port), {})
    assert.deepEqual(pass(sled, port, first!, false), [])
    assert.deepEqual(drops(port), { FW_DEFAULT_DENY: 1, FRAG_NO_FIRST: 1 })
    pass(sled, port, third!, false)
    await sled.clock.advance(HOLD_MS - 1)
    assert.equal(drops(port)['FRAG_NO_FIRST'], 1)
    await sled.clock.advance(1)
    assert.equal(drops(port)['FRAG_NO_FIRST'], 2)
    assert.equal(sled.arena.freeSlots, sled.arena.slots)
  }
})

test('a port’s own flood costs its own fragments only, and one of all ports what has waited longest', async () => {
  const sled = new SledFixture({ slots: 1024 })
  const port = sled.addPort(config())
  const peer = sled.addPort(peerConfig())
  const later = (src: string, mac: typeof GUEST_MAC, id: number): Uint8Array =>
    fragmentsOf(frame({ src, dst: '203.0.113.9', etherSrc: mac, kind: 'udp', payload: new Uint8Array(60) }), 24, id)[1]!
  const [first, second] = fragmentsOf(datagram(false, true, 40), 24, 9999)
  pass(sled, port, second!, true)
  const own = fragmentsOf(datagram(false, false, 40), 24, 1)
  pass(sled, port, own[1]!, false)
  for (let id = 0; id < 3 * HELD_PER_PORT; id++) sled.send(peer, later('172.30.0.6', PEER_MAC, id))
  assert.deepEqual(drops(peer), { FRAG_WAIT_FULL: 2 * HELD_PER_PORT })
  assert.deepEqual(pass(sled, port, first!, true).map(placeOf), [0, 3], 'the neighbour’s flood took nothing of it')
  for (let id = 0; id < 2 * HELD_PER_PORT; id++) pass(sled, port, later('172.30.0.5', GUEST_MAC, id), true)
  assert.deepEqual(pass(sled, port, own[0]!, false).map(placeOf), [0, 3], 'the other direction neither')
  assert.equal(drops(port)['FRAG_WAIT_FULL'], HELD_PER_PORT)
  await sled.clock.advance(HOLD_MS)
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('what waits is bounded in all and leaves the arena a quarter of its slots; a port that goes away frees its own', async () => {
  for (const slots of [1024, 128]) {
    const sled = new SledFixture({ slots })
    const ports = Array.from({ length: 8 }, (_, i) => sled.addPort(peerConfig({ id: `n${i}`, mac: macOf(i) })))
    for (const [i, port] of ports.entries()) {
      const whole = frame({
        src: '172.30.0.6',
        dst: '203.0.113.9',
        etherSrc: macOf(i),
        kind: 'udp',
        payload: new Uint8Array(60),
      })
      for (let id = 0; id < HELD_PER_PORT; id++) sled.send(port, fragmentsOf(whole, 24, id)[1]!)
    }
    const held = slots - sled.arena.freeSlots
    assert.equal(held, Math.min(HELD_IN_ALL, slots - (slots >> 2)))
    assert.equal(drops(ports[0]!)['FRAG_WAIT_FULL'] === undefined, slots === 128, 'the longest wait makes room')
    for (const port of ports) sled.engine.removePort(port.id)
    assert.equal(sled.arena.freeSlots, sled.arena.slots)
    sled.engine.close()
  }
})

test('a story tells that a fragment waits, and goes on when it does', async () => {
  const sled = new SledFixture()
  const port = sled.addPort(config())
  const [first, second] = fragmentsOf(datagram(false, true, 40), 24)
  const events = await sled.story(() => {
    pass(sled, port, second!, true)
    pass(sled, port, first!, true)
  })
  const packet = events[0]!.packet
  const kinds = events.filter((event) => event.packet === packet).map(({ step }) => step.kind)
  assert.deepEqual(kinds.slice(0, 3), ['ingress', 'punted', 'ingress'])
  assert.equal(kinds.at(-1), 'egress')
})
