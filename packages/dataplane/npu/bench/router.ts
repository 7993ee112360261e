/**
 * `p4/examples/router.p4` (v1model, three tables) with 1k and 100k routes, beside `router.c`, which does the same natively. In the last
 * case packets go to any of the 100k routes, so that no memo of flows and no cache has them.
 */
import { measure, mpps, native, print, type Row, Traffic } from './harness.ts'
import { ACTIVE, buildRouter, routerImage } from './programs.ts'

const WARM_UP = 1_000_000
const PACKETS = 500_000
const ROUNDS = 5
const CASES = [
  { routes: 1000, flows: ACTIVE },
  { routes: 100_000, flows: ACTIVE },
  { routes: 100_000, flows: 100_000 },
]

function rows(): Row[] {
  const c = native('router.c')
  const cases = CASES.map(({ routes, flows }) => {
    const { arena, pipeline, destinations } = buildRouter(routes, { flows })
    const traffic = new Traffic(arena, routerImage(destinations), 1, flows)
    measure(pipeline, traffic, WARM_UP)
    return { routes, flows, pipeline, traffic, ours: [] as number[], theirs: [] as number[] }
  })
  for (let round = 0; round < ROUNDS; round++) {
    for (const { routes, flows, pipeline, traffic, ours, theirs } of cases) {
      ours.push(measure(pipeline, traffic, PACKETS))
      if (c !== undefined) theirs.push(c.run(String(routes), String(flows), String(PACKETS))[0]!)
    }
  }
  c?.close()
  const ns = cases.map(({ ours }) => Math.min(...ours))
  const found = cases.map(({ routes, flows, theirs }, k): Row => {
    const nativeNs = Math.min(...theirs)
    const beside =
      c === undefined ? 'no C compiler' : `${(ns[k]! / nativeNs).toFixed(2)} times native C (${nativeNs.toFixed(0)} ns)`
    return {
      what: `three-table IPv4 router (v1model), ${routes} routes, ${flows === ACTIVE ? `${flows} flows at a time` : 'every packet to any route'}`,
      // Where every packet waits for memory, native code does not reach it either.
      mustReach: flows === ACTIVE ? '10 M/s' : '(no limit)',
      reached: `${mpps(ns[k]!)}, ${beside}`,
      isReached: flows !== ACTIVE || ns[k]! <= 100,
    }
  })
  const ratio = ns[1]! / ns[0]!
  return [
    ...found,
    { what: 'ratio of 100k to 1k routes', mustReach: 'under 3', reached: ratio.toFixed(2), isReached: ratio < 3 },
  ]
}

if (import.meta.main) print(rows())
