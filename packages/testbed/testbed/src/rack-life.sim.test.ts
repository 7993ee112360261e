/** Sleds come and go in a running rack: nobody but the person who carries them has a hand in it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CloudLab } from './cloud-lab.fixture.ts'
import { withSled } from './rack-topology.ts'

const GIB = 2 ** 30
const query = { project: 'shop' }
/** From the plug to the first instance: the processor starts, the host, DDM, and the control plane looks every 5 s. */
const TAKEN_IN_MS = 15_000

let lab: CloudLab

before(async () => {
  lab = await CloudLab.start(2, undefined, undefined, 4)
  await lab.done(lab.api.project_create({ body: { name: 'shop', description: '' } }))
  await lab.settle()
})
after(() => lab.close())

function putIn(place: number, serial: string): void {
  const { emulation } = lab
  assert.deepEqual(emulation.change(withSled(emulation.topology, place, { serial, multipath: 'hash' })), [])
}

async function sledOf(serial: string) {
  const { items } = await lab.done(lab.api.sled_list())
  return items.find(({ baseboard }) => baseboard.serial === serial)
}

/** Waits in virtual time until the API says so. */
async function eventually<T>(ask: () => Promise<T | undefined>, withinMs: number): Promise<T> {
  for (const endMs = lab.clock.nowMs() + withinMs; lab.clock.nowMs() < endMs; await lab.clock.advance(100)) {
    const answer = await ask()
    if (answer !== undefined) return answer
  }
  throw new Error(
    `not so within ${withinMs} ms: ${JSON.stringify(lab.nexus.reconcilers().filter((each) => each.state !== 'idle'))}`,
  )
}

async function makeInstance(name: string, policy?: 'never'): Promise<{ id: string; address: string }> {
  const { api } = lab
  const { ip } = await lab.done(api.floating_ip_create({ query, body: { name: `${name}-ip`, description: '' } }))
  const body = {
    name,
    description: '',
    hostname: name,
    ncpus: 1,
    memory: GIB,
    external_ips: [{ type: 'floating' as const, floating_ip: `${name}-ip` }],
    ...(policy === undefined ? {} : { auto_restart_policy: policy }),
  }
  const { id } = await lab.done(api.instance_create({ query, body }))
  await lab.settle()
  await lab.clock.advance(500) // the guest asks for its address
  return { id, address: ip }
}

async function isAnswering(address: string): Promise<boolean> {
  const [result] = await lab.clock.run(lab.client.stack.ping(address, { count: 1, timeoutMs: 500 }))
  return result?.outcome === 'reply'
}

const agentOf = (sled: string) => lab.emulation.sleds().find(({ name }) => name === sled)!.agent

let onNew: { id: string; address: string }

test('the sleds of the plan are there with the serials of their boards, and say which sled they are', async () => {
  const { items } = await lab.done(lab.api.sled_list())
  assert.deepEqual(
    items.map(({ slot, baseboard }) => [slot, baseboard.serial]),
    [
      [0, 'LDS10000000'],
      [1, 'LDS10000001'],
    ],
  )
  const inventory = await agentOf('sled1').handler(new Request('http://sled/inventory'))
  assert.equal(((await inventory.json()) as { role: { sled_id: string } }).role.sled_id, items[1]!.id)
  assert.deepEqual((await lab.done(lab.api.sled_list_uninitialized())).items, [])
})

test('a sled that is put into a free place is found, taken in, and gets instances that the world reaches', async () => {
  putIn(3, 'LDS1NEW0001')
  const waiting = await eventually(
    async () => (await lab.done(lab.api.sled_list_uninitialized())).items[0],
    TAKEN_IN_MS,
  )
  assert.deepEqual([waiting.cubby, waiting.baseboard.serial], [3, 'LDS1NEW0001'])
  const sled = await eventually(() => sledOf('LDS1NEW0001'), TAKEN_IN_MS)
  assert.deepEqual([sled.slot, sled.state, sled.usable_hardware_threads], [3, 'active', 128])
  const membership = await lab.done(lab.api.rack_membership_status({ params: { rack_id: sled.rack_id } }))
  assert.deepEqual([membership.version, membership.state, membership.members.length], [2, 'committed', 3])
  assert.deepEqual((await lab.done(lab.api.sled_list_uninitialized())).items, [])
  const disks = (await lab.done(lab.api.sled_physical_disk_list({ params: { sled_id: sled.id } }))).items
  assert.equal(disks.length, 12)
  // It is the emptiest sled as soon as the others have something.
  for (const name of ['web0', 'web1', 'web2']) onNew = await makeInstance(name)
  const instances = (await lab.done(lab.api.sled_instance_list({ params: { sled_id: sled.id } }))).items
  assert.equal(instances.length, 1)
  const { ip } = (
    await lab.done(lab.api.instance_external_ip_list({ params: { instance: instances[0]!.id } }))
  ).items.find(({ kind }) => kind === 'floating')!
  onNew = { id: instances[0]!.id, address: ip }
  assert.ok(agentOf('sled3').instances.has(onNew.id))
  assert.ok(await isAnswering(onNew.address))
})

