/**
 * Memory that is not addressed: a selector names the memory, an offset the place in it. How a selector reaches the
 * memory differs from device to device.
 *
 * NOT IMPLEMENTED: reading and writing through a selector; the original leaves that interface open too.
 */
import { indexIn } from './bits.ts'

export interface SramShape {
  readonly name: string
  /** Rank of the element in its block, by offset. */
  readonly selector: number
  readonly count: number
  readonly strideBytes: number
  readonly widthBits: number
}

export class SramElement<Value> {
  readonly shape: SramShape
  readonly #wrap: (bytes: bigint) => Value

  constructor(shape: SramShape, wrap: (raw: bigint) => Value) {
    this.shape = shape
    this.#wrap = wrap
  }

  /** Where entry `index` is. Throws RangeError when there is none. */
  locate(index: number): { readonly selector: number; readonly byteOffset: number } {
    const { name, selector, count, strideBytes } = this.shape
    return { selector, byteOffset: indexIn(index, count, name) * strideBytes }
  }

  /** The value in an entry's bytes, least significant first; fewer bytes than the entry has count as zeros after them. */
  decode(bytes: Uint8Array): Value {
    let raw = 0n
    const count = Math.min(bytes.length, this.shape.widthBits / 8)
    for (let i = count - 1; i >= 0; i--) raw = (raw << 8n) | BigInt(bytes[i] ?? 0)
    return this.#wrap(raw)
  }
}
