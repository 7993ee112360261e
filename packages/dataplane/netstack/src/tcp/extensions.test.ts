import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { finish, onPathMss, setKeepAlive, written } from './machine.ts'
import { acceptSyn } from './input.ts'
import { End, ISS_A, ISS_B, pair, PLAIN, segmentsOf, seqA, seqB, settle, toIn } from './machine.fixture.ts'
import { open } from './machine.ts'
import { keyedHash } from './keyed-hash.ts'
import { ACK, RST } from './segment.ts'
import type { TcpParameters } from './tcb.ts'

const STAMPED: TcpParameters = { ...PLAIN, timestamps: true }
const CUBIC: TcpParameters = { ...PLAIN, congestionControl: 'cubic', receiveBufferBytes: 100_000_000 }
const RENO: TcpParameters = { ...CUBIC, congestionControl: 'newreno' }

describe('timestamps (RFC 7323)', () => {
  test('are in every segment once both SYNs had them, and echo the last one received', () => {
    const { a, b } = pair(STAMPED)
    assert.equal(a.tcb.mss, 988, 'the option takes 12 bytes of each segment')
    written(a.tcb, 100)
    const [sent] = a.pump(500)
    assert.deepEqual(sent!.ts, [500, 10])
    b.take(sent!, 505)
    b.timer(545)
    assert.deepEqual(b.pump(545)[0]!.ts, [545, 500])
  })

  test('the echo is that of the first segment that the acknowledgment is about, so that its delay counts (§4.3)', () => {
    const { a, b } = pair(STAMPED)
    written(a.tcb, 500)
    const [first] = a.pump(500)
    written(a.tcb, 500)
    const [second] = a.pump(530)
    written(a.tcb, 500)
    const [third] = a.pump(560)
    b.take(first!, 505)
    b.take(second!, 535)
    b.timer(545)
    assert.deepEqual(b.pump(545)[0]!.ts, [545, 500])
    // What lies behind a hole is not echoed either.
    b.take({ ...third!, seq: (third!.seq + 100) >>> 0 }, 565)
    assert.deepEqual(b.pump(565)[0]!.ts, [565, 500])
  })

  test('are in no segment when one side does not want them', () => {
    const a = new End(open(STAMPED, ISS_A, 1000))
    const [syn] = a.pump(0)
    assert.notEqual(syn!.ts, undefined)
    const b = new End(acceptSyn(PLAIN, toIn(syn!), ISS_B, 1000))
    const [answer] = b.pump(0)
    assert.equal(answer!.ts, undefined)
    a.take(answer!, 0)
    assert.equal(a.pump(0)[0]!.ts, undefined)
    assert.equal(a.tcb.mss, 1000)
  })

  test('a segment from before the sequence numbers wrapped is refused and acknowledged (PAWS)', () => {
    const { a, b } = pair(STAMPED)
    written(a.tcb, 100)
    const [sent] = a.pump(5000)
    const old = { ...sent!, ts: [3, 10] as const }
    b.take({ ...sent!, length: 50, ts: [4000, 10] }, 5000)
    b.pump(5000)
    b.take(old, 5001)
    assert.deepEqual(b.happened, ['connected', 'stale'])
    assert.equal(b.received, 50)
    assert.equal(b.pump(5001)[0]!.ack, seqA(51))
    b.take({ ...old, ts: undefined }, 5001)
    assert.equal(b.received, 50, 'nor is a segment without the option believed')
  })

  test('old acknowledgments without data are answered ten times a second, so that two hosts cannot go on for ever', () => {
    const { a } = pair({ ...STAMPED, challengeAcksPerSecond: 10 })
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 100, ts: [90_000, 20] }, 100)
    let answers = 0
    const old = { flags: ACK, seq: seqB(0), ack: seqA(1), length: 0, window: 100, ts: [3, 20] as const }
    for (let i = 0; i < 200; i++) {
      a.take(old, 1000 + i)
      answers += a.pump(1000 + i).length
    }
    assert.equal(answers, 10)
    a.take(old, 2100)
    assert.equal(a.pump(2100).length, 1, 'and again in the next second')
    // Data that was sent again is answered each time: its acknowledgment may have been lost.
    a.take({ ...old, flags: ACK, seq: seqB(1), length: 10, ts: [90_001, 20] }, 2101)
    a.pump(2101)
    let repeats = 0
    for (let i = 0; i < 30; i++) {
      a.take({ ...old, flags: ACK, seq: seqB(1), length: 10, ts: [90_001, 20] }, 2102)
      repeats += a.pump(2102).length
    }
    assert.equal(repeats, 30)
  })

  test('after 24 days of silence old timestamps are taken again, and resets always are', () => {
    const { a, b } = pair(STAMPED)
    written(a.tcb, 100)
    const [sent] = a.pump(5000)
    b.take({ ...sent!, length: 50, ts: [4000, 10] }, 5000)
    b.take({ ...sent!, ts: [3, 10] }, 5000 + 25 * 86_400_000)
    assert.equal(b.received, 100)
    b.take({ flags: RST, seq: seqA(101), ack: 0, length: 0, window: 0, ts: [1, 1] }, 6000 + 25 * 86_400_000)
    assert.equal(b.tcb.state, 'CLOSED')
  })

  test('leave room for three SACK blocks', () => {
    const { a, b } = pair(STAMPED)
    written(a.tcb, 10_000)
    const sent = a.pump(100)
    for (const at of [1, 3, 5, 7]) b.take(sent[at]!, 100)
    assert.equal(b.pump(100).at(-1)!.sack!.length, 3)
  })

  test('give a round-trip sample where a retransmission makes the acknowledgment ambiguous', () => {
    const { a, b } = pair(STAMPED)
    written(a.tcb, 988)
    const before = a.tcb.srttMs
    a.pump(1000)
    a.timer(2000)
    const [again] = a.pump(2000)
    assert.equal(again!.ts![0], 2000)
    b.take(again!, 2150)
    b.timer(2200)
    for (const wire of b.pump(2200)) a.take(wire, 2300)
    assert.equal(a.tcb.sndUna, 989)
    assert.ok(Math.abs(a.tcb.srttMs - (0.875 * before + 0.125 * 300)) < 1e-9, `${before} → ${a.tcb.srttMs}`)
  })

  test('a smaller path leaves room for the option', () => {
    const { a } = pair(STAMPED)
    written(a.tcb, 5000)
    a.pump(0)
    onPathMss(a.tcb, seqA(1), 500)
    assert.equal(a.tcb.mss, 488)
  })
})

