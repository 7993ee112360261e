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

/** What most offers do not have, kept apart: a full table has hundreds of thousands of offers. */
type Particulars = Pick<
  Announcement,
  'nextHopInterface' | 'metric' | 'received' | 'receivedNextHop' | 'policy' | 'unusable'
>

export class Offer {
  readonly source: PathSource
  /** Number of the adjacency. */
  readonly sourceId: number
  readonly nextHop: Ip
  readonly preference: number
  readonly attributes: BgpAttributes | undefined
  /** Never the same for two offers of a process: numbers in caches are checked with it. */
  readonly serial: number
  /** Number among all offers while it is in use, -1 otherwise. */
  id = -1
  /** Paths that use it. */
  references = 0
  /** Free for the protocol that made the offer: what it wants to find again when the offer goes. */
  readonly tag: number
  readonly #particulars: Particulars | undefined

  constructor(source: PathSource, sourceId: number, preference: number, announcement: Announcement, tag: number) {
    this.source = source
    this.sourceId = sourceId
    this.nextHop = announcement.nextHop
    this.preference = announcement.preference ?? preference
    this.attributes = announcement.attributes
    this.serial = nextSerial++
    this.tag = tag
    this.#particulars = particularsOf(announcement)
  }

  get nextHopInterface(): string | undefined {
    return this.#particulars?.nextHopInterface
  }

  get metric(): number {
    return this.#particulars?.metric ?? 0
  }

  get received(): BgpAttributes | undefined {
    return this.#particulars === undefined ? this.attributes : this.#particulars.received
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

function particularsOf(announcement: Announcement): Particulars | undefined {
  const { nextHopInterface, metric = 0, attributes, received, receivedNextHop, policy, unusable } = announcement
  const isPlain = received === attributes && metric === 0 && nextHopInterface === undefined && policy === undefined
  if (isPlain && receivedNextHop === undefined && unusable === undefined) return undefined
  return { nextHopInterface, metric, received, receivedNextHop, policy, unusable }
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
