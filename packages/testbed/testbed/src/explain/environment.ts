/** Checks of what is around a packet on its way, which a look at rules and tables alone would skip. */
import type { Step } from '@lodestone/probe'
import type { PipelineView } from './scene.ts'

export interface EnvironmentCheck {
  readonly check: 'link' | 'mtu' | 'neighbor' | 'table'
  /** A link, `node/interface`, `switch table`. */
  readonly where: string
  readonly ok: boolean
  readonly detail: string
}

/** A table that is as full as this takes few more entries. */
const NEARLY_FULL = 0.9

/** How full the tables are that a packet was looked up in. */
export function fullnessOf(node: string, pipeline: PipelineView, story: readonly Step[]): EnvironmentCheck[] {
  const tables = new Set(story.flatMap((step) => (step.kind === 'table' ? [step.table] : [])))
  return [...tables].flatMap((table) => {
    const usage = pipeline.usage(table)
    // One that holds its constant entries is as full as it is meant to be.
    if (usage === undefined || usage.size <= 1) return []
    const { entries, size } = usage
    const ok = entries < size * NEARLY_FULL
    return [{ check: 'table', where: `${node} ${table}`, ok, detail: `${entries} of ${size} entries` } as const]
  })
}
