import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { finish, nextDeadlineMs, written } from './machine.ts'
import { type End, pair, PLAIN, segmentsOf, seqA, seqB, settle, type Wire } from './machine.fixture.ts'
import { ACK } from './segment.ts'
import type { TcpParameters } from './tcb.ts'

// In these transcripts the round trip is 20 ms (that of the handshake), and segments are 1000 bytes.
const PROBING: TcpParameters = { ...PLAIN, tailLossProbe: true }

/** `a` hears that everything below `ack` and the blocks given are there. Positions are of `a`'s stream. */
function hear(a: End, nowMs: number, ack: number, ...blocks: readonly (readonly [number, number])[]): void {
  const sack = blocks.map(([start, end]) => [seqA(start), seqA(end)] as const)
  a.take({ flags: ACK, seq: seqB(1), ack: seqA(ack), length: 0, window: 60_000, sack }, nowMs)
}

/** Calls the timer that is due next. */
function ring(a: End): number {
  const dueMs = nextDeadlineMs(a.tcb)
  a.timer(dueMs)
  return dueMs
}

describe('loss detection by time (RFC 8985)', () => {
  test('a retransmission that is lost is sent again after a round trip, not after the timeout', () => {
    const { a } = pair()
    written(a.tcb, 30_000)
    assert.equal(a.pump(100).length, 10)
    hear(a, 120, 1, [1001, 5001])
    assert.deepEqual(segmentsOf(a.pump(120)), [[1, 1000]])
    // What was sent after the retransmission arrives, the retransmission does not.
    hear(a, 121, 1, [1001, 10_001])
    const more = segmentsOf(a.pump(121))
    assert.deepEqual(more[0], [10_001, 1000], 'the first hole is on its way')
    hear(a, 141, 1, [1001, 11_001])
    assert.deepEqual(segmentsOf(a.pump(141))[0], [1, 1000])
    assert.equal(a.tcb.retransmits, 0, 'no timeout')
    assert.ok(a.tcb.retransmitAtMs > 300)
  })

  test('one report alone waits for a quarter of the least round trip; what comes by then was only late', () => {
    for (const isLate of [true, false]) {
      const { a } = pair()
      written(a.tcb, 3000)
      a.pump(100)
      hear(a, 120, 1, [1001, 2001])
      assert.deepEqual(segmentsOf(a.pump(120)), [])
      assert.equal(nextDeadlineMs(a.tcb), 125)
      if (isLate) {
        hear(a, 124, 2001)
        assert.deepEqual(segmentsOf(a.pump(124)), [])
        assert.equal(a.tcb.reorderAtMs, Infinity)
        assert.ok(a.tcb.isReorderingSeen)
        assert.equal(a.tcb.inRecovery, false)
      } else {
        ring(a)
        assert.deepEqual(segmentsOf(a.pump(125)), [[1, 1000]])
        assert.ok(a.tcb.inRecovery)
      }
    }
  })

  test('where reordering was seen, three reports are no loss before the window is over', () => {
    const { a } = pair()
    written(a.tcb, 10_000)
    a.pump(100)
    hear(a, 120, 1, [1001, 2001])
    hear(a, 121, 2001)
    hear(a, 122, 2001, [3001, 6001])
    assert.deepEqual(segmentsOf(a.pump(122)), [])
    assert.equal(a.tcb.inRecovery, false)
    hear(a, 124, 10_001)
    assert.equal(a.tcb.inRecovery, false)
    assert.equal(a.tcb.retransmits, 0)
  })

  test('a segment that was sent again for nothing makes the window longer, by the peer’s D-SACK', () => {
    const { a } = pair()
    written(a.tcb, 10_000)
    a.pump(100)
    hear(a, 120, 1, [1001, 2001])
    ring(a)
    assert.deepEqual(segmentsOf(a.pump(125)), [[1, 1000]])
    hear(a, 126, 2001)
    hear(a, 146, 10_001, [1, 1001])
    assert.equal(a.tcb.windowFactor, 2)
    written(a.tcb, 3000)
    a.pump(200)
    hear(a, 220, 10_001, [11_001, 12_001])
    assert.equal(a.tcb.reorderAtMs, 230, 'two quarters of 20 ms')
    // In the same round trip it does not grow again.
    hear(a, 221, 10_001, [1, 1001], [11_001, 12_001])
    hear(a, 222, 10_001, [1001, 2001], [11_001, 12_001])
    assert.equal(a.tcb.windowFactor, 3)
  })

  test('the report of an acknowledgment that was overtaken is no duplicate', () => {
    const { a } = pair()
    written(a.tcb, 5000)
    a.pump(100)
    hear(a, 120, 5001)
    hear(a, 121, 1, [1001, 2001])
    assert.equal(a.tcb.windowFactor, 1)
    assert.equal(a.tcb.duplicateEnd, -1)
    hear(a, 122, 5001, [1001, 2001])
    assert.equal(a.tcb.windowFactor, 2)
  })

  test('what a peer reports beyond what is under way, or twice, changes nothing', () => {
    const { a } = pair()
    written(a.tcb, 5000)
    a.pump(100)
    hear(a, 120, 1, [2001, 3001])
    const { sackedBytes } = a.tcb.flight
    hear(a, 121, 1, [2001, 3001])
    hear(a, 121, 1, [2001, 9001])
    hear(a, 121, 1, [2500, 2600])
    assert.equal(a.tcb.flight.sackedBytes, sackedBytes)
    assert.equal(sackedBytes, 1000)
  })

  test('after a timeout what was sent within the last round trip is not taken for lost', () => {
    const { a } = pair()
    written(a.tcb, 2000)
    a.pump(100)
    written(a.tcb, 1000)
    a.pump(299)
    const nowMs = ring(a)
    assert.equal(nowMs, 300)
    assert.equal(a.tcb.flight.lostBytes, 2000)
    assert.deepEqual(segmentsOf(a.pump(nowMs)), [[1, 1000]])
  })
})

