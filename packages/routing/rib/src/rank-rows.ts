/**
 * What the decision process compares, as numbers: one row of 32 bytes per offer, by the number of the offer. Rows are made when an offer
 * is compared for the first time: tables in which every prefix has one path need none.
 *
 *     word  0 1   early: preference, protocol, LOCAL_PREF in one number of 53 bits; below zero: not filled, or cannot be
 *           2 3   late: eBGP or iBGP, metric
 *           4     AS_PATH length and ORIGIN
 *           5     MED
 *           6     who the MED is compared with: neighbour AS, or 0 for everybody
 *           7     router ID
 */
import type { Candidate, DecisionStep } from './decision.ts'
import { grown } from './grown.ts'

/** Offsets of a row, in words; `early` and `late` in pairs of words. */
export const Row = { words: 8, numbers: 4, early: 0, late: 1, length: 4, med: 5, group: 6, routerId: 7 } as const

const NOT_FILLED = -1
/** A preference or a metric is too large for its bits, or no integer. */
const NOT_RANKABLE = -2

const LOCAL_PREF_MAX = 0xffff_ffff
const PREFERENCE_LIMIT = 2 ** 19
const METRIC_LIMIT = 2 ** 52

const RANK_STEPS = [
  'preference',
  'protocol',
  'local-pref',
  'as-path-length',
  'origin',
  'med',
  'external-over-internal',
  'metric',
  'router-id',
] as const

type NumberStep = DecisionStep & Required<Pick<DecisionStep, 'value'>>

/** The steps whose numbers are in a row. */
export type RankSteps = Readonly<Record<(typeof RANK_STEPS)[number], NumberStep>>

export function rankSteps(steps: readonly DecisionStep[]): RankSteps {
  // because `decisionSteps` has each of them, with a number
  return Object.fromEntries(RANK_STEPS.map((name) => [name, steps.find((step) => step.name === name)])) as RankSteps
}

export class RankRows {
  words = new Uint32Array(0)
  /** The same memory. */
  numbers = new Float64Array(0)

  /** The number belongs to another offer now. */
  forget(id: number): void {
    const at = id * Row.numbers + Row.early
    if (at < this.numbers.length) this.numbers[at] = NOT_FILLED
  }

  clear(): void {
    this.numbers.fill(NOT_FILLED)
  }

  /** Whether the row has been filled, or cannot be. */
  isFilled(id: number): boolean {
    const at = id * Row.numbers + Row.early
    return at < this.numbers.length && this.numbers[at] !== NOT_FILLED
  }

  fill(id: number, path: Candidate, steps: RankSteps): void {
    if ((id + 1) * Row.words > this.words.length) this.#grow(id)
    const at = id * Row.words
    const { words, numbers } = this
    const preference = steps.preference.value(path)
    const metric = steps.metric.value(path)
    if (!isBelow(preference, PREFERENCE_LIMIT) || !isBelow(metric, METRIC_LIMIT)) {
      numbers[id * Row.numbers + Row.early] = NOT_RANKABLE
      return
    }
    // 19 + 2 + 32 bits.
    numbers[id * Row.numbers + Row.early] =
      (preference * 4 + steps.protocol.value(path)) * 2 ** 32 + (steps['local-pref'].value(path) + LOCAL_PREF_MAX)
    numbers[id * Row.numbers + Row.late] = steps['external-over-internal'].value(path) * METRIC_LIMIT + metric
    words[at + Row.length] = steps['as-path-length'].value(path) * 4 + steps.origin.value(path)
    words[at + Row.med] = steps.med.value(path)
    words[at + Row.group] = steps.med.group?.(path) ?? 0
    words[at + Row.routerId] = steps['router-id'].value(path)
  }

  #grow(id: number): void {
    const filled = this.words.length
    this.words = grown(this.words, Math.max(64, 2 ** Math.ceil(Math.log2(id + 1))) * Row.words)
    this.numbers = new Float64Array(this.words.buffer)
    this.numbers.fill(NOT_FILLED, filled / 2)
  }
}

function isBelow(number: number, limit: number): boolean {
  return Number.isInteger(number) && number >= 0 && number < limit
}
