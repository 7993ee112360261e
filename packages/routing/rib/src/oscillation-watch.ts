/**
 * Finds prefixes whose best path returns again and again to what it was: policies that contradict one another have no stable state
 * (BAD GADGET; the MEDs of RFC 3345), and neither have paths whose next hops depend on each other's selection. A peer that comes and
 * goes looks the same where there is another path; a prefix that only comes and goes is none.
 *
 * Two sieves, because a full table changes a lot: a small array counts changes of best paths by prefix, in memory that does not grow;
 * of the few prefixes that change most, the selections themselves are remembered.
 * Invariant: bounded memory and, but for the suspects, no object per change.
 */
import type { Prefix } from '@lodestone/net'

export interface Oscillation {
  readonly prefix: Prefix
  /** When it began to be looked at, on the RIB's clock. */
  readonly sinceMs: number
  readonly lastMs: number
  /** Changes of the best path since then. */
  readonly changes: number
  /** The selections that take turns, in words, the latest last. */
  readonly selections: readonly string[]
}

/** What does not change for so long is at rest. Longer than the advertisement intervals that slow an oscillation down. */
const QUIET_MS = 120_000
/** A power of two. */
const PLACES = 256
/** Changes without rest after which the selections of a prefix are remembered. */
const SUSPICIOUS = 8
const MOST_SUSPECTS = 64
/** The last so many different selections are known again. */
const REMEMBERED = 8
/** Returns to a former selection that make an oscillation. */
const RETURNS = 8

export interface SelectionSource {
  prefix(ref: number): Prefix
  /** The best path of a route in words; undefined: there is none. */
  selection(ref: number): string | undefined
}

class Suspect {
  readonly prefix: Prefix
  readonly sinceMs: number
  lastMs: number
  changes = SUSPICIOUS
  returns = 0
  /** Different ones, the latest last. */
  selections: string[] = []

  constructor(prefix: Prefix, nowMs: number) {
    this.prefix = prefix
    this.sinceMs = this.lastMs = nowMs
  }

  /** @returns whether this made it an oscillation. */
  changed(selection: string | undefined, nowMs: number): boolean {
    this.changes++
    this.lastMs = nowMs
    if (selection === undefined) return false
    const { selections } = this
    const at = selections.indexOf(selection)
    // What only went away and came back is where it was.
    if (at >= 0 && at === selections.length - 1) return false
    if (at >= 0) selections.splice(at, 1)
    else if (selections.length === REMEMBERED) selections.shift()
    selections.push(selection)
    return at >= 0 && ++this.returns === RETURNS
  }
}

export class OscillationWatch {
  readonly #source: SelectionSource
  readonly #onFound: (oscillation: Oscillation) => void
  /** By place: the route that is counted there, plus 1; its changes; when the last one was. */
  #refs = new Int32Array(0)
  #counts = new Uint8Array(0)
  #lastMs = new Float64Array(0)
  readonly #suspects = new Map<number, Suspect>()

  constructor(source: SelectionSource, onFound: (oscillation: Oscillation) => void) {
    this.#source = source
    this.#onFound = onFound
  }

  /** Whether it wants to know also of routes that had no best path before. */
  get hasSuspects(): boolean {
    return this.#suspects.size > 0
  }

  /** A route that had a best path has another one now, or none. */
  changed(ref: number, nowMs: number): void {
    const suspect = this.#suspects.get(ref)
    if (suspect !== undefined) this.#look(ref, suspect, nowMs)
    else if (this.#count(ref, nowMs) >= SUSPICIOUS) this.#suspect(ref, nowMs)
  }

  /** A route had no best path and has one now. */
  appeared(ref: number, nowMs: number): void {
    const suspect = this.#suspects.get(ref)
    if (suspect !== undefined) this.#look(ref, suspect, nowMs)
  }

  /** What oscillates, and has not come to rest since. */
  list(nowMs: number): readonly Oscillation[] {
    return [...this.#suspects.values()]
      .filter(({ returns, lastMs }) => returns >= RETURNS && nowMs - lastMs <= QUIET_MS)
      .map(asOscillation)
  }

  /** @returns the changes of the route that were counted. Of two in one place the one that changes more stays. */
  #count(ref: number, nowMs: number): number {
    if (this.#refs.length === 0) {
      this.#refs = new Int32Array(PLACES)
      this.#counts = new Uint8Array(PLACES)
      this.#lastMs = new Float64Array(PLACES)
    }
    const place = (Math.imul(ref, 0x9e3779b1) >>> 16) & (PLACES - 1)
    const count = this.#counts[place]!
    const isResting = nowMs - this.#lastMs[place]! > QUIET_MS
    if (this.#refs[place] !== ref + 1) {
      if (count > 1 && !isResting) {
        this.#counts[place] = count - 1
        return 0
      }
      this.#refs[place] = ref + 1
      this.#counts[place] = 1
    } else this.#counts[place] = isResting ? 1 : count + 1
    this.#lastMs[place] = nowMs
    return this.#counts[place]!
  }

  #suspect(ref: number, nowMs: number): void {
    this.#counts[(Math.imul(ref, 0x9e3779b1) >>> 16) & (PLACES - 1)] = 0
    if (this.#suspects.size >= MOST_SUSPECTS && !this.#forgetQuietest(nowMs)) return
    this.#suspects.set(ref, new Suspect(this.#source.prefix(ref), nowMs))
  }

  /** Makes room for another suspect, unless all of them oscillate. */
  #forgetQuietest(nowMs: number): boolean {
    let quietest: number | undefined
    let sinceMs = Infinity
    for (const [ref, { returns, lastMs }] of this.#suspects) {
      if (returns >= RETURNS && nowMs - lastMs <= QUIET_MS) continue
      if (lastMs < sinceMs) [quietest, sinceMs] = [ref, lastMs]
    }
    return quietest !== undefined && this.#suspects.delete(quietest)
  }

  #look(ref: number, suspect: Suspect, nowMs: number): void {
    // The number may be another prefix's by now.
    if (nowMs - suspect.lastMs > QUIET_MS || !suspect.prefix.equals(this.#source.prefix(ref))) {
      this.#suspects.delete(ref)
      this.#count(ref, nowMs)
    } else if (suspect.changed(this.#source.selection(ref), nowMs)) this.#onFound(asOscillation(suspect))
  }
}

function asOscillation({ prefix, sinceMs, lastMs, changes, selections }: Suspect): Oscillation {
  return { prefix, sinceMs, lastMs, changes, selections: [...selections] }
}
