import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FlightRecorder } from './flight-recorder.ts'

test('a flight recorder keeps the last records, oldest first', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.integer(), { maxLength: 100 }), (records, values) => {
      const recorder = new FlightRecorder(records)
      values.forEach((value, k) => recorder.record(value, k, -k))
      const size = 2 ** Math.ceil(Math.log2(records))
      const expected = values.map((value, k) => ({ serial: k, a: value | 0, b: k, c: k === 0 ? 0 : -k })).slice(-size)
      assert.deepEqual(recorder.read(), expected)
    }),
  )
})
