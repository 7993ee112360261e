/**
 * What all operations have in common: the exact body of each error, pages and their tokens, names and ids, times, versions. And that
 * whatever is not served says so.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Endpoint, type ErrorBody, MAX_PAGE_LIMIT } from '@lodestone/api'
import { NEXUS_API_VERSION, nexusApi, UNSERVED_OPERATIONS } from '@lodestone/contract-nexus'
import { z } from 'zod'
import { login, settle } from './fake-rack.fixture.ts'
import { openNexus } from './running-nexus.fixture.ts'
import { openTestStore } from './test-store.fixture.ts'
import { sampleOf } from './sample.fixture.ts'

const ID = '6c6f6465-7374-4f6e-8500-000000000001'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const GIB = 2 ** 30
const ENDPOINTS: readonly Endpoint[] = nexusApi.endpoints
/** Of a user without any role. */
let nobody: string

const { rack, store, nexus, cookie, close } = await openNexus()

before(async () => {
  await settle(rack, nexus)
  nobody = await login(nexus.handler, 'test-unprivileged')
  assert.equal((await ask('POST', '/v1/projects', { name: 'p', description: '' })).status, 201)
})

after(close)

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

interface Asked {
  readonly cookie?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  { cookie: own = cookie, headers }: Asked = {},
): Promise<Answer> {
  const sent = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  const request = new Request(`http://nexus${path}`, {
    method,
    headers: { cookie: own, ...(sent === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(sent === undefined ? {} : { body: sent }),
  })
  const response = await rack.clock.run(nexus.handler(request))
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers }
}

/** Asserts a refusal to the letter; `code` undefined: the body has none. */
function isError(answer: Answer, status: number, code: string | undefined, message: string | RegExp): void {
  const { error_code, message: told, request_id, ...rest } = answer.body as ErrorBody // because it is looked at right here
  assert.deepEqual([answer.status, error_code], [status, code], told)
  if (typeof message === 'string') assert.equal(told, message)
  else assert.match(told, message)
  assert.deepEqual(rest, {})
  assert.match(request_id, UUID)
  assert.equal(answer.headers.get('x-request-id'), request_id)
  assert.match(answer.headers.get('content-type')!, /^application\/json/)
}

/** Parts of an answer that was a success. */
function bodyOf<T>(answer: Answer, schema: z.ZodType<T>): T {
  assert.ok(answer.status < 300, JSON.stringify(answer.body))
  return schema.parse(answer.body)
}

const Page = z.object({
  items: z.array(z.object({ id: z.string(), name: z.string() })),
  next_page: z.string().nullable(),
})

test('each code has its status, its message and nothing else, whatever is asked', async () => {
  const instance = { description: '', hostname: 'h', ncpus: 1, memory: GIB }
  const make = (name: string, more: object = {}) =>
    ask('POST', '/v1/instances?project=p', { name, ...instance, start: false, ...more })
  assert.equal((await make('stopped')).status, 201)
  const running = bodyOf(await make('running', { start: true }), z.object({ id: z.string() }))
  await settle(rack, nexus)

  for (const [path, what] of [
    ['/v1/projects/nope', 'project with name "nope"'],
    [`/v1/projects/${ID}`, `project with id "${ID}"`],
    ['/v1/vpcs/nope?project=p', 'vpc with name "nope"'],
    [`/v1/vpc-subnets/${ID}`, `vpc-subnet with id "${ID}"`],
    ['/v1/instances/nope?project=p', 'instance with name "nope"'],
    ['/v1/instances/nope?project=none', 'project with name "none"'],
    ['/v1/floating-ips/nope?project=p', 'floating-ip with name "nope"'],
    ['/v1/system/ip-pools/nope', 'ip-pool with name "nope"'],
    [`/v1/system/hardware/sleds/${ID}`, `sled with id "${ID}"`],
  ]) {
    isError(await ask('GET', path!), 404, 'ObjectNotFound', `not found: ${what}`)
  }

  const lot = {
    name: 'p',
    description: '',
    kind: 'infra',
    blocks: [{ first_address: '192.0.2.0', last_address: '192.0.2.9' }],
  }
  assert.equal((await ask('POST', '/v1/system/networking/address-lot', lot)).status, 201)
  const otherLot = { ...lot, blocks: [{ first_address: '192.0.2.10', last_address: '192.0.2.19' }] }
  for (const [path, type, name, body] of [
    ['/v1/projects', 'project', 'p', { name: 'p', description: '' }],
    ['/v1/vpcs?project=p', 'vpc', 'default', { name: 'default', description: '', dns_name: 'd' }],
    ['/v1/instances?project=p', 'instance', 'stopped', { name: 'stopped', ...instance, start: false }],
    ['/v1/vpc-routers?project=p&vpc=default', 'vpc-router', 'system', { name: 'system', description: '' }],
    ['/v1/system/networking/address-lot', 'address-lot', 'p', otherLot],
  ] as const) {
    isError(await ask('POST', path, body), 400, 'ObjectAlreadyExists', `already exists: ${type} "${name}"`)
  }

  for (const path of ['/v1/me', '/v1/projects', '/v1/system/hardware/sleds', `/v1/vpcs/${ID}`]) {
    const invalid = { headers: { authorization: 'Bearer oxide-token-0000' } }
    for (const asked of [{ cookie: '' }, { cookie: 'session=0000' }, { cookie: '', ...invalid }]) {
      isError(await ask('GET', path, undefined, asked), 401, 'Unauthorized', 'credentials missing or invalid')
    }
  }
  const wrong = { username: 'test-privileged', password: 'wrong' }
  const login = await ask('POST', '/v1/login/test-suite-silo/local', wrong, { cookie: '' })
  isError(login, 401, 'Unauthorized', 'credentials missing or invalid')
  for (const path of ['/v1/projects', '/v1/system/hardware/sleds', '/v1/system/ip-pools', '/v1/system/policy']) {
    isError(await ask('GET', path, undefined, { cookie: nobody }), 403, 'Forbidden', 'Forbidden')
  }
  const unseen = await ask('GET', '/v1/projects/p', undefined, { cookie: nobody })
  isError(unseen, 404, 'ObjectNotFound', 'not found: project with name "p"')

  isError(
    await ask('DELETE', '/v1/projects/p'),
    400,
    'InvalidRequest',
    /^project .*(cannot|can not|not empty|contains)/,
  )
  const small = 'unsupported value for "memory": memory must be at least 1 GiB'
  isError(await make('small', { memory: 1 }), 400, 'InvalidValue', small)
  const reboot = await ask('POST', '/v1/instances/stopped/reboot?project=p')
  isError(reboot, 409, 'Conflict', 'instance is stopped and cannot be rebooted')
  const multicast = await make('m', { multicast_groups: ['x'] })
  isError(multicast, 501, 'NotImplemented', 'multicast groups are not implemented')

  const quota = { cpus: 0, memory: GIB, storage: GIB }
  const silo = '/v1/system/silos/test-suite-silo/quotas'
  assert.equal((await ask('PUT', silo, quota)).status, 200)
  isError(
    await make('much', { start: true }),
    507,
    'InsufficientCapacity',
    /^Insufficient capacity: the silo's quota of vCPUs/,
  )

  rack.fabric.setReachable('nexus', 'sled0', false)
  const console = await ask('GET', `/v1/instances/${running.id}/serial-console?from_start=0`)
  isError(console, 503, 'ServiceNotAvailable', 'Service Unavailable: the sled of the instance does not answer')
  rack.fabric.setReachable('nexus', 'sled0', true)
})

test('a failure of ours says nothing of what failed', async () => {
  const broken = await openTestStore(rack.clock)
  const other = rack.makeNexus({ store: broken.store })
  await other.start()
  await settle(rack, other)
  const request = new Request('http://nexus/v1/projects', { headers: { cookie: await login(other.handler) } })
  await broken.store.db.schema.dropTable('session').execute()
  const response = await rack.clock.run(other.handler(request))
  const body = (await response.json()) as ErrorBody // because it is looked at right here
  const answer = { status: response.status, body, headers: response.headers }
  isError(answer, 500, 'Internal', 'Internal Server Error')
  assert.equal(rack.errors.length, 1)
  assert.match(JSON.stringify(rack.errors.pop()), /session/, 'it is in the log')
  await rack.clock.run(other.close())
  await broken.close()
})

test('what HTTP and the parser refuse has no code', async () => {
  const project = { name: 'x', description: '' }
  const parse = (what: string): RegExp => new RegExp(`^unable to parse ${what}: `)
  isError(await ask('GET', '/v1/nothing'), 404, undefined, 'Not Found')
  isError(await ask('DELETE', '/v1/ping'), 405, undefined, 'Method Not Allowed')
  isError(
    await ask('POST', '/v1/projects', '{"name":'),
    400,
    undefined,
    /^unable to parse JSON body: .* at line 1 column \d+$/,
  )
  isError(
    await ask('POST', '/v1/projects', { name: 'x' }),
    400,
    undefined,
    /missing field `description` at line 1 column 1$/,
  )
  isError(await ask('GET', '/v1/projects?limit=none'), 400, undefined, parse('query string'))
  isError(await ask('GET', '/v1/projects?page_token=x'), 400, undefined, parse('query string'))
  isError(await ask('GET', '/v1/vpcs'), 400, undefined, parse('query string'))
  isError(await ask('GET', '/v1/projects/-'), 400, undefined, /^bad parameter in URL path: /)
  const text = { headers: { 'content-type': 'text/plain' } }
  isError(
    await ask('POST', '/v1/projects', project, text),
    400,
    undefined,
    /^expected content type "application\/json"/,
  )
  const large = `{"name":"${'x'.repeat(1 << 20)}"}`
  isError(
    await ask('POST', '/v1/projects', large),
    413,
    undefined,
    'request body exceeded maximum size of 1048576 bytes',
  )
  for (const version of ['latest', '2026081902.0.0', '9999999999.0.0']) {
    isError(
      await ask('GET', '/v1/projects', undefined, { headers: { 'api-version': version } }),
      400,
      undefined,
      /version/,
    )
  }
})

test('every operation that is not served answers 501 to those who are logged in, and 401 to others', async () => {
  assert.ok(UNSERVED_OPERATIONS.length > 50)
  for (const line of UNSERVED_OPERATIONS) {
    const [method, path, operation] = line.split(' ')
    const filled = path!.replace(/\{[^}]+\}/g, ID)
    isError(await ask(method!, filled), 501, 'NotImplemented', `operation ${operation} is not implemented`)
    isError(
      await ask(method!, filled, undefined, { cookie: '' }),
      401,
      'Unauthorized',
      'credentials missing or invalid',
    )
  }
})

