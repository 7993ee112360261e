/**
 * The last drops of a port, always on: reason, time, the first bytes of the frame, and what the layers said. Bounded: the
 * oldest is overwritten.
 */
import type { DropReason, NearMiss } from '@lodestone/probe'
import { summarize } from '@lodestone/packet'
import { dropReason } from './drop-reasons.ts'

export const DROP_SAMPLES = 64
export const DROP_SAMPLE_BYTES = 128

export interface DroppedPacket {
  readonly atMs: number
  readonly direction: 'in' | 'out'
  readonly reason: DropReason
  readonly detail: string
  /** The rule or route that says drop; '' where none does. */
  readonly rule: string
  readonly nearest: readonly NearMiss[]
  /** The packet number in stories. */
  readonly packet: number
  readonly frameBytes: number
  /** At most the first 128 bytes; from the outer Ethernet header on where the packet came encapsulated. */
  readonly sample: Uint8Array
  readonly summary: string
}

export class DropRing {
  readonly #bytes = new Uint8Array(DROP_SAMPLES * DROP_SAMPLE_BYTES)
  readonly #atMs = new Float64Array(DROP_SAMPLES)
  readonly #lengths = new Int32Array(DROP_SAMPLES)
  readonly #reasons = new Int32Array(DROP_SAMPLES)
  readonly #isOut = new Uint8Array(DROP_SAMPLES)
  readonly #packets = new Uint32Array(DROP_SAMPLES)
  readonly #details: string[] = Array.from({ length: DROP_SAMPLES }, () => '')
  readonly #rules: string[] = Array.from({ length: DROP_SAMPLES }, () => '')
  readonly #nearest: (readonly NearMiss[] | undefined)[] = Array.from({ length: DROP_SAMPLES }, () => undefined)
  #count = 0

  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    atMs: number,
    isOut: boolean,
    reason: number,
    packet: number,
    detail: string,
    nearest: readonly NearMiss[] | undefined,
    rule = '',
  ): void {
    const at = this.#count++ % DROP_SAMPLES
    const length = Math.min(DROP_SAMPLE_BYTES, end - start)
    const to = at * DROP_SAMPLE_BYTES
    for (let i = 0; i < length; i++) this.#bytes[to + i] = bytes[start + i]!
    this.#atMs[at] = atMs
    this.#lengths[at] = end - start
    this.#reasons[at] = reason
    this.#isOut[at] = isOut ? 1 : 0
    this.#packets[at] = packet
    this.#details[at] = detail
    this.#nearest[at] = nearest
    this.#rules[at] = rule
  }

  /** Oldest first. */
  list(): DroppedPacket[] {
    const list: DroppedPacket[] = []
    for (let n = Math.max(0, this.#count - DROP_SAMPLES); n < this.#count; n++) {
      const at = n % DROP_SAMPLES
      const from = at * DROP_SAMPLE_BYTES
      const frameBytes = this.#lengths[at]!
      const sample = this.#bytes.slice(from, from + Math.min(DROP_SAMPLE_BYTES, frameBytes))
      list.push({
        atMs: this.#atMs[at]!,
        direction: this.#isOut[at] === 1 ? 'out' : 'in',
        reason: dropReason(this.#reasons[at]!),
        detail: this.#details[at]!,
        rule: this.#rules[at]!,
        nearest: this.#nearest[at] ?? [],
        packet: this.#packets[at]!,
        frameBytes,
        sample,
        summary: summaryOf(sample, frameBytes),
      })
    }
    return list
  }
}

/** The headers are in the sample; the rest only has to be there for lengths to fit. */
function summaryOf(sample: Uint8Array, frameBytes: number): string {
  const whole = new Uint8Array(frameBytes)
  whole.set(sample)
  return summarize(whole, 0, frameBytes)
}
