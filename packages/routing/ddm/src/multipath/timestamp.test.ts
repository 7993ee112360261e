import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { STAMP_PERIOD_US, stampDifference, stampOf } from './timestamp.ts'

test('a stamp has 24 bits and wraps every 16.78 s', () => {
  assert.equal(stampOf(0), 0)
  assert.equal(stampOf(0xffffff + 0.9), 0xffffff)
  assert.equal(stampOf(0x1000000), 0)
  assert.equal(stampOf(1.7e15), 1.7e15 % STAMP_PERIOD_US)
})

test('the difference of two stamps is the time between them, across any wrap, up to 8.39 s either way', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2e15 }),
      fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }),
      (nowUs, differenceUs) => {
        fc.pre(nowUs + differenceUs >= 0)
        assert.equal(stampDifference(stampOf(nowUs + differenceUs), stampOf(nowUs)), differenceUs)
      },
    ),
  )
})