test('a page has 100 items unless asked and 10 000 at most, and its token alone leads to the next', async () => {
  const { db } = store
  const { id } = await db
    .selectFrom('silo_user')
    .select('id')
    .where('external_id', '=', 'test-privileged')
    .executeTakeFirstOrThrow()
  const now = new Date(0)
  for (let chunk = 0; chunk < 10_050; chunk += 1005) {
    const rows = Array.from({ length: 1005 }, (_, i) => ({
      id: `6c6f6465-7374-4f6e-8500-${String(chunk + i).padStart(12, '0')}`,
      name: `k${String(chunk + i).padStart(5, '0')}`,
      description: '',
      user_id: id,
      public_key: 'ssh-ed25519 A',
      time_created: now,
      time_modified: now,
    }))
    await db.insertInto('ssh_key').values(rows).execute()
  }
  const list = async (search: string) => bodyOf(await ask('GET', `/v1/me/ssh-keys?${search}`), Page)
  assert.equal((await list('')).items.length, 100)
  const first = await list('limit=4000000000')
  assert.equal(first.items.length, MAX_PAGE_LIMIT)
  const second = await list(`limit=10000&page_token=${first.next_page}`)
  assert.deepEqual([second.items.length, second.next_page], [50, null])
  assert.equal(new Set([...first.items, ...second.items].map((key) => key.name)).size, 10_050)

  const backwards = await list('limit=2&sort_by=name_descending')
  assert.deepEqual(
    backwards.items.map(({ name }) => name),
    ['k10049', 'k10048'],
  )
  const next = await list(`limit=2&page_token=${backwards.next_page}&sort_by=id_ascending`)
  assert.deepEqual(
    next.items.map(({ name }) => name),
    ['k10047', 'k10046'],
    'the token knows the order',
  )
  const token = Buffer.from(backwards.next_page!, 'base64url')
  assert.ok(token.length <= 512)
  assert.equal(token.toString('base64url'), backwards.next_page, 'it is base64url')
})

