/** Dumps as memory images: what is written is read, and nothing else is taken for one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeTaskMemory, readTaskMemory, type TaskMemory } from './task-memory.ts'

const MEMORY: TaskMemory = {
  task: 'thermal',
  tasks: [
    { name: 'jefe', priority: 0, generation: 0, isRunning: true, startedMs: 1.5, faults: 0, lastFault: undefined },
    { name: 'thermal', priority: 5, generation: 2, isRunning: false, startedMs: 9, faults: 3, lastFault: 'größe' },
  ],
  entries: [{ atMs: 12.25, generation: 2, count: 0xffffffff, text: 'Off to Boot' }],
  counters: { ticks: 7, malformed: 2 ** 40 },
}

test('a memory image is read as it was written', () => {
  assert.deepEqual(readTaskMemory(encodeTaskMemory(MEMORY)), { ok: true, memory: MEMORY })
})

test('an image cut at any length, or with any byte changed, gives a value or a reason', () => {
  const bytes = encodeTaskMemory(MEMORY)
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(readTaskMemory(bytes.subarray(0, length)).ok, false, `${length}`)
  }
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice()
    changed[at] = changed[at]! ^ 0xff
    assert.doesNotThrow(() => readTaskMemory(changed))
  }
})
