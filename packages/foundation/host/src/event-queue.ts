/** A binary heap of timers ordered by (due time, insertion): the one queue behind every clock. */
import type { Timer } from './clock.ts'

export interface QueuedEvent extends Timer {
  readonly dueMs: number
  readonly sequence: number
  /** Undefined once cancelled or run. */
  run: (() => void) | undefined
}

export class EventQueue {
  readonly #heap: QueuedEvent[] = []
  readonly #onLastCancelled: () => void
  #sequence = 0
  #cancelled = 0

  /** @param onLastCancelled told when nothing is left because the last event was cancelled. */
  constructor(onLastCancelled: () => void = () => {}) {
    this.#onLastCancelled = onLastCancelled
  }

  push(dueMs: number, run: () => void): QueuedEvent {
    const event: QueuedEvent = {
      dueMs,
      sequence: this.#sequence++,
      run,
      cancel: () => {
        if (event.run === undefined) return
        event.run = undefined
        this.#noteCancelled()
      },
    }
    this.#heap.push(event)
    this.#up(this.#heap.length - 1)
    return event
  }

  /** The earliest live event, left in the queue. */
  peek(): QueuedEvent | undefined {
    for (;;) {
      const top = this.#heap[0]
      if (top === undefined || top.run !== undefined) return top
      this.#removeTop()
      this.#cancelled--
    }
  }

  /** Removes and returns the earliest live event's action when it is due at `nowMs` or before. */
  take(nowMs: number): (() => void) | undefined {
    const top = this.peek()
    if (top === undefined || top.dueMs > nowMs) return undefined
    this.#removeTop()
    const run = top.run
    top.run = undefined
    return run
  }

  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  /** Cancelled entries are dropped lazily; when they are most of the heap it is rebuilt, so cancelling cannot leak. */
  #noteCancelled(): void {
    this.#cancelled++
    if (this.#cancelled === this.#heap.length) {
      this.#heap.length = 0
      this.#cancelled = 0
      this.#onLastCancelled()
      return
    }
    if (this.#cancelled < 1024 || this.#cancelled * 2 < this.#heap.length) return
    const live = this.#heap.filter((event) => event.run !== undefined)
    live.sort((a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence)
    this.#heap.length = 0
    for (const event of live) this.#heap.push(event) // a sorted array is a heap
    this.#cancelled = 0
  }

  #removeTop(): void {
    const last = this.#heap.pop()!
    if (this.#heap.length === 0) return
    this.#heap[0] = last
    this.#down(0)
  }

  #before(a: QueuedEvent, b: QueuedEvent): boolean {
    return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence)
  }

  #up(from: number): void {
    const heap = this.#heap
    let i = from
    const moving = heap[i]!
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!this.#before(moving, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = moving
  }

  #down(from: number): void {
    const heap = this.#heap
    let i = from
    const moving = heap[i]!
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++
      if (!this.#before(heap[child]!, moving)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = moving
  }
}
