import assert from 'node:assert/strict'
import { test } from 'node:test'
import { growCubic, noteCubicLoss } from './cubic.ts'
import { type End, pair, PLAIN, segmentsOf, seqA, seqB } from './machine.fixture.ts'
import { written } from './machine.ts'
import { ACK } from './segment.ts'
import { DEFAULT_TCP_PARAMETERS, Tcb } from './tcb.ts'

const WINDOW = 65_535

/** An acknowledgment of `ack`, with `blocks` where there is SACK. The window never changes, so that it counts as a duplicate. */
function hear(
  a: End,
  nowMs: number,
  ack: number,
  ...blocks: readonly (readonly [number, number])[]
): [number, number][] {
  a.tcb.sndWnd = WINDOW << a.tcb.sndShift
  const sack = blocks.map(([start, end]) => [seqA(start), seqA(end)] as const)
  a.take({ flags: ACK, seq: seqB(1), ack: seqA(ack), length: 0, window: WINDOW, sack }, nowMs)
  return segmentsOf(a.pump(nowMs))
}

test('without SACK the third duplicate makes a retransmission; the first two let a new segment out each (RFC 5681 §3.2, RFC 3042)', () => {
  const { a } = pair({ ...PLAIN, sack: false })
  written(a.tcb, 30_000)
  assert.equal(a.pump(100).length, 10)
  assert.deepEqual(hear(a, 120, 1), [[10_001, 1000]])
  assert.deepEqual(hear(a, 121, 1), [[11_001, 1000]])
  assert.deepEqual(hear(a, 122, 1), [[1, 1000]])
  assert.ok(a.tcb.inRecovery)
  assert.equal(a.tcb.ssthresh, 5000, 'half of the window')
  assert.equal(a.tcb.cwnd, 8000, 'and the three that have left')
})

test('with SACK the third report does, where nothing was ever out of order (RFC 8985 §6.2)', () => {
  const { a } = pair()
  written(a.tcb, 10_000)
  a.pump(100)
  assert.deepEqual(hear(a, 120, 1, [1001, 2001]), [])
  assert.deepEqual(hear(a, 120, 1, [1001, 3001]), [])
  assert.equal(a.tcb.inRecovery, false)
  assert.deepEqual(hear(a, 120, 1, [1001, 4001]), [[1, 1000]])
})

test('duplicates that a timeout caused begin no recovery (RFC 6582 §3.2 step 2)', () => {
  const { a } = pair({ ...PLAIN, sack: false })
  written(a.tcb, 10_000)
  a.pump(100)
  a.timer(a.tcb.retransmitAtMs)
  a.pump(400)
  assert.equal(hear(a, 410, 3001)[0]![0], 3001)
  const { ssthresh } = a.tcb
  for (let i = 0; i < 5; i++) hear(a, 411 + i, 3001)
  assert.equal(a.tcb.inRecovery, false)
  assert.equal(a.tcb.ssthresh, ssthresh)
})

/** A block in congestion avoidance, in segments of 1000 bytes, with a round trip of no time. */
function cubic(window: number): Tcb {
  const tcb = new Tcb({ ...DEFAULT_TCP_PARAMETERS, congestionControl: 'cubic' }, 0, 1000)
  tcb.mss = 1000
  tcb.srttMs = 0
  tcb.cwnd = window * 1000
  return tcb
}

/** The window after `seconds`, with an acknowledgment of a whole window every 100 ms. */
function windowAfter(tcb: Tcb, seconds: number): number {
  for (let i = 0; i <= seconds * 10; i++) growCubic(tcb, tcb.cwnd, i * 100)
  return tcb.cwnd / 1000
}

test('CUBIC’s curve is 0.4 (t - K)^3 + Wmax with K the cube root of 0.3 Wmax / 0.4 (RFC 9438 §4.2)', () => {
  const k = Math.cbrt((0.3 * 1000) / 0.4)
  for (const seconds of [2, 5, 9, 12]) {
    const tcb = cubic(1000)
    noteCubicLoss(tcb)
    tcb.cwnd = 700_000
    const expected = 0.4 * (seconds - k) ** 3 + 1000
    const window = windowAfter(tcb, seconds)
    assert.ok(Math.abs(window - expected) < 0.5, `after ${seconds} s ${window}, not ${expected}`)
  }
})

test('a window that fell short of the last one gives way: Wmax is 0.85 of it (RFC 9438 §4.7)', () => {
  const tcb = cubic(1000)
  noteCubicLoss(tcb)
  assert.equal(tcb.cubicMax, 1000)
  tcb.cwnd = 900_000
  noteCubicLoss(tcb)
  assert.equal(tcb.cubicMax, 765)
  tcb.cwnd = 950_000
  noteCubicLoss(tcb)
  assert.equal(tcb.cubicMax, 950)
})

test('however steep the curve, a round trip adds half of the window at most (RFC 9438 §4.4)', () => {
  const tcb = cubic(100)
  noteCubicLoss(tcb)
  tcb.cwnd = 70_000
  growCubic(tcb, 1000, 0)
  const before = tcb.cwnd
  growCubic(tcb, before, 60_000)
  assert.ok(Math.abs(tcb.cwnd / before - 1.5) < 1e-9, `${tcb.cwnd / before}`)
})
