/** One layer of a port: its rules in both directions, and what it does with packets of connections it knows. */
import type { NearMiss } from '@lodestone/probe'
import type { RuleDump, RuleTable } from './rule-table.ts'
import { Verdict, type Walk } from './walk.ts'

export type LayerName = 'gateway' | 'firewall' | 'router' | 'nat' | 'overlay'

/** What a connection that the layer remembers means for a packet; `undefined`: nothing, ask the rules. */
export interface FlowDecision {
  readonly verdict: Verdict
  readonly rule: string
  readonly detail: string
}

export interface Layer {
  readonly name: LayerName
  readonly rulesIn: RuleTable
  readonly rulesOut: RuleTable
  readonly recall: ((walk: Walk) => FlowDecision | undefined) | undefined
  /** Explains a denial by default. */
  readonly nearMisses: ((walk: Walk, table: RuleTable) => NearMiss[]) | undefined
}

/** Layers of one shape: each packet that walks reads from all five. */
export function layerOf(
  name: LayerName,
  rulesIn: RuleTable,
  rulesOut: RuleTable,
  more: Partial<Pick<Layer, 'recall' | 'nearMisses'>> = {},
): Layer {
  return { name, rulesIn, rulesOut, recall: more.recall, nearMisses: more.nearMisses }
}

export interface LayerDump {
  readonly name: LayerName
  readonly rulesIn: readonly RuleDump[]
  readonly rulesOut: readonly RuleDump[]
  readonly defaultHitsIn: number
  readonly defaultHitsOut: number
}

/** Sends the packet through one layer and tells the listener about it. */
export function passLayer(layer: Layer, walk: Walk): Verdict {
  walk.detail = ''
  const { recall } = layer
  const known = recall === undefined ? undefined : recall(walk)
  if (known !== undefined) {
    tell(layer, walk, known.verdict, known.rule, 'flow', known.detail)
    return known.verdict
  }
  const table = walk.isOut ? layer.rulesOut : layer.rulesIn
  for (let at = table.match(walk); at >= 0; at = table.match(walk, at + 1)) {
    const rule = table.rules[at]!
    const verdict = rule.act(walk)
    if (verdict === undefined) continue
    if (!walk.isDryRun) rule.hits++
    tell(layer, walk, verdict, rule.name, 'rule', walk.detail)
    return verdict
  }
  const verdict = table.onDefault(walk)
  if (!walk.isDryRun) table.defaultHits++
  if (verdict === Verdict.deny && walk.listener !== undefined) explainDefault(layer, walk)
  tell(layer, walk, verdict, undefined, 'default', walk.detail)
  return verdict
}

/** Works out the near misses of a packet that the layer's default has denied. */
export function explainDefault(layer: Layer, walk: Walk): void {
  walk.nearest = layer.nearMisses?.(walk, walk.isOut ? layer.rulesOut : layer.rulesIn)
}

export function dumpLayer(layer: Layer): LayerDump {
  return {
    name: layer.name,
    rulesIn: layer.rulesIn.dump(),
    rulesOut: layer.rulesOut.dump(),
    defaultHitsIn: layer.rulesIn.defaultHits,
    defaultHitsOut: layer.rulesOut.defaultHits,
  }
}

const VERDICT_NAMES = ['allow', 'modify', 'deny', 'hairpin'] as const

function tell(
  layer: Layer,
  walk: Walk,
  verdict: Verdict,
  rule: string | undefined,
  source: 'rule' | 'default' | 'flow',
  detail: string,
): void {
  if (walk.listener === undefined) return
  walk.listener({
    kind: 'layer',
    layer: layer.name,
    direction: walk.direction,
    verdict: VERDICT_NAMES[verdict],
    ...(rule === undefined ? {} : { rule }),
    source,
    detail,
    ...(walk.nearest === undefined ? {} : { nearest: walk.nearest }),
  })
}
