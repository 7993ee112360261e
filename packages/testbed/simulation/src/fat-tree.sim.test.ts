import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prefix } from '@lodestone/net'
import { FatTree } from './fat-tree.ts'

test('a fat tree of BGP routers converges to every shortest way, loses a router, and gets every way back', async () => {
  const tree = new FatTree({ k: 4, prefixesPerEdge: 2 })
  await tree.start()
  assert.notDeepEqual(tree.problems(), [])
  assert.ok(await tree.converge(10_000), tree.problems().join('\n'))
  const edge = tree.routers.find(({ name }) => name === 'edge0.0')!
  const far = tree.routers.find(({ name }) => name === 'edge3.1')!
  const waysTo = (prefix: Prefix): number => edge.rib.get(prefix)?.selected.length ?? 0
  assert.equal(waysTo(far.prefixes[0]!), 2)

  const upper = tree.routers.find(({ name }) => name === 'aggregation0.1')!
  edge.speaker.setInterfaceUp(upper.name, false)
  await tree.clock.advance(1000)
  assert.equal(waysTo(far.prefixes[0]!), 1)
  assert.match(tree.problems(1).join(), /edge0\.0: no session with aggregation0\.1/)
  edge.speaker.setInterfaceUp(upper.name, true)
  assert.ok(await tree.converge(30_000), tree.problems().join('\n'))
  tree.close()
})

test('the same seed gives the same tree, event by event', async () => {
  const run = async (): Promise<readonly number[]> => {
    const tree = new FatTree({ k: 4, seed: 7 })
    await tree.start()
    assert.ok(await tree.converge(10_000))
    const counts = [tree.clock.eventsRun, tree.pathCount]
    tree.close()
    return counts
  }
  assert.deepEqual(await run(), await run())
})
