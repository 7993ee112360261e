/**
 * From the loc-RIB to what peers are told (RFC 4271 §9.1.3, §5.1; reflection RFC 4456; roles RFC 9234; RFC 8326): which routes, with which
 * attributes and next hop. The answer depends on the offer, on the group of peers, and on the prefix only where the policy does.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { Offer } from '@lodestone/rib'
import { prependAsn } from './as-path.ts'
import { SetFlag } from './attribute-scan.ts'
import { type AttributeFields, AttributeSet, DEFAULT_LOCAL_PREF, Origin } from './attribute-set.ts'
import { Community } from './community.ts'
import type { NegotiatedSession } from './negotiation.ts'
import type { Policy } from './policy.ts'
import { compilePolicy, type CompiledPolicy } from './policy-program.ts'
import { addsOtcOnExport, isBlockedByOtc } from './role.ts'

export interface ExportContext {
  readonly localAsn: number
  readonly localId: number
  /** RFC 4456 §7, unsigned 32 bits. */
  readonly clusterId: number
  /** For policy functions, which may look at it; peers with equal declared policies share a context. */
  readonly peer: string
  readonly session: NegotiatedSession
  readonly policy: Policy | undefined
  /** RFC 8212. */
  readonly requiresPolicy: boolean
  /** Next hops of ours that the peer can reach; a family without one is not exported. */
  readonly nextHop4: Ip | undefined
  readonly nextHop6: Ip | undefined
  /** Replace the next hop towards internal peers too. */
  readonly nextHopSelf: boolean
  /** Leave the next hop of external routes alone towards an external peer. */
  readonly nextHopUnchanged: boolean
  readonly isClient: boolean
  /** Which peers' routes are those of reflection clients. */
  readonly isClientOf: (peer: string) => boolean
  readonly gracefulShutdown: boolean
  /** Routes with this AS in their path are not told; 0: all are. */
  readonly loopAsn: number
}

export interface ExportedRoute {
  readonly attributes: AttributeSet
  readonly nextHop: Ip
}

export type ExportResult =
  | ({ readonly kind: 'export' } & ExportedRoute)
  /** Not told to the peer, and why. */
  | { readonly kind: 'suppress'; readonly code: string; readonly sentence: string }

type Suppression = Extract<ExportResult, { kind: 'suppress' }>

const ORIGINATED: AttributeSet = AttributeSet.of({ origin: Origin.igp, asPath: [] })

function suppress(code: string, sentence: string): Suppression {
  return { kind: 'suppress', code, sentence }
}

const NO_ROUTE = suppress('no-route', 'no usable path')
const NO_POLICY = suppress('no-export-policy', 'no export policy is configured for this external peer (RFC 8212)')
const NO_ADVERTISE = suppress('no-advertise', 'NO_ADVERTISE')
const NO_EXPORT = suppress('no-export', 'NO_EXPORT')
const INTERNAL = suppress('ibgp-split-horizon', 'an internal route is not told to internal peers')
const LOOP = suppress('as-loop', "the peer's AS is in the AS_PATH: it would refuse the route")
const OTC = suppress('only-to-customer', 'the route is for customers only')

export class RouteExporter {
  readonly context: ExportContext
  readonly #policy: CompiledPolicy | undefined
  readonly #own: Ip | undefined
  readonly #own6: Ip | undefined

  constructor(context: ExportContext) {
    this.context = context
    this.#policy = context.policy === undefined ? undefined : compilePolicy(context.policy, 'export')
    this.#own = context.nextHop4 ?? (context.session.ipv4OverIpv6 ? context.nextHop6 : undefined)
    this.#own6 = context.nextHop6
  }

  get dependsOnPrefix(): boolean {
    return this.#policy?.dependsOnPrefix ?? false
  }

