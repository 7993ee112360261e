/**
 * Which instruction is a word: a tree of switches on runs of constant bits. A leaf lists the instructions that remain,
 * whose masks are still to be compared; with a checked specification at most one of them fits.
 */
import type { Instruction } from '../spec/specification.ts'

export type DecisionTree =
  | { readonly kind: 'leaf'; readonly candidates: readonly number[] }
  /** On bits `shift` upward of limb `limb`; a value without a child is no instruction. */
  | {
      readonly kind: 'switch'
      readonly limb: number
      readonly shift: number
      readonly width: number
      readonly children: ReadonlyMap<number, DecisionTree>
    }

/** Wider switches make larger tables than they save steps. */
const MAX_SWITCH_BITS = 8
/** Beyond this the rest is compared one by one; instructions that constrain different bits could double it for ever. */
const MAX_NODES = 4096

export function buildDecisionTree(instructions: readonly Instruction[], width: number): DecisionTree {
  let nodes = 0
  const build = (candidates: readonly number[], tested: bigint): DecisionTree => {
    nodes += 1
    const masks = candidates.map((index) => (instructions[index]?.mask ?? 0n) & ~tested)
    const run = candidates.length > 1 && nodes < MAX_NODES ? bestRun(masks, width) : undefined
    if (run === undefined) return { kind: 'leaf', candidates }
    const { bit, count } = run
    const runMask = ((1n << BigInt(count)) - 1n) << BigInt(bit)
    const groups = new Map<number, number[]>()
    for (const [position, index] of candidates.entries()) {
      const match = instructions[index]?.match ?? 0n
      const known = (masks[position] ?? 0n) & runMask
      // An instruction that leaves bits of the run open goes wherever its other bits allow.
      for (let value = 0; value < 2 ** count; value++) {
        if (((match ^ (BigInt(value) << BigInt(bit))) & known) !== 0n) continue
        const group = groups.get(value)
        if (group === undefined) groups.set(value, [index])
        else group.push(index)
      }
    }
    const children = new Map<number, DecisionTree>()
    for (const [value, group] of [...groups].toSorted(([a], [b]) => a - b)) {
      children.set(value, build(group, tested | runMask))
    }
    return { kind: 'switch', limb: bit >> 5, shift: bit & 31, width: count, children }
  }
  return build([...instructions.keys()], 0n)
}

/** The longest run of bits that all candidates fix, else the one bit most of them fix; undefined when none tells them apart. */
function bestRun(
  masks: readonly bigint[],
  width: number,
): { readonly bit: number; readonly count: number } | undefined {
  const common = masks.reduce((sum, mask) => sum & mask, (1n << BigInt(width)) - 1n)
  let best: { readonly bit: number; readonly count: number } | undefined
  for (let bit = 0; bit < width; bit++) {
    let count = 0
    while (count < MAX_SWITCH_BITS && (bit & 31) + count < 32 && ((common >> BigInt(bit + count)) & 1n) === 1n)
      count += 1
    if (count > (best?.count ?? 0)) best = { bit, count }
    if (count > 0) bit += count - 1
  }
  if (best !== undefined) return best
  let bestFixed = 1
  for (let bit = 0; bit < width; bit++) {
    const fixed = masks.filter((mask) => ((mask >> BigInt(bit)) & 1n) === 1n).length
    if (fixed <= bestFixed) continue
    bestFixed = fixed
    best = { bit, count: 1 }
  }
  return best
}
