/** Known gadgets of policy routing (Griffin, Shepherd, Wilfong): what must converge does, and what cannot is seen to oscillate. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prefix } from '@lodestone/net'
import { Lab, type LabRouter } from './lab.fixture.ts'
import type { Policy } from './policy.ts'

const P = Prefix.of('198.51.100.0/24')

/** Prefers paths by their text, in this order; others are refused. */
function ranking(...paths: readonly string[]): Policy {
  return {
    statements: paths.map((path, i) => ({
      match: [{ kind: 'as-path' as const, regex: `^${path}$` }],
      set: [{ kind: 'local-pref' as const, value: 300 - i }],
      verdict: 'accept' as const,
    })),
  }
}

async function gadget(
  rankings: Readonly<Record<string, Policy>>,
): Promise<{ lab: Lab; routers: Record<string, LabRouter> }> {
  const lab = new Lab()
  const origin = await lab.router('0', 100)
  const routers: Record<string, LabRouter> = {}
  for (const name of Object.keys(rankings)) routers[name] = await lab.router(name, 100 + Number(name))
  const all = Object.values(routers)
  for (const router of all) {
    lab.link(router, origin, { configA: { import: rankings[router.name]! } })
    for (const other of all) {
      if (other.name <= router.name) continue
      lab.link(router, other, {
        configA: { import: rankings[router.name]! },
        configB: { import: rankings[other.name]! },
      })
    }
  }
  await lab.clock.advance(5000)
  origin.speaker.originate([P])
  return { lab, routers }
}

const pathOf = (router: LabRouter): string | undefined => router.rib.get(P)?.selected[0]?.attributes?.asPathText

test('GOOD GADGET converges to its one stable state', async () => {
  const { lab, routers } = await gadget({
    1: ranking('103 100', '100'),
    2: ranking('101 100', '100'),
    3: ranking('100'),
  })
  await lab.clock.advance(10_000)
  assert.equal(pathOf(routers['3']!), '100')
  assert.equal(pathOf(routers['1']!), '103 100')
  assert.equal(pathOf(routers['2']!), '100', 'the path by 1 that it would rather have does not exist')
  for (const { rib } of Object.values(routers)) assert.deepEqual(rib.oscillations(), [])
})

test('DISAGREE converges to one of its two stable states', async () => {
  const { lab, routers } = await gadget({ 1: ranking('102 100', '100'), 2: ranking('101 100', '100') })
  // The two act in step on an even network, and would for ever: one of them hears a little later.
  lab.cut(routers['1']!, routers['2']!)
  await lab.clock.advance(3)
  lab.mend(routers['1']!, routers['2']!)
  routers['1']!.peer('2').reset()
  await lab.clock.advance(20_000)
  const state = `${pathOf(routers['1']!)} | ${pathOf(routers['2']!)}`
  assert.ok(['102 100 | 100', '100 | 101 100'].includes(state), state)
  let changes = 0
  routers['1']!.rib.watch(() => changes++)
  await lab.clock.advance(10_000)
  assert.equal(changes, 0)
  await lab.clock.advance(120_000)
  for (const { rib } of Object.values(routers)) assert.deepEqual(rib.oscillations(), [])
})

test('BAD GADGET has no stable state: it never stops changing, and every router on the circle says so', async () => {
  const { lab, routers } = await gadget({
    1: ranking('102 100', '100'),
    2: ranking('103 100', '100'),
    3: ranking('101 100', '100'),
  })
  await lab.clock.advance(50)
  let changes = 0
  routers['1']!.rib.watch(() => changes++)
  await lab.clock.advance(20)
  assert.ok(changes > 5, `${changes} changes`)
  await lab.clock.advance(200)
  for (const router of Object.values(routers)) {
    const [found, ...more] = router.rib.oscillations()
    assert.ok(found !== undefined && found.prefix.equals(P), `router ${router.name}`)
    assert.deepEqual(more, [])
    assert.equal(found.selections.length, 2)
    assert.match(found.selections.join('\n'), /AS_PATH 10[123] 100/)
  }
})

test('an advertisement interval slows an oscillation down and does not lose the last word', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  lab.link(a, b, { config: { advertisementIntervalS: 5 } })
  await lab.clock.advance(5000)
  const before = a.peer('b').status().counters['updates-sent']
  for (let i = 0; i < 50; i++) {
    a.speaker.originate(i % 2 === 0 ? [P] : [])
    await lab.clock.advance(100)
  }
  a.speaker.originate([P])
  await lab.clock.advance(6000)
  assert.ok(a.peer('b').status().counters['updates-sent'] - before <= 4)
  assert.notEqual(b.rib.get(P), undefined)
})
