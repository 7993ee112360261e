import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { CallResult, FetchLike } from '@lodestone/api'
import {
  NEXUS_API_VERSION,
  type NexusClient,
  type NexusOperation,
  nexusApi,
  UNSERVED_OPERATIONS,
} from '@lodestone/contract-nexus'
import { authenticate } from './auth/authenticate.ts'
import { REQUIREMENTS } from './auth/authorize.ts'
import { clientWith, type FakeRack, login, makeFakeRack } from './fake-rack.fixture.ts'
import type { Nexus } from './nexus.ts'
import { REFERENCE_MISSING, REFERENCE_URL, referenceCheck, referenceOperations } from './reference.fixture.ts'
import { insertSession } from './store/session.ts'
import type { Store } from './store/store.ts'
import { valueOf } from './running-nexus.fixture.ts'
import { openTestStore, type TestStore } from './test-store.fixture.ts'

const GIB = 2 ** 30
const ID = '6c6f6465-7374-4f6e-8500-000000000001'
const referenceText = existsSync(REFERENCE_URL) ? readFileSync(REFERENCE_URL, 'utf8') : undefined
const skip = referenceText === undefined ? REFERENCE_MISSING : false
const reference = referenceCheck(referenceText)
let rack: FakeRack
let opened: TestStore
let store: Store
let nexus: Nexus
let handler: FetchLike
let cookie: string
let api: NexusClient

before(async () => {
  rack = await makeFakeRack(1)
  opened = await openTestStore(rack.clock)
  store = opened.store
  nexus = rack.makeNexus({ store })
  const early = await nexus.handler(new Request('http://nexus/v1/ping'))
  assert.equal(early.status, 503)
  await nexus.start()
  handler = reference.watch(nexus.handler)
  cookie = await login(handler)
  api = clientWith(handler, { cookie })
})

after(async () => {
  await rack.clock.run(nexus.close())
  await opened.close()
})

/** Asserts a refusal and returns its message. */
function refusal(result: CallResult<unknown>, status: number, errorCode?: string): string {
  assert.ok(!result.ok && result.kind === 'refused', JSON.stringify(result))
  assert.equal(result.status, status, result.message)
  assert.equal(result.errorCode, errorCode)
  return result.message
}

