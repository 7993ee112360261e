/** What only some targets can do: many writes at once, telling of changes by others, keeping what an earlier life left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { LowerHalf, type LowerHalfOptions } from './lower-half.ts'
import { MemoryTarget } from './memory-target.ts'
import type { ForeignChange, ForwardingTarget, NextHop, ProgrammedRoute, RouteWrite, WriteResult } from './target.ts'

/** A table that takes batches and can be changed behind our back, with or without telling. */
class BatchTarget implements ForwardingTarget {
  readonly name = 'batch'
  readonly batchSize = 100
  readonly resolvesInterfaces = true
  readonly table = new MemoryTarget()
  readonly batches: number[] = []
  #tell: ((change: ForeignChange) => void) | undefined

  keyOf({ via }: NextHop): string {
    return `${via}`
  }

  setRoute(prefix: Prefix, nextHops: readonly NextHop[]): Promise<WriteResult> {
    return this.table.setRoute(prefix, nextHops)
  }

  removeRoute(prefix: Prefix): Promise<WriteResult> {
    return this.table.removeRoute(prefix)
  }

  writeBatch(writes: readonly RouteWrite[]): Promise<readonly WriteResult[]> {
    this.batches.push(writes.length)
    return Promise.all(
      writes.map(({ prefix, nextHops }) =>
        nextHops.length === 0 ? this.removeRoute(prefix) : this.setRoute(prefix, nextHops),
      ),
    )
  }

  list(): Promise<readonly ProgrammedRoute[]> {
    return this.table.list()
  }

  watch(fn: (change: ForeignChange) => void): () => void {
    this.#tell = fn
    return () => (this.#tell = undefined)
  }

  tell(change: ForeignChange): void {
    this.#tell?.(change)
  }
}

const HOP = Ip.of('192.0.2.1')
const P = Prefix.of('198.51.100.0/24')

function bench(options: Partial<LowerHalfOptions> = {}, target: BatchTarget = new BatchTarget()) {
  const clock = new VirtualClock()
  const rib = new Rib({ nowMs: () => clock.nowMs() })
  const lower = new LowerHalf({ rib, clock, target, ...options })
  return { clock, rib, target, lower, adjacency: rib.adjacency({ protocol: 'static', peer: '' }) }
}

test('250 routes of one change are three batches, and a path without an interface is the target’s to resolve', async () => {
  const { clock, rib, target, lower, adjacency } = bench()
  rib.batch(() => {
    for (let i = 0; i < 250; i++) adjacency.announce(new Prefix(Ip.v4(0x0a000000 + i * 256), 24), { nextHop: HOP })
  })
  await clock.advance(10)
  assert.deepEqual(target.batches, [100, 100, 50])
  assert.equal(target.table.routes().length, 250)
  assert.deepEqual([lower.isSettled, lower.status().unresolved.length], [true, 0])
})

test('one failure in a batch is retried alone; the others are settled', async () => {
  const { clock, rib, target, lower, adjacency } = bench()
  target.table.fault = (prefix, write) =>
    `${prefix}` === `${P}` && write <= 10 ? { reason: 'busy', isApplied: false } : undefined
  rib.batch(() => {
    adjacency.announce(P, { nextHop: HOP })
    for (let i = 0; i < 9; i++) adjacency.announce(new Prefix(Ip.v4(0x0a000000 + i * 256), 24), { nextHop: HOP })
  })
  await clock.advance(50)
  assert.deepEqual(
    lower.status().failing.map(({ prefix, reason }) => [`${prefix}`, reason]),
    [[`${P}`, 'busy']],
  )
  assert.equal(target.table.routes().length, 9)
  await clock.advance(100)
  assert.deepEqual([target.batches, lower.isSettled], [[10, 1], true])
})

test('a route that somebody removes or changes is written again as soon as the target tells', async () => {
  const { clock, target, lower, adjacency } = bench()
  adjacency.announce(P, { nextHop: HOP })
  await clock.advance(10)
  for (const nextHops of [[], [{ via: Ip.of('192.0.2.66'), interface: 'x' }]]) {
    if (nextHops.length === 0) await target.table.removeRoute(P)
    else await target.table.setRoute(P, nextHops)
    target.tell([{ prefix: P, nextHops }])
    await clock.advance(1)
    assert.equal(`${target.table.get(P)?.[0]?.via}`, `${HOP}`)
  }
  assert.equal(lower.status().counters['foreign-changes'], 2)
  // What is as it should be is no change, and a stranger's prefix is none of ours.
  const { writes } = target.table
  target.tell([{ prefix: P, nextHops: [{ via: HOP, interface: 'any' }] }])
  target.tell([{ prefix: Prefix.of('203.0.113.0/24'), nextHops: [] }])
  await clock.advance(1)
  assert.equal(target.table.writes, writes)
})

test('when anything may have changed, failures are tried at once and the whole table is compared', async () => {
  const { clock, rib, target, lower, adjacency } = bench({ retryMs: 10_000 })
  let isDown = true
  target.table.fault = (prefix) =>
    isDown && `${prefix}` === `${P}` ? { reason: 'the link is down', isApplied: false } : undefined
  const other = Prefix.of('203.0.113.0/24')
  rib.batch(() => [P, other].forEach((prefix) => adjacency.announce(prefix, { nextHop: HOP })))
  await clock.advance(500)
  assert.equal(lower.status().failing.length, 1)
  await target.table.removeRoute(other) // a link takes its routes along without a word
  isDown = false
  target.tell('anything')
  await clock.advance(500)
  assert.equal(target.table.routes().length, 2)
  assert.equal(lower.isSettled, true)
})

test('routes of an earlier life stay until their time is over, and go then if nobody wants them', async () => {
  const target = new BatchTarget()
  const old = Prefix.of('203.0.113.0/24')
  for (const prefix of [P, old]) await target.table.setRoute(prefix, [{ via: HOP, interface: 'eth0' }])
  const { clock, lower, adjacency } = bench({ keepOldMs: 60_000 }, target)
  await clock.advance(30_000)
  assert.equal(target.table.routes().length, 2)
  adjacency.announce(P, { nextHop: HOP })
  await clock.advance(29_000)
  assert.equal(target.table.routes().length, 2)
  await clock.advance(2000)
  assert.deepEqual(
    target.table.routes().map(({ prefix }) => `${prefix}`),
    [`${P}`],
  )
  lower.close()
})
