/**
 * Losses that depend on what was lost before. One object per direction keeps the state; a frame costs at most two draws.
 *
 * Order within one frame: first the state moves, then the new state says whether the frame is lost (other emulators ask the old
 * one; the long-run shares are the same).
 */
import type { Random } from '@lodestone/host'

export type LossModel =
  /** Good and bad times; `goodLoss` and `badLoss` are the probabilities of loss in them, 0 and 1 unless given. */
  | {
      readonly kind: 'gilbert-elliott'
      /** Probability of good → bad, per frame. */
      readonly toBad: number
      /** Probability of bad → good, per frame: bursts are 1 / `toGood` frames long on average. */
      readonly toGood: number
      readonly goodLoss?: number
      readonly badLoss?: number
    }
  /** Four states: 1 received, 2 received inside a burst, 3 lost inside a burst, 4 lost alone. Names say from and to. */
  | {
      readonly kind: 'markov4'
      readonly p13: number
      readonly p31: number
      readonly p32: number
      readonly p23: number
      readonly p14: number
    }
  /** The frames with these numbers, counted from 1 since the model was set. */
  | { readonly kind: 'list'; readonly frames: readonly number[] }
  | { readonly kind: 'every'; readonly nth: number }
  /** Whatever a function says; it may read the bytes during the call. Not for topologies that are written to a file. */
  | { readonly kind: 'predicate'; readonly isLost: (frame: Uint8Array, number: number) => boolean }

/** The share of frames that a model loses in the long run; undefined where only the traffic can tell. */
export function meanLoss(model: LossModel): number | undefined {
  switch (model.kind) {
    case 'gilbert-elliott': {
      const { toBad, toGood, goodLoss = 0, badLoss = 1 } = model
      return (badLoss * toBad + goodLoss * toGood) / (toBad + toGood)
    }
    case 'markov4': {
      const { p13, p31, p32, p23, p14 } = model
      // Stationary weights relative to state 1.
      const [lost, alone] = [p13 / p31, p14]
      const inside = p23 === 0 ? 0 : (lost * p32) / p23
      return (lost + alone) / (1 + lost + alone + inside)
    }
    case 'every':
      return 1 / model.nth
    case 'list':
    case 'predicate':
      return undefined
  }
}

export class LossProcess {
  readonly #model: LossModel
  readonly #listed: ReadonlySet<number>
  #state = 1
  #number = 0

  constructor(model: LossModel) {
    this.#model = model
    this.#listed = new Set(model.kind === 'list' ? model.frames : [])
  }

  /** @param frame for predicates only; made by the caller when the model is one. */
  isLost(random: Random, frame: Uint8Array | undefined): boolean {
    const model = this.#model
    this.#number++
    switch (model.kind) {
      case 'gilbert-elliott': {
        const isBad = this.#state === 2
        if (random.float() < (isBad ? model.toGood : model.toBad)) this.#state = isBad ? 1 : 2
        const share = this.#state === 2 ? (model.badLoss ?? 1) : (model.goodLoss ?? 0)
        return share === 1 || (share > 0 && random.float() < share)
      }
      case 'markov4':
        this.#state = this.#nextOfFour(random.float(), model)
        return this.#state >= 3
      case 'list':
        return this.#listed.has(this.#number)
      case 'every':
        return this.#number % model.nth === 0
      case 'predicate':
        return frame !== undefined && model.isLost(frame, this.#number)
    }
  }

  #nextOfFour(draw: number, { p13, p31, p32, p23, p14 }: Extract<LossModel, { kind: 'markov4' }>): number {
    switch (this.#state) {
      case 1:
        return draw < p13 ? 3 : draw < p13 + p14 ? 4 : 1
      case 2:
        return draw < p23 ? 3 : 2
      case 3:
        return draw < p31 ? 1 : draw < p31 + p32 ? 2 : 3
      default:
        return 1
    }
  }
}