async function raw(method: string, path: string, body?: string, headers: object = {}): Promise<[number, string]> {
  const request = new Request(`http://nexus${path}`, {
    method,
    headers: { cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  })
  const response = await handler(request)
  const text = await response.text()
  return [response.status, text === '' ? '' : ((JSON.parse(text) as { message?: string }).message ?? '')]
}

test('logs in by password, and tells nobody whether the user or the password was wrong', async () => {
  const anonymous = clientWith(handler, {})
  for (const [username, password, silo_name] of [
    ['test-privileged', 'wrong', 'test-suite-silo'],
    ['nobody', 'oxide', 'test-suite-silo'],
    ['test-privileged', 'oxide', 'elsewhere'],
  ] as const) {
    const result = await anonymous.login_local({ params: { silo_name }, body: { username, password } })
    assert.equal(refusal(result, 401, 'Unauthorized'), 'credentials missing or invalid')
  }
  const me = valueOf(await api.current_user_view())
  assert.deepEqual(
    { ...me, id: '', silo_id: '' },
    {
      id: '',
      display_name: 'test-privileged',
      silo_id: '',
      silo_name: 'test-suite-silo',
      fleet_viewer: true,
      silo_admin: true,
      time_created: '2026-01-01T00:00:00.000Z',
      time_modified: '2026-01-01T00:00:00.000Z',
    },
  )
  assert.deepEqual(valueOf(await api.current_user_groups()).items, [])
  assert.match(cookie, /^session=[0-9a-f]{40}$/)
})

test('a session ends by logout, after eight idle hours, and after a day in any case', async () => {
  const first = await login(handler)
  const mine = clientWith(handler, { cookie: first })
  valueOf(await mine.current_user_view())
  const bye = await mine.logout()
  assert.ok(bye.ok)
  assert.match(bye.headers.get('set-cookie')!, /session=;.*Max-Age=0/)
  refusal(await mine.current_user_view(), 401, 'Unauthorized')

  const start = rack.clock.wallMs()
  const at = (hours: number): Date => new Date(start + hours * 3_600_000)
  const idle = new Headers({ cookie: await login(handler) })
  const busy = new Headers({ cookie: await login(handler) })
  for (const hours of [7, 9, 16, 23]) assert.ok(await authenticate(store.db, busy, at(hours)), `after ${hours} hours`)
  assert.equal(await authenticate(store.db, idle, at(9)), undefined)
  assert.equal(await authenticate(store.db, busy, at(25)), undefined)
})

test('a login clears away sessions that have been idle for too long', async () => {
  const { id: user_id } = valueOf(await api.current_user_view())
  const time = new Date(rack.clock.wallMs() - 9 * 3_600_000)
  const stale = { id: ID, token_hash: 'stale', user_id, time_created: time, time_last_used: time }
  await insertSession(store.db, stale)
  await login(handler)
  const left = await store.db.selectFrom('session').select('token_hash').execute()
  assert.ok(left.length > 0)
  assert.ok(left.every((row) => row.token_hash !== 'stale'))
})

test('the device flow gives a token that works as a bearer and can be revoked', async () => {
  const anonymous = clientWith(handler, {})
  const started = valueOf(await anonymous.device_auth_request({ body: { client_id: ID } }))
  assert.match(started.user_code, /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/)
  assert.equal(started.verification_uri, 'http://nexus/device/verify')
  const grant = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: started.device_code,
    client_id: ID,
  }
  const pending = await anonymous.device_access_token({ body: grant })
  assert.ok(!pending.ok && pending.kind === 'refused')
  assert.equal(pending.message, '{"error":"authorization_pending"}')
  refusal(await anonymous.device_auth_confirm({ body: { user_code: started.user_code } }), 401, 'Unauthorized')
  valueOf(await api.device_auth_confirm({ body: { user_code: started.user_code } }))
  const token = valueOf(await anonymous.device_access_token({ body: grant }))
  assert.match(token.access_token, /^oxide-token-[0-9a-f]{40}$/)
  const bearer = clientWith(handler, { authorization: `Bearer ${token.access_token}` })
  valueOf(await bearer.project_list())
  const again = await anonymous.device_access_token({ body: grant })
  assert.ok(!again.ok, 'a device code is good for one token')
  const tokens = valueOf(await api.current_user_access_token_list()).items
  assert.deepEqual(
    tokens.map((row) => row.id),
    [token.token_id],
  )
  valueOf(await api.current_user_access_token_delete({ params: { token_id: token.token_id } }))
  refusal(await bearer.project_list(), 401, 'Unauthorized')
})

test('every operation that is not public refuses an anonymous caller, before it reads the body', async () => {
  for (const { operationId, method, path } of nexusApi.endpoints) {
    const scope = REQUIREMENTS[operationId as NexusOperation].scope
    const url = `http://nexus${path.replace(/\{[^}]+\}/g, 'x')}`
    const response = await handler(new Request(url, { method, ...(method === 'POST' ? { body: '{' } : {}) }))
    if (scope === 'public') assert.notEqual(response.status, 401, operationId)
    else assert.equal(response.status, 401, operationId)
  }
})

test('a user without roles sees nothing of the silo and nothing of the fleet', async () => {
  const nobody = clientWith(handler, { cookie: await login(handler, 'test-unprivileged') })
  assert.equal(valueOf(await nobody.current_user_view()).fleet_viewer, false)
  valueOf(await nobody.current_user_ssh_key_list())
  refusal(await nobody.project_list(), 403, 'Forbidden')
  refusal(await nobody.project_create({ body: { name: 'mine', description: '' } }), 403, 'Forbidden')
  refusal(await nobody.system_ip_pool_list(), 403, 'Forbidden')
  const hidden = await nobody.project_view({ params: { project: 'secret' } })
  assert.equal(refusal(hidden, 404, 'ObjectNotFound'), 'not found: project with name "secret"')
  const unserved = await handler(new Request('http://nexus/v1/disks'))
  assert.equal(unserved.status, 401)
})

