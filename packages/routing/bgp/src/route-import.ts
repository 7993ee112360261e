/**
 * The way of UPDATEs into the adj-RIB-in (RFC 4271 §9). Attributes are judged once per distinct byte string (`OfferBook`), prefixes are read from the
 * message straight into the RIB's arrays: no object is made per route.
 *
 * `take` handles the UPDATEs that are in order, which are nearly all; it changes nothing and returns false for any
 * other. Those are decoded with `decodeUpdate`, and come here again as prefixes and attribute sets.
 * Invariant: both ways lead to the same RIB (property test).
 */
import { Ip, type Prefix } from '@lodestone/net'
import { type Adjacency, type Announcement, type Offer, PathFlag, type Rib, RouteFlag } from '@lodestone/rib'
import { type Family, familyOf } from './address-family.ts'
import { scan, scanAttributes } from './attribute-scan.ts'
import { AttributeBook } from './attribute-book.ts'
import { AttributeSet } from './attribute-set.ts'
import { isNlri } from './nlri.ts'
import { OfferBook } from './offer-book.ts'
import { type ImportContext, RouteJudge } from './route-judgement.ts'

const HEADER = 19

/** What is told about the prefixes of an UPDATE. */
export interface ImportCounts {
  announced: number
  withdrawn: number
  overLimit: number
}

export interface ImporterOptions {
  readonly rib: Rib
  readonly adjacency: Adjacency
  readonly context: ImportContext
  readonly counts: ImportCounts
  readonly addPath: readonly Family[]
  /** Prefixes per family beyond which new ones are not taken; Infinity for none. */
  readonly ceiling: (family: Family) => number
  /** Shared by the peers of a speaker that are all internal or all external; default: its own. */
  readonly attributes?: AttributeBook | undefined
}

export class Importer {
  readonly #rib: Rib
  readonly #adjacency: Adjacency
  readonly #counts: ImportCounts
  readonly #pathIds4: boolean
  readonly #pathIds6: boolean
  readonly #ceiling: (family: Family) => number
  #context: ImportContext
  readonly #book: OfferBook

