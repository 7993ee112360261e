import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, type BgpAttributes, decide, decisionSteps, type DecisionOptions, Rib } from './index.ts'

const PREFIX = Prefix.of('192.0.2.0/24')
const PEERS = 6

const various: fc.Arbitrary<BgpAttributes> = fc.record({
  effectiveLocalPref: fc.constantFrom(100, 100, 100, 0, 0xffff_ffff),
  asPathLength: fc.constantFrom(2, 2, 2, 1, 16_000),
  origin: fc.constantFrom(0 as const, 0 as const, 2 as const),
  effectiveMed: fc.constantFrom(0, 5, 5, 0xffff_ffff),
  neighbourAsn: fc.constantFrom(65_001, 65_002, 4_200_000_000),
  originatorId: fc.constantFrom(undefined, undefined, 1, 0xffff_ffff),
  clusterListLength: fc.constantFrom(0, 0, 1),
  asPathText: fc.constantFrom('65001 1', '65002 1'),
  isMedAbsent: fc.boolean(),
})

/** Told apart by MED and router ID only, within two neighbours: where the steps are no order. */
const tied: fc.Arbitrary<BgpAttributes> = fc.record({
  effectiveLocalPref: fc.constant(100),
  asPathLength: fc.constant(2),
  origin: fc.constant(0 as const),
  effectiveMed: fc.constantFrom(0, 5, 9),
  neighbourAsn: fc.constantFrom(65_001, 65_002),
  originatorId: fc.constantFrom(1, 2, 3, 4),
  clusterListLength: fc.constant(0),
  asPathText: fc.constant('65001 1'),
})

const options: fc.Arbitrary<DecisionOptions> = fc.record({
  preferOldest: fc.boolean(),
  alwaysCompareMed: fc.boolean(),
  multipathNeedsSameAsPath: fc.boolean(),
  missingMedIsWorst: fc.boolean(),
})

function open(rib: Rib, n: number): Adjacency {
  if (n === PEERS - 1) return rib.adjacency({ protocol: 'static', peer: '', preference: 20 })
  const bgp = { isExternal: n !== 1, routerId: n >> 1, peerAddress: Ip.v4(n) }
  return rib.adjacency({ protocol: 'bgp', peer: `p${n}`, bgp })
}

for (const [name, attributes] of [
  ['the paths', various],
  ['only MEDs', tied],
] as const) {
  test(`the numbers and the steps select the same when ${name} differ, whatever came and went`, () => {
    check(attributes)
  })
}

function check(attributes: fc.Arbitrary<BgpAttributes>): void {
  const isTied = attributes === tied
  const change = fc.record({
    peer: fc.nat(isTied ? PEERS - 2 : PEERS - 1),
    pathId: fc.constantFrom(0, 0, 0, 7),
    kind: fc.constantFrom('announce', 'announce', 'announce', 'withdraw', 'refused', isTied ? 'withdraw' : 'configure'),
    attributes,
    options,
    // The largest ones are not for the numbers: they fall back to the steps.
    preference: isTied ? fc.constant(20) : fc.constantFrom(20, 20, 20, 20, 10, 2 ** 32, 0.5),
    metric: isTied ? fc.constant(0) : fc.constantFrom(0, 0, 0, 3, 2 ** 33, 2 ** 60),
  })
  fc.assert(
    fc.property(
      fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 25 }),
      fc.constantFrom(1, 2, 3),
      (batches, fanOut) => {
        let nowMs = 0
        const rib = new Rib({ nowMs: () => nowMs++, fanOut: { bgp: fanOut, static: 1 } })
        const peers = Array.from({ length: PEERS }, (_, n) => open(rib, n))
        for (const batch of batches) {
          rib.batch(() => {
            for (const each of batch) {
              const peer = peers[each.peer]!
              if (each.kind === 'configure') rib.configure({ decision: each.options })
              else if (each.kind === 'withdraw') peer.withdraw(PREFIX, each.pathId)
              else {
                peer.announce(PREFIX, {
                  nextHop: Ip.v4(1),
                  pathId: each.pathId,
                  preference: each.preference,
                  metric: each.metric,
                  attributes: each.peer === PEERS - 1 ? undefined : each.attributes,
                  unusable: each.kind === 'refused' ? { code: 'test', sentence: 'test' } : undefined,
                })
              }
            }
          })
          const route = rib.get(PREFIX)
          const usable = route?.paths.filter((path) => path.unusable === undefined) ?? []
          const expected = decide(usable, decisionSteps(rib.decision), rib.decision, (best) =>
            best.source.protocol === 'bgp' ? fanOut : 1,
          )
          assert.deepEqual(route?.selected ?? [], expected)
          const winners = rib
            .explain(PREFIX)
            ?.paths.filter(({ verdict }) => verdict === 'best' || verdict === 'multipath')
          assert.deepEqual(winners?.map(({ path }) => path) ?? [], expected)
        }
      },
    ),
    { numRuns: 400 },
  )
}
