import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@lodestone/host'
import { WakeUps } from './wake-ups.ts'

test('what is due in one instant shares one event of the clock, in the order asked', async () => {
  const clock = new VirtualClock()
  const wakeUps = new WakeUps(clock)
  const ran: number[] = []
  for (let i = 0; i < 100; i++) wakeUps.at(10, () => ran.push(i))
  assert.equal(wakeUps.count, 1)
  await clock.advance(9.9)
  assert.equal(ran.length, 0)
  await clock.advance(0.1)
  assert.deepEqual(
    ran,
    Array.from({ length: 100 }, (_, i) => i),
  )
  assert.equal(clock.eventsRun, 1)
  assert.equal(wakeUps.count, 0)
})

test('cancelled ones do not run and leave nothing behind, before and while others run', async () => {
  const clock = new VirtualClock()
  const wakeUps = new WakeUps(clock)
  const ran: string[] = []
  wakeUps.at(10, () => ran.push('never')).cancel()
  assert.equal(wakeUps.count, 0)
  const later = { cancel: (): void => undefined }
  wakeUps.at(20, () => {
    ran.push('first')
    later.cancel()
    wakeUps.at(20, () => ran.push('again'))
  })
  later.cancel = wakeUps.at(20, () => ran.push('never')).cancel
  await clock.advance(30)
  assert.deepEqual(ran, ['first', 'again'])
})

test('one that throws does not take the time of the others', () => {
  const queue: Array<() => void> = []
  const clock = {
    nowMs: () => 0,
    wallMs: () => 0,
    after: (_delayMs: number, fn: () => void) => {
      queue.push(fn)
      return { cancel: () => undefined }
    },
  }
  const wakeUps = new WakeUps(clock)
  const ran: string[] = []
  wakeUps.at(5, () => {
    throw new Error('first')
  })
  wakeUps.at(5, () => ran.push('second'))
  assert.throws(() => queue.shift()!(), /first/)
  queue.shift()!()
  assert.deepEqual(ran, ['second'])
})
