/**
 * Which routes a peer may give us and get from us: prefix lists (what most configurations need) and a typed function for
 * everything else. A refusal has a reason, so that "why is this route missing" can be answered.
 *
 * NOT IMPLEMENTED: RFC 8212 (without a policy an external session exchanges nothing); absent lists allow everything.
 */
import type { Prefix } from '@lodestone/net'
import type { AttributeSet } from './attribute-set.ts'

/** A prefix, and with `minLength`/`maxLength` the more specific ones inside it. */
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

export type PolicyResult =
  | { readonly kind: 'accept'; readonly attributes?: AttributeSet }
  /** `code` is stable, for machines. */
  | { readonly kind: 'reject'; readonly code: string; readonly sentence: string }

/** Called per route; may return changed attributes. Must be pure: results are kept until the route changes. */
export type RoutePolicy = (prefix: Prefix, attributes: AttributeSet) => PolicyResult

export interface Policy {
  /** Only prefixes that match one of these pass; absent: all pass. */
  readonly allow?: readonly PrefixRule[] | undefined
  readonly route?: RoutePolicy | undefined
}

export function applyPolicy(
  policy: Policy,
  direction: 'import' | 'export',
  prefix: Prefix,
  attributes: AttributeSet,
): PolicyResult {
  if (policy.allow !== undefined && !policy.allow.some((rule) => prefixRuleMatches(rule, prefix))) {
    return { kind: 'reject', code: `${direction}-allow-list`, sentence: `${prefix} is not on the ${direction} list` }
  }
  return policy.route?.(prefix, attributes) ?? { kind: 'accept' }
}
