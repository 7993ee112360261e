/** Ephemeral ports (RFC 6335 §6): from a random start, each next one that is free (RFC 6056 §3.3.2). */
import { type Random, socketError } from '@lodestone/host'

const FIRST = 49_152
const COUNT = 16_384

export class PortSpace {
  readonly #random: Random
  #next: number | undefined

  constructor(random: Random) {
    this.#random = random
  }

  /** Throws `EADDRINUSE` when every port is taken. */
  pick(isTaken: (port: number) => boolean): number {
    let at = this.#next ?? this.#random.below(COUNT)
    for (let i = 0; i < COUNT; i++) {
      const port = FIRST + at
      at = (at + 1) % COUNT
      if (!isTaken(port)) {
        this.#next = at
        return port
      }
    }
    throw socketError('EADDRINUSE', 'no ephemeral port is free')
  }
}
