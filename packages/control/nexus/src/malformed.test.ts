/**
 * Every served operation, told something wrong in every way there is: what comes back is an error of the interface's own form that says what
 * is wrong, and never a failure of the server.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Endpoint, ErrorBody } from '@lodestone/api'
import { nexusApi } from '@lodestone/contract-nexus'
import { z } from 'zod'
import { openNexus } from './running-nexus.fixture.ts'
import { sampleOf } from './sample.fixture.ts'

const ID = '6c6f6465-7374-4f6e-8500-000000000001'
const MIB = 1 << 20
const ENDPOINTS: readonly Endpoint[] = nexusApi.endpoints
type Fields = Readonly<Record<string, unknown>>

const { rack, nexus, cookie, close } = await openNexus()

after(close)

interface Answer {
  readonly status: number
  readonly error: ErrorBody | undefined
}

/** Checks the form of every answer on the way. */
async function ask(
  method: string,
  path: string,
  body?: string | Uint8Array<ArrayBuffer>,
  type?: string,
): Promise<Answer> {
  const headers = { cookie, ...(body === undefined ? {} : { 'content-type': type ?? 'application/json' }) }
  const init = { method, headers, ...(body === undefined ? {} : { body }) }
  const response = await rack.clock.run(nexus.handler(new Request(`http://nexus${path}`, init)))
  const { status } = response
  assert.ok(
    status < 500 || status === 501 || status === 503 || status === 507,
    `${method} ${path}: ${status} ${String(body)}`,
  )
  const isJson = response.headers.get('content-type')?.includes('json') === true
  const text = await response.text()
  if (status < 400 || !isJson) return { status, error: undefined }
  const json: unknown = JSON.parse(text)
  // RFC 8628's own errors have a form of their own.
  if (path.startsWith('/device/token')) return { status, error: undefined }
  const error = z
    .strictObject({ error_code: z.string().optional(), message: z.string(), request_id: z.string() })
    .parse(json)
  assert.equal(response.headers.get('x-request-id'), error.request_id)
  // because the schema is that of the contract without its metadata
  return { status, error: error as ErrorBody }
}

/** Parameters of paths that are neither names nor ids. */
const FILLED: Readonly<Record<string, string>> = {
  subnet_mask: '32',
  switch_slot: 'switch0',
  metric_name: 'cpus_provisioned',
}

/** With names that do not exist in every place of the path, and what the query demands. */
function pathOf({ path, query }: { readonly path: string; readonly query?: z.ZodObject }, name = 'nobody'): string {
  const filled = path.replace(/\{([^}]+)\}/g, (_, key: string) => {
    return FILLED[key] ?? (key.endsWith('_id') ? ID : name)
  })
  const project = query !== undefined && 'project' in query.shape ? { project: 'nobody' } : {}
  const fields: Fields = query === undefined ? {} : { ...project, ...(sampleOf(query) as Fields) }
  const search = new URLSearchParams(Object.entries(fields).map(([key, value]) => [key, String(value)])).toString()
  return search === '' ? filled : `${filled}?${search}`
}

/** Those that take a JSON object, with one that they take. Those with a form of bodies of their own are in other tests. */
function* withBodies(): Generator<readonly [endpoint: Endpoint, fields: Fields, schema: z.ZodType]> {
  for (const endpoint of ENDPOINTS) {
    if (endpoint.body === undefined || endpoint.bodyEncoding === 'form') continue
    const value = sampleOf(endpoint.body)
    if (typeof value === 'object' && value !== null) yield [endpoint, value as Fields, endpoint.body]
  }
}

test('the samples that the others spoil are taken for what they are', async () => {
  let count = 0
  for (const [endpoint, fields] of withBodies()) {
    count++
    // Taking these would take everything away from whoever asks.
    if (endpoint.operationId.endsWith('policy_update')) continue
    const { status, error } = await ask(endpoint.method, pathOf(endpoint), JSON.stringify(fields))
    assert.ok(!/unable to parse/.test(error?.message ?? ''), `${endpoint.operationId}: ${status} ${error?.message}`)
  }
  const all = ENDPOINTS.filter((each) => each.body !== undefined && each.bodyEncoding !== 'form')
  assert.ok(count >= all.length - 3, `${count} of ${all.length} operations with a body`)
})

test('a field that is missing is named', async () => {
  for (const [endpoint, fields] of withBodies()) {
    for (const key of Object.keys(fields)) {
      const { [key]: _, ...rest } = fields
      const { status, error } = await ask(endpoint.method, pathOf(endpoint), JSON.stringify(rest))
      assert.equal(status, 400, `${endpoint.operationId} without ${key}: ${error?.message}`)
      assert.match(error!.message, /^unable to parse JSON body: .* at line \d+ column \d+$/, endpoint.operationId)
      assert.equal(error!.error_code, undefined, 'what cannot be parsed has no code')
    }
  }
})

