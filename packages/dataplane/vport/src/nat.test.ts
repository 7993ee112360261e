import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { TcpFlag } from '@lodestone/packet'
import { encapsulated, frame, type FrameFields, innerOf, look, outerDstOf, vniOf } from './frame-fixture.ts'
import { DEFAULT_ROUTES, GUEST_MAC, portConfig, SledFixture } from './sled-fixture.ts'
import type { PortConfig } from './port-config.ts'
import type { VirtualPort } from './virtual-port.ts'

const CLIENT = '203.0.113.9'
const SNAT = { ip: Ip.of('5.6.7.8'), firstPort: 16384, lastPort: 16391 }

function toInternet(fields: Partial<FrameFields> = {}): Uint8Array {
  return frame({ src: '172.30.0.5', dst: CLIENT, kind: 'udp', dstPort: 53, ...fields })
}

function fromInternet(dst: string, fields: Partial<FrameFields> = {}): Uint8Array {
  return encapsulated(frame({ etherDst: GUEST_MAC, src: CLIENT, dst, kind: 'udp', srcPort: 53, ...fields }), {
    isExternal: true,
  })
}

function withExternal(
  externalIps4: NonNullable<PortConfig['externalIps4']>,
  rest: Partial<PortConfig> = {},
): PortConfig {
  return portConfig({ externalIps4, ...rest })
}

function sourceOf(sled: SledFixture, port: VirtualPort, fields: Partial<FrameFields> = {}): string {
  const sent = sled.exchange(port, toInternet(fields))
  return sent === undefined ? port.recentDrops().at(-1)!.reason.code : look(innerOf(sent)).src
}

test('a floating address comes before the ephemeral one, and that before the shared one; none is a denial', () => {
  const floating = [{ ip: Ip.of('1.2.3.4') }]
  const ephemeral = { ip: Ip.of('1.2.3.5') }
  const cases: [NonNullable<PortConfig['externalIps4']>, string][] = [
    [{ floating, ephemeral, snat: SNAT }, '1.2.3.4'],
    [{ floating: [], ephemeral, snat: SNAT }, '1.2.3.5'],
    [{ floating: [], snat: SNAT }, '5.6.7.8'],
    [{ floating: [] }, 'NAT_NO_EIP'],
  ]
  for (const [external, expected] of cases) {
    const sled = new SledFixture()
    assert.equal(sourceOf(sled, sled.addPort(withExternal(external))), expected)
  }
})

test('frames for the internet go to the switch in the boundary VNI, without options', () => {
  const sled = new SledFixture()
  const sent = sled.exchange(sled.addPort(), toInternet())!
  assert.deepEqual([outerDstOf(sent), vniOf(sent)], ['fdb1:a844:2ecd::1', 99])
})

test('connections are spread over floating addresses, and each keeps its own', () => {
  const sled = new SledFixture()
  const floating = ['1.2.3.1', '1.2.3.2', '1.2.3.3', '1.2.3.4'].map((ip) => ({ ip: Ip.of(ip) }))
  const port = sled.addPort(withExternal({ floating }))
  const used = new Map<string, number>()
  for (let srcPort = 2000; srcPort < 2200; srcPort++) {
    const src = sourceOf(sled, port, { srcPort })
    assert.equal(sourceOf(sled, port, { srcPort }), src)
    used.set(src, (used.get(src) ?? 0) + 1)
  }
  assert.equal(used.size, 4)
  for (const [ip, count] of used) assert.ok(count > 20, `${ip} got ${count} of 200`)
})

test('an answer goes back from the floating address that the request came for', () => {
  const sled = new SledFixture()
  const floating = ['1.2.3.1', '1.2.3.2', '1.2.3.3'].map((ip) => ({ ip: Ip.of(ip) }))
  const config = withExternal(
    { floating },
    {
      firewall: [{ id: 'a', name: 'all', direction: 'in', action: 'allow', priority: 1 }],
    },
  )
  const port = sled.addPort(config)
  for (const [i, dst] of ['1.2.3.1', '1.2.3.2', '1.2.3.3'].entries()) {
    sled.receive(fromInternet(dst, { srcPort: 5000 + i, dstPort: 7 }))
    assert.equal(look(sled.take(port)[0]!).dst, '172.30.0.5')
    assert.equal(sourceOf(sled, port, { srcPort: 7, dstPort: 5000 + i }), dst)
  }
})

