/** Policies as they are written to the form that the speaker evaluates. Every wrong value is found here, with its place. */
import {
  ACCEPT_ALL,
  type Policy,
  type PolicyAction,
  type PolicyCondition,
  policyProblems,
  type PolicyStatement,
  type PrefixPattern as BgpPrefixPattern,
  REJECT_ALL,
} from '@lodestone/bgp'
import { Prefix } from '@lodestone/net'
import type { PathProblem } from './config-problem.ts'
import type { PathSegment } from './located-yaml.ts'
import type { Policy as WrittenPolicy, PolicyMatch, PolicySet, PrefixPattern } from './policy-schema.ts'
import type { RoutedFile } from './schema.ts'
import type { PolicyUse } from './text-value.ts'

type Path = readonly PathSegment[]

/** The policies of one file. Equal uses give the same object, so that peers can share what is computed from it. */
export class PolicyBook {
  readonly #problems: PathProblem[]
  readonly #statements = new Map<string, readonly PolicyStatement[]>()
  readonly #policies = new Map<string, Policy>([
    ['accept', ACCEPT_ALL],
    ['reject', REJECT_ALL],
  ])
  readonly #prefixLists: NonNullable<Policy['prefixLists']>

  constructor(file: RoutedFile, problems: PathProblem[]) {
    this.#problems = problems
    const lists = Object.entries(file.prefix_lists ?? {})
    this.#prefixLists = Object.fromEntries(lists.map(([name, list]) => [name, patternsOf(list)]))
    for (const [name, list] of lists) {
      checkPatterns(list, ['prefix_lists', name], problems)
    }
    for (const [name, policy] of Object.entries(file.policies ?? {})) {
      const path = ['policies', name]
      if (name === 'accept' || name === 'reject') problems.push({ path, message: `${name} has its meaning already` })
      this.#statements.set(name, this.#convert(policy, path))
    }
  }

  /** What `import:` or `export:` says; undefined when it says nothing, which RFC 8212 has its own rule for. */
  use(use: PolicyUse | undefined, path: Path): Policy | undefined {
    if (use === undefined) return undefined
    const names = typeof use === 'string' ? [use] : use
    const key = names.join(' ')
    const known = this.#policies.get(key)
    if (known !== undefined) return known
    const statements = names.flatMap((name, i): readonly PolicyStatement[] => {
      if (name === 'accept' || name === 'reject') return [{ name, verdict: name }]
      const found = this.#statements.get(name)
      if (found !== undefined) return found
      const others = [...this.#statements.keys()]
      const message = `there is no policy ${name}${others.length === 0 ? '' : `; there are ${others.join(', ')}`}`
      this.#problems.push({ path: typeof use === 'string' ? path : [...path, i], message })
      return []
    })
    const policy: Policy = { statements, otherwise: 'reject', prefixLists: this.#prefixLists }
    this.#policies.set(key, policy)
    return policy
  }

  #convert(policy: WrittenPolicy, path: Path): readonly PolicyStatement[] {
    return policy.map((statement, i): PolicyStatement => {
      const at = [...path, i]
      if (statement.set === undefined && statement.verdict === undefined) {
        this.#problems.push({ path: at, message: 'neither set nor verdict: the statement does nothing' })
      }
      return {
        name: statement.name ?? `${path.at(-1)}[${i}]`,
        match: this.#conditions(statement.match ?? {}, [...at, 'match']),
        set: this.#actions(statement.set ?? {}, [...at, 'set']),
        verdict: statement.verdict,
      }
    })
  }

  #conditions(match: PolicyMatch, path: Path): readonly PolicyCondition[] {
    const out: PolicyCondition[] = []
    const add = (key: keyof PolicyMatch, condition: PolicyCondition): void => {
      this.#check({ match: [condition] }, [...path, key])
      out.push(condition)
    }
    const { prefix, prefix_list: listName, family, as_path: regex, origin, next_hop: nextHop } = match
    if (prefix !== undefined) {
      checkPatterns(prefix, [...path, 'prefix'], this.#problems)
      add('prefix', { kind: 'prefix', any: patternsOf(prefix) })
    }
    if (listName !== undefined) add('prefix_list', { kind: 'prefix-list', name: listName })
    if (family !== undefined) add('family', { kind: 'family', family })
    for (const key of ['community', 'extended_community', 'large_community'] as const) {
      const value = match[key]
      if (value === undefined) continue
      const { any, all } = value
      const lists = { ...(any === undefined ? {} : { any }), ...(all === undefined ? {} : { all }) }
      add(key, { kind: COMMUNITY_KIND[key], ...lists })
    }
    if (regex !== undefined) add('as_path', { kind: 'as-path', regex })
    for (const [key, where] of [
      ['as_any', 'any'],
      ['as_neighbour', 'neighbour'],
      ['as_origin', 'origin'],
    ] as const) {
      const asns = match[key]
      if (asns !== undefined) add(key, { kind: 'as-set', where, asns })
    }
    if (match.as_path_length !== undefined) add('as_path_length', { kind: 'as-path-length', ...match.as_path_length })
    if (match.med !== undefined) add('med', { kind: 'med', ...match.med })
    if (match.local_pref !== undefined) add('local_pref', { kind: 'local-pref', ...match.local_pref })
    if (origin !== undefined) add('origin', { kind: 'origin', origin })
    if (nextHop !== undefined) add('next_hop', { kind: 'next-hop', any: patternsOf(nextHop) })
    if (match.learned_from !== undefined) add('learned_from', { kind: 'learned-from', peers: match.learned_from })
    if (match.not !== undefined) {
      out.push({ kind: 'not', condition: allOf(this.#conditions(match.not, [...path, 'not'])) })
    }
    if (match.any_of !== undefined) {
      const conditions = match.any_of.map((inner, i) => allOf(this.#conditions(inner, [...path, 'any_of', i])))
      out.push({ kind: 'any-of', conditions })
    }
    return out
  }

  #actions(set: PolicySet, path: Path): readonly PolicyAction[] {
    const out: PolicyAction[] = []
    const add = (key: keyof PolicySet, action: PolicyAction): void => {
      this.#check({ set: [action] }, [...path, key])
      out.push(action)
    }
    const { local_pref: localPref, med, preference, origin, prepend, next_hop: nextHop } = set
    if (localPref !== undefined) add('local_pref', { kind: 'local-pref', value: localPref })
    if (med !== undefined) add('med', { kind: 'med', value: med === 'none' ? null : med })
    if (preference !== undefined) add('preference', { kind: 'preference', value: preference })
    if (origin !== undefined) add('origin', { kind: 'origin', value: origin })
    if (prepend !== undefined) {
      const { count, asn } = typeof prepend === 'number' ? { count: prepend, asn: undefined } : prepend
      add('prepend', { kind: 'prepend', count, asn })
    }
    for (const key of ['community', 'extended_community', 'large_community'] as const) {
      for (const operation of ['set', 'delete', 'add'] as const) {
        const values = set[key]?.[operation]
        if (values !== undefined) add(key, { kind: COMMUNITY_KIND[key], operation, values })
      }
    }
    if (nextHop !== undefined) add('next_hop', { kind: 'next-hop', value: nextHop })
    return out
  }

  /** The speaker's own judgement of one piece, at the place of that piece. */
  #check(statement: PolicyStatement, path: Path): void {
    for (const problem of policyProblems({ statements: [statement], prefixLists: this.#prefixLists })) {
      // It begins with the place within the policy that we made up here.
      this.#problems.push({ path, message: problem.replace(/^statements\[0\][^:]*: /, '') })
    }
  }
}

const COMMUNITY_KIND = {
  community: 'community',
  extended_community: 'extended-community',
  large_community: 'large-community',
} as const

/** A and B, in terms of what there is: not (not A or not B). */
function allOf(conditions: readonly PolicyCondition[]): PolicyCondition {
  const [first] = conditions
  if (conditions.length === 1 && first !== undefined) return first
  const conditionsFailing = conditions.map((condition): PolicyCondition => ({ kind: 'not', condition }))
  return { kind: 'not', condition: { kind: 'any-of', conditions: conditionsFailing } }
}

function patternsOf(patterns: readonly PrefixPattern[]): readonly BgpPrefixPattern[] {
  // because the two forms differ only in what undefined may be
  return patterns as readonly BgpPrefixPattern[]
}

function checkPatterns(patterns: readonly PrefixPattern[], path: Path, problems: PathProblem[]): void {
  for (const [i, pattern] of patterns.entries()) {
    if (typeof pattern === 'string') continue
    const { length, family } = Prefix.of(pattern.prefix)
    const { ge = length, le } = pattern
    const most = family === 4 ? 32 : 128
    for (const [key, value] of [
      ['ge', pattern.ge],
      ['le', le],
    ] as const) {
      if (value !== undefined && (value < length || value > most)) {
        problems.push({ path: [...path, i, key], message: `must be from ${length} to ${most} here` })
      }
    }
    if (le !== undefined && le < ge)
      problems.push({ path: [...path, i, 'le'], message: `must be at least ${ge}, as ge says` })
  }
}
