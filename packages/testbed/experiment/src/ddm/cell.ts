/** One cell and seed of the experiment: a case, load, sizes and policy, run once. Plain data in and out, so that it may cross threads. */
import { DEFAULT_MULTIPATH, type MultipathOptions } from '@lodestone/ddm'
import { SeededRandom } from '@lodestone/host'
import type { SizeName } from './flow-sizes.ts'
import { makePolicy, type PolicyName, type Telemetry } from './policy.ts'
import { idealUs, type LeftDead, Rack } from './rack.ts'
import { makeFlows } from './workload.ts'

export const CASE_NAMES = ['symmetric', 'half-speed', 'dying'] as const
export type CaseName = (typeof CASE_NAMES)[number]

export const HOSTS = 16
export const LINK_BPS = 1e9
const DELAY_US = 10
const QUEUE_BYTES = 256 * 1024
const SAMPLE_US = 1000
/** DDM's control plane takes a silent neighbour out after this. */
const ROUTING_US = 5_000_000
export const SMALL_BYTES = 100_000
export const LARGE_BYTES = 1_000_000

export interface CellRun {
  readonly case: CaseName
  /** Of what the hosts' cables can carry in this case, 0 … 1. */
  readonly load: number
  readonly sizes: SizeName
  readonly policy: PolicyName
  readonly seed: number
  readonly flows: number
  readonly telemetry: Telemetry
  readonly letFlowGapUs: number
  readonly multipath: Partial<MultipathOptions>
}

export interface FlowGroup {
  readonly count: number
  readonly meanUs: number
  readonly medianUs: number
  readonly p99Us: number
  /** Mean of each flow's time over its ideal time. */
  readonly meanSlowdown: number
  readonly p99Slowdown: number
}

export interface CellResult {
  readonly overall: FlowGroup
  readonly small: FlowGroup
  readonly large: FlowGroup
  /** Flow bytes over the time from the first start to the last end, bits per second. */
  readonly throughputBps: number
  readonly reorderedRatio: number
  readonly repeatRatio: number
  readonly drops: number
  readonly telemetryRatio: number
  readonly answers: number
  /** Share of path 0, per millisecond: mean and standard deviation. */
  readonly shareMean: number
  readonly shareDeviation: number
  readonly leftDeadUs: LeftDead | undefined
  readonly events: number
}

export function runCell(run: CellRun): CellResult {
  const random = new SeededRandom(run.seed)
  const rates = run.case === 'half-speed' ? [LINK_BPS, LINK_BPS / 2] : [LINK_BPS, LINK_BPS]
  const flows = makeFlows({
    random: random.fork('flows'),
    sizes: run.sizes,
    flows: run.flows,
    hosts: HOSTS,
    load: run.load,
    hostBps: rates.reduce((a, b) => a + b, 0),
  })
  // because a run has at least one flow
  const lastStartUs = flows.at(-1)!.startUs
  const deathUs = lastStartUs / 3
  const result = new Rack({
    hosts: HOSTS,
    rates,
    delayUs: DELAY_US,
    queueBytes: QUEUE_BYTES,
    flows,
    random: random.fork('rack'),
    makePolicy: (fork, queues, arrivalUs) =>
      makePolicy(run.policy, {
        random: fork,
        queues,
        arrivalUs,
        rates,
        letFlowGapUs: run.letFlowGapUs,
        multipath: { ...DEFAULT_MULTIPATH, ...run.multipath },
        telemetry: run.telemetry,
      }),
    death: run.case === 'dying' ? { atUs: deathUs, routedAtUs: deathUs + ROUTING_US } : undefined,
    sampleUs: SAMPLE_US,
  }).run()

  const times = flows.map((flow, i) => ({
    bytes: flow.bytes,
    us: result.completionUs[i]!,
    slowdown: result.completionUs[i]! / idealUs(flow.bytes, LINK_BPS, DELAY_US),
  }))
  const shareMean = mean(result.shares)
  const bytes = flows.reduce((sum, flow) => sum + flow.bytes, 0)
  return {
    overall: groupOf(times),
    small: groupOf(times.filter((each) => each.bytes < SMALL_BYTES)),
    large: groupOf(times.filter((each) => each.bytes >= LARGE_BYTES)),
    throughputBps: (bytes * 8e6) / (result.endUs - flows[0]!.startUs),
    reorderedRatio: result.reordered / Math.max(1, result.arrived),
    repeatRatio: result.repeats / Math.max(1, result.arrived),
    drops: result.drops,
    telemetryRatio: result.telemetryBytes / result.bytes,
    answers: result.answers,
    shareMean,
    shareDeviation: Math.sqrt(mean(result.shares.map((share) => (share - shareMean) ** 2))),
    leftDeadUs: result.leftDeadUs,
    events: result.events,
  }
}

function groupOf(times: readonly { readonly us: number; readonly slowdown: number }[]): FlowGroup {
  const us = times.map((each) => each.us).sort((a, b) => a - b)
  const slowdowns = times.map((each) => each.slowdown).sort((a, b) => a - b)
  return {
    count: times.length,
    meanUs: mean(us),
    medianUs: quantile(us, 0.5),
    p99Us: quantile(us, 0.99),
    meanSlowdown: mean(slowdowns),
    p99Slowdown: quantile(slowdowns, 0.99),
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Of sorted values, the nearest rank. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}
