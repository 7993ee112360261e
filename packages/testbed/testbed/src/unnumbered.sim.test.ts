/** Unnumbered BGP peers on the emulated stack: router advertisements find them, IPv4 goes over IPv6 next hops, packets follow. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { Host, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { Link } from '@lodestone/link'
import { KernelTarget } from '@lodestone/lower'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { Tracer } from '@lodestone/probe'
import { EMPTY_CONFIG, Routed } from '@lodestone/routed'

class Router {
  readonly stack: Netstack
  readonly routed: Routed

  constructor(name: string, lab: Lab, loopbacks: readonly string[]) {
    const { clock, random, arena, tracer } = lab
    this.stack = new Netstack({ name, clock, random: random.fork(name), arena, tracer, forwarding: true })
    for (const text of loopbacks) this.stack.addLoopbackAddress(Ip.of(text))
    const host = new Host({
      name,
      clock,
      random: random.fork(`${name} daemon`),
      files: new MemoryFiles(),
      networks: { links: this.stack },
    })
    this.routed = new Routed(host, { network: 'links', targets: [{ target: new KernelTarget(this.stack) }] })
  }

  start(asn: number, id: string, originate: readonly string[]): void {
    const peer = { name: 'eth0', interface: 'eth0', remoteAsn: 'external' as const }
    const result = this.routed.apply({
      ...EMPTY_CONFIG,
      bgp: { asn, routerId: Ip.of(id), port: 179, peers: [peer], originate: originate.map((text) => Prefix.of(text)) },
    })
    assert.ok(result.ok, result.ok ? '' : result.problems.join('; '))
  }

  isUp(): boolean {
    return this.routed.speaker?.peer('eth0')?.isEstablished === true
  }
}

class Lab {
  readonly clock = new VirtualClock()
  readonly random = new SeededRandom(7)
  readonly arena = new Arena({ slots: 1024 })
  readonly tracer = new Tracer(() => this.clock.nowMs())
  readonly left = new Router('left', this, ['10.0.0.1', 'fd00::1'])
  readonly right = new Router('right', this, ['10.0.0.2', 'fd00::2'])
  readonly cable: Link

  constructor() {
    const { clock, random, arena, tracer } = this
    this.cable = new Link({ name: 'cable', a: 'left/eth0', b: 'right/eth0', clock, random, arena, tracer })
    this.left.stack.addInterface({ name: 'eth0', port: this.cable.a, mac: Mac.of('02:00:00:00:00:01') })
    this.right.stack.addInterface({ name: 'eth0', port: this.cable.b, mac: Mac.of('02:00:00:00:00:02') })
    this.left.start(65_001, '10.0.0.1', ['10.0.0.1/32', 'fd00::1/128'])
    this.right.start(65_002, '10.0.0.2', ['10.0.0.2/32', 'fd00::2/128'])
  }

  close(): void {
    this.left.routed.close()
    this.right.routed.close()
  }
}

test('routers without addresses on their link find each other, and both families flow over link-local next hops', async () => {
  const lab = new Lab()
  const { clock, left, right } = lab
  assert.ok(await clock.until(() => left.isUp() && right.isUp(), 10_000))
  await clock.advance(1000)
  const path = left.routed.rib.get(Prefix.of('10.0.0.2/32'))?.selected[0]
  assert.equal(path?.nextHop.toString(), right.stack.interface('eth0')!.linkLocal!.toString())
  const ways: readonly (readonly [string, string])[] = [
    ['10.0.0.1', '10.0.0.2'],
    ['fd00::1', 'fd00::2'],
  ]
  for (const [from, to] of ways) {
    const [answer] = await clock.run(left.stack.ping(to, { count: 1, source: Ip.of(from) }))
    assert.equal(answer?.outcome, 'reply', to)
  }
  lab.close()
})

test('a cable that is out takes session and routes with it at once, and they come back with it', async () => {
  const lab = new Lab()
  const { clock, cable, left, right } = lab
  assert.ok(await clock.until(() => left.isUp() && right.isUp(), 10_000))
  await clock.advance(1000)
  cable.setUp(false)
  await clock.advance(10)
  assert.equal(left.isUp(), false)
  assert.equal(left.routed.rib.get(Prefix.of('10.0.0.2/32')), undefined)
  cable.setUp(true)
  assert.ok(await clock.until(() => left.isUp() && right.isUp(), 30_000))
  lab.close()
})
