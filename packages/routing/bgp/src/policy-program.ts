/**
 * Policies made ready to run: texts parsed once, and known whether the answer depends on the prefix or only on what routes
 * share. Where it does not, one evaluation serves every route with the same attributes.
 *
 * Invariant: `policyProblems` is empty exactly when `compilePolicy` does not throw.
 */
import { Ip, Prefix } from '@lodestone/net'
import { asPathContains, leftmostAsn, originAsn, prependAsn } from './as-path.ts'
import { type AttributeFields, type AttributeSet, Origin } from './attribute-set.ts'
import {
  bytesOf,
  type CommunityMatcher,
  isExact,
  matchesWords,
  parseCommunity,
  parseExtendedCommunity,
  parseLargeCommunity,
  wordsOf,
} from './community.ts'
import {
  type Policy,
  type PolicyAction,
  type PolicyCondition,
  type PolicyResult,
  type PrefixPattern,
  type PrefixRule,
  prefixRuleMatches,
  type RouteContext,
  type SetOperation,
} from './policy.ts'

export interface CompiledPolicy {
  /** Nothing is refused and nothing changed: not even asked. */
  readonly isTransparent: boolean
  /** The answer may differ between prefixes with the same attributes. */
  readonly dependsOnPrefix: boolean
  apply(prefix: Prefix, attributes: AttributeSet, context: RouteContext): PolicyResult
}

/** A route on its way through the statements. */
interface Route {
  readonly prefix: Prefix
  readonly context: RouteContext
  attributes: AttributeSet
  nextHop: Ip
  preference: number | undefined
}

type Test = (route: Route) => boolean
type Change = (route: Route) => void

class PolicyError extends Error {}

const ACCEPT: PolicyResult = { kind: 'accept' }

/** @throws when `policyProblems` has something to say. */
export function compilePolicy(policy: Policy, direction: 'import' | 'export'): CompiledPolicy {
  const { allow, route } = policy
  const statements = (policy.statements ?? []).map((statement, i) => {
    const where = `statements[${i}]`
    return {
      name: statement.name ?? `statement ${i + 1}`,
      tests: (statement.match ?? []).map((condition, k) => testOf(condition, policy, `${where}.match[${k}]`)),
      changes: (statement.set ?? []).map((action, k) => changeOf(action, `${where}.set[${k}]`)),
      verdict: statement.verdict,
    }
  })
  const otherwise = policy.otherwise ?? (policy.statements === undefined ? 'accept' : 'reject')
  const isPerPrefix = (policy.statements ?? []).some((statement) => (statement.match ?? []).some(looksAtPrefix))

  const apply = (prefix: Prefix, attributes: AttributeSet, context: RouteContext): PolicyResult => {
    if (allow !== undefined && !allow.some((rule) => prefixRuleMatches(rule, prefix))) {
      return { kind: 'reject', code: `${direction}-allow-list`, sentence: `the prefix is not on the ${direction} list` }
    }
    let verdict = otherwise
    let by: string | undefined
    const state: Route = { prefix, context, attributes, nextHop: context.nextHop, preference: undefined }
    for (const statement of statements) {
      if (!statement.tests.every((test) => test(state))) continue
      for (const change of statement.changes) change(state)
      if (statement.verdict === undefined) continue
      verdict = statement.verdict
      by = statement.name
      break
    }
    if (verdict === 'reject') {
      const who = by === undefined ? 'no statement accepts it' : `${by} rejects it`
      return { kind: 'reject', code: `${direction}-policy`, sentence: `${direction} policy: ${who}` }
    }
    const result = route?.(prefix, state.attributes, { ...context, nextHop: state.nextHop }) ?? ACCEPT
    if (result.kind === 'reject') return result
    if (result === ACCEPT && state.attributes === attributes && by === undefined && state.nextHop === context.nextHop) {
      return state.preference === undefined ? ACCEPT : { kind: 'accept', preference: state.preference }
    }
    return {
      kind: 'accept',
      attributes: result.attributes ?? state.attributes,
      nextHop: result.nextHop ?? (state.nextHop === context.nextHop ? undefined : state.nextHop),
      preference: result.preference ?? state.preference,
      by: result.by ?? by,
    }
  }
  return {
    isTransparent: allow === undefined && statements.length === 0 && route === undefined && otherwise === 'accept',
    dependsOnPrefix: allow !== undefined || isPerPrefix || route !== undefined,
    apply,
  }
}

