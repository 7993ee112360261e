/**
 * A ring of the last events as numbers: cheap enough to be always on. Whoever records gives three words of its own meaning; the
 * recorder adds nothing and allocates nothing, so that the last moments before a surprise can be read afterwards.
 */

export interface FlightRecord {
  /** Serial number since the recorder was made, modulo 2^32. */
  readonly serial: number
  readonly a: number
  readonly b: number
  readonly c: number
}

const WORDS = 4

export class FlightRecorder {
  readonly #ring: Int32Array
  readonly #mask: number
  #next = 0

  /** @param records that are kept; rounded up to a power of two. */
  constructor(records: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, records)))
    this.#ring = new Int32Array(WORDS * size)
    this.#mask = size - 1
  }

  /** Signed 32-bit words. */
  record(a: number, b: number, c: number): void {
    const serial = this.#next
    const at = (serial & this.#mask) << 2
    const ring = this.#ring
    ring[at] = serial
    ring[at + 1] = a
    ring[at + 2] = b
    ring[at + 3] = c
    this.#next = (serial + 1) | 0
  }

  /** Oldest first. */
  read(): readonly FlightRecord[] {
    const ring = this.#ring
    const size = this.#mask + 1
    const kept = this.#next >= 0 && this.#next < size ? this.#next : size
    return Array.from({ length: kept }, (_, k) => {
      const at = ((this.#next - kept + k) & this.#mask) << 2
      return { serial: ring[at]! >>> 0, a: ring[at + 1]!, b: ring[at + 2]!, c: ring[at + 3]! }
    })
  }
}
