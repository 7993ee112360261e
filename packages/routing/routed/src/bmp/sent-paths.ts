/**
 * What a station has been told of one monitored peer: by reference of the route, whether it was announced, and with which path
 * identifiers. A bit for each route; only what is not "one path without identifier" costs more.
 */

const NONE: readonly number[] = []
const PLAIN: readonly number[] = [0]

export class SentPaths {
  #bits = new Uint8Array(1024)
  readonly #others = new Map<number, readonly number[]>()

  /** The identifiers announced for a route. */
  of(ref: number): readonly number[] {
    const byte = this.#bits[ref >>> 3] ?? 0
    if ((byte & (1 << (ref & 7))) === 0) return NONE
    return this.#others.get(ref) ?? PLAIN
  }

  set(ref: number, pathIds: readonly number[]): void {
    const at = ref >>> 3
    if (at >= this.#bits.length) {
      if (pathIds.length === 0) return
      const grown = new Uint8Array(Math.max(at + 1, this.#bits.length * 2))
      grown.set(this.#bits)
      this.#bits = grown
    }
    const bit = 1 << (ref & 7)
    if (pathIds.length === 0) this.#bits[at]! &= ~bit
    else this.#bits[at]! |= bit
    if (pathIds.length === 0 || (pathIds.length === 1 && pathIds[0] === 0)) this.#others.delete(ref)
    else this.#others.set(ref, pathIds)
  }

  clear(): void {
    this.#bits.fill(0)
    this.#others.clear()
  }
}
