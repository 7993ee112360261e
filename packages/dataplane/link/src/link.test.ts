import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { type StoryEvent, Tracer } from '@lodestone/probe'
import type { Impairments } from './impairments.ts'
import { Link } from './link.ts'

interface Arrival {
  readonly atMs: number
  readonly number: number
  readonly bytes: Uint8Array
  readonly call: number
}

function bench(impairments: Partial<Impairments> = {}, seed = 1) {
  const clock = new VirtualClock()
  const arena = new Arena({ slots: 4096, slotBytes: 9728 })
  const tracer = new Tracer(() => clock.nowMs())
  const random = new SeededRandom(seed)
  const link = new Link({
    name: 'l0',
    a: 'left',
    b: 'right',
    clock,
    random,
    arena,
    tracer,
    impairments,
    mtuBytes: 1500,
  })
  const arrivals: Arrival[] = []
  let call = 0
  link.b.attach({
    receive(slots, count) {
      call++
      for (let i = 0; i < count; i++) {
        const bytes = arena.peek(slots[i]!).slice()
        arrivals.push({ atMs: clock.nowMs(), number: (bytes[14]! << 8) | bytes[15]!, bytes, call })
        arena.free(slots[i]!)
      }
    },
  })
  const send = (count: number, length = 100): void => {
    const slots = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      slots[i] = arena.alloc(length)
      arena.peek(slots[i]!).fill(0)
      arena.view.setUint16(arena.start(slots[i]!) + 14, i)
    }
    link.a.send(slots, count)
  }
  return { clock, arena, tracer, link, arrivals, send }
}

