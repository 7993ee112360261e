import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Host } from './host.ts'
import type { LogLine } from './log.ts'
import { MemoryFabric } from './memory-network.ts'
import { MemoryFiles } from './memory-files.ts'
import type { Datagram, Network, TcpSocket } from './network.ts'
import { OsNetwork } from './os-network.ts'
import { SeededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

interface Pair {
  readonly client: Network
  readonly server: Network
  /** Where the server is. */
  readonly address: string
  /** Awaits in the network's own time. */
  readonly run: <T>(promise: Promise<T>) => Promise<T>
}

function memory(): Pair {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock)
  const client = fabric.network('client', ['10.0.0.1'])
  const server = fabric.network('server', ['10.0.0.2'])
  return { client, server, address: '10.0.0.2', run: (promise) => clock.run(promise) }
}

function os(): Pair {
  const network = new OsNetwork()
  return { client: network, server: network, address: '127.0.0.1', run: (promise) => promise }
}

function text(socket: TcpSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = ''
    socket.on('data', (chunk: Buffer) => (all += chunk.toString()))
    socket.on('end', () => resolve(all))
    socket.on('error', reject)
  })
}

for (const [name, make] of [
  ['MemoryNetwork', memory],
  ['OsNetwork', os],
] as const) {
  describe(name, () => {
    test('a stream carries bytes both ways and closes by halves', async () => {
      const { client, server, address, run } = make()
      const listener = await server.listenTcp({ address, port: 0 }, (socket) => {
        void text(socket).then((question) => socket.end(`${question}!`))
      })
      const socket = await run(client.connectTcp({ address, port: listener.port }))
      assert.equal(socket.remoteAddress, address)
      assert.equal(socket.remotePort, listener.port)
      socket.end('hello')
      assert.equal(await run(text(socket)), 'hello!')
      listener.close()
    })

    test('nobody listening refuses; a port is listened on once', async () => {
      const { client, server, address, run } = make()
      const listener = await server.listenTcp({ address, port: 0 }, () => undefined)
      await assert.rejects(run(server.listenTcp({ address, port: listener.port }, () => undefined)), {
        code: 'EADDRINUSE',
      })
      listener.close()
      await assert.rejects(run(client.connectTcp({ address, port: listener.port })), { code: 'ECONNREFUSED' })
    })

    test('datagrams arrive with their sender; a bound port is bound', async () => {
      const { client, server, address, run } = make()
      let arrived: (datagram: Datagram) => void
      const first = new Promise<Datagram>((resolve) => (arrived = resolve))
      const receiver = await server.bindUdp({ address, port: 0 }, (datagram) => arrived(datagram))
      const sender = await client.bindUdp({ port: 0 }, () => undefined)
      sender.send(Buffer.from('ping'), address, receiver.port)
      const datagram = await run(first)
      assert.equal(Buffer.from(datagram.payload).toString(), 'ping')
      assert.equal(datagram.remotePort, sender.port)
      await assert.rejects(run(server.bindUdp({ address, port: receiver.port }, () => undefined)), {
        code: 'EADDRINUSE',
      })
      // Sending into nothing is not an error.
      sender.send(Buffer.from('lost'), address, 1)
      receiver.close()
      sender.close()
    })
  })
}

describe('MemoryNetwork alone', () => {
  test('a cut path swallows bytes and times a connection out', async () => {
    const clock = new VirtualClock()
    const fabric = new MemoryFabric(clock)
    const a = fabric.network('a', ['10.0.0.1'])
    const b = fabric.network('b', ['10.0.0.2'])
    await b.listenTcp({ port: 80 }, () => undefined)
    fabric.setReachable('a', 'b', false)
    await assert.rejects(clock.run(a.connectTcp({ address: '10.0.0.2', port: 80, timeoutMs: 500 })), {
      code: 'ETIMEDOUT',
    })
    assert.equal(clock.nowMs(), 500)
    fabric.setReachable('a', 'b', true)
    await clock.run(a.connectTcp({ address: '10.0.0.2', port: 80 }))
    await assert.rejects(a.connectTcp({ address: '10.9.9.9', port: 80 }), { code: 'EHOSTUNREACH' })
  })

  test('destroy resets the peer', async () => {
    const clock = new VirtualClock()
    const fabric = new MemoryFabric(clock)
    const a = fabric.network('a', ['10.0.0.1'])
    const b = fabric.network('b', ['10.0.0.2'])
    const codes: unknown[] = []
    await b.listenTcp({ port: 80 }, (socket) => {
      socket.on('error', (error: { code?: string }) => codes.push(error.code))
    })
    const socket = await clock.run(a.connectTcp({ address: '10.0.0.2', port: 80 }))
    socket.destroy()
    await clock.advance(10)
    assert.deepEqual(codes, ['ECONNRESET'])
  })

  test('a group reaches its members', async () => {
    const clock = new VirtualClock()
    const fabric = new MemoryFabric(clock)
    const seen: string[] = []
    for (const name of ['a', 'b', 'c']) {
      const network = fabric.network(name, [`fe80::${name}`])
      const groups = name === 'c' ? [] : ['ff02::dd%if0']
      await network.bindUdp({ port: 9, groups }, (datagram) => seen.push(`${name} from ${datagram.remoteAddress}`))
    }
    const socket = await fabric.network('d', ['fe80::d']).bindUdp({ port: 10 }, () => undefined)
    socket.send(new Uint8Array(1), 'ff02::dd', 9)
    await clock.advance(10)
    assert.deepEqual(seen, ['a from fe80::d', 'b from fe80::d'])
  })
})

test('OsNetwork rejects a group that it cannot join', async () => {
  await assert.rejects(new OsNetwork().bindUdp({ port: 0, groups: ['10.0.0.1'] }, () => undefined))
})

test('a host hands out what it was given, and logs with its name and time', () => {
  const clock = new VirtualClock(5000)
  const lines: LogLine[] = []
  const network = new OsNetwork()
  const host = new Host({
    name: 'nexus',
    clock,
    random: new SeededRandom(1),
    files: new MemoryFiles(),
    networks: { os: network },
    log: (line) => lines.push(line),
  })
  assert.equal(host.network('os'), network)
  assert.throws(() => host.network('underlay'), /host nexus was given no network called underlay/)
  host.log('info', 'started', { port: 80 })
  assert.deepEqual(lines, [{ level: 'info', wallMs: 5000, source: 'nexus', event: 'started', fields: { port: 80 } }])
})