test('names and ids: exact errors', async () => {
  const project = valueOf(await api.project_create({ body: { name: 'names', description: 'd' } }))
  const twice = await api.project_create({ body: { name: 'names', description: '' } })
  assert.equal(refusal(twice, 400, 'ObjectAlreadyExists'), 'already exists: project "names"')
  const missing = await api.project_view({ params: { project: 'nope' } })
  assert.equal(refusal(missing, 404, 'ObjectNotFound'), 'not found: project with name "nope"')
  const missingId = await api.vpc_view({ params: { vpc: ID } })
  assert.equal(refusal(missingId, 404, 'ObjectNotFound'), `not found: vpc with id "${ID}"`)
  assert.equal(valueOf(await api.project_view({ params: { project: project.id } })).name, 'names')
  const vpc = valueOf(await api.vpc_view({ params: { vpc: 'default' }, query: { project: 'names' } }))
  const both = await api.vpc_view({ params: { vpc: vpc.id }, query: { project: 'names' } })
  assert.equal(refusal(both, 400, 'InvalidRequest'), 'when providing vpc as an ID project should not be specified')
  const neither = await api.vpc_view({ params: { vpc: 'default' } })
  assert.equal(refusal(neither, 400, 'InvalidRequest'), 'vpc should either be an ID or project should be specified')
  const renamed = valueOf(await api.project_update({ params: { project: 'names' }, body: { name: 'named' } }))
  assert.equal(renamed.description, 'd')
  assert.equal(renamed.id, project.id)
})

test('malformed input is 400 and names the field', async () => {
  const cases: [string, string, string, RegExp][] = [
    ['POST', '/v1/projects', '{"name": "x"}', /missing field `description` at line 1 column 1/],
    ['POST', '/v1/projects', '{"name": "Bad_Name", "description": ""}', /name: .*lower case/],
    ['POST', '/v1/projects', '{"name": 1, "description": ""}', /name: expected string/],
    ['POST', '/v1/projects', '{"name": "x",', /unable to parse JSON body: .* at line 1 column 14/],
    ['POST', '/v1/instances?project=p', '{"name":"x","description":"","hostname":"h","ncpus":"2"}', /ncpus: /],
    ['POST', '/v1/instances', '{}', /query string: missing field `project`/],
    ['PUT', '/v1/vpc-firewall-rules?vpc=v', '{"rules":[{"name":"r"}]}', /rules\[0\]: missing field `description`/],
    ['POST', '/v1/system/ip-pools/p/ranges/add', '{"first":"10.0.0.1","last":"fd00::1"}', /last: invalid IPv4 address/],
    ['GET', '/v1/projects?limit=0', '', /limit/],
    ['GET', '/v1/projects?sort_by=color', '', /sort_by/],
    ['GET', '/v1/projects?page_token=zzz', '', /pagination token/],
  ]
  for (const [method, path, body, expected] of cases) {
    const [status, message] = await raw(method, path, body === '' ? undefined : body)
    assert.equal(status, 400, `${path} ${message}`)
    assert.match(message, expected)
  }
})

test('api-version: ours and older are served, newer and nonsense are refused', async () => {
  for (const [version, status] of [
    [NEXUS_API_VERSION, 200],
    ['2026060800.0.0', 200],
    ['2026081902.0.0', 400],
    ['latest', 400],
  ] as const) {
    assert.equal((await raw('GET', '/v1/projects', undefined, { 'api-version': version }))[0], status, version)
  }
})

test('lists are sorted and paged by name and by id, in both directions', async () => {
  for (const name of ['p-a', 'p-b', 'p-c']) valueOf(await api.project_create({ body: { name, description: '' } }))
  for (const sort_by of ['name_ascending', 'name_descending', 'id_ascending'] as const) {
    const whole = valueOf(await api.project_list({ query: { sort_by } }))
    assert.equal(whole.next_page, null)
    const seen: string[] = []
    let page_token: string | undefined
    do {
      const page = valueOf(await api.project_list({ query: { limit: 2, sort_by, page_token } }))
      seen.push(...page.items.map((project) => project.id))
      page_token = page.next_page ?? undefined
    } while (page_token !== undefined)
    assert.deepEqual(
      seen,
      whole.items.map((project) => project.id),
    )
    const keys = whole.items.map((project) => (sort_by === 'id_ascending' ? project.id : project.name))
    const sorted = [...keys].sort()
    assert.deepEqual(keys, sort_by === 'name_descending' ? sorted.reverse() : sorted)
  }
})

