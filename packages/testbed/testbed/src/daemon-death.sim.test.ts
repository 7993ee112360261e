/**
 * Routing daemons are killed, and begin anew: nobody is told goodbye, tables keep what was programmed, and afterwards they say what is
 * learned then, and nothing that only the dead one knew.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SLED_AGENT_PORT } from '@lodestone/contract-sled-agent'
import { Prefix } from '@lodestone/net'
import { CloudLab } from './cloud-lab.fixture.ts'
import type { RackNode } from './node-table.ts'

const NEWS = Prefix.of('10.77.0.0/24')
const DEFAULT = Prefix.of('0.0.0.0/0')
/** Old routes stay for 5 s; what tells switchd of others asks every 30 s. */
const REPAIRED_MS = 40_000

let lab: CloudLab

before(async () => {
  lab = await CloudLab.start()
  await lab.settle()
})
after(() => lab.close())

function routesOf({ stack }: RackNode): string[] {
  return stack
    .routes()
    .flatMap(({ prefix, origin, nextHops }) =>
      nextHops.map((hop) => `${prefix} ${origin} ${hop.via?.isLinkLocal === true ? '' : hop.via} ${hop.interface}`),
    )
    .toSorted()
}

async function pipelineRoutes(): Promise<string[]> {
  const page = await lab.done(lab.emulation.switches()[0]!.api.route_ipv4_list({ query: { limit: 1000 } }))
  return page.items.map(({ cidr, targets }) => `${cidr} ${targets.map(({ tgt_ip: ip }) => ip).toSorted()}`).toSorted()
}

function announce(prefixes: readonly Prefix[]): void {
  const speaker = lab.host('isp0').routed!.speaker!
  speaker.originate([...prefixes, ...[DEFAULT].filter((prefix) => !prefixes.includes(prefix))])
}

test('a switch whose routing is dead forwards by what it has, and has what is right once that lives again', async () => {
  const node = lab.emulation.switches()[0]!
  const before = [routesOf(node), await pipelineRoutes()] as const
  announce([DEFAULT, NEWS])
  await lab.clock.advance(500)
  assert.ok((await pipelineRoutes()).some((line) => line.startsWith(`${NEWS}`)))

  node.killRouting()
  assert.equal(node.routed, undefined)
  await lab.clock.advance(300)
  const peer = lab.host('isp0').routed!.speaker!.peer('switch0')!
  assert.equal(peer.isEstablished, false, 'its connections ended with it')
  assert.deepEqual((await pipelineRoutes()).length, before[1].length + 1, 'the tables are the switch’s')
  announce([DEFAULT])
  await lab.clock.advance(10_000)
  assert.ok(
    (await pipelineRoutes()).some((line) => line.startsWith(`${NEWS}`)),
    'nobody is there to take it out',
  )

  await lab.clock.run(node.startRouting())
  await lab.untilReady()
  await lab.clock.advance(REPAIRED_MS)
  await lab.settle()
  assert.deepEqual([routesOf(node), await pipelineRoutes()], before)
})

test('a router and a sled take out of their stacks what an earlier life of their daemons left there', async () => {
  for (const node of [lab.host('isp1'), lab.emulation.sleds()[0]!]) {
    const before = routesOf(node)
    node.killRouting()
    node.stack.setRoute(NEWS, [{ interface: node.stack.interfaces()[0]!.name }])
    await lab.clock.advance(7000)
    assert.equal(routesOf(node).length, before.length + 1)
    node.startRouting()
    await lab.untilReady()
    await lab.clock.advance(REPAIRED_MS)
    assert.deepEqual(routesOf(node), before, node.name)
  }
})

test('while switchd or an agent is dead its interface refuses; what it had is stated again', async () => {
  const node = lab.emulation.switches()[1]!
  const sled = lab.emulation.sleds()[1]!
  node.killSwitchd()
  sled.killAgent()
  const status = await lab.clock.run(node.api.status())
  assert.ok(!status.ok && status.kind === 'unreachable', JSON.stringify(status))
  const address = sled.spec.address.toString()
  const { stack } = lab.emulation.sleds()[0]!
  await assert.rejects(lab.clock.run(stack.connectTcp({ address, port: SLED_AGENT_PORT })), { code: 'ECONNREFUSED' })
  await lab.clock.advance(8000)
  await lab.clock.run(Promise.all([node.startSwitchd(), sled.startAgent()]))
  await lab.untilReady()
  await lab.clock.advance(REPAIRED_MS)
  await lab.settle()
  assert.ok((await lab.clock.run(node.api.status())).ok)
})
