/**
 * A pipeline's private memory (memory 1) from the host's side: views, and an allocator for what tables need. Blocks come
 * in powers of two and go back to a free list per size. The memory grows; views are replaced when it does, so nobody
 * keeps one across an allocation.
 *
 * The memory is a shared one, although no other thread sees it: growing any other replaces its buffer, and V8, which counts that
 * as so many new bytes outside its heap, collects garbage then: a pause of many milliseconds in the middle of a write. A
 * shared one keeps its buffer and takes address space for all it may ever have; pages that nobody wrote to take no memory.
 */
import { STATE_PAGES_MAX } from '@lodestone/p4'

const SMALLEST_LOG2 = 6
const PAGE = 65536

export class StateMemory {
  readonly memory: WebAssembly.Memory
  u32!: Uint32Array
  i32!: Int32Array
  u64!: BigUint64Array
  f64!: Float64Array
  bytes!: Uint8Array
  #top: number
  #stamp = 0
  readonly #free: number[][] = Array.from({ length: 32 }, () => [])

  /** @param heapStart a multiple of 64; what lies below is laid out by the compiler. */
  constructor(heapStart: number) {
    this.#top = heapStart
    const initial = Math.ceil(heapStart / PAGE) + 1
    this.memory = new WebAssembly.Memory({ initial, maximum: STATE_PAGES_MAX, shared: true })
    this.#view()
  }

  /** The real size of a block of at least `bytes`. */
  static blockBytes(bytes: number): number {
    return 1 << Math.max(SMALLEST_LOG2, 32 - Math.clz32(bytes - 1))
  }

  /** @returns the address of a zeroed block, 64-byte aligned. Throws when the 4 GiB are used up. */
  alloc(bytes: number): number {
    const size = StateMemory.blockBytes(bytes)
    const reused = this.#free[Math.log2(size)]!.pop()
    if (reused !== undefined) {
      this.bytes.fill(0, reused, reused + size)
      return reused
    }
    const address = this.#top
    const missing = address + size - this.bytes.length
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE))
    this.#top += size
    return address
  }

  /** A number that was never given before, from 1. */
  stamp(): number {
    return ++this.#stamp
  }

  free(address: number, bytes: number): void {
    this.#free[Math.log2(StateMemory.blockBytes(bytes))]!.push(address)
  }

  #grow(pages: number): void {
    const present = this.bytes.length / PAGE
    this.memory.grow(Math.max(pages, Math.min(present, STATE_PAGES_MAX - present)))
    this.#view()
  }

  #view(): void {
    const buffer = this.memory.buffer
    this.u32 = new Uint32Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u64 = new BigUint64Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.bytes = new Uint8Array(buffer)
  }
}