describe('tail loss probes (RFC 8985 §7)', () => {
  test('two silent round trips after the last segment it is sent again, and a whole lost tail is found by it', () => {
    const { a, b } = pair(PROBING)
    written(a.tcb, 6000)
    const sent = a.pump(100)
    for (const wire of sent.slice(0, 2)) b.take(wire, 110)
    for (const ack of b.pump(110)) a.take(ack, 120)
    assert.equal(nextDeadlineMs(a.tcb), 160)
    ring(a)
    const probe = a.pump(160)
    assert.deepEqual(segmentsOf(probe), [[5001, 1000]])
    b.take(probe[0]!, 170)
    for (const ack of b.pump(170)) a.take(ack, 180)
    // Three segments are missing below what the probe's answer reports.
    if (a.tcb.reorderAtMs < Infinity) ring(a)
    settle(a, b, 185)
    assert.equal(b.tcb.rcvNxt, 6001)
    assert.equal(a.tcb.sndUna, 6001)
    assert.equal(a.tcb.retransmits, 0, 'no timeout')
    assert.ok(a.tcb.ssthresh < Infinity, 'the loss was one')
  })

  test('a single segment is given the time of a delayed acknowledgment; new data is a probe, too', () => {
    const { a } = pair(PROBING)
    written(a.tcb, 1000)
    a.pump(100)
    assert.equal(a.tcb.probeAtMs, 180)
    a.tcb.cwnd = 1000 // no room for more
    written(a.tcb, 500)
    assert.deepEqual(segmentsOf(a.pump(101)), [])
    ring(a)
    assert.deepEqual(segmentsOf(a.pump(180)), [[1001, 500]])
    assert.equal(a.tcb.probeAtMs, Infinity, 'one at a time')
    assert.equal(a.tcb.retransmitAtMs, 380)
    hear(a, 200, 1501)
    assert.equal(a.tcb.probeEnd, -1)
    assert.equal(nextDeadlineMs(a.tcb), Infinity)
  })

  test('a loss that the probe made good counts for congestion control, one that was none does not', () => {
    for (const isNeeded of [true, false]) {
      const { a } = pair(PROBING)
      written(a.tcb, 5000)
      a.pump(100)
      hear(a, 120, 4001)
      ring(a)
      assert.deepEqual(segmentsOf(a.pump(180)), [[4001, 1000]])
      const before = a.tcb.cwnd
      if (isNeeded) {
        hear(a, 200, 5001)
        written(a.tcb, 2000)
        a.pump(201)
        hear(a, 221, 7001)
        assert.ok(a.tcb.cwnd < before, `${a.tcb.cwnd} of ${before}`)
      } else {
        hear(a, 181, 5001)
        hear(a, 200, 5001, [4001, 5001])
        assert.equal(a.tcb.probeEnd, -1)
        assert.equal(a.tcb.ssthresh, Infinity)
      }
    }
  })

  test('a lost FIN is probed for', () => {
    const { a, b } = pair(PROBING)
    written(a.tcb, 100)
    finish(a.tcb)
    assert.equal(a.pump(100).length, 1)
    const nowMs = ring(a)
    assert.equal(nowMs, 180)
    settle(a, b, nowMs)
    assert.equal(a.tcb.state, 'FIN-WAIT-2')
  })

  test('a peer without SACK is not probed', () => {
    const { a } = pair({ ...PROBING, sack: false })
    written(a.tcb, 5000)
    a.pump(100)
    assert.equal(nextDeadlineMs(a.tcb), 300)
  })
})

describe('D-SACK (RFC 2883)', () => {
  const blocksOf = (wires: readonly Wire[]): (readonly (readonly [number, number])[])[] =>
    wires.map(
      (wire) => wire.sack!.map(([start, end]) => [start - seqA(0), end - seqA(0)].map((each) => each >>> 0)) as never,
    )

  test('what arrives once more is told first and once, before the holes', () => {
    const { a, b } = pair()
    written(a.tcb, 6000)
    const sent = a.pump(100)
    b.take(sent[0]!, 110)
    b.take(sent[1]!, 110)
    assert.deepEqual(blocksOf(b.pump(110)), [[]])
    b.take(sent[0]!, 111)
    assert.deepEqual(blocksOf(b.pump(111)), [[[1, 1001]]])
    b.take(sent[3]!, 112)
    assert.deepEqual(blocksOf(b.pump(112)), [[[3001, 4001]]])
    b.take(sent[3]!, 113)
    assert.deepEqual(blocksOf(b.pump(113)), [
      [
        [3001, 4001],
        [3001, 4001],
      ],
    ])
    b.take(sent[2]!, 114)
    assert.deepEqual(blocksOf(b.pump(114)), [[]])
  })
})