  /** Neither policy nor anything else than RFC 4271 §5.1 changes attributes: encoded ones can be passed on by `transform`. */
  get isPlain(): boolean {
    const { session, gracefulShutdown } = this.context
    return (
      (this.#policy === undefined || this.#policy.isTransparent) &&
      session.isFourOctetAs &&
      session.role === undefined &&
      !gracefulShutdown
    )
  }

  /** @param offer what was selected, `originated` for a prefix of our own, undefined when nothing is. */
  export(prefix: Prefix, offer: Offer | 'originated' | undefined): ExportResult {
    const { context } = this
    const { session } = context
    if (!session.families.includes(prefix.family)) {
      return suppress('family', `IPv${prefix.family} unicast was not negotiated`)
    }
    if (session.isExternal && context.requiresPolicy && context.policy === undefined) return NO_POLICY
    if (offer === undefined) return NO_ROUTE
    const refused = offer === 'originated' ? undefined : this.suppression(offer)
    if (refused !== undefined) return refused
    const source = offer === 'originated' ? ORIGINATED : (offer.attributes as AttributeSet) // because `suppression` looked
    const nextHop = this.nextHop(prefix.family, offer)
    if (nextHop === undefined) return suppress('no-next-hop', `no next hop of ours fits IPv${prefix.family}`)
    const attributes = this.#changed(source, offer)
    if (this.#policy === undefined || this.#policy.isTransparent) return { kind: 'export', attributes, nextHop }
    const result = this.#policy.apply(prefix, attributes, {
      direction: 'export',
      peer: context.peer,
      peerAsn: session.peerAsn,
      localAsn: context.localAsn,
      isExternal: session.isExternal,
      nextHop,
      ownNextHop: prefix.family === 6 ? this.#own6 : this.#own,
      receivedNextHop: offer === 'originated' ? undefined : offer.nextHop,
      learnedFrom: offer === 'originated' ? undefined : offer.source.peer,
    })
    if (result.kind === 'reject') return suppress(result.code, result.sentence)
    return { kind: 'export', attributes: result.attributes ?? attributes, nextHop: result.nextHop ?? nextHop }
  }

  /** Why routes with this offer are not told to the group, whatever the prefix. */
  suppression(offer: Offer): Suppression | undefined {
    const { session, isClient, isClientOf } = this.context
    const { source, attributes } = offer
    // NOT IMPLEMENTED: redistribution of other protocols' routes; they are originated by configuration instead.
    if (source.protocol !== 'bgp' || !(attributes instanceof AttributeSet)) {
      return suppress('protocol', `${source.protocol} routes are not advertised`)
    }
    // RFC 4271 §9.2: internal peers talk to each other directly. RFC 4456 §6: but a reflector tells clients everything,
    // and everybody what clients said.
    const isInternal = source.bgp?.isExternal === false
    if (!session.isExternal && isInternal && !isClient && !isClientOf(source.peer)) return INTERNAL
    const { flags } = attributes
    if ((flags & SetFlag.noAdvertise) !== 0) return NO_ADVERTISE
    if (session.isExternal && (flags & (SetFlag.noExport | SetFlag.noExportSubconfed)) !== 0) return NO_EXPORT
    const { loopAsn } = this.context
    if (loopAsn !== 0 && attributes.countOf(loopAsn) > 0) return LOOP
    if (session.role !== undefined && (flags & SetFlag.hasOtc) !== 0 && isBlockedByOtc(session.role)) return OTC
    return undefined
  }

  /** The next hop that the peers are told; undefined when none of ours fits. */
  nextHop(family: 4 | 6, offer: Offer | 'originated'): Ip | undefined {
    const { session, nextHopSelf, nextHopUnchanged } = this.context
    const own = family === 6 ? this.#own6 : this.#own
    if (offer === 'originated') return own
    const isKept = session.isExternal ? nextHopUnchanged : !nextHopSelf || offer.source.bgp?.isExternal === false
    if (!isKept) return own
    // A next hop of the other family only where the peer understands it.
    if (family === 4 && offer.nextHop.family === 6 && !session.ipv4OverIpv6) return own
    return offer.nextHop.isLinkLocal ? own : offer.nextHop
  }

  /** Whether `transform` gives the right bytes for this offer. */
  isTransformable(offer: Offer): boolean {
    const attributes = offer.attributes as AttributeSet // because the caller has asked `suppression`
    if ((attributes.flags & (SetFlag.unordered | SetFlag.hasUnknown)) !== 0) return false
    return this.context.session.isExternal || offer.source.bgp?.isExternal === true
  }

