/**
 * What becomes of a received route (RFC 4271 §9, §6.3): checks that make it unusable, then what this router always changes, then import
 * policy. A refused route is not forgotten: it replaces whatever the peer offered before (the implicit withdraw) and stays in
 * the adj-RIB-in with the reason.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { Announcement, Unusable } from '@lodestone/rib'
import { SetFlag } from './attribute-scan.ts'
import type { AttributeFields, AttributeSet } from './attribute-set.ts'
import type { NegotiatedSession } from './negotiation.ts'
import type { Policy, RouteContext } from './policy.ts'
import { compilePolicy, type CompiledPolicy } from './policy-program.ts'
import { isLeak, otcOnImport } from './role.ts'

export interface ImportContext {
  readonly peer: string
  readonly localAsn: number
  readonly localId: number
  /** RFC 4456 §7, unsigned 32 bits. */
  readonly clusterId: number
  readonly session: NegotiatedSession
  /** Refuse routes of an external peer whose AS_PATH does not begin with the peer's AS (RFC 4271 §6.3). */
  readonly enforceFirstAs: boolean
  readonly allowOwnAs: number
  readonly localPref: number | undefined
  readonly honoursGracefulShutdown: boolean
  readonly policy: Policy | undefined
  /** RFC 8212: without a policy nothing is taken from an external peer. */
  readonly requiresPolicy: boolean
  readonly isLocalAddress: (address: Ip) => boolean
  /** Cost of the way to a next hop, undefined when there is none; absent: every next hop is taken to be reachable. */
  readonly resolveNextHop:
    | ((nextHop: Ip, interfaceName: string | undefined) => { readonly metric: number } | undefined)
    | undefined
  /** Interface to the peer, for next hops that need one. */
  readonly interface: string | undefined
}

export class RouteJudge {
  readonly #context: ImportContext
  readonly #policy: CompiledPolicy | undefined

  constructor(context: ImportContext) {
    this.#context = context
    this.#policy = context.policy === undefined ? undefined : compilePolicy(context.policy, 'import')
  }

  /** Routes with the same attributes and next hop may be judged differently. */
  get dependsOnPrefix(): boolean {
    return this.#policy?.dependsOnPrefix ?? false
  }

  /** @param prefix only looked at where `dependsOnPrefix`. */
  judge(attributes: AttributeSet, nextHop: Ip, prefix: Prefix): Announcement {
    const { interface: nextHopInterface, resolveNextHop } = this.#context
    const refused = this.#refusal(attributes, nextHop)
    if (refused !== undefined) return { nextHop, nextHopInterface, received: attributes, attributes, unusable: refused }
    let metric = 0
    if (resolveNextHop !== undefined) {
      const way = resolveNextHop(nextHop, nextHopInterface)
      if (way === undefined) {
        const unusable = { code: 'next-hop-unreachable', sentence: `no way to ${nextHop}` }
        return { nextHop, nextHopInterface, received: attributes, attributes, unusable }
      }
      metric = way.metric
    }
    const own = this.#ownChanges(attributes)
    if (this.#policy === undefined || this.#policy.isTransparent) {
      return { nextHop, nextHopInterface, received: attributes, metric, attributes: own }
    }
    const result = this.#policy.apply(prefix, own, this.#routeContext(nextHop))
    if (result.kind === 'reject') {
      const { code, sentence } = result
      return {
        nextHop,
        nextHopInterface,
        received: attributes,
        attributes,
        unusable: { code, sentence },
        policy: sentence,
      }
    }
    return {
      nextHop: result.nextHop ?? nextHop,
      nextHopInterface,
      received: attributes,
      receivedNextHop: result.nextHop === undefined ? undefined : nextHop,
      metric,
      attributes: result.attributes ?? own,
      preference: result.preference,
      policy: result.by === undefined ? 'accepted' : `${result.by} accepts it`,
    }
  }

  #routeContext(nextHop: Ip): RouteContext {
    const { peer, localAsn, session } = this.#context
    return {
      direction: 'import',
      peer,
      peerAsn: session.peerAsn,
      localAsn,
      isExternal: session.isExternal,
      nextHop,
      learnedFrom: peer,
    }
  }

  #ownChanges(attributes: AttributeSet): AttributeSet {
    const { session, localPref, honoursGracefulShutdown } = this.#context
    if (!session.isExternal) return attributes
    const isPlain = localPref === undefined && session.role === undefined
    if (isPlain && (attributes.flags & SetFlag.gracefulShutdown) === 0) return attributes
    const changes: { -readonly [Key in keyof AttributeFields]?: AttributeFields[Key] } = {}
    if (localPref !== undefined) changes.localPref = localPref
    // RFC 8326 §4.2: the path is still there, and the last that anybody would choose.
    if (honoursGracefulShutdown && (attributes.flags & SetFlag.gracefulShutdown) !== 0) changes.localPref = 0
    if (session.role !== undefined && attributes.otc === undefined) {
      const otc = otcOnImport(session.role, session.peerAsn)
      if (otc !== undefined) changes.otc = otc
    }
    for (const _ in changes) return attributes.with(changes)
    return attributes
  }

  #refusal(attributes: AttributeSet, nextHop: Ip): Unusable | undefined {
    const context = this.#context
    const { session, localAsn } = context
    if (session.isExternal && context.requiresPolicy && context.policy === undefined) {
      return { code: 'no-import-policy', sentence: 'no import policy is configured for this external peer (RFC 8212)' }
    }
    // RFC 4271 §9: our own AS in the path means that the route went through us already.
    if (session.isExternal && attributes.countOf(localAsn) > context.allowOwnAs) {
      return { code: 'as-loop', sentence: `AS ${localAsn} is in the AS_PATH ${attributes.asPathText}` }
    }
    if (!session.isExternal) {
      // RFC 4456 §8.
      if (attributes.originatorId === context.localId)
        return { code: 'originator-loop', sentence: 'we originated this route' }
      if (attributes.clusterListLength > 0 && attributes.clusterList.includes(context.clusterId)) {
        return { code: 'cluster-loop', sentence: 'the route has been through our cluster' }
      }
    }
    if (session.isExternal && context.enforceFirstAs && attributes.neighbourAsn !== session.peerAsn) {
      return {
        code: 'first-as',
        sentence: `the AS_PATH ${attributes.asPathText} does not begin with the peer's AS ${session.peerAsn}`,
      }
    }
    if (session.role !== undefined && isLeak(session.role, attributes.otc, session.peerAsn)) {
      return { code: 'route-leak', sentence: `the route was for customers only (OTC ${attributes.otc})` }
    }
    if (nextHop.isUnspecified || nextHop.isMulticast || nextHop.isLoopback) {
      return { code: 'next-hop-invalid', sentence: `${nextHop} cannot be a next hop` }
    }
    // RFC 4271 §6.3: a next hop that is ours is no error, but the route is not used.
    if (context.isLocalAddress(nextHop)) return { code: 'next-hop-self', sentence: `${nextHop} is our own address` }
    return undefined
  }
}
