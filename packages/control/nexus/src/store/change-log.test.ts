import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangeLog } from './change-log.ts'

test('a generation is due to the requests between the snapshots of the one before and its own', () => {
  const log = new ChangeLog()
  log.note('a')
  log.read(1, log.last)
  log.made('nat', 's0', 10, 1)
  log.note('b')
  log.note(undefined)
  log.note('c')
  log.read(2, log.last)
  log.made('nat', 's0', 11, 2)
  assert.deepEqual(log.requestsOf('nat', 's0', 11), ['c', 'b'])
  assert.deepEqual(log.requestsOf('nat', 's0', 10), [], 'what was before it is not known')
  assert.deepEqual(log.requestsOf('nat', 's1', 11), [])
})

test('a reading without an effect takes its requests from the next generation', () => {
  const log = new ChangeLog()
  log.read(1, log.last)
  log.made('nat', 's0', 10, 1)
  log.note('nothing for s0')
  log.read(2, log.last)
  log.made('nat', 's0', 10, 2)
  log.note('something')
  log.read(3, log.last)
  log.made('nat', 's0', 11, 3)
  assert.deepEqual(log.requestsOf('nat', 's0', 11), ['something'])
})

test('what is kept is bounded', () => {
  const log = new ChangeLog()
  for (let k = 0; k < 5000; k++) {
    log.note(`r${k}`)
    log.read(k, log.last)
    log.made('nat', 's0', k, k)
  }
  assert.deepEqual(log.requestsOf('nat', 's0', 4999), ['r4999'])
  assert.deepEqual(log.requestsOf('nat', 's0', 4000), [])
})
