/**
 * Death at every step: an operation is cut off before each of its statements to the database, and before it hears of its commit.
 * Nothing that the process would do afterwards reaches the database, which drops what was not committed, as a server does whose
 * client is gone. Then a new process starts, and finds the operation whole or not there, and the rack follows.
 * (`restart.test.ts` kills a real process.)
 */
import assert from 'node:assert/strict'
import { env } from 'node:process'
import { after, before, test } from 'node:test'
import type { CallResult } from '@lodestone/api'
import type { NexusClient } from '@lodestone/contract-nexus'
import type { PGlite, Transaction } from '@electric-sql/pglite'
import { Kysely, PGliteDialect } from 'kysely'
import { TEST_ARCHIVES } from './archives.fixture.ts'
import { clientWith, type FakeRack, login, makeFakeRack, settle } from './fake-rack.fixture.ts'
import { openEmbeddedDatabase } from './store/embedded-database.ts'
import { releaseAllLeases } from './store/lease.ts'
import type { Database } from './store/schema.ts'
import { Store } from './store/store.ts'

const GIB = 2 ** 30
/** Every sixth step, others for each operation; all of them with LODE_TEST_ALL_STEPS=1 (`.ci/postgres`), which takes two minutes. */
const STRIDE = env['LODE_TEST_ALL_STEPS'] === '1' ? 1 : 6
const query = { project: 'p' }
const description = ''
let pglite: PGlite
let rack: FakeRack

/** The connection of one process: it ends before a given step. A commit is a step whose answer does not arrive. */
class Connection {
  steps = 0
  #dieAt = Infinity
  #isDead = false

  /** Counted from now on. */
  dieAt(step: number): void {
    this.steps = 0
    this.#dieAt = step
  }

  over(database: PGlite): PGlite {
    const transaction = async <T>(body: (tx: Transaction) => Promise<T>): Promise<T> => {
      const result = await database.transaction((tx) => body(this.#watched(tx)))
      this.#step()
      return result
    }
    return new Proxy(this.#watched(database), {
      get: (target, name) => (name === 'transaction' ? transaction : Reflect.get(target, name)),
    })
  }

  #watched<T extends object>(queries: T): T {
    return new Proxy(queries, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        const method = (value as (...args: unknown[]) => unknown).bind(target)
        if (name !== 'query') return method
        return async (...args: unknown[]) => {
          this.#step()
          return method(...args)
        }
      },
    })
  }

  #step(): void {
    this.#isDead ||= this.steps++ === this.#dieAt
    if (this.#isDead) throw new Error('the process is dead')
  }
}

interface Process {
  readonly api: NexusClient
  readonly connection: Connection
  /** Its loops run no more. */
  bury(): Promise<void>
  end(): Promise<void>
}

async function startProcess(): Promise<Process> {
  const connection = new Connection()
  const dialect = new PGliteDialect({ pglite: connection.over(pglite) })
  const store = await Store.over(new Kysely<Database>({ dialect }))
  await releaseAllLeases(store.db)
  const nexus = rack.makeNexus({ store })
  await nexus.start()
  await settle(rack, nexus)
  const api = clientWith(nexus.handler, { cookie: await login(nexus.handler) })
  return {
    api,
    connection,
    bury: () => nexus.close().catch(() => {}), // it cannot give its leases back
    async end() {
      connection.dieAt(Infinity)
      await settle(rack, nexus)
      await nexus.close()
    },
  }
}

before(async () => {
  rack = await makeFakeRack(1)
  pglite = await openEmbeddedDatabase({ archives: TEST_ARCHIVES })
  const { api, end } = await startProcess()
  await api.system_ip_pool_create({ body: { name: 'internet', description } })
  const range = { first: '198.51.100.10', last: '198.51.103.250' }
  await api.system_ip_pool_range_add({ params: { pool: 'internet' }, body: range })
  const link = { silo: 'test-suite-silo', is_default: true }
  await api.system_ip_pool_silo_link({ params: { pool: 'internet' }, body: link })
  valueOf(await api.project_create({ body: { name: 'p', description } }))
  const blocks = [{ first_address: '192.0.2.0', last_address: '192.0.2.255' }]
  valueOf(await api.networking_address_lot_create({ body: { name: 'lot', description, kind: 'infra', blocks } }))
  await end()
})
after(() => pglite.close())

function valueOf<T>(result: CallResult<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.value
}

interface Operation {
  readonly name: string
  /** What must be there before. */
  readonly prepare?: (api: NexusClient, id: string) => Promise<unknown>
  readonly run: (api: NexusClient, id: string) => Promise<CallResult<unknown>>
  /** Whether all of it is there, or nothing of it; throws when it is neither. */
  readonly isDone: (api: NexusClient, id: string) => Promise<boolean>
}

const instance = (name: string) => ({ name, description, hostname: name, ncpus: 1, memory: GIB })

async function countOf(table: keyof Database): Promise<number> {
  const { rows } = await pglite.query<{ count: number }>(`select count(*)::int as count from ${table}`)
  return rows[0]!.count
}

/** Rows of several tables: an operation that is not there has left all counts as they were. */
async function counts(tables: readonly (keyof Database)[]): Promise<readonly number[]> {
  return Promise.all(tables.map(countOf))
}

