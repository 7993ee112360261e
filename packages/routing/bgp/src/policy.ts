/**
 * Which routes a peer may give us and get from us, and what is changed on the way. Three forms, applied in this order:
 * `allow`, prefix lists as most configurations need them; `statements`, a declared policy, which is data that JSON and YAML can
 * carry; `route`, a typed function for everything else. A refusal has a reason, so that "why is this route missing" can
 * be answered. The evaluation is in `policy-program.ts`.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { Family } from './address-family.ts'
import type { AttributeSet } from './attribute-set.ts'

/** A prefix, and with `minLength`/`maxLength` (ge, le) the more specific ones inside it. */
export interface PrefixRule {
  readonly prefix: Prefix
  /** Default: the prefix's own length. */
  readonly minLength?: number | undefined
  /** Default: `minLength` if given, else the prefix's own length. */
  readonly maxLength?: number | undefined
}

export function prefixRuleMatches(rule: PrefixRule, prefix: Prefix): boolean {
  const min = rule.minLength ?? rule.prefix.length
  const max = rule.maxLength ?? Math.max(min, rule.prefix.length)
  return (
    rule.prefix.family === prefix.family && prefix.length >= min && prefix.length <= max && rule.prefix.covers(prefix)
  )
}

// --- declared policies: data --------------------------------------------------------------------------------------

/** `{ prefix: "10.0.0.0/8", ge: 16, le: 24 }`; the text alone means exactly that prefix. */
export type PrefixPattern = string | { readonly prefix: string; readonly ge?: number; readonly le?: number }

/** `65001:100`, `65001:*`, or a registered name such as `no-export`, `graceful-shutdown`. */
export type CommunityPattern = string
/** `65001:1:2`, each part may be `*`. */
export type LargeCommunityPattern = string
/** `rt:65001:100`, `ro:192.0.2.1:5`, or 16 hex digits; `rt:*` for every route target. */
export type ExtendedCommunityPattern = string

interface Range {
  readonly min?: number | undefined
  readonly max?: number | undefined
}

export type PolicyCondition =
  | { readonly kind: 'prefix'; readonly any: readonly PrefixPattern[] }
  /** One of `Policy.prefixLists`. */
  | { readonly kind: 'prefix-list'; readonly name: string }
  | { readonly kind: 'family'; readonly family: 'ipv4' | 'ipv6' }
  /** At least one of `any` and every one of `all`. */
  | {
      readonly kind: 'community'
      readonly any?: readonly CommunityPattern[]
      readonly all?: readonly CommunityPattern[]
    }
  | {
      readonly kind: 'extended-community'
      readonly any?: readonly ExtendedCommunityPattern[]
      readonly all?: readonly ExtendedCommunityPattern[]
    }
  | {
      readonly kind: 'large-community'
      readonly any?: readonly LargeCommunityPattern[]
      readonly all?: readonly LargeCommunityPattern[]
    }
  /** Regular expression over the AS_PATH as text; `_` matches a boundary between numbers, `^` and `$` the ends. */
  | { readonly kind: 'as-path'; readonly regex: string }
  /** Some AS of the path, its first (the neighbour's) or its last (the origin's) is in the set. */
  | { readonly kind: 'as-set'; readonly where: 'any' | 'neighbour' | 'origin'; readonly asns: readonly number[] }
  | ({ readonly kind: 'as-path-length' } & Range)
  | ({ readonly kind: 'med' } & Range)
  | ({ readonly kind: 'local-pref' } & Range)
  | { readonly kind: 'origin'; readonly origin: 'igp' | 'egp' | 'incomplete' }
  | { readonly kind: 'next-hop'; readonly any: readonly PrefixPattern[] }
  /** Export: the peer that the route came from, by name; `originated` for our own. */
  | { readonly kind: 'learned-from'; readonly peers: readonly string[] }
  | { readonly kind: 'not'; readonly condition: PolicyCondition }
  | { readonly kind: 'any-of'; readonly conditions: readonly PolicyCondition[] }

