import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Lab, OURS, reasonToSkipLab, THEIRS } from './lab.ts'
import { Lode } from './lode.ts'
import { eventually } from './patience.ts'

/** A server of an AS far away, which the other router tells routes of. */
const FAR = '203.0.113.9'

describe('lode by itself, on a kernel', { skip: reasonToSkipLab() }, () => {
  let lab: Lab
  let other: Lode

  before(() => {
    lab = new Lab('lode')
    other = new Lode(lab.theirs)
  })

  after(async () => {
    await lab.lode.stop()
    await other.stop()
    lab.remove()
  })

  const ours = (statics: readonly object[]): Readonly<Record<string, unknown>> => ({
    router: { asn: OURS.asn, id: OURS.ipv4, listen: [`${OURS.ipv4}:179`] },
    peers: [{ address: THEIRS.ipv4, asn: THEIRS.asn, passive: true, import: 'accept', export: 'accept' }],
    static: statics,
    kernel: {},
    ddm: { hostname: 'left', role: 'transit', interfaces: [OURS.interface], originate: ['fd00:99:1::/64'] },
  })

  test('a next hop on no link is reached by the route that covers it, and DDM of the file learns from its neighbour', async () => {
    const towardsFar = { prefix: '203.0.113.0/24', next_hop: THEIRS.ipv4 }
    await lab.lode.start(ours([towardsFar]))
    await other.start({
      router: { asn: THEIRS.asn, id: THEIRS.ipv4, originate: ['198.51.100.0/24'] },
      policies: { far: [{ set: { next_hop: FAR }, verdict: 'accept' }] },
      peers: [{ address: OURS.ipv4, asn: OURS.asn, import: 'accept', export: 'far' }],
      ddm: { hostname: 'right', role: 'server', interfaces: [THEIRS.interface], originate: ['fd00:99:2::/64'] },
      kernel: {},
    })
    const route = (): string => lab.ours.run('ip', 'route', 'show', '198.51.100.0/24')
    await eventually('the route is in the kernel', () => route().includes(`via ${THEIRS.ipv4} dev ${OURS.interface}`))
    const explained = await lab.lode.get<{ readonly paths: readonly { readonly next_hop_way?: string }[] }>(
      '/rib/explain?destination=198.51.100.7',
    )
    assert.equal(
      explained.paths[0]?.next_hop_way,
      `${FAR} is reached by 203.0.113.0/24, static via ${THEIRS.ipv4}`,
      'and the explanation says so',
    )
    await lab.lode.reload(ours([]))
    await eventually('it goes with the route that it needs', () => route() === '')
    await lab.lode.reload(ours([towardsFar]))
    await eventually('and comes back with it', () => route().includes(`via ${THEIRS.ipv4}`))

    const learned = (): string => lab.ours.run('ip', '-6', 'route', 'show', 'fd00:99:2::/64')
    await eventually('DDM’s prefix is in the kernel', () => /via fe80::\S+ dev to-peer/.test(learned()))
    const theirs = (): string => lab.theirs.run('ip', '-6', 'route', 'show', 'fd00:99:1::/64')
    await eventually('and ours in theirs', () => /via fe80::\S+ dev to-lode/.test(theirs()))
    await other.stop()
    await eventually('and expires with the neighbour', () => learned() === '')
  })
})
