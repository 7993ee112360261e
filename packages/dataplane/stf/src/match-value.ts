/** A value as an STF file writes it → the key set of an entry. */
import type { TableDescription } from '@lodestone/npu'
import type { StfMatch } from './statement.ts'

type Key = TableDescription['keys'][number]
export type KeySet =
  | { readonly kind: 'exact'; readonly value: bigint }
  | { readonly kind: 'lpm'; readonly value: bigint; readonly length: number }
  | { readonly kind: 'ternary'; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'any' }

/** What a key is that an entry does not mention: 0, or for all but exact ones anything. */
export function unmentioned(key: Key): KeySet {
  if (key.match === 'exact') return { kind: 'exact', value: 0n }
  return key.match === 'lpm' ? { kind: 'lpm', value: 0n, length: 0 } : { kind: 'any' }
}

/**
 * A sentence when the text does not fit the key. As BMv2 takes it: bits that its last byte has room for are cut off, and so
 * are those behind a prefix or outside a mask.
 */
export function keySetOf(key: Key, match: StfMatch): KeySet | string {
  const set = keySetAsWritten(key, match)
  if (typeof set === 'string' || set.kind === 'any') return set
  const value = inBytes(set.value, key.width)
  if (value >= 1n << BigInt(key.width)) return set
  if (set.kind === 'ternary') return { ...set, value: value & set.mask }
  if (set.kind === 'exact') return { ...set, value }
  const rest = BigInt(key.width - set.length)
  return { ...set, value: (value >> rest) << rest }
}

/** The low `width` bits of a value that fits as many bytes; others are left alone, and refused. */
export function inBytes(value: bigint, width: number): bigint {
  return value < 1n << BigInt(8 * Math.ceil(width / 8)) ? BigInt.asUintN(width, value) : value
}

function keySetAsWritten(key: Key, match: StfMatch): KeySet | string {
  const { value: text, prefixLength } = match
  const digits = digitsOf(text)
  switch (key.match) {
    case 'lpm': {
      const value = BigInt(text.replaceAll('*', '0'))
      if (prefixLength !== undefined) return lpm(key, value, prefixLength)
      // Without a length, it is the number of digits written; stars end it.
      const written = digits.bits === 0 ? value.toString(16).length : digits.text.replaceAll('*', '').length
      return lpm(key, value, Math.min(key.width, written * (digits.bits === 0 ? 4 : digits.bits)))
    }
    case 'ternary': {
      if (prefixLength !== undefined) return `'${key.name}' is a ternary key: it takes no prefix length`
      if (digits.bits === 0) {
        return `the value of the ternary key '${key.name}' must be hexadecimal or binary, so that its mask is clear: ${text}`
      }
      const ones = (1n << BigInt(digits.bits)) - 1n
      let mask = 0n
      for (const digit of digits.text) mask = (mask << BigInt(digits.bits)) | (digit === '*' ? 0n : ones)
      const full = (1n << BigInt(key.width)) - 1n
      return { kind: 'ternary', value: BigInt(text.replaceAll('*', '0')), mask: mask & full }
    }
    default:
      if (text.includes('*')) return `'${key.name}' is a key of kind ${key.match}: it takes no "don't care" digits`
      if (prefixLength !== undefined) return `'${key.name}' is a key of kind ${key.match}: it takes no prefix length`
      return { kind: 'exact', value: BigInt(text) }
  }
}

function lpm(key: Key, value: bigint, length: number): KeySet | string {
  if (length > key.width) return `/${length} is longer than the ${key.width} bits of '${key.name}'`
  return { kind: 'lpm', value, length }
}

/** Digits behind the prefix, and how many bits each stands for; 0 for decimal. */
function digitsOf(text: string): { readonly text: string; readonly bits: number } {
  if (/^0x/i.test(text)) return { text: text.slice(2), bits: 4 }
  if (/^0b/i.test(text)) return { text: text.slice(2), bits: 1 }
  return { text, bits: 0 }
}
