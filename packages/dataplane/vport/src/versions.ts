/**
 * Versions of the things that flows depend on: each port's configuration, each virtual-to-physical mapping, each external
 * address of the rack, the ways out, the list of peers. A flow notes which ones it used and the sum of their versions; one comparison per
 * packet then tells whether the flow still says what a fresh look would. A change reaches exactly the flows that used what
 * changed, at once.
 *
 * Invariant: a version only ever grows (modulo 2^32), so the sum of two is the same only when both are.
 */
import type { FlowMemory } from './flow-memory.ts'
import { PARAM_VERSIONS } from './kernel/layout.ts'

/** For flows that depend on nothing outside. Its version never changes. */
export const NO_DEPENDENCY = 0
/** Inbound flows: who may send encapsulated frames. */
export const PEERS_DEPENDENCY = 1
/**
 * Flows to switches: the tunnel endpoints, and that the destination is no address of the rack's own. One for each bucket of
 * destinations, so that a new address of the rack is not the concern of all flows.
 */
const WAYS_OUT_FIRST = 2
const WAYS_OUT = 64

export class Versions {
  readonly #memory: FlowMemory
  #base: number
  #capacity = 256
  #count = WAYS_OUT_FIRST + WAYS_OUT
  readonly #free: number[] = []

  constructor(memory: FlowMemory) {
    this.#memory = memory
    this.#base = memory.take(this.#capacity * 4, true)
    memory.words[PARAM_VERSIONS / 4] = this.#base
  }

  of(dependency: number): number {
    return this.#memory.words[(this.#base >> 2) + dependency]!
  }

  /** A new thing to depend on. */
  take(): number {
    const reused = this.#free.pop()
    if (reused !== undefined) return reused
    if (this.#count === this.#capacity) this.#grow()
    return this.#count++
  }

  /** What a flow to a switch depends on. The destination's words begin at `at`. */
  wayOut(words: Int32Array, at: number, family: 4 | 6): number {
    let hash = words[at]!
    if (family === 6) hash ^= words[at + 1]! ^ Math.imul(words[at + 2]!, 5) ^ Math.imul(words[at + 3]!, 9)
    return WAYS_OUT_FIRST + (Math.imul(hash, 0x9e3779b1) >>> 26)
  }

  bumpWaysOut(): void {
    for (let i = 0; i < WAYS_OUT; i++) this.bump(WAYS_OUT_FIRST + i)
  }

  bump(dependency: number): void {
    const { words } = this.#memory
    const at = (this.#base >> 2) + dependency
    words[at] = (words[at]! + 1) | 0
  }

  /** The thing is gone. Its version moves on, so that flows that used it do not take a successor for it. */
  give(dependency: number): void {
    this.bump(dependency)
    this.#free.push(dependency)
  }

  #grow(): void {
    const memory = this.#memory
    const bytes = this.#capacity * 4
    const base = memory.take(bytes * 2, true)
    if (base === 0) throw new Error('no memory for more versions')
    memory.words.copyWithin(base >> 2, this.#base >> 2, (this.#base + bytes) >> 2)
    memory.give(this.#base, bytes)
    this.#base = base
    this.#capacity *= 2
    memory.words[PARAM_VERSIONS / 4] = base
  }
}
