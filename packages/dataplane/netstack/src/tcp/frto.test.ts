import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pairOfHosts } from '../test-network.ts'
import { type End, nextOf, pair, PLAIN, segmentsOf, seqA, seqB, settle, type Wire } from './machine.fixture.ts'
import { onPathMss, written } from './machine.ts'
import { ACK } from './segment.ts'
import { TcpCounts } from './tcp-counts.ts'

/** Ten segments of 1000 bytes in flight with a window of 20, and more to send; the timeout has rung and the first was sent again. */
function late(sack: boolean, more = 10_000): { a: End; b: End; sent: Wire[]; again: Wire[] } {
  const { a, b } = pair({ ...PLAIN, sack })
  a.tcb.counts = new TcpCounts()
  a.tcb.cwnd = 20_000
  a.tcb.lastSendMs = 100
  written(a.tcb, 10_000)
  const sent = a.pump(100)
  assert.equal(sent.length, 10)
  written(a.tcb, more)
  a.timer(nextOf(a))
  const again = a.pump(400)
  assert.deepEqual(segmentsOf(again), [[1, 1000]])
  assert.equal(a.tcb.cwnd, 1000)
  return { a, b, sent, again }
}

/** `b` gets these and `a` hears of it. @returns what `a` sends then */
function carry(a: End, b: End, wires: readonly Wire[], nowMs: number): [number, number][] {
  for (const wire of wires) b.take(wire, nowMs)
  for (const ack of b.pump(nowMs)) a.take(ack, nowMs + 10)
  return segmentsOf(a.pump(nowMs + 10))
}

