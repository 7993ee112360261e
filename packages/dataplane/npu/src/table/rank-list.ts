/**
 * The ranks of one tuple's entries, with how often each occurs; the highest is asked for after every write. Distinct ranks in
 * ascending order, in blocks of at most `BLOCK`: a write moves at most one block's ranks and the list of blocks, so none
 * takes long however many ranks there are. A heap with lazy removal would have to work off all removed ranks at once, and a
 * `Map` of ranks to rehash.
 */
interface Block {
  ranks: Float64Array<ArrayBuffer>
  counts: Uint32Array<ArrayBuffer>
  used: number
}

const BLOCK = 512
/** Most tuples have few entries. */
const BLOCK_MIN = 4

export class RankList {
  /** Ascending; none is empty. */
  readonly #blocks: Block[] = []

  add(rank: number): void {
    const blocks = this.#blocks
    if (blocks.length === 0) blocks.push(blockOf(BLOCK_MIN))
    let index = this.#blockIndex(rank)
    let block = blocks[index]!
    let at = placeOf(block, rank)
    if (at < block.used && block.ranks[at] === rank) {
      block.counts[at]!++
      return
    }
    if (block.used === BLOCK) {
      const upper = copyOf(block, BLOCK / 2, BLOCK, BLOCK)
      block.used = BLOCK / 2
      blocks.splice(++index, 0, upper)
      if (at > BLOCK / 2) {
        block = upper
        at -= BLOCK / 2
      }
    } else if (block.used === block.ranks.length) {
      block = copyOf(block, 0, block.used, 2 * block.used)
      blocks[index] = block
    }
    block.ranks.copyWithin(at + 1, at, block.used)
    block.counts.copyWithin(at + 1, at, block.used)
    block.ranks[at] = rank
    block.counts[at] = 1
    block.used++
  }

  /** The rank must have been added. */
  remove(rank: number): void {
    const index = this.#blockIndex(rank)
    const block = this.#blocks[index]!
    const at = placeOf(block, rank)
    if (--block.counts[at]! > 0) return
    block.ranks.copyWithin(at, at + 1, block.used)
    block.counts.copyWithin(at, at + 1, block.used)
    block.used--
    if (block.used === 0) this.#blocks.splice(index, 1)
  }

  /** The highest rank; undefined when there is none. */
  max(): number | undefined {
    const last = this.#blocks.at(-1)
    return last?.ranks[last.used - 1]
  }

  /** Of the last block that begins at or below a rank, or of the first. */
  #blockIndex(rank: number): number {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#blocks[middle]!.ranks[0]! <= rank) low = middle
      else high = middle - 1
    }
    return low
  }
}

function blockOf(size: number): Block {
  return { ranks: new Float64Array(size), counts: new Uint32Array(size), used: 0 }
}

/** A block of another size with part of this one's ranks. */
function copyOf(block: Block, from: number, to: number, size: number): Block {
  const copy = blockOf(size)
  copy.ranks.set(block.ranks.subarray(from, to))
  copy.counts.set(block.counts.subarray(from, to))
  copy.used = to - from
  return copy
}

/** Index of the first rank that is not lower. */
function placeOf(block: Block, rank: number): number {
  let low = 0
  let high = block.used
  while (low < high) {
    const middle = (low + high) >> 1
    if (block.ranks[middle]! < rank) low = middle + 1
    else high = middle
  }
  return low
}
