import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, type BgpAttributes, type Path, Rib } from './index.ts'

const PREFIXES = ['10.0.0.0/8', '10.1.0.0/16', '2001:db8::/32'].map((text) => Prefix.of(text))
const SETS: BgpAttributes[] = []
for (const effectiveLocalPref of [100, 200]) {
  for (const asPathLength of [1, 2]) {
    for (const effectiveMed of [0, 5]) {
      for (const neighbourAsn of [65001, 65002]) {
        SETS.push({
          effectiveLocalPref,
          asPathLength,
          origin: 0,
          effectiveMed,
          neighbourAsn,
          originatorId: undefined,
          clusterListLength: 0,
          asPathText: `${neighbourAsn}`,
        })
      }
    }
  }
}

/** RFC 4271 §9.1.2.2 written down a second time, slowly: filters by minimum, MED pairwise. */
function reference(paths: readonly Path[]): Path | undefined {
  let left = paths.filter((path) => path.unusable === undefined)
  const keepMin = (value: (path: Path) => number): void => {
    const min = Math.min(...left.map(value))
    left = left.filter((path) => value(path) === min)
  }
  keepMin((path) => path.preference)
  keepMin((path) => (path.source.protocol === 'static' ? 0 : 1))
  keepMin((path) => -(path.attributes?.effectiveLocalPref ?? 0))
  keepMin((path) => path.attributes?.asPathLength ?? 0)
  left = left.filter(
    (path) =>
      !left.some(
        (other) =>
          other.attributes !== undefined &&
          path.attributes !== undefined &&
          other.attributes.neighbourAsn === path.attributes.neighbourAsn &&
          other.attributes.effectiveMed < path.attributes.effectiveMed,
      ),
  )
  keepMin((path) => (path.source.bgp?.isExternal === false ? 1 : 0))
  keepMin((path) => path.source.bgp?.routerId ?? 0)
  keepMin((path) => path.pathId)
  return left[0]
}

const operation = fc.record({
  peer: fc.nat(3),
  prefix: fc.nat(PREFIXES.length - 1),
  set: fc.nat(SETS.length - 1),
  kind: fc.constantFrom('announce', 'announce', 'announce', 'withdraw', 'clear', 'unusable'),
})

test('after any operations the selected path is the reference one, and watchers can rebuild the loc-RIB', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const rib = new Rib({ nowMs: () => 0, fanOut: { bgp: 2 } })
      const mirror = new Map<string, readonly Path[]>()
      rib.watch((changes) => {
        for (const { prefix, selected, previous } of changes) {
          assert.deepEqual(mirror.get(prefix.toString()) ?? [], previous)
          if (selected.length === 0) mirror.delete(prefix.toString())
          else mirror.set(prefix.toString(), selected)
        }
      })
      const peers: Adjacency[] = [0, 1, 2, 3].map((n) =>
        n === 3
          ? rib.adjacency({ protocol: 'static', peer: '', preference: 20 })
          : rib.adjacency({
              protocol: 'bgp',
              peer: `p${n}`,
              bgp: { isExternal: n !== 2, routerId: 10 - n, peerAddress: Ip.v4(n) },
            }),
      )
      for (const { peer, prefix, set, kind } of operations) {
        const adjacency = peers[peer]!
        if (kind === 'withdraw') adjacency.withdraw(PREFIXES[prefix]!)
        else if (kind === 'clear') adjacency.clear()
        else {
          adjacency.announce(PREFIXES[prefix]!, {
            nextHop: Ip.v4(peer),
            ...(peer === 3 ? {} : { attributes: SETS[set]! }),
            unusable: kind === 'unusable' ? { code: 'test', sentence: 'test' } : undefined,
          })
        }
        for (const candidate of PREFIXES) {
          const route = rib.get(candidate)
          assert.equal(route?.selected[0], route === undefined ? undefined : reference(route.paths))
          assert.deepEqual(mirror.get(candidate.toString()) ?? [], route?.selected ?? [])
          const explained = rib.explain(candidate)?.paths ?? []
          assert.equal(explained.length, route?.paths.length ?? 0, 'every path has exactly one explanation')
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('the selection does not depend on the order of arrival', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ peer: fc.nat(5), set: fc.nat(SETS.length - 1) }), { minLength: 1, maxLength: 6 }),
      fc.infiniteStream(fc.nat()),
      (offers, random) => {
        const unique = [...new Map(offers.map((offer) => [offer.peer, offer])).values()]
        const shuffled = unique.map((offer) => ({ offer, at: random.next().value as number }))
        shuffled.sort((a, b) => a.at - b.at)
        const best = (order: typeof unique): string[] => {
          const rib = new Rib({ nowMs: () => 0, fanOut: { bgp: 3 } })
          for (const { peer, set } of order) {
            rib
              .adjacency({
                protocol: 'bgp',
                peer: `p${peer}`,
                bgp: { isExternal: peer < 4, routerId: peer % 3, peerAddress: Ip.v4(peer) },
              })
              .announce(PREFIXES[0]!, { nextHop: Ip.v4(peer), attributes: SETS[set]! })
          }
          return rib.get(PREFIXES[0]!)!.selected.map((path) => path.source.peer)
        }
        assert.deepEqual(best(unique), best(shuffled.map(({ offer }) => offer)))
      },
    ),
    { numRuns: 200 },
  )
})
