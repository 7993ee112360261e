/**
 * Sleds that choose by measured delay which switch gets what leaves the rack, on a whole rack. One guest sends datagrams of many
 * flows to the client on the internet; what is looked at is bytes on the sled's cables, and what arrives.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import type { UdpSocket } from '@lodestone/host'
import { ETHERNET_MIN, IPV6_DST, IpProtocol } from '@lodestone/packet'
import { defaultRules } from './control-plane.fixture.ts'
import { explainPath } from './explain/explain-path.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { CLIENT_ADDRESS, sledAddress, tunnelEndpoint } from './rack-plan.ts'
import { rackTopology } from './rack-topology.ts'
import type { UnderlayPaths } from './underlay-paths.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const FLOWS = 64
const PORT = 9000
const PAYLOAD = new Uint8Array(1000)
/** After such a pause a flow begins anew. */
const PAUSE_MS = 20

let lab: RackLab
let sender: LabGuest
let underlay: UnderlayPaths
const sockets: UdpSocket[] = []
let arrived = 0

before(async () => {
  lab = await RackLab.start({ topology: rackTopology({ sleds: 2, multipath: 'delay' }) })
  await lab.untilReady(30_000)
  await lab.run(lab.control.setRules(VPC.vni, defaultRules(VPC.vni)))
  sender = await lab.attach({ name: 'a', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: ['198.51.100.10'] })
  underlay = lab.emulation.sleds()[1]!.underlay!
  await lab.run(lab.client.stack.bindUdp({ port: PORT }, () => arrived++))
  for (let flow = 0; flow < FLOWS; flow++)
    sockets.push(await lab.run(sender.stack.bindUdp({ port: 20_000 + flow }, () => {})))
  await send(200)
})
afterEach(async () => {
  for (const sw of [0, 1]) lab.link(`sled1-switch${sw}`).configure({ delayMs: 0.02, loss: 0 })
  await send(150) // what was silent is measured again
  await lab.clock.advance(PAUSE_MS)
})
after(() => lab.close())

/** Each flow sends a datagram every 4 ms, in turn. @returns the share of bytes that left for switch 1, per millisecond. */
async function send(durationMs: number): Promise<number[]> {
  const shares: number[] = []
  let before = sentBytes()
  for (let ms = 0; ms < durationMs; ms++) {
    for (const [flow, socket] of sockets.entries()) {
      if ((flow + ms) % 4 === 0) socket.send(PAYLOAD, CLIENT_ADDRESS.toString(), PORT)
    }
    await lab.clock.advance(1)
    const now = sentBytes()
    const gained = now.map((bytes, nic) => bytes - before[nic]!)
    shares.push(gained[1]! / (gained[0]! + gained[1]!))
    before = now
  }
  return shares
}

function sentBytes(): number[] {
  return [0, 1].map((sw) => lab.link(`sled1-switch${sw}`).counters('a-to-b').bytesIn)
}

