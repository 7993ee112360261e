/**
 * Which entry of a table came closest to a key that found none. Computed over the entries as they stand, only when
 * somebody asks. Closest is: fewest fields that do not match; of those, fewest bits that differ (in a range: the fewest
 * digits of the distance); of those, the entry that pins down more bits, so that 10.0.2.0/24 is closer to 10.0.3.9 than
 * 10.0.4.0/22; then the older entry.
 */
import type { KeySet, MatchKind } from '@lodestone/p4'

export interface KeyField {
  readonly name: string
  readonly match: MatchKind
  readonly width: number
}

/** Why one field of an entry did not match. */
export interface FieldMiss {
  /** Index of the field among the table's keys. */
  readonly field: number
  readonly set: KeySet
  readonly value: bigint
  /** Bits that are compared and differ, counted from 1 at the most significant bit; none for a range. */
  readonly differingBits: readonly number[]
  /** For a range: how far the value lies outside. */
  readonly distance?: bigint
}

export interface NearestMiss {
  /** Index into the entries. */
  readonly index: number
  readonly fields: readonly FieldMiss[]
}

interface Score {
  readonly failed: number
  readonly bits: number
  readonly pinned: number
}

/** Undefined when there are no entries. `keys` without selector keys, as entries have none for them. */
export function nearestMiss(
  fields: readonly KeyField[],
  values: readonly bigint[],
  entries: Iterable<readonly KeySet[]>,
): NearestMiss | undefined {
  let best: readonly KeySet[] | undefined
  let bestIndex = -1
  let bestScore: Score = { failed: Infinity, bits: Infinity, pinned: 0 }
  let index = 0
  for (const entry of entries) {
    const score = scoreOf(fields, values, entry)
    // An entry that matches was added after the packet; it is not a miss.
    if (score.failed > 0 && isCloser(score, bestScore)) {
      best = entry
      bestIndex = index
      bestScore = score
    }
    index++
  }
  if (best === undefined) return undefined
  return { index: bestIndex, fields: fieldMisses(fields, values, best) }
}

/** The fields of an entry that do not match. */
export function fieldMisses(
  fields: readonly KeyField[],
  values: readonly bigint[],
  entry: readonly KeySet[],
): FieldMiss[] {
  return entry.flatMap((set, field): FieldMiss[] => {
    const { width } = fields[field]!
    const value = values[field]!
    if (set.kind === 'any') return []
    if (set.kind === 'range') {
      const distance = outside(set.low, set.high, value)
      return distance === 0n ? [] : [{ field, set, value, differingBits: [], distance }]
    }
    const differing = (value ^ set.value) & maskOf(set, width)
    return differing === 0n ? [] : [{ field, set, value, differingBits: bitPositions(differing, width) }]
  })
}

function scoreOf(fields: readonly KeyField[], values: readonly bigint[], entry: readonly KeySet[]): Score {
  let failed = 0
  let bits = 0
  let pinned = 0
  for (let k = 0; k < entry.length; k++) {
    const set = entry[k]!
    const { width } = fields[k]!
    const value = values[k]!
    if (set.kind === 'any') continue
    if (set.kind === 'range') {
      const distance = outside(set.low, set.high, value)
      pinned += width - bitLength(set.high - set.low)
      if (distance === 0n) continue
      failed++
      bits += bitLength(distance)
      continue
    }
    const mask = maskOf(set, width)
    pinned += ones(mask)
    const differing = (value ^ set.value) & mask
    if (differing === 0n) continue
    failed++
    bits += ones(differing)
  }
  return { failed, bits, pinned }
}

function isCloser(a: Score, b: Score): boolean {
  if (a.failed !== b.failed) return a.failed < b.failed
  if (a.bits !== b.bits) return a.bits < b.bits
  return a.pinned > b.pinned
}

/** The bits of a field that an entry compares. */
export function maskOf(set: Exclude<KeySet, { kind: 'any' | 'range' }>, width: number): bigint {
  const full = (1n << BigInt(width)) - 1n
  if (set.kind === 'exact') return full
  if (set.kind === 'ternary') return set.mask
  return full ^ ((1n << BigInt(width - set.length)) - 1n)
}

function outside(low: bigint, high: bigint, value: bigint): bigint {
  if (value < low) return low - value
  return value > high ? value - high : 0n
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length
}

function ones(value: bigint): number {
  let count = 0
  for (let rest = value; rest !== 0n; rest >>= 32n) {
    let word = Number(rest & 0xffffffffn)
    word -= (word >>> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
  }
  return count
}

/** Positions of the set bits, counted from 1 at the most significant bit of `width`. */
function bitPositions(bits: bigint, width: number): number[] {
  const found: number[] = []
  for (let position = 1; position <= width; position++) {
    if ((bits >> BigInt(width - position)) & 1n) found.push(position)
  }
  return found
}
