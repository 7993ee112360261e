/** Who may do what outside of projects: every such operation, by every kind of caller; and whose identity providers, tokens and certificates. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { CallResult } from '@lodestone/api'
import {
  type FleetRole,
  type NexusClient,
  type NexusOperation,
  nexusApi,
  type SiloIdentityMode,
  type SiloRole,
} from '@lodestone/contract-nexus'
import { MemoryFiles, SeededRandom } from '@lodestone/host'
import { REQUIREMENTS } from './auth/authorize.ts'
import { openSession } from './auth/open-session.ts'
import { fleetRank, siloRank } from './auth/role.ts'
import { clientWith } from './fake-rack.fixture.ts'
import { openNexus, valueOf } from './running-nexus.fixture.ts'
import { readReference, referenceCheck } from './reference.fixture.ts'
import { TestIdentityProvider } from './saml/identity-provider.fixture.ts'
import { insertGroup, insertMember, insertUser } from './store/user.ts'
import { CertificateAuthority } from './tls/certificate-authority.ts'

const SILO = 'test-suite-silo'
const NOWHERE = '5f0b0000-0000-4000-8000-000000000000'
const random = new SeededRandom(21)
const reference = referenceCheck(readReference())
const siloIds = new Map<string, string>()

interface Caller {
  readonly name: string
  readonly silo: string
  readonly siloRole?: SiloRole
  readonly fleetRole?: FleetRole
  readonly headers: Readonly<Record<string, string>>
}

const { rack, store, nexus, handler, api, close } = await openNexus({ watch: reference.watch })

before(async () => {
  siloIds.set(SILO, valueOf(await api.silo_view({ params: { silo: SILO } })).id)
  await makeSilo('corp', 'saml_jit')
  await makeSilo('scim', 'saml_scim')
})

after(async () => {
  await close()
  assert.deepEqual(reference.problems, [])
})

function statusOf(result: CallResult<unknown>): number {
  if (result.ok) return 200
  assert.ok(result.kind === 'refused', result.message)
  return result.status
}

async function makeSilo(name: string, identity_mode: SiloIdentityMode): Promise<void> {
  const quotas = { cpus: 1, memory: 1, storage: 1 }
  const body = { name, description: '', discoverable: true, identity_mode, quotas, tls_certificates: [] }
  siloIds.set(name, valueOf(await api.silo_create({ body })).id)
}

/** A user with a session, whatever way users of the silo come to be. */
async function addCaller(caller: Omit<Caller, 'headers'>): Promise<Caller> {
  const silo = siloIds.get(caller.silo)!
  const now = new Date(rack.clock.wallMs())
  const id = random.uuid()
  const times = { time_created: now, time_modified: now }
  await insertUser(store.db, { id, silo_id: silo, external_id: caller.name, password_hash: null, ...times })
  const identity = { identity_type: 'silo_user' as const, identity_id: id }
  if (caller.siloRole !== undefined) {
    const params = { silo: caller.silo }
    const { role_assignments } = valueOf(await api.silo_policy_view({ params }))
    const body = { role_assignments: [...role_assignments, { ...identity, role_name: caller.siloRole }] }
    valueOf(await api.silo_policy_update({ params, body }))
  }
  if (caller.fleetRole !== undefined) {
    const { role_assignments } = valueOf(await api.system_policy_view())
    const body = { role_assignments: [...role_assignments, { ...identity, role_name: caller.fleetRole }] }
    valueOf(await api.system_policy_update({ body }))
  }
  const cookie = await openSession({ random, clock: rack.clock }, store.db, new Request('http://nexus/'), id)
  return { ...caller, headers: { cookie: cookie.split(';')[0]! } }
}

