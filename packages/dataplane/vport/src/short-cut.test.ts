/** From an instance to an external address of another one, or its own, without the switch. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Mac } from '@lodestone/net'
import { ETHERNET_MIN, TcpFlag } from '@lodestone/packet'
import type { ExternalMapping } from './external-addresses.ts'
import { encapsulated, frame, innerOf, look, outerDstOf, vniOf } from './frame-fixture.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import type { PortConfig } from './port-config.ts'
import { SledsFixture } from './sleds-fixture.ts'
import {
  GUEST_MAC,
  PEER_MAC,
  peerConfig,
  portConfig,
  SLED_A,
  SLED_B,
  SledFixture,
  SWITCH_0,
  toHex,
} from './sled-fixture.ts'

const OTHER_VNI = 0x00beef
const ALLOW_ALL = [{ id: 'i', name: 'in', direction: 'in', action: 'allow', priority: 1 }] as const
const WHOLE = { firstPort: 0, lastPort: 0xffff }
const FLOATING = {
  4: { web: Ip.of('1.2.3.4'), db: Ip.of('1.2.3.9') },
  6: { web: Ip.of('2001:db8::4'), db: Ip.of('2001:db8::9') },
} as const

/** web1 on sled A, db1 of another VPC on sled B, each with a floating address of both families. */
const MAPPINGS: readonly ExternalMapping[] = ([4, 6] as const).flatMap((family) => [
  { external: FLOATING[family].web, ...WHOLE, vni: portConfig().vni, sled: SLED_A, mac: GUEST_MAC },
  { external: FLOATING[family].db, ...WHOLE, vni: OTHER_VNI, sled: SLED_B, mac: PEER_MAC },
])

const web = (more: Partial<PortConfig> = {}): PortConfig =>
  portConfig({
    firewall: ALLOW_ALL,
    externalIps4: { floating: [{ ip: FLOATING[4].web }] },
    externalIps6: { floating: [{ ip: FLOATING[6].web }] },
    ...more,
  })
const db = (more: Partial<PortConfig> = {}): PortConfig =>
  peerConfig({
    vni: OTHER_VNI,
    firewall: ALLOW_ALL,
    externalIps4: { floating: [{ ip: FLOATING[4].db }] },
    externalIps6: { floating: [{ ip: FLOATING[6].db }] },
    ...more,
  })

const toDb = (isV6: boolean, fields: Partial<Parameters<typeof frame>[0]> = {}): Uint8Array =>
  frame({
    src: isV6 ? 'fd12:3456:789a::5' : '172.30.0.5',
    dst: FLOATING[isV6 ? 6 : 4].db.toString(),
    kind: 'tcp',
    dstPort: 80,
    ...fields,
  })

test('a packet to another VPC’s floating address goes to its sled, marked as from outside, and the answer comes back so', async () => {
  for (const isV6 of [false, true]) {
    const rack = new SledsFixture([SLED_A, SLED_B])
    const [a, b] = rack.sleds as [SledFixture, SledFixture]
    for (const sled of rack.sleds) {
      sled.engine.setExternalAddresses(MAPPINGS)
      sled.engine.setUnderlayPeers({ sleds: [SLED_A, SLED_B], switches: [SWITCH_0] })
    }
    const webPort = a.addPort(web())
    const dbPort = b.addPort(db())
    const family = isV6 ? 6 : 4
    for (const [round, flags] of [TcpFlag.syn, TcpFlag.ack, TcpFlag.ack, TcpFlag.ack].entries()) {
      a.send(webPort, toDb(isV6, { flags }))
      await rack.settle()
      const [request] = b.take(dbPort)
      assert.deepEqual(
        [look(request!).src, look(request!).dst, look(request!).isChecksumRight],
        [FLOATING[family].web.toString(), dbPort.config[`ip${family}`]!.address.toString(), true],
      )
      assert.deepEqual(b.taints.get(dbPort.id)!.splice(0), [0], 'it is not the other VPC’s any more')
      const answer = frame({
        etherSrc: PEER_MAC,
        src: look(request!).dst,
        dst: look(request!).src,
        kind: 'tcp',
        srcPort: 80,
        dstPort: 40000,
        flags: round === 0 ? TcpFlag.syn | TcpFlag.ack : TcpFlag.ack,
      })
      b.send(dbPort, answer)
      await rack.settle()
      const [back] = a.take(webPort)
      assert.deepEqual([look(back!).src, look(back!).isChecksumRight], [FLOATING[family].db.toString(), true])
    }
    assert.equal(rack.elsewhere.length, 0, 'no switch has seen any of it')
    for (const port of [webPort, dbPort]) {
      const { counters } = port.dump()
      assert.ok(counters.fastIn >= 2 && counters.fastOut >= 2, JSON.stringify(counters))
    }
  }
})

