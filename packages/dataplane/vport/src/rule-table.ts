/**
 * The rules of one layer in one direction, in the order in which they are asked: by priority (lower first), at equal
 * priority denials first, then the newest. The first rule whose predicates all hold decides; if none does, the default.
 */
import type { NearMiss } from '@lodestone/probe'
import { Classifier, CLASSIFIER_MIN_RULES } from './classifier.ts'
import { actualText, holds, type Predicate, uniform, wantedText } from './predicate.ts'
import { mapInSteps, runSteps, sortInSteps, type Steps } from './steps.ts'
import type { Verdict, Walk } from './walk.ts'

export interface LayerRule {
  /** Stable across configurations, so that hits survive a change elsewhere. */
  readonly id: string
  /** What people call it. */
  readonly name: string
  readonly priority: number
  readonly isDenial: boolean
  readonly predicates: readonly Predicate[]
  /** For rules whose action may say that it has nothing to do with the packet after all: returns undefined then. */
  readonly act: (walk: Walk) => Verdict | undefined
  hits: number
}

export interface RuleDump {
  readonly id: string
  readonly name: string
  readonly priority: number
  readonly predicates: readonly string[]
  readonly hits: number
}

interface PreparedRules {
  readonly rules: readonly LayerRule[]
  /** Of each rule, in one shape. */
  readonly predicates: readonly (readonly Predicate[])[]
  readonly byId: ReadonlyMap<string, LayerRule>
  readonly classifier: Classifier | undefined
}

export class RuleTable {
  readonly rules: readonly LayerRule[]
  readonly onDefault: (walk: Walk) => Verdict
  defaultHits = 0
  readonly #classifier: Classifier | undefined
  readonly #predicates: readonly (readonly Predicate[])[]
  readonly #byId: ReadonlyMap<string, LayerRule>
  #previous: RuleTable | undefined
  /** What each rule was there. */
  #predecessors: readonly (LayerRule | undefined)[] = []

  /** Made by `of` and `build`. */
  constructor(onDefault: (walk: Walk) => Verdict, { rules, predicates, byId, classifier }: PreparedRules) {
    this.onDefault = onDefault
    this.rules = rules
    this.#predicates = predicates
    this.#byId = byId
    this.#classifier = classifier
  }

  /** @param rules oldest first. */
  static of(rules: readonly LayerRule[], onDefault: (walk: Walk) => Verdict): RuleTable {
    return runSteps(RuleTable.build(rules, onDefault))
  }

  /** As `of`, a piece at a time. */
  static *build(rules: readonly LayerRule[], onDefault: (walk: Walk) => Verdict): Steps<RuleTable> {
    const ordered = yield* sortInSteps(rules.toReversed(), byPriority)
    const byId = new Map<string, LayerRule>()
    const predicates = yield* mapInSteps(ordered, (rule) => {
      byId.set(rule.id, rule)
      return rule.predicates.map(uniform)
    })
    const classifier =
      rules.length < CLASSIFIER_MIN_RULES ? undefined : yield* Classifier.build(ordered.map((rule) => rule.predicates))
    yield
    return new RuleTable(onDefault, { rules: ordered, predicates, byId, classifier })
  }

  /** Prepares to go on counting where another table is then. */
  *follow(previous: RuleTable): Steps<void> {
    this.#previous = previous
    this.#predecessors = yield* mapInSteps(this.rules, (rule) => previous.#byId.get(rule.id))
  }

  /** Goes on counting where the table is that it was prepared to follow. */
  takeHits(): void {
    if (this.#previous === undefined) return
    this.defaultHits = this.#previous.defaultHits
    for (let i = 0; i < this.rules.length; i++) this.rules[i]!.hits = this.#predecessors[i]?.hits ?? 0
    this.#previous = undefined
    this.#predecessors = []
  }

  /** The first rule that matches, from rule `from` on; -1 for the default. */
  match(walk: Walk, from = 0): number {
    const classifier = this.#classifier
    if (classifier !== undefined && walk.family !== 0) {
      for (let i = classifier.next(walk, from); i >= 0; i = classifier.next(walk, i + 1))
        if (this.#holds(i, walk)) return i
      return -1
    }
    for (let i = from; i < this.rules.length; i++) if (this.#holds(i, walk)) return i
    return -1
  }

  #holds(rule: number, walk: Walk): boolean {
    const predicates = this.#predicates[rule]!
    for (let i = 0; i < predicates.length; i++) if (!holds(predicates[i]!, walk)) return false
    return true
  }

  /**
   * The rules (at most `limit`) that fail in the fewest predicates, among those that `filter` admits; of these first the
   * ones that are about the packet's protocol.
   */
  nearest(walk: Walk, limit: number, filter: (rule: LayerRule) => boolean): NearMiss[] {
    const misses: NearMiss[] = []
    for (const rule of this.rules) {
      if (!filter(rule)) continue
      const failed = rule.predicates.filter((predicate) => !holds(predicate, walk))
      misses.push({
        rule: rule.name,
        failed: failed.map((predicate) => ({
          predicate: predicate.kind,
          wanted: wantedText(predicate),
          actual: actualText(predicate, walk),
        })),
      })
    }
    return misses.sort((a, b) => distance(a) - distance(b)).slice(0, limit)
  }

  dump(): RuleDump[] {
    return this.rules.map((rule) => ({
      id: rule.id,
      name: rule.name,
      priority: rule.priority,
      predicates: rule.predicates.map((predicate) => `${predicate.kind}: ${wantedText(predicate)}`),
      hits: rule.hits,
    }))
  }
}

/** Of equals the newest comes first: sorting is stable, and begins with it. */
function byPriority(a: LayerRule, b: LayerRule): number {
  return a.priority - b.priority || Number(b.isDenial) - Number(a.isDenial)
}

function distance({ failed }: NearMiss): number {
  return failed.length * 2 + (failed.some(({ predicate }) => predicate === 'protocol') ? 1 : 0)
}
