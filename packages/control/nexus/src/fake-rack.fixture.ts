/**
 * A rack without packets: sled agents and switch daemons that implement the contracts in memory, served over a memory
 * network in virtual time, and a control plane that reaches them only that way.
 */
import {
  type Api,
  ApiFailure,
  client,
  type FetchLike,
  implement,
  type OperationIds,
  ndjsonWriter,
  pageInMemory,
  serveHttp,
} from '@lodestone/api'
import { type NexusClient, nexusApi } from '@lodestone/contract-nexus'
import {
  type SerialConsoleChunk,
  type ExternalAddresses,
  type ExternalIps,
  type FirewallRule,
  type InstanceEnsure,
  SLED_AGENT_PORT,
  type SledHardware,
  type SledRole,
  sledAgentApi,
  type SledInstance,
  type V2pState,
  type VpcRoutes,
} from '@lodestone/contract-sled-agent'
import { GATEWAY_PORT, spApi } from '@lodestone/contract-sp'
import { ROUTED_PORT, routedApi, type RoutedConfig } from '@lodestone/contract-routed'
import {
  type LldpSettings,
  type NatEntry,
  type PortSettings,
  SWITCHD_PORT,
  switchdApi,
} from '@lodestone/contract-switchd'
import { Host, MemoryFabric, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { TEST_ARCHIVES } from './archives.fixture.ts'
import type { Inventory } from './inventory.ts'
import { Nexus, type NexusOptions } from './nexus.ts'
import { contentText } from './reconcile/causes.ts'
import type { Store } from './store/store.ts'

/** Cheap: these tests are not about the strength of passwords. */
export const CHEAP_PASSWORDS = { memoryKiB: 64, iterations: 1 }

const BOOT_MS = 50

/** What is pushed, without the causes that travel with it. */
function content<T>(body: T): T {
  return JSON.parse(contentText(body)) as T // because it is JSON that came over HTTP
}

export class FakeSled {
  readonly instances = new Map<string, { spec: InstanceEnsure; now: SledInstance }>()
  readonly firewalls = new Map<number, { generation: number; rules: FirewallRule[] }>()
  v2p: V2pState = { generation: 0, mappings: [] }
  externalAddresses: ExternalAddresses = { generation: 0, mappings: [] }
  routes: VpcRoutes = { generation: 0, sets: [] }
  /** What happens to what is typed on a console. */
  typed: (text: string) => void = () => {}
  calls = 0
  /** The next instances to start end in state failed, with this reason. */
  failure: string | undefined
  readonly #clock: VirtualClock
  readonly baseboard: SledHardware['baseboard']
  role: SledRole | undefined

  constructor(clock: VirtualClock, serial: string, part = 'lodestone-sled') {
    this.#clock = clock
    this.baseboard = { serial, part, revision: 6 }
  }

  /** Everything is lost, as when the agent restarts. */
  restart(): void {
    this.role = undefined
    this.instances.clear()
    this.firewalls.clear()
    this.v2p = { generation: 0, mappings: [] }
    this.externalAddresses = { generation: 0, mappings: [] }
  }

  setState(id: string, state: SledInstance['state'], reason?: string): void {
    const known = this.instances.get(id)
    if (known === undefined) return
    known.now = {
      ...known.now,
      state,
      time_updated: new Date(this.#clock.wallMs()).toISOString(),
      ...(reason === undefined ? {} : { reason }),
    }
  }

  find(id: string): { spec: InstanceEnsure; now: SledInstance } {
    const known = this.instances.get(id)
    if (known === undefined) {
      throw new ApiFailure({ kind: 'object-not-found', type: 'instance', lookup: { id } })
    }
    return known
  }

  readonly handler = implement(
    sledAgentApi,
    {
      inventory_view: () => ({
        baseboard: this.baseboard,
        hardware_threads: 128,
        physical_ram_bytes: 2 ** 40,
        disks: [],
        role: this.role ?? null,
      }),
      role_set: ({ body }) => {
        this.role = body
        return { generation: body.generation }
      },
      instance_list: () => [...this.instances.values()].map(({ now }) => now),
      instance_ensure: ({ params, body }) => {
        const id = params.instance_id
        const known = this.instances.get(id)
        checkGeneration(body.generation, known?.spec.generation)
        const time = new Date(this.#clock.wallMs()).toISOString()
        const now: SledInstance = {
          id,
          generation: body.generation,
          state: known?.now.state ?? 'stopped',
          time_updated: time,
        }
        this.instances.set(id, { spec: content(body), now })
        return now
      },
      instance_view: ({ params }) => this.find(params.instance_id).now,
      instance_delete: ({ params }) => void this.instances.delete(params.instance_id),
      instance_state_set: ({ params, body }) => {
        const id = params.instance_id
        this.find(id)
        const { failure } = this
        this.setState(id, body.state === 'stopped' ? 'stopping' : 'starting')
        this.#clock.after(BOOT_MS, () => {
          if (body.state === 'stopped') this.setState(id, 'stopped')
          else if (failure !== undefined) this.setState(id, 'failed', failure)
          else this.setState(id, 'running')
        })
        return this.find(id).now
      },
      instance_external_ips_set: ({ params, body }) => {
        const known = this.find(params.instance_id)
        known.spec = { ...known.spec, external_ips: content(body) }
      },
      instance_serial_console: ({ query }) => {
        const text = Buffer.from('lodestone guest\n')
        const start = query.from_start ?? Math.max(0, text.length - (query.most_recent ?? 0))
        return { data: [...text.subarray(start, start + (query.max_bytes ?? 100))], last_byte_offset: text.length }
      },
      instance_serial_console_stream: () => {
        const writer = ndjsonWriter<SerialConsoleChunk>()
        const say = (text: string): void => {
          writer.write({ offset: 0, data: Buffer.from(text).toString('base64') })
        }
        say('lodestone guest\n')
        this.typed = (text) => say(`you typed ${text}`)
        return writer.stream
      },
      instance_serial_console_input: ({ body }) => {
        this.typed(Buffer.from(body.data).toString())
        return undefined
      },
      external_addresses_set: ({ body }) => {
        checkGeneration(body.generation, this.externalAddresses.generation)
        this.externalAddresses = content(body)
        return { generation: body.generation }
      },
      multicast_groups_set: unused,
      port_flows_save: unused,
      port_flows_restore: unused,
      v2p_view: () => this.v2p,
      v2p_set: ({ body }) => {
        checkGeneration(body.generation, this.v2p.generation)
        this.v2p = content(body)
        return { generation: body.generation }
      },
      vpc_firewall_rules_set: ({ params, body }) => {
        checkGeneration(body.generation, this.firewalls.get(params.vni)?.generation)
        this.firewalls.set(params.vni, content(body))
        return { generation: body.generation }
      },
      vpc_routes_set: ({ body }) => {
        checkGeneration(body.generation, this.routes.generation)
        this.routes = content(body)
        return { generation: body.generation }
      },
      port_list: () => [],
      port_view: ({ params }) => {
        throw new ApiFailure({ kind: 'object-not-found', type: 'port', lookup: { id: params.port_id } })
      },
      port_settings_set: unused,
      port_explain: unused,
      port_drops: unused,
      flow_log_stream: unused,
    },
    { before: () => void this.calls++, checkResponses: true },
  )

  externalIps(id: string): ExternalIps {
    return this.find(id).spec.external_ips
  }
}

const unused = (): never => {
  throw new ApiFailure({ kind: 'not-implemented', message: 'the control plane has no business here' })
}

export class FakeSwitch {
  incarnation = 1
  generation = 0
  entries: NatEntry[] = []
  /** An address that the switch refuses to translate. */
  poison: string | undefined
  /** Translations are refused as a whole. */
  isNatBroken = false
  readonly ports = new Map<string, PortSettings>()
  readonly lldp = new Map<string, LldpSettings>()
  readonly loopbacks = new Set<string>()
  routing: RoutedConfig = OWN_ROUTING
  /** Of the board in place 31, as the gateway beside the switch knows it. */
  boardSerial = 'BRM31'
  /** What sleds announce on rear ports. */
  sledPrefixes: ReturnType<typeof prefixOnRear>[] = []
  /** Every configuration that routed was given, in order. */
  readonly applied: RoutedConfig[] = []

  /** Everything is lost, as when the switch restarts. */
  restart(): void {
    this.incarnation++
    this.generation = 0
    this.entries = []
    this.ports.clear()
    this.lldp.clear()
    this.loopbacks.clear()
    this.routing = OWN_ROUTING
  }

  readonly routedHandler = implement(routedApi, {
    ...unusedOperations(routedApi),
    config_view: () => this.routing,
    config_apply: ({ body }) => {
      this.routing = body
      this.applied.push(body)
    },
    bgp_neighbors: () =>
      (this.routing.bgp?.peers ?? []).map((peer) => ({
        name: peer.name,
        remote_address: peer.remote_address,
        remote_asn: peer.remote_asn ?? 0,
        state: 'Established' as const,
        in_state_ms: 1000.5,
        link_down: false,
        families: ['ipv4' as const],
        capabilities: [],
        timers: { configured_hold_s: 6 },
        end_of_rib_received: [],
        paths_received: 0,
        prefixes_advertised: 0,
        counters: {},
      })),
    bgp_exported: () =>
      (this.routing.bgp?.originate4 ?? []).map((prefix) => ({
        prefix,
        next_hop: '192.0.2.2',
        as_path: '',
        origin: 'igp' as const,
        communities: [],
      })),
    bgp_received: () => ({
      items: [
        {
          prefix: '0.0.0.0/0',
          path_id: 0,
          next_hop: '192.0.2.1',
          as_path: '64500',
          origin: 'igp' as const,
          communities: [],
          age_ms: 1,
          stale: false,
          used: true,
        },
      ],
      next_page: null,
    }),
    bgp_message_history: () => [],
    ddm_prefixes: () => this.sledPrefixes,
    bfd_status: () => ({
      listening: true,
      sessions: (this.routing.bfd_sessions ?? []).map((session) => ({
        name: session.remote_address,
        remote_address: session.remote_address,
        mode: session.mode ?? 'single-hop',
        state: 'Up' as const,
        in_state_ms: 1,
        diagnostic: 'none',
        local_discriminator: 1,
        remote_discriminator: 2,
        remote_state: 'Up' as const,
        remote_diagnostic: 'none',
        transmit_interval_ms: 300,
        detection_time_ms: 900,
        multiplier: session.detection_multiplier ?? 3,
        echo_active: false,
        users: [],
        counters: {},
      })),
      counters: {},
    }),
  })

  /** The management gateway beside it knows of one board, which is not part of the rack. */
  readonly gatewayHandler = implement(spApi, {
    ...unusedOperations(spApi),
    local_all_sp_ids: () => [{ type: 'sled' as const, slot: 31 }],
    sp_get: () => ({
      hubris_archive_id: 'fake',
      serial_number: this.boardSerial,
      model: '913-0000019',
      revision: 1,
      base_mac_address: 'a8:40:25:00:00:1f',
      power_state: 'A2' as const,
    }),
  })

  readonly handler = implement(switchdApi, {
    // Operations that the control plane does not use.
    ...unusedOperations(switchdApi),
    port_settings_view: ({ params }) => this.ports.get(params.port_id) ?? { links: {} },
    port_settings_apply: ({ params, body }) => {
      this.ports.set(params.port_id, content(body))
      return body
    },
    port_settings_clear: ({ params }) => void this.ports.delete(params.port_id),
    link_list: () => ({ items: [], next_page: null }),
    lldp_settings_view: ({ params }) => this.lldp.get(params.port_id) ?? { enabled: true },
    lldp_settings_set: ({ params, body }) => void this.lldp.set(params.port_id, body),
    lldp_neighbors: () => [
      {
        port_id: 'qsfp0',
        chassis_id: 'isp0',
        neighbor_port_id: 'eth0',
        management_addresses: [{ ip: '192.0.2.1', interface_numbering: 'unknown' as const, interface_number: 0 }],
        first_seen: '2026-01-01T00:00:00.000Z',
        last_seen: '2026-01-01T00:00:30.000Z',
      },
    ],
    loopback_ipv4_list: () => [...this.loopbacks].filter((address) => !address.includes(':')),
    loopback_ipv6_list: () => [...this.loopbacks].filter((address) => address.includes(':')),
    loopback_ipv4_add: ({ params }) => void this.loopbacks.add(params.address),
    loopback_ipv6_add: ({ params }) => void this.loopbacks.add(params.address),
    loopback_ipv4_delete: ({ params }) => void this.loopbacks.delete(params.address),
    loopback_ipv6_delete: ({ params }) => void this.loopbacks.delete(params.address),
    status: () => ({ incarnation: this.incarnation }),
    nat_status: () => ({
      desired_generation: this.generation,
      applied_generation: this.generation,
      desired: this.entries.length,
      applied: this.entries.length,
      capacity_left: 1000,
      failed: [],
    }),
    nat_desired_set: ({ body }) => {
      if (this.isNatBroken) throw new ApiFailure({ kind: 'unavailable', message: 'the table cannot be written' })
      checkGeneration(body.generation, this.generation)
      this.generation = body.generation
      this.entries = content(body).entries.filter((entry) => entry.external_address !== this.poison)
      const results = body.entries.map(({ external_address, first_port, last_port }) => ({
        external_address,
        first_port,
        last_port,
        ...(external_address === this.poison
          ? { outcome: 'failed' as const, reason: 'table full' }
          : { outcome: 'applied' as const }),
      }))
      return { generation: body.generation, results }
    },
    nat_list: ({ query }) => pageInMemory(this.entries, query, (e) => `${e.external_address} ${e.first_port}`),
  })
}

function unusedOperations<A extends Api>(api: A): { [Id in OperationIds<A>]: typeof unused } {
  // because every operation of the API is in the list
  return Object.fromEntries(api.endpoints.map(({ operationId }) => [operationId, unused])) as {
    [Id in OperationIds<A>]: typeof unused
  }
}

/** What a neighbour on a rear port announces by DDM. */
export function prefixOnRear(slot: number, destination: string) {
  return { interface: `tfportrear${slot}`, next_hop: 'fe80::1', vectors: [{ destination, path: ['sled'] }] }
}

/** What a switch's routing daemon is configured to do without the control plane. */
const OWN_ROUTING: RoutedConfig = {
  ddm: { hostname: 'switch', role: 'transit', interfaces: ['tfportrear0'] },
  tunnel_endpoint: 'fdb1::1',
}

function checkGeneration(offered: number, present: number | undefined): void {
  if (present === undefined || offered >= present) return
  throw new ApiFailure({ kind: 'conflict', message: `generation ${offered} is older than ${present}` })
}

export interface FakeRack {
  readonly clock: VirtualClock
  readonly fabric: MemoryFabric
  readonly sleds: readonly FakeSled[]
  readonly switches: readonly FakeSwitch[]
  readonly inventory: Inventory
  readonly errors: unknown[]
  /** A control plane over this rack; another one over the same store is the same one after a restart. */
  makeNexus(
    options: ({ store: Store } | { storeDirectory: string }) &
      Pick<NexusOptions, 'console' | 'network' | 'authority' | 'metadataFetch' | 'secrets'> &
      Pick<Inventory, 'dnsZone' | 'dnsServers' | 'areSledsApproved'>,
  ): Nexus
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
