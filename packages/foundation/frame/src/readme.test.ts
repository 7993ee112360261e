import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Arena } from './index.ts'

test('the example of the README does what its comments say', () => {
  const arena = new Arena({ slots: 4 })
  const slot = arena.from(Uint8Array.of(1, 2, 3, 4))
  assert.ok(arena.shift(slot, -2))
  arena.bytes.set([9, 9], arena.start(slot))
  assert.deepEqual([...arena.peek(slot)], [9, 9, 1, 2, 3, 4])
  const copy = arena.clone(slot)
  assert.ok(arena.packet(copy) === arena.packet(slot))
  arena.free(slot)
  arena.free(copy)
  assert.equal(arena.freeSlots, 4)
})

test('this file has the example of the README, expression by expression', () => {
  const own = readFileSync(new URL(import.meta.url), 'utf8')
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const block = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? ''
  for (const line of block.split('\n')) {
    const code = line.replace(/ \/\/.*/, '')
    assert.ok(own.includes(code), code)
  }
})
