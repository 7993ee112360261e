/** A full trace of every packet: the traced variant runs for all of them and the records are kept. */
import type { Pipeline } from '../src/index.ts'
import { measure, mpps, print, type Row, Traffic } from './harness.ts'
import { buildNat, natImage, UPLINK } from './nat.ts'
import { ACTIVE, buildRouter, routerImage } from './programs.ts'

const WARM_UP = 500_000
const PACKETS = 200_000
const ROUNDS = 5

function row(what: string, pipeline: Pipeline, traffic: Traffic): Row {
  pipeline.recording.start()
  measure(pipeline, traffic, WARM_UP)
  const ns = Math.min(...Array.from({ length: ROUNDS }, () => measure(pipeline, traffic, PACKETS)))
  let kept = 0
  for (const packet of pipeline.recording.packets()) {
    if (kept++ === 0) packet.explain()
  }
  return {
    what: `full trace of every packet: ${what}`,
    mustReach: '1 M/s',
    reached: `${mpps(ns)}, the last ${kept} packets can be explained`,
    isReached: ns <= 1000 && kept > 0,
  }
}

function rows(): Row[] {
  const router = buildRouter(100_000)
  const nat = buildNat()
  return [
    row('router, 100k routes', router.pipeline, new Traffic(router.arena, routerImage(router.destinations), 1, ACTIVE)),
    row('p4/switch.p4, NAT hit', nat.pipeline, new Traffic(nat.arena, natImage(nat.flows), UPLINK, ACTIVE)),
  ]
}

if (import.meta.main) print(rows())
