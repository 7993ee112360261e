import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Prefix } from '@lodestone/net'
import { Arena } from '@lodestone/frame'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import { pairOfHosts, TestNetwork } from './test-network.ts'

/** Frames of a real conversation: ARP, NDP, ICMP, UDP and TCP in both families, with options. */
async function recorded(): Promise<Uint8Array[]> {
  const { network, left, right, link } = pairOfHosts({ loss: 0.05 }, 9)
  const frames: Uint8Array[] = []
  link.tap((slot, direction) => {
    if (direction === 'a-to-b') frames.push(network.arena.peek(slot).slice())
  })
  await right.listenTcp({ port: 80 }, (socket) => void socket.pipe(socket))
  await right.bindUdp({ port: 53 }, () => undefined)
  for (const address of ['10.0.0.2', 'fd00::2']) {
    await network.clock.run(left.ping(address, { timeoutMs: 5000 }))
    const socket = await left.bindUdp({ port: 0 }, () => undefined)
    socket.send(new Uint8Array(100), address, 53)
    socket.send(new Uint8Array(100), address, 54)
    const stream = await network.clock.run(left.connectTcp({ address, port: 80 }))
    stream.on('error', () => undefined)
    stream.resume()
    stream.end(Buffer.alloc(20_000))
    await network.clock.advance(3000)
  }
  return frames
}

/** Offers frames to a router that also serves, and checks that each is accounted for and nothing is kept. */
async function survives(frames: readonly Uint8Array[]): Promise<Readonly<Record<string, number>>> {
  const network = new TestNetwork(5, 2048)
  const right = network.host('right', { forwarding: true })
  const link = network.join(network.host('left'), 'nic0', [], right, 'nic0', ['10.0.0.2/24', 'fd00::2/64'])
  right.setRoute(Prefix.of('0.0.0.0/0'), [{ interface: 'nic0' }])
  right.setRoute(Prefix.of('::/0'), [{ interface: 'nic0' }])
  await right.listenTcp({ port: 80 }, (socket) => {
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await right.bindUdp({ port: 53 }, () => undefined)
  const slots = new Int32Array(1)
  const nic = right.interface('nic0')!
  const before = nic.framesIn
  for (const frame of frames) {
    slots[0] = network.arena.from(frame)
    if (slots[0] >= 0) nic.receive(slots, 1)
  }
  assert.equal(nic.framesIn - before, frames.length)
  await network.clock.advance(1000)
  void link
  assert.equal(await network.leaked(), 0)
  return right.counters()
}

test('truncation of real frames at every length, and every flipped byte of their headers, is survived', async () => {
  const real = await recorded()
  const kinds = new Map<string, Uint8Array>()
  for (const frame of real) kinds.set(`${frame.length} ${frame.subarray(12, 24).join()}`, frame)
  const samples = [...kinds.values()].slice(0, 24)
  assert.ok(samples.length > 10)
  const frames: Uint8Array[] = []
  for (const frame of samples) {
    for (let length = 0; length < Math.min(frame.length, 110); length++) frames.push(frame.slice(0, length))
    for (let at = 12; at < Math.min(frame.length, 90); at++) {
      const bent = frame.slice()
      bent[at]! ^= 1 << (at & 7)
      frames.push(bent)
    }
  }
  const counters = await survives(frames)
  assert.ok(counters['NS_MALFORMED']! > 100)
})

test('random bytes behind plausible Ethernet headers are dropped with a reason', async () => {
  const etherType = fc.constantFrom([0x08, 0x00], [0x86, 0xdd], [0x08, 0x06], [0x81, 0x00], [0x12, 0x34])
  const mac = fc.constantFrom([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [2, 0, 0, 0, 0, 2], [0x33, 0x33, 0, 0, 0, 1])
  const start = fc.constantFrom([], [0x45], [0x60], [0x46, 0, 0, 80], [0x60, 0, 0, 0, 0, 40, 58, 255])
  const frame = fc
    .tuple(mac, etherType, start, fc.uint8Array({ maxLength: 150 }))
    .map(([to, type, head, rest]) => Uint8Array.from([...to, 2, 0, 0, 0, 0, 9, ...type, ...head, ...rest]))
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 60 }), async (frames) => {
      await survives(frames)
    }),
    fuzzRuns(25),
  )
})

test('an exhausted arena costs packets and nothing else', async () => {
  const network = new TestNetwork(1, 64)
  const left = network.host('left')
  const right = network.host('right')
  network.join(left, 'nic0', ['10.0.0.1/24'], right, 'nic0', ['10.0.0.2/24'], { delayMs: 5 })
  await right.listenTcp({ port: 9 }, (socket) => void socket.pipe(socket))
  const socket = await network.clock.run(left.connectTcp({ address: '10.0.0.2', port: 9 }))
  let received = 0
  socket.on('data', (chunk: Uint8Array) => (received += chunk.length))
  socket.end(Buffer.alloc(300_000))
  const hoard: number[] = []
  for (let i = 0; i < 40; i++) hoard.push(network.arena.alloc(100))
  await network.clock.advance(500)
  for (const slot of hoard) if (slot >= 0) network.arena.free(slot)
  await network.clock.advance(10_000)
  assert.equal(received, 300_000)
  assert.ok(network.arena.exhausted > 0)
  assert.ok(left.counters()['NS_NO_SLOT']! > 0)
  assert.ok(network.arena instanceof Arena)
  assert.equal(await network.leaked(), 0)
})
