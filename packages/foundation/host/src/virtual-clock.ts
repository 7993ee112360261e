/**
 * Virtual time: one event queue, advanced from event to event. Same programme, same seed, same order.
 *
 * Promises are allowed at the edges of daemons: after each event the clock lets every microtask and every
 * `process.nextTick` run before time moves on, without a turn of the event loop, which would cost more than most events.
 * Threads, sockets and the file system have no place under this clock: their completions are not its events.
 */
import type { Clock, Timer } from './clock.ts'
import { EventQueue } from './event-queue.ts'

/** Node's own: a simulation may put something in the place of the global one, to catch whoever uses it. */
const turnLoop = setImmediate
/**
 * Runs ticks and microtasks until there are none: what Node itself does between two timers. Not documented, so that a Node
 * without it is slower and no more.
 */
const runTicks = (process as { readonly _tickCallback?: () => void })._tickCallback
/** Events after which the rest of the process gets its turn. */
const BURST = 64
const never = (): boolean => false

export class VirtualClock implements Clock {
  readonly #queue = new EventQueue()
  readonly #startWallMs: number
  #nowMs = 0
  #eventsRun = 0

  /** @param startWallMs what `wallMs()` says at time 0. */
  constructor(startWallMs: number = Date.UTC(2026, 0, 1)) {
    this.#startWallMs = startWallMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#startWallMs + Math.floor(this.#nowMs)
  }

  /** Of the real world, what must have come to rest before time moves. */
  readonly #others = new Set<() => boolean>()
  #afterEvent: () => void | Promise<void> = () => {}

  after(delayMs: number, fn: () => void): Timer {
    return this.#queue.push(this.#nowMs + Math.max(0, delayMs), fn)
  }

  get eventsRun(): number {
    return this.#eventsRun
  }

  /** Runs every event due within the next `durationMs`, then sets the time to its end. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs
    await this.#play(endMs, never)
    this.#nowMs = Math.max(this.#nowMs, endMs) // another caller may have advanced further meanwhile
  }

  /** Advances until `condition` holds. @returns false when `withinMs` passed first. */
  async until(condition: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.#nowMs + withinMs
    if (await this.#play(endMs, condition)) return true
    this.#nowMs = Math.max(this.#nowMs, endMs)
    return condition()
  }

  /**
   * Runs events from turns of the loop of their own, because ticks cannot be run from within a microtask.
   * @returns whether `condition` held before nothing was due by `endMs` any more.
   */
  #play(endMs: number, condition: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let isEventOpen = false
      const burst = (): void => {
        for (const isQuiet of this.#others) if (!isQuiet()) return void turnLoop(burst)
        for (let left = BURST; left > 0; left--) {
          try {
            if (isEventOpen) {
              isEventOpen = false
              const look = this.#afterEvent()
              if (look !== undefined) {
                look.then(() => turnLoop(burst), reject)
                return
              }
            }
            if (condition()) return resolve(true)
            const next = this.#queue.peek()
            if (next === undefined || next.dueMs > endMs) return resolve(false)
            this.#nowMs = next.dueMs
            isEventOpen = true
            this.#queue.take(next.dueMs)!()
            this.#eventsRun++
          } catch (error) {
            return reject(error)
          }
          if (runTicks === undefined || this.#others.size > 0) break
          runTicks()
        }
        turnLoop(burst)
      }
      turnLoop(burst)
    })
  }

  /** Awaits a promise that needs virtual time to pass. Rejects when `withinMs` pass first. */
  async run<T>(promise: Promise<T>, withinMs = 3_600_000): Promise<T> {
    let done = false
    const mark = (): void => {
      done = true
    }
    promise.then(mark, mark)
    if (!(await this.until(() => done, withinMs))) {
      throw new Error(`nothing happened within ${withinMs} ms of virtual time`)
    }
    return promise
  }

  /**
   * Before time moves, this must have come to rest too: I/O of the real world, such as a database server that a test
   * uses, and each of several. Simulations have none.
   * @returns what ends that: whatever has been closed is not waited for any more.
   */
  waitAlsoFor(isQuiet: () => boolean): () => void {
    this.#others.add(isQuiet)
    return () => void this.#others.delete(isQuiet)
  }

  /**
   * After each event and all that follows from it at once. Time stands while `fn` looks; what it throws ends `advance` or `until`.
   */
  onEvent(fn: () => void | Promise<void>): void {
    this.#afterEvent = fn
  }
}
