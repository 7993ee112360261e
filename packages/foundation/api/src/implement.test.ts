import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { ApiFailure, objectNotFound } from './api-error.ts'
import { client } from './client.ts'
import { api, endpoint } from './endpoint.ts'
import { type Handlers, implement, Reply, type RequestFailure } from './implement.ts'
import { ndjsonWriter, readNdjson } from './ndjson.ts'
import { pageInMemory } from './pagination.ts'
import { shelfApi } from './shelf.fixture.ts'

const ID = '6c6f6465-7374-4f6e-8500-000000000001'
const book = { id: ID, title: 'Tubes', pages: 320 }
const asked: unknown[] = []

const handlers: Handlers<typeof shelfApi> = {
  book_list: ({ query }) => {
    asked.push(query)
    return pageInMemory([book, { ...book, title: 'Zen' }, { ...book, title: 'Alpha' }], query, (b) => b.title)
  },
  book_create: ({ body }) => ({ id: ID, title: body.title, pages: body.pages }),
  book_view: ({ params }) => {
    if (params.book === 'bug') throw new TypeError('secret detail')
    if (params.book !== 'tubes/1') throw objectNotFound('book', { name: params.book })
    return new Reply(book, { 'x-shelf': '7' })
  },
  book_delete: () => undefined,
  book_newest: () => ({ ...book, title: 'newest' }),
  token: ({ body }) => ({ token: `${body.grant_type}-${body.ttl}` }),
  watch: ({ query }) => {
    const events = ndjsonWriter<{ n: number }>()
    for (let n = 0; n < query.count; n++) events.write({ n })
    events.end()
    return events.stream
  },
}

const failures: RequestFailure[] = []
const handler = implement(shelfApi, handlers, { checkResponses: true, onError: (failure) => failures.push(failure) })
const shelf = client(shelfApi, handler, 'http://shelf')

async function post(body: string, path = '/v1/books', type = 'application/json'): Promise<[number, string]> {
  const headers = { 'content-type': type }
  const response = await handler(new Request(`http://shelf${path}`, { method: 'POST', body, headers }))
  return [response.status, ((await response.json()) as { message: string }).message]
}

test('the typed client and the handler agree on params, query, body, status and headers', async () => {
  const created = await shelf.book_create({ body: { title: 'Tubes', pages: 320 } })
  assert.ok(created.ok)
  assert.equal(created.status, 201)
  assert.deepEqual(created.value, book)
  const viewed = await shelf.book_view({ params: { book: 'tubes/1' } })
  assert.ok(viewed.ok)
  assert.equal(viewed.headers.get('x-shelf'), '7')
  const deleted = await shelf.book_delete({ params: { book: 'x' } })
  assert.ok(deleted.ok)
  assert.equal(deleted.status, 204)
  const token = await shelf.token({ body: { grant_type: 'a b&c', ttl: 5 } })
  assert.ok(token.ok)
  assert.equal(token.value.token, 'a b&c-5')
})

test('a literal segment wins over a parameter', async () => {
  const newest = await shelf.book_newest()
  assert.ok(newest.ok)
  assert.equal(newest.value.title, 'newest')
})

test('query text becomes the numbers, booleans and arrays of the schema', async () => {
  asked.length = 0
  await shelf.book_list({ query: { limit: 2, is_lent: false, shelf: [1, 2] } })
  assert.deepEqual(asked, [{ limit: 2, is_lent: false, shelf: [1, 2] }])
})

test('pages follow each other by token and end with null', async () => {
  const first = await shelf.book_list({ query: { limit: 2 } })
  assert.ok(first.ok)
  assert.deepEqual(
    first.value.items.map((b) => b.title),
    ['Alpha', 'Tubes'],
  )
  const second = await shelf.book_list({ query: { limit: 2, page_token: first.value.next_page! } })
  assert.ok(second.ok)
  assert.deepEqual(
    second.value.items.map((b) => b.title),
    ['Zen'],
  )
  assert.equal(second.value.next_page, null)
  const bad = await shelf.book_list({ query: { page_token: 'AAAA' } })
  assert.ok(!bad.ok && bad.kind === 'refused')
  assert.equal(bad.status, 400)
  assert.match(bad.message, /pagination token/)
})

