import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TcpSocket } from '@lodestone/host'
import type { Impairments } from '@lodestone/link'
import { Prefix, Ip } from '@lodestone/net'
import { pairOfHosts, TestNetwork } from '../test-network.ts'
import type { TcpStream } from './stream.ts'
import { makeCookie, openCookie } from './syn-cookie.ts'

/** Bytes that depend on their position, so that any mix-up shows. */
function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = 12345
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0
    bytes[i] = state >>> 16
  }
  return bytes
}

function collect(socket: TcpSocket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks)))
    socket.on('error', reject)
  })
}

async function echoTransfer(impairments: Partial<Impairments>, seed: number, length: number, address = '10.0.0.2') {
  const { network, left, right, link } = pairOfHosts(impairments, seed)
  await right.listenTcp({ port: 7 }, (socket) => void socket.pipe(socket))
  const sent = pattern(length)
  const received = await network.clock.run(
    left.connectTcp({ address, port: 7 }).then((socket) => {
      const all = collect(socket)
      socket.end(sent)
      return all
    }),
  )
  assert.ok(received.equals(sent), `seed ${seed}: ${received.length} bytes came back of ${length}`)
  return { network, left, right, link }
}

describe('transfers', () => {
  test('an echo over a perfect link brings every byte back and leaves nothing behind', async () => {
    const { network } = await echoTransfer({}, 1, 300_000)
    assert.equal(await network.leaked(), 0)
  })

  for (const seed of [1, 2, 3]) {
    test(`5 MB come back intact through loss, reordering, duplicates and jitter (seed ${seed})`, async () => {
      const impairments = { loss: 0.02, delayMs: 5, jitterMs: 3, mayReorder: true, duplicate: 0.01 }
      const address = seed === 2 ? 'fd00::2' : '10.0.0.2'
      const { network } = await echoTransfer(impairments, seed, 5_000_000, address)
      assert.equal(await network.leaked(), 0)
    })
  }

  test('corrupted frames are caught by checksums and sent again', async () => {
    const { network, left, right } = await echoTransfer({ corrupt: 0.05, delayMs: 1 }, 5, 300_000)
    const drops = { ...left.counters(), ...right.counters() }
    assert.ok((drops['NS_TRANSPORT_CHECKSUM'] ?? 0) > 0)
    assert.equal(await network.leaked(), 0)
  })

  test('with a tenth of all frames lost a transfer waits for few timeouts, and with reordering it hardly repeats itself', async () => {
    const lossy = await echoTransfer({ loss: 0.1, delayMs: 5 }, 3, 500_000)
    const { tcpTimeouts = 0, tcpRetransmits, tcpRecoveries } = lossy.left.counters()
    assert.ok(tcpRecoveries! > 5 && tcpRetransmits! > 30)
    assert.ok(tcpTimeouts <= 8, `${tcpTimeouts} timeouts, ${tcpRetransmits} segments sent again`)
    assert.ok(lossy.network.clock.nowMs() < 15_000, `took ${lossy.network.clock.nowMs()} ms`)
    const reordered = await echoTransfer({ delayMs: 10, jitterMs: 2, mayReorder: true, rateBps: 100e6 }, 3, 2_000_000)
    const counters = reordered.left.counters()
    assert.equal(counters['tcpTimeouts'], undefined)
    assert.ok((counters['tcpRetransmits'] ?? 0) < 40, `${counters['tcpRetransmits']} of 1400 segments sent again`)
    assert.ok(reordered.network.clock.nowMs() < 2000, `took ${reordered.network.clock.nowMs()} ms`)
  })

  test('a link that is down for five seconds in the middle only delays a transfer', async () => {
    const { network, left, right, link } = pairOfHosts({ delayMs: 2, rateBps: 50e6 })
    let server: Promise<Buffer> | undefined
    await right.listenTcp({ port: 9 }, (socket) => {
      server = collect(socket)
      socket.end()
    })
    const sent = pattern(3_000_000)
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 9 }))
    socket.resume()
    socket.end(sent)
    await network.clock.advance(100)
    link.setUp(false)
    await network.clock.advance(5000)
    link.setUp(true)
    const received = await network.clock.run(server!)
    assert.ok(received.equals(sent))
    assert.ok(network.clock.nowMs() < 15_000, `took ${network.clock.nowMs()} ms`)
  })

  test('a reader that stops stops the writer, and nothing is lost when it goes on', async () => {
    const { network, left, right } = pairOfHosts({ delayMs: 1 })
    let paused: TcpSocket | undefined
    await right.listenTcp({ port: 9 }, (socket) => {
      paused = socket
    })
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 9 }))
    const sent = pattern(8_000_000)
    let isDone = false
    socket.end(sent, () => {
      isDone = true
    })
    await network.clock.advance(60_000)
    assert.equal(isDone, false)
    assert.equal(left.connections()[0]!.state, 'ESTABLISHED')
    const received = await network.clock.run(collect(paused!))
    assert.ok(received.equals(sent))
    assert.ok(isDone)
  })

  test('a transfer survives a smaller MTU on the way (path MTU discovery)', async () => {
    for (const [prefix, far] of [
      ['10.0', '10.0.2.2'],
      ['fd00:0:0:', 'fd00:0:0:2::2'],
    ] as const) {
      const network = new TestNetwork(3)
      const left = network.host('left')
      const router = network.host('router', { forwarding: true })
      const right = network.host('right')
      const isV4 = prefix === '10.0'
      const [l, r1, r2, r] = isV4
        ? ['10.0.1.1/24', '10.0.1.254/24', '10.0.2.254/24', '10.0.2.2/24']
        : ['fd00:0:0:1::1/64', 'fd00:0:0:1::254/64', 'fd00:0:0:2::254/64', 'fd00:0:0:2::2/64']
      network.join(left, 'nic0', [l!], router, 'port0', [r1!], {}, 9000)
      network.join(router, 'port1', [r2!], right, 'nic0', [r!], {}, 1400)
      // The far host believes in large frames, too.
      left.setRoute(Prefix.of(isV4 ? '0.0.0.0/0' : '::/0'), [{ via: Ip.of(r1!.split('/')[0]!), interface: 'nic0' }])
      right.setRoute(Prefix.of(isV4 ? '0.0.0.0/0' : '::/0'), [{ via: Ip.of(r2!.split('/')[0]!), interface: 'nic0' }])
      right.interface('nic0')!.mtuBytes = 9000
      let server: Promise<Buffer> | undefined
      await right.listenTcp({ port: 9 }, (socket) => {
        server = collect(socket)
        socket.end()
      })
      const sent = pattern(500_000)
      const socket = await network.clock.run(left.connectTcp({ address: far, port: 9 }))
      socket.resume()
      socket.end(sent)
      await network.clock.advance(1000)
      assert.ok((await network.clock.run(server!)).equals(sent))
      assert.ok(router.counters()['NS_TOO_BIG']! > 0)
    }
  })
})

