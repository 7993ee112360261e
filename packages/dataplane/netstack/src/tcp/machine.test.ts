import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { acceptSyn } from './input.ts'
import { finish, nextDeadlineMs, onPathMss, onUnreachable, open, orphan, read, written } from './machine.ts'
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
import { ACK, FIN, PSH, RST, SYN } from './segment.ts'
import { clearActions, type TcpState } from './tcb.ts'

describe('opening', () => {
  test('three-way handshake: options in SYN and SYN,ACK, window scaled after it', () => {
    const a = new End(open(PLAIN, ISS_A, 1460))
    const [syn] = a.pump(0)
    assert.deepEqual(syn, {
      flags: SYN,
      seq: ISS_A,
      ack: 0,
      length: 0,
      window: 65535,
      mss: 1460,
      windowShift: 4,
      sackPermitted: true,
      sack: [],
    })
    const b = new End(acceptSyn(PLAIN, toIn(syn!), ISS_B, 1220))
    const [synAck] = b.pump(10)
    assert.equal(synAck!.flags, SYN | ACK)
    assert.equal(synAck!.ack, seqA(1))
    a.take(synAck!, 20)
    assert.deepEqual(a.happened, ['connected'])
    assert.equal(a.tcb.mss, 1220)
    assert.equal(a.tcb.srttMs, 20)
    const acks = a.pump(20)
    assert.equal(acks.length, 1)
    assert.equal(acks[0]!.window, Math.ceil(1_000_000 / 16))
    b.take(acks[0]!, 30)
    assert.deepEqual(b.happened, ['connected'])
    assert.equal(b.tcb.sndWnd, 1_000_000)
    assert.equal(nextDeadlineMs(a.tcb), Infinity)
    assert.equal(nextDeadlineMs(b.tcb), Infinity)
  })

  test('a peer without options gets none of them used', () => {
    const bare: Wire = { flags: SYN, seq: seqA(0), ack: 0, length: 0, window: 8000 }
    const b = new End(acceptSyn(PLAIN, toIn(bare), ISS_B, 1460))
    const [synAck] = b.pump(0)
    assert.equal(synAck!.windowShift, -1)
    assert.equal(synAck!.sackPermitted, false)
    assert.equal(b.tcb.mss, 536)
  })

  test('simultaneous open ends established on both sides (RFC 9293 figure 7)', () => {
    const a = new End(open(PLAIN, ISS_A, 1000))
    const b = new End(open(PLAIN, ISS_B, 1000))
    const [fromA] = a.pump(0)
    const [fromB] = b.pump(0)
    a.take(fromB!, 10)
    b.take(fromA!, 10)
    assert.equal(a.tcb.state, 'SYN-RECEIVED')
    assert.equal(b.tcb.state, 'SYN-RECEIVED')
    settle(a, b, 20)
    assert.equal(a.tcb.state, 'ESTABLISHED')
    assert.equal(b.tcb.state, 'ESTABLISHED')
    written(a.tcb, 500)
    settle(a, b, 30)
    assert.equal(b.received, 500)
  })

  test('a reset in answer to the SYN means refused; one that acknowledges something else means nothing', () => {
    const a = new End(open(PLAIN, ISS_A, 1000))
    a.pump(0)
    a.take({ flags: RST | ACK, seq: 0, ack: seqA(7), length: 0, window: 0 }, 1)
    assert.equal(a.tcb.state, 'SYN-SENT')
    a.take({ flags: RST | ACK, seq: 0, ack: seqA(1), length: 0, window: 0 }, 1)
    assert.deepEqual(a.happened, ['ECONNREFUSED'])
  })

  test('an old SYN,ACK in SYN-SENT is answered with a reset and changes nothing', () => {
    const a = new End(open(PLAIN, ISS_A, 1000))
    a.pump(0)
    const answer = a.take({ flags: SYN | ACK, seq: 1, ack: seqA(100), length: 0, window: 0 }, 1)
    assert.deepEqual(answer, [{ flags: RST, seq: seqA(100), ack: 0, length: 0, window: 0 }])
    assert.equal(a.tcb.state, 'SYN-SENT')
  })

  test('SYN retransmission backs off 1, 2, 4 … s and then times out', () => {
    const a = new End(open(PLAIN, ISS_A, 1000))
    const at: number[] = []
    let nowMs = 0
    for (;;) {
      if (a.pump(nowMs).length > 0) at.push(nowMs)
      nowMs = nextDeadlineMs(a.tcb)
      if (nowMs === Infinity) break
      a.timer(nowMs)
    }
    assert.deepEqual(at, [0, 1000, 3000, 7000, 15_000, 31_000, 63_000, 123_000])
    assert.deepEqual(a.happened, ['ETIMEDOUT'])
  })

  test('port unreachable ends an opening connection, but only when it quotes our SYN', () => {
    const a = new End(open(PLAIN, ISS_A, 1000))
    a.pump(0)
    clearActions(a.actions)
    onUnreachable(a.tcb, seqA(3), 'ECONNREFUSED', a.actions)
    assert.equal(a.tcb.state, 'SYN-SENT')
    onUnreachable(a.tcb, seqA(0), 'ECONNREFUSED', a.actions)
    assert.equal(a.actions.failure, 'ECONNREFUSED')
    const { a: standing } = pair()
    written(standing.tcb, 10)
    standing.pump(40)
    onUnreachable(standing.tcb, seqA(1), 'EHOSTUNREACH', standing.actions)
    assert.equal(standing.tcb.state, 'ESTABLISHED')
  })

  test('in SYN-RECEIVED a wrong acknowledgment is reset, a right one with data establishes and delivers', () => {
    const syn: Wire = { flags: SYN, seq: seqA(0), ack: 0, length: 0, window: 8000, mss: 1000 }
    const b = new End(acceptSyn(PLAIN, toIn(syn), ISS_B, 1000))
    b.pump(0)
    const [reset] = b.take({ flags: ACK, seq: seqA(1), ack: seqB(9), length: 0, window: 10 }, 1)
    assert.equal(reset!.flags, RST)
    assert.equal(b.tcb.state, 'SYN-RECEIVED')
    b.take({ flags: ACK | PSH, seq: seqA(1), ack: seqB(1), length: 10, window: 10 }, 1)
    assert.equal(b.tcb.state, 'ESTABLISHED')
    assert.equal(b.received, 10)
  })
})

