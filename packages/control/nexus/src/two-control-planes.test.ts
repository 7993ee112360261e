/** Two control planes on one store: who does what, who takes over, and that nobody pushes what is no longer so. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { NexusClient } from '@lodestone/contract-nexus'
import { clientWith, type FakeRack, login, makeFakeRack } from './fake-rack.fixture.ts'
import type { Nexus } from './nexus.ts'
import { DeclaredPush } from './reconcile/push.ts'
import { LEASE_MS } from './reconcile/leases.ts'
import { StaleSnapshot } from './store/desired-state.ts'
import { releaseLeases, takeLeases } from './store/lease.ts'
import { readSnapshot } from './store/snapshot.ts'
import { valueOf } from './running-nexus.fixture.ts'
import { openTestStore, type TestStore } from './test-store.fixture.ts'

const GIB = 2 ** 30
let rack: FakeRack
let opened: TestStore
let first: Nexus
let second: Nexus
let api: NexusClient
let other: NexusClient

before(async () => {
  rack = await makeFakeRack(2)
  opened = await openTestStore(rack.clock)
  first = rack.makeNexus({ store: opened.store })
  await first.start()
  await rack.clock.advance(1000)
  second = rack.makeNexus({ store: opened.store })
  await second.start()
  api = clientWith(first.handler, { cookie: await login(first.handler) })
  // A session that one of them has opened counts with the other.
  other = clientWith(second.handler, { cookie: await login(first.handler) })
  const pool = valueOf(await api.system_ip_pool_create({ body: { name: 'internet', description: '' } }))
  const range = { first: '198.51.100.10', last: '198.51.100.200' }
  valueOf(await other.system_ip_pool_range_add({ params: { pool: pool.name }, body: range }))
  const link = { silo: 'test-suite-silo', is_default: true }
  valueOf(await other.system_ip_pool_silo_link({ params: { pool: pool.name }, body: link }))
  valueOf(await api.project_create({ body: { name: 'p', description: '' } }))
})

after(async () => {
  await rack.clock.run(second.close())
  await opened.close()
})

async function until(condition: () => boolean, withinMs: number): Promise<void> {
  if (await rack.clock.until(condition, withinMs)) return
  assert.fail(JSON.stringify([...first.reconcilers(), ...second.reconcilers()]))
}

function running(): number {
  const states = rack.sleds.flatMap((sled) => [...sled.instances.values()].map(({ now }) => now.state))
  return states.filter((state) => state === 'running').length
}

test('each reconciler is run by one of the two', async () => {
  await rack.clock.advance(2000)
  const [one, two] = [first.reconcilers(), second.reconcilers()]
  assert.equal(one.length, two.length)
  for (const [i, mine] of one.entries()) {
    const theirs = two[i]!
    assert.deepEqual([mine.reconciler, mine.target], [theirs.reconciler, theirs.target])
    assert.equal([mine, theirs].filter((each) => each.state === 'standby').length, 1, mine.reconciler)
  }
})

test('what is written at one is done at once by the other', async () => {
  const body = { name: 'web', description: '', hostname: 'web', ncpus: 1, memory: GIB }
  valueOf(await other.instance_create({ query: { project: 'p' }, body }))
  await until(() => running() === 1, 1000)
})

test('100 conflicting writes at both: one wins, the others are told, and addresses are given once', async () => {
  const create = (caller: NexusClient, name: string) =>
    caller.floating_ip_create({ query: { project: 'p' }, body: { name, description: '' } })
  const same = Array.from({ length: 100 }, (_, i) => create(i % 2 === 0 ? api : other, 'same'))
  const results = await rack.clock.run(Promise.all(same))
  assert.equal(results.filter((result) => result.ok).length, 1)
  for (const result of results) {
    if (result.ok) continue
    assert.ok(result.kind === 'refused' && result.errorCode === 'ObjectAlreadyExists', JSON.stringify(result))
  }
  const different = Array.from({ length: 100 }, (_, i) => create(i % 2 === 0 ? api : other, `ip-${i}`))
  const made = (await rack.clock.run(Promise.all(different))).map(valueOf)
  assert.equal(new Set(made.map(({ ip }) => ip)).size, 100)
})

test('content of an older snapshot gets no generation after that of a newer one', async () => {
  const { store } = opened
  const older = await readSnapshot(store)
  const newer = await readSnapshot(store)
  assert.ok(newer.number > older.number)
  const [one, two] = [new DeclaredPush(store, rack.clock, 'test'), new DeclaredPush(store, rack.clock, 'test')]
  const generation = await two.generation('target', ['new'], newer, true)
  await assert.rejects(one.generation('target', ['old'], older, true), StaleSnapshot)
  assert.equal(await two.generation('target', ['new'], newer, true), generation, 'nothing has changed')
  const latest = await readSnapshot(store)
  assert.equal(await one.generation('target', ['newest'], latest, true), generation + 1)
})

test('snapshots that are read at the same time have different numbers', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => readSnapshot(opened.store)))
  assert.equal(new Set(all.map(({ number }) => number)).size, 8)
})

test('a lease is given once, is renewed by its holder only, and ends with its time or its holder', async () => {
  const { db } = opened.store
  const [a, b] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']
  const take = async (name: string, holder: string, nowMs: number, expiresMs: number): Promise<boolean> =>
    (await takeLeases(db, [name], holder, nowMs, expiresMs)).has(name)
  assert.equal(await take('x', a, 0, 100), true)
  assert.equal(await take('x', b, 99, 199), false)
  assert.equal(await take('x', a, 99, 199), true)
  assert.equal(await take('x', b, 199, 299), true, 'it was over')
  assert.equal(await take('x', a, 200, 300), false)
  await releaseLeases(db, b)
  assert.equal(await take('x', a, 201, 301), true)
  const many = Array.from({ length: 20 }, (_, i) =>
    take('y', `00000000-0000-4000-8000-${i + 100}`.padEnd(36, '0'), 0, 9),
  )
  assert.equal((await Promise.all(many)).filter(Boolean).length, 1)
  const taken = await takeLeases(db, ['z', 'x', 'w'], b, 202, 302)
  assert.deepEqual([...taken].toSorted(), ['w', 'z'], 'of several those that are free')
})

test('when one ends, the other takes over and goes on where it was', async () => {
  await rack.clock.run(first.close())
  // A switch that lost everything meanwhile is the other's business now.
  rack.switches[0]!.restart()
  await until(() => rack.switches[0]!.entries.length > 0, LEASE_MS + 10_000)
  await until(() => second.reconcilers().every((each) => each.state === 'idle'), LEASE_MS + 10_000)
  const body = { name: 'db', description: '', hostname: 'db', ncpus: 1, memory: GIB }
  valueOf(await other.instance_create({ query: { project: 'p' }, body }))
  await until(() => running() === 2, 1000)
})

test('when one is killed, the other has taken over within twelve seconds', async () => {
  const third = rack.makeNexus({ store: opened.store })
  await rack.clock.run(third.start())
  await until(() => third.reconcilers().every((each) => each.state === 'standby'), 5000)
  // What it would still write is lost with it, and so are its leases' renewals.
  const { db } = opened.store
  const release = second.close.bind(second)
  await db.updateTable('reconciler_lease').set({ holder: '00000000-0000-4000-8000-0000000000ff' }).execute()
  await rack.clock.run(release())
  rack.switches[0]!.restart()
  await until(() => rack.switches[0]!.entries.length > 0, 12_000)
  await until(() => third.reconcilers().every((each) => each.state === 'idle'), 12_000)
  await rack.clock.run(third.close())
})

test('leases that were dated far ahead, by a clock that was wrong, are over when nobody renews them', async () => {
  const { db } = opened.store
  const holder = '00000000-0000-4000-8000-0000000000fe'
  const fourth = rack.makeNexus({ store: opened.store })
  await rack.clock.run(fourth.start())
  await until(() => fourth.reconcilers().every((each) => each.state === 'idle'), 12_000)
  await db
    .updateTable('reconciler_lease')
    .set({ holder, expires_ms: rack.clock.wallMs() + 3_600_000 })
    .execute()
  // Of a test before, and nobody's.
  await db.deleteFrom('reconciler_lease').where('name', 'in', ['w', 'x', 'y', 'z']).execute()
  const ofHolder = async (): Promise<number> =>
    (await db.selectFrom('reconciler_lease').select('name').where('holder', '=', holder).execute()).length
  const all = await ofHolder()
  await rack.clock.advance(3000)
  fourth.activate() // it sees at its next passes that they are no longer its own
  await rack.clock.advance(LEASE_MS - 4000)
  assert.equal(await ofHolder(), all, 'they may still be renewed')
  await rack.clock.advance(5000)
  assert.equal(await ofHolder(), 0)
  await until(() => fourth.reconcilers().every((each) => each.state === 'idle'), 5000)
  await rack.clock.run(fourth.close())
})
