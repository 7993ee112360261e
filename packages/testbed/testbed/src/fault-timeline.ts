/**
 * Faults as data on one timeline: links, plugs, service processors, ignition. Times are the world's clock's, so the same
 * timeline and seed give the same run.
 */
import type { Timer } from '@lodestone/host'
import type { SpFault } from '@lodestone/sp'
import type { Emulation } from './emulation.ts'

export type RackFault =
  | {
      readonly kind: 'link'
      readonly link: string
      readonly isUp?: boolean
      readonly loss?: number
      readonly delayMs?: number
    }
  /** Of any node. */
  | { readonly kind: 'plug'; readonly node: string; readonly isIn: boolean }
  | { readonly kind: 'sp'; readonly node: string; readonly fault: SpFault }
  /** Everything that is broken at a service processor, or one kind of it, is mended. */
  | { readonly kind: 'sp-clear'; readonly node: string; readonly fault?: SpFault['kind'] }
  /** By the service processor, as the control plane would ask it. */
  | { readonly kind: 'power'; readonly node: string; readonly state: 'A0' | 'A2' }

export interface TimedFault {
  /** From the moment the timeline is begun. */
  readonly atMs: number
  readonly fault: RackFault
}

/** Names that the rack does not have are refused before anything happens. */
export function playFaults(emulation: Emulation, timeline: readonly TimedFault[]): { cancel(): void } {
  for (const { fault } of timeline) {
    const isKnown = fault.kind === 'link' ? emulation.links().has(fault.link) : isNode(emulation, fault)
    if (!isKnown) throw new Error(`no such ${fault.kind === 'link' ? `link: ${fault.link}` : `node: ${fault.node}`}`)
  }
  const timers: Timer[] = timeline.map(({ atMs, fault }) =>
    emulation.world.clock.after(atMs, () => applyFault(emulation, fault)),
  )
  return {
    cancel() {
      for (const timer of timers) timer.cancel()
    },
  }
}

export function applyFault(emulation: Emulation, fault: RackFault): void {
  switch (fault.kind) {
    case 'link': {
      const link = emulation.links().get(fault.link)
      link?.configure({
        ...(fault.loss === undefined ? {} : { loss: fault.loss }),
        ...(fault.delayMs === undefined ? {} : { delayMs: fault.delayMs }),
      })
      if (fault.isUp !== undefined) link?.setUp(fault.isUp)
      return
    }
    case 'plug':
      void emulation.setPower(fault.node, fault.isIn)
      return
    case 'sp':
      emulation.serviceProcessors.nodes.get(fault.node)?.sp.inject(fault.fault)
      return
    case 'sp-clear':
      emulation.serviceProcessors.nodes.get(fault.node)?.sp.clear(fault.fault)
      return
    case 'power':
      emulation.serviceProcessors.nodes.get(fault.node)?.sp.firmware?.power.request(fault.state, 'ControlPlane')
      return
  }
}

function isNode(emulation: Emulation, fault: Exclude<RackFault, { kind: 'link' }>): boolean {
  if (fault.kind === 'plug') return emulation.topology.nodes.some((node) => node.name === fault.node)
  return emulation.serviceProcessors.nodes.has(fault.node)
}