test('a token brings the query of the first page along, all but the limit', async () => {
  const first = await shelf.book_list({ query: { limit: 2, is_lent: true, shelf: [1, 2] } })
  assert.ok(first.ok)
  asked.length = 0
  const page_token = first.value.next_page!
  await shelf.book_list({ query: { page_token } })
  await shelf.book_list({ query: { page_token, limit: 1, is_lent: false } })
  assert.deepEqual(asked, [
    { page_token, is_lent: true, shelf: [1, 2] },
    { page_token, limit: 1, is_lent: true, shelf: [1, 2] },
  ])
})

test('a body that is not JSON is refused with line and column', async () => {
  assert.deepEqual(await post('{"title": "x",\n  "pages": }'), [
    400,
    'unable to parse JSON body: expected value at line 2 column 12',
  ])
  assert.deepEqual(await post(''), [400, 'unable to parse JSON body: unexpected end of input at line 1 column 1'])
})

test('a body that does not fit names the field', async () => {
  const cases: [string, RegExp][] = [
    ['{"title":"x"}', /missing field `pages` at line 1 column 1$/],
    ['{"title":"x",\n"pages":"many"}', /pages: expected number, received string at line 2 column 9$/],
    ['{"title":"x","pages":1,"tags":[{"name":"a"},{"name":3}]}', /tags\[1\]\.name: expected string/],
    ['{"title":"x","pages":1,"tags":[{}]}', /tags\[0\]: missing field `name`/],
    ['{"title":"x","pages":1,"cover":{"kind":"soft"}}', /cover: missing field `grams`/],
    ['{"title":"x","pages":1,"cover":{"kind":"glass"}}', /cover\.kind: invalid discriminator/],
    ['[]', /expected object, received array/],
  ]
  for (const [body, expected] of cases) {
    const [status, message] = await post(body)
    assert.equal(status, 400, body)
    assert.match(message, expected)
  }
})

test('wrong media type, oversized body and bad query are 4xx with a reason', async () => {
  assert.deepEqual(await post('x=1', '/v1/books', 'text/plain'), [
    400,
    'expected content type "application/json", got "text/plain"',
  ])
  const [status] = await post(`"${'x'.repeat(1 << 20)}"`)
  assert.equal(status, 413)
  const response = await handler(new Request('http://shelf/v1/books?limit=lots'))
  assert.equal(response.status, 400)
  assert.match(((await response.json()) as { message: string }).message, /unable to parse query string: limit: /)
})

test('unknown paths are 404, known paths with another method 405', async () => {
  for (const [method, path, status] of [
    ['GET', '/nothing', 404],
    ['GET', '/v1/books/%E0%A4%A', 404],
    ['PUT', '/v1/books/x', 405],
  ] as const) {
    const response = await handler(new Request(`http://shelf${path}`, { method }))
    assert.equal(response.status, status, `${method} ${path}`)
    const body = (await response.json()) as { message: string; request_id: string }
    assert.equal(body.request_id, response.headers.get('x-request-id'))
  }
})

test('an error thrown by a handler is mapped, and a bug reveals nothing', async () => {
  const missing = await shelf.book_view({ params: { book: 'nope' } })
  assert.ok(!missing.ok && missing.kind === 'refused')
  assert.equal(missing.status, 404)
  assert.equal(missing.errorCode, 'ObjectNotFound')
  assert.equal(missing.message, 'not found: book with name "nope"')
  failures.length = 0
  const bug = await shelf.book_view({ params: { book: 'bug' } })
  assert.ok(!bug.ok && bug.kind === 'refused')
  assert.equal(bug.status, 500)
  assert.equal(bug.message, 'Internal Server Error')
  assert.ok(failures[0]?.cause instanceof TypeError)
  assert.equal(failures[0].requestId, bug.requestId)
})

test('`before` runs ahead of parsing and its result is the context', async () => {
  const whoApi = api({
    title: 'Who',
    version: '1',
    endpoints: [
      endpoint({
        operationId: 'who',
        method: 'POST',
        path: '/who',
        summary: 'Who am I',
        body: z.object({ x: z.number() }),
        response: { status: 200, schema: z.object({ name: z.string() }) },
      }),
    ],
  })
  const whoHandler = implement<typeof whoApi, { name: string }>(
    whoApi,
    { who: ({ context }) => ({ name: context.name }) },
    {
      before: ({ request }) => {
        const name = request.headers.get('x-name')
        if (name === null) throw new ApiFailure({ kind: 'unauthenticated', internal: 'no name' })
        return { name }
      },
    },
  )
  const who = client(whoApi, whoHandler, 'http://who')
  const anonymous = await whoHandler(new Request('http://who/who', { method: 'POST', body: 'not json' }))
  assert.equal(anonymous.status, 401)
  const known = await who.who({ body: { x: 1 }, headers: { 'x-name': 'ada' } })
  assert.ok(known.ok)
  assert.equal(known.value.name, 'ada')
})

