/**
 * Drop forensics on and off, 1 % of packets dropped, in interleaved rounds: the router, where dropped packets carry an
 * expired time to live, and `p4/switch.p4`, where they have no NAT entry.
 */
import type { Pipeline } from '../src/index.ts'
import { medianOf, measure, mpps, print, type Row, Traffic } from './harness.ts'
import { buildNat, natImage, UPLINK } from './nat.ts'
import { ACTIVE, buildRouter, headerChecksum, put, routerImage } from './programs.ts'

const WARM_UP = 500_000
const PACKETS = 100_000
const ROUNDS = 15
/** One flow in so many is one whose packets are dropped. */
const DROPPED = 100

function compare(what: string, pipeline: Pipeline, traffic: Traffic): Row {
  pipeline.forensics.enable()
  measure(pipeline, traffic, WARM_UP, true)
  pipeline.forensics.disable()
  measure(pipeline, traffic, WARM_UP, true)
  const ratios: number[] = []
  const on: number[] = []
  const off: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    off.push(measure(pipeline, traffic, PACKETS, true))
    pipeline.forensics.enable()
    on.push(measure(pipeline, traffic, PACKETS, true))
    pipeline.forensics.disable()
    ratios.push(on.at(-1)! / off.at(-1)!)
  }
  const ratio = medianOf(ratios)
  return {
    what: `drop forensics on, 1 % dropped: ${what}`,
    mustReach: 'within 10 % of the rate with it off',
    reached: `${(100 * (ratio - 1)).toFixed(1)} % more time; ${mpps(Math.min(...on))} against ${mpps(Math.min(...off))}`,
    isReached: ratio <= 1.1,
  }
}

function rows(): Row[] {
  const router = buildRouter(100_000)
  const image = routerImage(router.destinations)
  for (let k = 0; k < ACTIVE; k += DROPPED) {
    image[64 * k + 22] = 1
    put(image, 64 * k + 24, 2, 0)
    put(image, 64 * k + 24, 2, headerChecksum(image, 64 * k + 14))
  }
  const nat = buildNat()
  const flows = nat.flows
    .slice(0, ACTIVE)
    .map((flow, k) => (k % DROPPED === 0 ? { ...flow, address: 0xcc000000 } : flow))
  return [
    compare('router, 100k routes', router.pipeline, new Traffic(router.arena, image, 1, ACTIVE)),
    compare('p4/switch.p4', nat.pipeline, new Traffic(nat.arena, natImage(flows), UPLINK, ACTIVE)),
  ]
}

if (import.meta.main) print(rows())