for (const sack of [true, false]) {
  const kind = sack ? 'with SACK' : 'without SACK'

  test(`two acknowledgments that move take a timeout back, with no timestamps, and only the first segment was sent again (${kind})`, () => {
    const { a, b, sent, again } = late(sack)
    assert.deepEqual(
      carry(a, b, sent.slice(0, 2), 410),
      [
        [10_001, 1000],
        [11_001, 1000],
      ],
      'new data, and nothing old',
    )
    assert.equal(a.tcb.counts.undone, 0)
    carry(a, b, sent.slice(2, 4), 430)
    assert.equal(a.tcb.counts.undone, 1)
    assert.ok(a.tcb.ssthresh >= 20_000 && a.tcb.cwnd >= 18_000, `${a.tcb.ssthresh} ${a.tcb.cwnd}`)
    for (const wire of [...sent.slice(4), ...again]) b.take(wire, 450)
    settle(a, b, 460)
    assert.deepEqual([a.tcb.counts.retransmits, a.tcb.frto], [1, 0])
  })

  test(`a duplicate after the first one tells of a loss: what is old is sent, slowly (${kind})`, () => {
    const { a, b, sent, again } = late(sack)
    for (const wire of sent.slice(1, 3)) b.take(wire, 405)
    b.pump(405) // what it says of these is lost, as is all that was sent after them
    const fresh = carry(a, b, again, 410)
    assert.deepEqual(fresh, [
      [10_001, 1000],
      [11_001, 1000],
    ])
    b.take({ ...sent[0]!, seq: (sent[0]!.seq + 10_000) >>> 0 }, 430)
    for (const ack of b.pump(430)) a.take(ack, 440)
    assert.deepEqual(segmentsOf(a.pump(440))[0], [3001, 1000])
    assert.ok(a.tcb.cwnd <= 3000 && a.tcb.ssthresh <= 10_000)
    assert.deepEqual([a.tcb.counts.undone, a.tcb.frto], [0, 0])
  })

  test(`a duplicate before any that moves, and an acknowledgment of everything, leave the timeout what it was (${kind})`, () => {
    {
      const { a, b, sent, again } = late(sack)
      carry(a, b, [sent[2]!], 410) // tells another window, too
      carry(a, b, [sent[3]!], 411)
      assert.equal(a.tcb.frto, 0)
      assert.notDeepEqual(carry(a, b, again, 430)[0], [10_001, 1000])
      assert.equal(a.tcb.counts.undone, 0)
    }
    {
      const { a, b, sent, again } = late(sack)
      for (const wire of sent.slice(1)) b.take(wire, 405)
      b.pump(405)
      carry(a, b, again, 410)
      assert.equal(a.tcb.sndUna, 10_001)
      assert.deepEqual([a.tcb.counts.undone, a.tcb.frto], [0, 0])
      assert.ok(a.tcb.ssthresh <= 10_000)
    }
  })

  test(`without new data nothing can be learned: what is old is sent at once (${kind})`, () => {
    const { a, b, sent } = late(sack, 0)
    const next = carry(a, b, sent.slice(0, 2), 410)
    if (!sack) assert.deepEqual(next[0], [2001, 1000])
    carry(a, b, sent.slice(2, 4), 430)
    assert.deepEqual([a.tcb.counts.undone, a.tcb.frto], [0, 0])
    assert.ok(a.tcb.ssthresh <= 10_000)
  })

  test(`a timer that rings twice before anything is acknowledged proves nothing; one that rings while new data is out does (${kind})`, () => {
    for (const isProbing of [false, true]) {
      const { a, b, sent } = late(sack)
      if (isProbing) carry(a, b, sent.slice(0, 2), 410)
      a.timer(nextOf(a))
      a.pump(2000)
      if (!isProbing) carry(a, b, sent.slice(0, 2), 2010)
      carry(a, b, sent.slice(2, 4), 2030)
      assert.equal(a.tcb.counts.undone, isProbing ? 0 : 1)
    }
  })

  test(`a timeout within a recovery asks nothing: what was sent again would be taken for late (${kind})`, () => {
    const { a } = pair({ ...PLAIN, sack })
    written(a.tcb, 20_000)
    a.pump(100)
    for (let i = 1; i <= 3; i++) {
      a.tcb.sndWnd = 65_535 << a.tcb.sndShift
      const blocks = sack ? [[seqA(1001), seqA(1001 + 1000 * i)] as const] : []
      a.take({ flags: ACK, seq: seqB(1), ack: seqA(1), length: 0, window: 65_535, sack: blocks }, 110)
    }
    assert.ok(a.tcb.inRecovery)
    a.pump(110)
    for (let i = 0; i < 2; i++) {
      while (a.tcb.retransmits === i) a.timer(nextOf(a))
      assert.equal(a.tcb.frto, 0)
      a.pump(1000 + 1000 * i)
    }
  })

  test(`a path that turns out smaller ends the question (${kind})`, () => {
    for (const isProbing of [false, true]) {
      const { a, b, sent } = late(sack)
      if (isProbing) carry(a, b, sent.slice(0, 2), 410)
      const { tcb } = a
      onPathMss(tcb, tcb.iss + tcb.sndUna, 500)
      carry(a, b, sent.slice(2, 4), 430)
      assert.deepEqual([tcb.frto, tcb.counts.undone], [0, 0])
      assert.ok(tcb.cwnd > 0 && tcb.ssthresh <= 10_000)
      for (let nowMs = 450; b.received < 20_000; nowMs = nextOf(a)) {
        a.timer(nowMs)
        settle(a, b, nowMs)
      }
    }
  })

  test(`a path that stands still for half a second costs a few retransmissions, also without timestamps (${kind})`, async () => {
    const { network, left, right, link } = pairOfHosts({ delayMs: 20, rateBps: 20e6 }, 1, {
      receiveBufferBytes: 200_000,
      timestamps: false,
      sack,
    })
    let received = 0
    await right.listenTcp({ port: 80 }, (socket) => socket.on('data', (chunk: Buffer) => (received += chunk.length)))
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
    socket.write(Buffer.alloc(5_000_000))
    await network.clock.advance(1000)
    link.configure({ delayMs: 800 })
    await network.clock.advance(60)
    link.configure({ delayMs: 20 })
    await network.clock.until(() => received === 5_000_000, 60_000)
    const { tcpUndone, tcpTimeouts, tcpRetransmits } = left.counters()
    assert.ok(tcpTimeouts! > 0 && tcpUndone! > 0)
    assert.ok(tcpRetransmits! < 10, `${tcpRetransmits} segments sent again`)
  })

  test(`what a queue has dropped is never taken back, also without timestamps (${kind})`, async () => {
    const { network, left, right, link } = pairOfHosts({ delayMs: 10, rateBps: 50e6, queueBytes: 64_000 }, 1, {
      timestamps: false,
      sack,
    })
    let received = 0
    await right.listenTcp({ port: 80 }, (socket) => socket.on('data', (chunk: Buffer) => (received += chunk.length)))
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
    socket.write(Buffer.alloc(5_000_000))
    await network.clock.until(() => received === 5_000_000, 600_000)
    assert.ok(link.counters('a-to-b').drops['LINK_QUEUE_FULL']! > 50)
    assert.equal(left.counters()['tcpUndone'], undefined)
  })
}
