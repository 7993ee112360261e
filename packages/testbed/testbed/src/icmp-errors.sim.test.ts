/**
 * Errors that find their way back: what a switch says is built on its CPU and goes through its own pipeline, through translation and
 * tunnel and the packet engine, to an instance that finds its own packet quoted. (Who answers at which distance: traceroute.sim.)
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Prefix } from '@lodestone/net'
import type { PingResult } from '@lodestone/netstack'
import {
  ethernetEtherType,
  EtherType,
  IcmpType,
  icmpType,
  verifyIpv4Checksum,
  verifyTransportChecksum,
} from '@lodestone/packet'
import { defaultRules } from './control-plane.fixture.ts'
import type { HostNode } from './host-node.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { uplinkPrefix } from './rack-plan.ts'
import { dropsIn, layersOf, stepsOf, tableHits, waysOf } from './story-hops.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const FLOATING = '198.51.100.10'
const SHARED = '198.51.100.11'
const CLIENT = '203.0.113.9'
/** RFC 6598; nobody announces it. */
const NOWHERE = '100.64.0.1'
const DEFAULT = Prefix.of('0.0.0.0/0')
const ETHERNET = 14
const IPV4 = 20
const ICMP = 8

/** Both ends of all uplinks: which one is used is a hash's choice. */
const UPLINKS = [0, 1].flatMap((router) => [0, 1].map((sw) => uplinkPrefix(router, sw)))
const SWITCH_ADDRESSES = UPLINKS.map((prefix) => prefix.nth(2).toString())
const ROUTER_ADDRESSES = UPLINKS.map((prefix) => prefix.nth(1).toString())

let lab: RackLab
const guests: LabGuest[] = []

before(async () => {
  lab = await RackLab.start()
  const snat = { ip: SHARED, first_port: 16384, last_port: 32767 }
  guests.push(await lab.attach({ name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: [FLOATING] }))
  guests.push(await lab.attach({ name: 'worker', sled: 0, vpc: VPC, ip: '172.30.0.6', snat }))
})
after(() => lab.close())

for (const [index, kind] of ['a floating', 'a shared'].entries()) {
  test(`what a switch or router says to an instance with ${kind} address quotes what the instance sent`, async () => {
    const guest = guests[index]!
    for (const ttl of [1, 2]) {
      const errors: Uint8Array[] = []
      const stop = guest.wire.tap((slot, direction) => {
        const frame = lab.world.arena.peek(slot)
        if (direction === 'b-to-a' && ethernetEtherType(frame, 0) === EtherType.ipv4) errors.push(frame.slice())
      })
      const result = await ping(guest, CLIENT, ttl)
      stop()
      assert.equal(result.outcome, 'time-exceeded')
      assert.equal(errors.length, 1)
      checkQuote(errors[0]!, guest.instance.spec.ip)
    }
  })

  test(`an instance with ${kind} address that pings an address without a route is told by the router`, async () => {
    const result = await ping(guests[index]!, NOWHERE)
    assert.equal(result.outcome, 'unreachable')
    assert.ok(ROUTER_ADDRESSES.includes(String(result.from)), String(result.from))
  })
}

test('the story of a time exceeded leads from the CPU through translation, tunnel and packet engine to the guest', async () => {
  const { stories } = await lab.stories(() => ping(guests[0]!, CLIENT, 1))
  const [story, ...others] = stories.filter((each) =>
    stepsOf(each, 'sent').some(({ summary }) => summary.startsWith('ICMP type 11 code 0')),
  )
  assert.deepEqual(others, [])
  const [sw] = waysOf(story!)
  assert.match(sw!, /^switch[01]$/)
  assert.deepEqual(waysOf(story!), [sw, `sled1-${sw}`, 'sled1', 'web-nic0', 'web'])
  assert.deepEqual(tableHits(story!), [
    'ingress_ipv4 forward_to_sled',
    'lookup_v6 index',
    'route_v6 forward_v6',
    'ndp rewrite',
    'mac_rewrite rewrite',
  ])
  assert.deepEqual(layersOf(story!).slice(0, 2), ['overlay in modify decap', `nat in modify floating ${FLOATING}`])
})