test('the token of a list in something knows what the list is of', async () => {
  const subnet = { description: '', ipv4_block: '10.0.0.0/24' }
  assert.equal((await ask('POST', '/v1/vpc-subnets?project=p&vpc=default', { name: 'second', ...subnet })).status, 201)
  const first = bodyOf(await ask('GET', '/v1/vpc-subnets?project=p&vpc=default&limit=1'), Page)
  const second = bodyOf(await ask('GET', `/v1/vpc-subnets?page_token=${first.next_page}`), Page)
  assert.deepEqual(
    [...first.items, ...second.items].map(({ name }) => name),
    ['default', 'second'],
  )
  const elsewhere = bodyOf(
    await ask('GET', `/v1/vpc-subnets?project=none&vpc=none&page_token=${first.next_page}`),
    Page,
  )
  assert.deepEqual(elsewhere.items, second.items)
  isError(
    await ask('GET', `/v1/vpc-routers?page_token=${'A'.repeat(700)}`),
    400,
    undefined,
    /pagination token: too large$/,
  )
})

/** What the size of an instance is checked for goes before everything else. */
const RESIZED = {
  ncpus: 1,
  memory: GIB,
  boot_disk: null,
  auto_restart_policy: null,
  cpu_platform: null,
  enable_jumbo_frames: false,
}

