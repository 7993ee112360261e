/** Requirements of RFC 9293 (appendix B), 6298 and 5961 that no other test here is about. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { acceptSyn } from './input.ts'
import { nextDeadlineMs, open, written } from './machine.ts'
import {
  End,
  ISS_A,
  ISS_B,
  pair,
  PLAIN,
  segmentsOf,
  seqA,
  seqB,
  settle,
  SMALL,
  toIn,
  type Wire,
} from './machine.fixture.ts'
import { ACK, RST, SYN } from './segment.ts'

const WITH_TIMES = { ...PLAIN, timestamps: true }

describe('opening', () => {
  test('after a lost SYN data begins with a timeout of 3 s, unless a timestamp measured the round trip (RFC 6298 §5.7)', () => {
    for (const parameters of [PLAIN, WITH_TIMES]) {
      const a = new End(open(parameters, ISS_A, 1000, 77))
      a.pump(0)
      a.timer(1000)
      const [again] = a.pump(1000)
      const b = new End(acceptSyn(parameters, toIn(again!), ISS_B, 1000, 0, 1010))
      const [answer] = b.pump(1010)
      a.take(answer!, 1020)
      assert.equal(a.tcb.state, 'ESTABLISHED')
      assert.equal(a.tcb.rtoMs, parameters.timestamps ? 200 : 3000)
      assert.equal(a.tcb.srttMs, parameters.timestamps ? 20 : -1)
    }
  })

  test('a SYN is sent again for three minutes (MUST-23)', () => {
    const a = new End(open(PLAIN, ISS_A, 1000))
    a.pump(0)
    while (a.tcb.state !== 'CLOSED') {
      const dueMs = nextDeadlineMs(a.tcb)
      a.timer(dueMs)
      if (a.pump(dueMs).length === 0) assert.ok(dueMs >= 180_000, `given up after ${dueMs} ms`)
    }
  })

  test('without the option a segment carries 536 bytes over IPv4 and 1220 over IPv6 (MUST-15)', () => {
    const bare: Wire = { flags: SYN, seq: seqA(0), ack: 0, length: 0, window: 8000 }
    assert.equal(acceptSyn(PLAIN, toIn(bare), ISS_B, 1440, 0, 0, 6).mss, 1220)
    assert.equal(acceptSyn(PLAIN, toIn(bare), ISS_B, 1460, 0, 0, 4).mss, 536)
    const answer: Wire = { ...bare, flags: SYN | ACK, ack: seqA(1) }
    for (const [family, mss] of [
      [4, 536],
      [6, 1220],
    ] as const) {
      const a = new End(open(PLAIN, ISS_A, 1440, 0, family))
      a.pump(0)
      a.take({ ...answer, seq: ISS_B }, 10)
      assert.equal(a.tcb.mss, mss)
    }
  })

  test('a SYN that comes again, because its answer was lost, is answered the same way again', () => {
    const syn: Wire = { flags: SYN, seq: seqA(0), ack: 0, length: 0, window: 8000, mss: 1000 }
    const b = new End(acceptSyn(PLAIN, toIn(syn), ISS_B, 1000))
    const [first] = b.pump(0)
    b.take(syn, 500)
    assert.deepEqual(b.pump(500), [first])
    b.timer(1500)
    assert.deepEqual(b.pump(1500), [first])
    b.take({ flags: ACK, seq: seqA(1), ack: seqB(1), length: 0, window: 10 }, 1600)
    assert.equal(b.tcb.state, 'ESTABLISHED')
    assert.deepEqual(b.pump(1600), [])
  })

  test('SYNs that come again are not answered without bound', () => {
    const syn: Wire = { flags: SYN, seq: seqA(0), ack: 0, length: 0, window: 8000, mss: 1000 }
    const b = new End(acceptSyn(PLAIN, toIn(syn), ISS_B, 1000))
    let answers = b.pump(0).length
    for (let i = 0; i < 500; i++) {
      b.take(syn, i)
      answers += b.pump(i).length
    }
    assert.ok(answers <= 11, `${answers} answers`)
  })
})

describe('the peer’s window', () => {
  test('a peer that closes its window over what is in flight is not given up while it answers (MUST-34, SHLD-17)', () => {
    const { a, b } = pair()
    written(a.tcb, 3000)
    a.pump(100)
    const shut: Wire = { flags: ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 0 }
    a.take(shut, 110)
    let nowMs = 110
    for (let i = 0; i < 40; i++) {
      nowMs = nextDeadlineMs(a.tcb)
      a.timer(nowMs)
      a.pump(nowMs)
      a.take(shut, nowMs + 10)
    }
    assert.equal(a.tcb.state, 'ESTABLISHED')
    a.take({ ...shut, window: 60_000 }, nowMs + 20)
    for (let i = 0; i < 10 && b.received < 3000; i++) {
      nowMs = Math.min(nextDeadlineMs(a.tcb), nextDeadlineMs(b.tcb))
      a.timer(nowMs)
      b.timer(nowMs)
      settle(a, b, nowMs)
    }
    assert.equal(b.received, 3000)
  })

  test('a peer that closes its window over what is in flight and falls silent is given up', () => {
    const { a } = pair()
    written(a.tcb, 3000)
    a.pump(100)
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 0 }, 110)
    for (let i = 0; i < 40 && a.tcb.state !== 'CLOSED'; i++) {
      const dueMs = nextDeadlineMs(a.tcb)
      a.timer(dueMs)
      a.pump(dueMs)
    }
    assert.deepEqual(a.happened, ['connected', 'ETIMEDOUT'])
  })

  test('a window that stays too small for a segment is filled when the timer rings (RFC 9293 §3.8.6.2.1)', () => {
    const { a } = pair()
    written(a.tcb, 3000)
    a.tcb.maxSndWnd = 60_000
    a.tcb.sndWnd = 400
    assert.deepEqual(a.pump(100), [])
    const dueMs = nextDeadlineMs(a.tcb)
    assert.ok(dueMs < 1500)
    a.timer(dueMs)
    assert.deepEqual(segmentsOf(a.pump(dueMs)), [[1, 400]])
    // It is in flight like any other.
    assert.equal(a.tcb.sndNxt, 401)
    assert.ok(nextDeadlineMs(a.tcb) <= dueMs + 200)
  })

  test('a reset is believed although the window is closed (MUST-66)', () => {
    const { a, b } = pair(SMALL)
    written(a.tcb, 12_000)
    settle(a, b, 100)
    assert.equal(b.tcb.rcvEdge, b.tcb.rcvNxt)
    b.take({ flags: RST, seq: seqA(8001), ack: 0, length: 0, window: 0 }, 110)
    assert.equal(b.happened.at(-1), 'ECONNRESET')
  })
})

test('urgent data is delivered in line, wherever the urgent pointer points', () => {
  const { a } = pair()
  const URG = 0x20
  a.take({ flags: ACK | URG, seq: seqB(1), ack: seqA(1), length: 100, window: 1000 }, 100)
  a.take({ flags: ACK | URG, seq: seqB(101), ack: seqA(1), length: 1, window: 1000 }, 100)
  assert.equal(a.received, 101)
  assert.equal(a.tcb.rcvNxt, 102)
})
