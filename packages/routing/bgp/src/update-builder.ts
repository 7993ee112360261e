/**
 * Writes UPDATE messages one after the other into chunks that are handed to sockets as they are (RFC 4271 §4.3, RFC 4760 §3, §4):
 * prefixes that share attributes share messages, no message exceeds 4096 bytes.
 *
 * A chunk is written once and then only read: several sockets may hold it.
 */
import type { RouteStore } from '@lodestone/rib'
import type { ExportTable } from './export-table.ts'
import type { RouteLists } from './route-lists.ts'

const HEADER_BYTES = 19
const MAX_MESSAGE_BYTES = 4096
const CHUNK_BYTES = 65_536
const NO_BYTES = new Uint8Array(0)
/** What the last builder left of its chunk. */
let rest: Uint8Array = NO_BYTES
/** Of the end of each chunk, so much is kept for the history of messages. */
const TAIL_BYTES = 4096

/** Whole messages, one after the other. */
export interface UpdateChunk {
  readonly bytes: Uint8Array
  /** Messages in it. */
  readonly count: number
  /** Where a message begins, at most 8192 bytes before the end. */
  readonly tailAt: number
}

export class UpdateBuilder {
  readonly #store: RouteStore
  readonly #emit: (chunk: UpdateChunk) => void
  #chunk: Uint8Array = NO_BYTES
  #at = 0
  #count = 0
  #tailAt = 0
  /** Of the message being written. */
  #start = 0
  #limit = 0

  constructor(store: RouteStore, emit: (chunk: UpdateChunk) => void) {
    this.#store = store
    this.#emit = emit
  }

  /** Announces the routes of a list, which are told the same. @param head position of the first in `lists`. */
  announce(exports: ExportTable, id: number, lists: RouteLists, head: number, hasPathIds: boolean): void {
    const nextHopLength = exports.nextHopLength(id)
    if (nextHopLength > 0) this.#announceMp(exports, id, nextHopLength, lists, head, hasPathIds)
    else this.#announce4(exports, id, lists, head, hasPathIds)
  }

  #announce4(exports: ExportTable, id: number, lists: RouteLists, head: number, hasPathIds: boolean): void {
    const size = exports.attributesLength(id)
    const page = exports.page(id)
    const offset = exports.offset(id)
    for (let at = head; at >= 0;) {
      this.#begin()
      this.#u16(0)
      this.#u16(size)
      this.#copy(page, offset, size)
      this.#limit = this.#start + MAX_MESSAGE_BYTES
      do {
        this.#prefix(lists.refs[at]!, lists.pathIds[at]!, hasPathIds)
        at = lists.next[at]!
      } while (at >= 0 && this.#fits(lists.refs[at]!, hasPathIds))
      this.#finish()
    }
  }