test('an internet gateway uses only addresses that are attached to it', () => {
  const routes = DEFAULT_ROUTES.map((route) =>
    route.target.kind === 'internet-gateway'
      ? { ...route, target: { ...route.target, id: 'igw-b', name: 'b' } }
      : route,
  )
  const floating = [{ ip: Ip.of('1.2.3.1') }, { ip: Ip.of('1.2.3.2') }]
  const internetGateways = { '1.2.3.1': ['igw-a'], '1.2.3.2': ['igw-a', 'igw-b'] }
  const sled = new SledFixture()
  const port = sled.addPort(withExternal({ floating }, { routes, internetGateways }))
  for (let srcPort = 1; srcPort < 20; srcPort++) assert.equal(sourceOf(sled, port, { srcPort }), '1.2.3.2')
  const config = port.config
  port.apply({ ...config, generation: 2, internetGateways: { '1.2.3.1': ['igw-a'] } })
  assert.equal(sourceOf(sled, port, { srcPort: 1 }), 'NAT_NO_EIP', 'the live flow follows')
})

test('the shared address gives each connection a port, and answers find their way back', () => {
  const sled = new SledFixture()
  const port = sled.addPort(withExternal({ floating: [], snat: SNAT }))
  const ports = new Set<number>()
  for (const kind of ['tcp', 'udp', 'icmp'] as const) {
    const sent = look(innerOf(sled.exchange(port, toInternet({ kind, identifier: 78 }))!))
    assert.equal(sent.isChecksumRight, true)
    assert.ok(sent.srcPort >= SNAT.firstPort && sent.srcPort <= SNAT.lastPort)
    ports.add(sent.srcPort)
    const answer: Partial<FrameFields> =
      kind === 'icmp'
        ? { kind, type: 0, identifier: sent.srcPort }
        : { kind, dstPort: sent.srcPort, flags: TcpFlag.syn | TcpFlag.ack }
    for (let times = 0; times < 2; times++) {
      sled.receive(fromInternet('5.6.7.8', answer))
      const back = look(sled.take(port)[0]!)
      assert.deepEqual(
        [back.dst, back.dstPort, back.isChecksumRight],
        ['172.30.0.5', kind === 'icmp' ? 78 : 40000, true],
        kind,
      )
    }
  }
  assert.equal(ports.size, 1, 'TCP, UDP and ICMP have pools of their own')
})

test('what nobody asked for at the shared address is dropped with a reason', () => {
  const sled = new SledFixture()
  const port = sled.addPort(withExternal({ floating: [], snat: SNAT }))
  sled.receive(fromInternet('5.6.7.8', { dstPort: 16385 }))
  assert.equal(port.recentDrops()[0]!.reason.code, 'NAT_NO_MAPPING')
  assert.equal(sourceOf(sled, port, { kind: 'icmp', type: 13 }), 'NAT_ICMP_UNSUPPORTED')
})

test('an exhausted pool says so, and a freed port rests before it is used again', async () => {
  const sled = new SledFixture()
  const port = sled.addPort(withExternal({ floating: [], snat: SNAT }))
  for (let i = 0; i < 8; i++) assert.equal(sourceOf(sled, port, { srcPort: 100 + i }), '5.6.7.8')
  assert.equal(sourceOf(sled, port, { srcPort: 200 }), 'NAT_POOL_EMPTY')
  await sled.clock.advance(62_000)
  assert.equal(port.dump().flows.length, 0, 'idle UDP flows are forgotten after 60 s')
  assert.equal(sourceOf(sled, port, { srcPort: 200 }), 'NAT_POOL_EMPTY', 'quarantine')
  await sled.clock.advance(31_000)
  assert.equal(sourceOf(sled, port, { srcPort: 200 }), '5.6.7.8')
})

