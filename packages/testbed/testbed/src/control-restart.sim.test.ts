/**
 * Power is cut and comes back. A switch and a sled keep nothing: routing fills what routing knows, the control plane states the
 * rest again, and afterwards the tables say what they said before.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  allowTcp,
  ControlPlaneFixture,
  defaultRules,
  type InstanceSpec,
  type LabInstance,
  must,
} from './control-plane.fixture.ts'
import { failure, RackLab } from './rack-lab.fixture.ts'
import type { RackSwitchNode } from './rack-switch-node.ts'
import type { SledNode } from './sled-node.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const FLOATING = '198.51.100.10'
const DB: InstanceSpec = { name: 'db', sled: 0, vpc: VPC, ip: '172.30.0.6' }
const WEB: InstanceSpec = { name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: [FLOATING] }
/** Routes by prefix, the ways they lead to, translations, and what the switch's own addresses and ports are. */
const ROUTES = /(lookup|route)_v[46]$/
const TRANSLATIONS = /ingress_ipv[46]$/
/** Neighbours are learned when somebody asks for them. */
const NEIGHBOURS = /(arp|ndp)$/

type Tables = Readonly<Record<string, readonly string[]>>

let lab: RackLab
let db: LabInstance

before(async () => {
  lab = await RackLab.start()
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  db = await lab.boot(DB)
  await lab.boot(WEB) // the last: `restate` makes it anew
  await checkService()
})
after(() => lab.close())

for (const name of ['switch0', 'switch1'] as const) {
  test(`${name} comes back with empty tables; routing fills its routes and the control plane its translations`, async () => {
    const before = await tablesOf(name)
    assert.ok(count(before, ROUTES) > 0)
    assert.equal(count(before, TRANSLATIONS), 1)

    await lab.run(lab.emulation.setPower(name, false))
    await lab.clock.advance(500)
    await checkService() // by the other one

    await lab.run(lab.emulation.setPower(name, true))
    const empty = await tablesOf(name)
    assert.equal(count(empty, ROUTES) + count(empty, TRANSLATIONS), 0)
    await lab.untilReady(30_000)
    await lab.clock.advance(1000)
    const routed = await tablesOf(name)
    assert.deepEqual(only(routed, ROUTES), only(before, ROUTES))
    assert.equal(count(routed, TRANSLATIONS), 0, 'nobody has stated them yet')
    await lab.run(lab.control.pushNat())
    assert.deepEqual(await tablesOf(name), before)

    const other = name === 'switch0' ? 'switch1' : 'switch0'
    await lab.run(lab.emulation.setPower(other, false))
    await lab.clock.advance(500)
    await checkService() // by the one that came back, alone
    await lab.run(lab.emulation.setPower(other, true))
    await lab.untilReady(30_000)
    await lab.run(lab.control.pushNat())
  })
}

test('a sled comes back without instances, and when they are stated again they are what they were', async () => {
  const before = await sledState('sled1')
  assert.equal(before.ports.length, 1)
  await lab.run(lab.emulation.setPower('sled1', false))
  await lab.clock.advance(500)
  await failure(lab.fetch(lab.client.stack, `http://${FLOATING}/`))
  assert.equal(lab.emulation.links().has('web-nic0'), false, 'the wire of its guest is gone')

  await lab.run(lab.emulation.setPower('sled1', true))
  assert.deepEqual(await sledState('sled1'), { ports: [], mappings: [], rules: [], instances: [] })
  await restate()
  assert.deepEqual(await sledState('sled1'), before)
  await checkService()
})

test('what the other sled sends to an instance while its sled is gone is lost, and nothing of it is kept', async () => {
  await lab.run(lab.emulation.setPower('sled1', false))
  const output = await lab.shell(db, `ping -c 2 ${WEB.ip}`)
  assert.match(output, /^0 of 2 answered$/m)
  await lab.run(lab.emulation.setPower('sled1', true))
  await restate()
  await checkService()
  assert.ok(await lab.clock.until(() => lab.framesInUse === 0, 60_000), `${lab.framesInUse} frames are kept`)
})

test('a rack that loses all power comes back, and works when everything has been stated again', async () => {
  const names = [...lab.emulation.nodes.keys()].filter((name) => /^(sled|switch)/.test(name))
  const before = await Promise.all(['switch0', 'switch1'].map(tablesOf))
  for (const name of names) await lab.run(lab.emulation.setPower(name, false))
  await lab.clock.advance(10_000)
  for (const name of names) await lab.run(lab.emulation.setPower(name, true))
  await lab.untilReady(30_000)
  await lab.clock.advance(1000)

  // The control plane's own sockets were on the first sled.
  const control = new ControlPlaneFixture(lab.emulation)
  for (const spec of [DB, WEB]) {
    const instance = await lab.run(control.createInstance(spec))
    await lab.run(control.run(instance))
  }
  await lab.run(control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  await lab.clock.advance(200) // they boot and get their leases
  await checkService()
  assert.deepEqual(await Promise.all(['switch0', 'switch1'].map(tablesOf)), before)
})

/** The control plane's part after a sled has come back: the same instance, by the same identifiers. */
async function restate(): Promise<void> {
  await lab.untilReady(30_000)
  const { stack } = lab.emulation.sleds()[0]!
  const address = lab.emulation.specs('sled')[1]!.address
  assert.ok(await lab.clock.until(() => stack.lookup(address) !== undefined, 1000), 'the first sled knows the way')
  assert.equal(lab.control.instances.pop()!.spec, WEB)
  await lab.boot(WEB)
}

async function checkService(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    assert.equal((await lab.fetch(lab.client.stack, `http://${FLOATING}/`)).status, 200)
  }
  assert.match(await lab.shell(db, `ping -c 1 ${WEB.ip}`), /^1 of 1 answered$/m)
}

/**
 * Entries of all tables in a form that does not depend on when they were written: ways are numbered as they come, and counters count.
 */
async function tablesOf(name: string): Promise<Tables> {
  const { api } = lab.emulation.nodes.get(name) as RackSwitchNode
  const tables: Record<string, string[]> = {}
  for (const { name: table } of must(await lab.run(api.table_list()))) {
    if (NEIGHBOURS.test(table)) continue
    const { entries } = must(await lab.run(api.table_dump({ params: { table } })))
    const isNumbered = /route_v[46]$/.test(table)
    const isIndex = /lookup_v[46]$/.test(table)
    tables[table] = entries
      .map(({ keys, action, action_args: args }) =>
        JSON.stringify([isNumbered ? [] : keys, action, isIndex ? [] : args]),
      )
      .toSorted()
  }
  return tables
}

function only(tables: Tables, name: RegExp): Tables {
  return Object.fromEntries(Object.entries(tables).filter(([table]) => name.test(table)))
}

function count(tables: Tables, name: RegExp): number {
  return Object.values(only(tables, name)).reduce((sum, entries) => sum + entries.length, 0)
}

async function sledState(name: string) {
  const { agent, engine } = lab.emulation.nodes.get(name) as SledNode
  return {
    instances: [...agent.instances.values()].map((instance) => instance.view().id),
    ports: engine.ports().map((port) => `${port.id} ${port.name} ${port.vni} ${port.config.mac}`),
    rules: engine
      .ports()
      .flatMap((port) =>
        port.dump().layers.map((layer) => `${layer.name} ${layer.rulesIn.length} ${layer.rulesOut.length}`),
      ),
    mappings: engine.virtualToPhysical().map(({ vni, ip, sled, mac }) => `${vni} ${ip} ${sled} ${mac}`),
  }
}
