/**
 * What the paths of one peer have in common when they arrived with the same attributes: an immutable value with a number. A path is
 * then a few integers, and equality of offers is identity.
 *
 * Lifetime: counted by the paths that use it. When the last one goes, `onUnused` of its adjacency is told.
 */
import type { Ip } from '@lodestone/net'
import { RankRows } from './rank-rows.ts'
import type { BgpAttributes, PathSource, Unusable } from './path.ts'

export interface Announcement {
  readonly nextHop: Ip
  readonly nextHopInterface?: string | undefined
  readonly pathId?: number
  readonly preference?: number | undefined
  readonly metric?: number | undefined
  readonly attributes?: BgpAttributes | undefined
  /** The attributes before import policy changed them. */
  readonly received?: BgpAttributes | undefined
  /** The next hop before import policy changed it; default: it is the same. */
  readonly receivedNextHop?: Ip | undefined
  /** What import policy said, for explanations. */
  readonly policy?: string | undefined
  /** Set: the path is kept for the record and takes no part in the decision. */
  readonly unusable?: Unusable | undefined
}

let nextSerial = 1

/** What most offers do not have, or many have alike, kept apart: a full table has hundreds of thousands of offers. */
export type Particulars = Pick<
  Announcement,
  'nextHopInterface' | 'preference' | 'metric' | 'received' | 'receivedNextHop' | 'policy' | 'unusable'
> & {
  /** The attributes are as they were received; `received` is not set. */
  readonly isUnchanged: boolean
}

/** What all offers of an adjacency have in common. */
export interface OfferOrigin {
  readonly source: PathSource
  /** Number of the adjacency. */
  readonly id: number
  readonly preference: number
  /** Of the last offer: the next one mostly has the same. */
  lastParticulars: Particulars | undefined
}

export class Offer {
  readonly nextHop: Ip
  readonly attributes: BgpAttributes | undefined
  /** Never the same for two offers of a process: numbers in caches are checked with it. */
  readonly serial: number
  /** Number among all offers while it is in use, -1 otherwise. */
  id = -1
  /** Paths that use it. */
  references = 0
  /** Free for the protocol that made the offer: what it wants to find again when the offer goes. */
  readonly tag: number
  readonly #origin: OfferOrigin
  readonly #particulars: Particulars | undefined

  constructor(origin: OfferOrigin, announcement: Announcement, tag: number) {
    this.#origin = origin
    this.nextHop = announcement.nextHop
    this.attributes = announcement.attributes
    this.serial = nextSerial++
    this.tag = tag
    this.#particulars = particularsOf(announcement, origin)
  }

  get source(): PathSource {
    return this.#origin.source
  }

  /** Number of the adjacency. */
  get sourceId(): number {
    return this.#origin.id
  }

  get preference(): number {
    return this.#particulars?.preference ?? this.#origin.preference
  }

  get nextHopInterface(): string | undefined {
    return this.#particulars?.nextHopInterface
  }

  get metric(): number {
    return this.#particulars?.metric ?? 0
  }

  get received(): BgpAttributes | undefined {
    return this.#particulars === undefined || this.#particulars.isUnchanged
      ? this.attributes
      : this.#particulars.received
  }

  get receivedNextHop(): Ip | undefined {
    return this.#particulars?.receivedNextHop
  }

  get policy(): string | undefined {
    return this.#particulars?.policy
  }

  get unusable(): Unusable | undefined {
    return this.#particulars?.unusable
  }
}

function particularsOf(announcement: Announcement, origin: OfferOrigin): Particulars | undefined {
  const { nextHopInterface, preference, metric = 0, attributes } = announcement
  const { receivedNextHop, policy, unusable } = announcement
  const isUnchanged = announcement.received === attributes
  const isOrdinary = preference === undefined && metric === 0 && nextHopInterface === undefined
  const isPlain = isUnchanged && receivedNextHop === undefined
  if (isOrdinary && isPlain && policy === undefined && unusable === undefined) return undefined
  const received = isUnchanged ? undefined : announcement.received
  const last = origin.lastParticulars
  if (
    last !== undefined &&
    last.isUnchanged === isUnchanged &&
    last.received === received &&
    last.nextHopInterface === nextHopInterface &&
    last.preference === preference &&
    last.metric === metric &&
    last.receivedNextHop === receivedNextHop &&
    last.policy === policy &&
    last.unusable === unusable
  ) {
    return last
  }
  return (origin.lastParticulars = {
    nextHopInterface,
    preference,
    metric,
    received,
    receivedNextHop,
    policy,
    unusable,
    isUnchanged,
  })
}

/** Whether two offers of one peer say the same. */
export function isSameOffer(a: Offer, b: Offer): boolean {
  return (
    a === b ||
    (a.attributes === b.attributes &&
      a.received === b.received &&
      a.preference === b.preference &&
      a.metric === b.metric &&
      a.nextHopInterface === b.nextHopInterface &&
      a.unusable?.code === b.unusable?.code &&
      a.policy === b.policy &&
      a.nextHop.equals(b.nextHop))
  )
}

/** All offers in use, by number. */
export class OfferTable {
  /** What the decision process compares, by number of the offer (`Ranking`, which fills it). */
  readonly ranks = new RankRows()
  #offers: (Offer | undefined)[] = []
  #free: number[] = []

  /** Counts one more path. */
  retain(offer: Offer): number {
    if (offer.references++ === 0) {
      offer.id = this.#free.pop() ?? this.#offers.length
      this.#offers[offer.id] = offer
      this.ranks.forget(offer.id)
    }
    return offer.id
  }

  /** Counts one path less. @returns whether it was the last. */
  release(offer: Offer): boolean {
    if (--offer.references > 0) return false
    this.#offers[offer.id] = undefined
    this.#free.push(offer.id)
    offer.id = -1
    return true
  }

  get(id: number): Offer {
    // because every path's offer is retained
    return this.#offers[id]!
  }

  get size(): number {
    return this.#offers.length - this.#free.length
  }

  /** As texts: the next hops of all offers, as they came and as policy made them. */
  nextHops(): ReadonlySet<string> {
    const ips = new Set<Ip>()
    for (const offer of this.#offers) {
      if (offer === undefined) continue
      ips.add(offer.nextHop)
      if (offer.receivedNextHop !== undefined) ips.add(offer.receivedNextHop)
    }
    return new Set(Array.from(ips, (ip) => ip.toString()))
  }
}