test('a field of the wrong type is named, and a field that nobody knows is ignored', async () => {
  for (const [endpoint, fields, schema] of withBodies()) {
    for (const key of Object.keys(fields)) {
      for (const wrong of [{ nobody: 1 }, [[7]], 1.5]) {
        if (schema.safeParse({ ...fields, [key]: wrong }).success) continue
        const { status, error } = await ask(
          endpoint.method,
          pathOf(endpoint),
          JSON.stringify({ ...fields, [key]: wrong }),
        )
        assert.equal(status, 400, `${endpoint.operationId}.${key} = ${JSON.stringify(wrong)}`)
        assert.match(error!.message, /^unable to parse JSON body: /, endpoint.operationId)
      }
    }
    if (endpoint.operationId.endsWith('policy_update')) continue
    const { error } = await ask(endpoint.method, pathOf(endpoint), JSON.stringify({ ...fields, surprise: [{}] }))
    assert.ok(!/unable to parse/.test(error?.message ?? ''), `${endpoint.operationId}: ${error?.message}`)
  }
})

test('a name has no bad characters, is not too long and is no UUID, wherever one is given', async () => {
  const bad = ['', 'Name', '1st', 'a_b', 'a b', 'a-', 'ä', 'a/b', "a'--", 'a\u0000', 'x'.repeat(64), ID]
  let count = 0
  for (const [endpoint, fields] of withBodies()) {
    if (typeof fields['name'] !== 'string' || fields['name'] !== 'sample') continue
    count++
    for (const name of bad) {
      const { status, error } = await ask(endpoint.method, pathOf(endpoint), JSON.stringify({ ...fields, name }))
      assert.equal(status, 400, `${endpoint.operationId} ${JSON.stringify(name)}`)
      assert.match(error!.message, /^unable to parse JSON body: (name: |a text must not)/)
    }
  }
  assert.ok(count > 20, `${count} operations take a name`)
})

test('a name in a path that cannot be one is refused, and one that does not exist is not found', async () => {
  for (const endpoint of ENDPOINTS) {
    // The names of metrics are a list of their own.
    if (!/\{(?!metric_name)/.test(endpoint.path) || endpoint.response.status === 101) continue
    for (const name of ['%00', 'a%2fb', "x'%3b--", '%ff', 'x'.repeat(300), '💾']) {
      const { status } = await ask(endpoint.method, pathOf(endpoint, name))
      assert.ok(status >= 400, `${endpoint.operationId} ${name}: ${status}`)
    }
  }
})

test('what is no JSON, or not of the type that is asked for, is refused', async () => {
  const wrong: readonly [string | Uint8Array<ArrayBuffer>, string, RegExp][] = [
    ['{', 'application/json', /^unable to parse JSON body: .* at line 1 column 2$/],
    ['null', 'application/json', /^unable to parse JSON body: /],
    ['[]', 'application/json', /^unable to parse JSON body: /],
    [`${'['.repeat(100_000)}`, 'application/json', /^unable to parse JSON body: /],
    [new Uint8Array([0x22, 0xff, 0x22]), 'application/json', /UTF-8/],
    ['{}', 'text/plain', /^expected content type "application\/json", got "text\/plain"$/],
  ]
  for (const [endpoint] of withBodies()) {
    for (const [body, type, message] of wrong) {
      const { status, error } = await ask(endpoint.method, pathOf(endpoint), body, type)
      assert.equal(status, 400, `${endpoint.operationId}: ${error?.message}`)
      assert.match(error!.message, message, endpoint.operationId)
    }
  }
})

test('a body of more than a mebibyte is 413, whatever it is for', async () => {
  const body = `{"name":"${'x'.repeat(MIB)}"}`
  for (const endpoint of ENDPOINTS) {
    if (endpoint.operationId === 'logout') continue // it would end the session that asks
    if (endpoint.method === 'GET' || endpoint.operationId === 'disk_bulk_write_import') continue
    const { status, error } = await ask(endpoint.method, pathOf(endpoint), body)
    // An address in the path is looked at first.
    if (endpoint.path.includes('{address}')) continue
    assert.equal(status, 413, endpoint.operationId)
    if (error !== undefined) assert.equal(error.message, `request body exceeded maximum size of ${MIB} bytes`)
  }
})

test('lists take any limit up to 10 000 and beyond, and no bad page tokens', async () => {
  let count = 0
  for (const endpoint of ENDPOINTS) {
    if (endpoint.paginated !== true) continue
    count++
    const path = pathOf(endpoint)
    const with_ = (fields: string): string => `${path}${path.includes('?') ? '&' : '?'}${fields}`
    for (const limit of ['1', '10000', '10001', '4294967295']) {
      const { error } = await ask('GET', with_(`limit=${limit}`))
      assert.ok(!/limit/.test(error?.message ?? ''), `${endpoint.operationId} ${limit}: ${error?.message}`)
    }
    for (const limit of ['0', '-1', '1.5', 'many', '4294967296']) {
      const { status, error } = await ask('GET', with_(`limit=${limit}`))
      assert.deepEqual([status, error?.error_code], [400, undefined], `${endpoint.operationId} ${limit}`)
      assert.match(error!.message, /^unable to parse query string: limit: /)
    }
    for (const token of ['x', 'e30', Buffer.from('{"v":"v9"}').toString('base64url'), 'A'.repeat(2000)]) {
      const { status, error } = await ask('GET', with_(`page_token=${token}`))
      // A list of something that is not there may say so first.
      if (status === 404) continue
      assert.equal(status, 400, `${endpoint.operationId} ${token}`)
      assert.match(error!.message, /^unable to parse query string: failed to parse pagination token: /)
    }
  }
  assert.ok(count > 40, `${count} lists`)
})

test('nothing of all that was an internal error', () => {
  assert.deepEqual(rack.errors, [])
})
