import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlowMemory } from './flow-memory.ts'

const PART = 2 ** 20

test('memory that grows keeps what it holds, and is nothing that V8 collects garbage for', () => {
  const memory = new FlowMemory()
  const first = memory.take(64)
  memory.words[first / 4] = 7
  const outside = process.memoryUsage().external
  for (let k = 0; k < 128; k++) assert.notEqual(memory.take(PART), 0)
  assert.ok(memory.bytes >= 128 * PART)
  assert.equal(memory.words[first / 4], 7)
  assert.ok(process.memoryUsage().external - outside < PART)
})

test('a part that was given back is handed out again, with zeros where they are asked for', () => {
  const memory = new FlowMemory()
  const part = memory.take(PART)
  memory.words.fill(7, part / 4, (part + PART) / 4)
  const after = memory.take(PART)
  memory.give(part, PART)
  const { bytes } = memory
  let again = 0
  for (let k = 0; k < 4 && again !== part; k++) again = memory.take(PART, true)
  assert.equal(again, part)
  assert.notEqual(again, after)
  assert.ok(memory.words.subarray(again / 4, (again + PART) / 4).every((word) => word === 0))
  assert.ok(memory.bytes <= bytes + PART)
})
