/**
 * Every schedule of two speakers that open connections to each other at once (RFC 4271 §6.8), explored by brute force: states that have been
 * seen are not entered again. With every end: exactly one connection, the same on both sides, and no session that came up only to be
 * replaced. And from every state reached there is a way to go on.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
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

type Item = Message | 'fin'

/** Plain data, so that a state can be copied and compared. */
interface World {
  readonly fsms: [FsmState, FsmState]
  /** Connections: ids at both ends (0 when closed there), and what is on its way to each. */
  readonly tcps: { ids: [number, number]; queues: [Item[], Item[]] }[]
  readonly attempts: { side: 0 | 1; id: number }[]
  readonly ups: [number, number]
}

const configOf = (side: 0 | 1, isFirstHigher: boolean): FsmConfig => {
  const ids = isFirstHigher ? [9, 5] : [1, 5]
  return {
    localAsn: 64000 + side,
    localId: ids[side]!,
    remoteAsn: 64001 - side,
    holdTimeS: 0,
    families: [4],
    connectRetryMs: 1e9,
    idleHoldMs: 1e9,
    isPassive: false,
    jitter: () => 1,
  }
}

class Explorer {
  readonly configs: readonly [FsmConfig, FsmConfig]
  readonly seen = new Set<string>()
  ends = 0

  constructor(isFirstHigher: boolean) {
    this.configs = [configOf(0, isFirstHigher), configOf(1, isFirstHigher)]
  }

  run(world: World, side: 0 | 1, event: Parameters<typeof step>[2]): void {
    for (const action of step(world.fsms[side], this.configs[side], event, 0)) this.perform(world, side, action)
  }

  perform(world: World, side: 0 | 1, action: FsmAction): void {
    if (action.kind === 'connect') world.attempts.push({ side, id: action.id })
    if (action.kind === 'established') world.ups[side]++
    if (action.kind !== 'send' && action.kind !== 'close') return
    const tcp = world.tcps.find(({ ids }) => ids[side] === action.id)
    if (tcp === undefined) return
    const queue = tcp.queues[(1 - side) as 0 | 1]
    if (action.kind === 'send') queue.push(action.message)
    else {
      queue.push('fin')
      tcp.ids[side] = 0
    }
  }

  connect(world: World, index: number): void {
    const { side, id } = world.attempts.splice(index, 1)[0]!
    const other = (1 - side) as 0 | 1
    const otherId = allocateConnection(world.fsms[other])
    const tcp: World['tcps'][number] = { ids: [0, 0], queues: [[], []] }
    tcp.ids[side] = id
    tcp.ids[other] = otherId
    world.tcps.push(tcp)
    this.run(world, other, { kind: 'accepted', id: otherId })
    this.run(world, side, { kind: 'connected', id })
  }

  deliver(world: World, index: number, side: 0 | 1): void {
    const tcp = world.tcps[index]!
    const message = tcp.queues[side].shift()!
    const id = tcp.ids[side]
    if (id === 0) return
    if (message === 'fin') {
      tcp.ids[side] = 0
      this.run(world, side, { kind: 'closed', id, reason: 'closed by the peer' })
    } else if (message.kind === 'open') this.run(world, side, { kind: 'open', id, open: message })
    else if (message.kind === 'keepalive') this.run(world, side, { kind: 'keepalive', id })
    else if (message.kind === 'notification') this.run(world, side, { kind: 'notification', id, message })
  }

  explore(world: World): void {
    // Infinity has no JSON.
    const key = JSON.stringify(world, (_key, value: unknown) => (value === Infinity ? 'inf' : value))
    if (this.seen.has(key)) return
    this.seen.add(key)
    let hasNext = false
    const enter = (change: (copy: World) => void): void => {
      hasNext = true
      const copy = structuredClone(world)
      change(copy)
      this.explore(copy)
    }
    world.attempts.forEach((_, i) => enter((copy) => this.connect(copy, i)))
    world.tcps.forEach(({ queues }, i) => {
      for (const side of [0, 1] as const) if (queues[side].length > 0) enter((copy) => this.deliver(copy, i, side))
    })
    if (hasNext) return
    this.ends++
    const [a, b] = world.fsms
    assert.deepEqual([fsmStateName(a), fsmStateName(b)], ['Established', 'Established'])
    assert.deepEqual([a.connections.length, b.connections.length], [1, 1])
    const shared = world.tcps.filter(({ ids }) => ids[0] !== 0 && ids[1] !== 0)
    assert.equal(shared.length, 1)
    assert.deepEqual(shared[0]!.ids, [a.connections[0]!.id, b.connections[0]!.id])
    assert.deepEqual(world.ups, [1, 1])
  }
}

for (const isFirstHigher of [true, false]) {
  test(`under every schedule one connection remains, when the ${isFirstHigher ? 'first' : 'second'} identifier is higher`, () => {
    const explorer = new Explorer(isFirstHigher)
    const world: World = { fsms: [initialFsm(), initialFsm()], tcps: [], attempts: [], ups: [0, 0] }
    explorer.run(world, 0, { kind: 'start' })
    explorer.run(world, 1, { kind: 'start' })
    explorer.explore(world)
    assert.ok(explorer.seen.size > 100, `${explorer.seen.size} states`)
    assert.ok(explorer.ends > 0)
  })
}