describe('data', () => {
  test('starts with ten segments and doubles each round trip', () => {
    const { a, b } = pair()
    written(a.tcb, 100_000)
    const first = a.pump(40)
    assert.equal(first.length, 10)
    assert.deepEqual(segmentsOf(first).slice(0, 2), [
      [1, 1000],
      [1001, 1000],
    ])
    for (const wire of first) {
      b.take(wire, 50)
      for (const ack of b.pump(50)) a.take(ack, 60)
    }
    assert.equal(a.pump(60).length, 20)
  })

  test('acknowledges every second full segment at once and a single one within 40 ms', () => {
    const { a, b } = pair()
    written(a.tcb, 3000)
    const sent = a.pump(100)
    b.take(sent[0]!, 100)
    assert.deepEqual(b.pump(100), [])
    b.take(sent[1]!, 100)
    assert.equal(b.pump(100)[0]!.ack, seqA(2001))
    b.take(sent[2]!, 100)
    assert.deepEqual(b.pump(100), [])
    assert.equal(nextDeadlineMs(b.tcb), 140)
    b.timer(140)
    assert.equal(b.pump(140)[0]!.ack, seqA(3001))
    assert.equal(nextDeadlineMs(b.tcb), Infinity)
  })

  test('three SACK reports make one fast retransmit of what is missing and nothing else', () => {
    const { a, b } = pair()
    written(a.tcb, 8000)
    const sent = a.pump(100)
    for (const wire of sent.slice(1)) b.take(wire, 110)
    const again: Wire[] = []
    for (let i = 1; i < sent.length; i++) {
      // one duplicate acknowledgment per segment that arrived out of order
      a.take(dup(b, i), 120)
      again.push(...a.pump(120))
    }
    assert.deepEqual(segmentsOf(again), [[1, 1000]])
    b.take(again[0]!, 130)
    assert.equal(b.received, 8000)
    assert.equal(b.tcb.rcvNxt, 8001)
    a.take(b.pump(130)[0]!, 140)
    assert.equal(a.tcb.inRecovery, false)
    assert.equal(a.tcb.cwnd, 2000)
    assert.equal(nextDeadlineMs(a.tcb), Infinity)
  })

  /** The acknowledgment after `count` segments behind the hole at the start. */
  function dup(b: End, count: number): Wire {
    const sack = [[seqA(1001), seqA(1001 + count * 1000)]] as const
    return { flags: ACK, seq: seqB(1), ack: seqA(1), length: 0, window: b.tcb.rcvEdge >> 4, sack }
  }

  test('SACK recovery fills two holes in one round trip', () => {
    const { a, b } = pair()
    written(a.tcb, 10_000)
    const sent = a.pump(100)
    sent.forEach((wire, i) => {
      if (i === 0 || i === 4) return
      b.take(wire, 110)
      for (const ack of b.pump(110)) a.take(ack, 120)
    })
    const again = a.pump(120)
    assert.deepEqual(segmentsOf(again), [
      [1, 1000],
      [4001, 1000],
    ])
    for (const wire of again) b.take(wire, 130)
    assert.equal(b.tcb.rcvNxt, 10_001)
  })

  test('without SACK, NewReno fills one hole per round trip and stays in recovery in between', () => {
    const { a, b } = pair()
    a.tcb.isSackPermitted = false
    b.tcb.isSackPermitted = false
    written(a.tcb, 10_000)
    const sent = a.pump(100)
    const again: Wire[] = []
    sent.forEach((wire, i) => {
      if (i === 0 || i === 4) return
      b.take(wire, 110)
      for (const ack of b.pump(110)) a.take(ack, 120)
      again.push(...a.pump(120))
    })
    assert.deepEqual(segmentsOf(again), [[1, 1000]])
    b.take(again[0]!, 130)
    for (const ack of b.pump(130)) a.take(ack, 140)
    assert.ok(a.tcb.inRecovery)
    const more = a.pump(140)
    assert.deepEqual(segmentsOf(more), [[4001, 1000]])
    b.take(more[0]!, 150)
    for (const ack of b.pump(150)) a.take(ack, 160)
    assert.equal(a.tcb.inRecovery, false)
    assert.equal(b.tcb.rcvNxt, 10_001)
  })

  test('retransmission timeouts double from 200 ms, resend one segment each, and give up after ten', () => {
    const { a } = pair()
    written(a.tcb, 5000)
    let nowMs = 100
    const gaps: number[] = []
    let sent = a.pump(nowMs)
    while (nextDeadlineMs(a.tcb) !== Infinity) {
      const dueMs = nextDeadlineMs(a.tcb)
      gaps.push(dueMs - nowMs)
      nowMs = dueMs
      a.timer(nowMs)
      sent = a.pump(nowMs)
      if (sent.length > 0) assert.deepEqual(segmentsOf(sent), [[1, 1000]])
    }
    assert.deepEqual(gaps, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000])
    assert.deepEqual(a.happened, ['connected', 'ETIMEDOUT'])
  })

  test('after a timeout an acknowledgment of what had arrived skips it and ends the backoff', () => {
    const { a } = pair()
    written(a.tcb, 5000)
    a.pump(100)
    a.timer(300)
    a.pump(300)
    a.timer(700)
    assert.deepEqual(segmentsOf(a.pump(700)), [[1, 1000]])
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(4001), length: 0, window: 60_000 }, 710)
    assert.deepEqual(segmentsOf(a.pump(710)), [[4001, 1000]])
    assert.equal(a.tcb.rtoMs, 200)
    assert.equal(a.tcb.srttMs, 20) // Karn: no sample from a retransmitted segment
  })

  test('a timeout within a recovery halves what the recovery had left, not the window that duplicates inflated', () => {
    for (const congestionControl of ['newreno', 'cubic'] as const) {
      const { a, b } = pair({ ...PLAIN, congestionControl })
      a.tcb.isSackPermitted = false
      b.tcb.isSackPermitted = false
      a.tcb.cwnd = 20_000
      a.tcb.lastSendMs = 100
      written(a.tcb, 40_000)
      const sent = a.pump(100)
      assert.equal(sent.length, 20)
      for (const wire of sent.slice(1)) {
        b.take(wire, 110)
        for (const ack of b.pump(110)) a.take(ack, 120)
        a.pump(120) // the retransmission, which is lost, and later what the inflated window lets out
      }
      assert.ok(a.tcb.inRecovery)
      const left = a.tcb.ssthresh
      assert.ok(a.tcb.cwnd > left + 10_000, 'the window is inflated')
      a.timer(nextDeadlineMs(a.tcb))
      assert.equal(a.tcb.ssthresh, left * (congestionControl === 'cubic' ? 0.7 : 0.5), congestionControl)
      assert.ok(a.tcb.cubicMax * 1000 <= left)
    }
  })

  test('after a timeout only what is missing is sent again, unless the peer takes its reports back', () => {
    for (const isReneging of [false, true]) {
      const { a } = pair()
      written(a.tcb, 10_000)
      assert.equal(a.pump(100).length, 10)
      const sack = [
        [seqA(1001), seqA(4001)],
        [seqA(5001), seqA(9001)],
      ] as const
      a.take({ flags: ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 60_000, sack }, 120)
      assert.deepEqual(segmentsOf(a.pump(120)), [
        [1, 1000],
        [4001, 1000],
      ])
      // Both are lost.
      a.timer(nextDeadlineMs(a.tcb))
      const again = segmentsOf(a.pump(500))
      assert.deepEqual(again, [[1, 1000]])
      // Reneging: the acknowledgment ends where a reported range begins, and nothing more comes.
      a.take({ flags: ACK, seq: seqB(1), ack: seqA(isReneging ? 1001 : 4001), length: 0, window: 60_000 }, 510)
      again.push(...segmentsOf(a.pump(510)))
      if (isReneging) {
        a.timer(nextDeadlineMs(a.tcb))
        assert.deepEqual(segmentsOf(a.pump(2000)), [[1001, 1000]])
        continue
      }
      assert.deepEqual(again, [
        [1, 1000],
        [4001, 1000],
        [9001, 1000],
      ])
    }
  })

  test('a full receive buffer closes the window; probes continue while the peer answers; reading opens it', () => {
    const { a, b } = pair(SMALL)
    written(a.tcb, 12_000)
    settle(a, b, 100)
    assert.equal(b.received, 8000)
    assert.equal(a.tcb.sndWnd, 0)
    // The probes back off; the peer answers each with a closed window and nothing is lost or given up.
    let nowMs = 100
    const gaps: number[] = []
    for (let i = 0; i < 30; i++) {
      const dueMs = nextDeadlineMs(a.tcb)
      gaps.push(dueMs - nowMs)
      nowMs = dueMs
      a.timer(nowMs)
      const [probe] = a.pump(nowMs)
      assert.equal(probe!.length, 1)
      b.take(probe!, nowMs)
      for (const ack of b.pump(nowMs)) a.take(ack, nowMs)
      assert.deepEqual(a.pump(nowMs), [])
    }
    assert.deepEqual(gaps.slice(0, 4), [200, 400, 800, 1600])
    assert.equal(gaps.at(-1), 60_000)
    assert.equal(a.tcb.state, 'ESTABLISHED')
    assert.equal(b.received, 8000)
    read(b.tcb, 8000)
    settle(a, b, nowMs + 1)
    assert.equal(b.received, 12_000)
  })

  test('a lost window update is made good by the next probe', () => {
    const { a, b } = pair(SMALL)
    written(a.tcb, 9000)
    settle(a, b, 100)
    read(b.tcb, 8000)
    assert.equal(b.pump(150).length, 1) // lost
    const dueMs = nextDeadlineMs(a.tcb)
    a.timer(dueMs)
    settle(a, b, dueMs)
    b.timer(dueMs + 40)
    settle(a, b, dueMs + 40)
    assert.equal(b.received, 9000)
  })

  test('the window is told again only by worthwhile amounts', () => {
    const { a, b } = pair(SMALL)
    written(a.tcb, 8000)
    settle(a, b, 100)
    read(b.tcb, 500)
    assert.deepEqual(b.pump(110), [])
    written(a.tcb, 1000)
    a.pump(110)
    a.timer(nextDeadlineMs(a.tcb))
    const [probe] = a.pump(400)
    b.take(probe!, 400)
    assert.equal(b.pump(400)[0]!.window, 0, 'nor in an acknowledgment that is sent anyway')
    read(b.tcb, 1500)
    assert.equal(b.pump(410).length, 1)
  })

  test('a zero-window peer that falls silent is given up', () => {
    const { a, b } = pair(SMALL)
    written(a.tcb, 12_000)
    settle(a, b, 100)
    for (let i = 0; i < 40 && a.tcb.state !== 'CLOSED'; i++) {
      a.timer(nextDeadlineMs(a.tcb))
      a.pump(0)
    }
    assert.deepEqual(a.happened, ['connected', 'ETIMEDOUT'])
  })

  test('a smaller path MTU cuts what is in flight anew', () => {
    const { a, b } = pair()
    written(a.tcb, 3000)
    a.pump(100)
    onPathMss(a.tcb, seqA(50_000), 600)
    assert.equal(a.tcb.mss, 1000)
    onPathMss(a.tcb, seqA(1001), 600)
    assert.deepEqual(
      segmentsOf(a.pump(101)).map(([, length]) => length),
      [600, 600, 600, 600, 600],
    )
    assert.ok(b.tcb.state === 'ESTABLISHED')
  })
})

