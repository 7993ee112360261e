/**
 * The bus with back-pressure: a subscriber is told once that something waits, and takes as much as it can handle. A prefix
 * waits at most once however often it changes meanwhile, so a slow subscriber sees fewer, later states, and what it holds back is
 * bounded by the size of the table.
 */
import { NumberQueue } from './number-queue.ts'
import type { RouteStore } from './route-store.ts'
import { grown } from './grown.ts'
import type { Route } from './route.ts'

export class Subscription {
  /** Also changes of paths that are not selected. */
  readonly wantsAllPaths: boolean
  readonly #store: RouteStore
  readonly #onReady: () => void
  readonly #onClose: () => void
  readonly #queue = new NumberQueue()
  /** By family: 1 for an index that waits. */
  readonly #isWaiting: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)]
  #isTold = false
  #isClosed = false

  constructor(store: RouteStore, wantsAllPaths: boolean, onReady: () => void, onClose: () => void) {
    this.#store = store
    this.wantsAllPaths = wantsAllPaths
    this.#onReady = onReady
    this.#onClose = onClose
  }

  /** Prefixes that wait. */
  get pending(): number {
    return this.#queue.size
  }

  /** Puts a route in the queue, as a change of it does. */
  enqueue(ref: number): void {
    const family = ref & 1
    const index = ref >>> 1
    let waiting = this.#isWaiting[family]!
    if (index >= waiting.length) {
      waiting = grown(waiting, Math.max(index + 1, this.#store.table(ref).capacity))
      this.#isWaiting[family] = waiting
    }
    if (waiting[index] === 1 || this.#isClosed) return
    waiting[index] = 1
    this.#store.hold(ref)
    this.#queue.push(ref)
  }

  /** Tells the subscriber, once until it has emptied the queue. */
  tell(): void {
    if (this.#isTold || this.#queue.size === 0) return
    this.#isTold = true
    this.#onReady()
  }

  /** The oldest waiting reference, valid during this turn; -1 when none waits. The caller calls `done` with it. */
  next(): number {
    if (this.#queue.size === 0) return -1
    const ref = this.#queue.shift()
    if (this.#queue.size === 0) this.#isTold = false
    this.#isWaiting[ref & 1]![ref >>> 1] = 0
    return ref
  }

  done(ref: number): void {
    this.#store.release(ref)
  }

  /** Puts everything that waits here in the queue of another subscription too. */
  copyTo(other: Subscription): void {
    for (const bit of [0, 1]) {
      const waiting = this.#isWaiting[bit]!
      for (let index = 0; index < waiting.length; index++) if (waiting[index] === 1) other.enqueue(index * 2 + bit)
    }
  }

  /** Up to `max` changed routes as they are now; a route without selected paths has become unreachable. */
  take(max: number): readonly Route[] {
    const routes: Route[] = []
    while (routes.length < max) {
      const ref = this.next()
      if (ref < 0) break
      const route = this.#store.route(ref)
      void route.paths // read before the reference is given back
      routes.push(route)
      this.done(ref)
    }
    return routes
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (let ref = this.next(); ref >= 0; ref = this.next()) this.done(ref)
    this.#onClose()
  }
}
