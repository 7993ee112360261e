/**
 * From the loc-RIB to what one peer is told (RFC 4271 §9.1.3, §5.1): which routes, with which attributes and next hop.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { Path } from '@lodestone/rib'
import { prependAsn } from './as-path.ts'
import { AttributeSet, Community, DEFAULT_LOCAL_PREF, Origin } from './attribute-set.ts'
import type { NegotiatedSession } from './negotiation.ts'
import { applyPolicy, type Policy } from './policy.ts'

export interface ExportContext {
  readonly localAsn: number
  /** Name of the peer, which is never told its own routes. */
  readonly peer: string
  readonly session: NegotiatedSession
  readonly policy: Policy
  /** Next hops of ours that the peer can reach; a family without one is not exported. */
  readonly nextHop4: Ip | undefined
  readonly nextHop6: Ip | undefined
  /** Replace the next hop towards internal peers too. */
  readonly nextHopSelf: boolean
}

export interface ExportedRoute {
  readonly attributes: AttributeSet
  readonly nextHop: Ip
}

export type ExportResult =
  | ({ readonly kind: 'export' } & ExportedRoute)
  /** Not told to the peer, and why. */
  | { readonly kind: 'suppress'; readonly code: string; readonly sentence: string }

const ORIGINATED: AttributeSet = AttributeSet.of({ origin: Origin.igp, asPath: [] })

/**
 * @param best the selected path, or `originated` for a prefix of our own.
 * @param cache of transformed sets, kept per peer by the caller: one transformation per set, not per route.
 */
export function exportRoute(
  prefix: Prefix,
  best: Path | 'originated' | undefined,
  context: ExportContext,
  cache: WeakMap<AttributeSet, AttributeSet>,
): ExportResult {
  const suppress = (code: string, sentence: string): ExportResult => ({ kind: 'suppress', code, sentence })
  const { session } = context
  if (!session.families.includes(prefix.family)) {
    return suppress('family', `IPv${prefix.family} unicast was not negotiated`)
  }
  if (best === undefined) return suppress('no-route', 'no usable path')
  let source = ORIGINATED
  let nextHop = ownNextHop(prefix, context)
  if (best !== 'originated') {
    // NOT IMPLEMENTED: redistribution of other protocols' routes; they are originated by configuration instead.
    if (best.source.protocol !== 'bgp' || !(best.attributes instanceof AttributeSet)) {
      return suppress('protocol', `${best.source.protocol} routes are not advertised`)
    }
    if (best.source.peer === context.peer) return suppress('split-horizon', 'the route came from this peer')
    // RFC 4271 §9.2: internal peers talk to each other directly. NOT IMPLEMENTED: route reflection (RFC 4456).
    if (!session.isExternal && best.source.bgp?.isExternal === false) {
      return suppress('ibgp-split-horizon', 'an internal route is not told to internal peers')
    }
    source = best.attributes
    if (source.hasCommunity(Community.noAdvertise)) return suppress('no-advertise', 'NO_ADVERTISE')
    if (
      session.isExternal &&
      (source.hasCommunity(Community.noExport) || source.hasCommunity(Community.noExportSubconfed))
    ) {
      return suppress('no-export', 'NO_EXPORT')
    }
    if (!session.isExternal && !context.nextHopSelf) nextHop = best.nextHop
  }
  if (nextHop === undefined) return suppress('no-next-hop', `no next hop of ours fits IPv${prefix.family}`)
  let attributes = cache.get(source)
  if (attributes === undefined) {
    attributes = session.isExternal ? towardsExternal(source, context.localAsn) : towardsInternal(source)
    cache.set(source, attributes)
  }
  const result = applyPolicy(context.policy, 'export', prefix, attributes)
  if (result.kind === 'reject') return suppress(result.code, result.sentence)
  return { kind: 'export', attributes: result.attributes ?? attributes, nextHop }
}

function ownNextHop(prefix: Prefix, context: ExportContext): Ip | undefined {
  if (prefix.family === 6) return context.nextHop6
  return context.nextHop4 ?? (context.session.ipv4OverIpv6 ? context.nextHop6 : undefined)
}

/** RFC 4271 §5.1.2, §5.1.4, §5.1.5; RFC 4456 §8: what is internal stays here, and our AS goes in front. */
function towardsExternal(source: AttributeSet, localAsn: number): AttributeSet {
  return source.with({
    asPath: prependAsn(source.asPath, localAsn),
    localPref: undefined,
    med: undefined,
    originatorId: undefined,
    clusterList: [],
  })
}

/** RFC 4271 §5.1.5: LOCAL_PREF is always sent to internal peers. */
function towardsInternal(source: AttributeSet): AttributeSet {
  return source.with({ localPref: source.localPref ?? DEFAULT_LOCAL_PREF })
}