test('`after` sees every outcome before the caller does, and what it cannot record is not acknowledged', async () => {
  const seen: string[] = []
  let isBroken = false
  const audited = implement(shelfApi, handlers, {
    before: ({ request }) => {
      if (request.headers.get('x-user') === null) throw new ApiFailure({ kind: 'unauthenticated', internal: '' })
      return undefined
    },
    after: async ({ endpoint: { operationId }, status, error }) => {
      await Promise.resolve()
      seen.push(`${operationId} ${status} ${error?.code ?? '-'}`)
      if (isBroken) throw new Error('disk full')
    },
  })
  const call = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await audited(new Request(`http://shelf${path}`, { headers }))).status
  assert.equal(await call('/v1/books/tubes%2F1', { 'x-user': 'a' }), 200)
  assert.equal(await call('/v1/books/none', { 'x-user': 'a' }), 404)
  assert.equal(await call('/v1/books/none', {}), 401)
  assert.equal(await call('/nowhere', {}), 404)
  assert.deepEqual(seen, ['book_view 200 -', 'book_view 404 ObjectNotFound', 'book_view 401 Unauthorized'])
  isBroken = true
  assert.equal(await call('/v1/books/tubes%2F1', { 'x-user': 'a' }), 500)
})

test('event streams arrive as typed values', async () => {
  const answer = await shelf.watch({ query: { count: 3 } })
  assert.ok(answer.ok)
  const seen: number[] = []
  for await (const event of readNdjson(answer.value, z.object({ n: z.number() }))) seen.push(event.n)
  assert.deepEqual(seen, [0, 1, 2])
})

test('an unreachable server is a value, not an exception', async () => {
  const nobody = client(shelfApi, () => Promise.reject(new Error('ECONNREFUSED')), 'http://nobody')
  const result = await nobody.book_newest()
  assert.ok(!result.ok)
  assert.equal(result.kind, 'unreachable')
  assert.match(result.message, /nobody.*ECONNREFUSED/)
})

test('long bodies are read in pieces where the server says how to pause, with the same answers', async () => {
  const List = z.object({ generation: z.int(), items: z.array(z.object({ name: z.string().min(1) })).max(5000) })
  const listApi = api({
    title: 'Lists',
    version: '1',
    endpoints: [
      endpoint({
        operationId: 'list_set',
        method: 'PUT',
        path: '/list',
        summary: 'States a list.',
        body: List,
        response: { status: 200, schema: z.object({ count: z.int() }) },
      }),
    ],
  })
  let pauses = 0
  const set: Handlers<typeof listApi> = { list_set: ({ body }) => ({ count: body.items.length }) }
  const whole = implement(listApi, set)
  const inPieces = implement(listApi, set, {
    pause: async () => void pauses++,
  })
  const put = async (answer: typeof whole, body: string): Promise<[number, string]> => {
    const headers = { 'content-type': 'application/json' }
    const response = await answer(new Request('http://lists/list', { method: 'PUT', body, headers }))
    return [response.status, await response.text()]
  }
  const items = Array.from({ length: 3000 }, (_, i) => ({ name: `name-${i}` }))
  const good = JSON.stringify({ generation: 1, items })
  assert.deepEqual(await put(inPieces, good), [200, '{"count":3000}'])
  assert.ok(pauses >= good.length / 10_000, `${pauses} pauses for ${good.length} characters`)
  const bads = [
    JSON.stringify({ generation: 1, items: [...items, { name: '' }] }, undefined, 1),
    JSON.stringify({ generation: 1, items: [...items, ...items] }),
    JSON.stringify({ generation: 1, items: [...items, { name: '\u0000' }] }),
    `${good.slice(0, 30_000)},${good.slice(30_000)}`,
    good.slice(0, -2),
    `${good}x`,
  ]
  for (const bad of bads) {
    const expected = await put(whole, bad)
    assert.equal(expected[0], 400)
    const strip = ([status, text]: [number, string]): unknown[] => [status, JSON.parse(text).message]
    assert.deepEqual(strip(await put(inPieces, bad)), strip(expected))
  }
})
