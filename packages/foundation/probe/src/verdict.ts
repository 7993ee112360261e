/** What became of a packet, in the order people ask: verdict, cause, nearest rule, fix. A rendering of a story's last steps. */
import { renderNearMiss } from './render.ts'
import type { Step, StoryEvent } from './step.ts'

export interface Verdict {
  readonly outcome: 'delivered' | 'dropped' | 'unfinished'
  /** Lines of a block with a word in front of each: DROPPED, because, closest, fix. */
  readonly lines: readonly string[]
}

/** Which rules, flows and table entries had a say, a line for each place on the way. */
export function decisions(events: readonly StoryEvent[]): readonly string[] {
  const lines: string[] = []
  let place = ''
  let said: string[] = []
  const flush = (): void => {
    if (said.length > 0) lines.push(`through   ${place}: ${said.join(' · ')}`)
    said = []
  }
  for (const { node, step } of events) {
    if (node !== place) {
      flush()
      place = node
    }
    const decision = decisionOf(step)
    if (decision !== undefined) said.push(decision)
  }
  flush()
  return lines
}

/** `firewall in allow allow-ssh`, `lookup_v6 fd00::/64`; tables in which nothing was found have no say. */
function decisionOf(step: Step): string | undefined {
  if (step.kind === 'layer') return `${step.layer} ${step.direction} ${step.verdict} ${step.rule ?? step.source}`
  if (step.kind !== 'table' || !step.hit) return undefined
  const table = step.table.slice(step.table.lastIndexOf('.') + 1)
  return `${table} ${(step.entry ?? step.action).split(' → ')[0]}`
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
