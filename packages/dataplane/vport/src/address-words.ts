/**
 * IP addresses as four signed 32-bit words, the form that flow keys, rules and transformations share. Word 0 is the most
 * significant; an IPv4 address has only word 0, the others are 0.
 */
import { Ip, type Prefix } from '@lodestone/net'

export type AddressWords = Int32Array

export function wordsOf(ip: Ip): AddressWords {
  const words = new Int32Array(4)
  const count = ip.family === 4 ? 1 : 4
  for (let i = 0; i < count; i++) words[i] = ip.word(i)
  return words
}

/** The address whose words begin at `at`. */
export function ipOfWords(words: Int32Array, at: number, family: 4 | 6): Ip {
  const bytes = new Uint8Array(16)
  const count = family === 4 ? 1 : 4
  for (let i = 0; i < count; i++) {
    const word = words[at + i]!
    bytes[i * 4] = word >>> 24
    bytes[i * 4 + 1] = word >>> 16
    bytes[i * 4 + 2] = word >>> 8
    bytes[i * 4 + 3] = word
  }
  return Ip.fromBytes(bytes, 0, family === 4 ? 4 : 16)
}

/** Whether the address at `at` of `words` is `address`. */
export function isAddress(words: Int32Array, at: number, family: 4 | 6, address: AddressWords): boolean {
  if (words[at] !== address[0]) return false
  return family === 4 || (words[at + 1] === address[1] && words[at + 2] === address[2] && words[at + 3] === address[3])
}

/** A prefix ready to be compared with words. */
export interface PrefixWords {
  readonly family: 4 | 6
  readonly value: Int32Array
  readonly mask: Int32Array
  readonly text: string
}

export function prefixWords(prefix: Prefix): PrefixWords {
  const masked = prefix.masked()
  return {
    family: prefix.family,
    value: wordsOf(masked.address),
    mask: maskWords(prefix.length),
    text: masked.toString(),
  }
}

/** By length. Thousands of rules share them. */
const masks: Int32Array[] = []

function maskWords(length: number): Int32Array {
  let mask = masks[length]
  if (mask === undefined) {
    mask = new Int32Array(4)
    for (let i = 0; i < 4; i++) {
      const bits = Math.min(32, Math.max(0, length - i * 32))
      mask[i] = bits === 0 ? 0 : -1 << (32 - bits)
    }
    masks[length] = mask
  }
  return mask
}

export function isInPrefix(words: Int32Array, at: number, family: number, prefix: PrefixWords): boolean {
  if (family !== prefix.family) return false
  const { value, mask } = prefix
  if ((words[at]! & mask[0]!) !== value[0]) return false
  return (
    family === 4 ||
    ((words[at + 1]! & mask[1]!) === value[1] &&
      (words[at + 2]! & mask[2]!) === value[2] &&
      (words[at + 3]! & mask[3]!) === value[3])
  )
}
