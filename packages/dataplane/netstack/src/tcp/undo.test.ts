import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpParameters } from './tcb.ts'
import { pairOfHosts } from '../test-network.ts'
import { type End, nextOf, pair, PLAIN, segmentsOf, seqA, seqB, settle, type Wire } from './machine.fixture.ts'
import { written } from './machine.ts'
import { ACK } from './segment.ts'

const TIMED: TcpParameters = { ...PLAIN, timestamps: true }

/** Ten segments in flight with a window of 20, all of them late; the timeout has rung and the first was sent again. */
function delayed(parameters: TcpParameters = TIMED): { a: End; b: End; sent: Wire[]; again: Wire[] } {
  const { a, b } = pair(parameters, 1012)
  a.tcb.cwnd = 20_000
  a.tcb.lastSendMs = 100
  written(a.tcb, 10_000)
  const sent = a.pump(100)
  const length = parameters.timestamps ? 1000 : 1012
  a.timer(nextOf(a))
  const again = a.pump(400)
  assert.deepEqual(segmentsOf(again), [[1, length]])
  assert.equal(a.tcb.cwnd, length)
  return { a, b, sent, again }
}

test('a timeout that was for nothing is taken back: the window is restored and nothing else sent again', () => {
  for (const sack of [true, false]) {
    const { a, b, sent, again } = delayed({ ...TIMED, sack })
    b.take(sent[0]!, 410)
    b.take(sent[1]!, 410)
    for (const ack of b.pump(410)) a.take(ack, 420)
    assert.equal(a.tcb.cwnd, 18_000 + 1000 + 1000, 'what is in flight, ten segments, and what the acknowledgment adds')
    assert.ok(a.tcb.ssthresh >= 20_000)
    assert.deepEqual(segmentsOf(a.pump(420)), [], 'with SACK or without')
    for (const wire of [...sent.slice(2), ...again]) b.take(wire, 430)
    settle(a, b, 440)
    assert.equal(b.received, 10_000)
    assert.equal(a.tcb.sndUna, 10_001)
  }
})

test('a timeout after a loss is not', () => {
  const { a, b, sent, again } = delayed()
  for (const wire of sent.slice(1)) b.take(wire, 405)
  b.pump(405) // these acknowledgments are lost
  b.take(again[0]!, 410)
  for (const ack of b.pump(410)) a.take(ack, 420)
  assert.equal(a.tcb.sndUna, 10_001)
  assert.ok(a.tcb.ssthresh <= 5000)
})

test('nor is one whose peer has no timestamps', () => {
  const { a, b, sent } = delayed(PLAIN)
  b.take(sent[0]!, 410)
  b.take(sent[1]!, 410)
  for (const ack of b.pump(410)) a.take(ack, 420)
  assert.ok(a.tcb.ssthresh <= 5000)
})

test('a recovery that reordering began is taken back when the late segment turns out to have arrived', () => {
  const { a, b } = pair(TIMED, 1012)
  a.tcb.cwnd = 20_000
  a.tcb.lastSendMs = 100
  written(a.tcb, 10_000)
  const sent = a.pump(100)
  for (const wire of sent.slice(1)) {
    b.take(wire, 110)
    for (const ack of b.pump(110)) a.take(ack, 120)
  }
  assert.deepEqual(segmentsOf(a.pump(120)), [[1, 1000]])
  assert.ok(a.tcb.inRecovery && a.tcb.cwnd <= 10_000)
  b.take(sent[0]!, 125)
  for (const ack of b.pump(125)) a.take(ack, 135)
  assert.equal(a.tcb.inRecovery, false)
  assert.ok(a.tcb.cwnd >= 10_000 && a.tcb.ssthresh >= 20_000)
})

test('losses after one that was taken back count', () => {
  const { a, b, sent } = delayed()
  b.take(sent[0]!, 410)
  b.take(sent[1]!, 410)
  for (const ack of b.pump(410)) a.take(ack, 420)
  for (const wire of sent.slice(3)) {
    b.take(wire, 430)
    for (const ack of b.pump(430)) a.take(ack, 440)
  }
  assert.ok(a.tcb.inRecovery)
  assert.deepEqual(segmentsOf(a.pump(440)), [[2001, 1000]])
  assert.ok(a.tcb.ssthresh < 20_000)
  a.take({ flags: ACK, seq: seqB(1), ack: seqA(3001), length: 0, window: 60_000, ts: [500, 440] }, 450)
})

test('a path that stands still for half a second costs a few retransmissions, not a window of them', async () => {
  const { network, left, right, link } = pairOfHosts({ delayMs: 20, rateBps: 20e6 }, 1, { receiveBufferBytes: 200_000 })
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

test('what a queue has dropped is never taken back', async () => {
  for (const sack of [true, false]) {
    const { network, left, right, link } = pairOfHosts({ delayMs: 10, rateBps: 50e6, queueBytes: 64_000 }, 1, { sack })
    let received = 0
    await right.listenTcp({ port: 80 }, (socket) => socket.on('data', (chunk: Buffer) => (received += chunk.length)))
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
    socket.write(Buffer.alloc(5_000_000))
    await network.clock.until(() => received === 5_000_000, 600_000)
    assert.ok(link.counters('a-to-b').drops['LINK_QUEUE_FULL']! > 50)
    assert.equal(left.counters()['tcpUndone'], undefined)
  }
})
