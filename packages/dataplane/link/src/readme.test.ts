import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Tracer } from '@lodestone/probe'
import { Link } from './index.ts'

test('the example of the README does what it says', async () => {
  const clock = new VirtualClock()
  const arena = new Arena({ slots: 64 })
  const tracer = new Tracer(() => clock.nowMs())
  const link = new Link({
    name: 'uplink',
    a: 'switch0/port1',
    b: 'sled1/nic0',
    clock,
    random: new SeededRandom(1),
    arena,
    tracer,
    impairments: { delayMs: 2, rateBps: 1e9 },
  })
  let received = 0
  link.b.attach({
    receive(slots, count) {
      received += count
      for (let i = 0; i < count; i++) arena.free(slots[i]!)
    },
  })
  link.a.send(Int32Array.of(arena.alloc(64)), 1)
  await clock.advance(10)
  link.setUp(false)
  link.a.send(Int32Array.of(arena.alloc(64)), 1)
  await clock.advance(10)
  assert.equal(received, 1)
  assert.equal(link.counters('a-to-b').drops['LINK_DOWN'], 1)
})
