/**
 * The rules of one layer in one direction, in the order in which they are asked: by priority (lower first), at equal
 * priority denials first, then the newest. The first rule whose predicates all hold decides; if none does, the default.
 */
import type { NearMiss } from '@lodestone/probe'
import { actualText, holds, type Predicate, wantedText } from './predicate.ts'
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

  /** @param rules oldest first. @param previous whose hit counters go on. */
  constructor(rules: readonly LayerRule[], onDefault: (walk: Walk) => Verdict, previous?: RuleTable) {
    this.rules = rules
      .map((rule, age) => ({ rule, age }))
      .sort(
        (a, b) =>
          a.rule.priority - b.rule.priority || Number(b.rule.isDenial) - Number(a.rule.isDenial) || b.age - a.age,
      )
      .map(({ rule }) => rule)
    this.onDefault = onDefault
    if (previous !== undefined) {
      this.defaultHits = previous.defaultHits
      const hits = new Map(previous.rules.map((rule) => [rule.id, rule.hits]))
      for (const rule of this.rules) rule.hits = hits.get(rule.id) ?? 0
    }
  }

  /** The first rule that matches, from rule `from` on; -1 for the default. */
  match(walk: Walk, from = 0): number {
    const rules = this.rules
    for (let i = from; i < rules.length; i++) {
      const predicates = rules[i]!.predicates
      let matches = true
      for (let j = 0; j < predicates.length; j++) {
        if (!holds(predicates[j]!, walk)) {
          matches = false
          break
        }
      }
      if (matches) return i
    }
    return -1
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

function distance({ failed }: NearMiss): number {
  return failed.length * 2 + (failed.some(({ predicate }) => predicate === 'protocol') ? 1 : 0)
}
