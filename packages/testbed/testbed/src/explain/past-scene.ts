/** The rack as it was configured at an earlier time, for questions about then. */
import type { Emulation } from '../emulation.ts'
import type { RackSwitchNode } from '../rack-switch-node.ts'
import type { PortsOf } from './place.ts'
import { type PipelineView, ShadowScene } from './scene.ts'

export interface Past {
  readonly scene: () => ShadowScene
  /** Why nothing is known of a place; undefined where it remembers. */
  readonly gap: (node: string) => string | undefined
  readonly portsOf: PortsOf
  readonly notChecked: readonly string[]
}

/** Places that began anew since, or had too many changes, are gaps in it. @returns why nobody knows. */
export function openPast(emulation: Emulation, atMs: number): Past | string {
  const { clock } = emulation.world
  if (atMs > clock.nowMs()) return 'that time is yet to come'
  const timeOf = (ms: number): string => new Date(clock.wallMs() - clock.nowMs() + ms).toISOString()
  const memories = [
    ...emulation.sleds().map(({ name, engine }) => ({ name, fromMs: engine.remembersFromMs })),
    ...emulation.switches().map(({ name, remembersFromMs }) => ({ name, fromMs: remembersFromMs })),
  ]
  const gaps = new Map(
    memories
      .filter(({ fromMs }) => atMs < fromMs)
      .map(({ name, fromMs }) => [
        name,
        `what ${name} was configured to at ${timeOf(atMs)} is not kept any more; it reaches back to ${timeOf(fromMs)}`,
      ]),
  )
  const [first] = gaps.values()
  if (first !== undefined && gaps.size === memories.length) return first
  const gap = (node: string): string | undefined => gaps.get(node)
  const pipelines = new Map<string, PipelineView>()
  const pipeline = (node: RackSwitchNode): PipelineView => {
    const known = pipelines.get(node.name) ?? node.pipelineAt(atMs)
    pipelines.set(node.name, known)
    return known
  }
  return {
    // because a walk asks nothing of those that do not remember
    scene: () => new ShadowScene((sled) => sled.engine.shadowAt(atMs)!, pipeline, gap),
    gap,
    portsOf: (sled) => sled.engine.portsAt(atMs),
    notChecked: [
      `connections of ${timeOf(atMs)}: each begins anew`,
      `routes, neighbours, links and measured delays of ${timeOf(atMs)}: they are those of now`,
    ],
  }
}