test('a connection denied after translation takes no port from the pool', () => {
  const sled = new SledFixture({ switches: [] })
  const port = sled.addPort(withExternal({ floating: [], snat: SNAT }))
  for (let i = 0; i < 20; i++) assert.equal(sourceOf(sled, port, { srcPort: 100 + i }), 'OV_NO_TEP')
})

test('an attached address is used by new flows at once and a detached one by none', () => {
  const sled = new SledFixture()
  const config = withExternal({ floating: [], ephemeral: { ip: Ip.of('1.2.3.5') } })
  const port = sled.addPort(config)
  assert.equal(sourceOf(sled, port), '1.2.3.5')
  port.apply({
    ...config,
    generation: 2,
    externalIps4: { floating: [{ ip: Ip.of('1.2.3.4') }], ephemeral: { ip: Ip.of('1.2.3.5') } },
  })
  assert.equal(sourceOf(sled, port), '1.2.3.5', 'a live flow keeps its address while it is attached')
  assert.equal(sourceOf(sled, port, { srcPort: 41000 }), '1.2.3.4')
  port.apply({ ...config, generation: 3, externalIps4: { floating: [{ ip: Ip.of('1.2.3.4') }] } })
  assert.equal(sourceOf(sled, port), '1.2.3.4', 'its address is gone')
  sled.receive(fromInternet('1.2.3.5', { dstPort: 40000 }))
  assert.equal(sled.take(port).length, 0)
})

test('an address whose owner is not known is reached by way of the switch, its own too', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const sent = sled.exchange(port, toInternet({ dst: '1.2.3.4' }))!
  assert.deepEqual([look(innerOf(sent)).src, look(innerOf(sent)).dst, vniOf(sent)], ['1.2.3.4', '1.2.3.4', 99])
})

/** An ICMP error from a router about a packet that the guest sent. */
function errorAbout(quoted: Uint8Array, dst: string, quotedBytes = 28): Uint8Array {
  return encapsulated(
    frame({
      etherDst: GUEST_MAC,
      src: '198.51.100.1',
      dst,
      kind: 'icmp',
      type: 3,
      code: 4,
      rest: 1400,
      payload: quoted.slice(14, 14 + quotedBytes),
    }),
    { isExternal: true },
  )
}

test('an ICMP error about a translated packet is translated, quote and all, for 1:1 and shared addresses', () => {
  for (const external of [{ floating: [{ ip: Ip.of('1.2.3.4') }] }, { floating: [], snat: SNAT }]) {
    const sled = new SledFixture()
    // No rule allows ICMP: the error belongs to a connection.
    const port = sled.addPort(withExternal(external, { firewall: [] }))
    const sent = innerOf(sled.exchange(port, toInternet({ payload: new Uint8Array(64) }))!)
    sled.receive(errorAbout(sent, look(sent).src))
    const error = sled.take(port)[0]!
    const view = look(error)
    assert.deepEqual([view.dst, view.isChecksumRight], ['172.30.0.5', true])
    const quote = error.slice(14 + 28)
    assert.equal(Ip.fromBytes(quote, 12, 4).toString(), '172.30.0.5')
    assert.equal((quote[20]! << 8) | quote[21]!, 40000)
  }
})

test('the checksum in a quote is made right again, where the quote reaches that far', () => {
  const payload = new Uint8Array(64)
  for (const kind of ['tcp', 'udp', 'icmp'] as const) {
    for (const external of [{ floating: [{ ip: Ip.of('1.2.3.4') }] }, { floating: [], snat: SNAT }]) {
      const sled = new SledFixture()
      const port = sled.addPort(withExternal(external, { firewall: [] }))
      const original = toInternet(kind === 'icmp' ? { kind, type: 8, rest: 0x77770001, payload } : { kind, payload })
      const sent = innerOf(sled.exchange(port, original)!)
      for (const quotedBytes of [sent.length - 14, 28]) {
        sled.receive(errorAbout(sent, look(sent).src, quotedBytes))
        const error = sled.take(port)[0]!
        assert.equal(look(error).isChecksumRight, true)
        const transport = error.slice(14 + 28 + 20)
        const expected = original.slice(14 + 20, 14 + quotedBytes)
        // TCP's checksum is beyond the first eight bytes.
        assert.deepEqual(transport, expected, `${kind}, ${quotedBytes} bytes quoted`)
      }
    }
  }
})