test('an error is let in because of the packet that it quotes: no rule allows it', async () => {
  await lab.run(lab.control.setRules(VPC.vni, []))
  for (const guest of guests) {
    const results = [await ping(guest, CLIENT, 1), await ping(guest, CLIENT, 2), await ping(guest, CLIENT, 3)]
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['time-exceeded', 'time-exceeded', 'reply'],
    )
  }
  const [refused] = await lab.run(lab.client.stack.ping(FLOATING))
  assert.equal(refused!.outcome, 'timeout', 'what the client begins is another matter')
  await lab.run(lab.control.setRules(VPC.vni, defaultRules(VPC.vni)))
})

test('a switch is no way from one uplink to the other: what it does not translate, it drops', async () => {
  const { stack } = host('isp0')
  const far = uplinkPrefix(1, 0)
  stack.setRoute(far, [{ via: uplinkPrefix(0, 0).nth(2), interface: 'switch0' }])
  const { value, stories } = await lab.stories(() => lab.run(stack.ping(far.nth(1).toString())))
  stack.removeRoute(far)
  assert.equal(value[0]!.outcome, 'timeout')
  assert.deepEqual(dropsIn(stories), { SW_NAT_MISS: 1 })
})

test('a switch without a route for what a sled still sends it tells the instance that the network is unreachable', async () => {
  const { engine } = lab.emulation.sleds()[1]!
  const wayOut = engine.tunnelEndpoints().find((route) => route.prefix.equals(DEFAULT))!
  for (const isp of ['isp0', 'isp1'] as const) host(isp).routed!.speaker!.originate([])
  const isGone = (): boolean => lab.emulation.switches().every(({ routed }) => routed?.rib.get(DEFAULT) === undefined)
  assert.ok(await lab.clock.until(isGone, 1000))
  await lab.clock.advance(50)
  // A sled that has not heard of it yet.
  engine.setTunnelEndpoints([wayOut])
  const result = await ping(guests[0]!, NOWHERE)
  assert.equal(result.outcome, 'unreachable')
  assert.ok(SWITCH_ADDRESSES.includes(String(result.from)), String(result.from))

  for (const isp of ['isp0', 'isp1'] as const) host(isp).routed!.speaker!.originate([DEFAULT])
  await lab.untilReady(10_000)
  assert.equal((await ping(guests[0]!, CLIENT)).outcome, 'reply')
})

test('whoever wants to reach an instance whose sled is gone is told by the switch that translates', async () => {
  await lab.emulation.setPower('sled1', false)
  await lab.clock.advance(1000)
  const [result] = await lab.run(lab.client.stack.ping(FLOATING))
  assert.equal(result!.outcome, 'unreachable')
  assert.ok(SWITCH_ADDRESSES.includes(String(result!.from)), String(result!.from))
})

async function ping(guest: LabGuest, address: string, ttl = 64): Promise<PingResult> {
  const [result] = await lab.run(guest.stack.ping(address, { ttl }))
  return result!
}

/** All checksums of an ICMP time exceeded hold, and what it quotes is a ping of `ip` as `ip` sent it. */
function checkQuote(frame: Uint8Array, ip: string): void {
  const l4 = ETHERNET + IPV4
  const quote = l4 + ICMP
  assert.equal(icmpType(frame, l4), IcmpType.timeExceeded)
  assert.ok(verifyIpv4Checksum(frame, ETHERNET))
  assert.ok(verifyTransportChecksum(frame, ETHERNET, l4, frame.length))
  assert.equal(frame.subarray(quote + 12, quote + 16).join('.'), ip)
  assert.ok(verifyIpv4Checksum(frame, quote), 'the quoted header')
  assert.ok(verifyTransportChecksum(frame, quote, quote + IPV4, frame.length), 'the quoted echo request')
}

function host(name: 'isp0' | 'isp1'): HostNode {
  return lab.emulation.hosts().find((node) => node.name === name)!
}