test('a new project has a VPC with a subnet and three firewall rules', async () => {
  valueOf(await api.project_create({ body: { name: 'fresh', description: '' } }))
  const query = { project: 'fresh', vpc: 'default' }
  const [vpc] = valueOf(await api.vpc_list({ query: { project: 'fresh' } })).items
  assert.match(vpc!.ipv6_prefix, /^fd[0-9a-f:]+::\/48$/)
  const [subnet] = valueOf(await api.vpc_subnet_list({ query })).items
  assert.equal(subnet!.ipv4_block, '172.30.0.0/22')
  assert.equal(subnet!.ipv6_block, vpc!.ipv6_prefix.replace('/48', '/64'))
  const { rules } = valueOf(await api.vpc_firewall_rules_view({ query }))
  assert.deepEqual(
    rules.map(({ name, priority, action }) => ({ name, priority, action })),
    ['allow-internal-inbound', 'allow-ssh', 'allow-icmp'].map((name) => ({ name, priority: 65_534, action: 'allow' })),
  )
  const twice = [rules[0]!, rules[0]!]
  refusal(await api.vpc_firewall_rules_update({ query, body: { rules: twice } }), 400, 'InvalidRequest')
  const kept = valueOf(await api.vpc_firewall_rules_update({ query, body: { rules: [rules[1]!] } }))
  assert.equal(kept.rules[0]?.id, rules[1]!.id, 'a rule keeps its id for as long as it keeps its name')
  const full = await api.project_delete({ params: { project: 'fresh' } })
  assert.match(refusal(full, 400, 'InvalidRequest'), /contains a vpc: default/)
  const stillThere = await api.vpc_delete({ params: { vpc: vpc!.id } })
  assert.equal(refusal(stillThere, 400, 'InvalidRequest'), 'VPC cannot be deleted while VPC Subnets exist')
  valueOf(await api.vpc_subnet_delete({ params: { subnet: 'default' }, query }))
  valueOf(await api.vpc_update({ params: { vpc: vpc!.id }, body: { name: 'gone', description: 'soon' } }))
  valueOf(await api.vpc_delete({ params: { vpc: vpc!.id } }))
  valueOf(await api.project_delete({ params: { project: 'fresh' } }))
})

test('subnets must be private, neither too large nor too small, and must not overlap', async () => {
  valueOf(await api.project_create({ body: { name: 'nets', description: '' } }))
  const query = { project: 'nets', vpc: 'default' }
  const create = (name: string, ipv4_block: string, ipv6_block?: string) =>
    api.vpc_subnet_create({ query, body: { name, description: '', ipv4_block, ipv6_block } })
  for (const block of ['8.8.8.0/24', '10.0.0.0/27', '10.0.0.1/24', '172.30.2.0/24']) {
    refusal(await create('bad', block), 400, 'InvalidRequest')
  }
  refusal(await create('bad', '10.0.0.0/24', 'fd00:1::/64'), 400, 'InvalidRequest')
  const subnet = valueOf(await create('app', '10.1.0.0/24'))
  assert.match(subnet.ipv6_block, /:1::\/64$/)
  valueOf(await api.vpc_subnet_view({ params: { subnet: subnet.id } }))
  refusal(await create('app', '10.2.0.0/24'), 400, 'ObjectAlreadyExists')
  const nics = valueOf(await api.vpc_subnet_list_network_interfaces({ params: { subnet: subnet.id } }))
  assert.deepEqual(nics.items, [])
})