test('what the short cut delivers is what the way through the switch delivers, byte for byte', async () => {
  const packet = fc.record({
    isV6: fc.boolean(),
    kind: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const),
    toItself: fc.boolean(),
    dstPort: fc.constantFrom(80, 443),
    srcPort: fc.constantFrom(1, 2),
    payload: fc.uint8Array({ maxLength: 20 }),
    isShared: fc.boolean(),
  })
  const property = fc.asyncProperty(
    fc.array(packet, { minLength: 1, maxLength: 8 }),
    fc.boolean(),
    async (packets, isRuled) => {
      const firewall = isRuled ? [{ ...ALLOW_ALL[0], ports: [{ first: 80, last: 80 }] }] : ALLOW_ALL
      const racks = [new SledsFixture([SLED_A, SLED_B]), new SledsFixture([SLED_A, SLED_B])] as const
      for (const sled of racks[0].sleds) sled.engine.setExternalAddresses(MAPPINGS)
      const ports = racks.map(({ sleds }) => [sleds[0]!.addPort(web()), sleds[1]!.addPort(db({ firewall }))] as const)
      for (const { isV6, kind, toItself, dstPort, srcPort, payload } of packets) {
        const family = isV6 ? 6 : 4
        const to = FLOATING[family][toItself ? 'web' : 'db'].toString()
        const bytes = toDb(isV6, { kind, dst: to, dstPort, srcPort, identifier: srcPort, payload })
        const explained = ports[0]![0].explain(bytes, 'out')
        assert.equal(explained.verdict, 'forwarded')
        const delivered = []
        for (const [i, rack] of racks.entries()) {
          rack.sleds[0]!.send(ports[i]![0], bytes)
          await rack.settle()
          // The switch, as far as it matters here: a look at its table, and into a tunnel to the sled.
          for (const sent of rack.elsewhere.splice(0)) {
            const { dst } = look(innerOf(sent))
            const owner = MAPPINGS.find(({ external }) => external.toString() === dst)!
            const inner = innerOf(sent)
            inner.set(owner.mac.bytes, 0)
            const sled = rack.sleds[owner.sled.equals(SLED_A) ? 0 : 1]!
            sled.receive(encapsulated(inner, { vni: owner.vni, isExternal: true, dst: owner.sled }))
            await rack.settle()
          }
          const [a, b] = ports[i]!
          delivered.push([...rack.sleds[0]!.take(a), ...rack.sleds[1]!.take(b)].map(toHex).join())
        }
        assert.equal(delivered[0], delivered[1])
        const codes = ports.map(([, port]) => port.dump().drops)
        assert.deepEqual(codes[0], codes[1], 'and what is refused is refused for the same reason')
      }
    },
  )
  await fc.assert(property, fuzzRuns(60))
})

