import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Datagram } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import {
  fixIpv4Checksum,
  ipv4Ecn,
  ipv6Ecn,
  IPV4_MIN,
  IPV6_MIN,
  IPV6_FRAGMENT_MIN,
  IpProtocol,
  setIpv4Flags,
  setIpv4FragmentOffset,
  setIpv4Identification,
  setIpv6NextHeader,
  UDP_MIN,
  writeIpv6Fragment,
  writeUdp,
} from '@lodestone/packet'
import { ipHeaderLength, outputIp, writeIpHeader } from './ip-output.ts'
import type { Netstack } from './netstack.ts'
import type { ReassemblyLimits } from './reassembly.ts'
import { pairOfHosts, TestNetwork } from './test-network.ts'

const ENDS = { 4: ['10.0.0.1', '10.0.0.2'], 6: ['fd00::1', 'fd00::2'] } as const

interface Piece {
  readonly offset: number
  readonly data: Uint8Array
  readonly hasMore: boolean
  readonly id?: number
  readonly from?: string
  readonly ecn?: number
}

/** Sends one hand-made UDP fragment from `left` to `right`. */
function sendPiece(left: Netstack, family: 4 | 6, piece: Piece): void {
  const { stack } = left
  const isV4 = family === 4
  const header = ipHeaderLength(family) + (isV4 ? 0 : IPV6_FRAGMENT_MIN)
  const slot = stack.allocIp(header + piece.data.length)
  const { bytes } = stack.arena
  const at = stack.arena.start(slot)
  const [from, to] = ENDS[family]
  writeIpHeader(stack, slot, Ip.of(piece.from ?? from), Ip.of(to), IpProtocol.udp, 64, piece.ecn)
  if (isV4) {
    setIpv4Identification(bytes, at, piece.id ?? 77)
    setIpv4Flags(bytes, at, piece.hasMore ? 1 : 0)
    setIpv4FragmentOffset(bytes, at, piece.offset / 8)
    fixIpv4Checksum(bytes, at)
  } else {
    setIpv6NextHeader(bytes, at, IpProtocol.fragment)
    writeIpv6Fragment(bytes, at + IPV6_MIN, {
      nextHeader: IpProtocol.udp,
      fragmentOffset: piece.offset / 8,
      more: piece.hasMore ? 1 : 0,
      identification: piece.id ?? 77,
    })
  }
  bytes.set(piece.data, at + header)
  left.batch(() => outputIp(stack, slot))
}

