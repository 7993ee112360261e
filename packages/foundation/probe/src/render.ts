/** Steps and stories as text: one rendering of the one format, for terminals. It adds nothing that the data does not say. */
import type { NamedValue, NearMiss, Step, StoryEvent } from './step.ts'

export interface RenderOptions {
  /** ANSI colours; off unless the output is a terminal. */
  readonly color?: boolean
}

/** One step in one line, and the lines that belong under it. */
export function renderStep(step: Step): readonly string[] {
  switch (step.kind) {
    case 'sent':
      return [`sends on ${step.interface}: ${step.summary}`]
    case 'link':
      return [`link ${step.link}: ${step.from} → ${step.to}, ${step.bytes} bytes, ${round(step.delayMs)} ms`]
    case 'ingress':
      return [`receives on ${step.port}: ${step.summary}`]
    case 'parser':
      return [`parser: ${step.states.join(' → ')}${step.error === undefined ? '' : `, error ${step.error}`}`]
    case 'table':
      return [
        `table ${step.table}: ${values(step.keys)} ${step.hit ? 'hit' : 'MISS'}` +
          `${step.entry === undefined ? '' : ` ${step.entry}`} → ${step.action}(${values(step.parameters)})`,
      ]
    case 'layer':
      return [
        `${step.layer} ${step.direction}: ${step.verdict} by ${decider(step)}${step.detail === '' ? '' : ` — ${step.detail}`}`,
        ...(step.nearest ?? []).map(renderNearMiss),
      ]
    case 'encap':
      return [`encapsulates: ${step.detail}`]
    case 'decap':
      return [`decapsulates: ${step.detail}`]
    case 'rewrite':
      return [`rewrites ${step.field}: ${step.from} → ${step.to}`]
    case 'route':
      return [`route ${step.prefix} via ${step.nextHop} on ${step.interface}`]
    case 'egress':
      return [`sends out of ${step.port}`]
    case 'delivered':
      return [`delivered to ${step.to}: ${step.summary}`]
    case 'punted':
      return [`handed to ${step.to}: ${step.detail}`]
    case 'dropped':
      return [
        `DROPPED ${step.reason.code}: ${step.reason.sentence}${step.detail === undefined ? '' : ` (${step.detail})`}`,
        ...(step.nearest ?? []).map(renderNearMiss),
        ...(step.reason.hint === undefined ? [] : [`fix: ${step.reason.hint}`]),
      ]
  }
}

/** `closest "allow-ssh": ports wanted 22, packet has 80`. */
export function renderNearMiss(miss: NearMiss): string {
  const failed = miss.failed.map((f) => `${f.predicate} wanted ${f.wanted}, packet has ${f.actual}`)
  return `closest rule "${miss.rule}": ${failed.join('; ')}`
}

/** The events of one packet as aligned lines: time since the first, node, what happened. */
export function renderStory(events: readonly StoryEvent[], options: RenderOptions = {}): string {
  const first = events[0]
  if (first === undefined) return ''
  const nodeWidth = Math.max(...events.map((event) => event.node.length))
  const lines: string[] = []
  let previousNode = ''
  for (const event of events) {
    const [head, ...rest] = renderStep(event.step)
    const time = (event.atMs - first.atMs).toFixed(3).padStart(9)
    const node = event.node === previousNode ? ''.padEnd(nodeWidth) : event.node.padEnd(nodeWidth)
    previousNode = event.node
    lines.push(`${time} ms  ${paint(node, '36', options)}  ${paint(head!, colorOf(event.step), options)}`)
    for (const line of rest) lines.push(`${''.padEnd(12)}  ${''.padEnd(nodeWidth)}    ${line}`)
  }
  return lines.join('\n')
}

function decider(step: Extract<Step, { kind: 'layer' }>): string {
  if (step.source === 'default') return 'default'
  if (step.source === 'flow') return step.rule === undefined ? 'flow state' : `flow state (rule "${step.rule}")`
  return step.rule === undefined ? 'rule' : `rule "${step.rule}"`
}

function values(list: readonly NamedValue[]): string {
  return list.map((item) => `${item.name}=${item.value}`).join(', ')
}

function round(ms: number): string {
  return ms.toFixed(3).replace(/\.?0+$/, '')
}

function colorOf(step: Step): string | undefined {
  if (step.kind === 'dropped' || (step.kind === 'layer' && step.verdict === 'deny')) return '31'
  if (step.kind === 'delivered') return '32'
  return undefined
}

function paint(text: string, color: string | undefined, options: RenderOptions): string {
  return options.color === true && color !== undefined ? `\u001b[${color}m${text}\u001b[0m` : text
}