test('an ICMP error about a packet that was never sent is dropped', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [] }))
  const never = frame({ src: '1.2.3.4', dst: CLIENT, kind: 'udp', srcPort: 1, dstPort: 2 })
  sled.receive(errorAbout(never, '1.2.3.4'))
  assert.equal(sled.take(port).length, 0)
  assert.equal(port.recentDrops()[0]!.reason.code, 'FW_DEFAULT_DENY')
})

test('an ICMP error from the guest about what came in leaves from the address it came for', () => {
  const sled = new SledFixture()
  const firewall = [{ id: 'a', name: 'all', direction: 'in', action: 'allow', priority: 1 }] as const
  const port = sled.addPort(portConfig({ firewall }))
  sled.receive(fromInternet('1.2.3.4', { dstPort: 9 }))
  const received = sled.take(port)[0]!
  const error = frame({
    src: '172.30.0.5',
    dst: CLIENT,
    kind: 'icmp',
    type: 3,
    code: 3,
    rest: 0,
    payload: received.slice(14, 14 + 28),
  })
  const sent = innerOf(sled.exchange(port, error)!)
  assert.deepEqual([look(sent).src, look(sent).isChecksumRight], ['1.2.3.4', true])
  assert.equal(Ip.fromBytes(sent.slice(14 + 28), 16, 4).toString(), '1.2.3.4')
})

test('IPv6 has the same translation', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ externalIps6: { floating: [{ ip: Ip.of('2001:db8::4') }] } }))
  const out = frame({ src: 'fd12:3456:789a::5', dst: '2001:db8:1::9', kind: 'tcp' })
  for (let i = 0; i < 2; i++) {
    const sent = innerOf(sled.exchange(port, out)!)
    assert.deepEqual([look(sent).src, look(sent).isChecksumRight], ['2001:db8::4', true])
  }
})

test('route priorities: longest prefix first, then custom before system; a drop route drops', () => {
  const route = (
    name: string,
    destination: string,
    kind: 'system' | 'custom',
    target: 'drop' | 'internet-gateway',
  ) => ({
    id: name,
    name,
    destination: Prefix.of(destination),
    target: { kind: target },
    class: kind,
  })
  const routes = [
    route('system', '203.0.113.0/24', 'system', 'drop'),
    route('custom', '203.0.113.0/24', 'custom', 'internet-gateway'),
    route('host', '203.0.113.66/32', 'system', 'drop'),
  ]
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ routes }))
  assert.equal(sourceOf(sled, port), '1.2.3.4')
  assert.equal(sourceOf(sled, port, { dst: '203.0.113.66' }), 'RT_DROP_ROUTE')
  assert.equal(port.recentDrops().at(-1)!.rule, 'host')
  assert.equal(sourceOf(sled, port, { dst: '198.51.100.1' }), 'RT_NO_ROUTE')
  assert.equal(sourceOf(sled, port, { dst: '224.0.0.5' }), 'OV_MCAST_UNSUPPORTED')
})

test('a route to an instance sends there whatever the destination is', () => {
  const routes = [
    {
      id: 'r',
      name: 'via-db',
      destination: Prefix.of('10.0.0.0/8'),
      target: { kind: 'ip', ip: Ip.of('172.30.0.6') },
      class: 'custom',
    },
  ] as const
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ routes }))
  const sent = sled.exchange(port, toInternet({ dst: '10.1.2.3' }))!
  assert.equal(outerDstOf(sent), 'fd00:1122:3344:101::1')
  assert.equal(look(innerOf(sent)).dst, '10.1.2.3')
})
