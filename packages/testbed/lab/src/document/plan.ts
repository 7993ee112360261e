/**
 * What has to be done so that a running laboratory becomes what a changed document says. Pure: two documents in, steps out. What is
 * not named stays as it is, with everything that runs on it.
 */
import type { LabDocument, LinkDocument, NodeDocument } from './document.ts'
import { frontPorts } from './front-ports.ts'

export type PlanStep =
  | { readonly action: 'add-node' | 'remove-node'; readonly name: string; readonly kind: NodeDocument['kind'] }
  /** Stopped and started anew: what it had in memory is lost. Because of nothing: it had failed to start. */
  | {
      readonly action: 'restart-node'
      readonly name: string
      readonly kind: NodeDocument['kind']
      readonly because: readonly string[]
    }
  /** Changed while it runs. */
  | {
      readonly action: 'update-node'
      readonly name: string
      readonly kind: NodeDocument['kind']
      readonly because: readonly string[]
    }
  | { readonly action: 'add-link' | 'remove-link'; readonly name: string; readonly ends: string }
  | { readonly action: 'update-link'; readonly name: string; readonly because: readonly string[] }
  /** What is of no node or link: the timeline, the bound of lateness, profiles that no link has. */
  | { readonly action: 'update-lab'; readonly because: readonly string[] }
  /** Racks are made as a whole: everything is started anew. */
  | { readonly action: 'restart-all'; readonly because: readonly string[] }

/** Fields that can change under a running node. */
const LIVE: Readonly<Record<NodeDocument['kind'], readonly string[]>> = {
  host: ['groups'],
  switch: ['groups', 'entries', 'defaults', 'multicast', 'ports'],
  rack: ['groups'],
  namespace: ['groups'],
  machine: ['groups'],
  guest: ['groups'],
  external: ['groups'],
  device: ['groups'],
}

/** In the order in which they are done: first what goes, then what comes. */
export function plan(before: LabDocument, after: LabDocument): readonly PlanStep[] {
  const rackChanges = changedRacks(before, after)
  if (rackChanges.length > 0) return [{ action: 'restart-all', because: rackChanges }]
  const steps: PlanStep[] = []
  const gone = new Set<string>()
  for (const [name, link] of Object.entries(before.links)) {
    const next = after.links[name]
    if (next !== undefined && next.a === link.a && next.b === link.b) continue
    gone.add(name)
    steps.push({ action: 'remove-link', name, ends: ends(link) })
  }
  for (const [name, node] of Object.entries(before.nodes)) {
    if (after.nodes[name] === undefined) steps.push({ action: 'remove-node', name, kind: node.kind })
  }
  for (const [name, node] of Object.entries(after.nodes)) {
    const old = before.nodes[name]
    if (old === undefined) {
      steps.push({ action: 'add-node', name, kind: node.kind })
      continue
    }
    const because = differences(old, node)
    if (because.length === 0) continue
    const isLive = old.kind === node.kind && because.every((field) => LIVE[node.kind].includes(field))
    steps.push({ action: isLive ? 'update-node' : 'restart-node', name, kind: node.kind, because })
  }
  for (const [name, link] of Object.entries(after.links)) {
    const old = before.links[name]
    if (old === undefined || gone.has(name)) {
      steps.push({ action: 'add-link', name, ends: ends(link) })
      continue
    }
    const because = [...differences(old, link), ...profileChanges(before, after, link)]
    if (because.length > 0) steps.push({ action: 'update-link', name, because })
  }
  const rest = labChanges(before, after, steps)
  if (rest.length > 0) steps.push({ action: 'update-lab', because: rest })
  return steps
}

/** One line for each step, as people read it. */
export function planText(steps: readonly PlanStep[]): string {
  if (steps.length === 0) return 'nothing to do'
  return steps
    .map((step) => {
      switch (step.action) {
        case 'add-node':
          return `+ node ${step.name} (${step.kind})`
        case 'remove-node':
          return `- node ${step.name} (${step.kind})`
        case 'restart-node':
          return `! node ${step.name} starts anew: ${step.because.length === 0 ? 'it had failed' : `${step.because.join(', ')} changed`}`
        case 'update-node':
          return `~ node ${step.name}: ${step.because.join(', ')}`
        case 'add-link':
          return `+ link ${step.name} (${step.ends})`
        case 'remove-link':
          return `- link ${step.name} (${step.ends})`
        case 'update-link':
          return `~ link ${step.name}: ${step.because.join(', ')}`
        case 'update-lab':
          return `~ laboratory: ${step.because.join(', ')}`
        case 'restart-all':
          return `! everything starts anew: ${step.because.join('; ')}`
      }
    })
    .join('\n')
}

function labChanges(before: LabDocument, after: LabDocument, steps: readonly PlanStep[]): readonly string[] {
  const told = new Set(steps.flatMap((step) => (step.action === 'update-link' ? step.because : [])))
  const names = new Set([...Object.keys(before.profiles), ...Object.keys(after.profiles)])
  const profiles = [...names].filter((name) => canonical(before.profiles[name]) !== canonical(after.profiles[name]))
  return [
    ...(['timeline', 'latenessBoundMs'] as const).filter((key) => canonical(before[key]) !== canonical(after[key])),
    ...profiles.map((name) => `profile ${name}`).filter((text) => !told.has(text)),
  ]
}

/** A rack's switches, and with them their ports, are what they are while it runs. */
function changedRacks(before: LabDocument, after: LabDocument): readonly string[] {
  const racks = ({ nodes }: LabDocument): readonly [string, NodeDocument][] =>
    Object.entries(nodes).filter(([, node]) => node.kind === 'rack')
  const [old, next] = [new Map(racks(before)), new Map(racks(after))]
  return [
    ...[...old.keys()].filter((name) => !next.has(name)).map((name) => `${name} goes`),
    ...[...next].flatMap(([name, node]) => {
      const was = old.get(name)
      if (was === undefined) return [`${name} comes`]
      const isSame = canonical(frontPorts(before, name)) === canonical(frontPorts(after, name))
      const fields = differences(was, node).filter((field) => field !== 'groups')
      return [
        ...(isSame ? [] : [`front ports of ${name} change`]),
        ...fields.map((field) => `${field} of ${name} changes`),
      ]
    }),
  ]
}

function differences(before: object, after: object): readonly string[] {
  const [a, b] = [before as Record<string, unknown>, after as Record<string, unknown>] // because fields are compared by name
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => canonical(a[key]) !== canonical(b[key]))
}

function profileChanges(before: LabDocument, after: LabDocument, { profile }: LinkDocument): readonly string[] {
  if (profile === undefined) return []
  return canonical(before.profiles[profile]) === canonical(after.profiles[profile]) ? [] : [`profile ${profile}`]
}

/** The same text for the same value, whatever the order of its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

function ends({ a, b }: LinkDocument): string {
  return `${a} ↔ ${b}`
}