/** Congestion avoidance with one acknowledgment per window. @returns the windows in segments, one per round trip. */
function windowsAfterLoss(parameters: TcpParameters, lossAt: number, trips: number, rttMs: number): number[] {
  const { a } = pair(parameters)
  const { tcb } = a
  tcb.cwnd = lossAt * tcb.mss
  tcb.ssthresh = tcb.cwnd
  tcb.sndWnd = 1e9
  written(tcb, 1e9)
  let nowMs = 1000
  tcb.lastSendMs = nowMs // it was not idle
  a.pump(nowMs)
  // Three reports of what came after the first segment; then everything is acknowledged.
  const first = tcb.sndUna
  for (let i = 1; i <= 3; i++) {
    const sack: [number, number][] = [[seqA(first + tcb.mss), seqA(first + tcb.mss * (i + 1))]]
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(first), length: 0, window: 65_535, sack }, nowMs)
  }
  assert.ok(tcb.inRecovery)
  const windows: number[] = []
  for (let i = 0; i <= trips; i++) {
    nowMs += rttMs
    tcb.sndWnd = 1e9
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(tcb.sndMax), length: 0, window: 65_535 }, nowMs)
    tcb.sndWnd = 1e9
    if (i === 0) tcb.cwnd = tcb.ssthresh // as if the path had been kept full during the recovery
    a.pump(nowMs)
    windows.push(tcb.cwnd / tcb.mss)
  }
  return windows
}

