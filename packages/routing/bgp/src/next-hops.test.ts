/** Paths whose next hops are reached otherwise, or not at all any more: judged again one next hop at a time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { Lab } from './lab.fixture.ts'
import type { Policy } from './policy.ts'

const NEAR = Prefix.of('198.51.100.0/24')
const FAR = Prefix.of('203.0.113.0/25')
const FAR_HOP = Ip.of('192.0.2.9')

const byPrefix: Policy = {
  statements: [{ match: [{ kind: 'prefix', any: [{ prefix: `${NEAR}` }, { prefix: `${FAR}` }] }], verdict: 'accept' }],
}
const farAway: Policy = {
  statements: [
    {
      match: [{ kind: 'prefix', any: [{ prefix: `${FAR}` }] }],
      set: [{ kind: 'next-hop', value: `${FAR_HOP}` }],
      verdict: 'accept',
    },
    { verdict: 'accept' },
  ],
}

for (const [name, policy] of [
  ['no policy', undefined],
  ['a policy that looks at prefixes', byPrefix],
] as const) {
  test(`only the paths through a next hop that changed are judged again, with ${name}`, async () => {
    const metrics = new Map<string, number | undefined>()
    const lab = new Lab()
    const router = await lab.router('r', 64512, undefined, {
      resolveNextHop: (nextHop) => {
        const metric = metrics.has(`${nextHop}`) ? metrics.get(`${nextHop}`) : 0
        return metric === undefined ? undefined : { metric }
      },
    })
    const other = await lab.router('o', 64513)
    lab.link(router, other, { configA: { import: policy }, configB: { export: farAway } })
    other.speaker.originate([NEAR, FAR])
    metrics.set(`${FAR_HOP}`, undefined)
    await lab.clock.advance(5000)
    const state = (prefix: Prefix): string => {
      const [path] = router.rib.get(prefix)?.paths ?? []
      return path === undefined ? 'gone' : (path.unusable?.code ?? `metric ${path.metric}`)
    }
    assert.deepEqual([state(NEAR), state(FAR)], ['metric 0', 'next-hop-unreachable'])
    let changes = 0
    router.rib.watch((batch) => (changes += batch.length))
    for (const metric of [7, 9, undefined, 7]) {
      metrics.set(`${FAR_HOP}`, metric)
      router.speaker.nextHopsChanged([FAR_HOP])
      const expected = metric === undefined ? 'next-hop-unreachable' : `metric ${metric}`
      assert.deepEqual([state(NEAR), state(FAR)], ['metric 0', expected])
    }
    assert.equal(changes, 4, 'the other prefix was left alone')
    // What comes with the same attributes from now on is judged as the last answer was.
    other.peer('r').reset()
    await lab.clock.advance(5000)
    assert.equal(state(FAR), 'metric 7')
    other.speaker.originate([])
    await lab.clock.advance(5000)
    assert.equal(router.rib.store.offers.size, 0, 'nothing stays behind')
  })
}
