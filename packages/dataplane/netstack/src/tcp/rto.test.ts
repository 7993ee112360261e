import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pair, PLAIN, segmentsOf, seqA, seqB } from './machine.fixture.ts'
import { written } from './machine.ts'
import { backOff, sampleRtt } from './rto.ts'
import { ACK } from './segment.ts'
import { DEFAULT_TCP_PARAMETERS, Tcb } from './tcb.ts'

function fresh(minRtoMs = 0): Tcb {
  return new Tcb({ ...DEFAULT_TCP_PARAMETERS, minRtoMs }, 0, 1000)
}

test('the timeout follows RFC 6298 §2: 1 s, then from the first round trip, then smoothed', () => {
  const tcb = fresh()
  assert.equal(tcb.rtoMs, 1000)
  sampleRtt(tcb, 100)
  assert.deepEqual([tcb.srttMs, tcb.rttvarMs, tcb.rtoMs], [100, 50, 300])
  sampleRtt(tcb, 200)
  // The variation is taken against the mean of before.
  assert.deepEqual([tcb.srttMs, tcb.rttvarMs, tcb.rtoMs], [112.5, 62.5, 362.5])
  for (let i = 0; i < 200; i++) sampleRtt(tcb, 80)
  assert.ok(Math.abs(tcb.rtoMs - 81) < 0.01, 'never less than a tick of the clock above the mean')
})

test('it has bounds, and doubles up to the upper one', () => {
  const tcb = fresh(200)
  sampleRtt(tcb, 10)
  assert.equal(tcb.rtoMs, 200)
  for (const expected of [400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]) {
    backOff(tcb)
    assert.equal(tcb.rtoMs, expected)
  }
  sampleRtt(tcb, 1e9)
  assert.equal(tcb.rtoMs, 60_000)
})

test('what was sent again measures nothing, whether a timer or duplicates asked for it (Karn)', () => {
  for (const sack of [true, false]) {
    for (const isTimeout of [true, false]) {
      const { a } = pair({ ...PLAIN, sack })
      written(a.tcb, 4000)
      a.pump(100)
      const { srttMs } = a.tcb
      if (isTimeout) a.timer(a.tcb.retransmitAtMs)
      else {
        for (let i = 1; i <= 3; i++) {
          a.tcb.sndWnd = 65_535 << a.tcb.sndShift // the same one makes it a duplicate
          const blocks = sack ? [[seqA(1001), seqA(1001 + 1000 * i)] as const] : []
          a.take({ flags: ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 65_535, sack: blocks }, 110)
        }
      }
      assert.deepEqual(segmentsOf(a.pump(350))[0], [1, 1000])
      a.take({ flags: ACK, seq: seqB(1), ack: seqA(4001), length: 0, window: 60_000 }, 400)
      assert.equal(a.tcb.sndUna, 4001)
      assert.equal(a.tcb.srttMs, srttMs, `${sack} ${isTimeout}`)
    }
  }
})
