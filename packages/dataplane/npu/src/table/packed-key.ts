/**
 * Control-plane keys ↔ packed key words (see the layout of `@lodestone/p4`). A packed key says the same thing in one way
 * only: bits outside a mask are zero, which is asked of writes, too; `any` is a zero mask or the whole range.
 */
import type { KeyLayout, KeySet, TableLayout } from '@lodestone/p4'
import type { TableError } from '../pipeline.ts'

export interface PackedKey {
  /** Value and mask per hashed word. */
  readonly words: BigUint64Array<ArrayBuffer>
  readonly masks: BigUint64Array<ArrayBuffer>
  /** The masks once more: comparing them makes no BigInts. */
  readonly maskWords: Uint32Array<ArrayBuffer>
  readonly low: BigUint64Array<ArrayBuffer>
  readonly high: BigUint64Array<ArrayBuffer>
  /** Sum of the prefix lengths. */
  prefixLength: number
}

export function emptyKey(table: TableLayout): PackedKey {
  const masks = new BigUint64Array(table.words)
  return {
    words: new BigUint64Array(table.words),
    masks,
    maskWords: new Uint32Array(masks.buffer),
    low: new BigUint64Array(table.rangeWords),
    high: new BigUint64Array(table.rangeWords),
    prefixLength: 0,
  }
}

const WORD = (1n << 64n) - 1n

/** 2^width - 1 of the widths that occur. */
const ONES: bigint[] = []

export function ones(width: number): bigint {
  return (ONES[width] ??= (1n << BigInt(width)) - 1n)
}

/** @param packed a key of this table that is overwritten: packing allocates little, so that writes cause few collections. */
export function packKey(table: TableLayout, keys: readonly KeySet[], packed: PackedKey): PackedKey | TableError {
  packed.words.fill(0n)
  packed.masks.fill(0n)
  packed.low.fill(0n)
  packed.high.fill(0n)
  packed.prefixLength = 0
  let taken = 0
  for (let k = 0; k < table.keys.length; k++) {
    const key = table.keys[k]!
    if (key.match === 'selector') continue
    const set = keys[taken++]
    if (set === undefined) return wrongCount(table, keys)
    const message = packField(packed, key, set)
    if (message !== undefined) return { kind: 'badKey', key: key.name, message }
  }
  return taken === keys.length ? packed : wrongCount(table, keys)
}

function wrongCount(table: TableLayout, keys: readonly KeySet[]): TableError {
  const fields = table.keys.filter((key) => key.match !== 'selector')
  const names = fields.map((key) => key.name).join(', ')
  return {
    kind: 'badKey',
    key: fields[keys.length]?.name ?? '',
    message: `${table.name} has ${fields.length} keys (${names}), not ${keys.length}`,
  }
}

function packField(packed: PackedKey, key: KeyLayout, set: KeySet): string | undefined {
  const { width } = key
  const full = ones(width)
  if (key.match === 'range') {
    if (set.kind === 'lpm' || set.kind === 'ternary') return `a range key takes a range, not ${set.kind}`
    const low = set.kind === 'range' ? set.low : set.kind === 'exact' ? set.value : 0n
    const high = set.kind === 'range' ? set.high : set.kind === 'exact' ? set.value : full
    const message = tooWide(low, width, full) ?? tooWide(high, width, full)
    if (message !== undefined) return message
    if (low > high) return `the range ${low}..${high} is empty`
    put(packed.low, key, low)
    put(packed.high, key, high)
    return undefined
  }
  if (set.kind === 'range') return `${key.match} takes no range`
  if (set.kind === 'any') return key.match === 'exact' ? 'an exact key needs a value' : undefined
  const wide = tooWide(set.value, width, full)
  if (wide !== undefined) return wide
  let mask = full
  if (set.kind === 'lpm') {
    if (key.match === 'optional') return 'an optional key is a value or any'
    if (!Number.isInteger(set.length) || set.length < 0 || set.length > width) {
      return `prefix length ${set.length} is not between 0 and ${width}`
    }
    if (key.match === 'exact' && set.length !== width) return 'an exact key has no prefix length'
    mask = full ^ ones(width - set.length)
  } else if (set.kind === 'ternary') {
    if (key.match !== 'ternary' && set.mask !== full) return `${key.match} takes no mask`
    const message = tooWide(set.mask, width, full)
    if (message !== undefined) return `mask: ${message}`
    mask = set.mask
  }
  const value = set.value & mask
  // P4Runtime §9.1.1: bits that do not take part in the match are zero.
  if (value !== set.value) return notCanonical(set, value)
  if (key.match === 'lpm') packed.prefixLength += set.kind === 'lpm' ? set.length : width
  put(packed.words, key, value)
  put(packed.masks, key, mask)
  return undefined
}

