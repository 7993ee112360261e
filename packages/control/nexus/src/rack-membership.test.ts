/** Boards become members of the rack: by themselves, or when an operator has asked for them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type CallResult, serveHttp } from '@lodestone/api'
import type { BaseboardId, NexusClient } from '@lodestone/contract-nexus'
import { SLED_AGENT_PORT } from '@lodestone/contract-sled-agent'
import { clientWith, type FakeRack, login, makeFakeRack, settle } from './fake-rack.fixture.ts'
import { FakeSled } from './fake-sled.fixture.ts'
import { prefixOnRear } from './fake-switch.fixture.ts'
import type { Nexus } from './nexus.ts'
import { openTestStore, type TestStore } from './test-store.fixture.ts'

/** The board that the fake gateway hears of in this place. */
const NEW: BaseboardId = { part_number: '913-0000019', serial_number: 'BRM31' }
const PLANNED: BaseboardId = { part_number: 'lodestone-sled', serial_number: 'LDS10000000' }
const SLOT = 31
const PREFIX = 'fd00:1122:3344:120::'
const LOOK_MS = 11_000
let rack: FakeRack
let opened: TestStore
let nexus: Nexus
let api: NexusClient

before(async () => {
  rack = await makeFakeRack(1)
  opened = await openTestStore(rack.clock)
  await restart(true)
})

after(async () => {
  await rack.clock.run(nexus.close())
  await opened.close()
})

async function restart(areSledsApproved: boolean): Promise<void> {
  if (nexus !== undefined) await rack.clock.run(nexus.close())
  nexus = rack.makeNexus({ store: opened.store, areSledsApproved })
  await nexus.start()
  await settle(rack, nexus)
  api = clientWith(nexus.handler, { cookie: await login(nexus.handler) })
}

async function done<T>(call: Promise<CallResult<T>>): Promise<T> {
  const result = await rack.clock.run(call)
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.value
}

async function refused(call: Promise<CallResult<unknown>>, status: number, text: RegExp): Promise<void> {
  const result = await rack.clock.run(call)
  assert.ok(!result.ok && result.kind === 'refused', JSON.stringify(result))
  assert.equal(result.status, status, result.message)
  assert.match(result.message, text)
}

/** In short: version, state, serials of members and of those that are not there yet. */
async function shown(call: ReturnType<NexusClient['rack_membership_status']>): Promise<readonly unknown[]> {
  const { version, state, members, unacknowledged_members: missing } = await done(call)
  const serials = (boards: readonly BaseboardId[]): string => boards.map((board) => board.serial_number).join(' ')
  return [version, state, serials(members), serials(missing)]
}

const params = (): { rack_id: string } => ({ rack_id: rack.inventory.rackId })
const status = (version?: number) => api.rack_membership_status({ params: params(), query: { version } })
const add = (...sled_ids: BaseboardId[]) => api.rack_membership_add_sleds({ params: params(), body: { sled_ids } })
const abort = () => api.rack_membership_abort({ params: params() })
const serialsInUse = async (): Promise<string[]> => {
  const { items } = await done(api.sled_list())
  return items.filter(({ state }) => state === 'active').map(({ baseboard }) => baseboard.serial)
}

async function plugIn(): Promise<void> {
  const sled = new FakeSled(rack.clock, NEW.serial_number, NEW.part_number)
  await serveHttp(rack.fabric.network('new', [`${PREFIX}1`]), { port: SLED_AGENT_PORT }, sled.handler)
  for (const each of rack.switches) each.sledPrefixes = [prefixOnRear(SLOT, `${PREFIX}/64`)]
}

test('the boards of the plan are the first version', async () => {
  assert.deepEqual(await shown(status()), [1, 'committed', PLANNED.serial_number, ''])
  await refused(
    api.rack_membership_status({ params: { rack_id: '6c6f6465-7374-4f6e-8500-000000000001' } }),
    404,
    /rack/,
  )
  await refused(status(7), 404, /rack-membership/)
})

test('a board that nobody has asked for waits, and says so', async () => {
  await plugIn()
  await rack.clock.advance(LOOK_MS)
  assert.deepEqual(await serialsInUse(), [PLANNED.serial_number])
  const finder = nexus.reconcilers().find(({ reconciler }) => reconciler === 'sleds')
  assert.match(finder?.items[0]?.detail ?? '', /BRM31 waits to be added/)
})

test('what is no board of the rack, or a member already, cannot be added, and nothing while a change goes on', async () => {
  await refused(add({ ...NEW, serial_number: 'nobody' }), 400, /no board 913-0000019 nobody/)
  await refused(add(PLANNED), 400, /a member already/)
  await refused(abort(), 400, /not being changed/)
})

test('an addition is in progress until the board is in use; then it is committed', async () => {
  for (const each of rack.switches) each.sledPrefixes = []
  assert.deepEqual(await shown(add(NEW)), [2, 'in_progress', 'LDS10000000 BRM31', 'BRM31'])
  await refused(add(NEW), 400, /being changed/)
  await rack.clock.advance(LOOK_MS)
  assert.deepEqual((await shown(status()))[1], 'in_progress', 'it has no prefix')
  assert.deepEqual(await shown(abort()), [2, 'aborted', 'LDS10000000 BRM31', ''])
  await refused(abort(), 400, /not being changed/)

  assert.deepEqual(await shown(add(NEW)), [3, 'in_progress', 'LDS10000000 BRM31', 'BRM31'])
  for (const each of rack.switches) each.sledPrefixes = [prefixOnRear(SLOT, `${PREFIX}/64`)]
  await rack.clock.advance(LOOK_MS)
  assert.deepEqual(await serialsInUse(), ['LDS10000000', 'BRM31'])
  assert.deepEqual(await shown(status()), [3, 'committed', 'LDS10000000 BRM31', ''])
  assert.deepEqual(await shown(status(2)), [2, 'aborted', 'LDS10000000 BRM31', ''])
  const { time_committed, time_aborted } = await done(status())
  assert.ok(time_committed !== null && time_aborted === null)
})

test('without approval a board becomes a member by itself, and takes the place of whatever had it', async () => {
  await restart(false)
  const other = new FakeSled(rack.clock, 'LDS-SWAPPED')
  await serveHttp(rack.fabric.network('other', ['fd00:1122:3344:121::1']), { port: SLED_AGENT_PORT }, other.handler)
  for (const each of rack.switches) {
    each.boardSerial = 'LDS-SWAPPED'
    each.sledPrefixes = [prefixOnRear(SLOT, 'fd00:1122:3344:121::/64')]
  }
  await rack.clock.advance(40_000)
  assert.deepEqual(await shown(status()), [4, 'committed', 'LDS10000000 LDS-SWAPPED', ''])
})

test('nothing of all that was an internal error', () => {
  assert.deepEqual(rack.errors, [])
})