  /** RFC 4271 §5.1.2, §5.1.4, §5.1.5; RFC 4456 §8: what is internal stays here, and our AS goes in front. */
  #changed(source: AttributeSet, offer: Offer | 'originated'): AttributeSet {
    const { session, localAsn, clusterId, gracefulShutdown } = this.context
    const changes: { -readonly [Key in keyof AttributeFields]?: AttributeFields[Key] } = {}
    if (session.isExternal) {
      changes.asPath = prependAsn(source.asPath, localAsn)
      changes.localPref = undefined
      changes.originatorId = undefined
      changes.clusterList = []
      // A MED from a neighbour is not for the next one.
      changes.med = undefined
      const { role } = session
      if (role !== undefined && source.otc === undefined && addsOtcOnExport(role)) changes.otc = localAsn
    } else {
      changes.localPref = source.localPref ?? DEFAULT_LOCAL_PREF
      if (offer !== 'originated' && offer.source.bgp?.isExternal === false) {
        changes.originatorId = source.originatorId ?? offer.source.bgp.routerId
        changes.clusterList = [clusterId, ...source.clusterList]
      }
    }
    if (gracefulShutdown) {
      changes.communities = [...source.communities, Community.gracefulShutdown]
      if (!session.isExternal) changes.localPref = 0
    }
    return source.with(changes)
  }
}

/**
 * The same as `#changed` for an external route, on encoded attributes: copies them to `out` in order with our AS in front of the path, the
 * next hop in its place, LOCAL_PREF set or taken away, and without MED, ORIGINATOR_ID and CLUSTER_LIST where they end.
 * @param localAsn 0 towards internal peers: the path stays as it is.
 * @param localPref -1 towards external peers.
 * @param nextHopWord IPv4 next hop for the NEXT_HOP attribute, -1 when an MP_REACH_NLRI carries it.
 * @returns how many bytes were written.
 */
export function transform(
  set: AttributeSet,
  localAsn: number,
  localPref: number,
  nextHopWord: number,
  out: Uint8Array,
): number {
  const bytes = set.page
  const end = set.offset + set.length
  let length = 0
  let isPrefDue = localPref >= 0
  for (let at = set.offset; at < end;) {
    const isExtended = (bytes[at]! & 0x10) !== 0
    const type = bytes[at + 1]!
    const valueAt = at + (isExtended ? 4 : 3)
    const next = valueAt + (isExtended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!)
    if (type > 5 && isPrefDue) {
      isPrefDue = false
      length = writeU32(out, length, 0x40, 5, localPref)
    }
    if (type === 2) {
      length =
        localAsn === 0 ? copy(bytes, at, next, out, length) : writePath(bytes, valueAt, next, localAsn, out, length)
      if (nextHopWord >= 0) length = writeU32(out, length, 0x40, 3, nextHopWord)
    } else if (type === 4 && localAsn !== 0) {
      // MED ends here
    } else if (type !== 3 && type !== 5 && type !== 9 && type !== 10) {
      length = copy(bytes, at, next, out, length)
    }
    at = next
  }
  return isPrefDue ? writeU32(out, length, 0x40, 5, localPref) : length
}

function copy(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  let length = at
  for (let i = start; i < end; i++) out[length++] = from[i]!
  return length
}

function writeU32(out: Uint8Array, at: number, flags: number, type: number, value: number): number {
  out[at] = flags
  out[at + 1] = type
  out[at + 2] = 4
  out[at + 3] = value >>> 24
  out[at + 4] = value >>> 16
  out[at + 5] = value >>> 8
  out[at + 6] = value
  return at + 7
}

/** AS_PATH with `asn` in front, in a new segment when the first is a set or full (RFC 4271 §5.1.2 b). */
function writePath(bytes: Uint8Array, start: number, end: number, asn: number, out: Uint8Array, at: number): number {
  const joins = start < end && bytes[start] === 2 && bytes[start + 1]! < 255
  const size = end - start + (joins ? 4 : 6)
  let length = at
  out[length++] = size > 255 ? 0x50 : 0x40
  out[length++] = 2
  if (size > 255) out[length++] = size >>> 8
  out[length++] = size
  out[length++] = 2
  out[length++] = joins ? bytes[start + 1]! + 1 : 1
  out[length++] = asn >>> 24
  out[length++] = asn >>> 16
  out[length++] = asn >>> 8
  out[length++] = asn
  return copy(bytes, joins ? start + 2 : start, end, out, length)
}
