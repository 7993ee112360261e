/** Pushing a declared state to a target: give it a generation, send it unless it was acknowledged, remember. */
import { createHash } from 'node:crypto'
import type { CallResult } from '@lodestone/api'
import type { Clock } from '@lodestone/host'
import { generationOf, raiseGeneration } from '../store/desired-state.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import { contentText } from './causes.ts'
import type { ItemStatus } from './loop.ts'

const CONFLICT = 409

export class DeclaredPush {
  readonly #store: Store
  readonly #clock: Clock
  readonly #kind: string
  /** The generation that each target has acknowledged since this process began. */
  readonly #acknowledged = new Map<string, number>()
  /** The generations of contents by their digests, so that what does not change asks the store nothing. */
  readonly #known = new Map<
    string,
    { readonly digest: string; readonly generation: number; readonly snapshot: number }
  >()

  constructor(store: Store, clock: Clock, kind: string) {
    this.#store = store
    this.#clock = clock
    this.#kind = kind
  }

  /** The generation of this content, durable when it resolves. Rejects with `StaleSnapshot`. */
  async generation(target: string, body: unknown, { number }: Snapshot, isFull: boolean): Promise<number> {
    const digest = createHash('sha256').update(contentText(body)).digest('hex')
    const known = this.#known.get(target)
    // Of the same reading the store would say the same: whoever takes over a lease reads anew.
    if (known?.digest === digest && (!isFull || known.snapshot === number)) {
      this.#store.changeLog.made(this.#kind, target, known.generation, number)
      return known.generation
    }
    const generation = await this.#store.transaction((tx) =>
      generationOf(tx, this.#kind, target, digest, number, this.#clock.wallMs()),
    )
    this.#known.set(target, { digest, generation, snapshot: number })
    this.#store.changeLog.made(this.#kind, target, generation, number)
    return generation
  }

  /** @param isFull send even what was acknowledged before. */
  async push(
    item: string,
    target: string,
    body: unknown,
    snapshot: Snapshot,
    isFull: boolean,
    send: (generation: number) => Promise<CallResult<unknown>>,
  ): Promise<ItemStatus> {
    const generation = await this.generation(target, body, snapshot, isFull)
    if (!isFull && this.#acknowledged.get(target) === generation) return { item, state: 'applied', generation }
    const result = await send(generation)
    if (result.ok) {
      this.#acknowledged.set(target, generation)
      return { item, state: 'applied', generation }
    }
    this.#acknowledged.delete(target)
    if (result.kind === 'refused' && result.status === CONFLICT) {
      this.#known.delete(target)
      // The target remembers a newer generation, of a store that is gone: overtake it.
      await this.#store.transaction((tx) => raiseGeneration(tx, this.#kind, target, generation, this.#clock.wallMs()))
    }
    return { item, state: 'failed', generation, detail: result.message }
  }
}
