import assert from 'node:assert/strict'
import { test } from 'node:test'
import { minimal } from './shrink.ts'

test('delta debugging leaves exactly what is needed', async () => {
  const items = Array.from({ length: 64 }, (_, i) => i)
  let tries = 0
  const left = await minimal(items, (some) => {
    tries++
    return Promise.resolve([7, 8, 51].every((needed) => some.includes(needed)))
  })
  assert.deepEqual(left, [7, 8, 51])
  assert.ok(tries < 100, `${tries} tries`)
})

test('one item that is needed alone stays alone', async () => {
  const left = await minimal([1, 2, 3, 4, 5], (some) => Promise.resolve(some.includes(4)))
  assert.deepEqual(left, [4])
})
