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
      return [renderTable(step), ...(step.nearest ?? []).map(renderNearMiss)]
    case 'layer':
      return [
        `${step.layer} ${step.direction}: ${step.verdict} by ${decider(step)}${step.detail === '' ? '' : ` — ${step.detail}`}`,
        ...(step.nearest ?? []).map(renderNearMiss),
      ]
    case 'flow':
      return [`flow: ${step.detail}`]
    case 'encap':
      return [`encapsulates: ${step.detail}`]
    case 'decap':
      return [`decapsulates: ${step.detail}`]
    case 'rewrite':
      return [`rewrites ${step.field}: ${step.from} → ${step.to}`]
    case 'route':
      return [`route ${step.prefix} via ${step.nextHop} on ${step.interface}${chanceText(step.chance)}`]
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

/**
 * The events of one packet as aligned lines: time since the first, node, what happened. Rewrites that follow one another
 * are told together.
 */
export function renderStory(events: readonly StoryEvent[], options: RenderOptions = {}): string {
  const first = events[0]
  if (first === undefined) return ''
  const nodeWidth = Math.max(...events.map((event) => event.node.length))
  const lines: string[] = []
  let previousNode = ''
  for (let at = 0; at < events.length;) {
    const event = events[at]!
    const rewrites = rewritesFrom(events, at)
    const [head, ...rest] = rewrites.length > 0 ? renderRewrites(rewrites) : renderStep(event.step)
    at += Math.max(1, rewrites.length)
    const time = (event.atMs - first.atMs).toFixed(3).padStart(9)
    const node = event.node === previousNode ? ''.padEnd(nodeWidth) : event.node.padEnd(nodeWidth)
    previousNode = event.node
    lines.push(`${time} ms  ${paint(node, '36', options)}  ${paint(head!, colorOf(event.step), options)}`)
    for (const line of rest) lines.push(`${''.padEnd(12)}  ${''.padEnd(nodeWidth)}    ${line}`)
  }
  return lines.join('\n')
}

type Rewrite = Extract<Step, { kind: 'rewrite' }>

/** The rewrites of one node that follow one another from `at` on. */
function rewritesFrom(events: readonly StoryEvent[], at: number): readonly Rewrite[] {
  const run: Rewrite[] = []
  for (let i = at; i < events.length && events[i]!.node === events[at]!.node; i++) {
    const { step } = events[i]!
    if (step.kind !== 'rewrite') break
    run.push(step)
  }
  return run
}

/** A header that appears is told with its fields, one that goes by its name, any other change with before and after. */
function renderRewrites(rewrites: readonly Rewrite[]): readonly string[] {
  const added = new Map<string, string[]>()
  const removed: string[] = []
  const changed: string[] = []
  for (const { field, from, to } of rewrites) {
    const header = field.slice(0, field.lastIndexOf('.'))
    if (from === 'absent') added.set(field, [])
    else if (to === 'absent') removed.push(field)
    else if (added.has(header)) added.get(header)!.push(`${field.slice(header.length + 1)} ${to}`)
    else changed.push(`${field} ${from} → ${to}`)
  }
  return [
    ...(changed.length === 0 ? [] : [`rewrites ${changed.join(', ')}`]),
    ...[...added].map(([header, fields]) => `adds ${header}${fields.length === 0 ? '' : `: ${fields.join(', ')}`}`),
    ...(removed.length === 0 ? [] : [`removes ${removed.join(', ')}`]),
  ]
}

/** An entry as the control plane wrote it ends with its action, which need not be said twice. */
function renderTable(step: Extract<Step, { kind: 'table' }>): string {
  const name = step.action.slice(step.action.lastIndexOf('.') + 1)
  const action = `${name}(${values(step.parameters)})`
  const keys = step.keys.length === 0 ? '' : `${values(step.keys)} `
  const head = `table ${step.table}: ${keys}`
  if (!step.hit) return `${head}${step.keys.length === 0 ? 'default' : 'MISS'} → ${action}`
  if (step.entry === undefined) return `${head}hit → ${action}`
  const [matched] = step.entry.split(' → ')
  return `${head}hit ${matched} → ${action}`
}

function decider(step: Extract<Step, { kind: 'layer' }>): string {
  if (step.source === 'default') return 'default'
  if (step.source === 'flow') return step.rule === undefined ? 'flow state' : `flow state (rule "${step.rule}")`
  return step.rule === undefined ? 'rule' : `rule "${step.rule}"`
}

function values(list: readonly NamedValue[]): string {
  return list.map((item) => `${item.name}=${item.value}`).join(', ')
}

function chanceText(chance: number | undefined): string {
  return chance === undefined ? '' : ` (chance ${(chance * 100).toFixed(chance > 0 && chance < 0.01 ? 2 : 0)} %)`
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
