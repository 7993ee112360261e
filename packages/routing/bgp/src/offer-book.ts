/**
 * What a peer's attribute byte strings stand for: each is judged once, and is then an offer, its head: what every prefix gets where the
 * judgement does not depend on the prefix. Prefixes that are judged otherwise get variants of it.
 *
 * Lifetime: an entry goes when no path uses its head or a variant of it; `Offer.tag` of both names the entry.
 */
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, type Announcement, isSameOffer, type Offer } from '@lodestone/rib'
import type { Family } from './address-family.ts'
import { scan } from './attribute-scan.ts'
import { AttributeSet } from './attribute-set.ts'
import { ByteTable } from './byte-table.ts'
import type { RouteJudge } from './route-judgement.ts'

/** Stands for every prefix where a judgement does not look at it. */
const ANY = new Prefix(Ip.v4(0), 0)
/** A peer that invents next hops does not make the memory of them grow for ever. */
const MAX_NEXT_HOPS = 1024

type Variants = Map<string, Offer>

/** Entries of one kind of key. */
class Entries {
  readonly table = new ByteTable()
  readonly heads: (Offer | undefined)[] = []
}

export class OfferBook {
  readonly #adjacency: Adjacency
  #judge: RouteJudge
  /** Keys: the whole attributes field. */
  #plain = new Entries()
  /** Keys: the attributes but the MP ones, next hop and family. */
  #mp = new Entries()
  readonly #variants = new Map<Offer, Variants>()
  /** Next hops seen, so that thousands of attribute sets share one object. */
  readonly #nextHops = new Map<number, Ip>()
  #lastNextHop: Ip | undefined
  /** The key that `findMp` looked for, and how much of it are attributes. */
  readonly #key = new Uint8Array(4352)
  #keyLength = 0
  #keyAttributesLength = 0

  constructor(adjacency: Adjacency, judge: RouteJudge) {
    this.#adjacency = adjacency
    this.#judge = judge
  }

  get judge(): RouteJudge {
    return this.#judge
  }

  get size(): number {
    return this.#plain.table.size + this.#mp.table.size
  }

  // --- heads --------------------------------------------------------------------------------------------------------

  /** The head of an attributes field without MP attributes. */
  find(bytes: Uint8Array, start: number, end: number): Offer | undefined {
    const known = this.#plain.table.find(bytes, start, end)
    return known < 0 ? undefined : this.#plain.heads[known]
  }

  /** Adds what `find` did not find and the last scan was of. */
  add(bytes: Uint8Array, start: number, end: number): Offer {
    const nextHop = this.#nextHop(u32(bytes, scan.nextHopAt))
    const { table, heads } = this.#plain
    const id = table.add(bytes, start, end)
    const attributes = AttributeSet.scanned(table.pages[id]!, table.offsets[id]!, end - start)
    return (heads[id] = this.#adjacency.offer(this.#judge.judge(attributes, nextHop, ANY), id * 2))
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
    const key = this.#key
    let length = 0
    // Everything but the MP attributes, in at most three pieces.
    for (let at = start; at < end;) {
      if (at === scan.mpReachAt) at = scan.mpReachEnd
      else if (at === scan.mpUnreachAt) at = scan.mpUnreachEnd
      else key[length++] = bytes[at++]!
    }
    this.#keyAttributesLength = length
    for (let i = 0; i < nextHopLength; i++) key[length++] = bytes[nextHopAt + i]!
    key[length++] = nextHopLength
    key[length++] = family
    this.#keyLength = length
    const known = this.#mp.table.find(key, 0, length)
    return known < 0 ? undefined : this.#mp.heads[known]
  }

  /** Adds what `findMp` has just not found. */
  addMp(chosen: Ip): Offer {
    const nextHop = this.#lastNextHop?.equals(chosen) === true ? this.#lastNextHop : chosen
    this.#lastNextHop = nextHop
    const { table, heads } = this.#mp
    const id = table.add(this.#key, 0, this.#keyLength)
    const attributes = AttributeSet.scanned(table.pages[id]!, table.offsets[id]!, this.#keyAttributesLength)
    return (heads[id] = this.#adjacency.offer(this.#judge.judge(attributes, nextHop, ANY), id * 2 + 1))
  }

  /** Forgets an entry of which nothing is used: its prefixes were over a limit, for example. */
  dropUnused(head: Offer): void {
    if (!this.#isUsed(head)) this.#drop(head)
  }

  /** Nothing uses the offer any more. */
  unused(offer: Offer): void {
    if (offer.tag < 0) return
    const head = this.#entriesOf(offer).heads[offer.tag >>> 1]
    if (head === undefined) return
    // An offer from before `restart` has the number of a head that is another one now.
    const isOurs = head === offer || [...(this.#variants.get(head)?.values() ?? [])].includes(offer)
    if (isOurs) this.dropUnused(head)
  }

  // --- variants -----------------------------------------------------------------------------------------------------

  /** The offer of a prefix that is judged by itself. */
  variant(head: Offer, announcement: Announcement): Offer {
    const key = variantKey(announcement)
    let variants = this.#variants.get(head)
    const known = variants?.get(key)
    if (known !== undefined && isEqualJudgement(known, announcement)) return known
    const offer = this.#adjacency.offer(announcement, head.tag)
    if (variants === undefined) this.#variants.set(head, (variants = new Map()))
    variants.set(key, offer)
    return offer
  }

  // --- judging again ------------------------------------------------------------------------------------------------

  /** Begins anew, with another judge. */
  restart(judge: RouteJudge): void {
    this.#judge = judge
    this.#plain = new Entries()
    this.#mp = new Entries()
    this.#variants.clear()
  }

  /**
   * Judges the heads again that the condition holds for. @returns what became of them; where judgements depend on prefixes the new heads
   * are not for their paths.
   */
  judgeAgain(isAffected: (offer: Offer) => boolean): Map<Offer, Offer> {
    const again = new Map<Offer, Offer>()
    for (const { heads } of [this.#plain, this.#mp]) {
      for (const [id, head] of heads.entries()) {
        if (head === undefined || !isAffected(head)) continue
        const attributes = head.received as AttributeSet // because heads are made of received attributes only
        const nextHop = head.receivedNextHop ?? head.nextHop
        const judged = this.#adjacency.offer(this.#judge.judge(attributes, nextHop, ANY), head.tag)
        if (isSameOffer(head, judged)) continue
        heads[id] = judged
        this.#variants.delete(head)
        again.set(head, judged)
      }
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

  #entriesOf({ tag }: Offer): Entries {
    return (tag & 1) === 1 ? this.#mp : this.#plain
  }

  #isUsed(head: Offer): boolean {
    if (head.references > 0) return true
    const variants = this.#variants.get(head)
    if (variants !== undefined) for (const variant of variants.values()) if (variant.references > 0) return true
    return false
  }

  #drop(head: Offer): void {
    const { heads, table } = this.#entriesOf(head)
    const id = head.tag >>> 1
    if (heads[id] !== head) return
    heads[id] = undefined
    table.remove(id)
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