describe('closing', () => {
  test('the side that closes first waits in TIME-WAIT, the other does not', () => {
    const { a, b } = pair()
    written(a.tcb, 10)
    finish(a.tcb)
    const sent = a.pump(100)
    assert.equal(sent.length, 1)
    assert.equal(sent[0]!.flags, FIN | ACK | PSH)
    b.take(sent[0]!, 110)
    assert.deepEqual(b.happened, ['connected', 'finished'])
    assert.equal(b.tcb.state, 'CLOSE-WAIT')
    for (const wire of b.pump(110)) a.take(wire, 120)
    assert.equal(a.tcb.state, 'FIN-WAIT-2')
    // Half closed: the other direction still carries bytes.
    written(b.tcb, 700)
    settle(a, b, 130)
    a.timer(170)
    settle(a, b, 170)
    assert.equal(a.received, 700)
    finish(b.tcb)
    settle(a, b, 200)
    assert.equal(a.tcb.state, 'TIME-WAIT')
    assert.equal(b.tcb.state, 'CLOSED')
    assert.equal(nextDeadlineMs(a.tcb), 1200)
    a.timer(1200)
    assert.deepEqual(a.happened, ['connected', 'finished', 'closed'])
  })

  test('simultaneous close passes CLOSING on both sides', () => {
    const { a, b } = pair()
    finish(a.tcb)
    finish(b.tcb)
    const [fromA] = a.pump(100)
    const [fromB] = b.pump(100)
    a.take(fromB!, 110)
    b.take(fromA!, 110)
    assert.equal(a.tcb.state, 'CLOSING')
    assert.equal(b.tcb.state, 'CLOSING')
    settle(a, b, 120)
    assert.equal(a.tcb.state, 'TIME-WAIT')
    assert.equal(b.tcb.state, 'TIME-WAIT')
  })

  test('a FIN that overtakes data waits for it', () => {
    const { a, b } = pair()
    written(a.tcb, 2000)
    finish(a.tcb)
    const sent = a.pump(100)
    assert.equal(sent.length, 2)
    b.take(sent[1]!, 110)
    assert.deepEqual(b.happened, ['connected'])
    b.take(sent[0]!, 120)
    assert.deepEqual(b.happened, ['connected', 'finished'])
    assert.equal(b.received, 2000)
  })

  test('a lost FIN is sent again after the timeout', () => {
    const { a, b } = pair()
    finish(a.tcb)
    a.pump(100)
    const dueMs = nextDeadlineMs(a.tcb)
    a.timer(dueMs)
    settle(a, b, dueMs)
    assert.equal(a.tcb.state, 'FIN-WAIT-2')
    assert.equal(b.tcb.state, 'CLOSE-WAIT')
  })

  test("the peer's repeated FIN in TIME-WAIT is acknowledged and restarts the wait", () => {
    const { a, b } = pair()
    finish(a.tcb)
    settle(a, b, 100)
    finish(b.tcb)
    const [fin] = b.pump(200)
    a.take(fin!, 200)
    a.pump(200)
    a.take(fin!, 900)
    assert.equal(a.pump(900).length, 1)
    assert.equal(nextDeadlineMs(a.tcb), 1900)
  })

  test('bytes for a connection whose reader left are answered with a reset', () => {
    const { a, b } = pair()
    finish(a.tcb)
    settle(a, b, 100)
    orphan(a.tcb, 100)
    written(b.tcb, 10)
    const [data] = b.pump(110)
    const [reset] = a.take(data!, 120)
    assert.equal(reset!.flags, RST)
    assert.equal(a.tcb.state, 'CLOSED')
    b.take(reset!, 130)
    assert.deepEqual(b.happened.at(-1), 'ECONNRESET')
  })

  test('an orphan does not wait for ever in FIN-WAIT-2', () => {
    const { a, b } = pair()
    finish(a.tcb)
    orphan(a.tcb, 90)
    settle(a, b, 100)
    assert.equal(a.tcb.state, 'FIN-WAIT-2')
    a.timer(nextDeadlineMs(a.tcb))
    assert.equal(a.tcb.state, 'CLOSED')
    assert.ok(b.tcb.state === 'CLOSE-WAIT')
  })

  test('abort sends a reset that the peer believes', () => {
    const { a, b } = pair()
    const [reset] = a.abort()
    assert.equal(reset!.flags, RST | ACK)
    b.take(reset!, 100)
    assert.deepEqual(b.happened, ['connected', 'ECONNRESET'])
    assert.deepEqual(a.happened, ['connected', 'closed'])
  })
})

