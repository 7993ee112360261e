/** How busy a node is, from the frames on its cables and the guests that it runs: what its board has to cool. */
import type { Clock } from '@lodestone/host'
import { IDLE, type Load } from '@lodestone/sp'
import type { Link } from '@lodestone/link'

/** Frames a second at which a sled's NICs, and a switch, do all they can; an emulated rack moves that many on a good day. */
const SLED_FULL_FRAMES_PER_S = 50_000
const SWITCH_FULL_FRAMES_PER_S = 200_000
/** Guests that keep all of a sled's processor busy. */
const FULL_GUESTS = 8
const MIN_INTERVAL_MS = 100

export class NodeLoad {
  readonly #clock: Clock
  readonly #cables: readonly Link[]
  readonly #guests: () => number
  readonly #fullFramesPerS: number
  #frames = 0
  #atMs: number
  #load: Load = IDLE

  constructor(options: {
    readonly clock: Clock
    readonly kind: 'sled' | 'switch'
    readonly cables: readonly Link[]
    readonly guests: () => number
  }) {
    this.#clock = options.clock
    this.#cables = options.cables
    this.#guests = options.guests
    this.#fullFramesPerS = options.kind === 'sled' ? SLED_FULL_FRAMES_PER_S : SWITCH_FULL_FRAMES_PER_S
    this.#atMs = options.clock.nowMs()
  }

  /** Since it was asked last. */
  read(): Load {
    const elapsedMs = this.#clock.nowMs() - this.#atMs
    if (elapsedMs < MIN_INTERVAL_MS) return this.#load
    let frames = 0
    for (const cable of this.#cables) {
      frames += cable.counters('a-to-b').framesIn + cable.counters('b-to-a').framesIn
    }
    const perSecond = ((frames - this.#frames) / elapsedMs) * 1000
    this.#frames = frames
    this.#atMs += elapsedMs
    const network = Math.min(1, perSecond / this.#fullFramesPerS)
    // Guests' packets are the processor's work too.
    this.#load = { network, processor: Math.min(1, this.#guests() / FULL_GUESTS + network / 4) }
    return this.#load
  }
}
