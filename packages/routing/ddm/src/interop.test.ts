/** A `Ddm` against a neighbour written by hand: what exactly goes over the wire, and what happens when it is bad. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpFetch, type HttpServer, serveHttp } from '@lodestone/api'
import { type UdpSocket, VirtualClock } from '@lodestone/host'
import { Prefix } from '@lodestone/net'
import { encodeDiscovery } from './discovery-packet.ts'
import type { Timing } from './timing.ts'
import { LabNode, S0, S1, tunnel } from './lab.fixture.ts'
import { MemoryLinks, MemoryNode } from './memory-links.ts'

/** A scripted neighbour: answers solicitations, serves what the test says, keeps what it was sent. */
class Scripted {
  readonly clock = new VirtualClock()
  readonly node = new LabNode('sled0', this.clock)
  readonly raw = new MemoryNode('raw')
  readonly requests: { readonly what: string; readonly body: string }[] = []
  /** Requests that are taken and never answered. */
  readonly silent = new Set<string>()
  readonly answers = new Map<string, { status: number; body?: string }>()
  isAdvertising = true
  solicitations = 0
  #socket: UdpSocket | undefined
  #server: HttpServer | undefined

  constructor(timing: Partial<Timing> = { resyncMs: Infinity }) {
    new MemoryLinks(this.clock).join(this.node.network, 'nic0', this.raw, 'eth0')
    this.node.start('server', timing)
  }

  /** Datagrams to our own address. */
  readonly heard: number[][] = []

  async start(): Promise<void> {
    const local = `${this.raw.interfaces()[0]!.linkLocal}%eth0`
    this.#socket = await this.raw.bindUdp({ address: local, port: 3549 }, ({ payload }) =>
      this.heard.push([...payload]),
    )
    await this.raw.bindUdp({ address: 'ff02::dd%eth0', port: 3549, groups: ['ff02::dd%eth0'] }, (datagram) => {
      this.solicitations++
      assert.deepEqual([...datagram.payload], [2, 1, 0, 5, ...Buffer.from('sled0')])
      if (this.isAdvertising) this.sendDiscovery(ADVERTISEMENT)
    })
    this.#server = await serveHttp(this.raw, { address: local, port: 56797 }, async (request) => {
      const what = `${request.method} ${new URL(request.url).pathname}`
      this.requests.push({ what, body: await request.text() })
      if (this.silent.has(what)) await new Promise(() => {})
      const { status, body } = this.answers.get(what) ?? { status: 404 }
      return new Response(body ?? null, { status })
    })
  }

  stopServer(): void {
    this.#server?.close()
  }

  sendDiscovery(payload: Uint8Array): void {
    this.#socket!.send(payload, `${this.node.network.interfaces()[0]!.linkLocal}%eth0`, 3549)
  }

  /** @returns status and body. */
  async call(method: string, path: string, body?: string): Promise<readonly [number, string]> {
    const address = this.node.network.interfaces()[0]!.linkLocal
    const network = {
      name: 'raw',
      listenTcp: this.raw.listenTcp.bind(this.raw),
      bindUdp: this.raw.bindUdp.bind(this.raw),
      connectTcp: (options: Parameters<MemoryNode['connectTcp']>[0]) =>
        this.raw.connectTcp({ ...options, address: `${options.address}%eth0` }),
    }
    const init = body === undefined ? { method } : { method, body }
    const request = new Request(`http://[${address}]:56797${path}`, init)
    const answer = httpFetch(network)(request).then(
      async (response) => [response.status, await response.text()] as const,
    )
    return this.clock.run(answer, 10_000)
  }

  state(): string {
    return this.node.ddm.status().peers[0]!.status
  }
}

const ADVERTISEMENT = encodeDiscovery({
  version: 2,
  isSolicitation: false,
  isAdvertisement: true,
  kind: 'transit',
  hostname: 'raw',
})

