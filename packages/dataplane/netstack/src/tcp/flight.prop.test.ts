import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Flight, LOST, REPEATED, SACKED } from './flight.ts'

interface Model {
  start: number
  end: number
  sentMs: number
  state: number
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('push' as const), length: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('shift' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('sacked' as const, 'lost' as const, 'repeated' as const),
      at: fc.nat(100),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('recut' as const), length: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
)

test('segments, their states and their sums are those of a plain list, through growth, wrap and cutting anew', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const flight = new Flight()
      let model: Model[] = []
      let next = 1
      let nowMs = 0
      for (const each of steps) {
        nowMs++
        const at = 'at' in each && model.length > 0 ? each.at % model.length : -1
        const segment = model[at]
        if (each.kind === 'push') {
          model.push({ start: next, end: next + each.length, sentMs: nowMs, state: 0 })
          next += each.length
          flight.push(next, nowMs)
        } else if (each.kind === 'shift' && model.length > 0) {
          model.shift()
          flight.shift()
        } else if (each.kind === 'trim' && model.length > 0 && model[0]!.end - model[0]!.start > 1) {
          model[0]!.start++
          flight.trim(model[0]!.start)
        } else if (each.kind === 'recut') {
          model = cut(model, each.length)
          flight.recut(each.length)
        } else if (each.kind === 'forget') {
          for (const one of model) one.state &= ~SACKED
          flight.forgetReports()
        } else if (segment !== undefined && (segment.state & SACKED) === 0) {
          if (each.kind === 'sacked') {
            segment.state = (segment.state & ~LOST) | SACKED
            flight.noteSacked(at)
          } else if (each.kind === 'lost' && (segment.state & LOST) === 0) {
            segment.state |= LOST
            flight.noteLost(at)
          } else if (each.kind === 'repeated') {
            segment.state = (segment.state & ~LOST) | REPEATED
            segment.sentMs = nowMs
            flight.noteRepeated(at, nowMs)
          }
        }
        compare(flight, model)
      }
    }),
  )
})

function cut(model: readonly Model[], length: number): Model[] {
  const out: Model[] = []
  let isOpen = false
  for (const each of model) {
    if ((each.state & SACKED) !== 0) {
      out.push({ ...each, state: SACKED })
      isOpen = false
      continue
    }
    for (let from = each.start; from < each.end; from++) {
      const last = out.at(-1)
      if (isOpen && last !== undefined && last.end - last.start < length) last.end++
      else out.push({ start: from, end: from + 1, sentMs: -Infinity, state: LOST })
      isOpen = true
    }
  }
  return out
}

function compare(flight: Flight, model: readonly Model[]): void {
  const seen = Array.from({ length: flight.count }, (_, i) => ({
    start: flight.start(i),
    end: flight.end(i),
    sentMs: flight.sentMs(i),
    state: [SACKED, LOST, REPEATED].reduce((sum, bit) => sum + (flight.is(i, bit) ? bit : 0), 0),
  }))
  assert.deepEqual(seen, model)
  const total = (bit: number): number =>
    model.reduce((sum, each) => sum + ((each.state & bit) !== 0 ? each.end - each.start : 0), 0)
  assert.equal(flight.sackedBytes, total(SACKED))
  assert.equal(flight.lostBytes, total(LOST))
  assert.equal(flight.sackedCount, model.filter((each) => (each.state & SACKED) !== 0).length)
  assert.equal(flight.repeatedCount, model.filter((each) => (each.state & REPEATED) !== 0).length)
  assert.equal(
    flight.firstLost(),
    model.findIndex((each) => (each.state & LOST) !== 0),
  )
  for (const each of model) {
    assert.equal(
      flight.indexAbove(each.end),
      model.findIndex((one) => one.end > each.end) + (each === model.at(-1) ? 1 + model.length : 0),
    )
  }
}