  #announceMp(
    exports: ExportTable,
    id: number,
    nextHopLength: number,
    lists: RouteLists,
    head: number,
    hasPathIds: boolean,
  ): void {
    const size = exports.attributesLength(id)
    const page = exports.page(id)
    const offset = exports.offset(id)
    for (let at = head; at >= 0;) {
      this.#begin()
      this.#u16(0)
      const attributesAt = this.#at
      this.#u16(0)
      // RFC 7606 §5.1: first, so that the prefixes are found even when something after them is broken.
      this.#u16(0x900e)
      const valueAt = this.#at
      this.#u16(0)
      this.#family(exports.family(id))
      this.#chunk[this.#at++] = nextHopLength
      this.#copy(page, offset + size, nextHopLength)
      this.#chunk[this.#at++] = 0
      this.#limit = this.#start + MAX_MESSAGE_BYTES - size
      do {
        this.#prefix(lists.refs[at]!, lists.pathIds[at]!, hasPathIds)
        at = lists.next[at]!
      } while (at >= 0 && this.#fits(lists.refs[at]!, hasPathIds))
      this.#patch(valueAt, this.#at - valueAt - 2)
      this.#copy(page, offset, size)
      this.#patch(attributesAt, this.#at - attributesAt - 2)
      this.#finish()
    }
  }

  /** Withdraws routes of one family: IPv4 in the Withdrawn Routes field, IPv6 in MP_UNREACH_NLRI. */
  withdraw(family: 4 | 6, lists: RouteLists, head: number, hasPathIds: boolean): void {
    for (let at = head; at >= 0;) {
      this.#begin()
      const fieldAt = this.#at
      this.#u16(0)
      let valueAt = 0
      if (family === 6) {
        this.#u16(0)
        this.#u16(0x900f)
        valueAt = this.#at
        this.#u16(0)
        this.#family(6)
      }
      this.#limit = this.#start + MAX_MESSAGE_BYTES - 2
      do {
        this.#prefix(lists.refs[at]!, lists.pathIds[at]!, hasPathIds)
        at = lists.next[at]!
      } while (at >= 0 && this.#fits(lists.refs[at]!, hasPathIds))
      if (family === 6) {
        this.#patch(valueAt, this.#at - valueAt - 2)
        this.#patch(fieldAt + 2, this.#at - fieldAt - 4)
      } else {
        this.#patch(fieldAt, this.#at - fieldAt - 2)
        this.#u16(0)
      }
      this.#finish()
    }
  }

  /** Hands over what has been written. */
  flush(): void {
    if (this.#count === 0) return
    const chunk = { bytes: this.#chunk.subarray(0, this.#at), count: this.#count, tailAt: this.#tailAt }
    // What is left of a chunk serves the next messages, also of others; nobody reads beyond what was handed over.
    rest = this.#chunk.subarray(this.#at)
    this.#chunk = NO_BYTES
    this.#at = 0
    this.#count = 0
    this.#tailAt = 0
    this.#emit(chunk)
  }

  #begin(): void {
    if (this.#at + MAX_MESSAGE_BYTES > this.#chunk.length) {
      this.flush()
      this.#chunk = rest.length < MAX_MESSAGE_BYTES ? new Uint8Array(CHUNK_BYTES) : rest
      rest = NO_BYTES
    }
    this.#start = this.#at
    if (this.#at - this.#tailAt > TAIL_BYTES) this.#tailAt = this.#at
    const chunk = this.#chunk
    for (let i = 0; i < 16; i++) chunk[this.#at++] = 0xff
    this.#at += 2
    chunk[this.#at++] = 2
  }

  #finish(): void {
    this.#patch(this.#start + HEADER_BYTES - 3, this.#at - this.#start)
    this.#count++
  }

  #fits(ref: number, hasPathIds: boolean): boolean {
    const length = this.#store.table(ref).lengths[ref >>> 1]!
    return this.#at + 1 + ((length + 7) >> 3) + (hasPathIds ? 4 : 0) <= this.#limit
  }

  #prefix(ref: number, pathId: number, hasPathId: boolean): void {
    const chunk = this.#chunk
    let at = this.#at
    if (hasPathId) {
      chunk[at] = pathId >>> 24
      chunk[at + 1] = pathId >>> 16
      chunk[at + 2] = pathId >>> 8
      chunk[at + 3] = pathId
      at += 4
    }
    const table = this.#store.table(ref)
    const index = ref >>> 1
    const length = table.lengths[index]!
    chunk[at++] = length
    for (let bits = length, word = index * table.words; bits > 0; bits -= 32, word++) {
      const value = table.addresses[word]!
      chunk[at++] = value >>> 24
      if (bits > 8) chunk[at++] = value >>> 16
      if (bits > 16) chunk[at++] = value >>> 8
      if (bits > 24) chunk[at++] = value
    }
    this.#at = at
  }

  #family(family: 4 | 6): void {
    this.#u16(family === 4 ? 1 : 2)
    this.#chunk[this.#at++] = 1
  }

  #copy(from: Uint8Array, offset: number, length: number): void {
    const chunk = this.#chunk
    let at = this.#at
    for (let i = 0; i < length; i++) chunk[at++] = from[offset + i]!
    this.#at = at
  }

  #u16(value: number): void {
    this.#chunk[this.#at++] = value >>> 8
    this.#chunk[this.#at++] = value
  }

  #patch(at: number, value: number): void {
    this.#chunk[at] = value >>> 8
    this.#chunk[at + 1] = value
  }
}

/** Attributes over this leave no room for a prefix; such a route cannot be told without extended messages (RFC 8654). */
export const MAX_ATTRIBUTE_BYTES: number = MAX_MESSAGE_BYTES - HEADER_BYTES - 4 - 9 - 32 - 21
