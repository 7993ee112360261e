/**
 * From a received route to a path of the RIB (RFC 4271 §9, §6.3): checks that make a route unusable, and import policy.
 *
 * A refused route is not forgotten: it replaces whatever the peer offered before (the implicit withdraw) and stays in
 * the adj-RIB-in with the reason.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { Announcement, Unusable } from '@lodestone/rib'
import { asPathContains } from './as-path.ts'
import type { AttributeSet } from './attribute-set.ts'
import type { NegotiatedSession } from './negotiation.ts'
import { applyPolicy, type Policy } from './policy.ts'

export interface ImportContext {
  readonly localAsn: number
  readonly localId: number
  readonly session: NegotiatedSession
  /** Refuse routes of an external peer whose AS_PATH does not begin with the peer's AS (RFC 4271 §6.3). */
  readonly enforceFirstAs: boolean
  readonly policy: Policy
  readonly isLocalAddress: (address: Ip) => boolean
  readonly isOriginated: (prefix: Prefix) => boolean
  /** Interface to the peer, for next hops that need one. */
  readonly interface: string | undefined
}

export interface ReceivedRoute {
  readonly prefix: Prefix
  readonly attributes: AttributeSet
  readonly nextHop: Ip
  readonly linkLocalNextHop?: Ip | undefined
}

export function importRoute(route: ReceivedRoute, context: ImportContext): Announcement {
  let { attributes } = route
  let unusable = refusal(route, context)
  if (unusable === undefined) {
    const result = applyPolicy(context.policy, 'import', route.prefix, attributes)
    if (result.kind === 'reject') unusable = { code: result.code, sentence: result.sentence }
    else attributes = result.attributes ?? attributes
  }
  return { nextHop: route.nextHop, nextHopInterface: context.interface, attributes, unusable }
}

function refusal({ prefix, attributes, nextHop }: ReceivedRoute, context: ImportContext): Unusable | undefined {
  const { session } = context
  // RFC 4271 §9: our own AS in the path means that the route went through us already.
  if (session.isExternal && asPathContains(attributes.asPath, context.localAsn)) {
    return { code: 'as-loop', sentence: `AS ${context.localAsn} is in the AS_PATH ${attributes.asPathText}` }
  }
  // RFC 4456 §8.
  if (!session.isExternal && attributes.originatorId === context.localId) {
    return { code: 'originator-loop', sentence: 'we originated this route' }
  }
  if (session.isExternal && context.enforceFirstAs && attributes.neighbourAsn !== session.peerAsn) {
    return {
      code: 'first-as',
      sentence: `the AS_PATH ${attributes.asPathText} does not begin with the peer's AS ${session.peerAsn}`,
    }
  }
  if (nextHop.isUnspecified || nextHop.isMulticast || nextHop.isLoopback) {
    return { code: 'next-hop-invalid', sentence: `${nextHop} cannot be a next hop` }
  }
  // RFC 4271 §6.3: a next hop that is ours is no error, but the route is not used.
  if (context.isLocalAddress(nextHop)) return { code: 'next-hop-self', sentence: `${nextHop} is our own address` }
  if (prefix.length === nextHop.bytes.length * 8 && prefix.address.equals(nextHop)) {
    return { code: 'next-hop-is-prefix', sentence: 'the next hop is reachable only through itself' }
  }
  if (context.isOriginated(prefix)) return { code: 'locally-originated', sentence: 'this router originates the prefix' }
  return undefined
}
