/**
 * A pipeline's private memory (memory 1) from the host's side: views, and an allocator for what tables need. Blocks come
 * in powers of two and go back to a free list per size. The memory grows; views are replaced when it does, so nobody
 * keeps one across an allocation.
 */
const SMALLEST_LOG2 = 6
const PAGE = 65536

export class StateMemory {
  readonly memory: WebAssembly.Memory
  u32!: Uint32Array<ArrayBuffer>
  i32!: Int32Array<ArrayBuffer>
  u64!: BigUint64Array<ArrayBuffer>
  bytes!: Uint8Array<ArrayBuffer>
  #top: number
  readonly #free: number[][] = Array.from({ length: 32 }, () => [])

  /** @param heapStart a multiple of 64; what lies below is laid out by the compiler. */
  constructor(heapStart: number) {
    this.#top = heapStart
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(heapStart / PAGE) + 1 })
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
    if (missing > 0) {
      // Growing by at least an eighth keeps the number of view replacements small.
      const wanted = Math.ceil(Math.max(missing, this.bytes.length / 8) / PAGE)
      this.memory.grow(wanted)
      this.#view()
    }
    this.#top += size
    return address
  }

  free(address: number, bytes: number): void {
    this.#free[Math.log2(StateMemory.blockBytes(bytes))]!.push(address)
  }

  #view(): void {
    const buffer = this.memory.buffer
    this.u32 = new Uint32Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u64 = new BigUint64Array(buffer)
    this.bytes = new Uint8Array(buffer)
  }
}