describe('connections', () => {
  test('a port that nobody listens on refuses', async () => {
    const { network, left } = pairOfHosts()
    await assert.rejects(network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 81 })), {
      code: 'ECONNREFUSED',
    })
    await assert.rejects(network.clock.run(left.connectTcp({ address: 'fd00::2', port: 81 })), { code: 'ECONNREFUSED' })
  })

  test('no route, no neighbor and no answer are told apart', async () => {
    const { network, left, link } = pairOfHosts()
    await assert.rejects(left.connectTcp({ address: '192.0.2.1', port: 80 }), { code: 'ENETUNREACH' })
    await assert.rejects(network.clock.run(left.connectTcp({ address: '10.0.0.99', port: 80 })), {
      code: 'EHOSTUNREACH',
    })
    assert.ok(network.clock.nowMs() < 5000)
    await network.clock.run(left.ping('10.0.0.2'))
    link.configure({ loss: 1 })
    await assert.rejects(network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80, timeoutMs: 2000 })), {
      code: 'ETIMEDOUT',
    })
    assert.deepEqual(left.connections(), [])
  })

  test('half close: the answer still comes after our end', async () => {
    const { network, left, right } = pairOfHosts({ delayMs: 1 })
    await right.listenTcp({ port: 9 }, (socket) => {
      void collect(socket).then((question) => socket.end(`${question.toString()} heard`))
    })
    const socket = await network.clock.run(left.connectTcp({ address: 'fd00::2', port: 9 }))
    socket.end('hello')
    assert.equal((await network.clock.run(collect(socket))).toString(), 'hello heard')
    await network.clock.advance(2000)
    assert.deepEqual(left.connections(), [])
    assert.deepEqual(right.connections(), [])
  })

  test('destroy resets the peer', async () => {
    const { network, left, right } = pairOfHosts({ delayMs: 1 })
    const errors: unknown[] = []
    await right.listenTcp({ port: 9 }, (socket) => {
      socket.on('error', (error: { code?: string }) => errors.push(error.code))
      socket.resume()
    })
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 9 }))
    socket.write('x')
    await network.clock.advance(10)
    socket.destroy()
    await network.clock.advance(10)
    assert.deepEqual(errors, ['ECONNRESET'])
    assert.deepEqual(left.connections(), [])
    assert.deepEqual(right.connections(), [])
  })

  test('a port is listened on once, on addresses that exist', async () => {
    const { left } = pairOfHosts()
    const listener = await left.listenTcp({ port: 80 }, () => undefined)
    await assert.rejects(
      left.listenTcp({ port: 80 }, () => undefined),
      { code: 'EADDRINUSE' },
    )
    await assert.rejects(
      left.listenTcp({ port: 81, address: '10.0.0.2' }, () => undefined),
      { code: 'EADDRNOTAVAIL' },
    )
    listener.close()
    await left.listenTcp({ port: 80 }, () => undefined)
    assert.ok((await left.listenTcp({ port: 0 }, () => undefined)).port >= 49152)
  })

  test('link-local peers talk, and their addresses carry the interface', async () => {
    const { network, left, right } = pairOfHosts()
    const target = right.interface('nic0')!.linkLocal!
    let seen = ''
    await right.listenTcp({ port: 179 }, (socket) => {
      seen = socket.remoteAddress
      socket.end('hi')
    })
    const socket = await network.clock.run(left.connectTcp({ address: `${target}%nic0`, port: 179 }))
    assert.equal((await network.clock.run(collect(socket))).toString(), 'hi')
    assert.equal(seen, `${left.interface('nic0')!.linkLocal}%nic0`)
    assert.equal(socket.remoteAddress, `${target}%nic0`)
  })

  test('a host talks to itself', async () => {
    const { network, left } = pairOfHosts()
    await left.listenTcp({ port: 80 }, (socket) => void socket.pipe(socket))
    for (const address of ['127.0.0.1', '::1', '10.0.0.1', 'fd00::1']) {
      const socket = await network.clock.run(left.connectTcp({ address, port: 80 }))
      socket.end('me')
      assert.equal((await network.clock.run(collect(socket))).toString(), 'me')
    }
    assert.equal(await network.leaked(), 0)
  })

  test('a listener takes no more half-open connections than its backlog', async () => {
    const { network, left, right, link } = pairOfHosts({}, 1, { synCookies: false })
    await network.clock.run(left.ping('10.0.0.2'))
    await right.listenTcp({ port: 80 }, () => undefined)
    link.configure({ loss: 1 }, 'b-to-a')
    for (let i = 0; i < 200; i++)
      left.connectTcp({ address: '10.0.0.2', port: 80, timeoutMs: 500 }).catch(() => undefined)
    await network.clock.advance(100)
    assert.equal(right.connections().length, 128)
    assert.equal(right.counters()['NS_TCP_BACKLOG'], 72)
    await network.clock.advance(200_000)
    assert.deepEqual(right.connections(), [])
  })

  test('behind a full backlog cookies let honest peers in, and a flood of SYNs costs no memory', async () => {
    const { network, left, right, link } = pairOfHosts({ delayMs: 1 }, 1, { synBacklog: 4 })
    await network.clock.run(left.ping('10.0.0.2'))
    const greetings: string[] = []
    await right.listenTcp({ port: 80 }, (socket) => socket.on('data', (chunk) => greetings.push(String(chunk))))
    link.configure({ loss: 1 }, 'b-to-a')
    for (let i = 0; i < 500; i++)
      left.connectTcp({ address: '10.0.0.2', port: 80, timeoutMs: 500 }).catch(() => undefined)
    await network.clock.advance(100)
    assert.equal(right.connections().length, 4)
    assert.ok(right.counters()['tcpSynCookiesSent']! >= 496)
    link.configure({ loss: 0 }, 'b-to-a')
    const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80, timeoutMs: 5000 }))
    socket.end('hello')
    await network.clock.advance(50)
    assert.deepEqual(greetings, ['hello'])
    assert.equal(right.counters()['tcpSynCookiesAccepted'], 1)
    await network.clock.advance(200_000)
    assert.equal(await network.leaked(), 0)
  })

  test('an acknowledgment that proves no cookie of ours opens nothing', async () => {
    const key = Uint32Array.of(1, 2)
    const tuple = Int32Array.from({ length: 10 }, (_, i) => i * 77)
    const value = makeCookie(key, tuple, 1234, 1460, 1000)
    assert.equal(openCookie(key, tuple, 1234, value, 1000), 1460)
    assert.equal(openCookie(key, tuple, 1234, value, 100_000), 1460, 'the next period')
    assert.equal(openCookie(key, tuple, 1234, value, 200_000), -1, 'too late')
    assert.equal(openCookie(key, tuple, 1235, value, 1000), -1, 'another sequence number')
    assert.equal(openCookie(key, tuple, 1234, value ^ 1, 1000), -1, 'another hash')
    assert.equal(openCookie(Uint32Array.of(1, 3), tuple, 1234, value, 1000), -1, 'another key')
  })

  test('keep-alive finds out that the peer is gone, and leaves a living one alone', async () => {
    const { network, left, right, link } = pairOfHosts({}, 1, { keepAliveIntervalMs: 1000, keepAliveProbes: 3 })
    await right.listenTcp({ port: 80 }, (socket) => socket.resume())
    const socket = (await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))) as TcpStream
    const errors: NodeJS.ErrnoException[] = []
    socket.on('error', (each) => errors.push(each))
    socket.setKeepAlive(true, 10_000)
    await network.clock.advance(100_000)
    assert.equal(errors.length, 0)
    link.configure({ loss: 1 })
    const cutMs = network.clock.nowMs()
    await network.clock.until(() => errors.length > 0, 100_000)
    assert.equal(errors[0]?.code, 'ETIMEDOUT')
    const took = network.clock.nowMs() - cutMs
    assert.ok(took > 3000 && took < 15_000, `took ${took} ms`)
  })

  test('setNoDelay(false) makes small writes wait for the acknowledgment of earlier ones (Nagle)', async () => {
    for (const noDelay of [true, false]) {
      const { network, left, right, link } = pairOfHosts({ delayMs: 5 })
      await right.listenTcp({ port: 80 }, (socket) => socket.resume())
      const socket = (await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 80 }))) as TcpStream
      socket.setNoDelay(noDelay)
      const before = link.counters('a-to-b').framesIn
      for (let i = 0; i < 20; i++) {
        socket.write('x')
        await network.clock.advance(1)
      }
      await network.clock.advance(500)
      const segments = link.counters('a-to-b').framesIn - before
      assert.ok(noDelay ? segments >= 20 : segments <= 4, `${segments} segments with noDelay ${noDelay}`)
    }
  })
})
