/**
 * RFC 4271 §6.8 under every kind of interleaving: two state machines, connected by queues that a random scheduler
 * drains in any order that keeps each TCP stream in order. No timers: the collision must resolve by messages alone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  allocateConnection,
  type FsmAction,
  type FsmConfig,
  type FsmState,
  fsmStateName,
  initialFsm,
} from './fsm-state.ts'
import { step } from './fsm.ts'
import type { Message } from './message.ts'

interface Side {
  readonly fsm: FsmState
  readonly config: FsmConfig
  /** Connection id to the TCP connection and the side of it that is ours. */
  readonly sockets: Map<number, { readonly tcp: Tcp; readonly end: 0 | 1 }>
  wasEstablished: number
}

interface Tcp {
  /** Towards end 0 and end 1: messages, `fin` last. */
  readonly queues: [(Message | 'fin')[], (Message | 'fin')[]]
  readonly ids: [number | undefined, number | undefined]
  readonly owners: [Side, Side]
}

function makeSide(localId: number, remote: number): Side {
  const config: FsmConfig = {
    localAsn: 64000 + localId,
    localId,
    remoteAsn: 64000 + remote,
    holdTimeS: 90,
    families: [4],
    connectRetryMs: 1e9,
    idleHoldMs: 1e9,
    isPassive: false,
    jitter: () => 1,
  }
  return { fsm: initialFsm(), config, sockets: new Map(), wasEstablished: 0 }
}

class World {
  readonly sides: [Side, Side]
  readonly tcps: Tcp[] = []
  /** Connection attempts under way. */
  readonly attempts: { readonly side: Side; readonly id: number }[] = []

  constructor(idA: number, idB: number) {
    this.sides = [makeSide(idA, idB), makeSide(idB, idA)]
  }

  run(side: Side, event: Parameters<typeof step>[2]): void {
    for (const action of step(side.fsm, side.config, event, 0)) this.perform(side, action)
  }

  perform(side: Side, action: FsmAction): void {
    if (action.kind === 'connect') this.attempts.push({ side, id: action.id })
    if (action.kind === 'established') side.wasEstablished++
    if (action.kind !== 'send' && action.kind !== 'close') return
    const socket = side.sockets.get(action.id)
    if (socket === undefined) return
    const queue = socket.tcp.queues[1 - socket.end]!
    if (action.kind === 'send') queue.push(action.message)
    else {
      queue.push('fin')
      side.sockets.delete(action.id)
    }
  }

  /** Everything that could happen next. */
  choices(): (() => void)[] {
    const out: (() => void)[] = this.attempts.map((attempt, i) => () => {
      this.attempts.splice(i, 1)
      this.connect(attempt.side, attempt.id)
    })
    for (const tcp of this.tcps) {
      for (const end of [0, 1] as const) {
        if (tcp.queues[end].length > 0) out.push(() => this.deliver(tcp, end))
      }
    }
    return out
  }

  connect(side: Side, id: number): void {
    const other = this.sides[0] === side ? this.sides[1] : this.sides[0]
    const otherId = allocateConnection(other.fsm)
    const tcp: Tcp = { queues: [[], []], ids: [id, otherId], owners: [side, other] }
    this.tcps.push(tcp)
    side.sockets.set(id, { tcp, end: 0 })
    other.sockets.set(otherId, { tcp, end: 1 })
    this.run(other, { kind: 'accepted', id: otherId })
    this.run(side, { kind: 'connected', id })
  }

  deliver(tcp: Tcp, end: 0 | 1): void {
    const message = tcp.queues[end].shift()!
    const side = tcp.owners[end]
    const id = tcp.ids[end]!
    if (!side.sockets.has(id)) return // closed here already
    if (message === 'fin') this.run(side, { kind: 'closed', id, reason: 'closed by the peer' })
    else if (message.kind === 'open') this.run(side, { kind: 'open', id, open: message })
    else if (message.kind === 'keepalive') this.run(side, { kind: 'keepalive', id })
    else if (message.kind === 'notification') this.run(side, { kind: 'notification', id, message })
  }
}

test('whatever the order of events, both sides end Established on the same single connection', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(fc.nat(1000), { maxLength: 60 }), (isFirstHigher, schedule) => {
      const world = new World(isFirstHigher ? 9 : 1, 5)
      for (const side of world.sides) world.run(side, { kind: 'start' })
      for (let i = 0; ; i++) {
        const choices = world.choices()
        if (choices.length === 0) break
        choices[(schedule[i] ?? 0) % choices.length]!()
        assert.ok(i < 200, 'it does not settle')
      }
      const [a, b] = world.sides
      assert.equal(fsmStateName(a.fsm), 'Established')
      assert.equal(fsmStateName(b.fsm), 'Established')
      assert.equal(a.fsm.connections.length, 1)
      assert.equal(b.fsm.connections.length, 1)
      const tcpOf = (side: Side): Tcp => side.sockets.get(side.fsm.connections[0]!.id)!.tcp
      assert.equal(tcpOf(a), tcpOf(b))
      assert.deepEqual([a.wasEstablished, b.wasEstablished], [1, 1], 'no session came up only to be replaced')
    }),
    { numRuns: 3000 },
  )
})