test('instances: limits, names, and what is not there', async () => {
  valueOf(await api.project_create({ body: { name: 'inst', description: '' } }))
  const query = { project: 'inst' }
  const good = { name: 'a', description: '', hostname: 'a', ncpus: 2, memory: GIB, start: false }
  const bad = async (change: object): Promise<CallResult<unknown>> =>
    api.instance_create({ query, body: { ...good, ...change } })
  assert.equal(
    refusal(await bad({ memory: GIB / 2 }), 400, 'InvalidValue'),
    'unsupported value for "memory": memory must be at least 1 GiB',
  )
  refusal(await bad({ memory: GIB + 1 }), 400, 'InvalidValue')
  refusal(await bad({ ncpus: 255 }), 400, 'InvalidValue')
  refusal(await bad({ disks: [{ type: 'attach', name: 'd' }] }), 404, 'ObjectNotFound')
  refusal(await bad({ user_data: Buffer.alloc(33_000).toString('base64') }), 400, 'InvalidRequest')
  refusal(await bad({ external_ips: [{ type: 'ephemeral' }] }), 404, 'ObjectNotFound')
  refusal(await bad({ ssh_public_keys: ['nope'] }), 404, 'ObjectNotFound')
  const nic = { name: 'n', description: '', vpc_name: 'default', subnet_name: 'default' }
  const explicit = (value: string): object => ({
    network_interfaces: {
      type: 'create',
      params: [{ ...nic, ip_config: { type: 'v4', value: { ip: { type: 'explicit', value } } } }],
    },
  })
  refusal(await bad(explicit('172.30.0.4')), 400, 'InvalidRequest')
  refusal(await bad(explicit('10.0.0.9')), 400, 'InvalidRequest')
  valueOf(await api.current_user_ssh_key_create({ body: { name: 'k', description: '', public_key: 'ssh-ed25519 A' } }))
  const instance = valueOf(await api.instance_create({ query, body: { ...good, ...explicit('172.30.0.9') } }))
  assert.equal(instance.run_state, 'stopped')
  refusal(await bad({}), 400, 'ObjectAlreadyExists')
  refusal(await bad({ name: 'b', ...explicit('172.30.0.9') }), 400, 'InvalidRequest')
  const params = { instance: instance.id }
  const [key] = valueOf(await api.instance_ssh_public_key_list({ params })).items
  assert.equal(key?.name, 'k')
  assert.deepEqual(valueOf(await api.instance_disk_list({ params })).items, [])
  assert.deepEqual(valueOf(await api.instance_anti_affinity_group_list({ params })).items, [])
  assert.deepEqual(valueOf(await api.instance_external_subnet_list({ params })).items, [])
  assert.deepEqual(valueOf(await api.instance_external_ip_list({ params })).items, [])
  const [onlyNic] = valueOf(await api.instance_network_interface_list({ query: { instance: instance.id } })).items
  valueOf(await api.instance_network_interface_view({ params: { interface: onlyNic!.id } }))
  const change = {
    ncpus: 4,
    memory: 2 * GIB,
    boot_disk: null,
    auto_restart_policy: 'never' as const,
    cpu_platform: null,
    enable_jumbo_frames: false,
  }
  assert.equal(valueOf(await api.instance_update({ params, body: change })).ncpus, 4)
  refusal(await api.instance_serial_console({ params, query: { from_start: 0 } }), 400, 'InvalidRequest')
  refusal(await api.instance_reboot({ params }), 409, 'Conflict')
  assert.equal(valueOf(await api.instance_stop({ params })).run_state, 'stopped', 'stopping twice is no error')
  assert.equal(valueOf(await api.instance_list({ query })).items.length, 1)
  valueOf(await api.instance_delete({ params }))
  valueOf(await api.current_user_ssh_key_view({ params: { ssh_key: 'k' } }))
  valueOf(await api.current_user_ssh_key_delete({ params: { ssh_key: 'k' } }))
})