describe('defence', () => {
  test('a reset inside the window but not at its start is challenged (RFC 5961 §3.2)', () => {
    const { a } = pair()
    a.take({ flags: RST, seq: seqB(100), ack: 0, length: 0, window: 0 }, 100)
    assert.equal(a.tcb.state, 'ESTABLISHED')
    assert.equal(a.pump(100).length, 1)
    a.take({ flags: RST, seq: seqB(5_000_000), ack: 0, length: 0, window: 0 }, 100)
    assert.deepEqual(a.pump(100), [])
    a.take({ flags: RST, seq: seqB(1), ack: 0, length: 0, window: 0 }, 100)
    assert.deepEqual(a.happened.at(-1), 'ECONNRESET')
  })

  test('a SYN in a connection is challenged (RFC 5961 §4.2), and challenges are limited', () => {
    const { a } = pair()
    let answers = 0
    for (let i = 0; i < 50; i++) {
      a.take({ flags: SYN, seq: seqB(10), ack: 0, length: 0, window: 0 }, 100 + i)
      answers += a.pump(100 + i).length
    }
    assert.equal(answers, 10)
    assert.equal(a.tcb.state, 'ESTABLISHED')
  })

  test('data that carries an acknowledgment of what was never sent is not taken (RFC 5961 §5.2)', () => {
    const { a } = pair()
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(500), length: 10, window: 0 }, 100)
    assert.equal(a.received, 0)
    assert.equal(a.pump(100).length, 1)
  })

  test('SACK blocks outside what is in flight are ignored', () => {
    const { a } = pair()
    written(a.tcb, 5000)
    a.pump(100)
    const wrong = [
      [seqA(4001), seqA(90_000)],
      [seqA(3001), seqA(2001)],
      [seqA(0), seqA(1)],
    ] as const
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 60_000, sack: wrong }, 110)
    assert.equal(a.tcb.flight.sackedCount, 0)
    assert.equal(a.tcb.dupAcks, 0)
  })

  test('more holes than are remembered cost retransmissions, not memory', () => {
    const { a, b } = pair(PLAIN, 100)
    a.tcb.cwnd = 1e6
    a.tcb.lastSendMs = 100
    written(a.tcb, 300_000)
    a.tcb.sndWnd = 300_000
    b.tcb.rcvEdge = 300_001
    a.pump(100).forEach((wire, i) => {
      if (i % 2 === 1) b.take(wire, 110)
    })
    assert.equal(b.tcb.outOfOrder.count, 1024)
    let nowMs = 120
    for (let i = 0; i < 100 && b.tcb.rcvNxt < 300_001; i++) {
      settle(a, b, nowMs)
      const dueMs = Math.min(nextDeadlineMs(a.tcb), nextDeadlineMs(b.tcb))
      if (dueMs === Infinity) break
      nowMs = dueMs
      a.timer(nowMs)
      b.timer(nowMs)
    }
    assert.equal(b.tcb.rcvNxt, 300_001)
  })
})