const PARENTS = ['project', 'vpc', 'router', 'gateway', 'instance', 'silo'] as const

/** Operations on something that is named in the path, with the parents that its name needs. */
function* named(): Generator<readonly [endpoint: Endpoint, path: (ref: string) => string, parents: readonly string[]]> {
  for (const endpoint of ENDPOINTS) {
    const key = /\{(\w+)\}/.exec(endpoint.path)?.[1]
    const parents = PARENTS.filter((each) => endpoint.query !== undefined && each in endpoint.query.shape)
    // Metrics have names of their own, images without a project are the silo's, and of two names either may need the project.
    if (/\{.*\{/.test(endpoint.path)) continue
    if (key === undefined || key === 'metric_name' || key === 'image' || parents.length === 0) continue
    if (endpoint.params!.shape[key]!.safeParse('a-name').success === false) continue
    yield [endpoint, (ref) => endpoint.path.replace(/\{\w+\}/, ref), parents]
  }
}

test('an id stands alone, and a name needs what it is in: everywhere', async () => {
  let count = 0
  const odd: string[] = []
  for (const [{ method, operationId, body, query }, path, parents] of named()) {
    count++
    const sent = operationId === 'instance_update' ? RESIZED : body === undefined ? undefined : sampleOf(body)
    const more = query !== undefined && 'from_start' in query.shape ? 'from_start=0&' : ''
    const check = async (search: string, text: RegExp): Promise<void> => {
      const answer = await ask(method, `${path(search === '' ? 'a-name' : ID)}?${more}${search}`, sent)
      const { error_code, message } = (answer.body ?? {}) as Partial<ErrorBody> // because it is looked at right here
      if (answer.status === 400 && error_code === 'InvalidRequest' && text.test(message ?? '')) return
      odd.push(`${operationId} ${search}: ${answer.status} ${message}`)
    }
    for (const parent of parents) {
      await check(`${parent}=some`, /^when providing [a-z -]+ as an ID [a-z, ]+ should not be specified$/)
    }
    await check('', /^[a-z -]+ should either be an ID or [a-z]+ should be specified$/)
  }
  assert.deepEqual(odd, [])
  assert.ok(count > 40, `${count} operations`)
})

test('times are ISO 8601 in UTC and end with Z, under keys that say that they are times', async () => {
  const found: string[] = []
  const look = (value: unknown, key: string): void => {
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value)) {
      found.push(key)
      assert.match(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, key)
      assert.match(key, /^time_|_time$|_expiration$|^timestamp$/)
    } else if (Array.isArray(value)) value.forEach((each) => look(each, key))
    else if (typeof value === 'object' && value !== null)
      for (const [inner, each] of Object.entries(value)) look(each, inner)
  }
  for (const endpoint of ENDPOINTS) {
    if (endpoint.method !== 'GET' || endpoint.path.includes('{') || endpoint.response.status !== 200) continue
    const search = new URLSearchParams({ limit: '20', start_time: '2025-01-01T00:00:00Z' })
    for (const [key, value] of Object.entries({
      project: 'p',
      vpc: 'default',
      router: 'system',
      gateway: 'default',
      instance: 'stopped',
    })) {
      if (endpoint.query !== undefined && key in endpoint.query.shape) search.set(key, value)
    }
    const answer = await ask('GET', `${endpoint.path}?${search}`)
    if (answer.status === 200) look(answer.body, endpoint.operationId)
  }
  assert.ok(found.length > 50, `${found.length} times`)
})

test('ping needs no login, and the version header is taken anywhere', async () => {
  for (const version of [NEXUS_API_VERSION, '2026060800.0.0', '2025112000.0.0']) {
    const pong = await ask('GET', '/v1/ping', undefined, { cookie: '', headers: { 'api-version': version } })
    assert.deepEqual([pong.status, pong.body], [200, { status: 'ok' }])
    assert.match(pong.headers.get('x-request-id')!, UUID)
  }
})

test('nothing of all that was an internal error', () => {
  assert.deepEqual(rack.errors, [])
})
