/**
 * Aggregations: what is kept of many events. All of them work in constant memory per row, and a table of rows is bounded: rows
 * beyond the bound are not made, and counted.
 */
import type { ProbeValue } from '../probe-event.ts'
import type { AggregatorName } from './program.ts'

/** One bar of a histogram: values from `from` up to, not including, `to`; null stands for no bound. */
export interface Bucket {
  readonly from: number | null
  readonly to: number | null
  readonly count: number
}

export type AggregateResult =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'histogram'; readonly buckets: readonly Bucket[] }
  /** Most frequent first; a count may be too high by `over`, never too low. */
  | { readonly kind: 'ranking'; readonly rows: readonly { value: ProbeValue; count: number; over: number }[] }

export interface AggregateRow {
  readonly keys: readonly ProbeValue[]
  readonly result: AggregateResult
}

interface Accumulator {
  add(values: readonly (ProbeValue | undefined)[]): void
  result(): AggregateResult
}

/** Rows by key. */
export class AggregateTable {
  readonly aggregator: AggregatorName
  readonly #limit: number
  readonly #rows = new Map<string, { readonly keys: readonly ProbeValue[]; readonly of: Accumulator }>()
  /** Events whose row would have been one too many. */
  lost = 0

  constructor(aggregator: AggregatorName, limit = 4096) {
    this.aggregator = aggregator
    this.#limit = limit
  }

  add(keys: readonly ProbeValue[], values: readonly (ProbeValue | undefined)[]): void {
    const key = keys.map((each) => `${typeof each} ${each}`).join('\0')
    let row = this.#rows.get(key)
    if (row === undefined) {
      if (this.#rows.size >= this.#limit) {
        this.lost++
        return
      }
      row = { keys, of: ACCUMULATORS[this.aggregator]() }
      this.#rows.set(key, row)
    }
    row.of.add(values)
  }

  /** By value, lowest first as in D, histograms and rankings in the order in which their rows were made. */
  rows(): readonly AggregateRow[] {
    const rows = [...this.#rows.values()].map(({ keys, of }) => ({ keys, result: of.result() }))
    return rows.toSorted((a, b) => valueOf(a.result) - valueOf(b.result))
  }

  clear(): void {
    this.#rows.clear()
    this.lost = 0
  }

  /** Keeps the `count` rows with the highest values. */
  truncate(count: number): void {
    const ranked = [...this.#rows].toSorted(([, a], [, b]) => valueOf(b.of.result()) - valueOf(a.of.result()))
    for (const [key] of ranked.slice(count)) this.#rows.delete(key)
  }
}

function valueOf(result: AggregateResult): number {
  if (result.kind === 'number') return result.value
  if (result.kind === 'histogram') return result.buckets.reduce((sum, { count }) => sum + count, 0)
  return result.rows.reduce((sum, { count }) => sum + count, 0)
}

/** Sums of what was added: enough for count, sum, avg and stddev. */
function moments(of: (count: number, sum: number, squares: number) => number): () => Accumulator {
  return () => {
    let count = 0
    let mean = 0
    let squares = 0
    let sum = 0
    return {
      add([value]) {
        const number = value === undefined ? 0 : Number(value)
        if (Number.isNaN(number)) return
        count++
        sum += number
        // Welford: no catastrophic cancellation.
        const delta = number - mean
        mean += delta / count
        squares += delta * (number - mean)
      },
      result: () => ({ kind: 'number', value: of(count, sum, squares) }),
    }
  }
}

function extreme(better: (a: number, b: number) => boolean): () => Accumulator {
  return () => {
    let best: number | undefined
    return {
      add([value]) {
        const number = Number(value)
        if (!Number.isNaN(number) && (best === undefined || better(number, best))) best = number
      },
      result: () => ({ kind: 'number', value: best ?? 0 }),
    }
  }
}

/** Powers of two, as `quantize` of D: bucket of 0, of 1, of 2 and 3, of 4 to 7, … and the same below zero. */
function powers(): Accumulator {
  const counts = new Map<number, number>()
  return {
    add([value]) {
      const number = Number(value)
      if (Number.isNaN(number)) return
      const size = Math.abs(number)
      const power = size < 1 ? 0 : 2 ** Math.floor(Math.log2(size))
      const from = number < 0 ? -power : power
      counts.set(from, (counts.get(from) ?? 0) + 1)
    },
    result() {
      const buckets = [...counts]
        .toSorted(([a], [b]) => a - b)
        .map(([from, count]) => {
          const [low, high] = from === 0 ? [0, 1] : from > 0 ? [from, 2 * from] : [2 * from, from]
          return { from: low, to: high, count }
        })
      return { kind: 'histogram', buckets }
    },
  }
}

const LINEAR_MAX = 1024

function linear(): Accumulator {
  let low = 0
  let high = 0
  let step = 1
  const counts = new Map<number, number>()
  return {
    add([value, from, to, width]) {
      if (counts.size === 0) {
        low = Number(from)
        high = Number(to)
        step = Math.max(Number(width), (high - low) / LINEAR_MAX) || 1
      }
      const number = Number(value)
      if (Number.isNaN(number)) return
      const at = number < low ? -Infinity : number >= high ? high : low + step * Math.floor((number - low) / step)
      counts.set(at, (counts.get(at) ?? 0) + 1)
    },
    result() {
      const buckets = [...counts]
        .toSorted(([a], [b]) => a - b)
        .map(([from, count]) => ({
          from: from === -Infinity ? null : from,
          to: from === -Infinity ? low : from >= high ? null : Math.min(high, from + step),
          count,
        }))
      return { kind: 'histogram', buckets }
    },
  }
}

/** Space saving (Metwally and others, 2005): the most frequent values among any number of them, in bounded memory. */
function ranking(): Accumulator {
  const seen = new Map<ProbeValue, { count: number; over: number }>()
  let wanted = 10
  return {
    add([value, howMany]) {
      if (value === undefined) return
      wanted = Math.min(100, Math.max(1, Number(howMany) || 10))
      const known = seen.get(value)
      if (known !== undefined) {
        known.count++
        return
      }
      if (seen.size < 10 * wanted) {
        seen.set(value, { count: 1, over: 0 })
        return
      }
      let least: ProbeValue = value
      let count = Infinity
      for (const [each, entry] of seen) {
        if (entry.count < count) {
          least = each
          count = entry.count
        }
      }
      seen.delete(least)
      seen.set(value, { count: count + 1, over: count })
    },
    result() {
      const rows = [...seen].map(([value, { count, over }]) => ({ value, count, over }))
      return { kind: 'ranking', rows: rows.toSorted((a, b) => b.count - a.count).slice(0, wanted) }
    },
  }
}

const ACCUMULATORS: Readonly<Record<AggregatorName, () => Accumulator>> = {
  count: moments((count) => count),
  sum: moments((_, sum) => sum),
  avg: moments((count, sum) => (count === 0 ? 0 : sum / count)),
  stddev: moments((count, _, squares) => (count === 0 ? 0 : Math.sqrt(squares / count))),
  min: extreme((a, b) => a < b),
  max: extreme((a, b) => a > b),
  quantize: powers,
  lquantize: linear,
  topk: ranking,
}
