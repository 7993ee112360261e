/** Cuts a TCP byte stream into messages (RFC 4271 §4.1), whatever the sizes of the chunks. */
import type { BgpError } from './bgp-error.ts'
import { checkHeader, HEADER_BYTES, type RawMessage } from './message.ts'

const NOTHING = new Uint8Array(0)
/** Where what was left of the last chunk is joined to the next one: nobody keeps messages beyond the call. */
const JOINED_LIMIT = 1 << 19
let joined = new Uint8Array(65_536)
let isJoining = false

export class MessageStream {
  /** Received and not consumed: at most one incomplete message. */
  #pending: Uint8Array = NOTHING
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
    const pending = this.#pending.length
    if (pending === 0) return this.#cut(chunk, onMessage)
    // One that is called from within another gets memory of its own.
    const isShared = !isJoining && pending + chunk.length <= JOINED_LIMIT
    const memory = isShared ? joinedOf(pending + chunk.length) : new Uint8Array(pending + chunk.length)
    memory.set(this.#pending)
    memory.set(chunk, pending)
    if (!isShared) return this.#cut(memory, onMessage)
    isJoining = true
    try {
      return this.#cut(memory.subarray(0, pending + chunk.length), onMessage)
    } finally {
      isJoining = false
    }
  }

  #cut(bytes: Uint8Array, onMessage: (bytes: Uint8Array, start: number, end: number) => boolean): BgpError | undefined {
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
    this.#pending = offset === bytes.length ? NOTHING : new Uint8Array(bytes.subarray(offset))
    return undefined
  }
}

function joinedOf(length: number): Uint8Array {
  if (joined.length < length) joined = new Uint8Array(JOINED_LIMIT)
  return joined
}
