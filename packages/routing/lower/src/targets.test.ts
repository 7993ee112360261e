import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, implement } from '@lodestone/api'
import { switchdApi } from '@lodestone/contract-switchd'
import { type Clock, VirtualClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { KernelTarget } from './kernel-target.ts'
import { LowerHalf } from './lower-half.ts'
import { SwitchdTarget, tfportOf } from './switchd-target.ts'
import { type TunnelOriginLike, TunnelOrigins } from './tunnel-origins.ts'

const P = Prefix.of('198.51.100.0/24')

/** A switchd that keeps routes and nothing else: requests go through the contract's own schemas. */
class FakeSwitchd {
  readonly routes = new Map<string, unknown>()
  isDown = false
  incarnation = 1
  readonly target: SwitchdTarget

  constructor(clock?: Clock) {
    const keep = ({ body }: { body: { cidr: string } }): undefined => void this.routes.set(body.cidr, body)
    const drop = ({ params }: { params: { cidr: string } }): Response | undefined =>
      this.routes.delete(params.cidr)
        ? undefined
        : Response.json({ message: 'no such route', request_id: 'x' }, { status: 404 })
    const list = (family: number) => (): { items: never[]; next_page: null } => ({
      // because what was kept came through the schema of the same route
      items: [...this.routes].filter(([cidr]) => Prefix.of(cidr).family === family).map(([, body]) => body as never),
      next_page: null,
    })
    const handlers = {
      status: () => ({ incarnation: this.incarnation }),
      route_ipv4_set: keep,
      route_ipv6_set: keep,
      route_ipv4_delete: drop,
      route_ipv6_delete: drop,
      route_ipv4_list: list(4),
      route_ipv6_list: list(6),
    }
    // because only the route operations are called here
    const handler = implement(switchdApi, handlers as never)
    const switchd = client(
      switchdApi,
      (request) => (this.isDown ? Promise.reject(new Error('ECONNREFUSED')) : handler(request)),
      'http://switchd',
    )
    this.target = new SwitchdTarget({ switchd, ...(clock === undefined ? {} : { clock }) })
  }
}

test('switchd gets ports for interfaces, both families, and IPv4 over IPv6 next hops', async () => {
  const fake = new FakeSwitchd()
  const { target } = fake
  const via = (text: string, name: string) => ({ via: Ip.of(text), interface: name })
  assert.deepEqual(await target.setRoute(P, [via('203.0.113.1', 'tfportqsfp0_0'), via('fe80::1', 'qsfp3')]), {
    ok: true,
  })
  assert.deepEqual(await target.setRoute(Prefix.of('fd00:1::/64'), [via('fe80::2', 'tfportrear3_1')]), { ok: true })
  assert.deepEqual(
    [...fake.routes.values()],
    [
      {
        cidr: '198.51.100.0/24',
        targets: [
          { port_id: 'qsfp0', link_id: 0, tgt_ip: '203.0.113.1' },
          { port_id: 'qsfp3', link_id: 0, tgt_ip: 'fe80::1' },
        ],
      },
      { cidr: 'fd00:1::/64', targets: [{ port_id: 'rear3', link_id: 1, tgt_ip: 'fe80::2' }] },
    ],
  )
  const listed = await target.list()
  assert.deepEqual(
    listed?.map(({ prefix, nextHops }) => `${prefix} ${nextHops.map((each) => each.interface)}`),
    ['198.51.100.0/24 tfportqsfp0_0,tfportqsfp3_0', 'fd00:1::/64 tfportrear3_1'],
  )
  assert.deepEqual(await target.removeRoute(P), { ok: true })
  assert.deepEqual(await target.removeRoute(P), { ok: true }, 'already gone is gone')
})

test('what switchd refuses, and its absence, are reasons', async () => {
  const fake = new FakeSwitchd()
  const bad = await fake.target.setRoute(P, [{ via: Ip.of('203.0.113.1'), interface: 'lo' }])
  assert.deepEqual(bad, { ok: false, reason: 'lo is no port of the switch' })
  fake.isDown = true
  const down = await fake.target.setRoute(P, [{ via: Ip.of('203.0.113.1'), interface: 'qsfp0' }])
  assert.ok(!down.ok && down.reason.includes('ECONNREFUSED'))
  assert.equal(await fake.target.list(), undefined)
})

test('names of switch zone interfaces become ports', () => {
  assert.deepEqual(tfportOf('tfportqsfp12_1'), { portId: 'qsfp12', linkId: 1 })
  assert.deepEqual(tfportOf('rear0'), { portId: 'rear0', linkId: 0 })
  for (const name of ['lo', 'tfport', 'tfportqsfp', 'net0', 'qsfp0_x']) assert.equal(tfportOf(name), undefined)
})

test('a switchd that comes back is brought up to date, interface names of any spelling agreeing with its ports', async () => {
  const clock = new VirtualClock()
  const rib = new Rib({ nowMs: () => clock.nowMs() })
  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  const fake = new FakeSwitchd()
  fake.isDown = true
  const lower = new LowerHalf({ rib, clock, target: fake.target })
  fixed.announce(P, { nextHop: Ip.of('203.0.113.1'), nextHopInterface: 'qsfp0' })
  await clock.advance(2000)
  assert.equal(lower.status().failing.length, 1)
  fake.isDown = false
  await clock.advance(20_000)
  assert.equal(fake.routes.size, 1)
  fake.routes.clear() // it restarted
  await clock.advance(31_000)
  assert.equal(fake.routes.size, 1)
  assert.equal(lower.isSettled, true)
  const { sets } = lower.status().counters
  await clock.advance(120_000)
  assert.equal(lower.status().counters.sets, sets, 'audits that find everything right write nothing')
})

test('a host table that throws for a vanished interface is retried', async () => {
  const clock = new VirtualClock()
  const rib = new Rib({ nowMs: () => clock.nowMs() })
  const table = new Map<string, readonly { readonly via?: Ip; readonly interface: string }[]>()
  let isMissing = true
  const target = new KernelTarget({
    setRoute(prefix, nextHops) {
      if (isMissing) throw new Error('no interface nic0')
      table.set(prefix.toString(), nextHops)
    },
    removeRoute: (prefix) => table.delete(prefix.toString()),
  })
  const lower = new LowerHalf({ rib, clock, target })
  const ddm = rib.adjacency({ protocol: 'ddm', peer: 'nic0' })
  ddm.announce(Prefix.of('fd00::/64'), { nextHop: Ip.of('fe80::1'), nextHopInterface: 'nic0' })
  await clock.advance(150)
  assert.equal(lower.status().failing[0]?.reason, 'no interface nic0')
  isMissing = false
  await clock.advance(1000)
  assert.deepEqual([...table.keys()], ['fd00::/64'])
  ddm.close()
  await clock.advance(100)
  assert.equal(table.size, 0)
})

test('every selected external prefix is a tunnel endpoint, and only while it is selected', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const bgp = rib.adjacency({ protocol: 'bgp', peer: 'upstream' })
  const ddm = rib.adjacency({ protocol: 'ddm', peer: 'rear0' })
  bgp.announce(Prefix.of('0.0.0.0/0'), { nextHop: Ip.of('203.0.113.1') })
  let last: readonly TunnelOriginLike[] = []
  let calls = 0
  const origins = new TunnelOrigins({
    rib,
    boundaryAddress: Ip.of('fdb0::1'),
    announce: (all) => {
      last = all
      calls++
    },
  })
  assert.deepEqual(
    last.map((o) => `${o.overlayPrefix} ${o.boundaryAddress} ${o.vni} ${o.metric}`),
    ['0.0.0.0/0 fdb0::1 99 18446744073709551615'],
  )
  ddm.announce(Prefix.of('fd00::/64'), { nextHop: Ip.of('fe80::1') })
  bgp.announce(Prefix.of('0.0.0.0/0'), { nextHop: Ip.of('203.0.113.2') })
  assert.equal(calls, 1, 'another next hop is the same endpoint, and underlay prefixes are none')
  bgp.announce(Prefix.of('::/0'), { nextHop: Ip.of('2001:db8::1') })
  assert.equal(last.length, 2)
  bgp.close()
  assert.equal(last.length, 0)
  origins.close()
})

test('a switchd that began anew gets everything again within two seconds, also when it was away meanwhile', async () => {
  const clock = new VirtualClock()
  const fake = new FakeSwitchd(clock)
  const rib = new Rib({ nowMs: () => clock.nowMs() })
  const lower = new LowerHalf({ rib, clock, target: fake.target })
  rib
    .adjacency({ protocol: 'static', peer: '' })
    .announce(P, { nextHop: Ip.of('203.0.113.1'), nextHopInterface: 'qsfp0' })
  await clock.advance(100)
  assert.equal(fake.routes.size, 1)
  for (const awayMs of [0, 5000]) {
    fake.isDown = awayMs > 0
    await clock.advance(awayMs)
    fake.isDown = false
    fake.routes.clear()
    fake.incarnation++
    await clock.advance(2000)
    assert.equal(fake.routes.size, 1)
  }
  lower.close()
})
