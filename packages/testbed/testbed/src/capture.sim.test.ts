/** Captures of a rack tell what became of each packet, at the guest's wire, on the underlay and outside. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readPcapng } from '@lodestone/packet'
import { captureStream } from './capture.ts'
import { defaultRules } from './control-plane.fixture.ts'
import { failure, type LabGuest, RackLab } from './rack-lab.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const FLOATING = '198.51.100.10'

let lab: RackLab
let guest: LabGuest

before(async () => {
  lab = await RackLab.start({ sleds: 1 })
  guest = await lab.attach({ name: 'web', sled: 0, vpc: VPC, ip: '172.30.0.5', floating: [FLOATING] })
  await lab.run(lab.control.setRules(VPC.vni, defaultRules(VPC.vni)))
})
after(() => lab.close())

test('a packet is the same packet at every point of a capture, with its verdict, the rule and the reason as comments', async () => {
  const { arena, clock, tracer } = lab.world
  const points = [...lab.emulation.links().values()].map((link) => ({
    name: link.name,
    tap: (fn: (slot: number, atMs: number) => void) => link.tap((slot, _direction, atMs) => fn(slot, atMs)),
  }))
  const stream = captureStream({ arena, clock, tracer, points, verdicts: true, durationMs: 4000 })
  const bytes = new Response(stream).arrayBuffer()
  const [reply] = await lab.run(lab.client.stack.ping(FLOATING, { count: 1 }))
  assert.equal(reply?.outcome, 'reply')
  await failure(lab.run(lab.client.stack.connectTcp({ address: FLOATING, port: 80, timeoutMs: 500 })))
  await lab.clock.advance(5000)
  const { packets, interfaces } = readPcapng(new Uint8Array(await lab.run(bytes)))
  const withText = (text: RegExp) => packets.filter(({ comments = [] }) => text.test(comments.join('\n')))
  const denied = withText(/allow-ssh/)
  const ids = new Set(denied.map(({ packetId }) => packetId))
  const where = denied.map(({ interfaceId }) => interfaces[interfaceId]!.name)
  assert.ok(
    where.some((name) => name?.includes('client')) && where.some((name) => name?.includes('sled0')),
    where.join(),
  )
  assert.ok(ids.size >= 1 && denied.length >= 3 * ids.size, `${denied.length} frames of ${ids.size} packets`)
  assert.match(denied[0]!.comments!.join('\n'), /DROPPED[\s\S]*firewall/)
  const delivered = withText(/DELIVERED/).filter(({ interfaceId }) => interfaces[interfaceId]!.name === guest.wire.name)
  assert.ok(delivered.length >= 2, 'the request and its answer')
  // Which entries and rules had a say, at every place.
  assert.match(
    delivered[0]!.comments!.join('\n'),
    /through {3}switch\d: .*ingress_ipv4 \S+.*\nthrough {3}sled0: .*firewall in allow allow-icmp/,
  )
})
