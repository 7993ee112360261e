import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pick, weightsOf } from './path-weights.ts'

const delay = fc.double({ min: 1, max: 1e6, noNaN: true })
const paths = fc.array(fc.oneof({ weight: 8, arbitrary: delay }, { weight: 1, arbitrary: fc.constant(Infinity) }), {
  minLength: 1,
  maxLength: 8,
})
const exponent = fc.constantFrom(1, 2, 3.5, 4, Infinity)

function weights(delays: readonly number[], mask: number, power: number): Float64Array {
  const out = new Float64Array(delays.length)
  weightsOf(Float64Array.from(delays), mask, power, out)
  return out
}

test('for any number of paths the weights are probabilities, and only paths of the mask have any', () => {
  fc.assert(
    fc.property(paths, fc.integer({ min: 1, max: 255 }), exponent, (delays, bits, power) => {
      const mask = bits & ((1 << delays.length) - 1) || 1
      const result = weights(delays, mask, power)
      assert.ok(Math.abs(result.reduce((a, b) => a + b, 0) - 1) < 1e-9)
      result.forEach((weight, i) => assert.ok(weight >= 0 && (weight === 0 || (mask & (1 << i)) !== 0)))
    }),
  )
})

test('a path has the weight of its delay to the power of minus the exponent, whatever the others are', () => {
  fc.assert(
    fc.property(fc.array(delay, { minLength: 2, maxLength: 8 }), fc.constantFrom(1, 2, 3.5), (delays, power) => {
      const result = weights(delays, 255, power)
      const sum = delays.reduce((total, each) => total + each ** -power, 0)
      delays.forEach((each, i) => assert.ok(Math.abs(result[i]! - each ** -power / sum) < 1e-9))
    }),
  )
})

test('two paths of 70 and 30 µs are taken with 0.3 and 0.7; three equal ones with a third each', () => {
  assert.deepEqual(
    [...weights([70, 30], 3, 1)].map((each) => each.toFixed(6)),
    ['0.300000', '0.700000'],
  )
  assert.deepEqual([...weights([50, 50, 50], 7, 1)], [1 / 3, 1 / 3, 1 / 3])
  assert.deepEqual([...weights([70, 30, 40], 7, Infinity)], [0, 1, 0])
})

test('where no path is alive those of the mask share evenly', () => {
  assert.deepEqual([...weights([Infinity, Infinity, Infinity], 0b101, 2)], [0.5, 0, 0.5])
})

test('choices fall as the weights say', () => {
  const result = weights([100, 200, 400], 7, 1)
  const counts = [0, 0, 0]
  for (let i = 0; i < 7000; i++) counts[pick(result, i / 7000)]!++
  assert.deepEqual(counts, [4000, 2000, 1000])
  assert.equal(pick(new Float64Array(2), 0.5), -1)
  // Rounding may leave a rest: the last path that has a weight takes it.
  assert.equal(pick(Float64Array.of(0.1, 0.9 - 1e-16, 0), 0.9999999999999999), 1)
})