describe('Link', () => {
  test('delivers a batch after its delay in one call, and not before', async () => {
    const { clock, arena, arrivals, send } = bench({ delayMs: 5 })
    send(10)
    await clock.advance(4.999)
    assert.equal(arrivals.length, 0)
    await clock.advance(0.001)
    assert.deepEqual(
      arrivals.map((arrival) => arrival.number),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
    assert.equal(arrivals.at(-1)!.call, 1)
    assert.equal(arena.freeSlots, arena.slots)
  })

  test('never delivers inside send, even without delay', async () => {
    const { clock, arrivals, send } = bench()
    send(1)
    assert.equal(arrivals.length, 0)
    await clock.advance(0)
    assert.equal(arrivals.length, 1)
  })

  test('serialises at the rate, overhead included', async () => {
    // (976 + 24) bytes at 8 Mbit/s take one millisecond each.
    const { clock, arrivals, send } = bench({ rateBps: 8_000_000, delayMs: 10 })
    send(3, 976)
    await clock.advance(100)
    assert.deepEqual(
      arrivals.map((arrival) => arrival.atMs),
      [11, 12, 13],
    )
  })

  test('drops at the tail when the queue is full and counts it', async () => {
    const { clock, arena, link, arrivals, send } = bench({ rateBps: 8_000_000, queueBytes: 5000 })
    send(20, 976)
    await clock.advance(100)
    assert.equal(arrivals.length, 5)
    assert.deepEqual(link.counters('a-to-b').drops, { LINK_QUEUE_FULL: 15 })
    assert.equal(arena.freeSlots, arena.slots)
  })

  test('an end tells how long a frame has to wait for the wire', async () => {
    for (const queue of [{ kind: 'drop-tail' }, { kind: 'drop-head' }] as const) {
      const { clock, link, send } = bench({ rateBps: 8_000_000, delayMs: 10, queue })
      assert.equal(link.a.backlogMs, 0)
      send(3, 976)
      await clock.advance(0.5)
      // A queue of its own counts what waits whole, and not the frame on the wire.
      if (queue.kind === 'drop-tail') assert.equal(link.a.backlogMs, 2.5)
      else assert.ok(Math.abs(link.a.backlogMs - 2) < 0.1, `${link.a.backlogMs}`)
      assert.equal(link.b.backlogMs, 0)
      await clock.advance(10)
      assert.equal(link.a.backlogMs, 0)
    }
    assert.equal(bench({ delayMs: 10 }).link.a.backlogMs, 0)
  })

  test('and how long behind a full queue', () => {
    assert.equal(bench({ rateBps: 8_000_000, queueBytes: 5000 }).link.a.backlogLimitMs, 5)
    assert.equal(bench({ delayMs: 10, queueBytes: 5000 }).link.a.backlogLimitMs, Infinity)
  })

  test('keeps the order under jitter unless reordering is asked for', async () => {
    for (const mayReorder of [false, true]) {
      const { clock, arrivals, link, send } = bench({ delayMs: 20, jitterMs: 15, mayReorder })
      send(200)
      await clock.advance(100)
      const order = arrivals.map((arrival) => arrival.number)
      const sorted = order.toSorted((a, b) => a - b)
      assert.equal(order.length, 200)
      if (mayReorder) assert.notDeepEqual(order, sorted)
      else assert.deepEqual(order, sorted)
      const times = arrivals.map((arrival) => arrival.atMs)
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      )
      assert.ok(times.every((time) => time >= 5 && time <= 35))
      assert.equal(link.framesInFlight, 0)
    }
  })

  test('loses, duplicates and corrupts about as often as asked, the same for the same seed', async () => {
    const run = async (seed: number) => {
      const { clock, arena, link, arrivals, send } = bench({ loss: 0.1, duplicate: 0.05, corrupt: 0.05 }, seed)
      for (let i = 0; i < 10; i++) {
        send(100)
        await clock.advance(1)
      }
      assert.equal(arena.freeSlots, arena.slots)
      return { counters: link.counters('a-to-b'), arrivals: arrivals.map((arrival) => arrival.number) }
    }
    const first = await run(7)
    assert.deepEqual(await run(7), first)
    assert.notDeepEqual(await run(8), first)
    const lost = first.counters.drops['LINK_LOSS']!
    assert.ok(lost > 60 && lost < 140, `lost ${lost}`)
    assert.ok(first.counters.duplicated > 20 && first.counters.duplicated < 80)
    assert.ok(first.counters.corrupted > 20 && first.counters.corrupted < 80)
    assert.equal(first.counters.framesOut, 1000 - lost + first.counters.duplicated)
  })

  test('a cut loses what is in flight, tells both ends, and carries again after repair', async () => {
    const { clock, arena, link, arrivals, send } = bench({ delayMs: 10 })
    const states: string[] = []
    link.a.onState((isUp) => states.push(`a ${isUp}`))
    const unsubscribe = link.b.onState((isUp) => states.push(`b ${isUp}`))
    send(3)
    await clock.advance(5)
    link.setUp(false)
    link.setUp(false)
    assert.equal(link.a.isUp, false)
    send(2)
    await clock.advance(100)
    assert.equal(arrivals.length, 0)
    assert.deepEqual(link.counters('a-to-b').drops, { LINK_DOWN: 5 })
    unsubscribe()
    link.setUp(true)
    send(1)
    await clock.advance(100)
    assert.equal(arrivals.length, 1)
    assert.deepEqual(states, ['a false', 'b false', 'a true'])
    assert.equal(arena.freeSlots, arena.slots)
  })

  test('drops runts and what exceeds the MTU, but lets a VLAN tag ride on top of it', async () => {
    const { clock, arena, link, arrivals, send } = bench()
    send(1, 13)
    send(1, 1515)
    const tagged = arena.alloc(1518)
    arena.view.setUint16(arena.start(tagged) + 12, 0x8100)
    link.a.send(Int32Array.of(tagged), 1)
    send(1, 1514)
    await clock.advance(1)
    assert.deepEqual(
      arrivals.map((arrival) => arrival.bytes.length),
      [1518, 1514],
    )
    assert.deepEqual(link.counters('a-to-b').drops, { LINK_RUNT: 1, LINK_OVERSIZE: 1 })
  })

  test('frees and counts frames that nobody takes', async () => {
    const { clock, arena, link } = bench()
    link.b.send(Int32Array.of(arena.alloc(64)), 1)
    await clock.advance(1)
    assert.deepEqual(link.counters('b-to-a').drops, { LINK_NO_RECEIVER: 1 })
    assert.equal(arena.freeSlots, arena.slots)
  })

  test('new impairments hold from the next frame on, in one direction or both', async () => {
    const { clock, arrivals, link, send } = bench({ delayMs: 10 })
    send(1)
    link.configure({ delayMs: 1 }, 'a-to-b')
    send(1)
    assert.equal(link.impairments('b-to-a').delayMs, 10)
    await clock.advance(20)
    // Order is kept: the second frame waits for the first.
    assert.deepEqual(
      arrivals.map((arrival) => arrival.atMs),
      [10, 10],
    )
    send(1)
    await clock.advance(20)
    assert.equal(arrivals.at(-1)!.atMs, 21)
    assert.throws(() => link.configure({ loss: 2 }), RangeError)
  })

  test('taps see frames of both directions before loss until they are removed', async () => {
    const { clock, arena, link, send } = bench({ loss: 1 })
    const seen: string[] = []
    const remove = link.tap((slot, direction, atMs) => seen.push(`${direction} ${arena.length(slot)} at ${atMs}`))
    send(1, 80)
    await clock.advance(3)
    link.b.send(Int32Array.of(arena.alloc(90)), 1)
    remove()
    send(1, 80)
    await clock.advance(3)
    assert.deepEqual(seen, ['a-to-b 80 at 0', 'b-to-a 90 at 3'])
  })

  test('tells the story of a frame that crossed and of one that was lost', async () => {
    const { clock, tracer, link, send } = bench({ delayMs: 2 })
    const events: StoryEvent[] = []
    tracer.listen((event) => events.push(event))
    send(1, 60)
    link.configure({ loss: 1 })
    send(1, 60)
    await clock.advance(10)
    assert.deepEqual(events[0]!.step, { kind: 'link', link: 'l0', from: 'left', to: 'right', bytes: 60, delayMs: 2 })
    assert.equal(events[1]!.step.kind === 'dropped' && events[1]!.step.reason.code, 'LINK_LOSS')
    assert.notEqual(events[0]!.packet, events[1]!.packet)
  })

  test('holds no more frames than its limit', async () => {
    const { clock, link, arrivals, send } = bench({ delayMs: 1000, limitFrames: 100 })
    send(150)
    assert.equal(link.framesInFlight, 100)
    await clock.advance(1000)
    assert.equal(arrivals.length, 100)
    assert.deepEqual(link.counters('a-to-b').drops, { LINK_FRAME_LIMIT: 50 })
  })
})
