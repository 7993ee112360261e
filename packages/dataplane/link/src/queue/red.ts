/**
 * Random early detection (Floyd and Jacobson 1993, with the gentle rise): an average of the queue's length decides how likely
 * an arriving frame is dropped, and the gaps between drops are evened out.
 */
import type { Random } from '@lodestone/host'
import type { QueueDiscipline } from './discipline.ts'

export type RedOptions = Extract<QueueDiscipline, { kind: 'red' }>

export class Red {
  readonly #minBytes: number
  readonly #maxBytes: number
  readonly #maxProbability: number
  readonly #weight: number
  #averageBytes = 0
  #sinceDrop = 0
  #idleSinceMs: number | undefined = 0

  constructor(options: RedOptions) {
    this.#minBytes = options.minBytes
    this.#maxBytes = options.maxBytes
    this.#maxProbability = options.maxProbability ?? 0.1
    this.#weight = options.weight ?? 0.002
  }

  get averageBytes(): number {
    return this.#averageBytes
  }

  /** @param frameMs how long an average frame takes on the wire: while nobody sends, the average falls as if such frames left. */
  shouldDrop(nowMs: number, backlogBytes: number, frameMs: number, random: Random): boolean {
    if (backlogBytes === 0 && this.#idleSinceMs !== undefined) {
      const frames = frameMs > 0 ? (nowMs - this.#idleSinceMs) / frameMs : 0
      this.#averageBytes *= (1 - this.#weight) ** Math.min(frames, 1e6)
    } else {
      this.#averageBytes += this.#weight * (backlogBytes - this.#averageBytes)
    }
    this.#idleSinceMs = undefined
    const share = this.#share()
    if (share <= 0) {
      this.#sinceDrop = 0
      return false
    }
    this.#sinceDrop++
    const evened = share >= 1 ? 1 : share / Math.max(share, 1 - (this.#sinceDrop - 1) * share)
    if (random.float() >= evened) return false
    this.#sinceDrop = 0
    return true
  }

  onEmpty(nowMs: number): void {
    this.#idleSinceMs = nowMs
  }

  #share(): number {
    const { averageBytes: average } = this
    if (average < this.#minBytes) return 0
    if (average < this.#maxBytes) {
      return (this.#maxProbability * (average - this.#minBytes)) / (this.#maxBytes - this.#minBytes)
    }
    return this.#maxProbability + ((1 - this.#maxProbability) * (average - this.#maxBytes)) / this.#maxBytes
  }
}