function average(shares: readonly number[]): number {
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

/** First millisecond from which on the share stays between the limits for five. */
function settledFrom(shares: readonly number[], low: number, high: number): number {
  for (let ms = 0; ms + 5 <= shares.length; ms++) {
    if (shares.slice(ms, ms + 5).every((share) => share >= low && share <= high)) return ms
  }
  return Infinity
}

test('over equal ways what leaves the rack is split about evenly, and all of it arrives', async () => {
  await lab.clock.advance(10)
  arrived = 0
  const shares = await send(200)
  await lab.clock.advance(10)
  assert.ok(Math.abs(average(shares) - 0.5) < 0.2, `${average(shares)}`)
  assert.equal(arrived, (200 * FLOWS) / 4)
})

for (const slow of [0, 1]) {
  const [low, high] = slow === 0 ? [0.9, 1] : [0, 0.1]

  test(`it leaves switch ${slow} within 20 ms when the sled’s cable to it becomes slow`, async (t) => {
    lab.link(`sled1-switch${slow}`).configure({ delayMs: 1 })
    const shares = await send(200)
    const settled = settledFrom(shares, low, high)
    t.diagnostic(`after ${settled} ms; then ${average(shares.slice(50)).toFixed(3)} by switch 1`)
    assert.ok(settled < 20, `${settled} ms`)
  })

  test(`it leaves switch ${slow} within 20 ms when that loses everything, and then nothing is lost`, async (t) => {
    lab.link(`sled1-switch${slow}`).configure({ loss: 1 })
    const settled = settledFrom(await send(100), low, high)
    t.diagnostic(`after ${settled} ms`)
    assert.ok(settled < 20, `${settled} ms`)
    await lab.clock.advance(10)
    const before = arrived
    await send(50)
    await lab.clock.advance(10)
    assert.equal(arrived - before, (50 * FLOWS) / 4)
  })
}

test('a switch that does not lead everywhere the other one does is no stand-in for it', async () => {
  const { engine } = lab.emulation.sleds()[1]!
  const routes = engine.tunnelEndpoints()
  assert.ok(routes.some((route) => route.endpoints.length === 2))
  const only = routes.map(({ prefix, endpoints }, i) => ({
    prefix,
    endpoints: i === 0 ? endpoints : endpoints.slice(0, 1),
  }))
  // One prefix is led to by each switch alone: none replaces the other.
  underlay.setTunnelRoutes([
    ...only,
    ...routes[0]!.endpoints.map((each) => ({ prefix: routes[0]!.prefix, endpoints: [each] })),
  ])
  lab.link('sled1-switch1').configure({ delayMs: 1 })
  const { redirected } = underlay.counters()
  const shares = await send(100)
  assert.equal(underlay.counters().redirected, redirected)
  assert.ok(average(shares.slice(50)) > 0.3, `${average(shares)}`)
  underlay.setTunnelRoutes(routes)
  const again = await send(100)
  assert.ok(underlay.counters().redirected > redirected)
  assert.ok(average(again.slice(50)) < 0.1)
})

test('a packet’s story tells that the sled chose the other switch', async () => {
  lab.link('sled1-switch1').configure({ delayMs: 1 })
  await send(100)
  const { stories } = await lab.stories(() => send(4))
  const steps = stories.flatMap((story) => story.events.map((event) => event.step))
  const chosen = steps.filter((step) => step.kind === 'rewrite' && step.field === 'ipv6.dst')
  assert.ok(chosen.length > 10, `${chosen.length}`)
  const [from, to] = [tunnelEndpoint(1).toString(), tunnelEndpoint(0).toString()]
  for (const step of chosen) assert.deepEqual(step, { kind: 'rewrite', field: 'ipv6.dst', from, to })
})

test('an explanation names the ways that the sled may choose with their chances, and real packets take them so', async () => {
  const chancesOf = (sourcePort: number): ReadonlyMap<string, number> => {
    const packet = { protocol: 'udp', port: PORT, sourcePort, bytes: PAYLOAD.length + 28 } as const
    const result = explainPath(lab.emulation, { from: 'a', to: CLIENT_ADDRESS.toString(), ...packet })
    assert.ok(result.ok)
    const chances = new Map<string, number>()
    for (const { events } of result.answer.paths) {
      const step = events.find(({ node, step: each }) => node === 'sled1' && each.kind === 'route')?.step
      assert.ok(step?.kind === 'route' && step.chance !== undefined)
      chances.set(step.interface, step.chance) // several of the switch's own ways may follow
    }
    return chances
  }
  const known = (): unknown => [underlay.counters(), underlay.status(), [...underlay.paths.packets]]
  let [expected, variance, taken, certain, open] = [0, 0, 0, 0, 0]
  for (const [delayMs, pauseMs] of [
    [0.02, 0],
    [0.02, PAUSE_MS],
    [0.1, 1],
    [1, 0],
    [1, 2],
  ] as const) {
    lab.link('sled1-switch1').configure({ delayMs })
    await send(60)
    await lab.clock.advance(pauseMs)
    for (const [flow, socket] of sockets.entries()) {
      const before = known()
      const chances = chancesOf(20_000 + flow)
      assert.deepEqual(known(), before, 'asking changes nothing')
      assert.ok(Math.abs([...chances.values()].reduce((a, b) => a + b, 0) - 1) < 1e-9)
      const links = sentBytes()
      socket.send(PAYLOAD, CLIENT_ADDRESS.toString(), PORT)
      await lab.clock.advance(0.05)
      const nic = sentBytes().findIndex((bytes, i) => bytes - links[i]! > PAYLOAD.length)
      assert.ok((chances.get(`nic${nic}`) ?? 0) > 0, `flow ${flow} took nic${nic}: ${JSON.stringify([...chances])}`)
      const second = chances.get('nic1') ?? 0
      expected += second
      variance += second * (1 - second)
      taken += nic
      if (chances.size === 1) certain++
      else open++
    }
  }
  assert.ok(certain > 100 && open > 60, `${certain} certain, ${open} open`)
  assert.ok(Math.abs(taken - expected) < 4 * Math.sqrt(variance) + 1, `${taken} of ${expected} expected by switch 1`)
})

test('the ways to the switches are measured by packets to ourselves, which the switch turns round: less than 1 % of the bytes', async () => {
  const { arena } = lab.world
  const own = sledAddress(1).bytes
  let bytes = 0
  let telemetry = 0
  const stops = [0, 1].map((sw) =>
    lab.link(`sled1-switch${sw}`).tap((slot) => {
      const ip = arena.start(slot) + ETHERNET_MIN
      const isTelemetry = arena.bytes[ip + 6] === IpProtocol.ddm
      if (!isTelemetry) bytes += arena.length(slot)
      else {
        telemetry += arena.length(slot)
        assert.deepEqual(arena.bytes.slice(ip + IPV6_DST, ip + IPV6_DST + 16), own)
      }
    }),
  )
  const before = underlay.counters()
  await send(200)
  for (const stop of stops) stop()
  const now = underlay.counters()
  assert.ok(now.probes - before.probes > 20, `${now.probes - before.probes}`)
  assert.deepEqual([now.malformed, now.unanswered, now.stamped], [0, 0, 0])
  assert.ok(telemetry / bytes < 0.011, `${telemetry / bytes}`)
  const rows = underlay.status().filter((row) => row.peer.equals(sledAddress(1)))
  assert.deepEqual(
    rows.map((row) => [row.nic, row.isRouted, row.isDead]),
    [
      ['nic0', true, false],
      ['nic1', true, false],
    ],
  )
})

test('no frame is lost to the arena', async () => {
  await lab.clock.advance(100)
  const before = lab.framesInUse
  await send(100)
  await lab.clock.advance(100)
  assert.equal(lab.framesInUse, before)
})
