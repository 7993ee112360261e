/**
 * A rack without packets: sled agents and switch daemons that implement the contracts in memory, served over a memory
 * network in virtual time, and a control plane that reaches them only that way.
 */
import { client, type FetchLike, serveHttp } from '@lodestone/api'
import { ROUTED_PORT } from '@lodestone/contract-routed'
import { type NexusClient, nexusApi } from '@lodestone/contract-nexus'
import { SLED_AGENT_PORT } from '@lodestone/contract-sled-agent'
import { GATEWAY_PORT } from '@lodestone/contract-sp'
import { SWITCHD_PORT } from '@lodestone/contract-switchd'
import { Host, MemoryFabric, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { TEST_ARCHIVES } from './archives.fixture.ts'
import { FakeSled } from './fake-sled.fixture.ts'
import { FakeSwitch } from './fake-switch.fixture.ts'
import type { Inventory } from './inventory.ts'
import { Nexus, type NexusOptions } from './nexus.ts'
import type { Store } from './store/store.ts'

/** Cheap: these tests are not about the strength of passwords. */
export const CHEAP_PASSWORDS = { memoryKiB: 64, iterations: 1 }

/** What one control plane may have otherwise than another. */
export type NexusVariant = Pick<NexusOptions, 'console' | 'network' | 'authority' | 'metadataFetch' | 'secrets'> &
  Pick<Inventory, 'dnsZone' | 'dnsServers' | 'areSledsApproved'>

export interface FakeRack {
  readonly clock: VirtualClock
  readonly fabric: MemoryFabric
  readonly sleds: readonly FakeSled[]
  readonly switches: readonly FakeSwitch[]
  readonly inventory: Inventory
  readonly errors: unknown[]
  /** A control plane over this rack; another one over the same store is the same one after a restart. */
  makeNexus(options: ({ store: Store } | { storeDirectory: string }) & NexusVariant): Nexus
}

/** @param startWallMs what its clock says at first: certificates are judged by the real one. */
export async function makeFakeRack(sledCount = 2, startWallMs?: number): Promise<FakeRack> {
  const clock = new VirtualClock(startWallMs)
  const fabric = new MemoryFabric(clock, 0.2)
  const random = new SeededRandom(7)
  const underlay = fabric.network('nexus', ['fd00:1122:3344:101::10'])
  const errors: unknown[] = []
  const sleds: FakeSled[] = []
  const switches: FakeSwitch[] = []
  const inventory: { rackId: string; sleds: Inventory['sleds'][number][]; switches: Inventory['switches'][number][] } =
    {
      rackId: random.uuid(),
      sleds: [],
      switches: [],
    }
  for (let i = 0; i < sledCount; i++) {
    const sled = new FakeSled(clock, `LDS1000000${i}`)
    const address = `fd00:1122:3344:${101 + i}::1`
    await serveHttp(fabric.network(`sled${i}`, [address]), { port: SLED_AGENT_PORT }, sled.handler)
    sleds.push(sled)
    inventory.sleds.push({ id: random.uuid(), slot: i, baseboard: sled.baseboard, underlayAddress: address })
  }
  for (let i = 0; i < 2; i++) {
    const fake = new FakeSwitch()
    const address = `fd00:1122:3344:${101 + i}::2`
    const zone = fabric.network(`switch${i}`, [address])
    await serveHttp(zone, { port: SWITCHD_PORT }, fake.handler)
    await serveHttp(zone, { port: ROUTED_PORT }, fake.routedHandler)
    await serveHttp(zone, { port: GATEWAY_PORT }, fake.gatewayHandler)
    switches.push(fake)
    inventory.switches.push({
      id: random.uuid(),
      name: `switch${i}`,
      slot: i === 0 ? 'switch0' : 'switch1',
      baseUrl: `http://[${address}]:${SWITCHD_PORT}`,
      routedUrl: `http://[${address}]:${ROUTED_PORT}`,
      gatewayUrl: `http://[${address}]:${GATEWAY_PORT}`,
      ports: ['qsfp0', 'qsfp1'],
    })
  }
  let starts = 0
  const makeNexus: FakeRack['makeNexus'] = ({ dnsZone, dnsServers = [], areSledsApproved = false, ...where }) => {
    const host = new Host({
      name: 'nexus',
      clock,
      random: random.fork(`nexus ${starts++}`),
      files: new MemoryFiles(),
      networks: { underlay },
      log: (line) => errors.push(line),
    })
    const known = { ...inventory, dnsServers, areSledsApproved, ...(dnsZone === undefined ? {} : { dnsZone }) }
    return new Nexus(host, {
      inventory: known,
      archives: TEST_ARCHIVES,
      ...where,
      passwordCost: CHEAP_PASSWORDS,
      checkResponses: true,
    })
  }
  return { clock, fabric, sleds, switches, inventory, errors, makeNexus }
}

/** Runs virtual time until every reconciler is idle. */
export async function settle(rack: FakeRack, nexus: Nexus, withinMs = 60_000): Promise<void> {
  const isIdle = (): boolean => nexus.reconcilers().every((loop) => loop.state === 'idle' && loop.passes > 0)
  for (let calm = 0; calm < 3; calm++) {
    if (!(await rack.clock.until(isIdle, withinMs))) {
      throw new Error(`reconcilers do not come to rest: ${JSON.stringify(nexus.reconcilers())}`)
    }
    await rack.clock.advance(150) // an instance that is between two states is looked at again within this time
  }
}

export async function login(handler: FetchLike, username = 'test-privileged', password = 'oxide'): Promise<string> {
  const anonymous = client(nexusApi, handler, 'http://nexus')
  const result = await anonymous.login_local({
    params: { silo_name: 'test-suite-silo' },
    body: { username, password },
  })
  if (!result.ok) throw new Error(result.message)
  return result.headers.get('set-cookie')!.split(';')[0]!
}

/** A client that sends a credential with every request. */
export function clientWith(handler: FetchLike, headers: Readonly<Record<string, string>>): NexusClient {
  const fetchLike: FetchLike = (request) => {
    for (const [name, value] of Object.entries(headers)) request.headers.set(name, value)
    return handler(request)
  }
  return client(nexusApi, fetchLike, 'http://nexus')
}
