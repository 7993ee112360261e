/**
 * The driver of one reconciler and one target: runs its pass when activated and once a period, never twice at a time,
 * sooner again after a failure (doubling from 250 ms to 5 s). A pass is idempotent and takes no input but
 * the store, so it does not matter how often it runs or which activation it answers.
 */
import type { Clock, Timer } from '@lodestone/host'

export interface ItemStatus {
  /** What was pushed: a VPC, an instance, or the target as a whole. */
  readonly item: string
  readonly state: 'applied' | 'failed'
  readonly generation?: number
  /** Why it failed, or what is worth saying. */
  readonly detail?: string
}

export interface PassResult {
  readonly items: readonly ItemStatus[]
  /** Look again after this long, because something is under way. */
  readonly againMs?: number
  /** Another control plane does this at the moment. */
  readonly isStandby?: boolean
}

export interface ReconcilerStatus {
  readonly reconciler: string
  readonly target: string
  /** `waiting`: something failed and is tried again; `standby`: another control plane does it. */
  readonly state: 'idle' | 'running' | 'waiting' | 'standby'
  readonly passes: number
  /** Of the last pass that ended, on the wall clock; absent before. */
  readonly lastPassWallMs?: number
  /** Of the last pass in which nothing failed. */
  readonly lastSuccessWallMs?: number
  readonly failures: number
  readonly items: readonly ItemStatus[]
  /** Set when the last pass itself failed. */
  readonly error?: string
}

/** A pass; `isFull` means: push everything, whatever was acknowledged before. */
export type Pass = (isFull: boolean) => Promise<PassResult>

export interface LoopOptions {
  readonly reconciler: string
  readonly target: string
  readonly clock: Clock
  readonly periodMs: number
  readonly pass: Pass
}

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 5_000

export class ReconcilerLoop {
  readonly #options: LoopOptions
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #isActivated = false
  #isClosed = false
  #failures = 0
  #passes = 0
  #nextFullMs = 0
  #lastPassWallMs: number | undefined
  #lastSuccessWallMs: number | undefined
  #failedPasses = 0
  #isStandby = false
  #items: readonly ItemStatus[] = []
  #error: string | undefined

  constructor(options: LoopOptions) {
    this.#options = options
  }

  get reconciler(): string {
    return this.#options.reconciler
  }

  /**
   * Asks for a pass as soon as possible.
   * @param isFull push even what the target has acknowledged: something else may have overwritten it.
   */
  activate(isFull = false): void {
    this.#isActivated = true
    if (isFull) this.#nextFullMs = -Infinity
    if (this.#running === undefined) this.#arm(0)
  }

  /** Resolves when the pass that is running, if any, has ended. No other starts. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#running
  }

  status(): ReconcilerStatus {
    const hasFailed = this.#error !== undefined || this.#items.some((item) => item.state === 'failed')
    return {
      reconciler: this.#options.reconciler,
      target: this.#options.target,
      state:
        this.#running !== undefined || this.#isActivated
          ? 'running'
          : hasFailed
            ? 'waiting'
            : this.#isStandby
              ? 'standby'
              : 'idle',
      passes: this.#passes,
      ...(this.#lastPassWallMs === undefined ? {} : { lastPassWallMs: this.#lastPassWallMs }),
      ...(this.#lastSuccessWallMs === undefined ? {} : { lastSuccessWallMs: this.#lastSuccessWallMs }),
      failures: this.#failedPasses,
      items: this.#items,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    }
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    if (this.#isClosed) return
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#running = this.#run()
    })
  }

  async #run(): Promise<void> {
    const { clock, periodMs, pass } = this.#options
    this.#isActivated = false
    // A failed target gets everything again: what it has is not known.
    const isFull = this.#failures > 0 || clock.nowMs() >= this.#nextFullMs
    let againMs: number | undefined
    try {
      // Set before the pass: a full pass that is asked for meanwhile must not be forgotten.
      if (isFull) this.#nextFullMs = clock.nowMs() + periodMs
      const result = await pass(isFull)
      this.#items = result.items
      this.#isStandby = result.isStandby ?? false
      this.#error = undefined
      againMs = result.againMs
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error)
    }
    const hasFailed = this.#error !== undefined || this.#items.some((item) => item.state === 'failed')
    this.#failures = hasFailed ? this.#failures + 1 : 0
    this.#passes++
    this.#lastPassWallMs = clock.wallMs()
    if (hasFailed) this.#failedPasses++
    else if (!this.#isStandby) this.#lastSuccessWallMs = this.#lastPassWallMs
    this.#running = undefined
    const retryMs = hasFailed
      ? Math.min(periodMs, LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10))
      : periodMs
    this.#arm(this.#isActivated ? 0 : Math.min(retryMs, againMs ?? Infinity))
  }
}
