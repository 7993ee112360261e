/**
 * The decision of `decision.ts` over numbers, where nothing else is needed: the steps' own numbers from `RankRows`, compared in
 * the same order. Where paths tie and several may be used, `chooseSeveral` is asked; where numbers do not suffice, `decide`.
 *
 * Invariant: an answer other than `several` and `undecided` is what `decide` would select (property test).
 */
import { type Candidate, compareFrom, type DecisionStep } from './decision.ts'
import { PathFlag } from './path-table.ts'
import { loadView, PathView } from './path-view.ts'
import { type RankRows, type RankSteps, rankSteps, Row } from './rank-rows.ts'
import type { RouteStore } from './route-store.ts'

/** What is said beside the slot of the best path. */
export const Outcome = { none: -1, undecided: -2, unchanged: -3, several: -4 } as const

const NOT_RANKABLE = -1

export class Ranking {
  readonly #store: RouteStore
  readonly #rows: RankRows
  readonly #steps: readonly DecisionStep[]
  readonly #rankSteps: RankSteps
  readonly #fanOut: (best: Candidate) => number
  /** MEDs of all neighbours are compared, so that the steps are an order. */
  readonly #isOrder: boolean
  /** The steps that are not in the rows begin here. */
  readonly #restAt: number
  readonly #hasRouterId: boolean
  readonly #needsSameAsPath: boolean
  readonly #a = new PathView()
  readonly #b = new PathView()

  /** @param needsSameAsPath of several paths that are used (`DecisionOptions`). */
  constructor(
    store: RouteStore,
    steps: readonly DecisionStep[],
    fanOut: (best: Candidate) => number,
    needsSameAsPath = false,
  ) {
    this.#store = store
    this.#needsSameAsPath = needsSameAsPath
    this.#rows = store.offers.ranks
    this.#steps = steps
    this.#rankSteps = rankSteps(steps)
    this.#fanOut = fanOut
    this.#isOrder = steps.every(({ group }) => group === undefined)
    const afterMetric = steps.findIndex(({ name }) => name === 'metric') + 1
    this.#hasRouterId = steps[afterMetric]!.name === 'router-id'
    this.#restAt = this.#hasRouterId ? afterMetric + 1 : afterMetric
  }

