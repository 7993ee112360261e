import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { randomSpecification } from '../testing/random-specification.ts'
import { parse } from './parse.ts'
import { formatSpecification, printSpecification } from './print.ts'

/** The tree without places and comments, which formatting moves. */
function essence(text: string): unknown {
  return JSON.parse(
    JSON.stringify(parse(text).file, (key, value: unknown) =>
      key === 'span' || /[tT]rivia$/.test(key) ? undefined : typeof value === 'bigint' ? String(value) : value,
    ),
  )
}

function comments(text: string): string[] {
  return (text.match(/\/\/(?!\/).*/g) ?? []).map((comment) => comment.trimEnd()).toSorted()
}

test('parse, print, parse gives the same tree, with every comment; printing again changes nothing', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const text = randomSpecification(seed)
      assert.deepEqual(parse(text).diagnostics, [])
      const printed = printSpecification(parse(text).file)
      assert.deepEqual(essence(printed), essence(text))
      assert.deepEqual(comments(printed), comments(text))
      assert.equal(formatSpecification(printed).text, printed)
    }),
    { numRuns: 150 },
  )
})