test('a neighbour that speaks only version 2: pull and push both ways, the metric exact', async () => {
  const lab = new Scripted()
  await lab.start()
  lab.answers.set('GET /v2/pull', {
    status: 200,
    body:
      '{"underlay":[{"destination":{"addr":"fd00:1122:3344:102::","len":64},"path":["sled1","raw"]}],' +
      '"tunnel":[{"overlay_prefix":{"V4":{"addr":"0.0.0.0","len":0}},"boundary_addr":"fdb0::1","vni":99,"metric":18446744073709551615}]}',
  })
  lab.answers.set('PUT /v2/push', { status: 204 })
  lab.node.ddm.setOriginated([S0], [tunnel('fdb0::9')])
  await lab.clock.advance(500)
  assert.deepEqual(lab.node.hops(S1), ['nic0'])
  assert.deepEqual(lab.node.tunnels(), ['0.0.0.0/0 fdb0::1 99'])
  assert.deepEqual(lab.requests, [
    { what: 'GET /v3/pull', body: '' },
    { what: 'GET /v2/pull', body: '' },
    {
      what: 'PUT /v2/push',
      body:
        '{"underlay":{"announce":[{"destination":{"addr":"fd00:1122:3344:101::","len":64},"path":["sled0"]}],"withdraw":[]},' +
        '"tunnel":{"announce":[{"overlay_prefix":{"V4":{"addr":"0.0.0.0","len":0}},"boundary_addr":"fdb0::9","vni":99,"metric":18446744073709551615}],"withdraw":[]}}',
    },
  ])
  const withdrawal =
    '{"underlay":{"announce":[],"withdraw":[{"destination":{"addr":"fd00:1122:3344:102::","len":64},"path":["sled1","raw"]}]},' +
    '"tunnel":{"announce":[],"withdraw":[{"overlay_prefix":{"V4":{"addr":"0.0.0.0","len":0}},"boundary_addr":"fdb0::1","vni":99,"metric":18446744073709551615}]}}'
  assert.deepEqual(await lab.call('PUT', '/v2/push', withdrawal), [204, ''])
  assert.deepEqual(lab.node.hops(S1), [])
  assert.deepEqual(lab.node.tunnels(), [])
})

test('what is served in version 2 and 3', async () => {
  const lab = new Scripted()
  await lab.start()
  lab.node.ddm.setOriginated([S0], [tunnel('fdb0::1'), tunnel('fdb0::1', 0n, Prefix.of('::/0'))])
  await lab.clock.advance(500)
  assert.deepEqual(await lab.call('GET', '/v2/pull'), [
    200,
    '{"underlay":[{"destination":{"addr":"fd00:1122:3344:101::","len":64},"path":["sled0"]}],' +
      '"tunnel":[{"overlay_prefix":{"V4":{"addr":"0.0.0.0","len":0}},"boundary_addr":"fdb0::1","vni":99,"metric":18446744073709551615},' +
      '{"overlay_prefix":{"V6":{"addr":"::","len":0}},"boundary_addr":"fdb0::1","vni":99,"metric":0}]}',
  ])
  assert.deepEqual(await lab.call('GET', '/v3/pull'), [
    200,
    '{"underlay":[{"destination":"fd00:1122:3344:101::/64","path":["sled0"]}],' +
      '"tunnel":[{"overlay_prefix":"0.0.0.0/0","boundary_addr":"fdb0::1","vni":99,"metric":18446744073709551615},' +
      '{"overlay_prefix":"::/0","boundary_addr":"fdb0::1","vni":99,"metric":0}]}',
  ])
})

test('requests that are not ours, early or malformed are answered and counted', async () => {
  const lab = new Scripted()
  lab.isAdvertising = false
  await lab.start()
  await lab.clock.advance(500)
  assert.equal((await lab.call('GET', '/v3/pull'))[0], 503, 'no neighbour is known yet')
  assert.equal((await lab.call('PUT', '/v3/push', '{"underlay":null,"tunnel":null}'))[0], 503)
  lab.sendDiscovery(ADVERTISEMENT)
  await lab.clock.advance(10)
  assert.equal((await lab.call('PUT', '/v4/push', '{}'))[0], 404)
  assert.equal((await lab.call('DELETE', '/v3/pull'))[0], 405)
  assert.equal((await lab.call('GET', '/v3/push'))[0], 405)
  const malformed = ['', '{', '[]', '{"underlay":{"announce":[{}],"withdraw":[]}}', '['.repeat(100_000), '\u0000']
  for (const body of malformed) assert.equal((await lab.call('PUT', '/v3/push', body))[0], 400, body.slice(0, 40))
  assert.equal((await lab.call('PUT', '/v3/push', ' '.repeat((8 << 20) + 1)))[0], 413)
  assert.equal(lab.node.counter('pushes-malformed'), malformed.length + 1)
  assert.equal(lab.node.counter('pushes-early'), 1)
  assert.equal((await lab.call('PUT', '/v3/push', '{}'))[0], 204, 'both parts may be absent')
})

