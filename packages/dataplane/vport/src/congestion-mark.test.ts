/** Marks of congestion through the tunnel (RFC 6040), by the layers (first packet) and by the kernel (the others). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from '@lodestone/net'
import { ETHERNET_MIN, ipv6Ecn, setIpv6Ecn } from '@lodestone/packet'
import { markOf } from './congestion-mark.ts'
import { encapsulated, frame, look } from './frame-fixture.ts'
import { GUEST_MAC, portConfig, SledFixture } from './sled-fixture.ts'

const ALLOW_ALL = [{ id: 'a', name: 'all', direction: 'in', action: 'allow', priority: 1 }] as const
const [NOT_ECT, ECT_1, ECT_0, CE] = [0, 1, 2, 3]
const families = [
  { family: 4, guest: '172.30.0.5', external: '1.2.3.4', client: '203.0.113.9' },
  { family: 6, guest: 'fd12:3456:789a::5', external: '2001:db8::4', client: '2001:db8:1::9' },
] as const

function setup() {
  const sled = new SledFixture()
  const externalIps6 = { floating: [{ ip: Ip.of('2001:db8::4') }] }
  return { sled, port: sled.addPort(portConfig({ firewall: ALLOW_ALL, externalIps6 })) }
}

test('the tunnel’s header is marked as the packet in it, IPv4 and IPv6, from the first packet on', () => {
  for (const { guest, client } of families) {
    const { sled, port } = setup()
    for (const ecn of [NOT_ECT, ECT_1, ECT_0, CE, NOT_ECT]) {
      const sent = sled.exchange(port, frame({ src: guest, dst: client, kind: 'udp', ecn }))!
      assert.equal(ipv6Ecn(sent, 0), ecn)
    }
    assert.equal(port.dump().counters.fastOut, 4)
  }
})

test('what the underlay marked reaches the guest; what its sender would not understand is dropped with a code', () => {
  /** Outer mark, then what becomes of the inner marks 0 to 3; -1: dropped. */
  const table: readonly (readonly [number, readonly number[]])[] = [
    [NOT_ECT, [NOT_ECT, ECT_1, ECT_0, CE]],
    [ECT_0, [NOT_ECT, ECT_1, ECT_0, CE]],
    [ECT_1, [NOT_ECT, ECT_1, ECT_1, CE]],
    [CE, [-1, CE, CE, CE]],
  ]
  for (const { family, external, client } of families) {
    const { sled, port } = setup()
    for (const [outer, marks] of table) {
      for (const [inner, wanted] of marks.entries()) {
        const packet = frame({ etherDst: GUEST_MAC, src: client, dst: external, kind: 'udp', ecn: inner })
        const whole = encapsulated(packet, { isExternal: true })
        setIpv6Ecn(whole, ETHERNET_MIN, outer)
        const dry = port.explain(whole, 'in')
        sled.receive(whole)
        const [got] = sled.take(port)
        const name = `IPv${family}, ${inner} inside of ${outer}`
        assert.equal(got === undefined ? -1 : markOf(got, ETHERNET_MIN, family), wanted, name)
        assert.equal(dry.verdict, wanted < 0 ? 'dropped' : 'delivered', name)
        if (got !== undefined) {
          assert.equal(look(got).isChecksumRight, true, name)
          assert.deepEqual(dry.frame, got, name)
        }
      }
    }
    assert.deepEqual(
      port.recentDrops().map((drop) => drop.reason.code),
      ['OV_CONGESTED'],
    )
    assert.equal(port.dump().counters.fastIn, 6, 'where nothing is to be carried over the kernel does it')
  }
})