/** A UDP message to port 9 whose IPv4 checksum is left out and whose IPv6 one is right for `ENDS`. */
function message(left: Netstack, family: 4 | 6, length: number): Uint8Array {
  const payload = Uint8Array.from({ length }, (_, i) => i * 31)
  const out = new Uint8Array(UDP_MIN + length)
  writeUdp(out, 0, { srcPort: 5, dstPort: 9, length: out.length, checksum: 0 })
  out.set(payload, UDP_MIN)
  if (family === 4) return out
  // Let the stack compute it over a whole packet and take it from there.
  let sum = IpProtocol.udp + out.length
  const [from, to] = ENDS[6]
  const all = [...Ip.of(from).bytes, ...Ip.of(to).bytes, ...out]
  for (let i = 0; i < all.length; i += 2) sum += (all[i]! << 8) | (all[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  out[6] = (~sum >>> 8) & 0xff
  out[7] = ~sum & 0xff
  return out
}

function cut(data: Uint8Array, at: readonly number[]): Piece[] {
  const edges = [0, ...at, data.length]
  return edges.slice(1).map((until, i) => ({
    offset: edges[i]!,
    data: data.subarray(edges[i]!, until),
    hasMore: until < data.length,
  }))
}

async function lab(reassembly: Partial<ReassemblyLimits> = {}) {
  const network = new TestNetwork()
  const left = network.host('left')
  const right = network.host('right', { reassembly })
  network.join(left, 'nic0', ['10.0.0.1/16', 'fd00::1/64'], right, 'nic0', ['10.0.0.2/16', 'fd00::2/64'], {
    delayMs: 1,
  })
  const got: Datagram[] = []
  await right.bindUdp({ port: 9 }, (datagram) => void got.push(datagram))
  for (const to of ['10.0.0.2', 'fd00::2']) await network.clock.run(left.ping(to))
  return { network, left, right, got }
}

describe('fragments', () => {
  for (const family of [4, 6] as const) {
    test(`IPv${family}: datagrams longer than the MTU arrive whole, and so do their echoes`, async () => {
      const { network, left, right } = pairOfHosts({ delayMs: 1, jitterMs: 1, mayReorder: true })
      const [from, to] = ENDS[family]
      const back: Datagram[] = []
      const server = await right.bindUdp({ address: to, port: 9 }, ({ payload, remoteAddress, remotePort }) =>
        server.send(payload, remoteAddress, remotePort),
      )
      const client = await left.bindUdp({ address: from, port: 0 }, (datagram) => void back.push(datagram))
      const payload = Uint8Array.from({ length: 8000 }, (_, i) => i ^ (i >> 8))
      client.send(payload, to, 9)
      await network.clock.advance(2000)
      assert.deepEqual(back[0]?.payload, payload)
      const [pong] = await network.clock.run(left.ping(to, { payloadBytes: 5000 }))
      assert.equal(pong!.outcome, 'reply')
      assert.deepEqual(right.stack.reassembly.size, { packets: 0, bytes: 0 })
      assert.equal(await network.leaked(), 0)
    })

    test(`IPv${family}: pieces in any order, and repeated ones, make the packet once`, async () => {
      const { network, left, got, right } = await lab()
      const data = message(left, family, 1000)
      const pieces = cut(data, [8, 400, 800])
      for (const order of [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [2, 0, 2, 3, 0, 1],
      ]) {
        for (const i of order) sendPiece(left, family, { ...pieces[i]!, id: order[0]! + 100 })
        await network.clock.advance(10)
      }
      assert.equal(got.length, 3)
      for (const datagram of got) assert.deepEqual(datagram.payload, data.subarray(UDP_MIN))
      assert.deepEqual(right.stack.reassembly.size, { packets: 0, bytes: 0 })
    })

    test(`IPv${family}: fragments that overlap are given up with all that follows (RFC 5722)`, async () => {
      const { network, left, right, got } = await lab()
      const data = message(left, family, 1000)
      const [first, second, last] = cut(data, [400, 800])
      sendPiece(left, family, first!)
      sendPiece(left, family, { ...second!, offset: 392 })
      sendPiece(left, family, second!)
      sendPiece(left, family, last!)
      await network.clock.advance(10)
      assert.equal(got.length, 0)
      assert.equal(right.counters()['NS_FRAGMENT_OVERLAP'], 3)
      assert.equal(right.stack.reassembly.size.bytes, 0)
      await network.clock.advance(61_000)
      assert.equal(right.stack.reassembly.size.packets, 0)
    })

    test(`IPv${family}: after a minute an unfinished packet is dropped, and its sender told when the first came`, async () => {
      const { network, left, right } = await lab()
      const data = message(left, family, 1000)
      const before = right.counters()['sent']!
      sendPiece(left, family, cut(data, [400])[0]!)
      sendPiece(left, family, { ...cut(data, [400])[1]!, id: 78 })
      await network.clock.advance(59_000)
      assert.equal(right.stack.reassembly.size.packets, 2)
      await network.clock.advance(2000)
      assert.equal(right.stack.reassembly.size.packets, 0)
      assert.equal(right.counters()['NS_FRAGMENT_TIMEOUT'], 2)
      await network.clock.advance(10_000)
      assert.ok(right.counters()['sent']! > before)
      assert.equal(left.counters()['NS_ICMP_UNHANDLED'], undefined)
      assert.equal(await network.leaked(), 0)
    })
  }

  test('what a flood of fragments can make a host remember is bounded, and honest packets still come through', async () => {
    const { network, left, right, got } = await lab({ packets: 20, packetsPerSource: 5, bytes: 30_000 })
    const junk = { offset: 800, data: new Uint8Array(800), hasMore: true }
    for (let i = 0; i < 500; i++) sendPiece(left, 4, { ...junk, id: i, from: `10.0.${i % 200}.77` })
    await network.clock.advance(10)
    for (let i = 0; i < 500; i++) sendPiece(left, 4, { ...junk, id: i })
    await network.clock.advance(10)
    const { packets, bytes } = right.stack.reassembly.size
    assert.ok(packets <= 20 && bytes <= 30_000, `${packets} packets, ${bytes} bytes`)
    assert.ok(right.counters()['NS_FRAGMENT_LIMIT']! > 900)
    const data = message(left, 4, 1000)
    for (const piece of cut(data, [400])) sendPiece(left, 4, { ...piece, id: 9999 })
    await network.clock.advance(10)
    assert.equal(got.length, 1)
    assert.equal(await network.leaked(), 0)
  })

  test('each limit holds by itself: packets and bytes, in all and of one source', async () => {
    const junk = { offset: 800, data: new Uint8Array(800), hasMore: true }
    for (const [limits, sources, packets, bytes] of [
      [{ packets: 4 }, 20, 4, Infinity],
      [{ packetsPerSource: 3 }, 1, 3, Infinity],
      [{ packetsPerSource: 3 }, 4, 12, Infinity],
      [{ bytes: 9000 }, 20, Infinity, 9000],
      [{ bytesPerSource: 5000 }, 1, Infinity, 5000],
      [{ bytesPerSource: 5000 }, 3, Infinity, 15_000],
    ] as const) {
      const { network, left, right } = await lab(limits)
      for (let i = 0; i < 60; i++) sendPiece(left, 4, { ...junk, id: i, from: `10.0.${i % sources}.77` })
      await network.clock.advance(10)
      const { size } = right.stack.reassembly
      const text = `${JSON.stringify(limits)} of ${sources}: ${JSON.stringify(size)}`
      assert.ok(size.packets <= packets && size.bytes <= bytes, text)
      assert.ok(size.packets === packets || size.bytes > bytes / 2, `and is used: ${text}`)
    }
  })

  test('the story of a fragment ends where it waits for the others, also of one that is there already', async () => {
    for (const family of [4, 6] as const) {
      const { network, left } = await lab()
      const [first, second] = cut(message(left, family, 1000), [504])
      const ends: string[] = []
      const stop = network.tracer.listen(({ node, step }) => {
        if (node !== 'right') return
        if (step.kind === 'punted') ends.push(`${step.to}: ${step.detail}`)
        if (step.kind === 'delivered' || step.kind === 'dropped') ends.push(step.kind)
      })
      for (const piece of [second!, second!, first!]) sendPiece(left, family, piece)
      await network.clock.advance(10)
      stop()
      assert.deepEqual(ends, [
        'reassembly: bytes 504 to 1008',
        'reassembly: a fragment that is there already',
        'reassembly: bytes 0 to 504',
        'delivered',
      ])
    }
  })

  test('a mark of congestion on one fragment is one on the packet (RFC 3168 §5.3)', async () => {
    for (const family of [4, 6] as const) {
      const { network, left, right } = pairOfHosts({ delayMs: 1 })
      const { arena } = network
      const seen: number[] = []
      await network.clock.run(left.ping(ENDS[family][1]))
      right.interceptUdp(9, (slots, count) => {
        for (let i = 0; i < count; i++) {
          // A packet that was put together starts at its IP header.
          const at = arena.start(slots[i]!)
          seen.push(family === 4 ? ipv4Ecn(arena.bytes, at) : ipv6Ecn(arena.bytes, at))
          arena.free(slots[i]!)
        }
      })
      const data = message(left, family, 1000)
      for (const marked of [1, -1]) {
        cut(data, [400, 800]).forEach((piece, i) =>
          sendPiece(left, family, { ...piece, id: 100 + marked, ecn: i === marked ? 3 : 2 }),
        )
        await network.clock.advance(10)
      }
      assert.deepEqual(seen, [3, 2], `IPv${family}`)
    }
  })

  test('pieces that contradict each other or are too long are counted and held by nobody', async () => {
    const { network, left, right, got } = await lab()
    sendPiece(left, 4, { offset: 0, data: new Uint8Array(13), hasMore: true, id: 1 })
    sendPiece(left, 4, { offset: 65_528, data: new Uint8Array(64), hasMore: true, id: 2 })
    sendPiece(left, 4, { offset: 800, data: new Uint8Array(80), hasMore: false, id: 3 })
    sendPiece(left, 4, { offset: 880, data: new Uint8Array(80), hasMore: true, id: 3 })
    await network.clock.advance(10)
    assert.equal(got.length, 0)
    assert.equal(right.counters()['NS_FRAGMENT'], 2)
    assert.equal(right.counters()['NS_FRAGMENT_LIMIT'], 1)
    assert.equal(right.stack.reassembly.size.bytes, 0)
  })

  test('a router cuts IPv4 packets that allow it and refuses those that do not; IPv6 sources cut after its word', async () => {
    const network = new TestNetwork()
    const left = network.host('left')
    const router = network.host('router', { forwarding: true })
    const right = network.host('right')
    network.join(left, 'nic0', ['10.0.1.1/24', 'fd00:1::1/64'], router, 'p0', ['10.0.1.9/24', 'fd00:1::9/64'], {}, 4000)
    network.join(
      router,
      'p1',
      ['10.0.2.9/24', 'fd00:2::9/64'],
      right,
      'nic0',
      ['10.0.2.2/24', 'fd00:2::2/64'],
      {},
      1400,
    )
    const { Prefix } = await import('@lodestone/net')
    left.setRoute(Prefix.of('0.0.0.0/0'), [{ via: Ip.of('10.0.1.9'), interface: 'nic0' }])
    left.setRoute(Prefix.of('::/0'), [{ via: Ip.of('fd00:1::9'), interface: 'nic0' }])
    right.setRoute(Prefix.of('0.0.0.0/0'), [{ via: Ip.of('10.0.2.9'), interface: 'nic0' }])
    right.setRoute(Prefix.of('::/0'), [{ via: Ip.of('fd00:2::9'), interface: 'nic0' }])
    for (const to of ['10.0.2.2', 'fd00:2::2']) {
      // 3000 bytes fit the first link with "don't fragment": refused. The path is known then, and the source cuts.
      const [first, second] = await network.clock.run(left.ping(to, { payloadBytes: 3000, count: 2 }))
      assert.equal(first!.outcome, 'too-big', to)
      assert.equal(second!.outcome, 'reply', to)
    }
    // 6000 bytes are cut to 4000 by the source, without "don't fragment", before the path is known: cut again on the way.
    const fresh = network.host('fresh')
    network.join(fresh, 'nic0', ['10.0.3.1/24'], router, 'p2', ['10.0.3.9/24'], {}, 4000)
    fresh.setRoute(Prefix.of('0.0.0.0/0'), [{ via: Ip.of('10.0.3.9'), interface: 'nic0' }])
    const [third] = await network.clock.run(fresh.ping('10.0.2.2', { payloadBytes: 6000 }))
    assert.equal(third!.outcome, 'reply')
    assert.equal(IPV4_MIN, 20)
    assert.equal(await network.leaked(), 0)
  })
})
