/** What Node's own code expects of a socket: node:http both ways, and the members of net.Socket that programs look at. */
import assert from 'node:assert/strict'
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http'
import { test } from 'node:test'
import type { Duplex } from 'node:stream'
import type { Netstack } from '../netstack.ts'
import { pairOfHosts, type TestNetwork } from '../test-network.ts'
import type { TcpStream } from './stream.ts'

async function text(response: IncomingMessage): Promise<string> {
  let all = ''
  for await (const chunk of response) all += String(chunk)
  return all
}

/** An agent whose sockets are the stack's. */
class StackAgent extends Agent {
  readonly #stack: Netstack
  opened = 0

  constructor(stack: Netstack, options: ConstructorParameters<typeof Agent>[0]) {
    super(options)
    this.#stack = stack
  }

  override createConnection(
    options: { host?: string; port?: number },
    done: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.opened++
    this.#stack.connectTcp({ address: options.host!, port: options.port! }).then(
      (socket) => done(null, socket),
      (error: Error) => done(error, undefined as unknown as Duplex), // as Node does
    )
    return undefined
  }
}

async function serve(stack: Netstack, server: Server): Promise<void> {
  await stack.listenTcp({ port: 80 }, (socket) => server.emit('connection', socket))
}

async function pair(): Promise<{
  network: TestNetwork
  left: Netstack
  right: Netstack
  client: TcpStream
  served: TcpStream
}> {
  const { network, left, right } = pairOfHosts({ delayMs: 1 })
  let served: TcpStream | undefined
  await right.listenTcp({ port: 9 }, (socket) => (served = socket as TcpStream))
  const client = (await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 9 }))) as TcpStream
  await network.clock.advance(5)
  return { network, left, right, client, served: served! }
}

test('an agent keeps connections and uses them again, and reports who refuses', async () => {
  const { network, left, right } = pairOfHosts({ delayMs: 1 })
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.end(`${request.url} for ${request.socket.remoteAddress}`))
  })
  await serve(right, server)
  const agent = new StackAgent(left, { keepAlive: true, maxSockets: 2 })
  const ask = (path: string, port = 80): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = get({ host: '10.0.0.2', port, path, agent }, (response) => void text(response).then(resolve))
      request.on('error', reject)
    })
  for (const [a, b] of [
    ['/a', '/b'],
    ['/c', '/d'],
    ['/e', '/f'],
  ] as const) {
    const answers = await network.clock.run(Promise.all([ask(a), ask(b)]))
    assert.deepEqual(answers, [`${a} for 10.0.0.1`, `${b} for 10.0.0.1`])
  }
  assert.equal(agent.opened, 2)
  await assert.rejects(network.clock.run(ask('/', 81)), { code: 'ECONNREFUSED' })
  agent.destroy()
  await network.clock.advance(2000)
  assert.deepEqual(left.connections(), [])
  assert.deepEqual(right.connections(), [])
})

test('pipelined requests are answered in their order', async () => {
  const { network, left, right } = pairOfHosts({ delayMs: 1 })
  const server = createServer((request, response) => response.end(request.url))
  await serve(right, server)
  const socket = await network.clock.run(left.connectTcp({ address: 'fd00::2', port: 80 }))
  let heard = ''
  socket.on('data', (chunk) => (heard += String(chunk)))
  socket.write(
    'GET /q1 HTTP/1.1\r\nHost: a\r\n\r\nGET /q2 HTTP/1.1\r\nHost: a\r\n\r\nGET /q3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  )
  await network.clock.advance(3000)
  assert.deepEqual(heard.match(/q\d/g), ['q1', 'q2', 'q3'])
  assert.ok(socket.readableEnded)
})

test('a client that goes away in the middle of a body aborts the request, and a server that does the response', async () => {
  const { network, left, right } = pairOfHosts({ delayMs: 1 })
  const seen: string[] = []
  const server = createServer((request, response) => {
    request.on('error', (error: NodeJS.ErrnoException) => seen.push(`request ${error.code}`))
    request.resume()
    if (request.method === 'GET') {
      response.write('half')
      setImmediate(() => response.socket!.destroy())
    }
  })
  await serve(right, server)
  const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))
  socket.on('error', () => undefined)
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf')
  await network.clock.advance(10)
  socket.destroy()
  await network.clock.advance(10)
  assert.deepEqual(seen, ['request ECONNRESET'])
  const agent = new StackAgent(left, {})
  const answer = new Promise<string>((resolve, reject) => {
    get({ host: '10.0.0.2', port: 80, agent }, (response) => {
      text(response).then(resolve, reject)
    }).on('error', reject)
  })
  answer.catch(() => undefined)
  await network.clock.advance(10)
  await new Promise((resolve) => setImmediate(resolve))
  await network.clock.advance(1000)
  await assert.rejects(answer, { code: 'ECONNRESET' })
})

test('the members of net.Socket say what they say there', async () => {
  const { network, client, served } = await pair()
  assert.deepEqual(client.address(), { address: '10.0.0.1', port: client.localPort, family: 'IPv4' })
  assert.deepEqual([client.remoteFamily, client.localFamily], ['IPv4', 'IPv4'])
  assert.deepEqual([client.connecting, client.pending, client.readyState], [false, false, 'open'])
  served.resume()
  client.write('12345')
  client.write('678')
  await network.clock.advance(100)
  assert.deepEqual([client.bytesWritten, served.bytesRead, served.bytesWritten], [8, 8, 0])
  client.setTimeout(50)
  assert.equal(client.timeout, 50)
  let timeouts = 0
  client.on('timeout', () => timeouts++)
  await network.clock.advance(60)
  assert.equal(timeouts, 1)
  client.end()
  assert.equal(client.readyState, 'readOnly')
  await network.clock.advance(20)
  assert.equal(served.readyState, 'writeOnly')
  served.end()
  client.resume()
  await network.clock.advance(20)
  assert.equal(client.readyState, 'closed')
})

test('destroy works in every state, once', async () => {
  for (const prepare of [
    'open',
    'after end',
    'after the peer’s end',
    'after both ends',
    'twice',
    'with an error',
  ] as const) {
    const { network, left, right, client, served } = await pair()
    const events: string[] = []
    client.on('error', (error: NodeJS.ErrnoException) => events.push(error.message))
    client.on('close', () => events.push('close'))
    served.on('error', () => undefined)
    served.resume()
    client.resume()
    if (prepare === 'after end' || prepare === 'after both ends') client.end()
    if (prepare === 'after the peer’s end' || prepare === 'after both ends') served.end()
    await network.clock.advance(10)
    client.destroy(prepare === 'with an error' ? new Error('enough') : undefined)
    if (prepare === 'twice') client.destroy()
    served.destroy()
    await network.clock.advance(3000)
    assert.deepEqual(events, prepare === 'with an error' ? ['enough', 'close'] : ['close'], prepare)
    assert.deepEqual([...left.connections(), ...right.connections()], [], prepare)
    client.write('late', (error) => assert.ok(error !== null))
    await network.clock.advance(1)
  }
})

test('resetAndDestroy resets a connection that has ended its side, too', async () => {
  const { network, client, served } = await pair()
  const codes: (string | undefined)[] = []
  served.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code))
  served.resume()
  client.end('bye')
  await network.clock.advance(10)
  client.resetAndDestroy()
  await network.clock.advance(10)
  assert.deepEqual(codes, ['ECONNRESET'])
})