/** What is wrong with a declared policy, each with its place. Empty: it can be used. */
export function policyProblems(policy: Policy): readonly string[] {
  const problems: string[] = []
  const collect = (fn: () => unknown): void => {
    try {
      fn()
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error
      problems.push(error.message)
    }
  }
  for (const [name, patterns] of Object.entries(policy.prefixLists ?? {})) {
    patterns.forEach((pattern, i) => collect(() => ruleOf(pattern, `prefixLists.${name}[${i}]`)))
  }
  policy.statements?.forEach((statement, i) => {
    statement.match?.forEach((condition, k) => collect(() => testOf(condition, policy, `statements[${i}].match[${k}]`)))
    statement.set?.forEach((action, k) => collect(() => changeOf(action, `statements[${i}].set[${k}]`)))
  })
  return problems
}

function looksAtPrefix(condition: PolicyCondition): boolean {
  switch (condition.kind) {
    case 'prefix':
    case 'prefix-list':
      return true
    case 'not':
      return looksAtPrefix(condition.condition)
    case 'any-of':
      return condition.conditions.some(looksAtPrefix)
    default:
      return false
  }
}

// --- conditions -----------------------------------------------------------------------------------------------------

const ORIGINS = ['igp', 'egp', 'incomplete'] as const

function testOf(condition: PolicyCondition, policy: Policy, where: string): Test {
  switch (condition.kind) {
    case 'prefix':
      return prefixTest(condition.any, `${where}.any`)
    case 'prefix-list': {
      const list = policy.prefixLists?.[condition.name]
      if (list === undefined) throw new PolicyError(`${where}: there is no prefix list called ${condition.name}`)
      return prefixTest(list, `prefixLists.${condition.name}`)
    }
    case 'family': {
      const family = condition.family === 'ipv4' ? 4 : 6
      return (route) => route.prefix.family === family
    }
    case 'community':
      return setTest(condition, parseCommunity, 1, ({ attributes }) => attributes.communities, where)
    case 'extended-community':
      return setTest(condition, parseExtendedCommunity, 2, extendedWords, where)
    case 'large-community':
      return setTest(condition, parseLargeCommunity, 3, largeWords, where)
    case 'as-path': {
      const regex = asPathRegex(condition.regex, where)
      return ({ attributes }) => regex.test(attributes.asPathText)
    }
    case 'as-set': {
      const asns = new Set(condition.asns)
      if (condition.where === 'neighbour') return ({ attributes }) => asns.has(leftmostAsn(attributes.asPath))
      if (condition.where === 'origin') return ({ attributes }) => asns.has(originAsn(attributes.asPath))
      return ({ attributes }) => condition.asns.some((asn) => asPathContains(attributes.asPath, asn))
    }
    case 'as-path-length':
      return rangeTest(condition, ({ attributes }) => attributes.asPathLength)
    case 'med':
      return rangeTest(condition, ({ attributes }) => attributes.effectiveMed)
    case 'local-pref':
      return rangeTest(condition, ({ attributes }) => attributes.effectiveLocalPref)
    case 'origin':
      return ({ attributes }) => ORIGINS[attributes.origin] === condition.origin
    case 'next-hop': {
      const rules = condition.any.map((pattern, i) => ruleOf(pattern, `${where}.any[${i}]`))
      return ({ nextHop }) => rules.some((rule) => rule.prefix.contains(nextHop))
    }
    case 'learned-from': {
      const peers = new Set(condition.peers)
      return ({ context }) =>
        peers.has(context.direction === 'import' ? context.peer : (context.learnedFrom ?? 'originated'))
    }
    case 'not': {
      const test = testOf(condition.condition, policy, `${where}.condition`)
      return (route) => !test(route)
    }
    case 'any-of': {
      const tests = condition.conditions.map((inner, i) => testOf(inner, policy, `${where}.conditions[${i}]`))
      return (route) => tests.some((test) => test(route))
    }
    default: {
      const never: never = condition
      throw new PolicyError(`${where}: ${JSON.stringify((never as { kind?: unknown }).kind)} is no kind of condition`)
    }
  }
}