const TABLES: readonly (keyof Database)[] = [
  'project',
  'vpc',
  'vpc_subnet',
  'vpc_router',
  'router_route',
  'firewall_rule',
  'internet_gateway',
  'instance',
  'network_interface',
  'external_ip',
  'port_settings',
  'port_settings_block',
  'announce_set',
  'announcement',
]

const OPERATIONS: readonly Operation[] = [
  {
    name: 'create a project, with its VPC, subnet, routers, routes, gateway and rules',
    run: (api, id) => api.project_create({ body: { name: id, description } }),
    async isDone(api, id) {
      const project = await api.project_view({ params: { project: id } })
      if (!project.ok) return false
      const rules = valueOf(await api.vpc_firewall_rules_view({ query: { project: id, vpc: 'default' } })).rules
      assert.equal(rules.length, 3)
      return true
    },
  },
  {
    name: 'create an instance that runs, with an interface and addresses',
    run: (api, id) =>
      api.instance_create({
        query,
        body: {
          ...instance(id),
          external_ips: [{ type: 'ephemeral', pool_selector: { type: 'auto', ip_version: null } }],
        },
      }),
    async isDone(api, id) {
      const made = await api.instance_view({ params: { instance: id }, query })
      if (!made.ok) return false
      const addresses = valueOf(await api.instance_external_ip_list({ params: { instance: id }, query })).items
      assert.deepEqual(addresses.map(({ kind }) => kind).toSorted(), ['ephemeral', 'snat'])
      assert.equal(rack.sleds[0]!.find(made.value.id).now.state, 'running', 'the rack follows')
      assert.ok(
        rack.switches.every(({ entries }) => entries.some(({ external_address: ip }) => ip === addresses[0]!.ip)),
      )
      return true
    },
  },
  {
    name: 'delete an instance with its interface and addresses',
    prepare: async (api, id) => valueOf(await api.instance_create({ query, body: { ...instance(id), start: false } })),
    run: (api, id) => api.instance_delete({ params: { instance: id }, query }),
    async isDone(api, id) {
      return !(await api.instance_view({ params: { instance: id }, query })).ok
    },
  },
  {
    name: 'make a VPC, with all that belongs to it',
    run: (api, id) => api.vpc_create({ query, body: { name: id, description, dns_name: id } }),
    async isDone(api, id) {
      if (!(await api.vpc_view({ params: { vpc: id }, query })).ok) return false
      const routers = valueOf(await api.vpc_router_list({ query: { ...query, vpc: id } })).items
      assert.deepEqual(
        routers.map(({ kind }) => kind),
        ['system'],
      )
      return true
    },
  },
  {
    name: 'move a floating address to an instance',
    async prepare(api, id) {
      valueOf(await api.floating_ip_create({ query, body: { name: id, description } }))
      valueOf(await api.instance_create({ query, body: { ...instance(id), start: false } }))
    },
    run: (api, id) =>
      api.floating_ip_attach({ params: { floating_ip: id }, query, body: { kind: 'instance', parent: id } }),
    isDone: async (api, id) =>
      valueOf(await api.floating_ip_view({ params: { floating_ip: id }, query })).instance_id !== null,
  },
  {
    name: 'make port settings with their addresses',
    run: (api, id) =>
      api.networking_switch_port_settings_create({
        body: {
          name: id,
          description,
          port_config: { geometry: 'qsfp28x1' },
          links: [{ link_name: 'l', mtu: 1500, speed: 'speed100_g', autoneg: false, lldp: { enabled: true } }],
          addresses: [{ link_name: 'l', addresses: [{ address: '192.0.2.2/30', address_lot: 'lot' }] }],
        },
      }),
    isDone: async (api, id) => (await api.networking_switch_port_settings_view({ params: { port: id } })).ok,
  },
  {
    name: 'replace a set of announcements',
    prepare: (api, id) =>
      api.networking_bgp_announce_set_update({
        body: { name: id, description, announcement: [{ address_lot_block: 'lot', network: '192.0.2.0/24' }] },
      }),
    run: (api, id) =>
      api.networking_bgp_announce_set_update({
        body: {
          name: id,
          description,
          announcement: ['192.0.2.0/25', '192.0.2.128/25'].map((network) => ({ address_lot_block: 'lot', network })),
        },
      }),
    async isDone(api, id) {
      const { length } = valueOf(await api.networking_bgp_announcement_list({ params: { announce_set: id } }))
      assert.ok(length === 1 || length === 2, `${length} announcements`)
      return length === 2
    },
  },
]

for (const [index, operation] of OPERATIONS.entries()) {
  test(`${operation.name}: after death at any step it is whole or not there`, { timeout: 120_000 }, async () => {
    let process = await startProcess()
    let at = index % STRIDE
    for (; ; at += STRIDE) {
      const { api, connection, bury, end } = process
      const id = `x${index}-${at}`
      await operation.prepare?.(api, id)
      const before = await counts(TABLES)
      connection.dieAt(at)
      const result = await operation.run(api, id)
      const wasReached = connection.steps > at
      const afterwards = await counts(TABLES)
      if (wasReached) await bury()
      else await end()
      process = await startProcess()
      const isDone = await operation.isDone(process.api, id)
      if (result.ok) assert.equal(isDone, true, `step ${at}: it was acknowledged and is gone`)
      if (!isDone) assert.deepEqual(afterwards, before, `step ${at}: something of it is left`)
      if (!wasReached) break
    }
    await process.end()
    assert.ok(at >= 6, `${at} places to die`)
  })
}
