/**
 * The frame arena: every frame of an emulation lives in a slot of one fixed WebAssembly.Memory, and a
 * frame *is* its slot index. Links, pipelines and packet engines hand indices over in batches; a frame that
 * crosses four hops is copied zero times.
 *
 * Memory layout (little-endian, offsets in bytes):
 *
 *     0                     descriptor of slot 0: start u32 | length u32 | packet u32 | taint u32
 *     16                    descriptor of slot 1 …
 *     dataOffset            slot 0 bytes, slot 1 bytes, … each `slotBytes` long
 *
 * `start` is an absolute offset into the memory, so generated code needs no slot arithmetic. A new frame starts at
 * `dataOffset + slot * slotBytes + headroom`; the head room is congruent to 2 modulo 4, so an untagged
 * Ethernet frame has its L3 header 4-byte aligned.
 *
 * Invariant: the memory never grows, so the typed-array views stay valid for the arena's life.
 * Invariant: a slot has one owner. Whoever holds the index frees it or passes it on, never both.
 */

/** Words per descriptor, and the word of each field. */
export const DESCRIPTOR_WORDS = 4
export const DESCRIPTOR_START = 0
export const DESCRIPTOR_LENGTH = 1
export const DESCRIPTOR_PACKET = 2
export const DESCRIPTOR_TAINT = 3

export interface ArenaOptions {
  /** How many frames may exist at once. */
  readonly slots?: number
  /** Bytes per slot, head room included; a multiple of 64. The default holds a 9216-byte frame. */
  readonly slotBytes?: number
  /** Bytes kept free in front of a new frame for encapsulation; congruent to 2 modulo 4. */
  readonly headroomBytes?: number
}

export class Arena {
  readonly memory: WebAssembly.Memory
  /** The whole memory as bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The same memory as a big-endian-capable view. */
  readonly view: DataView<ArrayBuffer>
  /** The descriptors: word `slot * DESCRIPTOR_WORDS + field`. */
  readonly descriptors: Uint32Array<ArrayBuffer>
  readonly slots: number
  readonly slotBytes: number
  readonly headroomBytes: number
  readonly dataOffset: number
  /** Allocations refused because no slot was free. */
  exhausted = 0
  readonly #free: Int32Array
  #freeCount: number
  #nextPacket = 1

  constructor(options: ArenaOptions = {}) {
    this.slots = options.slots ?? 4096
    this.slotBytes = options.slotBytes ?? 9728
    this.headroomBytes = options.headroomBytes ?? 254
    if (this.slotBytes % 64 !== 0) throw new Error('slotBytes must be a multiple of 64')
    if (this.headroomBytes % 4 !== 2) throw new Error('headroomBytes must be congruent to 2 modulo 4')
    this.dataOffset = Math.ceil((this.slots * DESCRIPTOR_WORDS * 4) / 64) * 64
    const pages = Math.ceil((this.dataOffset + this.slots * this.slotBytes) / 65536)
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const buffer = this.memory.buffer
    this.bytes = new Uint8Array(buffer)
    this.view = new DataView(buffer)
    this.descriptors = new Uint32Array(buffer, 0, this.slots * DESCRIPTOR_WORDS)
    this.#free = new Int32Array(this.slots)
    this.#freeCount = this.slots
    for (let i = 0; i < this.slots; i++) this.#free[i] = this.slots - 1 - i
  }

  /**
   * Takes a slot for a frame of `length` bytes, its bytes undefined. It gets a new packet number.
   * @returns the slot, or -1 when the arena is exhausted (counted) or the frame does not fit.
   */
  alloc(length: number): number {
    if (this.#freeCount === 0 || length > this.slotBytes - this.headroomBytes) {
      this.exhausted++
      return -1
    }
    const slot = this.#free[--this.#freeCount]!
    const at = slot * DESCRIPTOR_WORDS
    this.descriptors[at] = this.dataOffset + slot * this.slotBytes + this.headroomBytes
    this.descriptors[at + 1] = length
    this.descriptors[at + 2] = this.#nextPacket
    this.descriptors[at + 3] = 0
    this.#nextPacket = this.#nextPacket === 0xffffffff ? 1 : this.#nextPacket + 1
    return slot
  }

  /** A new frame with a copy of `frame`'s bytes; -1 when exhausted. */
  from(frame: Uint8Array): number {
    const slot = this.alloc(frame.length)
    if (slot >= 0) this.bytes.set(frame, this.start(slot))
    return slot
  }

  /** A second frame with the same bytes, packet number and taint (multicast, flooding); -1 when exhausted. */
  clone(slot: number): number {
    const length = this.length(slot)
    const copy = this.alloc(length)
    if (copy < 0) return -1
    const start = this.start(slot)
    this.bytes.copyWithin(this.start(copy), start, start + length)
    this.descriptors[copy * DESCRIPTOR_WORDS + 2] = this.packet(slot)
    this.descriptors[copy * DESCRIPTOR_WORDS + 3] = this.taint(slot)
    return copy
  }

  free(slot: number): void {
    this.#free[this.#freeCount++] = slot
  }

  get freeSlots(): number {
    return this.#freeCount
  }

  /** Absolute offset of the first byte. */
  start(slot: number): number {
    return this.descriptors[slot * DESCRIPTOR_WORDS]!
  }

  /** Frame length in bytes, without frame check sequence. */
  length(slot: number): number {
    return this.descriptors[slot * DESCRIPTOR_WORDS + 1]!
  }

  /** Absolute offset one past the last byte. */
  end(slot: number): number {
    return this.descriptors[slot * DESCRIPTOR_WORDS]! + this.descriptors[slot * DESCRIPTOR_WORDS + 1]!
  }

  /**
   * The packet number: given at allocation and kept across every hop, encapsulation and rewrite, so that
   * what happened to one packet can be told as one story. Never on the wire.
   */
  packet(slot: number): number {
    return this.descriptors[slot * DESCRIPTOR_WORDS + 2]!
  }

  /** Who sent it (a VNI, or 0 for outside): for checking isolation in tests. Never on the wire. */
  taint(slot: number): number {
    return this.descriptors[slot * DESCRIPTOR_WORDS + 3]!
  }

  setTaint(slot: number, taint: number): void {
    this.descriptors[slot * DESCRIPTOR_WORDS + 3] = taint
  }

  setLength(slot: number, length: number): void {
    this.descriptors[slot * DESCRIPTOR_WORDS + 1] = length
  }

  /**
   * Moves the frame's start by `delta` bytes: negative opens room in front (push), positive strips (pop).
   * @returns false, and changes nothing, when the head room or the frame is too small.
   */
  shift(slot: number, delta: number): boolean {
    const at = slot * DESCRIPTOR_WORDS
    const start = this.descriptors[at]! + delta
    const length = this.descriptors[at + 1]! - delta
    if (start < this.dataOffset + slot * this.slotBytes || length < 0) return false
    this.descriptors[at] = start
    this.descriptors[at + 1] = length
    return true
  }

  /** A view of the frame's bytes: for tests, captures and slow paths (it allocates). */
  peek(slot: number): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.start(slot), this.end(slot))
  }
}
