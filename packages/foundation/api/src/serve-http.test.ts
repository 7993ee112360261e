import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryFabric, OsNetwork, VirtualClock } from '@lodestone/host'
import { z } from 'zod'
import { client } from './client.ts'
import { httpFetch } from './http-fetch.ts'
import { type HttpHandler, implement } from './implement.ts'
import { type NdjsonWriter, ndjsonWriter, readNdjson } from './ndjson.ts'
import { serveHttp } from './serve-http.ts'
import { shelfApi } from './shelf.fixture.ts'

const book = { id: '6c6f6465-7374-4f6e-8500-000000000001', title: 'x'.repeat(300_000), pages: 1 }
let events: NdjsonWriter<{ n: number }> | undefined
let cancelled = 0

const handler = implement(shelfApi, {
  book_list: () => ({ items: [], next_page: null }),
  book_create: ({ body }) => ({ ...book, title: body.title, pages: body.title.length }),
  book_view: () => book,
  book_delete: () => undefined,
  book_newest: () => new Promise(() => {}),
  token: () => ({ token: 't' }),
  watch: () => {
    events = ndjsonWriter(() => cancelled++)
    return events.stream
  },
})

function makeWorld(): { clock: VirtualClock; near: ReturnType<MemoryFabric['network']>; fabric: MemoryFabric } & {
  far: ReturnType<MemoryFabric['network']>
} {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock, 5)
  return { clock, fabric, near: fabric.network('near', ['fd00::1']), far: fabric.network('far', ['fd00::2']) }
}

test('requests and large answers cross a network in virtual time', async () => {
  const { clock, near, far } = makeWorld()
  const server = await serveHttp(far, { port: 12224 }, handler)
  const shelf = client(shelfApi, httpFetch(near, { clock }), 'http://[fd00::2]:12224')
  const title = 'é'.repeat(100_000)
  const created = await clock.run(shelf.book_create({ body: { title, pages: 1 } }))
  assert.ok(created.ok, JSON.stringify(created))
  assert.equal(created.value.title, title)
  const viewed = await clock.run(shelf.book_view({ params: { book: 'a/b' } }))
  assert.ok(viewed.ok)
  assert.equal(viewed.value.title.length, 300_000)
  const deleted = await clock.run(shelf.book_delete({ params: { book: 'x' } }))
  assert.ok(deleted.ok, JSON.stringify(deleted))
  assert.ok(clock.nowMs() >= 60, 'three connections and three exchanges take twelve latencies')
  server.close()
})

test('the same request takes the same virtual time in every run', async () => {
  const times: number[] = []
  for (let run = 0; run < 2; run++) {
    const { clock, near, far } = makeWorld()
    await serveHttp(far, { port: 80 }, handler)
    await clock.run(client(shelfApi, httpFetch(near), 'http://[fd00::2]').token({ body: { grant_type: 'x' } }))
    times.push(clock.nowMs())
  }
  assert.equal(times[0], times[1])
})

test('a stream delivers events while it is open and tells the server when the reader leaves', async () => {
  const { clock, near, far } = makeWorld()
  await serveHttp(far, { port: 80 }, handler)
  const answer = await clock.run(client(shelfApi, httpFetch(near), 'http://[fd00::2]').watch({ query: { count: 0 } }))
  assert.ok(answer.ok)
  const lines = readNdjson(answer.value, z.object({ n: z.number() }))
  for (const n of [1, 2]) {
    clock.after(100, () => events!.write({ n }))
    const next = await clock.run(lines.next())
    assert.deepEqual(next.value, { n })
  }
  cancelled = 0
  await clock.run(lines.return(undefined))
  await clock.advance(100)
  assert.equal(cancelled, 1)
})

test('nobody listening, a silent server and a server that goes away are unreachable with a reason', async () => {
  const { clock, near, far, fabric } = makeWorld()
  const shelf = client(shelfApi, httpFetch(near, { clock, timeoutMs: 2000 }), 'http://[fd00::2]')
  const refused = await clock.run(shelf.book_newest())
  assert.ok(!refused.ok && refused.kind === 'unreachable')
  assert.match(refused.message, /ECONNREFUSED/)
  const server = await serveHttp(far, { port: 80 }, handler)
  const startMs = clock.nowMs()
  const silent = await clock.run(shelf.book_newest())
  assert.ok(!silent.ok)
  assert.match(silent.message, /ETIMEDOUT/)
  assert.ok(clock.nowMs() - startMs <= 2020)
  fabric.setReachable('near', 'far', false)
  const vanished = await clock.run(shelf.book_newest())
  assert.ok(!vanished.ok)
  assert.match(vanished.message, /ETIMEDOUT/)
  fabric.setReachable('near', 'far', true)
  clock.after(500, () => server.close())
  const gone = await clock.run(shelf.book_newest())
  assert.ok(!gone.ok && gone.kind === 'unreachable', JSON.stringify(gone))
})