test('the state table: what each state does with a FIN, an acknowledgment of ours, a reset', () => {
  const setups: [TcpState, () => End][] = [
    ['ESTABLISHED', () => pair().a],
    [
      'FIN-WAIT-1',
      () => {
        const { a } = pair()
        finish(a.tcb)
        a.pump(100)
        return a
      },
    ],
    [
      'FIN-WAIT-2',
      () => {
        const { a, b } = pair()
        finish(a.tcb)
        settle(a, b, 100)
        return a
      },
    ],
    [
      'CLOSE-WAIT',
      () => {
        const { a } = pair()
        a.take({ flags: FIN | ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 100 }, 100)
        a.pump(100)
        return a
      },
    ],
    [
      'CLOSING',
      () => {
        const { a } = pair()
        finish(a.tcb)
        a.pump(100)
        a.take({ flags: FIN | ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 100 }, 100)
        a.pump(100)
        return a
      },
    ],
    [
      'LAST-ACK',
      () => {
        const { a } = pair()
        a.take({ flags: FIN | ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 100 }, 100)
        finish(a.tcb)
        a.pump(100)
        return a
      },
    ],
  ]
  const table: Record<string, string> = {}
  for (const [state, make] of setups) {
    const after = (wire: (end: End) => Wire): TcpState => {
      const end = make()
      assert.equal(end.tcb.state, state)
      end.take(wire(end), 150)
      return end.tcb.state
    }
    const next = (end: End): { seq: number; ack: number; length: number; window: number } => ({
      seq: seqB(end.tcb.rcvNxt),
      ack: seqA(end.tcb.sndUna),
      length: 0,
      window: 100,
    })
    const fin = after((end) => ({ ...next(end), flags: FIN | ACK }))
    const acked = after((end) => ({ ...next(end), ack: seqA(end.tcb.sndMax), flags: ACK }))
    const reset = after((end) => ({ ...next(end), flags: RST }))
    table[state] = `FIN:${fin} ACK:${acked} RST:${reset}`
  }
  assert.deepEqual(table, {
    ESTABLISHED: 'FIN:CLOSE-WAIT ACK:ESTABLISHED RST:CLOSED',
    'FIN-WAIT-1': 'FIN:CLOSING ACK:FIN-WAIT-2 RST:CLOSED',
    'FIN-WAIT-2': 'FIN:TIME-WAIT ACK:FIN-WAIT-2 RST:CLOSED',
    'CLOSE-WAIT': 'FIN:CLOSE-WAIT ACK:CLOSE-WAIT RST:CLOSED',
    CLOSING: 'FIN:CLOSING ACK:TIME-WAIT RST:CLOSED',
    'LAST-ACK': 'FIN:LAST-ACK ACK:CLOSED RST:CLOSED',
  })
})
