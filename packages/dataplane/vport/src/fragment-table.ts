/**
 * Fragments of datagrams whose first one has passed. A later fragment has no ports, so it belongs to the flow of the first;
 * addresses, protocol and identification (RFC 791 §2.3, RFC 8200 §4.5) say which that was. Nothing is put together here, but
 * what would be put together wrongly does not pass: overlaps (RFC 5722), a second beginning, a datagram beyond 65535 bytes.
 *
 * Invariant: memory is bounded: so many datagrams a port, so many fragments each. The oldest datagram makes room. Later
 * fragments that come before the first one wait elsewhere (`held-fragments.ts`).
 */
import {
  ddmHeaderLength,
  ddmNextHeader,
  Fragment,
  IPV4_MIN,
  IPV6_MIN,
  IpProtocol,
  ipv4FragmentOffset,
  ipv4Flags,
  ipv4HeaderLength,
  ipv4Identification,
  ipv6ExtHeaderLength,
  ipv6ExtNextHeader,
  ipv6FragmentFragmentOffset,
  ipv6FragmentIdentification,
  ipv6FragmentMore,
  ipv6NextHeader,
  ROW_END,
  ROW_FRAGMENT,
  ROW_L3,
} from '@lodestone/packet'
import { Drop } from './drop-reasons.ts'
import { metaAt, portsAt } from './flow-key.ts'
import type { Walk } from './walk.ts'
import { WordTable } from './word-table.ts'

export const DATAGRAMS = 256
/** Of one datagram: 65535 bytes in pieces of 1280 and more. */
export const FRAGMENTS = 64
/** As long as hosts wait for the rest. */
export const DATAGRAM_TTL_S = 30
const LARGEST_DATAGRAM = 65_535

/** Of a key: family, protocol and direction, identification, source, destination. */
export const DATAGRAM_KEY_WORDS = 10
const KEY_WORDS = DATAGRAM_KEY_WORDS
const AT_PORTS = KEY_WORDS
/** Seconds since the table was made. */
const AT_DEADLINE = KEY_WORDS + 1
/** How many fragments have passed; POISONED after an overlap. */
const AT_COUNT = KEY_WORDS + 2
/** Bytes that have passed, and how many there are in all (0: not known yet). */
const AT_PASSED = KEY_WORDS + 3
const AT_TOTAL = KEY_WORDS + 4
/** Of each fragment: where it begins << 16 | where it ends, in units of 8 bytes. */
const AT_PIECES = KEY_WORDS + 5
const ROW_WORDS = AT_PIECES + FRAGMENTS
const POISONED = -1

export class FragmentTable {
  readonly #table = new WordTable(KEY_WORDS, ROW_WORDS, 4)
  readonly #key = new Int32Array(KEY_WORDS)
  readonly #startMs: number
  /** Rows in the order in which they were entered; removed ones are -1. */
  readonly #ages = new Int32Array(DATAGRAMS * 2)
  #oldest = 0
  #newest = 0
  #hasKey = false

  constructor(nowMs: number) {
    this.#startMs = nowMs
  }

  /** Datagrams of which more is expected. */
  get count(): number {
    return this.#table.count
  }

  /** The datagram that `look` was asked about last; `undefined` where the fragment was nonsense. Valid until the next question. */
  get datagram(): Int32Array | undefined {
    return this.#hasKey ? this.#key : undefined
  }

  /**
   * Whether a fragment may pass, as far as fragments are concerned; of a later one the flow key gets its ports.
   * Only an overlap changes anything: then nothing of the datagram passes any more.
   * @returns a drop reason, or none.
   */
  look(walk: Walk): number {
    const problem = readPiece(walk)
    this.#hasKey = problem === Drop.none
    if (problem !== Drop.none) return problem
    const row = this.#find(walk)
    if (row < 0) return piece.from === 0 ? Drop.none : Drop.fragmentOrphan
    const { rows } = this.#table
    const at = row * ROW_WORDS
    const count = rows[at + AT_COUNT]!
    if (count === POISONED) return Drop.fragmentOverlap
    const overlap = this.#overlap(at, count)
    if (overlap !== Drop.none) {
      // The very same again is a copy that the network made.
      if (!walk.isDryRun && !piece.isSame) rows[at + AT_COUNT] = POISONED
      return overlap
    }
    if (count === FRAGMENTS) return Drop.fragmentTooMany
    if (piece.from > 0) walk.key[portsAt(walk.family)] = rows[at + AT_PORTS]!
    return Drop.none
  }

  /** Writes down that a fragment, which `look` has just admitted, passes. */
  pass(walk: Walk): void {
    let row = this.#find(walk)
    if (row < 0) row = this.#enter(walk)
    const { rows } = this.#table
    const at = row * ROW_WORDS
    const count = rows[at + AT_COUNT]!
    rows[at + AT_PIECES + count] = ((piece.from >> 3) << 16) | ((piece.to + 7) >> 3)
    rows[at + AT_COUNT] = count + 1
    rows[at + AT_PASSED] = rows[at + AT_PASSED]! + piece.to - piece.from
    if (!piece.hasMore) rows[at + AT_TOTAL] = piece.to
    if (rows[at + AT_PASSED] === rows[at + AT_TOTAL]) this.#remove(row)
  }