test('an instance reaches its own floating address and is answered', async () => {
  const rack = new SledsFixture([SLED_A])
  const sled = rack.sleds[0]!
  sled.engine.setExternalAddresses(MAPPINGS)
  const port = sled.addPort(web())
  for (const flags of [TcpFlag.syn, TcpFlag.ack]) {
    sled.send(port, toDb(false, { dst: '1.2.3.4', flags }))
    await rack.settle()
    const [request] = sled.take(port)
    assert.deepEqual([look(request!).src, look(request!).dst], ['1.2.3.4', '172.30.0.5'])
    const back = flags === TcpFlag.syn ? TcpFlag.syn | TcpFlag.ack : TcpFlag.ack
    const answer = frame({ src: '172.30.0.5', dst: '1.2.3.4', kind: 'tcp', srcPort: 80, dstPort: 40000, flags: back })
    sled.send(port, answer)
    await rack.settle()
    const [answered] = sled.take(port)
    assert.deepEqual(
      [look(answered!).src, look(answered!).dst, look(answered!).dstPort],
      ['1.2.3.4', '172.30.0.5', 40000],
    )
  }
  assert.equal(rack.elsewhere.length, 0)
})

test('an address that comes, moves or goes reaches live flows at once, and no others', () => {
  const sled = new SledFixture()
  const port = sled.addPort(web())
  const to = (dst: string): string => outerDstOf(sled.exchange(port, toDb(false, { dst, kind: 'udp' }))!)
  const slow = (): number => port.dump().counters.slowOut
  assert.deepEqual([to('1.2.3.9'), to('203.0.113.9')], [SWITCH_0.toString(), SWITCH_0.toString()])
  const before = slow()
  assert.equal(sled.engine.setExternalAddresses(MAPPINGS), 4)
  assert.deepEqual([to('1.2.3.9'), to('203.0.113.9')], [SLED_B.toString(), SWITCH_0.toString()])
  assert.equal(slow() - before, 1, 'the other flow did not walk')
  const moved = MAPPINGS.map((each) =>
    each.external.toString() === '1.2.3.9' ? { ...each, sled: Ip.of('fd00::7') } : each,
  )
  assert.equal(sled.engine.setExternalAddresses(moved), 1)
  assert.equal(to('1.2.3.9'), 'fd00::7')
  assert.equal(sled.engine.setExternalAddresses([]), 4)
  assert.equal(to('1.2.3.9'), SWITCH_0.toString())
  assert.equal(slow() - before, 3)
  assert.equal(sled.engine.setExternalAddresses(MAPPINGS), 4)
  assert.equal(sled.engine.setExternalAddresses(MAPPINGS), 0)
  assert.equal(to('1.2.3.9'), SLED_B.toString())
  sled.setSwitches([])
  assert.equal(to('1.2.3.9'), SLED_B.toString(), 'it needs no switch')
})

test('of a shared address the owner of the port gets the packet, and of one that nobody owns the switch', () => {
  const sled = new SledFixture()
  const port = sled.addPort(web())
  const shared = { external: Ip.of('5.6.7.8'), vni: 7, mac: Mac.of('a8:40:25:00:00:01') }
  sled.engine.setExternalAddresses([
    { ...shared, firstPort: 0, lastPort: 99, sled: SLED_B },
    { ...shared, firstPort: 100, lastPort: 199, sled: Ip.of('fd00::7') },
  ])
  const to = (fields: Partial<Parameters<typeof frame>[0]>): string =>
    outerDstOf(sled.exchange(port, toDb(false, { dst: '5.6.7.8', ...fields }))!)
  assert.equal(to({ dstPort: 99 }), SLED_B.toString())
  assert.equal(to({ dstPort: 100 }), 'fd00::7')
  assert.equal(to({ dstPort: 200 }), SWITCH_0.toString())
  assert.equal(to({ kind: 'icmp', identifier: 150 }), 'fd00::7')
  assert.equal(to({ kind: 'icmp', type: 13 }), SLED_B.toString(), 'no identifier is as port 0, at the switch too')
  const sent = sled.exchange(port, toDb(false, { dst: '5.6.7.8', dstPort: 100 }))!
  assert.equal(vniOf(sent), 7)
  assert.equal(toHex(innerOf(sent).subarray(0, 6)), 'a84025000001')
  assert.equal(innerOf(sent).length, ETHERNET_MIN + 40)
})
