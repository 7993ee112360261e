/** Cuts a TCP byte stream into messages (RFC 4271 §4.1), whatever the sizes of the chunks. */
import type { BgpError } from './bgp-error.ts'
import { checkHeader, HEADER_BYTES, type RawMessage } from './message.ts'

export class MessageStream {
  /** Received and not consumed: at most one incomplete message. */
  #pending: Uint8Array = new Uint8Array(0)
  #error: BgpError | undefined

  /**
   * Takes a chunk and hands over each complete message. `onMessage` may return false to stop: the rest of the chunk is
   * dropped, because the session ended.
   * @returns the header error that ends the stream; nothing is read after it.
   */
  push(chunk: Uint8Array, onMessage: (raw: RawMessage) => boolean): BgpError | undefined {
    return this.pushRanges(chunk, (bytes, start, end) => {
      const message = bytes.subarray(start, end)
      return onMessage({ type: message[18]!, body: message.subarray(HEADER_BYTES), bytes: message })
    })
  }

  /** The same without views: each message is [start, end) of `bytes`, which are only valid during the call. */
  pushRanges(
    chunk: Uint8Array,
    onMessage: (bytes: Uint8Array, start: number, end: number) => boolean,
  ): BgpError | undefined {
    if (this.#error !== undefined) return this.#error
    let bytes = chunk
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + chunk.length)
      bytes.set(this.#pending)
      bytes.set(chunk, this.#pending.length)
    }
    let offset = 0
    for (;;) {
      const length = checkHeader(bytes, offset)
      if (typeof length !== 'number') {
        this.#error = length
        return length
      }
      if (length === 0 || bytes.length - offset < length) break
      const start = offset
      offset += length
      if (!onMessage(bytes, start, offset)) return undefined
    }
    // A copy: the chunk may be large, and what is left of it small.
    this.#pending = new Uint8Array(bytes.subarray(offset))
    return undefined
  }
}
