import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pairOfHosts } from '../test-network.ts'
import { acceptSyn } from './input.ts'
import { finish, nextDeadlineMs, open, written } from './machine.ts'
import { End, ISS_A, ISS_B, PLAIN, seqA, seqB, toIn, type Wire } from './machine.fixture.ts'
import { ACK, CONGESTION_EXPERIENCED, CWR, ECE, ECT_0, SYN } from './segment.ts'
import type { EcnUse, TcpParameters } from './tcb.ts'

const ECN_BITS = ECE | CWR

function ecnPair(
  offered: EcnUse,
  accepted: EcnUse,
  more: Partial<TcpParameters> = {},
): { a: End; b: End; handshake: Wire[] } {
  const a = new End(open({ ...PLAIN, ...more, ecn: offered }, ISS_A, 1000))
  const [syn] = a.pump(0)
  const b = new End(acceptSyn({ ...PLAIN, ...more, ecn: accepted }, toIn(syn!), ISS_B, 1000, 0, 10))
  const [synAck] = b.pump(10)
  a.take(synAck!, 20)
  const acks = a.pump(20)
  for (const wire of acks) b.take(wire, 30)
  return { a, b, handshake: [syn!, synAck!, ...acks] }
}

const said = (wire: Wire): number => wire.flags & ECN_BITS

describe('the handshake (RFC 3168 §6.1.1)', () => {
  test('offers with both bits and agrees with one; who does not want it stays silent', () => {
    const cases: [EcnUse, EcnUse, number, number, boolean][] = [
      ['offer', 'accept', ECE | CWR, ECE, true],
      ['offer', 'offer', ECE | CWR, ECE, true],
      ['offer', 'off', ECE | CWR, 0, false],
      ['accept', 'accept', 0, 0, false],
      ['off', 'offer', 0, 0, false],
    ]
    for (const [offered, accepted, syn, synAck, isEcn] of cases) {
      const { a, b, handshake } = ecnPair(offered, accepted)
      assert.deepEqual(handshake.map(said), [syn, synAck, 0], `${offered}, ${accepted}`)
      assert.deepEqual([a.tcb.isEcn, b.tcb.isEcn], [isEcn, isEcn])
      assert.ok(
        handshake.every((wire) => wire.ecn === undefined),
        'no part of it is marked as capable',
      )
    }
  })

  test('an answer that only repeats the offer agrees to nothing', () => {
    const a = new End(open({ ...PLAIN, ecn: 'offer' }, ISS_A, 1000))
    a.pump(0)
    a.take({ flags: SYN | ACK | ECE | CWR, seq: seqB(0), ack: seqA(1), length: 0, window: 1000, mss: 1000 }, 20)
    assert.equal(a.tcb.state, 'ESTABLISHED')
    assert.equal(a.tcb.isEcn, false)
  })

  test('a SYN that got no answer is sent again without the offer', () => {
    const a = new End(open({ ...PLAIN, ecn: 'offer' }, ISS_A, 1000))
    assert.equal(said(a.pump(0)[0]!), ECE | CWR)
    a.timer(1000)
    assert.equal(said(a.pump(1000)[0]!), 0)
  })
})

