/** Pings with a short life: each router on the way says that it ended there, and who has no way or no instance says so, too. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Netstack } from '@lodestone/netstack'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { dropsIn, sentBy } from './story-hops.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const ADDRESS = '198.51.100.20'
const CLIENT = '203.0.113.9'

let lab: RackLab
let guest: LabGuest
let shared: LabGuest

before(async () => {
  lab = await RackLab.start()
  guest = await lab.attach({ name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: [ADDRESS] })
  const snat = { ip: '198.51.100.30', first_port: 16384, last_port: 32767 }
  shared = await lab.attach({ name: 'snat', sled: 0, vpc: VPC, ip: '172.30.0.6', snat })
})
after(() => lab.close())

async function ping(from: Netstack, address: string, ttl: number): Promise<string> {
  const [result] = await lab.run(from.ping(address, { ttl }))
  return `${result!.outcome} ${result!.from}`
}

test('from the client: the provider, the switch, the instance; the tunnel and what is in it are no hop', async () => {
  assert.match(await ping(lab.client.stack, ADDRESS, 1), /^time-exceeded 192\.0\.2\.1(29|33)$/, 'a provider')
  assert.match(await ping(lab.client.stack, ADDRESS, 2), /^time-exceeded 192\.0\.2\.(2|6|10|14)$/, 'a switch')
  assert.equal(await ping(lab.client.stack, ADDRESS, 3), `reply ${ADDRESS}`)
  // What the switch lets through it does not shorten: a longer life arrives as it came.
  assert.equal(await ping(lab.client.stack, ADDRESS, 64), `reply ${ADDRESS}`)
})

test('from an instance: the switch, the provider, the client; errors find their way back through NAT', async () => {
  for (const each of [guest, shared]) {
    assert.match(await ping(each.stack, CLIENT, 1), /^time-exceeded 192\.0\.2\.(2|6|10|14)$/, 'a switch')
    assert.match(await ping(each.stack, CLIENT, 2), /^time-exceeded 192\.0\.2\.(1|5|9|13)$/, 'a provider')
    assert.equal(await ping(each.stack, CLIENT, 3), `reply ${CLIENT}`)
  }
})

test('within a VPC no hop is counted, on one sled or across', async () => {
  assert.equal(await ping(guest.stack, '172.30.0.6', 1), 'reply 172.30.0.6')
})

test('an external address that no instance has is dropped by the switch, which says that it knows no translation', async () => {
  const { value, stories } = await lab.stories(() => ping(lab.client.stack, '198.51.100.99', 64))
  assert.match(value, /timeout|unreachable/)
  const drops = dropsIn(sentBy(stories, 'client', /> 198\.51\.100\.99/))
  assert.match(Object.keys(drops).join(' '), /NAT/)
})

test('a router without a route answers that the destination is unreachable', async () => {
  // It originates the default route and has none itself.
  assert.match(await ping(lab.client.stack, '100.64.0.1', 64), /^unreachable /)
})

test('when no switch leads out any more, the sled tells the guest that its destination is unreachable', async () => {
  const uplinks = ['switch0-isp0', 'switch0-isp1', 'switch1-isp0', 'switch1-isp1']
  for (const name of uplinks.slice(0, 2)) lab.link(name).setUp(false)
  await lab.clock.advance(1000)
  assert.equal(await ping(guest.stack, CLIENT, 64), `reply ${CLIENT}`, 'one of two switches is enough')
  for (const name of uplinks) lab.link(name).setUp(false)
  await lab.clock.advance(1000)
  const { value, stories } = await lab.stories(() => ping(guest.stack, CLIENT, 64))
  assert.match(value, /^unreachable /)
  assert.deepEqual(dropsIn(sentBy(stories, 'web', /> 203\.0\.113\.9 ICMP/)), { OV_NO_V2B: 1 })
  for (const name of uplinks) lab.link(name).setUp(true)
  await lab.untilReady(30_000)
  assert.equal(await ping(guest.stack, CLIENT, 64), `reply ${CLIENT}`)
})
