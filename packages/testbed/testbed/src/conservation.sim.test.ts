/** Nothing is lost without being counted, and nothing is kept: frames of every link add up, and every slot comes back. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Link, LinkDirection } from '@lodestone/link'
import { allowTcp, defaultRules } from './control-plane.fixture.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { transfer } from './transfer.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const DIRECTIONS: readonly LinkDirection[] = ['a-to-b', 'b-to-a']

let lab: RackLab
const guests: LabGuest[] = []

before(async () => {
  lab = await RackLab.start({ sleds: 3, seed: 5 })
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 5001)]))
  for (let index = 0; index < 6; index++) {
    guests.push(
      await lab.attach({
        name: `g${index}`,
        sled: index % 3,
        vpc: VPC,
        ip: `172.30.0.${5 + index}`,
        floating: [`198.51.100.${20 + index}`],
      }),
    )
  }
})
after(() => lab.close())

test('under heavy traffic with loss, every frame that a link took is delivered, dropped for a reason, or still under way', async () => {
  for (const link of lab.emulation.links().values()) link.configure({ loss: 0.01, duplicate: 0.01, corrupt: 0.005 })
  const checks: number[] = []
  for (const delay of [5, 50, 150, 600]) lab.clock.after(delay, () => checks.push(unaccounted()))
  await exchangeEverything()
  assert.deepEqual(
    checks,
    checks.map(() => 0),
    'while frames are under way',
  )
  assert.equal(unaccounted(), 0)
  for (const link of lab.emulation.links().values()) link.configure({ loss: 0, duplicate: 0, corrupt: 0 })
})

test('frames that find a full queue or a cut cable are counted, too', async () => {
  const narrow = lab.link('isp0-client')
  narrow.configure({ rateBps: 20e6, queueBytes: 20_000 })
  lab.link('isp1-client').setUp(false)
  const [guest] = guests
  const parties = { opener: lab.client.stack, listener: guest!.stack, address: '198.51.100.20', port: 5001 }
  let cuts = 0
  await transfer({
    lab,
    ...parties,
    bytes: 600_000,
    sender: 'listener',
    when: {
      bytes: 200_000,
      act: () => {
        for (const delay of [0, 120]) {
          lab.clock.after(delay, () => {
            cuts++
            lab.link('sled0-switch0').setUp(cuts === 2)
          })
        }
      },
    },
  })
  const drops = narrow.counters('a-to-b').drops
  assert.ok(drops['LINK_QUEUE_FULL']! > 0, JSON.stringify(drops))
  assert.equal(unaccounted(), 0)
  narrow.configure({ rateBps: 10e9, queueBytes: 512 * 1024 })
  lab.link('isp1-client').setUp(true)
  await lab.untilReady(30_000)
})

test('when traffic has ended, every slot of the arena is back', async () => {
  // What TCP holds for connections that are closing goes, too.
  assert.ok(await lab.clock.until(() => lab.framesInUse === 0, 120_000), `${lab.framesInUse} frames are in use`)
  assert.equal(lab.world.arena.exhausted, 0)
  for (const link of lab.emulation.links().values()) assert.equal(link.framesInFlight, 0)
})

test('a rack that is closed while frames are under way gives them all back', async () => {
  const other = await RackLab.start({ sleds: 1 })
  const guest = await other.attach({ name: 'g', sled: 0, vpc: VPC, ip: '172.30.0.5', floating: ['198.51.100.20'] })
  for (let index = 0; index < 20; index++) void other.client.stack.ping('198.51.100.20').catch(() => undefined)
  for (let index = 0; index < 20; index++) void guest.stack.ping('203.0.113.9').catch(() => undefined)
  await other.clock.advance(1.3)
  assert.ok(other.framesInUse > 0)
  other.close()
  await other.clock.advance(100)
  assert.equal(other.framesInUse, 0)
})

/** All guests with their neighbours and with the client at once, TCP and ICMP. */
async function exchangeEverything(): Promise<void> {
  const pings: Promise<unknown>[] = []
  for (const from of guests) {
    for (const to of guests) pings.push(from.stack.ping(to.instance.spec.ip, { count: 10, intervalMs: 20 }))
    pings.push(from.stack.ping('203.0.113.9', { count: 10, intervalMs: 20, payloadBytes: 1400 }))
  }
  for (const [index, guest] of guests.entries()) {
    const address = guest.instance.spec.floating![0]!
    const sender = index % 2 === 0 ? 'listener' : 'opener'
    const parties = { opener: lab.client.stack, listener: guest.stack, address, port: 5001 }
    await transfer({ lab, ...parties, bytes: 300_000, sender })
  }
  await lab.run(Promise.all(pings))
}

/** Frames of all links of which their counters do not tell what became of them. */
function unaccounted(): number {
  let sum = 0
  for (const link of lab.emulation.links().values()) sum += Math.abs(balance(link))
  return sum
}

function balance(link: Link): number {
  let entered = 0
  let ended = link.framesInFlight
  for (const direction of DIRECTIONS) {
    const { framesIn, framesOut, duplicated, drops } = link.counters(direction)
    entered += framesIn + duplicated
    ended += framesOut
    for (const count of Object.values(drops)) ended += count
  }
  return entered - ended
}