test('a server that is cut off in the middle of a document is unreachable, and in the middle of a stream is waited for', async () => {
  const { clock, near, far, fabric } = makeWorld()
  const shelf = client(shelfApi, httpFetch(near, { clock, timeoutMs: 2000 }), 'http://[fd00::2]')
  await serveHttp(far, { port: 80 }, handler)
  const sent: Record<string, string> = {
    half: 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"id":',
    stream: 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{"id":',
  }
  for (const [port, what] of [
    [81, 'half'],
    [82, 'stream'],
  ] as const) {
    await far.listenTcp({ port }, (socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.write(sent[what]!))
    })
  }
  const ask = (port: number) =>
    client(shelfApi, httpFetch(near, { clock, timeoutMs: 2000 }), `http://[fd00::2]:${port}`)
  const startMs = clock.nowMs()
  clock.after(200, () => fabric.setReachable('near', 'far', false))
  const half = await clock.run(ask(81).book_newest())
  assert.ok(!half.ok && half.kind === 'unreachable')
  assert.match(half.message, /broke off: .*ETIMEDOUT/)
  assert.ok(clock.nowMs() - startMs <= 2020)
  fabric.setReachable('near', 'far', true)
  let isOver = false
  void ask(82)
    .book_newest()
    .then(() => (isOver = true))
  await clock.advance(60_000)
  assert.equal(isOver, false)
  const viewed = await clock.run(shelf.book_view({ params: { book: 'x' } }))
  assert.ok(viewed.ok, 'a document that came in time is not ended afterwards')
  await clock.advance(10_000)
})

test('an aborted request fails at once', async () => {
  const { clock, near, far } = makeWorld()
  await serveHttp(far, { port: 80 }, handler)
  const abort = new AbortController()
  clock.after(100, () => abort.abort())
  const result = await clock.run(
    client(shelfApi, httpFetch(near), 'http://[fd00::2]').book_newest({ signal: abort.signal }),
  )
  assert.ok(!result.ok)
  assert.ok(clock.nowMs() < 200)
})

test('bytes that are not HTTP get 400 and do not disturb the next request', async () => {
  const { clock, near, far } = makeWorld()
  await serveHttp(far, { port: 80 }, handler)
  const socket = await clock.run(near.connectTcp({ address: 'fd00::2', port: 80 }))
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  socket.write('\x16\x03\x01 no http here\r\n\r\n')
  await clock.advance(100)
  assert.match(text, /^HTTP\/1\.1 400 /)
  const deleted = await clock.run(
    client(shelfApi, httpFetch(near), 'http://[fd00::2]').book_delete({ params: { book: 'x' } }),
  )
  assert.ok(deleted.ok)
})

test('serves on the sockets of the operating system too', async () => {
  const network = new OsNetwork()
  const server = await serveHttp(network, { address: '127.0.0.1', port: 0 }, handler)
  const mine = await client(shelfApi, httpFetch(network), `http://127.0.0.1:${server.port}`).book_view({
    params: { book: 'x' },
  })
  assert.ok(mine.ok)
  const nodes = await fetch(`http://127.0.0.1:${server.port}/v1/books`)
  assert.deepEqual(await nodes.json(), { items: [], next_page: null })
  await assert.rejects(serveHttp(network, { address: '127.0.0.1', port: server.port }, handler), /EADDRINUSE/)
  server.close()
})

test('a handler that rejects costs one request, not the server', async () => {
  const { clock, near, far } = makeWorld()
  const broken: HttpHandler = () => Promise.reject(new Error('bug'))
  await serveHttp(far, { port: 80 }, broken)
  const result = await clock.run(client(shelfApi, httpFetch(near), 'http://[fd00::2]').book_newest())
  assert.ok(!result.ok && result.kind === 'refused')
  assert.equal(result.status, 500)
})