function ruleOf(pattern: PrefixPattern, where: string): PrefixRule {
  const {
    prefix: text,
    ge,
    le,
  }: { prefix: string; ge?: number; le?: number } = typeof pattern === 'string' ? { prefix: pattern } : pattern
  const prefix = Prefix.parse(text)
  if (prefix === undefined) throw new PolicyError(`${where}: ${JSON.stringify(text)} is not a prefix`)
  const bits = prefix.family === 4 ? 32 : 128
  const min = ge ?? prefix.length
  // As everywhere: `ge` alone reaches to host routes.
  const max = le ?? (ge === undefined ? prefix.length : bits)
  if (min < prefix.length || max < min || max > bits) {
    throw new PolicyError(`${where}: lengths ${min} to ${max} do not fit ${prefix}`)
  }
  return { prefix: prefix.masked(), minLength: min, maxLength: max }
}

function prefixTest(patterns: readonly PrefixPattern[], where: string): Test {
  const rules = patterns.map((pattern, i) => ruleOf(pattern, `${where}[${i}]`))
  return ({ prefix }) => {
    for (const rule of rules) if (prefixRuleMatches(rule, prefix)) return true
    return false
  }
}

function rangeTest(
  { min = 0, max = Infinity }: { readonly min?: number | undefined; readonly max?: number | undefined },
  value: (route: Route) => number,
): Test {
  return (route) => {
    const number = value(route)
    return number >= min && number <= max
  }
}

type Parser = (text: string) => CommunityMatcher | undefined

function matchersOf(texts: readonly string[], parse: Parser, where: string): readonly CommunityMatcher[] {
  return texts.map((text, i) => {
    const matcher = parse(text)
    if (matcher === undefined) throw new PolicyError(`${where}[${i}]: ${JSON.stringify(text)} is not a community`)
    return matcher
  })
}

function setTest(
  { any, all }: { readonly any?: readonly string[]; readonly all?: readonly string[] },
  parse: Parser,
  size: number,
  words: (route: Route) => readonly number[],
  where: string,
): Test {
  const some = any === undefined ? undefined : matchersOf(any, parse, `${where}.any`)
  const every = matchersOf(all ?? [], parse, `${where}.all`)
  const has = (matcher: CommunityMatcher, present: readonly number[]): boolean => {
    for (let at = 0; at < present.length; at += size) if (matchesWords(matcher, present, at)) return true
    return false
  }
  return (route) => {
    const present = words(route)
    if (some !== undefined && !some.some((matcher) => has(matcher, present))) return false
    return every.every((matcher) => has(matcher, present))
  }
}

function extendedWords({ attributes }: Route): readonly number[] {
  return attributes.extendedCommunities === undefined ? [] : wordsOf(attributes.extendedCommunities)
}

function largeWords({ attributes }: Route): readonly number[] {
  return attributes.largeCommunities === undefined ? [] : wordsOf(attributes.largeCommunities)
}

/** `_` stands for the boundary of a number, as routers' command lines have it. */
function asPathRegex(text: string, where: string): RegExp {
  try {
    return new RegExp(text.replaceAll('_', '(?:^|$|[ {},])'))
  } catch (error) {
    throw new PolicyError(`${where}.regex: ${(error as Error).message}`)
  }
}

// --- actions --------------------------------------------------------------------------------------------------------