test('IP pools: ranges, links, defaults and what protects them', async () => {
  const pool = valueOf(await api.system_ip_pool_create({ body: { name: 'pool', description: '' } }))
  const params = { pool: 'pool' }
  const first = { first: '203.0.113.10', last: '203.0.113.19' }
  valueOf(await api.system_ip_pool_range_add({ params, body: first }))
  const overlap = { first: '203.0.113.19', last: '203.0.113.30' }
  assert.match(
    refusal(await api.system_ip_pool_range_add({ params, body: overlap }), 400, 'InvalidRequest'),
    /overlaps/,
  )
  const six = { first: 'fd00::1', last: 'fd00::2' }
  refusal(await api.system_ip_pool_range_add({ params, body: six }), 400, 'InvalidRequest')
  const backwards = { first: '203.0.113.9', last: '203.0.113.1' }
  refusal(await api.system_ip_pool_range_add({ params, body: backwards }), 400, 'InvalidRequest')
  assert.equal(valueOf(await api.system_ip_pool_range_list({ params })).items.length, 1)
  refusal(await api.system_ip_pool_delete({ params }), 400, 'InvalidRequest')
  refusal(await api.ip_pool_view({ params }), 404, 'ObjectNotFound')
  const silo = 'test-suite-silo'
  valueOf(await api.system_ip_pool_silo_link({ params, body: { silo, is_default: true } }))
  assert.equal(valueOf(await api.ip_pool_view({ params })).is_default, true)
  valueOf(await api.system_ip_pool_create({ body: { name: 'other', description: '' } }))
  const second = { params: { pool: 'other' }, body: { silo, is_default: true } }
  assert.match(refusal(await api.system_ip_pool_silo_link(second), 400, 'InvalidRequest'), /already has a default/)
  valueOf(await api.system_ip_pool_silo_link({ ...second, body: { silo, is_default: false } }))
  assert.equal(valueOf(await api.ip_pool_list()).items.length, 2)
  assert.equal(valueOf(await api.system_ip_pool_silo_list({ params })).items.length, 1)

  valueOf(await api.project_create({ body: { name: 'pools', description: '' } }))
  const explicit = { address_allocator: { type: 'explicit' as const, ip: '203.0.113.15' } }
  const body = { name: 'fip', description: '', ...explicit }
  const floating = valueOf(await api.floating_ip_create({ query: { project: 'pools' }, body }))
  assert.equal(floating.ip_pool_id, pool.id)
  const taken = await api.floating_ip_create({ query: { project: 'pools' }, body: { ...body, name: 'fip2' } })
  assert.match(refusal(taken, 400, 'InvalidRequest'), /already in use/)
  refusal(await api.system_ip_pool_range_remove({ params, body: first }), 400, 'InvalidRequest')
  refusal(await api.system_ip_pool_silo_unlink({ params: { ...params, silo } }), 400, 'InvalidRequest')
  valueOf(await api.floating_ip_update({ params: { floating_ip: floating.id }, body: { name: 'fip3' } }))
  assert.equal(valueOf(await api.floating_ip_list({ query: { project: 'pools' } })).items[0]?.name, 'fip3')
  valueOf(await api.floating_ip_view({ params: { floating_ip: 'fip3' }, query: { project: 'pools' } }))
  valueOf(await api.floating_ip_delete({ params: { floating_ip: floating.id } }))
  valueOf(await api.system_ip_pool_silo_update({ params: { ...params, silo }, body: { is_default: false } }))
  valueOf(await api.system_ip_pool_silo_unlink({ params: { ...params, silo } }))
  valueOf(await api.system_ip_pool_range_remove({ params, body: first }))
  valueOf(await api.system_ip_pool_update({ params, body: { description: 'empty' } }))
  assert.equal(valueOf(await api.system_ip_pool_list()).items.length, 2)
  valueOf(await api.system_ip_pool_view({ params }))
  assert.deepEqual(valueOf(await api.system_ip_pool_utilization_view({ params })), { capacity: 0, remaining: 0 })
  valueOf(await api.system_ip_pool_delete({ params }))
})

test('the sleds of the inventory are listed', async () => {
  const [sled] = valueOf(await api.sled_list()).items
  assert.equal(sled?.baseboard.serial, 'LDS10000000')
  valueOf(await api.sled_view({ params: { sled_id: sled.id } }))
  assert.deepEqual(valueOf(await api.sled_instance_list({ params: { sled_id: sled.id } })).items, [])
  refusal(await api.sled_view({ params: { sled_id: ID } }), 404, 'ObjectNotFound')
})

test('what is not served answers 501, what does not exist 404, wrong methods 405', async () => {
  assert.deepEqual(await raw('GET', '/v1/alerts'), [501, 'operation alert_list is not implemented'])
  assert.equal((await raw('GET', '/v1/nothing'))[0], 404)
  assert.equal((await raw('DELETE', '/v1/ping'))[0], 405)
  assert.equal((await raw('GET', '/v1/ping'))[0], 200)
})

test('no request ended in an internal error', () => {
  assert.deepEqual(rack.errors, [])
})

test('served and unserved operations together are the published interface', { skip }, () => {
  const served = nexusApi.endpoints.map((e) => `${e.method} ${e.path} ${e.operationId}`)
  assert.deepEqual([...served, ...UNSERVED_OPERATIONS].sort(), referenceOperations(referenceText!).sort())
})

test('every response fits the published interface', { skip }, () => {
  assert.deepEqual(reference.problems, [])
  assert.ok(reference.checked.size >= 70, `${reference.checked.size} operations were compared`)
})
