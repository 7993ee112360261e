/**
 * How routes are told to all peers that are told the same: the exporter with its table of results. Groups of one plan share it, so
 * that a peer that falls behind leaves its group without anything being computed again.
 */
import type { Prefix } from '@lodestone/net'
import { type Offer, type Rib, RouteFlag } from '@lodestone/rib'
import { encodeAttributes } from './attribute-encoding.ts'
import { AttributeSet } from './attribute-set.ts'
import { ExportTable } from './export-table.ts'
import { decodeAttributes } from './path-attribute.ts'
import { Ip } from '@lodestone/net'
import { type ExportContext, type ExportedRoute, type ExportResult, RouteExporter, transform } from './route-export.ts'
import { MAX_ATTRIBUTE_BYTES } from './update-builder.ts'

const NO_BYTES = new Uint8Array(0)

/** Most offers whose results are remembered. */
const MOST_KNOWN = 65_536

/**
 * Results by offer, in the place that the low bits of its number give: prefixes with one offer mostly come one after the other, and of
 * the offers of a router with many peers few are the best. It grows while that does not suffice.
 */
class KnownExports {
  mask = -1
  offerSerials = new Float64Array(0)
  results = new Int32Array(0)
  resultSerials = new Float64Array(0)
  #misses = 0

  set(at: number, offerSerial: number, result: number, resultSerial: number): void {
    if (++this.#misses > this.mask && this.mask + 1 < MOST_KNOWN) this.#grow()
    const place = at & this.mask
    this.offerSerials[place] = offerSerial
    this.results[place] = result
    this.resultSerials[place] = resultSerial
  }

  /** What was known is found out again. */
  #grow(): void {
    const capacity = this.mask < 0 ? 64 : (this.mask + 1) * 4
    this.offerSerials = new Float64Array(capacity)
    this.results = new Int32Array(capacity)
    this.resultSerials = new Float64Array(capacity)
    this.mask = capacity - 1
    this.#misses = 0
  }
}

export class ExportPlan {
  readonly key: string
  readonly rib: Rib
  readonly exporter: RouteExporter
  readonly exports = new ExportTable()
  /** Routes not told because their attributes leave no room in a message. */
  oversized = 0
  readonly #isPlain: boolean
  readonly #isPerPrefix: boolean
  /** One for each family: most routers tell an offer in one only. */
  readonly #known = [new KnownExports(), new KnownExports()] as const

  constructor(key: string, rib: Rib, context: ExportContext) {
    this.key = key
    this.rib = rib
    this.exporter = new RouteExporter(context)
    this.#isPlain = this.exporter.isPlain
    this.#isPerPrefix = this.exporter.dependsOnPrefix
  }

  /** @returns the number of what the peers are told about a route now; 0: nothing. */
  desired(ref: number): number {
    const { store } = this.rib
    const table = store.table(ref)
    if ((table.flags[ref >>> 1]! & RouteFlag.originated) !== 0) return this.#compute(ref, 'originated')
    const best = table.best[ref >>> 1]!
    return best < 0 ? 0 : this.exportId(ref, store.offers.get(store.paths.offer[best]!))
  }

  exportId(ref: number, offer: Offer): number {
    if (this.#isPerPrefix) return this.#compute(ref, offer)
    const known = this.#known[(ref & 1) as 0 | 1]
    const at = offer.id & known.mask
    if (known.mask >= 0 && known.offerSerials[at] === offer.serial) {
      const result = known.results[at]!
      if (result === 0 || this.exports.serials[result] === known.resultSerials[at]) return result
    }
    const id = this.#compute(ref, offer)
    known.set(offer.id, offer.serial, id, this.exports.serials[id]!)
    return id
  }

  #compute(ref: number, offer: Offer | 'originated'): number {
    const family = (ref & 1) === 1 ? 6 : 4
    if (this.#isPlain && offer !== 'originated') {
      const id = this.#computePlain(family, offer)
      if (id >= 0) return id
    }
    const result = this.exporter.export(this.rib.store.prefix(ref), offer)
    if (result.kind === 'suppress') return 0
    const { nextHop, attributes } = result
    const isNative = family === 4 && nextHop.family === 4
    const { isFourOctetAs } = this.exporter.context.session
    const bytes = encodeAttributes(attributes.fields(), isNative ? nextHop : undefined, { isFourOctetAs })
    if (bytes.length > MAX_ATTRIBUTE_BYTES) return this.#tooLarge()
    this.exports.scratch.set(bytes)
    const source = offer === 'originated' ? 0 : offer.sourceId
    return this.exports.intern(bytes.length, isNative ? NO_BYTES : nextHop.bytes, family, source)
  }

  /** The same without making objects, where nothing but the standard changes is asked for. @returns -1 where it cannot. */
  #computePlain(family: 4 | 6, offer: Offer): number {
    const { exporter } = this
    const { session, localAsn, requiresPolicy, policy } = exporter.context
    if (!session.families.includes(family)) return 0
    if (session.isExternal && requiresPolicy && policy === undefined) return 0
    if (exporter.suppression(offer) !== undefined) return 0
    if (!exporter.isTransformable(offer)) return -1
    const nextHop = exporter.nextHop(family, offer)
    if (nextHop === undefined) return 0
    const set = offer.attributes as AttributeSet // because `suppression` looked
    if (set.length + 32 > MAX_ATTRIBUTE_BYTES) return -1
    const isNative = family === 4 && nextHop.family === 4
    const length = transform(
      set,
      session.isExternal ? localAsn : 0,
      session.isExternal ? -1 : set.effectiveLocalPref,
      isNative ? nextHop.word(0) : -1,
      this.exports.scratch,
    )
    return this.exports.intern(length, isNative ? NO_BYTES : nextHop.bytes, family, offer.sourceId)
  }

  #tooLarge(): 0 {
    this.oversized++
    return 0
  }

  /** Why a prefix is told or not. */
  explain(prefix: Prefix): ExportResult {
    const { store } = this.rib
    const ref = store.find(prefix)
    if (ref < 0) return this.exporter.export(prefix, undefined)
    const table = store.table(ref)
    if ((table.flags[ref >>> 1]! & RouteFlag.originated) !== 0) return this.exporter.export(prefix, 'originated')
    const best = table.best[ref >>> 1]!
    return this.exporter.export(prefix, best < 0 ? undefined : store.offers.get(store.paths.offer[best]!))
  }

  /** What a number stands for. */
  describe(id: number): ExportedRoute {
    const { exports } = this
    const length = exports.attributesLength(id)
    const offset = exports.offset(id)
    const page = exports.page(id)
    const { isFourOctetAs } = this.exporter.context.session
    const decoded = decodeAttributes(page.subarray(offset, offset + length), { isFourOctetAs, isExternal: false })
    const hopLength = exports.nextHopLength(id)
    const { fields } = decoded
    return {
      // because we encoded them: ORIGIN and AS_PATH are always there, and a next hop is in one of the two places
      attributes: AttributeSet.of({ ...fields, origin: fields.origin!, asPath: fields.asPath! }),
      nextHop: hopLength === 0 ? decoded.nextHop! : Ip.fromBytes(page, offset + length, hopLength === 4 ? 4 : 16),
    }
  }
}
