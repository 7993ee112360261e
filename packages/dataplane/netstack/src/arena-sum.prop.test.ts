import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { finishChecksum, sumBytes } from '@lodestone/packet'
import fc from 'fast-check'
import { arenaSum } from './arena-sum.ts'

test('the sum is congruent to the packet package’s for any bytes at any place, ones included', () => {
  const arena = new Arena({ slots: 8 })
  const sum = arenaSum(arena)
  assert.equal(sum, arenaSum(arena))
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 70 }),
      fc.integer({ min: 0, max: 9000 }),
      fc.integer({ min: 0, max: 0x7fffffff }),
      fc.boolean(),
      (at, length, seed, isOnes) => {
        const slot = arena.alloc(0)
        const start = arena.start(slot) - 200 + at
        let state = seed
        for (let i = start; i < start + length; i++) {
          state = (Math.imul(state, 1103515245) + 12345) | 0
          arena.bytes[i] = isOnes ? 0xff : state >>> 16
        }
        const mine = sum(start, start + length)
        assert.ok(mine >= 0 && mine <= 0xffff)
        assert.equal(finishChecksum(mine), finishChecksum(sumBytes(arena.bytes, start, start + length)))
        arena.free(slot)
      },
    ),
    { numRuns: 500 },
  )
})
