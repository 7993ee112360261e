/**
 * AS_PATH (RFC 4271 §4.3 b, §5.1.2; four-octet numbers RFC 6793). Segments are sequences and sets; confederation
 * segments (RFC 5065) are parsed and refused, because we are in no confederation.
 */
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { AS_TRANS } from './open-message.ts'

export interface AsPathSegment {
  readonly kind: 'sequence' | 'set'
  /** 1 to 255 numbers, unsigned 32 bits. */
  readonly asns: readonly number[]
}

export type AsPath = readonly AsPathSegment[]

const AS_SET = 1
const AS_SEQUENCE = 2
const MAX_SEGMENT = 255

/** Reads to the end of `reader`; `undefined` for what RFC 7606 §7.2 calls malformed. */
export function decodeAsPath(reader: ByteReader, asnBytes: 2 | 4): AsPath | undefined {
  const segments: AsPathSegment[] = []
  while (reader.remaining > 0) {
    const type = reader.u8()
    const count = reader.u8()
    if ((type !== AS_SET && type !== AS_SEQUENCE) || count === 0) return undefined
    if (reader.isShort || reader.remaining < count * asnBytes) return undefined
    const asns: number[] = []
    for (let i = 0; i < count; i++) asns.push(asnBytes === 4 ? reader.u32() : reader.u16())
    segments.push({ kind: type === AS_SET ? 'set' : 'sequence', asns })
  }
  return segments
}

export function encodeAsPath(writer: ByteWriter, path: AsPath, asnBytes: 2 | 4): void {
  for (const segment of path) {
    writer.u8(segment.kind === 'set' ? AS_SET : AS_SEQUENCE).u8(segment.asns.length)
    for (const asn of segment.asns) {
      if (asnBytes === 4) writer.u32(asn)
      else writer.u16(asn > 0xffff ? AS_TRANS : asn)
    }
  }
}

/** RFC 4271 §9.1.2.2 a: each number of a sequence counts, a set counts as one. */
export function asPathLength(path: AsPath): number {
  return path.reduce((length, segment) => length + (segment.kind === 'set' ? 1 : segment.asns.length), 0)
}

export function asPathContains(path: AsPath, asn: number): boolean {
  return path.some((segment) => segment.asns.includes(asn))
}

/** Leftmost AS, 0 when the path is empty or starts with a set. */
export function leftmostAsn(path: AsPath): number {
  const first = path[0]
  return first === undefined || first.kind === 'set' ? 0 : first.asns[0]!
}

/** The last AS of the path, which originated the route; 0 when it is empty or ends with a set. */
export function originAsn(path: AsPath): number {
  const last = path.at(-1)
  return last === undefined || last.kind === 'set' ? 0 : last.asns.at(-1)!
}

/** RFC 4271 §5.1.2 b: our number goes in front, in a new segment when the first is a set or full. */
export function prependAsn(path: AsPath, asn: number, count = 1): AsPath {
  const added = Array<number>(count).fill(asn)
  const first = path[0]
  if (first === undefined || first.kind === 'set' || first.asns.length + count > MAX_SEGMENT) {
    return [{ kind: 'sequence', asns: added }, ...path]
  }
  return [{ kind: 'sequence', asns: [...added, ...first.asns] }, ...path.slice(1)]
}

/** `64512 65001 {65010,65011}`. */
export function formatAsPath(path: AsPath): string {
  return path.map(({ kind, asns }) => (kind === 'set' ? `{${asns.join(',')}}` : asns.join(' '))).join(' ')
}

export function needsFourOctets(path: AsPath): boolean {
  return path.some((segment) => segment.asns.some((asn) => asn > 0xffff))
}

/**
 * RFC 6793 §4.2.3: rebuilds the real path from what a two-octet speaker sent. The AS4_PATH covers the tail; what
 * the two-octet speakers prepended after it is kept from the AS_PATH. A longer AS4_PATH than AS_PATH is ignored.
 */
export function mergeAs4Path(path: AsPath, as4Path: AsPath): AsPath {
  let surplus = asPathLength(path) - asPathLength(as4Path)
  if (surplus < 0) return path
  const head: AsPathSegment[] = []
  for (const segment of path) {
    if (surplus === 0) break
    if (segment.kind === 'set') {
      head.push(segment)
      surplus--
    } else {
      const asns = segment.asns.slice(0, surplus)
      head.push({ kind: 'sequence', asns })
      surplus -= asns.length
    }
  }
  const last = head.at(-1)
  const next = as4Path[0]
  if (last?.kind === 'sequence' && next?.kind === 'sequence' && last.asns.length + next.asns.length <= MAX_SEGMENT) {
    const joined: AsPathSegment = { kind: 'sequence', asns: [...last.asns, ...next.asns] }
    return [...head.slice(0, -1), joined, ...as4Path.slice(1)]
  }
  return [...head, ...as4Path]
}