  #overlap(at: number, count: number): number {
    const { rows } = this.#table
    const from = piece.from >> 3
    const to = (piece.to + 7) >> 3
    piece.isSame = false
    for (let i = 0; i < count; i++) {
      const other = rows[at + AT_PIECES + i]!
      const otherFrom = other >>> 16
      const otherTo = other & 0xffff
      const isInside = from < otherTo && to > otherFrom
      // What calls itself the last one and is not is as bad as an overlap.
      if (!isInside && (piece.hasMore || otherTo <= to)) continue
      piece.isSame = from === otherFrom && to === otherTo
      return Drop.fragmentOverlap
    }
    const total = rows[at + AT_TOTAL]!
    // Behind what has called itself the last one, or a second last one.
    return total !== 0 && (piece.to > total || !piece.hasMore) ? Drop.fragmentOverlap : Drop.none
  }

  #enter(walk: Walk): number {
    if (this.#table.count === DATAGRAMS) this.#removeOldest()
    const row = this.#table.insert(this.#key)
    const { rows } = this.#table
    const at = row * ROW_WORDS
    rows[at + AT_PORTS] = walk.key[portsAt(walk.family)]!
    rows[at + AT_DEADLINE] = this.#secondsAt(walk.nowMs) + DATAGRAM_TTL_S
    if (this.#newest - this.#oldest === this.#ages.length) this.#removeOldest()
    this.#ages[this.#newest++ % this.#ages.length] = row
    return row
  }

  /** @returns the row of the datagram, or -1. */
  #find(walk: Walk): number {
    const key = this.#key
    const { family } = walk
    const meta = walk.key[metaAt(family)]!
    key[0] = (meta << 8) | family
    key[1] = piece.id
    const count = family === 4 ? 1 : 4
    for (let i = 0; i < 4; i++) {
      key[2 + i] = i < count ? walk.key[i]! : 0
      key[6 + i] = i < count ? walk.key[count + i]! : 0
    }
    const row = this.#table.find(key)
    if (row < 0) return -1
    const deadline = this.#table.rows[row * ROW_WORDS + AT_DEADLINE]!
    if (deadline >= this.#secondsAt(walk.nowMs)) return row
    if (!walk.isDryRun) this.#remove(row)
    return -1
  }

  #secondsAt(nowMs: number): number {
    return Math.floor((nowMs - this.#startMs) / 1000)
  }

  #remove(row: number): void {
    this.#table.remove(row)
    for (let i = this.#oldest; i < this.#newest; i++) {
      if (this.#ages[i % this.#ages.length] !== row) continue
      this.#ages[i % this.#ages.length] = -1
      break
    }
    while (this.#oldest < this.#newest && this.#ages[this.#oldest % this.#ages.length] === -1) this.#oldest++
  }

  #removeOldest(): void {
    const row = this.#ages[this.#oldest % this.#ages.length]!
    if (row >= 0) this.#remove(row)
    else this.#oldest++
  }
}

/** What is looked at; one for all, because nothing of it is kept. */
const piece = { id: 0, from: 0, to: 0, hasMore: false, isSame: false }

/** Reads identification and place from the packet's headers. @returns a drop reason, or none. */
function readPiece(walk: Walk): number {
  const { bytes, row, family } = walk
  const l3 = row[ROW_L3]!
  let payload: number
  if (family === 4) {
    piece.id = ipv4Identification(bytes, l3)
    piece.from = ipv4FragmentOffset(bytes, l3) * 8
    piece.hasMore = (ipv4Flags(bytes, l3) & 1) !== 0
    payload = l3 + Math.max(IPV4_MIN, ipv4HeaderLength(bytes, l3))
  } else {
    const header = fragmentHeader(bytes, l3)
    // Fragments of fragments: the parser speaks of the last such header.
    const isLater = ipv6FragmentFragmentOffset(bytes, header) !== 0
    if (isLater !== (row[ROW_FRAGMENT] === Fragment.later)) return Drop.badExtension
    piece.id = ipv6FragmentIdentification(bytes, header) | 0
    piece.from = ipv6FragmentFragmentOffset(bytes, header) * 8
    piece.hasMore = ipv6FragmentMore(bytes, header) !== 0
    payload = header + 8
  }
  const length = row[ROW_END]! - payload
  piece.to = piece.from + length
  if (length <= 0 || piece.to > LARGEST_DATAGRAM || (piece.hasMore && (length & 7) !== 0)) return Drop.badLength
  return Drop.none
}

/** The parser has gone over these headers, so they are all there. @returns offset of the fragment header. */
function fragmentHeader(bytes: Uint8Array, l3: number): number {
  let at = l3 + IPV6_MIN
  let next = ipv6NextHeader(bytes, l3)
  while (next !== IpProtocol.fragment) {
    const used = next === IpProtocol.ddm ? ddmHeaderLength(bytes, at) : ipv6ExtHeaderLength(bytes, at)
    next = next === IpProtocol.ddm ? ddmNextHeader(bytes, at) : ipv6ExtNextHeader(bytes, at)
    at += used
  }
  return at
}
