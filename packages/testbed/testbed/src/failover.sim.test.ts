/**
 * Parts of the rack fail while megabytes are under way, in either direction, on the very path that carries them. The transfer
 * completes with the right bytes, and the interruption has a bound: a link that goes down is known at once, and what TCP then waits
 * for is one retransmission timeout (200 ms here); a link that only loses everything has to be found by timers.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { sleep } from '@lodestone/host'
import type { Link } from '@lodestone/link'
import { allowTcp, defaultRules } from './control-plane.fixture.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { transfer, type TransferResult } from './transfer.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const ADDRESS = '198.51.100.20'
const PORT = 5001
const BYTES = 3_000_000
/** Detection, withdrawal, retransmission timeout. */
const CARRIER_LOSS_MS = 1000
/** DDM gives a neighbour up after 5 s; meanwhile TCP backs off: 0.2, 0.4, … 6.2 s after the loss. */
const SILENT_SWITCH_LINK_MS = 10_000
/** BGP's hold time is 6 s; TCP's next attempt after that comes at 6.2 or 12.6 s. */
const SILENT_UPLINK_MS = 14_000

/** `down`: from the instance to the client. */
type Way = 'down' | 'up'
const WAYS = ['down', 'up'] as const

let lab: RackLab
let guest: LabGuest

before(async () => {
  lab = await RackLab.start()
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, PORT)]))
  guest = await lab.attach({ name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: [ADDRESS] })
})
afterEach(async () => {
  for (const link of lab.emulation.links().values()) {
    link.setUp(true)
    link.configure({ loss: 0 })
  }
  await lab.untilReady(30_000)
})
after(() => lab.close())

for (const way of WAYS) {
  test(`without a fault nothing interrupts a transfer ${way}`, async () => {
    const result = await move(way)
    assert.ok(result.longestGapMs < 10, `${result.longestGapMs} ms`)
  })

  test(`a transfer ${way} survives the loss of the link between its sled and its switch`, async (t) => {
    const result = await move(way, () => busiest(/^sled1-switch/, way).setUp(false))
    t.diagnostic(interruption(result))
    assert.ok(result.longestGapMs < CARRIER_LOSS_MS, interruption(result))
  })

  test(`a transfer ${way} survives the loss of its uplink`, async (t) => {
    const result = await move(way, () => busiest(/^switch\d-isp/, way).setUp(false))
    t.diagnostic(interruption(result))
    assert.ok(result.longestGapMs < CARRIER_LOSS_MS, interruption(result))
  })

  test(`a transfer ${way} survives the loss of the client's link to its provider`, async (t) => {
    const result = await move(way, () => busiest(/^isp\d-client/, way).setUp(false))
    t.diagnostic(interruption(result))
    assert.ok(result.longestGapMs < CARRIER_LOSS_MS, interruption(result))
  })

  test(`a transfer ${way} survives its switch being switched off, and the switch coming back with empty tables`, async (t) => {
    let name = ''
    const off = await move(way, () => {
      name = /switch\d/.exec(busiest(/^sled1-switch/, way).name)![0]
      void lab.emulation.setPower(name, false)
    })
    t.diagnostic(`off: ${interruption(off)}`)
    assert.ok(off.longestGapMs < CARRIER_LOSS_MS, interruption(off))
    assert.equal(lab.emulation.nodes.has(name), false)

    // Slow enough that the transfer goes on until after the switch is back.
    guest.wire.configure({ rateBps: 8e6, queueBytes: 4e6 })
    let restoredMs = 0
    const startMs = lab.clock.nowMs()
    const on = await move(way, () => void restore(name).then(() => (restoredMs = lab.clock.nowMs())))
    assert.ok(restoredMs > startMs, 'the switch was back before the end')
    t.diagnostic(
      `on: ${interruption(on)}; back ${Math.round(restoredMs - startMs)} ms into ${Math.round(on.durationMs)}`,
    )
    // A switch draws traffic as soon as BGP is back, and until its translations are stated again it drops what it draws.
    assert.ok(on.longestGapMs < restoredMs - startMs + CARRIER_LOSS_MS, interruption(on))
    guest.wire.configure({ rateBps: Infinity })
    await lab.untilReady(30_000)

    const other = name === 'switch0' ? 'switch1' : 'switch0'
    await lab.run(lab.emulation.setPower(other, false))
    await lab.clock.advance(100)
    const alone = await move(way)
    assert.ok(alone.longestGapMs < CARRIER_LOSS_MS, 'the one that came back carries everything alone')
    await lab.run(restore(other))
  })

  test(`a transfer ${way} survives a switch link that silently loses everything`, async (t) => {
    const result = await move(way, () => busiest(/^sled1-switch/, way).configure({ loss: 1 }))
    t.diagnostic(interruption(result))
    assert.ok(result.longestGapMs < SILENT_SWITCH_LINK_MS, interruption(result))
  })

  test(`a transfer ${way} survives an uplink that silently loses everything`, async (t) => {
    const result = await move(way, () => busiest(/^switch\d-isp/, way).configure({ loss: 1 }))
    t.diagnostic(interruption(result))
    assert.ok(result.longestGapMs < SILENT_UPLINK_MS, interruption(result))
  })

  test(`a transfer ${way} completes over links that lose one frame in two hundred`, async (t) => {
    for (const link of lab.emulation.links().values()) link.configure({ loss: 0.005 })
    const result = await move(way)
    t.diagnostic(`${Math.round(result.durationMs)} ms; ${interruption(result)}`)
  })
}

const marks = new Map<Link, number>()

function move(way: Way, act?: () => void): Promise<TransferResult> {
  for (const link of lab.emulation.links().values()) marks.set(link, bytesOf(link, way))
  return transfer({
    lab,
    opener: lab.client.stack,
    listener: guest.stack,
    address: ADDRESS,
    port: PORT,
    bytes: BYTES,
    sender: way === 'down' ? 'listener' : 'opener',
    ...(act === undefined ? {} : { when: { bytes: BYTES / 3, act } }),
  })
}

/** Which of the links has carried the transfer so far. */
function busiest(name: RegExp, way: Way): Link {
  const links = [...lab.emulation.links().values()].filter((link) => name.test(link.name))
  const carried = (link: Link): number => bytesOf(link, way) - (marks.get(link) ?? 0)
  links.sort((a, b) => carried(b) - carried(a))
  assert.ok(carried(links[0]!) > BYTES / 4, `${links[0]!.name} has carried ${carried(links[0]!)} bytes`)
  return links[0]!
}

/** Every link of the rack names its end nearer to the instances first. */
function bytesOf(link: Link, way: Way): number {
  return link.counters(way === 'down' ? 'a-to-b' : 'b-to-a').bytesOut
}

/** What the control plane does about a switch that has come back. */
async function restore(name: string): Promise<void> {
  await lab.emulation.setPower(name, true)
  const index = lab.emulation.specs('switch').findIndex((spec) => spec.name === name)
  for (;;) {
    const status = await lab.control.switches[index]!.nat_status()
    if (status.ok && status.value.desired > 0 && status.value.applied === status.value.desired) return
    await (status.ok ? lab.control.pushNat() : sleep(lab.clock, 5))
  }
}

function interruption(result: TransferResult): string {
  return `interrupted for ${result.longestGapMs.toFixed(1)} ms of virtual time`
}