test('a path that contains our own name, or one name twice, is rejected, and withdrawn if it was there', async () => {
  const lab = new Scripted()
  await lab.start()
  lab.answers.set('GET /v3/pull', { status: 200, body: '{"underlay":null,"tunnel":null}' })
  lab.answers.set('PUT /v3/push', { status: 204 })
  await lab.clock.advance(500)
  const vector = (path: string): string => `{"destination":"${S1}","path":${path}}`
  const announce = `${vector('["a","raw"]')},${vector('["a","sled0","raw"]')},${vector('["a","b","a","raw"]')}`
  await lab.call('PUT', '/v3/push', `{"underlay":{"announce":[${announce}],"withdraw":[]},"tunnel":null}`)
  assert.equal(lab.node.counter('loops-rejected'), 2)
  assert.deepEqual(
    lab.node.ddm.status().prefixes[0]!.vectors.map(({ path }) => path),
    [['a', 'raw']],
  )
})

test('a failed push leads to Solicit without what was learned; withdrawals are made good at the next exchange', async () => {
  const lab = new Scripted()
  await lab.start()
  lab.answers.set('GET /v3/pull', {
    status: 200,
    body: `{"underlay":[{"destination":"${S1}","path":["sled1","raw"]}],"tunnel":null}`,
  })
  lab.answers.set('PUT /v3/push', { status: 204 })
  lab.node.ddm.originate([S0])
  await lab.clock.advance(500)
  assert.deepEqual(lab.node.hops(S1), ['nic0'])
  lab.answers.set('PUT /v3/push', { status: 500 })
  const other = Prefix.of('fd00:1122:3344:109::/64')
  lab.node.ddm.setOriginated([other], [])
  await lab.clock.advance(100)
  assert.equal(lab.state(), 'expired')
  assert.deepEqual(lab.node.hops(S1), [])
  assert.match(lab.node.ddm.status().peers[0]!.lostReason!, /a push failed: EPROTO.* answered 500/)
  lab.answers.set('PUT /v3/push', { status: 204 })
  lab.node.ddm.setOriginated([], [])
  lab.requests.length = 0
  await lab.clock.advance(2500)
  assert.equal(lab.state(), 'exchange')
  const push = lab.requests.find(({ what }) => what === 'PUT /v3/push')!
  assert.deepEqual(JSON.parse(push.body).underlay, {
    announce: [],
    // What it certainly has, and what the failed push may have left there.
    withdraw: [
      { destination: String(S0), path: ['sled0'] },
      { destination: String(other), path: ['sled0'] },
    ],
  })
})

test('a solicitation is answered to whoever sent it, and to nobody else', async () => {
  const lab = new Scripted()
  lab.isAdvertising = false
  await lab.start()
  await lab.clock.advance(100)
  const { solicitations } = lab
  lab.sendDiscovery(
    encodeDiscovery({ version: 2, isSolicitation: true, isAdvertisement: false, kind: 'server', hostname: 'raw' }),
  )
  await lab.clock.advance(10)
  assert.deepEqual(lab.heard, [[2, 2, 0, 5, ...Buffer.from('sled0')]])
  assert.equal(lab.solicitations, solicitations, 'the group hears nothing')
})

