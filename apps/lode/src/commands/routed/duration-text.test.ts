import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText } from './duration-text.ts'

test('durations have two units at most, the smaller one padded', () => {
  const second = 1000
  const [minute, hour, day] = [60 * second, 3600 * second, 86_400 * second]
  for (const [ms, text] of [
    [-5, '0s'],
    [0, '0s'],
    [59_999, '59s'],
    [minute, '1m00s'],
    [hour - 1, '59m59s'],
    [hour + 5 * minute, '1h05m'],
    [day - 1, '23h59m'],
    [3 * day + 4 * hour, '3d04h'],
  ] as const) {
    assert.equal(durationText(ms), text)
  }
})
