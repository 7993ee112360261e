/**
 * Sleds that choose between the switches by measured delay, on a whole rack: its engines, stacks, links and the compiled switch
 * program. What is looked at is bytes on cables. One guest sends datagrams of many flows to a guest on another sled.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import type { UdpSocket } from '@lodestone/host'
import type { Link } from '@lodestone/link'
import {
  ddmAck,
  ddmHeaderLength,
  ETHERNET_MIN,
  IPV6_MIN,
  IPV6_SRC,
  IpProtocol,
  L4Kind,
  parseFrame,
  ROW_DDM,
  ROW_L4_KIND,
  ROW_SIZE,
} from '@lodestone/packet'
import { defaultRules } from './control-plane.fixture.ts'
import { tablesOf } from './node-table.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { rackTopology } from './rack-topology.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const FLOWS = 64
/** After such a pause a flow begins anew. */
const PAUSE_MS = 20
const PORT = 9000
const PAYLOAD = new Uint8Array(1000)

let lab: RackLab
let sender: LabGuest
let receiver: LabGuest
const sockets: UdpSocket[] = []
let arrived = 0

before(async () => {
  lab = await RackLab.start({ topology: rackTopology({ sleds: 2, multipath: 'delay' }) })
  await lab.untilReady(30_000)
  await lab.run(lab.control.setRules(VPC.vni, defaultRules(VPC.vni)))
  sender = await lab.attach({ name: 'a', sled: 0, vpc: VPC, ip: '172.30.0.5' })
  receiver = await lab.attach({ name: 'b', sled: 1, vpc: VPC, ip: '172.30.0.6' })
  await lab.run(receiver.stack.bindUdp({ port: PORT }, () => arrived++))
  for (let flow = 0; flow < FLOWS; flow++)
    sockets.push(await lab.run(sender.stack.bindUdp({ port: 20_000 + flow }, () => {})))
  await send(200)
})
afterEach(async () => {
  for (const link of cables()) link.configure({ delayMs: 0.02, loss: 0 })
  await send(300) // what was silent is measured again
  await lab.clock.advance(PAUSE_MS)
})
after(() => lab.close())

function cables(): Link[] {
  return [0, 1].flatMap((sled) => [0, 1].map((sw) => lab.link(`sled${sled}-switch${sw}`)))
}

/** Each flow sends a datagram every 4 ms, in turn. @returns the share of bytes that left by each NIC, per millisecond. */
async function send(durationMs: number): Promise<number[][]> {
  const shares: number[][] = []
  let before = sentBytes()
  for (let ms = 0; ms < durationMs; ms++) {
    for (const [flow, socket] of sockets.entries()) {
      if ((flow + ms) % 4 === 0) socket.send(PAYLOAD, '172.30.0.6', PORT)
    }
    await lab.clock.advance(1)
    const now = sentBytes()
    const gained = now.map((bytes, nic) => bytes - before[nic]!)
    const total = gained.reduce((a, b) => a + b, 0)
    shares.push(gained.map((bytes) => bytes / total))
    before = now
  }
  return shares
}

function sentBytes(): number[] {
  return [0, 1].map((sw) => lab.link(`sled0-switch${sw}`).counters('a-to-b').bytesIn)
}

function average(shares: readonly (readonly number[])[], nic: number): number {
  return shares.reduce((sum, share) => sum + share[nic]!, 0) / shares.length
}

/** First millisecond from which on a NIC has less than `limit` of the bytes, in each of the five that follow. */
function quietFrom(shares: readonly (readonly number[])[], nic: number, limit: number): number {
  for (let ms = 0; ms + 5 <= shares.length; ms++) {
    if (shares.slice(ms, ms + 5).every((share) => share[nic]! < limit)) return ms
  }
  return Infinity
}

test('over equal paths traffic is split about evenly', async () => {
  const shares = await send(200)
  assert.ok(Math.abs(average(shares, 0) - 0.5) < 0.15, `${average(shares, 0)}`)
})

for (const slow of [0, 1]) {
  test(`traffic leaves switch ${slow} within 20 ms when its cable to the receiver becomes slow`, async (t) => {
    lab.link(`sled1-switch${slow}`).configure({ delayMs: 1 })
    const shares = await send(200)
    const quiet = quietFrom(shares, slow, 0.25)
    t.diagnostic(`below a quarter after ${quiet} ms, then ${average(shares.slice(50), slow).toFixed(3)} of the bytes`)
    assert.ok(quiet < 20, `${quiet} ms`)
    assert.ok(average(shares.slice(50), slow) < 0.1)
  })

  test(`a switch whose cables lose everything is left within 20 ms, long before routing takes it out (switch ${slow})`, async (t) => {
    for (const sled of [0, 1]) lab.link(`sled${sled}-switch${slow}`).configure({ loss: 1 })
    const shares = await send(100)
    const quiet = quietFrom(shares, slow, 0.1)
    t.diagnostic(`below a tenth after ${quiet} ms`)
    assert.ok(quiet < 20, `${quiet} ms`)
    const before = arrived
    await send(50)
    assert.equal(arrived - before, (50 * FLOWS) / 4, 'nothing is lost any more')
  })
}

test('when the slow cable is fast again, flows that begin after that use it', async () => {
  lab.link('sled1-switch0').configure({ delayMs: 1 })
  await send(100)
  lab.link('sled1-switch0').configure({ delayMs: 0.02 })
  await send(100)
  await lab.clock.advance(PAUSE_MS)
  const shares = await send(20)
  assert.ok(Math.abs(average(shares, 0) - 0.5) < 0.4, `${average(shares, 0)}`)
})

