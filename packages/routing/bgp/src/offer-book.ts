/**
 * What a peer's attribute byte strings and next hops stand for: each pair is judged once, and is then an offer, its head: what every
 * prefix gets where the judgement does not depend on the prefix. Prefixes that are judged otherwise get variants of it.
 *
 * Lifetime: an entry goes when no path uses its head or a variant of it; `Offer.tag` of both names the entry.
 */
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, type Announcement, isSameOffer, type Offer } from '@lodestone/rib'
import type { Family } from './address-family.ts'
import { scan } from './attribute-scan.ts'
import type { AttributeBook } from './attribute-book.ts'
import type { AttributeSet } from './attribute-set.ts'
import { PairTable } from './pair-table.ts'
import type { RouteJudge } from './route-judgement.ts'

/** Stands for every prefix where a judgement does not look at it. */
const ANY = new Prefix(Ip.v4(0), 0)
/** A peer that invents next hops does not make the memory of them grow for ever. */
const MAX_NEXT_HOPS = 1024
const MAX_HOP_NUMBERS = 16_384

/** The attributes that `findMp` looked for last, whoever did; `addMp` follows at once. */
const key = new Uint8Array(4352)
let keyLength = 0
let keyHop = -1
/** Number in the attribute book of what `find` or `findMp` looked for last, -1 where it was not there; `add` or `addMp` follows at once. */
let soughtAttributes = -1

type Variants = Map<string, Offer>

/** Number of the next hop where it is among the attributes. */
const NO_HOP = 0

export class OfferBook {
  readonly #adjacency: Adjacency
  readonly #attributes: AttributeBook
  #judge: RouteJudge
  /** Number of the attributes and of the next hop. */
  #entries = new PairTable()
  #heads: (Offer | undefined)[] = []
  readonly #variants = new Map<Offer, Variants>()
  /** Next hops seen, so that thousands of attribute sets share one object. */
  readonly #nextHops = new Map<number, Ip>()
  /** Numbers of MP next hops by their bytes and family as text; most peers have one, which is the last. */
  readonly #hops = new Map<string, number>()
  #hopCount = NO_HOP
  #lastHop: Uint8Array | undefined
  #lastHopNumber = NO_HOP
  #lastNextHop: Ip | undefined

  constructor(adjacency: Adjacency, judge: RouteJudge, attributes: AttributeBook) {
    this.#adjacency = adjacency
    this.#judge = judge
    this.#attributes = attributes
  }

  get judge(): RouteJudge {
    return this.#judge
  }

  get size(): number {
    return this.#entries.size
  }

  // --- heads --------------------------------------------------------------------------------------------------------

  /** The head of an attributes field without MP attributes. */
  find(bytes: Uint8Array, start: number, end: number): Offer | undefined {
    soughtAttributes = this.#attributes.find(bytes, start, end)
    return this.#find(soughtAttributes, NO_HOP)
  }

  /** Adds what `find` has just not found and the last scan was of. */
  add(bytes: Uint8Array, start: number, end: number): Offer {
    const nextHop = this.#nextHop(u32(bytes, scan.nextHopAt))
    const attributes = soughtAttributes < 0 ? this.#attributes.add(bytes, start, end) : soughtAttributes
    return this.#add(attributes, NO_HOP, nextHop)
  }

  /** The head of an attributes field with MP_REACH_NLRI; the last scan was of it. */
  findMp(
    bytes: Uint8Array,
    start: number,
    end: number,
    nextHopAt: number,
    nextHopLength: number,
    family: Family,
  ): Offer | undefined {
    let length = 0
    // Everything but the MP attributes, in at most three pieces.
    for (let at = start; at < end;) {
      if (at === scan.mpReachAt) at = scan.mpReachEnd
      else if (at === scan.mpUnreachAt) at = scan.mpUnreachEnd
      else key[length++] = bytes[at++]!
    }
    keyLength = length
    soughtAttributes = this.#attributes.find(key, 0, length)
    keyHop = this.#hopNumber(bytes, nextHopAt, nextHopLength, family)
    return this.#find(soughtAttributes, keyHop)
  }

  /** Adds what `findMp` has just not found. */
  addMp(chosen: Ip): Offer {
    const nextHop = this.#lastNextHop?.equals(chosen) === true ? this.#lastNextHop : chosen
    this.#lastNextHop = nextHop
    const attributes = soughtAttributes < 0 ? this.#attributes.add(key, 0, keyLength) : soughtAttributes
    return this.#add(attributes, keyHop, nextHop)
  }