describe('congestion control', () => {
  test('CUBIC leaves 0.7 of the window, comes back to it after K seconds, and is flat there (RFC 9438)', () => {
    const windows = windowsAfterLoss(CUBIC, 1000, 300, 100)
    assert.ok(Math.abs(windows[0]! - 700) < 2, `${windows[0]}`)
    const kS = Math.cbrt((1000 * 0.3) / 0.4)
    const atK = windows[Math.round(kS * 10)]!
    assert.ok(Math.abs(atK - 1000) < 15, `after K = ${kS} s the window is ${atK}`)
    const slope = (from: number): number => windows[from + 5]! - windows[from]!
    assert.ok(slope(5) > 3 * slope(Math.round(kS * 10) - 3), 'steep at first, flat around the old window')
    assert.ok(slope(150) > 3 * slope(Math.round(kS * 10)), 'and steep again beyond')
  })

  test('CUBIC is never slower than its estimate of Reno on short paths', () => {
    const windows = windowsAfterLoss(CUBIC, 40, 100, 1)
    // 28 segments, growing by 0.53 a round trip up to 40 and then by 1.
    assert.ok(Math.abs(windows[23]! - 40) < 1.5, `${windows[23]}`)
    assert.ok(windows[100]! > 110, `${windows[100]}`)
  })

  test('NewReno leaves half and grows by a segment a round trip', () => {
    const windows = windowsAfterLoss(RENO, 100, 20, 50)
    assert.ok(Math.abs(windows[0]! - 50) < 2, `${windows[0]}`)
    assert.ok(Math.abs(windows[20]! - windows[0]! - 20) < 2, `${windows[20]}`)
  })

  test('a recovery lets out what arrives, so that it ends with half of the window and no burst (RFC 6937)', () => {
    const { a } = pair(RENO)
    const { tcb } = a
    tcb.cwnd = 100 * tcb.mss
    tcb.sndWnd = 1e9
    tcb.lastSendMs = 1000
    written(tcb, 1e9)
    a.pump(1000)
    const first = tcb.sndUna
    // Every second segment of the flight is lost; one report at a time.
    const sent: number[] = []
    let sack: [number, number][] = []
    for (let i = 1; i < 100; i += 2) {
      sack = [[seqA(first + i * 1000), seqA(first + (i + 1) * 1000)], ...sack.slice(0, 2)]
      a.take({ flags: ACK, seq: seqB(1), ack: seqA(first), length: 0, window: 65_535, sack }, 1010)
      tcb.sndWnd = 1e9
      const length = a.pump(1010).reduce((sum, wire) => sum + wire.length, 0)
      if (tcb.inRecovery) sent.push(length)
    }
    assert.ok(
      sent.slice(1).every((length) => length <= 2000),
      `never more than two segments for a report: ${sent}`,
    )
    const all = sent.reduce((sum, each) => sum + each, 0)
    assert.ok(all >= 20_000 && all <= 52_000, `${all} bytes for 50 000 delivered`)
    assert.equal(tcb.ssthresh, 50_000)
  })

  test('an acknowledgment that jumps over a filled hole does not blow the window past ssthresh', () => {
    const { a } = pair(CUBIC)
    const { tcb } = a
    tcb.cwnd = 20 * tcb.mss
    tcb.sndWnd = 1e9
    tcb.lastSendMs = 1000
    written(tcb, 1e9)
    a.pump(1000)
    tcb.ssthresh = 22_000
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(tcb.sndMax), length: 0, window: 65_535 }, 1010)
    assert.ok(tcb.cwnd <= 24_000, `${tcb.cwnd}`)
  })

  test('initial window and timeouts are those of the parameters', () => {
    const { a } = pair({ ...PLAIN, initialWindowSegments: 30, minRtoMs: 10, initialRtoMs: 50 })
    written(a.tcb, 100_000)
    assert.equal(segmentsOf(a.pump(0)).length, 30)
    const fresh = new End(open({ ...PLAIN, initialRtoMs: 50 }, ISS_A, 1000))
    fresh.pump(0)
    assert.equal(fresh.tcb.retransmitAtMs, 50)
  })
})

describe('keep-alive and Nagle', () => {
  test('a silent peer is probed just before the window, answers, and is asked again later', () => {
    const { a, b } = pair({ ...PLAIN, keepAliveIntervalMs: 100, keepAliveProbes: 2 })
    setKeepAlive(a.tcb, 1000, 20)
    a.timer(1020)
    const [probe] = a.pump(1020)
    assert.deepEqual([probe!.seq, probe!.length], [seqA(0), 0])
    b.take(probe!, 1020)
    const [answer] = b.pump(1020)
    a.take(answer!, 1020)
    a.timer(1120)
    assert.deepEqual(a.pump(1120), [])
    assert.equal(a.tcb.keepAliveAtMs, 2020)
  })

  test('a peer that answers no probe is given up', () => {
    const { a } = pair({ ...PLAIN, keepAliveIntervalMs: 100, keepAliveProbes: 2 })
    setKeepAlive(a.tcb, 1000, 20)
    for (const nowMs of [1020, 1120]) {
      a.timer(nowMs)
      assert.equal(a.pump(nowMs).length, 1)
    }
    a.timer(1220)
    assert.deepEqual(a.happened.slice(1), ['ETIMEDOUT'])
  })

  test('Nagle holds less than a segment while something is in flight, but never a FIN', () => {
    const { a, b } = pair({ ...PLAIN, nagle: true })
    written(a.tcb, 10)
    assert.equal(a.pump(0).length, 1)
    written(a.tcb, 1500)
    assert.deepEqual(segmentsOf(a.pump(0)), [[11, 1000]])
    finish(a.tcb)
    assert.deepEqual(segmentsOf(a.pump(0)), [[1011, 500]])
    settle(a, b, 100)
  })
})

test('the keyed hash is HalfSipHash-2-4', () => {
  const key = Uint32Array.of(0x03020100, 0x07060504)
  assert.equal(keyedHash(key, new Int32Array(0), 0), 0x5b9f35a9)
  assert.notEqual(keyedHash(key, Int32Array.of(1), 1), keyedHash(key, Int32Array.of(2), 1))
})