  constructor(options: ImporterOptions) {
    this.#rib = options.rib
    this.#adjacency = options.adjacency
    this.#context = options.context
    this.#book = new OfferBook(
      options.adjacency,
      new RouteJudge(options.context),
      options.attributes ?? new AttributeBook(),
    )
    this.#counts = options.counts
    this.#pathIds4 = options.addPath.includes(4)
    this.#pathIds6 = options.addPath.includes(6)
    this.#ceiling = options.ceiling
  }

  /** Distinct attribute strings and next hops held. */
  get entryCount(): number {
    return this.#book.size
  }

  /** The session has ended; its paths may stay. */
  close(): void {
    this.#book.close()
  }

  // --- UPDATEs in order -------------------------------------------------------------------------------------------

  /** @param start of the message with its header. @returns false, with nothing changed, when `decodeUpdate` has to look. */
  take(bytes: Uint8Array, start: number, end: number): boolean {
    const withdrawnAt = start + HEADER + 2
    const withdrawnEnd = withdrawnAt + u16(bytes, start + HEADER)
    if (withdrawnEnd + 2 > end) return false
    const attributesAt = withdrawnEnd + 2
    const attributesEnd = attributesAt + u16(bytes, withdrawnEnd)
    if (attributesEnd > end || !this.#context.session.isFourOctetAs) return false
    const hasIds = this.#pathIds4
    if (!isNlri(bytes, withdrawnAt, withdrawnEnd, 4, hasIds) || !isNlri(bytes, attributesEnd, end, 4, hasIds))
      return false
    const hasNlri = attributesEnd < end
    if (attributesAt === attributesEnd) {
      if (hasNlri || withdrawnAt === withdrawnEnd) return false
      this.#withdraw4(bytes, withdrawnAt, withdrawnEnd)
      return true
    }
    if (hasNlri) {
      const known = this.#book.find(bytes, attributesAt, attributesEnd)
      if (known !== undefined) {
        // What is in this table had no MP attributes and no errors.
        if (withdrawnAt < withdrawnEnd) this.#withdraw4(bytes, withdrawnAt, withdrawnEnd)
        this.#announce4(bytes, attributesEnd, end, known)
        return true
      }
    }
    if (!scanAttributes(bytes, attributesAt, attributesEnd, this.#context.session.isExternal)) return false
    if (scan.mpReachAt >= 0 || scan.mpUnreachAt >= 0) {
      if (hasNlri || withdrawnAt < withdrawnEnd) return false
      return this.#takeMp(bytes, attributesAt, attributesEnd)
    }
    if (hasNlri && (!scan.isComplete || scan.nextHopAt < 0)) return false
    // Before the withdrawals, which may free the number that was just found.
    const head = hasNlri ? this.#book.add(bytes, attributesAt, attributesEnd) : undefined
    if (withdrawnAt < withdrawnEnd) this.#withdraw4(bytes, withdrawnAt, withdrawnEnd)
    if (head !== undefined) {
      this.#announce4(bytes, attributesEnd, end, head)
      // Nothing was taken, over a limit for example: then nothing is kept either.
      this.#book.dropUnused(head)
    }
    return true
  }

  /** MP_REACH_NLRI, MP_UNREACH_NLRI or both, of families that we know, in order. The scan is of these attributes. */
  #takeMp(bytes: Uint8Array, attributesAt: number, attributesEnd: number): boolean {
    const { mpUnreachAt, mpReachAt } = scan
    const reachFamily = mpReachAt < 0 ? undefined : this.#familyAt(bytes, scan.mpReachValueAt, scan.mpReachEnd)
    const unreachFamily = mpUnreachAt < 0 ? undefined : this.#familyAt(bytes, scan.mpUnreachValueAt, scan.mpUnreachEnd)
    if ((mpReachAt >= 0 && reachFamily === undefined) || (mpUnreachAt >= 0 && unreachFamily === undefined)) return false
    const unreachAt = scan.mpUnreachValueAt + 3
    const unreachEnd = scan.mpUnreachEnd
    if (unreachFamily !== undefined) {
      if (unreachAt === unreachEnd) return false // the end-of-RIB marker
      if (!isNlri(bytes, unreachAt, unreachEnd, unreachFamily, this.#hasIds(unreachFamily))) return false
    }
    if (reachFamily === undefined) {
      if (unreachFamily !== undefined) this.#withdraw(bytes, unreachAt, unreachEnd, unreachFamily)
      return true
    }
    const nextHopAt = scan.mpReachValueAt + 4
    const nextHopLength = bytes[nextHopAt - 1]!
    const nlriAt = nextHopAt + nextHopLength + 1
    const nlriEnd = scan.mpReachEnd
    const isAddress = nextHopLength === 16 || nextHopLength === 32 || (reachFamily === 4 && nextHopLength === 4)
    if (!scan.isComplete || !isAddress || nlriAt > nlriEnd) return false
    if (!isNlri(bytes, nlriAt, nlriEnd, reachFamily, this.#hasIds(reachFamily))) return false
    if (unreachFamily !== undefined) this.#withdraw(bytes, unreachAt, unreachEnd, unreachFamily)
    const head =
      this.#book.findMp(bytes, attributesAt, attributesEnd, nextHopAt, nextHopLength, reachFamily) ??
      this.#book.addMp(this.#mpNextHop(bytes, nextHopAt, nextHopLength))
    if (reachFamily === 4) this.#announce4(bytes, nlriAt, nlriEnd, head)
    else this.#announce6(bytes, nlriAt, nlriEnd, head)
    this.#book.dropUnused(head)
    return true
  }

  /** The family of an MP attribute, when it is one of this session's. */
  #familyAt(bytes: Uint8Array, at: number, end: number): Family | undefined {
    if (at + 3 > end) return undefined
    const family = familyOf(u16(bytes, at), bytes[at + 2]!)
    return family !== undefined && this.#context.session.families.includes(family) ? family : undefined
  }

  #hasIds(family: Family): boolean {
    return family === 4 ? this.#pathIds4 : this.#pathIds6
  }

  /** RFC 2545 §3: a link-local address beside the global one is for those who share the link. */
  #mpNextHop(bytes: Uint8Array, at: number, length: number): Ip {
    const first = Ip.fromBytes(bytes, at, length === 4 ? 4 : 16)
    return length === 32 ? this.chooseNextHop(first, Ip.fromBytes(bytes, at + 16, 16)) : first
  }

  chooseNextHop(global: Ip, linkLocal: Ip | undefined): Ip {
    if (linkLocal === undefined || !linkLocal.isLinkLocal) return global
    const isOnLink = this.#adjacency.source.bgp?.peerAddress.isLinkLocal === true
    return global.isUnspecified || global.isLinkLocal || isOnLink ? linkLocal : global
  }

  #announce4(bytes: Uint8Array, start: number, end: number, head: Offer): void {
    const adjacency = this.#adjacency
    const { v4 } = this.#rib.store
    const hasIds = this.#pathIds4
    const isCommon = !this.#book.judge.dependsOnPrefix && this.#ceiling(4) === Infinity
    for (let at = start; at < end;) {
      let pathId = 0
      if (hasIds) {
        pathId = u32(bytes, at)
        at += 4
      }
      const length = bytes[at]!
      const count = (length + 7) >> 3
      let word = 0
      if (count > 0) word = bytes[at + 1]! << 24
      if (count > 1) word |= bytes[at + 2]! << 16
      if (count > 2) word |= bytes[at + 3]! << 8
      if (count > 3) word |= bytes[at + 4]!
      word = length === 0 ? 0 : (word & (0xffffffff << (32 - length))) >>> 0
      at += 1 + count
      this.#counts.announced++
      const index = v4.insert(word, 0, 0, 0, length)
      // A host route may be the way to its own next hop.
      const isPlain = isCommon && length !== 32 && (v4.flags[index]! & RouteFlag.originated) === 0
      if (isPlain) adjacency.put(index * 2, pathId, head)
      else this.#announceOne(index * 2, pathId, head)
    }
  }

  #announce6(bytes: Uint8Array, start: number, end: number, head: Offer): void {
    const { v6 } = this.#rib.store
    const isCommon = !this.#book.judge.dependsOnPrefix && this.#ceiling(6) === Infinity
    for (let at = start; at < end;) {
      let pathId = 0
      if (this.#pathIds6) {
        pathId = u32(bytes, at)
        at += 4
      }
      const length = bytes[at]!
      const count = (length + 7) >> 3
      const index = v6.insert(
        word6(bytes, at + 1, count, length, 0),
        word6(bytes, at + 1, count, length, 1),
        word6(bytes, at + 1, count, length, 2),
        word6(bytes, at + 1, count, length, 3),
        length,
      )
      at += 1 + count
      this.#counts.announced++
      const isPlain = isCommon && length !== 128 && (v6.flags[index]! & RouteFlag.originated) === 0
      if (isPlain) this.#adjacency.put(index * 2 + 1, pathId, head)
      else this.#announceOne(index * 2 + 1, pathId, head)
    }
  }

  /** A route that is judged by itself. */
  #announceOne(ref: number, pathId: number, head: Offer): void {
    const { store } = this.#rib
    const family = (ref & 1) === 1 ? 6 : 4
    const isNew = store.findPath(ref, this.#adjacency.id, pathId) < 0
    if (isNew && this.#adjacency.pathCountOf(family) >= this.#ceiling(family)) {
      this.#counts.overLimit++
      store.collect(ref)
      return
    }
    this.#adjacency.put(ref, pathId, this.#variant(ref, head))
  }

  #variant(ref: number, head: Offer): Offer {
    const prefix = this.#rib.store.prefix(ref)
    const attributes = head.received as AttributeSet // because heads are made of received attributes only
    const nextHop = head.receivedNextHop ?? head.nextHop
    const special = this.#specialRefusal(ref, prefix, attributes, nextHop)
    if (special === undefined && !this.#book.judge.dependsOnPrefix) return head
    const announcement = special ?? this.#book.judge.judge(attributes, nextHop, prefix)
    return this.#book.variant(head, announcement)
  }

  #specialRefusal(ref: number, prefix: Prefix, attributes: AttributeSet, nextHop: Ip): Announcement | undefined {
    const base = { nextHop, nextHopInterface: this.#context.interface, attributes, received: attributes }
    if ((this.#rib.store.table(ref).flags[ref >>> 1]! & RouteFlag.originated) !== 0) {
      return { ...base, unusable: { code: 'locally-originated', sentence: 'this router originates the prefix' } }
    }
    if (prefix.length === nextHop.bytes.length * 8 && prefix.address.equals(nextHop)) {
      return {
        ...base,
        unusable: { code: 'next-hop-is-prefix', sentence: 'the next hop is reachable only through itself' },
      }
    }
    return undefined
  }

  #withdraw(bytes: Uint8Array, start: number, end: number, family: Family): void {
    if (family === 4) this.#withdraw4(bytes, start, end)
    else this.#withdraw6(bytes, start, end)
  }

  #withdraw4(bytes: Uint8Array, start: number, end: number): void {
    const { v4 } = this.#rib.store
    for (let at = start; at < end;) {
      let pathId = 0
      if (this.#pathIds4) {
        pathId = u32(bytes, at)
        at += 4
      }
      const length = bytes[at]!
      const count = (length + 7) >> 3
      const word = word6(bytes, at + 1, count, length, 0)
      at += 1 + count
      this.#counts.withdrawn++
      const index = v4.find(word, 0, 0, 0, length)
      if (index >= 0) this.#adjacency.take(index * 2, pathId)
    }
  }

  #withdraw6(bytes: Uint8Array, start: number, end: number): void {
    const { v6 } = this.#rib.store
    for (let at = start; at < end;) {
      let pathId = 0
      if (this.#pathIds6) {
        pathId = u32(bytes, at)
        at += 4
      }
      const length = bytes[at]!
      const count = (length + 7) >> 3
      const index = v6.find(
        word6(bytes, at + 1, count, length, 0),
        word6(bytes, at + 1, count, length, 1),
        word6(bytes, at + 1, count, length, 2),
        word6(bytes, at + 1, count, length, 3),
        length,
      )
      at += 1 + count
      this.#counts.withdrawn++
      if (index >= 0) this.#adjacency.take(index * 2 + 1, pathId)
    }
  }

  // --- routes as objects --------------------------------------------------------------------------------------------

  /** A route of an UPDATE that `take` left alone. */
  announce(prefix: Prefix, pathId: number, attributes: AttributeSet, nextHop: Ip): void {
    this.#counts.announced++
    const ref = this.#rib.store.insert(prefix)
    const isNew = this.#rib.store.findPath(ref, this.#adjacency.id, pathId) < 0
    const family = prefix.family
    if (isNew && this.#adjacency.pathCountOf(family) >= this.#ceiling(family)) {
      this.#counts.overLimit++
      this.#rib.store.collect(ref)
      return
    }
    const judged =
      this.#specialRefusal(ref, prefix, attributes, nextHop) ?? this.#book.judge.judge(attributes, nextHop, prefix)
    this.#adjacency.put(ref, pathId, this.#adjacency.offer(judged))
  }

  withdraw(prefix: Prefix, pathId: number): void {
    this.#counts.withdrawn++
    this.#adjacency.withdraw(prefix, pathId)
  }

  /** Told by the adjacency: nothing uses the offer any more. */
  unused(offer: Offer): void {
    this.#book.unused(offer)
  }

  // --- judging again ------------------------------------------------------------------------------------------------

  /** Judges every path again by a changed configuration. */
  reconfigure(context: ImportContext): void {
    this.#context = context
    this.#book.restart(new RouteJudge(context))
    const again = new Map<Offer, Offer>()
    this.#rib.batch(() => {
      for (const slot of this.#adjacency.slots()) this.#rejudge(slot, again)
    })
  }

  /** Judges the paths again that came with these next hops: other ways lead there now. */
  nextHopsChanged(nextHops: readonly Ip[]): void {
    const isAffected = (offer: Offer): boolean => {
      const received = offer.receivedNextHop ?? offer.nextHop
      return nextHops.some((nextHop) => nextHop === received || nextHop.equals(received))
    }
    this.#rib.batch(() => {
      const again = this.#book.judgeAgain(isAffected)
      // Where prefixes are judged by themselves, each path is.
      const shared = this.#book.judge.dependsOnPrefix ? undefined : again
      for (const slot of this.#adjacency.slots()) {
        if (isAffected(this.#offerOf(slot))) this.#rejudge(slot, shared)
      }
      for (const head of again.values()) this.#book.dropUnused(head)
    })
  }

  /** The prefix became ours or ceased to be: what the peer offered for it is judged again. */
  reconsider(ref: number): void {
    const { paths, table } = { paths: this.#rib.store.paths, table: this.#rib.store.table(ref) }
    for (let slot = table.firstPath[ref >>> 1]!; slot >= 0; slot = paths.next[slot]!) {
      if (paths.source[slot] === this.#adjacency.id) this.#rejudge(slot, undefined)
    }
  }

  #offerOf(slot: number): Offer {
    const { offers, paths } = this.#rib.store
    return offers.get(paths.offer[slot]!)
  }

  #rejudge(slot: number, again: Map<Offer, Offer> | undefined): void {
    const { store } = this.#rib
    const old = this.#offerOf(slot)
    const ref = store.paths.route[slot]!
    const isStale = (store.paths.flags[slot]! & PathFlag.stale) !== 0
    const known = again?.get(old)
    if (known !== undefined) {
      this.#adjacency.put(ref, store.paths.pathId(slot), known)
      if (isStale) this.#adjacency.restoreStale(slot)
      return
    }
    if (!(old.received instanceof AttributeSet)) return
    const prefix = store.prefix(ref)
    const nextHop = old.receivedNextHop ?? old.nextHop
    const special = this.#specialRefusal(ref, prefix, old.received, nextHop)
    const offer = this.#adjacency.offer(special ?? this.#book.judge.judge(old.received, nextHop, prefix))
    if (special === undefined && !this.#book.judge.dependsOnPrefix) again?.set(old, offer)
    this.#adjacency.put(ref, store.paths.pathId(slot), offer)
    if (isStale) this.#adjacency.restoreStale(slot)
  }

  /** What a changed configuration would make of the path in a slot, and what it is now. */
  preview(slot: number, judge: RouteJudge): { readonly before: Offer; readonly after: Announcement } | undefined {
    const { store } = this.#rib
    const before = this.#offerOf(slot)
    if (!(before.received instanceof AttributeSet)) return undefined
    const ref = store.paths.route[slot]!
    const prefix = store.prefix(ref)
    const nextHop = before.receivedNextHop ?? before.nextHop
    const special = this.#specialRefusal(ref, prefix, before.received, nextHop)
    return { before, after: special ?? judge.judge(before.received, nextHop, prefix) }
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

/** Word `index` of a prefix of `length` bits whose `count` bytes stand at `at`, host bits cleared. */
function word6(bytes: Uint8Array, at: number, count: number, length: number, index: number): number {
  const bits = length - 32 * index
  if (bits <= 0) return 0
  const from = 4 * index
  let word = bytes[at + from]! << 24
  if (count > from + 1) word |= bytes[at + from + 1]! << 16
  if (count > from + 2) word |= bytes[at + from + 2]! << 8
  if (count > from + 3) word |= bytes[at + from + 3]!
  return bits >= 32 ? word >>> 0 : (word & (0xffffffff << (32 - bits))) >>> 0
}
