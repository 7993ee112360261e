import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@lodestone/host'
import { NodeClock } from './node-clock.ts'

test('a clock that runs fast fires its timers early and is ahead afterwards', async () => {
  const world = new VirtualClock()
  const clock = new NodeClock(world)
  clock.setSkew(100_000)
  let firedMs = 0
  clock.after(1100, () => {
    firedMs = world.nowMs()
  })
  await world.advance(2000)
  assert.ok(Math.abs(firedMs - 1000) < 1e-6, `${firedMs}`)
  assert.ok(Math.abs(clock.nowMs() - 2200) < 1e-6, `${clock.nowMs()}`)
})

test('a step moves the date and no timer', async () => {
  const world = new VirtualClock()
  const clock = new NodeClock(world)
  let fired = 0
  clock.after(1000, () => fired++)
  clock.stepDate(-3_600_000)
  await world.advance(999)
  assert.equal(fired, 0)
  assert.equal(clock.wallMs(), world.wallMs() - 3_600_000)
  await world.advance(1)
  assert.equal(fired, 1)
  clock.setDateRight()
  assert.equal(clock.wallMs(), world.wallMs())
})

test('what waits on a clock that has ended never happens', async () => {
  const world = new VirtualClock()
  const clock = new NodeClock(world)
  clock.after(1, () => assert.fail('it happened'))
  clock.end()
  clock.after(1, () => assert.fail('it happened'))
  await world.advance(10)
})

test('who waits for a moment on a clock that runs wrong finds it come when the timer rings', async () => {
  const world = new VirtualClock()
  const clock = new NodeClock(world)
  let rings = 0
  for (let k = 0; k < 2000; k++) {
    await world.advance(7.3 + k / 3)
    clock.setSkew(k * 37 - 41_000)
    const dueMs = clock.nowMs() + 100 / 3 + k / 7
    const look = (): void => {
      rings++
      if (clock.nowMs() < dueMs) clock.after(dueMs - clock.nowMs(), look)
    }
    clock.after(dueMs - clock.nowMs(), look)
    await world.advance(400)
  }
  assert.equal(rings, 2000)
})
