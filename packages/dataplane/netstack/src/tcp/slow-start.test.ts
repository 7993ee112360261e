import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pairOfHosts } from '../test-network.ts'
import { type End, pair, PLAIN, seqA, seqB } from './machine.fixture.ts'
import { written } from './machine.ts'
import { ACK } from './segment.ts'
import type { TcpParameters } from './tcb.ts'
import { TcpCounts } from './tcp-counts.ts'

/** A connection that always has something to send, in segments of 1000 bytes. */
class Sender {
  readonly a: End
  #nowMs = 1000

  constructor(parameters: Partial<TcpParameters> = {}) {
    this.a = pair({ ...PLAIN, ...parameters }).a
    this.a.tcb.counts = new TcpCounts()
    written(this.a.tcb, 10_000_000)
  }

  /** A round trip: everything that may leave does, and is acknowledged `each` segments at a time. @returns the window in segments */
  round(rttMs: number, each = 1): number {
    const { a } = this
    const sent = a.pump(this.#nowMs)
    this.#nowMs += rttMs
    for (let i = each - 1; i < sent.length; i += each) {
      const { seq, length } = sent[i]!
      a.take({ flags: ACK, seq: seqB(1), ack: seq + length, length: 0, window: 60_000 }, this.#nowMs)
    }
    assert.equal((a.tcb.sndUna + a.tcb.iss) >>> 0, seqA(a.tcb.sndNxt))
    return a.tcb.cwnd / 1000
  }

  get isOver(): boolean {
    return this.a.tcb.ssthresh < Infinity
  }
}

describe('the first slow start (HyStart++, RFC 9406)', () => {
  test('the window doubles in a round trip while that is no longer than the one before by 4 ms and an eighth', () => {
    for (const [first, second] of [
      [20, 23.9],
      [100, 112.4],
      [400, 415.9],
    ] as const) {
      const sender = new Sender()
      assert.equal(sender.round(first), 20)
      assert.equal(sender.round(second), 40)
    }
  })

  test('from the eighth longer one of a round on it grows by a quarter as much', () => {
    for (const [first, second] of [
      [20, 24],
      [100, 112.5],
      [400, 416],
    ] as const) {
      const sender = new Sender()
      sender.round(first)
      sender.round(first)
      assert.equal(sender.round(second), 40 + 7 + 33 / 4)
      assert.equal(sender.isOver, false)
    }
  })

  test('a round with fewer than eight of them decides nothing', () => {
    const sender = new Sender()
    assert.equal(sender.round(20), 20)
    assert.equal(sender.round(50, 4), 40, 'five acknowledgments')
    assert.equal(sender.isOver, false)
  })

  test('after five rounds congestion avoidance begins with the window that there is', () => {
    const sender = new Sender()
    sender.round(20)
    sender.round(20)
    let window = 0
    for (let i = 0; i < 5; i++) {
      window = sender.round(30)
      assert.equal(sender.isOver, false, `round ${i}`)
    }
    const next = sender.round(30)
    assert.ok(sender.isOver)
    assert.equal(sender.a.tcb.counts.slowStartExits, 1)
    assert.equal(sender.a.tcb.ssthresh, 1000 * window)
    assert.ok(next - window < 1.1, 'Reno: one segment a round trip')
  })

  test('when the round trip falls below what began that, it was jitter: the window doubles again', () => {
    const sender = new Sender()
    sender.round(20)
    sender.round(20)
    sender.round(30)
    const before = sender.round(30)
    const after = sender.round(29)
    assert.ok(after > 1.7 * before, `${before} ${after}`)
    for (let i = 0; i < 6; i++) sender.round(29)
    assert.equal(sender.isOver, false)
  })

  test('one acknowledgment adds eight segments at most', () => {
    assert.equal(new Sender().round(20, 10), 18)
    assert.equal(new Sender({ hystart: false }).round(20, 10), 20)
  })

  test('without SACK, and where it is turned off, slow start is as it was', () => {
    for (const parameters of [{ sack: false }, { hystart: false }]) {
      const sender = new Sender(parameters)
      for (const [i, rtt] of [20, 20, 60, 200].entries()) assert.equal(sender.round(rtt), 10 * 2 ** (i + 1))
    }
  })

  test('a loss ends it as ever', () => {
    const sender = new Sender()
    sender.round(20)
    const { a } = sender
    a.pump(2000)
    const sack = [[seqA(a.tcb.sndUna + 1000), seqA(a.tcb.sndUna + 9000)] as const]
    a.take({ flags: ACK, seq: seqB(1), ack: seqA(a.tcb.sndUna), length: 0, window: 60_000, sack }, 2020)
    assert.ok(a.tcb.inRecovery && sender.isOver)
    assert.equal(a.tcb.counts.slowStartExits, 0)
  })

  test('a long path with a deep queue overflows by less than half, and what was lost is all that is sent again', async () => {
    const run = async (hystart: boolean): Promise<{ drops: number; again: number }> => {
      const { network, left, right, link } = pairOfHosts({ delayMs: 40, rateBps: 50e6, queueBytes: 2_000_000 }, 1, {
        hystart,
        receiveBufferBytes: 4_000_000,
        sendBufferBytes: 4_000_000,
      })
      let received = 0
      await right.listenTcp({ port: 80 }, (socket) => socket.on('data', (chunk: Buffer) => (received += chunk.length)))
      const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
      socket.write(Buffer.alloc(8_000_000))
      await network.clock.until(() => received === 8_000_000, 60_000)
      const { drops } = link.counters('a-to-b')
      return { drops: drops['LINK_QUEUE_FULL'] ?? 0, again: left.counters()['tcpRetransmits'] ?? 0 }
    }
    const gentle = await run(true)
    const plain = await run(false)
    assert.ok(plain.drops > 1000 && gentle.drops < plain.drops / 2, `${gentle.drops} and ${plain.drops}`)
    assert.deepEqual([gentle.again, plain.again], [gentle.drops, plain.drops])
  })
})
