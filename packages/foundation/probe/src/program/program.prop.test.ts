import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PACKET_POINTS } from '../packet-probes.ts'
import type { ProbeEvent } from '../probe-event.ts'
import { AggregateTable } from './aggregation.ts'
import { startProbe } from './probe-run.ts'
import { renderProgramProblem } from './render-output.ts'

const PIECES = [
  'link:drop',
  'stack:*:send',
  'tick-1s',
  'BEGIN',
  'END',
  '/',
  '{',
  '}',
  '@',
  '[',
  ']',
  '(',
  ')',
  ',',
  ';',
  '=',
  '==',
  '&&',
]
const WORDS = [
  'count()',
  'quantize(bytes)',
  'reason',
  'n',
  'n[packet]',
  '"text"',
  '10.0.0.0/8',
  'in',
  '1',
  '-',
  '!',
  'print',
  'exit()',
  ' ',
]

test('no text makes the language throw, and a mistake lies within the text', () => {
  const soup = fc.array(fc.constantFrom(...PIECES, ...WORDS), { maxLength: 30 }).map((each) => each.join(' '))
  fc.assert(
    fc.property(fc.oneof(soup, fc.string({ maxLength: 60 })), (text) => {
      let listener: ((event: ProbeEvent) => void) | undefined
      const source = {
        points: PACKET_POINTS,
        subscribe: (fn: (event: ProbeEvent) => void) => ((listener = fn), () => {}),
      }
      const started = startProbe(text, { sources: [source], output: () => {}, every: () => () => {}, nowMs: () => 0 })
      if (!started.ok) {
        for (const problem of started.problems) {
          assert.ok(
            problem.span.start >= 0 && problem.span.end <= text.length && problem.span.start <= problem.span.end,
          )
          renderProgramProblem(text, problem)
        }
        return
      }
      listener?.({ provider: 'link', node: 'a', unit: 'b', name: 'drop', atMs: 1, fields: { reason: 'X' } })
      started.run.stop()
    }),
    { numRuns: 2000 },
  )
})

test('a ranking never gives a count that is too low, and is exact while values are few', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 400 }),
      fc.integer({ min: 1, max: 5 }),
      (values, wanted) => {
        const table = new AggregateTable('topk')
        const exact = new Map<number, number>()
        for (const value of values) {
          table.add([], [value, wanted])
          exact.set(value, (exact.get(value) ?? 0) + 1)
        }
        const [row] = table.rows()
        if (row?.result.kind !== 'ranking') return assert.equal(values.length, 0)
        for (const { value, count, over } of row.result.rows) {
          const truth = exact.get(value as number)!
          assert.ok(count >= truth && count - over <= truth)
          if (exact.size <= 10 * wanted) assert.equal(count, truth)
        }
      },
    ),
  )
})
