/**
 * The extendible hash of one table in memory 1 (Fagin et al. 1979): a directory, indexed by the upper bits of a tag, of
 * segments of `SEGMENT_BUCKETS` buckets. A segment that gets too full is split by the next bit of its tags; when it was
 * already told apart by as many bits as the directory has, the directory doubles first. So an insertion moves at most one
 * segment and copies at most the directory, 4 bytes for some 300 entries.
 */
import { SEGMENT_BUCKETS, TABLE_HEADER } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'

const SEGMENT_BYTES = 8 * SEGMENT_BUCKETS
const LIMIT = Math.floor(SEGMENT_BUCKETS * 0.5)
/** Tags have 32 bits, of which a segment uses ten. */
const DEPTH_MAX = 22
const MASK = SEGMENT_BUCKETS - 1

export class HashDirectory {
  readonly #header: number
  readonly #state: StateMemory
  /** Address of the directory in memory, and its size: 2^depth. */
  #address = 0
  #depth = 1
  /** By place in the directory: bits that tell the segment's tags apart, and buckets in use (kept at its first place). */
  #localDepth = new Uint8Array(0)
  #used = new Uint16Array(0)
  readonly #scratch = new Uint32Array(2 * SEGMENT_BUCKETS)

  constructor(header: number, state: StateMemory) {
    this.#header = header
    this.#state = state
    this.#start()
  }

  /** Where probing for a tag begins in its segment. */
  static home(tag: number): number {
    return (tag >>> 1) & MASK
  }

  static next(bucket: number): number {
    return (bucket + 1) & MASK
  }

  /** Word index of the segment that a tag belongs to. */
  segment(tag: number): number {
    return this.#state.u32[(this.#address >> 2) + this.#place(tag)]! >> 2
  }

  /** Enters an entry under a tag, for a key that is not there. */
  insert(tag: number, entry: number): void {
    while (this.#used[this.#first(this.#place(tag))]! >= LIMIT) {
      if (!this.#split(this.#place(tag))) break
    }
    const first = this.#first(this.#place(tag))
    if (this.#used[first] === SEGMENT_BUCKETS - 1) throw new Error('too many keys of a table have the same hash')
    this.#used[first]!++
    this.#put(this.segment(tag), tag, entry)
  }

  /** Empties the bucket at this word index and moves later ones of the same run back, so that no marker is needed. */
  vacate(tag: number, at: number): void {
    const { u32 } = this.#state
    const segment = this.segment(tag)
    let hole = (at - segment) >> 1
    for (let i = HashDirectory.next(hole); ; i = HashDirectory.next(i)) {
      const seen = u32[segment + 2 * i]!
      if (seen === 0) break
      // It may move back unless its home lies after the hole.
      if (((i - HashDirectory.home(seen)) & MASK) < ((i - hole) & MASK)) continue
      u32[segment + 2 * hole] = seen
      u32[segment + 2 * hole + 1] = u32[segment + 2 * i + 1]!
      hole = i
    }
    u32[segment + 2 * hole] = 0
    u32[segment + 2 * hole + 1] = 0
    this.#used[this.#first(this.#place(tag))]!--
  }

  clear(): void {
    const { u32 } = this.#state
    for (let place = 0; place < 2 ** this.#depth; place += 2 ** (this.#depth - this.#localDepth[place]!)) {
      this.#state.free(u32[(this.#address >> 2) + place]!, SEGMENT_BYTES)
    }
    this.#state.free(this.#address, 4 * 2 ** this.#depth)
    this.#start()
  }

  #start(): void {
    this.#depth = 1
    this.#localDepth = new Uint8Array(2)
    this.#used = new Uint16Array(2)
    const address = this.#state.alloc(8)
    const segment = this.#state.alloc(SEGMENT_BYTES)
    this.#state.u32[address >> 2] = segment
    this.#state.u32[(address >> 2) + 1] = segment
    this.#publish(address)
  }

  #publish(address: number): void {
    this.#address = address
    const { u32 } = this.#state
    u32[(this.#header + TABLE_HEADER.directory) >> 2] = address
    u32[(this.#header + TABLE_HEADER.directoryShift) >> 2] = 32 - this.#depth
  }

  #place(tag: number): number {
    return tag >>> (32 - this.#depth)
  }

  /** The first of the places that share this one's segment. */
  #first(place: number): number {
    const shared = this.#depth - this.#localDepth[place]!
    return (place >>> shared) << shared
  }

  #put(segment: number, tag: number, entry: number): void {
    const { u32 } = this.#state
    let i = HashDirectory.home(tag)
    while (u32[segment + 2 * i] !== 0) i = HashDirectory.next(i)
    u32[segment + 2 * i] = tag
    u32[segment + 2 * i + 1] = entry
  }

  /** Splits the segment of a place in two. @returns false when its tags have no more bits. */
  #split(place: number): boolean {
    const depth = this.#localDepth[place]!
    if (depth === DEPTH_MAX) return false
    if (depth === this.#depth) {
      this.#double()
      place *= 2
    }
    const created = this.#state.alloc(SEGMENT_BYTES)
    const { u32 } = this.#state
    const count = 2 ** (this.#depth - depth)
    const first = this.#first(place)
    const half = first + count / 2
    const directory = this.#address >> 2
    const old = u32[directory + first]!
    for (let k = first; k < first + count; k++) this.#localDepth[k] = depth + 1
    for (let k = half; k < first + count; k++) u32[directory + k] = created
    this.#scratch.set(u32.subarray(old >> 2, (old + SEGMENT_BYTES) >> 2))
    u32.fill(0, old >> 2, (old + SEGMENT_BYTES) >> 2)
    this.#used[first] = 0
    this.#used[half] = 0
    for (let k = 0; k < this.#scratch.length; k += 2) {
      const tag = this.#scratch[k]!
      if (tag === 0) continue
      const isUpper = ((tag >>> (31 - depth)) & 1) === 1
      this.#used[isUpper ? half : first]!++
      this.#put((isUpper ? created : old) >> 2, tag, this.#scratch[k + 1]!)
    }
    return true
  }

  #double(): void {
    const size = 2 ** this.#depth
    const address = this.#state.alloc(8 * size)
    const { u32 } = this.#state
    const localDepth = new Uint8Array(2 * size)
    const used = new Uint16Array(2 * size)
    for (let k = 0; k < size; k++) {
      const segment = u32[(this.#address >> 2) + k]!
      u32[(address >> 2) + 2 * k] = segment
      u32[(address >> 2) + 2 * k + 1] = segment
      localDepth[2 * k] = this.#localDepth[k]!
      localDepth[2 * k + 1] = this.#localDepth[k]!
      used[2 * k] = this.#used[k]!
    }
    const old = this.#address
    this.#localDepth = localDepth
    this.#used = used
    this.#depth++
    this.#publish(address)
    this.#state.free(old, 4 * size)
  }
}
