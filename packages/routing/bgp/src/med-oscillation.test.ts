/**
 * The oscillation of RFC 3345 §2.1, which MEDs that are compared within a neighbour AS only can cause between route reflectors: two clusters,
 * AS 6 heard in one of them and AS 10 in both, in the far one with the better MED. What one reflector chooses takes away
 * what the other chose it over. Comparing the MEDs of all neighbours makes the decision an order, and the same network settles.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Ip, Prefix } from '@lodestone/net'
import type { DecisionOptions } from '@lodestone/rib'
import { Lab, type LabRouter } from './lab.fixture.ts'
import type { Policy } from './policy.ts'

const P = Prefix.of('198.51.100.0/24')

/** Costs of the ways inside our AS, by the router that looks and the next hop's owner; shaped as those of RFC 3345's first figure. */
const COSTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ra: { a1: 4, a2: 5, b1: 13 },
  rb: { a1: 5, a2: 6, b1: 12 },
}

const withMed = (value: number): Policy => ({ statements: [{ set: [{ kind: 'med', value }], verdict: 'accept' }] })

async function network(decision: Partial<DecisionOptions>): Promise<{ lab: Lab; reflectors: readonly LabRouter[] }> {
  const lab = new Lab()
  const owners = new Map<string, string>()
  const inside = async (name: string): Promise<LabRouter> => {
    const resolveNextHop = (nextHop: Ip): { readonly metric: number } => ({
      metric: COSTS[name]?.[owners.get(nextHop.toString()) ?? ''] ?? 0,
    })
    const router = await lab.router(name, 1, undefined, { resolveNextHop })
    router.rib.configure({ decision })
    owners.set(router.address, name)
    return router
  }
  const [ra, rb, a1, a2, b1] = [
    await inside('ra'),
    await inside('rb'),
    await inside('a1'),
    await inside('a2'),
    await inside('b1'),
  ]
  const [as6, as10] = [await lab.router('as6', 6), await lab.router('as10', 10)]
  lab.link(ra, rb)
  for (const client of [a1, a2])
    lab.link(ra, client, { configA: { isRouteReflectorClient: true }, configB: { nextHopSelf: true } })
  lab.link(rb, b1, { configA: { isRouteReflectorClient: true }, configB: { nextHopSelf: true } })
  lab.link(a1, as10, { configA: { import: withMed(1) } })
  lab.link(a2, as6, { configA: { import: withMed(0) } })
  lab.link(b1, as10, { configA: { import: withMed(0) } })
  // AS 100 is behind both.
  const origin = await lab.router('as100', 100)
  lab.link(as6, origin)
  lab.link(as10, origin)
  await lab.clock.advance(5000)
  origin.speaker.originate([P])
  await lab.clock.advance(50)
  return { lab, reflectors: [ra, rb] }
}

/** Changes of both reflectors' selections in a while. */
async function changes({ lab, reflectors }: { lab: Lab; reflectors: readonly LabRouter[] }): Promise<number> {
  let count = 0
  for (const { rib } of reflectors) rib.watch(() => count++)
  await lab.clock.advance(20)
  return count
}

test('MEDs that compare within a neighbour AS only make the network of RFC 3345 oscillate', async () => {
  const made = await network({})
  assert.ok((await changes(made)) > 10)
  for (const { rib, name } of made.reflectors) assert.ok(rib.oscillations()[0]?.prefix.equals(P), name)
})

test('with always-compare-med the same network has a stable state, and is in it', async () => {
  const made = await network({ alwaysCompareMed: true })
  assert.equal(await changes(made), 0)
  for (const { rib } of made.reflectors) assert.deepEqual(rib.oscillations(), [])
  for (const { rib, name } of made.reflectors) assert.equal(rib.get(P)?.selected.length, 1, name)
})