  /**
   * The selection of a route whose only change is one path more, which stands first in its list.
   * @param incumbent the best path until now, -1 when there was none.
   * @returns the slot of the path that is selected now, alone; or `unchanged`, also of a multipath; `several` or `undecided`.
   */
  challenge(challenger: number, incumbent: number): number {
    const { paths } = this.#store
    if ((paths.flags[challenger]! & PathFlag.unusable) !== 0) return Outcome.unchanged
    if (incumbent < 0) return challenger
    const a = this.#row(challenger)
    const b = this.#row(incumbent)
    if (a === NOT_RANKABLE || b === NOT_RANKABLE) return Outcome.undecided
    const early = this.#compareEarly(a, b)
    if (early !== 0) return early < 0 ? challenger : Outcome.unchanged
    if (this.#fanOutFrom(challenger) > 1) return Outcome.several
    const { words } = this.#rows
    const med = words[a + Row.med]! - words[b + Row.med]!
    if (words[a + Row.group] === words[b + Row.group]) {
      if (med > 0) return Outcome.unchanged
      // It removes paths of its neighbour AS, and may then lose to one that the incumbent won against.
      if (med < 0) return this.#isOrder ? challenger : Outcome.undecided
      return this.#compareLate(a, challenger, b, incumbent) <= 0 ? challenger : Outcome.unchanged
    }
    // Losing here, it loses whether or not another path of its neighbour AS removes it first. Winning against the one that won
    // against all others, it only has to be left by its neighbour AS: whom it removes itself would have lost to both.
    if (this.#compareLate(a, challenger, b, incumbent) > 0) return Outcome.unchanged
    const lower = this.#lowerMed(a, challenger)
    return lower === Outcome.none ? challenger : lower === Outcome.undecided ? lower : Outcome.unchanged
  }

  /** The selection from the list of paths that begins at `first`. @returns a slot, `none`, `several` or `undecided`. */
  choose(first: number): number {
    const { paths } = this.#store
    const rows = this.#rows // whose arrays are others after a row has been made
    let best: number = Outcome.none
    let bestRow = 0
    let ties = 0
    let isOneGroup = true
    let isOneMed = true
    if (paths.next[first] === -1) return (paths.flags[first]! & PathFlag.unusable) === 0 ? first : Outcome.none
    for (let slot = first; slot >= 0; slot = paths.next[slot]!) {
      if ((paths.flags[slot]! & PathFlag.unusable) !== 0) continue
      const row = this.#row(slot)
      if (row === NOT_RANKABLE) return Outcome.undecided
      const order = best < 0 ? -1 : this.#compareEarly(row, bestRow)
      if (order < 0) {
        best = slot
        bestRow = row
        ties = 1
        isOneGroup = true
        isOneMed = true
      } else if (order === 0) {
        ties++
        if (rows.words[row + Row.group] !== rows.words[bestRow + Row.group]) isOneGroup = false
        if (rows.words[row + Row.med] !== rows.words[bestRow + Row.med]) isOneMed = false
      }
    }
    if (ties <= 1) return best
    if (this.#fanOutFrom(best) > 1) return Outcome.several
    return this.#bestOfTies(first, bestRow, !isOneGroup && !isOneMed)
  }

  /**
   * After `several`: the paths of the list that are used together, best first.
   * @returns undefined where numbers do not suffice: MEDs differ, or AS_PATHs have to be compared.
   */
  chooseSeveral(first: number): readonly number[] | undefined {
    if (this.#needsSameAsPath) return undefined
    const { paths } = this.#store
    const rows = this.#rows
    let early = -1
    let late = 0
    let used: number[] = []
    for (let slot = first; slot >= 0; slot = paths.next[slot]!) {
      if ((paths.flags[slot]! & PathFlag.unusable) !== 0) continue
      const row = this.#row(slot)
      if (row === NOT_RANKABLE) return undefined
      const order = early < 0 ? -1 : this.#compareEarly(row, early)
      if (order > 0) continue
      if (order === 0 && rows.words[row + Row.med] !== rows.words[early + Row.med]) return undefined
      const rowLate = rows.numbers[(row >> 1) + Row.late]!
      if (order < 0 || rowLate < late) {
        early = row
        late = rowLate
        used = [slot]
      } else if (rowLate === late) this.#insert(used, slot, row)
    }
    if (used.length < 2) return used
    const limit = Math.max(1, this.#fanOutFrom(used[0]!))
    if (used.length > limit) used.length = limit
    return used
  }

  /** Puts a path where it belongs among paths that tie with it up to the metric, best first. */
  #insert(used: number[], slot: number, row: number): void {
    let at = used.length
    for (; at > 0; at--) {
      const other = used[at - 1]!
      if (this.#compareLate(this.#store.paths.offer[other]! * Row.words, other, row, slot) <= 0) break
      used[at] = other
    }
    used[at] = slot
  }

  /** @param hasGroups paths are removed by the MEDs of their own neighbour AS only. */
  #bestOfTies(first: number, earlyRow: number, hasGroups: boolean): number {
    const { paths } = this.#store
    const { words } = this.#rows
    let best: number = Outcome.none
    let bestRow = 0
    for (let slot = first; slot >= 0; slot = paths.next[slot]!) {
      if ((paths.flags[slot]! & PathFlag.unusable) !== 0) continue
      const row = this.#row(slot)
      if (this.#compareEarly(row, earlyRow) !== 0 || (hasGroups && this.#lowerMed(row, first) >= 0)) continue
      if (best >= 0) {
        const med = hasGroups ? 0 : words[row + Row.med]! - words[bestRow + Row.med]!
        if (med > 0 || (med === 0 && this.#compareLate(row, slot, bestRow, best) >= 0)) continue
      }
      best = slot
      bestRow = row
    }
    return best
  }

  /** A path as good until then that has a lower MED of the same group; `none` or `undecided`. */
  #lowerMed(row: number, first: number): number {
    const { paths } = this.#store
    for (let slot = first; slot >= 0; slot = paths.next[slot]!) {
      if ((paths.flags[slot]! & PathFlag.unusable) !== 0) continue
      const other = this.#row(slot)
      if (other === NOT_RANKABLE) return Outcome.undecided
      const { words } = this.#rows
      if (words[other + Row.group] !== words[row + Row.group] || words[other + Row.med]! >= words[row + Row.med]!)
        continue
      if (this.#compareEarly(other, row) === 0) return slot
    }
    return Outcome.none
  }

  #compareEarly(a: number, b: number): number {
    const { words, numbers } = this.#rows
    const early = numbers[(a >> 1) + Row.early]! - numbers[(b >> 1) + Row.early]!
    return early !== 0 ? early : words[a + Row.length]! - words[b + Row.length]!
  }

  /** Everything after MED. */
  #compareLate(a: number, slotA: number, b: number, slotB: number): number {
    const { words, numbers } = this.#rows
    const late = numbers[(a >> 1) + Row.late]! - numbers[(b >> 1) + Row.late]!
    if (late !== 0) return late
    const id = this.#hasRouterId ? words[a + Row.routerId]! - words[b + Row.routerId]! : 0
    if (id !== 0) return id
    loadView(this.#a, this.#store, slotA)
    loadView(this.#b, this.#store, slotB)
    return compareFrom(this.#steps, this.#restAt, this.#a, this.#b)
  }

  /** Where the row of the offer of a path begins, in words. */
  #row(slot: number): number {
    const rows = this.#rows
    const offer = this.#store.paths.offer[slot]!
    if (!rows.isFilled(offer)) {
      loadView(this.#a, this.#store, slot)
      rows.fill(offer, this.#a, this.#rankSteps)
    }
    return rows.numbers[offer * Row.numbers + Row.early]! < 0 ? NOT_RANKABLE : offer * Row.words
  }

  #fanOutFrom(slot: number): number {
    loadView(this.#a, this.#store, slot)
    return this.#fanOut(this.#a)
  }
}
