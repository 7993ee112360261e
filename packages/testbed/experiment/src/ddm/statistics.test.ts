import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pairedRatio } from './statistics.ts'

test('a paired ratio is exact where every pair agrees, and its interval covers where they differ', () => {
  const same = pairedRatio([2, 4, 8], [1, 2, 4])
  assert.ok([same.ratio, same.low, same.high].every((each) => Math.abs(each - 2) < 1e-12))
  const spread = pairedRatio([1, 2, 4, 8], [2, 2, 2, 2])
  assert.ok(Math.abs(spread.ratio - Math.SQRT2) < 1e-12)
  // Four logs with a standard deviation of 0.8949: 3.182 * 0.8949 / 2 either way.
  assert.ok(Math.abs(Math.log(spread.high / spread.ratio) - 1.4237) < 1e-3, `${spread.high}`)
  assert.ok(Math.abs(spread.high / spread.ratio - spread.ratio / spread.low) < 1e-9)
  const single = pairedRatio([3], [2])
  assert.ok(single.low === single.high && Math.abs(single.ratio - 1.5) < 1e-12)
})
