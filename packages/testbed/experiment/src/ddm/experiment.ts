/**
 * The experiment: which cells there are, and what their results say together. Running the cells is the caller's, who may have
 * several threads; nothing here takes time.
 */
import type { MultipathOptions } from '@lodestone/ddm'
import type { CaseName, CellResult, CellRun } from './cell.ts'
import type { SizeName } from './flow-sizes.ts'
import type { PolicyName, Telemetry } from './policy.ts'
import { average, pairedRatio, type Ratio } from './statistics.ts'

export interface ExperimentOptions {
  readonly cases: readonly CaseName[]
  readonly loads: readonly number[]
  readonly sizes: readonly SizeName[]
  /** The first is what the others are compared with, if ECMP is not among them. */
  readonly policies: readonly PolicyName[]
  readonly seeds: readonly number[]
  readonly flows: number
  readonly telemetry: Telemetry
  readonly multipath?: Partial<MultipathOptions>
}

/** Range of --seeds. */
export function seedRange(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

const EVERY_CASE = ['symmetric', 'half-speed', 'dying'] as const

/** What the command runs unless it is told otherwise. */
export const DEFAULT_EXPERIMENT: ExperimentOptions = {
  cases: ['symmetric', 'half-speed'],
  loads: [0.6, 0.8],
  sizes: ['web-search'],
  policies: ['ecmp', 'wecmp', 'letflow', 'least-delay', 'ddm'],
  seeds: seedRange(1, 10),
  flows: 1000,
  telemetry: 'live',
}

/** Well within a minute on two cores. */
export const QUICK_EXPERIMENT: ExperimentOptions = {
  ...DEFAULT_EXPERIMENT,
  loads: [0.6],
  policies: ['ecmp', 'ddm'],
  seeds: seedRange(1, 3),
}

export const FULL_EXPERIMENT: ExperimentOptions = {
  ...DEFAULT_EXPERIMENT,
  cases: EVERY_CASE,
  loads: [0.2, 0.4, 0.6, 0.8],
  sizes: ['web-search', 'data-mining'],
}

/** Linux's flowlet gap in LetFlow's evaluation scales with the round trip; at this one it was the best of 50 to 500 µs. */
const LETFLOW_GAP_US = 200

/** Every run of the experiment; seeds vary fastest. */
export function planRuns(options: ExperimentOptions): CellRun[] {
  const { telemetry, flows } = options
  return options.sizes.flatMap((sizes) =>
    options.cases.flatMap((name) =>
      options.loads.flatMap((load) =>
        options.policies.flatMap((policy) =>
          options.seeds.map((seed): CellRun => ({
            case: name,
            load,
            sizes,
            policy,
            seed,
            flows,
            telemetry,
            letFlowGapUs: LETFLOW_GAP_US,
            multipath: options.multipath ?? {},
          })),
        ),
      ),
    ),
  )
}

/** A policy in a cell, over all seeds: averages of the seeds' values, and ratios to the baseline seed by seed. */
export interface CellRow {
  readonly case: CaseName
  readonly load: number
  readonly sizes: SizeName
  readonly policy: PolicyName
  readonly seeds: number
  readonly meanMs: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly smallMeanMs: number
  readonly smallP99Ms: number
  readonly largeMeanMs: number
  readonly largeP99Ms: number
  /** Mean of flow times over their ideal times. */
  readonly slowdown: number
  readonly p99Slowdown: number
  readonly throughputGbps: number
  readonly reorderedRatio: number
  readonly repeatRatio: number
  readonly telemetryRatio: number
  readonly shareMean: number
  readonly shareDeviation: number
  readonly leftDeadMs: { readonly median: number; readonly most: number } | undefined
  /** To the baseline; undefined for the baseline itself. Below 1 is better. */
  readonly versus: { readonly mean: Ratio; readonly p99: Ratio; readonly smallP99: Ratio } | undefined
}

/** @param results in the order of the runs */
export function summarize(runs: readonly CellRun[], results: readonly CellResult[]): CellRow[] {
  const cells = new Map<string, { readonly run: CellRun; readonly results: CellResult[] }>()
  for (const [i, run] of runs.entries()) {
    const key = `${cellKey(run)} ${run.policy}`
    const cell = cells.get(key) ?? { run, results: [] }
    cell.results.push(results[i]!)
    cells.set(key, cell)
  }
  const baselines = new Map<string, { readonly run: CellRun; readonly results: CellResult[] }>()
  for (const cell of cells.values()) {
    const key = cellKey(cell.run)
    if (!baselines.has(key) || cell.run.policy === 'ecmp') baselines.set(key, cell)
  }
  return [...cells.values()].map((cell) => rowOf(cell.run, cell.results, baselines.get(cellKey(cell.run))!))
}

function cellKey(run: CellRun): string {
  return `${run.sizes} ${run.case} ${run.load}`
}

function rowOf(
  run: CellRun,
  results: readonly CellResult[],
  baseline: { readonly run: CellRun; readonly results: readonly CellResult[] },
): CellRow {
  const of = (value: (result: CellResult) => number): number => average(results.map(value))
  const versus = (value: (result: CellResult) => number): Ratio =>
    pairedRatio(results.map(value), baseline.results.map(value))
  const left = results.flatMap((result) => result.leftDeadUs ?? [])
  return {
    case: run.case,
    load: run.load,
    sizes: run.sizes,
    policy: run.policy,
    seeds: results.length,
    meanMs: of((each) => each.overall.meanUs) / 1000,
    medianMs: of((each) => each.overall.medianUs) / 1000,
    p99Ms: of((each) => each.overall.p99Us) / 1000,
    smallMeanMs: of((each) => each.small.meanUs) / 1000,
    smallP99Ms: of((each) => each.small.p99Us) / 1000,
    largeMeanMs: of((each) => each.large.meanUs) / 1000,
    largeP99Ms: of((each) => each.large.p99Us) / 1000,
    slowdown: of((each) => each.overall.meanSlowdown),
    p99Slowdown: of((each) => each.overall.p99Slowdown),
    throughputGbps: of((each) => each.throughputBps) / 1e9,
    reorderedRatio: of((each) => each.reorderedRatio),
    repeatRatio: of((each) => each.repeatRatio),
    telemetryRatio: of((each) => each.telemetryRatio),
    shareMean: of((each) => each.shareMean),
    shareDeviation: of((each) => each.shareDeviation),
    leftDeadMs:
      left.length === 0
        ? undefined
        : {
            median: average(left.map((each) => each.median)) / 1000,
            most: Math.max(...left.map((each) => each.most)) / 1000,
          },
    versus:
      baseline.run.policy === run.policy
        ? undefined
        : {
            mean: versus((each) => each.overall.meanUs),
            p99: versus((each) => each.overall.p99Us),
            smallP99: versus((each) => each.small.p99Us),
          },
  }
}
