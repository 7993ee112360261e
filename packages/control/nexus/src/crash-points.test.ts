/**
 * Death at every step: an operation is cut off before each of its statements to the database, and before it hears of its commit.
 * Nothing that the process would do afterwards reaches the database, which drops what was not committed, as a server does whose
 * client is gone. Then a new process starts, and finds the operation whole or not there, and the rack follows.
 * (`restart.test.ts` kills a real process.)
 */
import assert from 'node:assert/strict'
import { env } from 'node:process'
import { after, before, test } from 'node:test'
import type { FetchLike } from '@lodestone/api'
import type { NexusClient } from '@lodestone/contract-nexus'
import type { PGlite, Transaction } from '@electric-sql/pglite'
import { Kysely, PGliteDialect } from 'kysely'
import { MemoryFiles, SeededRandom } from '@lodestone/host'
import { TEST_ARCHIVES } from './archives.fixture.ts'
import { type CrashWorld, type Operation, operations } from './crash-operations.fixture.ts'
import { valueOf } from './running-nexus.fixture.ts'
import { clientWith, type FakeRack, login, makeFakeRack, settle } from './fake-rack.fixture.ts'
import { openEmbeddedDatabase } from './store/embedded-database.ts'
import { releaseAllLeases } from './store/lease.ts'
import type { Database } from './store/schema.ts'
import { Store } from './store/store.ts'
import { CertificateAuthority } from './tls/certificate-authority.ts'

/** With LODE_TEST_ALL_STEPS=1 (`.ci/postgres`) every step of every operation, which takes minutes. */
const IS_WHOLE = env['LODE_TEST_ALL_STEPS'] === '1'
/** Else every sixth step, others for each operation; and of half of the minor operations one step. */
const STRIDE = IS_WHOLE ? 1 : 6
const description = ''
let pglite: PGlite
let process: Process | undefined
let rack: FakeRack
let world: CrashWorld

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
  readonly handler: FetchLike
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
    handler: nexus.handler,
    connection,
    bury: () => rack.clock.run(nexus.close()).catch(() => {}), // it cannot give its leases back
    async end() {
      connection.dieAt(Infinity)
      await settle(rack, nexus)
      await rack.clock.run(nexus.close())
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
  const quotas = { cpus: 1, memory: 1, storage: 1 }
  const silo = { name: 'scim', description, discoverable: false, identity_mode: 'saml_scim' as const, quotas }
  valueOf(await api.silo_create({ body: { ...silo, tls_certificates: [] } }))
  const { bearer_token: scimToken } = valueOf(await api.scim_token_create({ query: { silo: 'scim' } }))
  const authority = await CertificateAuthority.open(new MemoryFiles(), rack.clock, new SeededRandom(1))
  const certificate = await authority.identityFor([{ type: 'dns', value: 'rack.example' }])
  world = { rack, certificate, metadata: metadataWith(certificate.cert), scimToken }
  await end()
})
after(async () => {
  await process?.end()
  await pglite.close()
})

function metadataWith(certificate: string): string {
  const der = certificate.replaceAll(/-----[^-]+-----|\s/g, '')
  return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example/">
    <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor>
    <X509Certificate xmlns="http://www.w3.org/2000/09/xmldsig#">${der}</X509Certificate></KeyDescriptor>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/>
    </IDPSSODescriptor></EntityDescriptor>`
}

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
  'bgp_config',
  'disk',
  'volume',
  'snapshot',
  'image',
  'silo',
  'silo_group',
  'silo_group_member',
  'role_grant',
  'certificate',
  'saml_identity_provider',
]

/** Whether there was such a step, and whether the operation is there afterwards, in the process that comes next. */
interface Outcome {
  readonly wasReached: boolean
  readonly next: Process
}

/** Cuts an operation off at a step; `Infinity` lets it come to its end. */
async function cut(operation: Operation, id: string, at: number, process: Process): Promise<Outcome> {
  const { api, handler, connection, bury, end } = process
  await operation.prepare?.(api, id, handler)
  const before = await counts(TABLES)
  connection.dieAt(at)
  const result = await operation.run(api, id, handler)
  const wasReached = connection.steps > at
  const afterwards = await counts(TABLES)
  if (wasReached) await bury()
  else await end()
  const next = await startProcess()
  const isDone = await operation.isDone(next.api, id, next.handler)
  if (result.ok) assert.equal(isDone, true, `step ${at}: it was acknowledged and is gone`)
  else assert.ok(wasReached, 'nothing stopped it')
  if (!isDone) assert.deepEqual(afterwards, before, `step ${at}: something of it is left`)
  return { wasReached, next }
}

for (const [index, operation] of operations(() => world).entries()) {
  const isBrief = !IS_WHOLE && operation.isMinor === true
  const skip = isBrief && index % 2 === 1 ? 'with LODE_TEST_ALL_STEPS=1 only' : false
  test(`${operation.name}: after death at any step it is whole or not there`, { skip }, async () => {
    process ??= await startProcess()
    // Everybody asks first who asks, so even the shortest operation has this many steps.
    for (let at = IS_WHOLE ? 0 : index % 4, cuts = 0; ; at += STRIDE, cuts++) {
      const { wasReached, next } = await cut(operation, `x${index}-${at}`, at, process)
      process = next
      if (isBrief) return assert.ok(wasReached, `it has no step ${at}`)
      if (!wasReached) return assert.ok(cuts > 0, 'it has no steps')
    }
  })
}