function changeOf(action: PolicyAction, where: string): Change {
  const change = (fields: Partial<AttributeFields>): Change => {
    return (route) => void (route.attributes = route.attributes.with(fields))
  }
  switch (action.kind) {
    case 'local-pref':
      return change({ localPref: u32(action.value, where) })
    case 'med':
      return change({ med: action.value === null ? undefined : u32(action.value, where) })
    case 'preference': {
      const value = u32(action.value, where)
      return (route) => void (route.preference = value)
    }
    case 'origin': {
      if (!(action.value in Origin)) throw new PolicyError(`${where}: ${String(action.value)} is no origin`)
      return change({ origin: Origin[action.value] })
    }
    case 'prepend': {
      if (!Number.isInteger(action.count) || action.count < 1 || action.count > 64) {
        throw new PolicyError(`${where}: prepend 1 to 64 times, not ${action.count}`)
      }
      return (route) => {
        const { context, attributes } = route
        const asn = action.asn ?? (context.direction === 'import' ? context.peerAsn : context.localAsn)
        route.attributes = attributes.with({ asPath: prependAsn(attributes.asPath, asn, action.count) })
      }
    }
    case 'community': {
      const edit = editOf(action.operation, matchersOf(action.values, parseCommunity, `${where}.values`), 1, where)
      return (route) =>
        void (route.attributes = route.attributes.with({ communities: edit(route.attributes.communities) }))
    }
    case 'extended-community': {
      const matchers = matchersOf(action.values, parseExtendedCommunity, `${where}.values`)
      const edit = editOf(action.operation, matchers, 2, where)
      return (route) => {
        const words = edit(extendedWords(route))
        route.attributes = route.attributes.with({
          extendedCommunities: words.length === 0 ? undefined : bytesOf(words),
        })
      }
    }
    case 'large-community': {
      const matchers = matchersOf(action.values, parseLargeCommunity, `${where}.values`)
      const edit = editOf(action.operation, matchers, 3, where)
      return (route) => {
        const words = edit(largeWords(route))
        route.attributes = route.attributes.with({ largeCommunities: words.length === 0 ? undefined : bytesOf(words) })
      }
    }
    case 'next-hop': {
      if (action.value === 'self') {
        return (route) => void (route.nextHop = route.context.ownNextHop ?? route.nextHop)
      }
      if (action.value === 'unchanged') {
        return (route) => void (route.nextHop = route.context.receivedNextHop ?? route.nextHop)
      }
      const address = Ip.parse(action.value)
      if (address === undefined) throw new PolicyError(`${where}: ${JSON.stringify(action.value)} is not an address`)
      return (route) => void (route.nextHop = address)
    }
    default: {
      const never: never = action
      throw new PolicyError(`${where}: ${JSON.stringify((never as { kind?: unknown }).kind)} is no kind of action`)
    }
  }
}

function u32(value: number, where: string): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new PolicyError(`${where}: ${value} is not an unsigned 32-bit number`)
  }
  return value
}

/** Edits a list of communities of `size` words each; the result has no repetitions and keeps the order. */
function editOf(
  operation: SetOperation,
  matchers: readonly CommunityMatcher[],
  size: number,
  where: string,
): (words: readonly number[]) => number[] {
  if (operation === 'delete') {
    return (words) => {
      const out: number[] = []
      for (let at = 0; at < words.length; at += size) {
        if (!matchers.some((matcher) => matchesWords(matcher, words, at))) out.push(...words.slice(at, at + size))
      }
      return out
    }
  }
  if (operation !== 'add' && operation !== 'set')
    throw new PolicyError(`${where}: ${String(operation)} is no operation`)
  if (!matchers.every(isExact)) throw new PolicyError(`${where}: a wild card can only be deleted`)
  return (words) => {
    const out = operation === 'set' ? [] : [...words]
    for (const matcher of matchers) {
      let isPresent = false
      for (let at = 0; at < out.length; at += size) isPresent ||= matchesWords(matcher, out, at)
      if (!isPresent) out.push(...matcher.words)
    }
    return out
  }
}
