/**
 * The last messages of a peer in both directions, whole, in bounded memory. What is added may hold several messages: they are taken apart
 * when somebody looks.
 */
import type { MessageRecord } from './peer-status.ts'

interface Piece {
  readonly atMs: number
  readonly wallMs: number
  readonly direction: 'received' | 'sent'
  /** Whole messages. */
  readonly bytes: Uint8Array
}

export class MessageHistory {
  #pieces: Piece[] = []
  #size = 0
  limitBytes: number

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** Copies the messages in [start, end). */
  add(
    direction: 'received' | 'sent',
    bytes: Uint8Array,
    start: number,
    end: number,
    atMs: number,
    wallMs: number,
  ): void {
    if (end - start > this.limitBytes) return
    const copy = new Uint8Array(end - start)
    copy.set(bytes.subarray(start, end))
    this.#pieces.push({ atMs, wallMs, direction, bytes: copy })
    this.#size += copy.length
    if (this.#size <= this.limitBytes * 2) return
    // Trimmed in halves, so that adding costs little on average.
    let drop = 0
    while (this.#size > this.limitBytes) this.#size -= this.#pieces[drop++]!.bytes.length
    this.#pieces = this.#pieces.slice(drop)
  }

  /** Oldest first. */
  list(): readonly MessageRecord[] {
    const out: MessageRecord[] = []
    for (const { bytes, ...rest } of this.#pieces) {
      for (let at = 0; at + 19 <= bytes.length;) {
        const length = (bytes[at + 16]! << 8) | bytes[at + 17]!
        if (length < 19) break
        out.push({ ...rest, type: bytes[at + 18]!, bytes: bytes.subarray(at, at + length) })
        at += length
      }
    }
    return out
  }
}
