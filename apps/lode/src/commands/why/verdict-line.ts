/** A story in one line, verdict first. */
import { renderNearMiss, type StoryEvent } from '@lodestone/probe'

export interface VerdictLine {
  readonly verdict: 'delivered' | 'dropped' | 'unknown'
  readonly packet: number
  readonly at: string
  readonly code?: string
  readonly summary: string
  readonly elapsedMs: number
  readonly text: string
}

export function verdictLine(story: readonly StoryEvent[]): VerdictLine | undefined {
  const first = story[0]
  const last = story.at(-1)
  if (first === undefined || last === undefined) return undefined
  const summary = summaryOf(story)
  const elapsedMs = last.atMs - first.atMs
  const { step, node: at } = last
  const known = { packet: first.packet, at, summary, elapsedMs }
  const way = `${summary}  (${first.node} → ${at}, ${elapsedMs.toFixed(1)} ms)`
  if (step.kind === 'delivered') return { ...known, verdict: 'delivered', text: `DELIVERED  ${way}` }
  if (step.kind !== 'dropped') return { ...known, verdict: 'unknown', text: `?          ${way}` }
  const { code, sentence } = step.reason
  const closest = step.nearest?.[0] === undefined ? '' : `; ${renderNearMiss(step.nearest[0])}`
  return { ...known, verdict: 'dropped', code, text: `DROPPED    ${way}  ${code}: ${sentence}${closest}` }
}

/** As its sender saw the packet. */
function summaryOf(story: readonly StoryEvent[]): string {
  for (const { step } of story) {
    if (step.kind === 'sent' || step.kind === 'ingress' || step.kind === 'delivered') return step.summary
  }
  return 'packet'
}
