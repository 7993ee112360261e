import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findJsonError, findJsonPath } from './json-position.ts'

test('finds an error exactly where JSON.parse finds one', () => {
  const text = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 }))
      .map(([json, at, noise]) => json.slice(0, at % (json.length + 1)) + noise + json.slice(at % (json.length + 1))),
  )
  fc.assert(
    fc.property(text, (json) => {
      let isValid = true
      try {
        JSON.parse(json)
      } catch {
        isValid = false
      }
      assert.equal(findJsonError(json) === undefined, isValid, json)
    }),
    { numRuns: 2000 },
  )
})

test('points at the value of a path', () => {
  const text = '{"a": [1,\n {"b\\u0063": true}]}'
  assert.deepEqual(findJsonPath(text, ['a', 1, 'bc']), { line: 2, column: 14 })
  assert.deepEqual(findJsonPath(text, ['a', 1, 'missing']), { line: 2, column: 2 })
  assert.deepEqual(findJsonPath(text, []), { line: 1, column: 1 })
})

test('gives up on nesting deeper than 128 instead of overflowing the stack', () => {
  assert.equal(findJsonError('['.repeat(200_000))?.message, 'recursion limit exceeded')
})
