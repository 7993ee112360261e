/** On loopback, where every option but the interface can be seen at work; namespaces are in `os-routing.test.ts`. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ip } from '@lodestone/net'
import type { Datagram, TcpSocket, UdpSocket } from './network.ts'
import { libc } from './os-libc.ts'
import { descriptorOf } from './os-listen-peers.ts'
import { OsNetwork } from './os-network.ts'

const network = new OsNetwork()
const canProtect = network.features.md5
const skip = canProtect ? false : 'needs Linux and koffi'

const accepted = new Set<TcpSocket>()
// A peer whose reset does not get through either leaves its connection open.
after(() => accepted.forEach((socket) => socket.destroy()))

function echo(socket: TcpSocket): void {
  accepted.add(socket)
  socket.on('error', () => socket.destroy())
  socket.pipe(socket)
}

/** The kernel counts what a filter drops when it gets there, which may be later than it was sent. */
async function untilDropped(socket: UdpSocket, count: number): Promise<void> {
  const limitMs = performance.now() + 60_000
  while (socket.dropped?.() !== count && performance.now() < limitMs) await sleep(1)
  assert.equal(socket.dropped?.(), count)
}

async function exchanged(socket: TcpSocket): Promise<string> {
  socket.write('hello')
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('error', reject)
  })
  socket.destroy()
  return answer.toString()
}

for (const [family, address, prefix] of [
  ['IPv4', '127.0.0.1', '127.0.0.0/8'],
  ['IPv6', '::1', '::/64'],
] as const) {
  describe(`OsNetwork over ${family}`, { skip }, () => {
    for (const remote of [address, prefix]) {
      test(`a listener that has an MD5 password for ${remote} takes that password and no other`, async () => {
        const peers = [{ remote, md5Password: 'secret' }]
        const listener = await network.listenTcp({ address, port: 0, peers }, echo)
        const { port } = listener
        assert.equal(await exchanged(await network.connectTcp({ address, port, md5Password: 'secret' })), 'hello')
        for (const wrong of [{ md5Password: 'other' }, {}]) {
          await assert.rejects(network.connectTcp({ address, port, timeoutMs: 150, ...wrong }), { code: 'ETIMEDOUT' })
        }
        listener.setPeers?.([])
        assert.equal(await exchanged(await network.connectTcp({ address, port })), 'hello')
        listener.close()
      })
    }

    test('peers of the other family are no concern of a listener', async () => {
      const peers = [
        { remote: '127.0.0.1', md5Password: 'secret', ttl: 255 },
        { remote: '::1', md5Password: 'secret', ttl: 255 },
      ]
      const listener = await network.listenTcp({ address, port: 0, peers }, echo)
      const where = { address, port: listener.port, md5Password: 'secret' }
      assert.equal(await exchanged(await network.connectTcp(where)), 'hello')
      listener.close()
    })

    test('a peer that sends with less than the least TTL is not heard', async () => {
      const peers = [{ remote: address, ttl: 255, minTtl: 255 }]
      const listener = await network.listenTcp({ address, port: 0, peers }, echo)
      const { port } = listener
      const near = { ttl: 255, minTtl: 255 }
      assert.equal(await exchanged(await network.connectTcp({ address, port, ...near })), 'hello')
      const before = accepted.size
      const far = await network.connectTcp({ address, port, ttl: 254 })
      // A connection has its least TTL from when it is accepted on.
      while (accepted.size === before) await new Promise((resolve) => setImmediate(resolve))
      far.write('hello')
      const outcome = await Promise.race([
        new Promise((resolve) => far.once('data', () => resolve('answered'))),
        new Promise((resolve) => setTimeout(() => resolve('silence'), 150)),
      ])
      far.destroy()
      assert.equal(outcome, 'silence')
      listener.close()
    })

    test('datagrams below the least hop limit are dropped and counted; the others are known to have it', async () => {
      const seen: Datagram[] = []
      let arrived = (): void => undefined
      const receiver = await network.bindUdp({ address, port: 0, minHopLimit: 255 }, (datagram) => {
        seen.push(datagram)
        arrived()
      })
      const done = new Promise<void>((resolve) => (arrived = resolve))
      const far = await network.bindUdp({ address, port: 0, hopLimit: 254 }, () => undefined)
      const near = await network.bindUdp({ address, port: 0, hopLimit: 255 }, () => undefined)
      far.send(Buffer.from('far'), address, receiver.port)
      await untilDropped(receiver, 1)
      near.send(Buffer.from('near'), address, receiver.port)
      await done
      assert.deepEqual(
        seen.map(({ payload, hopLimit }) => [Buffer.from(payload).toString(), hopLimit]),
        [['near', 255]],
      )
      assert.equal(receiver.dropped?.(), 1)
      for (const socket of [receiver, far, near]) socket.close()
    })

    test('each sender has a least hop limit of its own; senders that are not listed come in', async () => {
      const seen: string[] = []
      let arrived = (): void => undefined
      const receiver = await network.bindUdp({ address, port: 0, minHopLimit: 1 }, ({ payload }) => {
        seen.push(Buffer.from(payload).toString())
        arrived()
      })
      const next = (): Promise<void> => new Promise((resolve) => (arrived = resolve))
      const sender = await network.bindUdp({ address, port: 0, hopLimit: 250 }, () => undefined)
      const other = Ip.of(address === '::1' ? '2001:db8::1' : '192.0.2.1')
      const limit = (own: number): void =>
        receiver.setMinHopLimits?.([
          { address: other, minHopLimit: 255 },
          { address: Ip.of(address), minHopLimit: own },
        ])
      limit(251)
      sender.send(Buffer.from('too far'), address, receiver.port)
      await untilDropped(receiver, 1)
      limit(250)
      const first = next()
      sender.send(Buffer.from('near enough'), address, receiver.port)
      await first
      receiver.setMinHopLimits?.([{ address: other, minHopLimit: 255 }])
      const second = next()
      sender.send(Buffer.from('last'), address, receiver.port)
      await second
      assert.deepEqual(seen, ['near enough', 'last'])
      assert.equal(receiver.dropped?.(), 1)
      for (const socket of [receiver, sender]) socket.close()
    })
  })
}

