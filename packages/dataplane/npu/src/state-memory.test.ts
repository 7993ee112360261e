import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { StateMemory } from './state-memory.ts'

describe('the memory of a pipeline', () => {
  test('grows when more is asked for, keeps what it holds, and gives a freed block back emptied', () => {
    const state = new StateMemory(64)
    const first = state.alloc(100)
    state.bytes.fill(7, first, first + 128)
    const second = state.alloc(10 * state.bytes.length)
    assert.equal(second % 64, 0)
    assert.ok(state.bytes.length >= second + 10 * 65536)
    assert.deepEqual([...state.bytes.subarray(first, first + 128)], Array(128).fill(7))
    state.free(first, 100)
    assert.equal(state.alloc(128), first)
    assert.ok(state.bytes.subarray(first, first + 128).every((byte) => byte === 0))
  })

  test('keeps its buffer when it grows, so that V8 sees no new bytes to collect garbage for', () => {
    const state = new StateMemory(64)
    const before = state.u32
    const outside = process.memoryUsage().external
    state.u32[1] = 7
    state.alloc(256 * 2 ** 20)
    assert.notEqual(state.u32, before)
    before[1]! += 1
    assert.equal(state.u32[1], 8)
    assert.ok(process.memoryUsage().external - outside < 2 ** 20)
  })
})