test('actor × operation: without a session nothing but what is public, and each role what it should and no more', async () => {
  const callers: Caller[] = [{ name: 'nobody', silo: '', headers: {} }]
  for (const siloRole of [undefined, 'viewer', 'limited_collaborator', 'collaborator', 'admin'] as const) {
    const role = siloRole === undefined ? {} : { siloRole }
    callers.push(await addCaller({ name: `silo-${siloRole}`, silo: 'corp', ...role }))
  }
  for (const fleetRole of ['viewer', 'collaborator', 'admin'] as const) {
    callers.push(await addCaller({ name: `fleet-${fleetRole}`, silo: 'corp', fleetRole }))
  }
  let calls = 0
  for (const { operationId, method, path } of nexusApi.endpoints) {
    // because every endpoint of nexusApi has an operation id of this union
    const requirement = REQUIREMENTS[operationId as NexusOperation]
    if (requirement.scope === 'public') continue
    // Names things that are nowhere, and says nothing in its body: what is allowed does no harm.
    const url = `http://nexus${path.replace(/\{[^}]+\}/g, NOWHERE)}`
    const hasBody = method === 'POST' || method === 'PUT'
    for (const { name, headers, siloRole, fleetRole } of callers) {
      const request = new Request(url, { method, headers, ...(hasBody ? { body: '[]' } : {}) })
      const response = await rack.clock.run(nexus.handler(request)) // some ask a switch
      calls++
      const where = `${name}: ${operationId} answered ${response.status} ${await response.text()}`
      if (name === 'nobody') {
        assert.equal(response.status, 401, where)
        continue
      }
      assert.notEqual(response.status, 401, where)
      const [has, needs] =
        requirement.scope === 'silo'
          ? [siloRank(siloRole), siloRank(requirement.role)]
          : requirement.scope === 'fleet'
            ? [fleetRank(fleetRole), fleetRank(requirement.role)]
            : [0, 0]
      if (has < needs) assert.ok(response.status === 403 || (has === 0 && response.status === 404), where)
      else if (requirement.scope === 'fleet' || requirement.scope === 'silo')
        assert.notEqual(response.status, 403, where)
    }
  }
  assert.ok(calls > 1500, `${calls} calls`)
})

test("identity providers, SCIM tokens and certificates are for the silo's admins and the fleet's", async () => {
  const idp = new TestIdentityProvider('https://idp.example/', 7)
  const data = Buffer.from(idp.metadata).toString('base64')
  const providerBody = (name: string) => ({
    name,
    description: '',
    idp_entity_id: idp.entityId,
    idp_metadata_source: { type: 'base64_encoded_xml' as const, data },
    sp_client_id: 'us',
    acs_url: 'https://scim.sys.rack.example/login/scim/saml/x',
    slo_url: 'https://scim.sys.rack.example/login/scim/saml/x',
    technical_contact_email: 'x@rack.example',
  })
  const authority = await CertificateAuthority.open(new MemoryFiles(), rack.clock, random)
  const identity = await authority.identityFor([{ type: 'dns', value: 'any.example' }])
  const certificateBody = (name: string) => ({ name, description: '', ...identity, service: 'external_api' as const })

  const query = { silo: 'scim' }
  const provider = valueOf(await api.saml_identity_provider_create({ query, body: providerBody('there') }))
  const token = valueOf(await api.scim_token_create({ query }))
  let count = 0
  const calls: Record<string, (client: NexusClient) => Promise<CallResult<unknown>>> = {
    silo_identity_provider_list: (c) => c.silo_identity_provider_list({ query }),
    saml_identity_provider_create: (c) => c.saml_identity_provider_create({ query, body: providerBody(`p${count++}`) }),
    saml_identity_provider_view: (c) => c.saml_identity_provider_view({ params: { provider: provider.id } }),
    scim_token_list: (c) => c.scim_token_list({ query }),
    scim_token_create: (c) => c.scim_token_create({ query }),
    scim_token_view: (c) => c.scim_token_view({ params: { token_id: token.id }, query }),
    scim_token_delete: async (c) => {
      const { id } = valueOf(await api.scim_token_create({ query }))
      return c.scim_token_delete({ params: { token_id: id }, query })
    },
  }
  /** Of the caller's own silo. */
  const ownCalls: Record<string, (client: NexusClient) => Promise<CallResult<unknown>>> = {
    certificate_list: (c) => c.certificate_list(),
    certificate_create: (c) => c.certificate_create({ body: certificateBody(`c${count++}`) }),
    certificate_view: (c) => c.certificate_view({ params: { certificate: 'none' } }),
    certificate_delete: (c) => c.certificate_delete({ params: { certificate: 'none' } }),
  }
  const walk: readonly [caller: Caller, onSilo: number, onOwn: number][] = [
    [await addCaller({ name: 'member', silo: 'scim' }), 403, 403],
    [await addCaller({ name: 'viewer', silo: 'scim', siloRole: 'viewer' }), 403, 403],
    [await addCaller({ name: 'collaborator', silo: 'scim', siloRole: 'collaborator' }), 403, 403],
    [await addCaller({ name: 'admin', silo: 'scim', siloRole: 'admin' }), 200, 200],
    [await addCaller({ name: 'stranger', silo: 'corp', siloRole: 'admin' }), 404, 200],
    [await addCaller({ name: 'reader of the fleet', silo: 'corp', fleetRole: 'viewer' }), 403, 403],
    [await addCaller({ name: 'head of the fleet', silo: 'corp', fleetRole: 'admin' }), 200, 200],
  ]
  for (const [{ name, headers }, onSilo, onOwn] of walk) {
    const client = clientWith(handler, headers)
    for (const [operation, call] of Object.entries(calls)) {
      assert.equal(statusOf(await call(client)), onSilo, `${name}: ${operation}`)
    }
    for (const [operation, call] of Object.entries(ownCalls)) {
      const status = statusOf(await call(client))
      const isThere = operation === 'certificate_list' || operation === 'certificate_create'
      assert.equal(status, onOwn === 200 && !isThere ? 404 : onOwn, `${name}: ${operation}`)
    }
  }
  const stranger = clientWith(handler, walk[4]![0].headers)
  const unknown = await stranger.silo_identity_provider_list({ query: { silo: 'no-such-silo' } })
  const hidden = await stranger.silo_identity_provider_list({ query })
  const told = (result: CallResult<unknown>): string => (result.ok ? '' : result.message.replace(/".*"/, ''))
  assert.equal(told(hidden), told(unknown), 'a silo of others looks like none')
})