test('a pull that nobody answers is tried again, and nobody is pushed to who has not answered one', async () => {
  const lab = new Scripted()
  await lab.start()
  lab.stopServer()
  lab.node.ddm.originate([S0])
  await lab.clock.advance(1900)
  assert.equal(lab.state(), 'exchange', 'it still answers discovery')
  assert.ok(lab.node.counter('pulls-failed') >= 6)
  assert.equal(lab.node.counter('pushes-sent'), 0)
  assert.equal(lab.solicitations, 1)
})

test('a pull that is not answered within 250 ms has failed, and another one is sent 250 ms after that', async () => {
  const lab = new Scripted()
  lab.silent.add('GET /v3/pull')
  await lab.start()
  while (lab.node.counter('pulls-sent') === 0) await lab.clock.advance(1)
  const counts = (): number[] => [lab.node.counter('pulls-sent'), lab.node.counter('pulls-failed')]
  await lab.clock.advance(248)
  assert.deepEqual(counts(), [1, 0])
  await lab.clock.advance(4)
  assert.deepEqual(counts(), [1, 1])
  await lab.clock.advance(244)
  assert.deepEqual(counts(), [1, 1])
  await lab.clock.advance(8)
  assert.deepEqual(counts(), [2, 1])
})

test('while nothing changes the neighbour is asked for everything every 30 s, as a check', async () => {
  const lab = new Scripted({})
  await lab.start()
  lab.answers.set('GET /v3/pull', { status: 200, body: '{"underlay":null,"tunnel":null}' })
  await lab.clock.advance(29_900)
  assert.equal(lab.node.counter('pulls-sent'), 1)
  await lab.clock.advance(200)
  assert.equal(lab.node.counter('pulls-sent'), 2)
})

test('a push that is not answered within 3 s has failed', async () => {
  const lab = new Scripted()
  await lab.start()
  lab.answers.set('GET /v3/pull', { status: 200, body: '{"underlay":null,"tunnel":null}' })
  await lab.clock.advance(100)
  lab.silent.add('PUT /v3/push')
  lab.node.ddm.originate([S0])
  await lab.clock.advance(2900)
  assert.equal(lab.state(), 'exchange')
  await lab.clock.advance(200)
  assert.equal(lab.state(), 'expired')
  assert.match(lab.node.ddm.status().peers[0]!.lostReason!, /a push failed: ETIMEDOUT/)
})

test('a snapshot that is malformed is no answer', async () => {
  const lab = new Scripted()
  await lab.start()
  lab.answers.set('GET /v3/pull', { status: 200, body: `{"underlay":[{"destination":"${S1}"}],"tunnel":null}` })
  await lab.clock.advance(300)
  assert.ok(lab.node.counter('pulls-failed') >= 1)
  assert.equal(lab.node.rib.routeCount, 0)
  lab.answers.set('GET /v3/pull', {
    status: 200,
    body: `{"underlay":[{"destination":"${S1}","path":["x","raw"]}],"tunnel":null}`,
  })
  await lab.clock.advance(300)
  assert.deepEqual(lab.node.hops(S1), ['nic0'])
})

test('datagrams that are malformed, foreign or from nowhere are counted and change nothing', async () => {
  const lab = new Scripted()
  lab.isAdvertising = false
  await lab.start()
  await lab.clock.advance(100)
  for (let length = 0; length < ADVERTISEMENT.length; length++) lab.sendDiscovery(ADVERTISEMENT.subarray(0, length))
  lab.sendDiscovery(Uint8Array.of(9, 2, 0, 1, 65))
  lab.sendDiscovery(Uint8Array.of(2, 2, 7, 1, 65))
  lab.sendDiscovery(Uint8Array.of(2, 2, 0, 1, 0xff))
  lab.sendDiscovery(Uint8Array.of(2, 0, 0, 1, 65))
  await lab.clock.advance(100)
  assert.equal(lab.node.counter('datagrams-truncated'), ADVERTISEMENT.length)
  assert.equal(lab.node.counter('datagrams-bad-version'), 1)
  assert.equal(lab.node.counter('datagrams-bad-kind'), 1)
  assert.equal(lab.node.counter('datagrams-bad-hostname'), 1)
  assert.equal(lab.state(), 'solicit')
})
