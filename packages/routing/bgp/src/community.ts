/**
 * Communities as text and as patterns: standard (RFC 1997), extended (RFC 4360, RFC 5668) and large (RFC 8092).
 *
 * Invariant: `parse…` of `format…` gives the same bytes back.
 */
import { Ip } from '@lodestone/net'

/** RFC 1997, RFC 3765, RFC 7999, RFC 8326. */
export const Community = {
  gracefulShutdown: 0xffff0000,
  blackhole: 0xffff029a,
  noExport: 0xffffff01,
  noAdvertise: 0xffffff02,
  noExportSubconfed: 0xffffff03,
  noPeer: 0xffffff04,
} as const

const NAMES: Readonly<Record<string, number>> = {
  'graceful-shutdown': Community.gracefulShutdown,
  blackhole: Community.blackhole,
  'no-export': Community.noExport,
  'no-advertise': Community.noAdvertise,
  'no-export-subconfed': Community.noExportSubconfed,
  'no-peer': Community.noPeer,
}

/** A value with wild cards: matches where `(word & mask) === value` for every word. */
export interface CommunityMatcher {
  readonly words: readonly number[]
  readonly masks: readonly number[]
}

export function isExact({ masks }: CommunityMatcher): boolean {
  return masks.every((mask) => mask === 0xffffffff)
}

export function matchesWords(matcher: CommunityMatcher, words: readonly number[], at = 0): boolean {
  return matcher.words.every((word, i) => ((words[at + i] ?? 0) & matcher.masks[i]!) >>> 0 === word)
}

/** `65001:100`, or the registered name. */
export function formatCommunity(community: number): string {
  const known = (Object.keys(Community) as (keyof typeof Community)[]).find((name) => Community[name] === community)
  return known ?? `${community >>> 16}:${community & 0xffff}`
}

/** `65001:100`, `65001:*`, `*:100`, a registered name in either spelling. */
export function parseCommunity(text: string): CommunityMatcher | undefined {
  const known =
    (Object.hasOwn(NAMES, text) ? NAMES[text] : undefined) ??
    (Object.hasOwn(Community, text) ? Community[text as keyof typeof Community] : undefined)
  if (known !== undefined) return { words: [known], masks: [0xffffffff] }
  const parts = text.split(':')
  if (parts.length !== 2) return undefined
  const high = field(parts[0]!, 0xffff)
  const low = field(parts[1]!, 0xffff)
  if (high === undefined || low === undefined) return undefined
  const mask = (((high.mask & 0xffff) << 16) | (low.mask & 0xffff)) >>> 0
  return { words: [((high.value << 16) | low.value) >>> 0], masks: [mask] }
}

/** `65001:1:2`; each of the three parts may be `*`. */
export function parseLargeCommunity(text: string): CommunityMatcher | undefined {
  const parts = text.split(':').map((part) => field(part, 0xffffffff))
  if (parts.length !== 3 || parts.includes(undefined)) return undefined
  // because undefined has just been excluded
  return { words: parts.map((part) => part!.value), masks: parts.map((part) => part!.mask) }
}

export function formatLargeCommunities(value: Uint8Array): readonly string[] {
  const words = wordsOf(value)
  return Array.from({ length: words.length / 3 }, (_, i) => words.slice(3 * i, 3 * i + 3).join(':'))
}

const SUBTYPES: Readonly<Record<string, number>> = { rt: 2, ro: 3 }

/** `rt:65001:100`, `rt:192.0.2.1:5`, `rt:*`, `ro:…`, or 16 hex digits. */
export function parseExtendedCommunity(text: string): CommunityMatcher | undefined {
  if (/^[0-9a-fA-F]{16}$/.test(text)) {
    return {
      words: [parseInt(text.slice(0, 8), 16), parseInt(text.slice(8), 16)],
      masks: [0xffffffff, 0xffffffff],
    }
  }
  const [name, ...rest] = text.split(':')
  const subtype = Object.hasOwn(SUBTYPES, name ?? '') ? SUBTYPES[name ?? ''] : undefined
  if (subtype === undefined) return undefined
  // Any administrator: the type byte says only how the rest is divided.
  if (rest.length === 1 && rest[0] === '*') return { words: [subtype << 16, 0], masks: [0x00ff0000, 0] }
  if (rest.length !== 2) return undefined
  const [administrator, number] = rest as [string, string]
  const address = Ip.parse(administrator)
  if (address?.family === 4) {
    const low = field(number, 0xffff)
    if (low === undefined) return undefined
    const word = address.word(0)
    return {
      words: [((0x01 << 24) | (subtype << 16) | (word >>> 16)) >>> 0, (((word & 0xffff) << 16) | low.value) >>> 0],
      masks: [0xffffffff, (0xffff0000 | (low.mask & 0xffff)) >>> 0],
    }
  }
  const asn = field(administrator, 0xffffffff)
  if (asn === undefined || asn.mask === 0) return undefined
  const isWide = asn.value > 0xffff
  const low = field(number, isWide ? 0xffff : 0xffffffff)
  if (low === undefined) return undefined
  if (!isWide) return { words: [((subtype << 16) | asn.value) >>> 0, low.value], masks: [0xffffffff, low.mask] }
  return {
    words: [
      ((0x02 << 24) | (subtype << 16) | (asn.value >>> 16)) >>> 0,
      (((asn.value & 0xffff) << 16) | low.value) >>> 0,
    ],
    masks: [0xffffffff, (0xffff0000 | (low.mask & 0xffff)) >>> 0],
  }
}

export function formatExtendedCommunities(value: Uint8Array): readonly string[] {
  const words = wordsOf(value)
  return Array.from({ length: words.length / 2 }, (_, i) => formatExtended(words[2 * i]!, words[2 * i + 1]!))
}

function formatExtended(high: number, low: number): string {
  const type = high >>> 24
  const name = Object.keys(SUBTYPES).find((key) => SUBTYPES[key] === ((high >>> 16) & 0xff))
  if (name !== undefined) {
    if (type === 0) return `${name}:${high & 0xffff}:${low}`
    const wide = (((high & 0xffff) << 16) | (low >>> 16)) >>> 0
    if (type === 1) return `${name}:${Ip.v4(wide)}:${low & 0xffff}`
    // A small number in the wide form would read back in the narrow one.
    if (type === 2 && wide > 0xffff) return `${name}:${wide}:${low & 0xffff}`
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}

/** Big-endian unsigned 32-bit words. */
export function wordsOf(value: Uint8Array): number[] {
  const words: number[] = []
  for (let i = 0; i + 4 <= value.length; i += 4) {
    words.push(((value[i]! << 24) | (value[i + 1]! << 16) | (value[i + 2]! << 8) | value[i + 3]!) >>> 0)
  }
  return words
}

export function bytesOf(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4)
  words.forEach((word, i) => {
    bytes[4 * i] = word >>> 24
    bytes[4 * i + 1] = word >>> 16
    bytes[4 * i + 2] = word >>> 8
    bytes[4 * i + 3] = word
  })
  return bytes
}

function field(text: string, max: number): { value: number; mask: number } | undefined {
  if (text === '*') return { value: 0, mask: 0 }
  if (!/^\d{1,10}$/.test(text) || Number(text) > max) return undefined
  return { value: Number(text), mask: 0xffffffff }
}