export type PolicyAction =
  | { readonly kind: 'local-pref'; readonly value: number }
  /** `null` takes the attribute away. */
  | { readonly kind: 'med'; readonly value: number | null }
  /** Administrative preference of the path, import only. */
  | { readonly kind: 'preference'; readonly value: number }
  | { readonly kind: 'origin'; readonly value: 'igp' | 'egp' | 'incomplete' }
  /** Without `asn` our own; on import the neighbour's. */
  | { readonly kind: 'prepend'; readonly count: number; readonly asn?: number | undefined }
  | { readonly kind: 'community'; readonly operation: SetOperation; readonly values: readonly CommunityPattern[] }
  | {
      readonly kind: 'extended-community'
      readonly operation: SetOperation
      readonly values: readonly ExtendedCommunityPattern[]
    }
  | {
      readonly kind: 'large-community'
      readonly operation: SetOperation
      readonly values: readonly LargeCommunityPattern[]
    }
  /** An address; on export also `self` (ours) and `unchanged` (the one that the route came with). */
  | { readonly kind: 'next-hop'; readonly value: string }

/** `delete` takes patterns, the others exact values. */
export type SetOperation = 'add' | 'delete' | 'set'

export type PolicyVerdict = 'accept' | 'reject'

export interface PolicyStatement {
  readonly name?: string | undefined
  /** All must hold; absent or empty: every route. */
  readonly match?: readonly PolicyCondition[] | undefined
  readonly set?: readonly PolicyAction[] | undefined
  /** Absent: the next statement goes on with the changed route. */
  readonly verdict?: PolicyVerdict | undefined
}

/** What a policy function is told beside the route. */
export interface RouteContext {
  readonly direction: 'import' | 'export'
  readonly peer: string
  readonly peerAsn: number
  readonly localAsn: number
  readonly isExternal: boolean
  readonly nextHop: Ip
  /** Export: our own next hop for the family and the one that the route came with, where there are such. */
  readonly ownNextHop?: Ip | undefined
  readonly receivedNextHop?: Ip | undefined
  /** Export: the peer that the route was learned from; undefined when we originate it. */
  readonly learnedFrom: string | undefined
}

export type PolicyResult =
  | {
      readonly kind: 'accept'
      readonly attributes?: AttributeSet
      readonly nextHop?: Ip | undefined
      /** Administrative preference; import only. */
      readonly preference?: number | undefined
      /** The statement that decided, for explanations. */
      readonly by?: string | undefined
    }
  /** `code` is stable, for machines. */
  | { readonly kind: 'reject'; readonly code: string; readonly sentence: string }

/** Called per route; may return changed attributes. Must be pure: results are kept until the route changes. */
export type RoutePolicy = (prefix: Prefix, attributes: AttributeSet, context: RouteContext) => PolicyResult

export interface Policy {
  /** Only prefixes that match one of these pass; absent: all pass. */
  readonly allow?: readonly PrefixRule[] | undefined
  /** The first statement with a verdict decides. */
  readonly statements?: readonly PolicyStatement[] | undefined
  /** For routes that no statement decided; default `reject` when there are statements, else `accept`. */
  readonly otherwise?: PolicyVerdict | undefined
  /** For conditions of kind `prefix-list`, by name. */
  readonly prefixLists?: Readonly<Record<string, readonly PrefixPattern[]>> | undefined
  readonly route?: RoutePolicy | undefined
}

/** `import: accept`: everything passes, and RFC 8212 is satisfied. */
export const ACCEPT_ALL: Policy = { otherwise: 'accept' }
export const REJECT_ALL: Policy = { statements: [], otherwise: 'reject' }

// --- dry run ------------------------------------------------------------------------------------------------------

/** What a changed policy would do to one route. */
export interface PolicyDifference {
  readonly prefix: Prefix
  readonly family: Family
  readonly pathId: number
  readonly change: 'newly-accepted' | 'newly-rejected' | 'changed'
  readonly before: string
  readonly after: string
}

export interface DryRun {
  readonly direction: 'import' | 'export'
  readonly examined: number
  readonly unchanged: number
  readonly newlyAccepted: number
  readonly newlyRejected: number
  readonly changed: number
  /** The first of them, as many as were asked for. */
  readonly differences: readonly PolicyDifference[]
}
