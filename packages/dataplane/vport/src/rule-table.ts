/**
 * The rules of one layer in one direction, in the order in which they are asked: by priority (lower first), at equal
 * priority denials first, then the newest. The first rule whose predicates all hold decides; if none does, the default.
 */
import type { NearMiss } from '@lodestone/probe'
import { Classifier, CLASSIFIER_MIN_RULES } from './classifier.ts'
import { actualText, holds, type Predicate, uniform, wantedText } from './predicate.ts'
import { runSteps, type Steps } from './steps.ts'
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

export class RuleTable {
  readonly rules: readonly LayerRule[]
  readonly onDefault: (walk: Walk) => Verdict
  defaultHits = 0
  readonly #classifier: Classifier | undefined
  readonly #predicates: readonly (readonly Predicate[])[]
  readonly #byId = new Map<string, LayerRule>()

  /**
   * @param rules oldest first, or, with a classifier for them, as `inOrder` has put them. @param previous whose hit counters
   * go on.
   */
  constructor(
    rules: readonly LayerRule[],
    onDefault: (walk: Walk) => Verdict,
    previous?: RuleTable,
    classifier?: Classifier,
  ) {
    this.rules = classifier === undefined ? inOrder(rules) : rules
    this.#predicates = this.rules.map((rule) => rule.predicates.map(uniform))
    this.onDefault = onDefault
    this.#classifier =
      classifier ??
      (rules.length < CLASSIFIER_MIN_RULES ? undefined : runSteps(Classifier.build(predicatesOf(this.rules))))
    for (const rule of this.rules) this.#byId.set(rule.id, rule)
    if (previous !== undefined) this.takeHits(previous)
  }

  /** Goes on counting where another table is. */
  takeHits(previous: RuleTable): void {
    this.defaultHits = previous.defaultHits
    for (const rule of this.rules) rule.hits = previous.#byId.get(rule.id)?.hits ?? 0
  }

  /** As the constructor, a piece at a time. */
  static *build(
    rules: readonly LayerRule[],
    onDefault: (walk: Walk) => Verdict,
    previous: RuleTable | undefined,
  ): Steps<RuleTable> {
    if (rules.length < CLASSIFIER_MIN_RULES) return new RuleTable(rules, onDefault, previous)
    const ordered = inOrder(rules)
    yield
    const classifier = yield* Classifier.build(predicatesOf(ordered))
    yield
    return new RuleTable(ordered, onDefault, previous, classifier)
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

function inOrder(rules: readonly LayerRule[]): LayerRule[] {
  return rules
    .map((rule, age) => ({ rule, age }))
    .sort(
      (a, b) => a.rule.priority - b.rule.priority || Number(b.rule.isDenial) - Number(a.rule.isDenial) || b.age - a.age,
    )
    .map(({ rule }) => rule)
}

function predicatesOf(rules: readonly LayerRule[]): (readonly Predicate[])[] {
  return rules.map((rule) => rule.predicates)
}

function distance({ failed }: NearMiss): number {
  return failed.length * 2 + (failed.some(({ predicate }) => predicate === 'protocol') ? 1 : 0)
}
