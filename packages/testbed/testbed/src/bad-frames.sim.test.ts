/**
 * Bad frames at every port of every node: cut at each length, above the MTU, random, and real ones with bytes changed. Nothing
 * throws, each frame comes to an end that some component counts or tells, no slot of the arena is lost, and the rack goes on working.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Random, SeededRandom } from '@lodestone/host'
import type { Link } from '@lodestone/link'
import { allowTcp, defaultRules } from './control-plane.fixture.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const ADDRESS = '198.51.100.20'
const random: Random = new SeededRandom(7)

let lab: RackLab
let guest: LabGuest
/** Frames that really crossed each link, up to eight of each length and direction. */
const seen = new Map<string, Uint8Array[]>()

before(async () => {
  lab = await RackLab.start()
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  await lab.boot({ name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: [ADDRESS] })
  guest = await lab.attach({ name: 'db', sled: 0, vpc: VPC, ip: '172.30.0.6', floating: ['198.51.100.21'] })
  const stops = [...lab.emulation.links().values()].map((link) =>
    link.tap((slot, direction) => {
      const frames = seen.get(`${link.name} ${direction}`) ?? []
      seen.set(`${link.name} ${direction}`, frames)
      const bytes = lab.world.arena.peek(slot)
      if (frames.filter((frame) => frame.length === bytes.length).length < 2) frames.push(bytes.slice())
    }),
  )
  await use()
  await lab.run(lab.control.pushMappings())
  await lab.run(lab.control.pushNat())
  await lab.clock.advance(5000)
  for (const stop of stops) stop()
})
after(() => lab.close())

test('frames shorter than Ethernet and longer than the MTU are dropped and counted at every port', async () => {
  for (const link of lab.emulation.links().values()) {
    for (const [direction, end] of ends(link)) {
      const before = link.counters(direction)
      for (let length = 0; length < 14; length++) inject(end, random.bytes(length))
      for (const over of [5, 6, 100]) inject(end, new Uint8Array(link.mtuBytes + 14 + over))
      const { drops } = link.counters(direction)
      assert.equal((drops['LINK_RUNT'] ?? 0) - (before.drops['LINK_RUNT'] ?? 0), 14, link.name)
      assert.equal((drops['LINK_OVERSIZE'] ?? 0) - (before.drops['LINK_OVERSIZE'] ?? 0), 3, link.name)
    }
  }
  await settled()
})

test('real frames cut at every length come to an end at every port', async () => {
  await everyFrame((frame) => {
    const cut: Uint8Array[] = []
    for (let length = 14; length < Math.min(frame.length, 130); length += 3) cut.push(frame.subarray(0, length))
    return cut
  })
})

test('random frames come to an end at every port', async () => {
  const types = [0x0800, 0x86dd, 0x0806, 0x8100, 0x0901, 0x88a8]
  await everyFrame((frame) =>
    [...types, ...types, ...types, ...types, ...types].map((type) => {
      const bytes = random.bytes(14 + random.below(200))
      // To the receiver's own MAC, so that it is looked at.
      bytes.set(frame.subarray(0, 6))
      new DataView(bytes.buffer).setUint16(12, type)
      if (type === 0x0800) bytes[14] = 0x45
      if (type === 0x86dd) bytes[14] = 0x60
      return bytes
    }),
  )
})

test('real frames with bytes changed come to an end at every port', async () => {
  await everyFrame((frame) =>
    Array.from({ length: 30 }, () => {
      const bytes = frame.slice()
      // Not in ARP, which has no checksum: whoever is on a cable can say who has an address. Those are cut short instead.
      const isNeighbor = bytes[12] === 8 && bytes[13] === 6
      if (isNeighbor) return bytes.subarray(0, 20)
      for (let flips = 1 + random.below(4); flips > 0; flips--)
        bytes[14 + random.below(bytes.length - 14)]! ^= 1 << random.below(8)
      return bytes
    }),
  )
})

test('after all this the rack still works, and so does its control plane', async () => {
  await lab.untilReady(60_000)
  await use()
  await lab.run(lab.control.pushNat())
})

async function use(): Promise<void> {
  const page = await lab.fetch(lab.client.stack, `http://${ADDRESS}/`)
  assert.equal(page.status, 200)
  for (const ip of ['172.30.0.5', ADDRESS, '203.0.113.9']) {
    const [answer] = await lab.run(guest.stack.ping(ip))
    assert.equal(answer!.outcome, 'reply', ip)
  }
}

/** Injects what `make` makes of each seen frame, and wants to hear how each ends. */
async function everyFrame(make: (frame: Uint8Array) => readonly Uint8Array[]): Promise<void> {
  const open = new Map<number, string>()
  const drops: Record<string, number> = {}
  const stop = lab.world.tracer.listen(({ packet, step }) => {
    if (step.kind === 'delivered' || step.kind === 'dropped' || step.kind === 'punted') open.delete(packet)
    if (step.kind === 'dropped') drops[step.reason.code] = (drops[step.reason.code] ?? 0) + 1
  })
  let count = 0
  for (const link of lab.emulation.links().values()) {
    for (const [direction, end] of ends(link)) {
      for (const frame of seen.get(`${link.name} ${direction}`) ?? []) {
        for (const bytes of make(frame)) {
          const packet = inject(end, bytes)
          open.set(packet, `${link.name} ${direction} ${Buffer.from(bytes).toString('hex', 0, 100)}`)
          count++
        }
        await lab.clock.advance(0.1)
      }
      await lab.clock.advance(20)
    }
  }
  await settled()
  stop()
  assert.ok(count > 3000, `${count} frames`)
  assert.deepEqual([...open.values()], [], 'frames of which nobody says what became of them')
  assert.ok(Object.keys(drops).length > 4, `dropped for ${Object.keys(drops).join(' ')}`)
}

function inject(end: Link['a'], bytes: Uint8Array): number {
  const slot = lab.world.arena.from(bytes)
  assert.ok(slot >= 0)
  const packet = lab.world.arena.packet(slot)
  end.send(Int32Array.of(slot), 1)
  return packet
}

async function settled(): Promise<void> {
  assert.ok(await lab.clock.until(() => lab.framesInUse === 0, 30_000), `${lab.framesInUse} frames are still in use`)
}

function ends(link: Link) {
  return [
    ['a-to-b', link.a],
    ['b-to-a', link.b],
  ] as const
}