describe('marks', () => {
  test('are echoed until the sender says that it has slowed down, which it does once a round trip', () => {
    for (const [congestionControl, left] of [
      ['newreno', 0.5],
      ['cubic', 0.7],
    ] as const) {
      const { a, b } = ecnPair('offer', 'accept', { congestionControl })
      written(a.tcb, 10_000)
      const first = a.pump(100)
      assert.equal(first.length, 10)
      assert.ok(first.every((wire) => wire.ecn === ECT_0 && said(wire) === 0))
      b.take({ ...first[0]!, ecn: CONGESTION_EXPERIENCED }, 110)
      const [echo] = b.pump(110)
      assert.equal(said(echo!), ECE, 'the first mark does not wait for the timer')
      assert.equal(echo!.ecn, undefined, 'acknowledgments are not capable')
      b.take(first[1]!, 110)
      b.take(first[2]!, 110)
      const [still] = b.pump(110)
      assert.equal(said(still!), ECE)
      a.take(echo!, 120)
      assert.equal(a.tcb.cwnd, Math.floor(9000 * left), congestionControl)
      assert.equal(a.tcb.ssthresh, a.tcb.cwnd)
      a.take(still!, 121)
      assert.equal(a.tcb.cwnd, Math.floor(9000 * left), 'once for this round trip')
      for (const wire of first.slice(3)) b.take(wire, 122)
      for (const ack of b.pump(122)) a.take(ack, 130)
      assert.equal(a.tcb.cwnd, Math.floor(9000 * left))
      written(a.tcb, 2000)
      const [told, next] = a.pump(200)
      assert.equal(said(told!), CWR)
      assert.equal(said(next!), 0)
      b.take(told!, 210)
      b.take(next!, 210)
      assert.ok(
        b.pump(210).every((wire) => said(wire) === 0),
        'the echo ends',
      )
    }
  })

  test('what is sent again is not marked as capable, and a loss in the same round trip reduces no further', () => {
    const { a } = ecnPair('offer', 'accept')
    written(a.tcb, 10_000)
    a.pump(100)
    const echo: Wire = { flags: ACK | ECE, seq: seqB(1), ack: seqA(1), length: 0, window: 60_000 }
    a.take(echo, 120)
    const reduced = a.tcb.ssthresh
    assert.equal(reduced, 5000)
    a.take({ ...echo, sack: [[seqA(1001), seqA(5001)]] }, 121)
    const again = a.pump(121).find((wire) => wire.seq === seqA(1))
    assert.equal(again!.ecn, undefined)
    assert.equal(a.tcb.ssthresh, reduced)
  })

  test('on a connection that did not agree nothing is echoed and nothing obeyed', () => {
    const { a, b } = ecnPair('accept', 'accept')
    written(a.tcb, 3000)
    const sent = a.pump(100)
    assert.ok(sent.every((wire) => wire.ecn === undefined))
    for (const wire of sent) b.take({ ...wire, ecn: CONGESTION_EXPERIENCED }, 110)
    const [ack] = b.pump(110)
    assert.equal(said(ack!), 0)
    a.take({ ...ack!, flags: ack!.flags | ECE }, 120)
    assert.equal(a.tcb.ssthresh, Infinity)
    finish(a.tcb)
    assert.ok(nextDeadlineMs(a.tcb) > 120)
  })
})

describe('over a link whose queue marks', () => {
  async function transfer(ecn: EcnUse, address: string): Promise<Readonly<Record<string, number>>> {
    const queue = { kind: 'codel', ecn: true, targetMs: 1, intervalMs: 20 } as const
    const { network, left, right, link } = pairOfHosts({ rateBps: 20e6, delayMs: 5, queueBytes: 500_000, queue }, 1, {
      ecn,
    })
    let received = 0
    const done = new Promise<void>((resolve) => {
      void right.listenTcp({ port: 9 }, (socket) => {
        socket.on('data', (chunk: Uint8Array) => (received += chunk.length))
        socket.on('end', resolve)
      })
    })
    const socket = await network.clock.run(left.connectTcp({ address, port: 9 }))
    socket.end(Buffer.alloc(3_000_000))
    await network.clock.run(done)
    assert.equal(received, 3_000_000)
    const { marked } = link.counters('a-to-b')
    assert.equal(await network.leaked(), 0)
    return { ...left.counters(), marked, tookMs: network.clock.nowMs() - 100_000 }
  }

  for (const [family, address] of [
    ['IPv4', '10.0.0.2'],
    ['IPv6', 'fd00::2'],
  ] as const) {
    test(`the queue stays short without a loss (${family})`, async () => {
      const told = await transfer('offer', address)
      assert.ok(told['marked']! > 0)
      assert.ok(told['tcpEcnReductions']! > 0)
      assert.equal(told['tcpRetransmits'], undefined, 'nothing had to be sent again')
      const without = await transfer('accept', address)
      assert.equal(without['marked'], 0)
      assert.ok(without['tcpRetransmits']! > 0)
    })
  }
})