test('a board that takes the place of another is a new sled; the other is out of service, and its instances run on', async () => {
  const before = (await sledOf('LDS1NEW0001'))!
  putIn(3, 'LDS1NEW0002')
  const sled = await eventually(() => sledOf('LDS1NEW0002'), TAKEN_IN_MS)
  assert.notEqual(sled.id, before.id)
  const gone = (await sledOf('LDS1NEW0001'))!
  assert.deepEqual([gone.policy, gone.state], [{ kind: 'expunged' }, 'decommissioned'])
  await lab.settle()
  await lab.clock.advance(500)
  assert.ok(await isAnswering(onNew.address), 'its instance was placed anew')
  const all = await lab.done(lab.api.instance_list({ query }))
  assert.ok(all.items.every(({ run_state }) => run_state === 'running'))
})

test('an instance that is not to be restarted fails with its sled', async () => {
  // On the new sled only, so that it goes with it.
  const sleds = (await lab.done(lab.api.sled_list())).items.filter(({ state }) => state === 'active')
  const setPolicy = async (slots: readonly number[], state: 'provisionable' | 'non_provisionable') => {
    for (const { id, slot } of sleds) {
      if (slots.includes(slot!))
        await lab.done(lab.api.sled_set_provision_policy({ params: { sled_id: id }, body: { state } }))
    }
  }
  await setPolicy([0, 1], 'non_provisionable')
  const { id } = await makeInstance('once', 'never')
  await setPolicy([0, 1], 'provisionable')
  putIn(3, 'LDS1NEW0003')
  await eventually(() => sledOf('LDS1NEW0003'), TAKEN_IN_MS)
  assert.equal((await lab.done(lab.api.instance_view({ params: { instance: id } }))).run_state, 'failed')
})

test('a switchd that dies alone is told everything again: routing, ports, translations', async () => {
  await lab.settle()
  const node = lab.emulation.switches()[0]!
  const tables = async (): Promise<string[]> => {
    const list = await lab.done(node.api.table_list())
    // Neighbours are learned when somebody asks for them.
    const names = list.map(({ name }) => name).filter((name) => !/(arp|ndp)$/.test(name))
    const dumps = await Promise.all(names.map((table) => lab.done(node.api.table_dump({ params: { table } }))))
    // Paths are numbered as they come.
    const text = (name: string, { keys, action, action_args }: (typeof dumps)[number]['entries'][number]): string =>
      JSON.stringify([name, /route_v[46]$/.test(name) ? [action, action_args] : keys])
    return dumps.flatMap(({ name, entries }) => entries.map((entry) => text(name, entry))).toSorted()
  }
  const before = await tables()
  node.killSwitchd()
  await node.startSwitchd()
  assert.ok((await tables()).length < before.length)
  await lab.clock.advance(5000)
  await lab.settle()
  assert.deepEqual(await tables(), before)
  assert.ok(await isAnswering(onNew.address))
})

test('an agent that dies alone is told everything again, and its instances run', async () => {
  const { sled_id: sledId } = await lab
    .done(lab.api.instance_view({ params: { instance: onNew.id } }))
    .then(async () => {
      const { items } = await lab.done(lab.api.sled_list())
      for (const { id, slot, state } of items) {
        if (state !== 'active') continue
        const on = await lab.done(lab.api.sled_instance_list({ params: { sled_id: id } }))
        if (on.items.some((each) => each.id === onNew.id)) return { sled_id: `sled${slot}` }
      }
      throw new Error('it is on no sled')
    })
  const sled = lab.emulation.sleds().find(({ name }) => name === sledId)!
  const before = sled.engine.virtualToPhysical().length
  sled.killAgent()
  await sled.startAgent()
  await lab.clock.advance(12_000)
  await lab.settle()
  await lab.clock.advance(500)
  assert.equal(sled.engine.virtualToPhysical().length, before)
  assert.ok(await isAnswering(onNew.address))
})
