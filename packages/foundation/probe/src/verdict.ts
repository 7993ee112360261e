/** What became of a packet, in the order people ask: verdict, cause, nearest rule, fix. A rendering of a story's last steps. */
import { renderNearMiss } from './render.ts'
import type { Step, StoryEvent } from './step.ts'

export interface Verdict {
  readonly outcome: 'delivered' | 'dropped' | 'unfinished'
  /** Lines of a block with a word in front of each: DROPPED, because, closest, fix. */
  readonly lines: readonly string[]
}

export function verdict(events: readonly StoryEvent[]): Verdict {
  const summary = firstSummary(events)
  const last = events.findLast((event) => event.step.kind === 'dropped' || event.step.kind === 'delivered')
  if (last === undefined) return { outcome: 'unfinished', lines: [`UNKNOWN   ${summary}: its story has no end yet`] }
  const { step } = last
  if (step.kind === 'delivered') {
    return { outcome: 'delivered', lines: [`DELIVERED ${summary} to ${step.to} on ${last.node}`] }
  }
  if (step.kind !== 'dropped') throw new Error('unreachable: the last step is one of the two')
  const layer = events.findLast(
    (event): event is StoryEvent & { step: Extract<Step, { kind: 'layer' }> } =>
      event.step.kind === 'layer' && event.step.verdict === 'deny',
  )
  const where = layer === undefined ? last.node : `${last.node}, layer ${layer.step.layer} ${layer.step.direction}`
  const nearest = step.nearest ?? layer?.step.nearest ?? []
  return {
    outcome: 'dropped',
    lines: [
      `DROPPED   ${summary} at ${where}`,
      `because   ${step.reason.sentence}${step.detail === undefined ? '' : ` (${step.detail})`} [${step.reason.code}]`,
      ...nearest.map((miss) => renderNearMiss(miss).replace(/^closest /, 'closest   ')),
      ...(step.reason.hint === undefined ? [] : [`fix       ${step.reason.hint}`]),
    ],
  }
}

function firstSummary(events: readonly StoryEvent[]): string {
  for (const { step } of events) {
    if (step.kind === 'sent' || step.kind === 'ingress' || step.kind === 'delivered') return step.summary
  }
  return `packet ${events[0]?.packet ?? '?'}`
}