test('on the wire, a switch has put its element before the sled’s; telemetry takes less than 1 % of the bytes', async () => {
  const row = new Int32Array(ROW_SIZE)
  const { arena } = lab.world
  let bytes = 0
  let telemetry = 0
  const elements = new Set<string>()
  const count = (slot: number): number => {
    parseFrame(arena.bytes, arena.start(slot), arena.end(slot), row)
    const at = row[ROW_DDM]!
    if (at < 0) return -1
    telemetry += row[ROW_L4_KIND] === L4Kind.udp ? ddmHeaderLength(arena.bytes, at) : arena.length(slot)
    return at
  }
  const stops = [0, 1].flatMap((sw) => [
    // Towards the receiver, behind the switch; and answers towards the sender, behind the switch.
    lab.link(`sled1-switch${sw}`).tap((slot, direction) => {
      if (direction === 'b-to-a') bytes += arena.length(slot)
      const at = direction === 'b-to-a' ? count(slot) : -1
      if (at >= 0 && ddmAck(arena.bytes, at) === 0) elements.add(`there ${ddmHeaderLength(arena.bytes, at)}`)
    }),
    lab.link(`sled0-switch${sw}`).tap((slot, direction) => {
      const at = direction === 'b-to-a' ? count(slot) : -1
      if (at >= 0 && ddmAck(arena.bytes, at) === 1) elements.add(`answer ${ddmHeaderLength(arena.bytes, at)}`)
    }),
  ])
  await send(200)
  for (const stop of stops) stop()
  // Header 4 and element 4 of the sled, 4 of the switch; an answer has 4 of the receiver instead.
  assert.deepEqual([...elements].sort(), ['answer 12', 'there 12'])
  assert.ok(telemetry / bytes < 0.01, `${telemetry / bytes}`)
})

test('a packet without room for the telemetry leaves its path to be measured by packets of their own', async () => {
  const row = new Int32Array(ROW_SIZE)
  const { arena } = lab.world
  const sled = lab.emulation.sleds()[0]!
  const nics = ['nic0', 'nic1'].map((name) => sled.stack.interface(name)!)
  let longest = 0
  const counts = { data: 0, stamped: 0, probes: [0, 0] }
  const stops = [0, 1].map((sw) =>
    lab.link(`sled0-switch${sw}`).tap((slot, direction) => {
      if (direction !== 'a-to-b') return
      parseFrame(arena.bytes, arena.start(slot), arena.end(slot), row)
      if (row[ROW_L4_KIND] === L4Kind.udp) {
        longest = Math.max(longest, arena.length(slot) - ETHERNET_MIN)
        counts.data++
        if (row[ROW_DDM]! >= 0) counts.stamped++
      } else if (row[ROW_DDM]! >= 0) counts.probes[sw]!++
    }),
  )
  await send(20)
  assert.ok(counts.stamped > 0)
  const before = nics.map((nic) => nic.mtuBytes)
  // The longest one had telemetry: room for our element, and none for the switch's.
  for (const nic of nics) nic.mtuBytes = longest
  Object.assign(counts, { data: 0, stamped: 0, probes: [0, 0] })
  arrived = 0
  await send(100)
  await lab.clock.advance(10)
  nics.forEach((nic, i) => (nic.mtuBytes = before[i]!))
  for (const stop of stops) stop()
  assert.deepEqual([counts.stamped, arrived], [0, (100 * FLOWS) / 4])
  assert.ok(counts.probes[0]! > 10 && counts.probes[1]! > 10, `${counts.probes}`)
})

test('what a sled knows of its paths is in its tables', async () => {
  const sled = lab.emulation.sleds()[0]!
  const tables = await tablesOf(sled)
  const paths = await tables.find((each) => each.name === 'paths')!.read()
  assert.deepEqual(
    paths.rows.map(([peer, nic, state]) => [peer, nic, state]),
    [
      ['fd00:1122:3344:102::1', 'nic0', 'ok'],
      ['fd00:1122:3344:102::1', 'nic1', 'ok'],
    ],
  )
  const { malformed, answered, unanswered } = lab.emulation.sleds()[1]!.underlay!.counters()
  assert.deepEqual([malformed, unanswered], [0, 0])
  assert.ok(answered > 100, `${answered}`)
})

test('a sled answers each of its peers once in 20 µs on each path, and strangers never', async () => {
  const { arena } = lab.world
  const cable = lab.link('sled1-switch0')
  const { underlay } = lab.emulation.sleds()[1]!
  let probe: Uint8Array | undefined
  const stop = cable.tap((slot, direction) => {
    const frame = arena.peek(slot)
    const isProbe = frame[ETHERNET_MIN + 6] === IpProtocol.ddm && frame[ETHERNET_MIN + IPV6_MIN] === IpProtocol.none
    if (direction === 'b-to-a' && isProbe && ddmAck(frame, ETHERNET_MIN + IPV6_MIN) === 0) probe ??= frame.slice()
  })
  await send(50)
  stop()
  await lab.clock.advance(10)
  const inject = async (frame: Uint8Array, times: number): Promise<readonly number[]> => {
    const before = underlay!.counters()
    cable.b.send(
      Int32Array.from({ length: times }, () => arena.from(frame)),
      times,
    )
    await lab.clock.advance(1)
    const now = underlay!.counters()
    return [now.answered - before.answered, now.unanswered - before.unanswered]
  }
  assert.deepEqual(await inject(probe!, 10), [1, 9])
  assert.deepEqual(await inject(probe!, 1), [1, 0])
  const strange = probe!.slice()
  strange[ETHERNET_MIN + IPV6_SRC + 15]! ^= 0x40
  assert.deepEqual(await inject(strange, 3), [0, 3])
})

test('no frame is lost to the arena', async () => {
  await lab.clock.advance(100)
  const before = lab.framesInUse
  await send(100)
  await lab.clock.advance(100)
  assert.equal(lab.framesInUse, before)
})