test(
  'streams do not hold small messages back, whichever side opened them, with protection or without',
  { skip },
  async () => {
    const SOL_TCP = 6
    const TCP_NODELAY = 1
    const isNoDelay = (socket: TcpSocket): boolean => {
      const value = new Uint8Array(4)
      const fd = descriptorOf(socket as unknown as Socket) // because that is what it is on this host
      assert.equal(libc()?.getsockopt(fd, SOL_TCP, TCP_NODELAY, value, new Uint8Array([4, 0, 0, 0])), 0)
      return value[0] !== 0
    }
    for (const protection of [{}, { ttl: 64 }]) {
      const opened = Promise.withResolvers<TcpSocket>()
      const listener = await network.listenTcp({ address: '127.0.0.1', port: 0 }, opened.resolve)
      const ours = await network.connectTcp({ address: '127.0.0.1', port: listener.port, ...protection })
      const theirs = await opened.promise
      assert.deepEqual([isNoDelay(ours), isNoDelay(theirs)], [true, true])
      for (const socket of [ours, theirs]) socket.destroy()
      listener.close()
    }
  },
)

test('a dual-stack listener protects an IPv4 peer', { skip }, async () => {
  const peers = [{ remote: '127.0.0.1', md5Password: 'secret', ttl: 255, minTtl: 255 }]
  const listener = await network.listenTcp({ port: 0, peers }, echo)
  const where = { address: '127.0.0.1', port: listener.port }
  assert.equal(await exchanged(await network.connectTcp({ ...where, md5Password: 'secret', ttl: 255 })), 'hello')
  await assert.rejects(network.connectTcp({ ...where, timeoutMs: 150 }), { code: 'ETIMEDOUT' })
  listener.close()
})

test('what is wrong with an option is said, and nothing is left open', { skip }, async () => {
  const address = '127.0.0.1'
  await assert.rejects(network.connectTcp({ address, port: 9, interface: 'nosuch0' }), /ENODEV.*nosuch0/)
  await assert.rejects(
    network.bindUdp({ address, port: 0, interface: 'nosuch0' }, () => undefined),
    /ENODEV/,
  )
  await assert.rejects(network.listenTcp({ port: 0, peers: [{ remote: 'x', md5Password: 'y' }] }, echo), /EINVAL.*x/)
  for (const md5Password of ['', 'x'.repeat(81)]) {
    await assert.rejects(network.connectTcp({ address, port: 9, md5Password }), /EINVAL.*1 to 80 bytes/)
  }
  await assert.rejects(network.connectTcp({ address, port: 9, ttl: 255 }), { code: 'ECONNREFUSED' })
})
