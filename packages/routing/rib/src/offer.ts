/**
 * What the paths of one peer have in common when they arrived with the same attributes: an immutable value with a number. A path is
 * then a few integers, and equality of offers is identity.
 *
 * Lifetime: counted by the paths that use it. When the last one goes, `onUnused` of its adjacency is told.
 */
import type { Ip } from '@lodestone/net'
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

export class Offer {
  readonly source: PathSource
  /** Number of the adjacency. */
  readonly sourceId: number
  readonly nextHop: Ip
  readonly nextHopInterface: string | undefined
  readonly preference: number
  readonly metric: number
  readonly attributes: BgpAttributes | undefined
  readonly received: BgpAttributes | undefined
  readonly receivedNextHop: Ip | undefined
  readonly policy: string | undefined
  readonly unusable: Unusable | undefined
  /** Never the same for two offers of a process: numbers in caches are checked with it. */
  readonly serial: number
  /** Number among all offers while it is in use, -1 otherwise. */
  id = -1
  /** Paths that use it. */
  references = 0
  /** Free for the protocol that made the offer: what it wants to find again when the offer goes. */
  readonly tag: number

  constructor(source: PathSource, sourceId: number, preference: number, announcement: Announcement, tag: number) {
    this.source = source
    this.sourceId = sourceId
    this.nextHop = announcement.nextHop
    this.nextHopInterface = announcement.nextHopInterface
    this.preference = announcement.preference ?? preference
    this.metric = announcement.metric ?? 0
    this.attributes = announcement.attributes
    this.received = announcement.received
    this.receivedNextHop = announcement.receivedNextHop
    this.policy = announcement.policy
    this.serial = nextSerial++
    this.unusable = announcement.unusable
    this.tag = tag
  }
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
  #offers: (Offer | undefined)[] = []
  #free: number[] = []

  /** Counts one more path. */
  retain(offer: Offer): number {
    if (offer.references++ === 0) {
      offer.id = this.#free.pop() ?? this.#offers.length
      this.#offers[offer.id] = offer
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
}