function notCanonical(set: Exclude<KeySet, { kind: 'range' | 'any' }>, value: bigint): string {
  const hex = (number: bigint): string => `0x${number.toString(16)}`
  const where =
    set.kind === 'lpm' ? `behind /${set.length}` : set.kind === 'ternary' ? `outside the mask ${hex(set.mask)}` : ''
  return `${hex(set.value)} has bits set ${where}: without them it is ${hex(value)}`
}

/** The same set with all bits zero that do not take part in the match: the language allows others. */
export function canonical(set: KeySet, width: number): KeySet {
  if (set.kind === 'ternary') return { ...set, value: set.value & set.mask }
  if (set.kind !== 'lpm') return set
  return { ...set, value: set.value & (ones(width) ^ ones(width - set.length)) }
}

function tooWide(value: bigint, width: number, full: bigint): string | undefined {
  return value < 0n || value > full ? `${value} does not fit into ${width} bits` : undefined
}

function put(words: BigUint64Array, key: KeyLayout, value: bigint): void {
  if (key.width <= 64) {
    const field = key.isSwapped ? swapped(value, key.width) : value
    words[key.word] = words[key.word]! | (field << BigInt(key.shift))
    return
  }
  for (let k = 0; 64 * k < key.width; k++) {
    const word = (value >> BigInt(64 * k)) & WORD
    words[key.word + k] = key.isSwapped ? swapped(word, 64) : word
  }
}

const BYTES = new DataView(new ArrayBuffer(8))

/** A value of up to 64 bits, in whole bytes, with its bytes the other way round. */
export function swapped(value: bigint, width: number): bigint {
  BYTES.setBigUint64(0, value << BigInt(64 - width))
  return BYTES.getBigUint64(0, true)
}

function take(words: BigUint64Array, key: KeyLayout): bigint {
  if (key.width <= 64) {
    const field = (words[key.word]! >> BigInt(key.shift)) & ones(key.width)
    return key.isSwapped ? swapped(field, key.width) : field
  }
  let value = 0n
  for (let k = 0; 64 * k < key.width; k++) {
    const word = words[key.word + k]!
    value |= (key.isSwapped ? swapped(word, 64) : word) << BigInt(64 * k)
  }
  return value
}

/** The key as the control plane would write it. */
export function unpackKey(table: TableLayout, packed: PackedKey): KeySet[] {
  return table.keys
    .filter((key) => key.match !== 'selector')
    .map((key): KeySet => {
      const full = ones(key.width)
      if (key.match === 'range') {
        const low = take(packed.low, key)
        const high = take(packed.high, key)
        return low === 0n && high === full ? { kind: 'any' } : { kind: 'range', low, high }
      }
      const value = take(packed.words, key)
      const mask = take(packed.masks, key)
      if (key.match === 'exact') return { kind: 'exact', value }
      if (key.match === 'lpm') return { kind: 'lpm', value, length: prefixLength(mask, key.width) }
      if (mask === 0n) return { kind: 'any' }
      return key.match === 'optional' ? { kind: 'exact', value } : { kind: 'ternary', value, mask }
    })
}

function prefixLength(mask: bigint, width: number): number {
  let length = 0
  while (length < width && (mask >> BigInt(width - 1 - length)) & 1n) length++
  return length
}
