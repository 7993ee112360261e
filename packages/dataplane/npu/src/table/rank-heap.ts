/**
 * The ranks of one tuple's entries: add and remove in O(log n), maximum in O(1) amortised. A binary max-heap of distinct
 * ranks with counts; a rank whose count fell to 0 is removed when it surfaces.
 */
export class RankHeap {
  readonly #heap: number[] = []
  readonly #counts = new Map<number, number>()

  add(rank: number): void {
    const count = this.#counts.get(rank)
    if (count !== undefined) {
      this.#counts.set(rank, count + 1)
      return
    }
    this.#counts.set(rank, 1)
    const heap = this.#heap
    let at = heap.push(rank) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]! >= rank) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = rank
  }

  remove(rank: number): void {
    this.#counts.set(rank, this.#counts.get(rank)! - 1)
  }

  /** The highest rank; undefined when there is none. */
  max(): number | undefined {
    const heap = this.#heap
    for (;;) {
      const top = heap[0]
      if (top === undefined) return undefined
      if (this.#counts.get(top)! > 0) return top
      this.#counts.delete(top)
      this.#pop()
    }
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]! > heap[child]!) child++
      if (heap[child]! <= last) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}
