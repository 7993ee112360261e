/**
 * The WebAssembly memory that holds all flows of an engine (`kernel/layout.ts`), and who uses which part of it. It grows in
 * place and is never copied: half a million flows more do not mean a pause. For that it is a shared memory, although no other
 * thread sees it: growing any other replaces its buffer, and V8, which counts that as so many new bytes outside its heap, collects
 * all garbage then, for tens of milliseconds.
 *
 * Invariant: `words` and `view` are replaced when the memory grows. Read the property again after anything that may
 * allocate; addresses stay valid.
 */
import { FLOW_PAGES_MAX, REGIONS } from './kernel/layout.ts'

const PAGE_BYTES = 65_536
const STEP_PAGES = 16
const LINE_BYTES = 64

export class FlowMemory {
  readonly memory: WebAssembly.Memory
  words!: Int32Array
  view!: DataView
  /** The part that is handed out next, and whether it was never used, so that it is zero. */
  #at = REGIONS
  #end = PAGE_BYTES
  #isFresh = true
  /** Parts that were given back, to be handed out again. */
  readonly #free: { readonly at: number; readonly end: number }[] = []

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: FLOW_PAGES_MAX, shared: true })
    this.#look()
  }

  get bytes(): number {
    return this.memory.buffer.byteLength
  }

  /**
   * Takes a region that begins at a cache line.
   * @returns its address, or 0 when the memory is exhausted. The bytes are zero only where `isZero` asks for it.
   */
  take(bytes: number, isZero = false): number {
    const size = Math.ceil(bytes / LINE_BYTES) * LINE_BYTES
    while (this.#at + size > this.#end) if (!this.#more(size)) return 0
    const at = this.#at
    this.#at += size
    if (isZero && !this.#isFresh) this.words.fill(0, at / 4, (at + size) / 4)
    return at
  }

  /** Takes a region of zeros that was never used, so that the operating system's empty pages serve. */
  takeFresh(bytes: number): number {
    const at = this.bytes
    if (!this.#grow(Math.ceil(bytes / PAGE_BYTES))) return 0
    return at
  }

  /** Gives a region back. */
  give(at: number, bytes: number): void {
    this.#free.push({ at, end: at + bytes })
  }

  #more(size: number): boolean {
    if (size <= STEP_PAGES * PAGE_BYTES) {
      const region = this.#free.pop()
      if (region !== undefined) {
        this.#at = region.at
        this.#end = region.end
        this.#isFresh = false
        return true
      }
    }
    const from = this.bytes
    // In steps that grow along, so that the views are made anew a few dozen times at most.
    const step = Math.max(STEP_PAGES, Math.floor(from / PAGE_BYTES / 4))
    if (!this.#grow(Math.max(step, Math.ceil(size / PAGE_BYTES)))) return false
    if (this.#end !== from || !this.#isFresh) this.#at = from
    this.#isFresh = true
    this.#end = this.bytes
    return true
  }

  #grow(pages: number): boolean {
    if (this.bytes / PAGE_BYTES + pages > FLOW_PAGES_MAX) return false
    try {
      this.memory.grow(pages)
    } catch {
      // The operating system has no more: as full as a full table.
      return false
    }
    this.#look()
    return true
  }

  #look(): void {
    this.words = new Int32Array(this.memory.buffer)
    this.view = new DataView(this.memory.buffer)
  }
}