test('a group can have a role on the fleet, which its members have for as long as it has it', async () => {
  const { db } = store
  const now = new Date(rack.clock.wallMs())
  const group = { id: random.uuid(), silo_id: siloIds.get('corp')!, external_id: 'operators' }
  await insertGroup(db, { ...group, time_created: now, time_modified: now })
  const caller = await addCaller({ name: 'operator', silo: 'corp' })
  const client = clientWith(handler, caller.headers)
  await insertMember(db, group.id, valueOf(await client.current_user_view()).id)
  assert.equal(statusOf(await client.sled_list()), 403)
  const before = valueOf(await api.system_policy_view()).role_assignments
  const grant = { identity_type: 'silo_group' as const, identity_id: group.id, role_name: 'viewer' as const }
  valueOf(await api.system_policy_update({ body: { role_assignments: [...before, grant] } }))
  assert.equal(statusOf(await client.sled_list()), 200)
  assert.equal(valueOf(await client.current_user_view()).fleet_viewer, true)
  valueOf(await api.system_policy_update({ body: { role_assignments: before } }))
  assert.equal(statusOf(await client.sled_list()), 403)
})

test('a device is confirmed by one user and gives one token, however many ask at once', async () => {
  const client_id = random.uuid()
  const anonymous = clientWith(handler, {})
  const { user_code, device_code } = valueOf(await anonymous.device_auth_request({ body: { client_id } }))
  const callers = [await addCaller({ name: 'first', silo: 'corp' }), await addCaller({ name: 'second', silo: 'corp' })]
  const [first, second] = callers.map(({ headers }) => clientWith(handler, headers))
  valueOf(await first!.device_auth_confirm({ body: { user_code } }))
  assert.equal(statusOf(await second!.device_auth_confirm({ body: { user_code } })), 400)
  const body = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code, client_id }
  const other = await anonymous.device_access_token({ body: { ...body, client_id: random.uuid() } })
  assert.equal(statusOf(other), 400, 'another client cannot fetch it')
  const answers = await Promise.all([1, 2, 3].map(() => anonymous.device_access_token({ body })))
  assert.deepEqual(answers.map(statusOf).toSorted(), [200, 400, 400])
  assert.equal(valueOf(await first!.current_user_access_token_list()).items.length, 1)
  assert.equal(valueOf(await second!.current_user_access_token_list()).items.length, 0)
})

test('authorizations of devices that nobody fetched do not pile up', async () => {
  const anonymous = clientWith(handler, {})
  const { user_code } = valueOf(await anonymous.device_auth_request({ body: { client_id: random.uuid() } }))
  const longAgo = { time_expires: new Date(rack.clock.wallMs() - 3_600_000) }
  await store.db.updateTable('device_auth').set(longAgo).where('user_code', '=', user_code).execute()
  assert.equal(statusOf(await api.device_auth_confirm({ body: { user_code } })), 400, 'it has expired')
  valueOf(await anonymous.device_auth_request({ body: { client_id: random.uuid() } }))
  const left = await store.db.selectFrom('device_auth').selectAll().where('user_code', '=', user_code).execute()
  assert.deepEqual(left, [])
})