  #find(attributes: number, hop: number): Offer | undefined {
    if (attributes < 0) return undefined
    const entry = this.#entries.find(attributes, hop)
    return entry < 0 ? undefined : this.#heads[entry]
  }

  #add(attributes: number, hop: number, nextHop: Ip): Offer {
    const entry = this.#entries.add(attributes, hop)
    this.#attributes.retain(attributes)
    const judged = this.#judge.judge(this.#attributes.set(attributes), nextHop, ANY)
    return (this.#heads[entry] = this.#adjacency.offer(judged, entry))
  }

  #hopNumber(bytes: Uint8Array, at: number, length: number, family: Family): number {
    const last = this.#lastHop
    if (last !== undefined && last.length === length + 1 && last[length] === family) {
      let i = 0
      while (i < length && last[i] === bytes[at + i]) i++
      if (i === length) return this.#lastHopNumber
    }
    const hop = new Uint8Array(length + 1)
    hop.set(bytes.subarray(at, at + length))
    hop[length] = family
    const text = String.fromCharCode(...hop)
    let number = this.#hops.get(text)
    if (number === undefined) {
      // What is forgotten gets another number when it comes again, and with it offers that say the same.
      if (this.#hops.size >= MAX_HOP_NUMBERS) this.#hops.clear()
      number = ++this.#hopCount
      this.#hops.set(text, number)
    }
    this.#lastHop = hop
    return (this.#lastHopNumber = number)
  }

  /** Forgets an entry of which nothing is used: its prefixes were over a limit, for example. */
  dropUnused(head: Offer): void {
    if (!this.#isUsed(head)) this.#drop(head)
  }

  /** Nothing uses the offer any more. */
  unused(offer: Offer): void {
    if (offer.tag < 0) return
    const head = this.#heads[offer.tag]
    if (head === undefined) return
    // An offer from before `restart` has the number of a head that is another one now.
    const isOurs = head === offer || [...(this.#variants.get(head)?.values() ?? [])].includes(offer)
    if (isOurs) this.dropUnused(head)
  }

  // --- variants -----------------------------------------------------------------------------------------------------

  /** The offer of a prefix that is judged by itself. */
  variant(head: Offer, announcement: Announcement): Offer {
    const verdict = variantKey(announcement)
    let variants = this.#variants.get(head)
    const known = variants?.get(verdict)
    if (known !== undefined && isEqualJudgement(known, announcement)) return known
    const offer = this.#adjacency.offer(announcement, head.tag)
    if (variants === undefined) this.#variants.set(head, (variants = new Map()))
    variants.set(verdict, offer)
    return offer
  }

  // --- judging again ------------------------------------------------------------------------------------------------

  /** Begins anew, with another judge. */
  restart(judge: RouteJudge): void {
    this.#judge = judge
    this.close()
    this.#entries = new PairTable()
    this.#heads = []
    this.#hops.clear()
    this.#lastHop = undefined
  }

  /** Gives back what it holds. Offers that are still used keep what they need. */
  close(): void {
    for (const [entry, head] of this.#heads.entries()) {
      if (head !== undefined) this.#attributes.release(this.#entries.first(entry))
    }
    this.#heads.length = 0
    this.#variants.clear()
  }

  /**
   * Judges the heads again that the condition holds for. @returns what became of them; where judgements depend on prefixes the new heads
   * are not for their paths.
   */
  judgeAgain(isAffected: (offer: Offer) => boolean): Map<Offer, Offer> {
    const again = new Map<Offer, Offer>()
    for (const [entry, head] of this.#heads.entries()) {
      if (head === undefined || !isAffected(head)) continue
      const attributes = head.received as AttributeSet // because heads are made of received attributes only
      const nextHop = head.receivedNextHop ?? head.nextHop
      const judged = this.#adjacency.offer(this.#judge.judge(attributes, nextHop, ANY), head.tag)
      if (isSameOffer(head, judged)) continue
      this.#heads[entry] = judged
      this.#variants.delete(head)
      again.set(head, judged)
    }
    return again
  }

  #nextHop(word: number): Ip {
    let nextHop = this.#nextHops.get(word)
    if (nextHop === undefined) {
      if (this.#nextHops.size > MAX_NEXT_HOPS) this.#nextHops.clear()
      nextHop = Ip.v4(word)
      this.#nextHops.set(word, nextHop)
    }
    return nextHop
  }

  #isUsed(head: Offer): boolean {
    if (head.references > 0) return true
    const variants = this.#variants.get(head)
    if (variants !== undefined) for (const variant of variants.values()) if (variant.references > 0) return true
    return false
  }

  #drop(head: Offer): void {
    const entry = head.tag
    if (this.#heads[entry] !== head) return
    this.#heads[entry] = undefined
    this.#attributes.release(this.#entries.first(entry))
    this.#entries.remove(entry)
    this.#variants.delete(head)
  }
}

function variantKey({ unusable, policy }: Announcement): string {
  return `${unusable?.code ?? ''} ${unusable?.sentence ?? ''} ${policy ?? ''}`
}

function isEqualJudgement(offer: Offer, announcement: Announcement): boolean {
  return (
    offer.attributes === announcement.attributes &&
    offer.nextHop.equals(announcement.nextHop) &&
    offer.metric === (announcement.metric ?? 0) &&
    (announcement.preference === undefined || offer.preference === announcement.preference) &&
    offer.unusable?.code === announcement.unusable?.code
  )
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
