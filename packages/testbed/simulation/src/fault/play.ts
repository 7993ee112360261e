/** Makes the events of a timeline happen, each at its time, and ends those that last. */
import { Prefix } from '@lodestone/net'
import type { Emulation } from '@lodestone/testbed'
import type { Clock } from '@lodestone/host'
import type { ControlPlane } from '../control-plane.ts'
import type { NodeClock } from '../node-clock.ts'
import type { SimulatedDisk } from '../simulated-database.ts'
import type { Announcement, ApiOperation, Fault, SimEvent, Traffic } from './sim-event.ts'
import type { RoutingSupervisor } from '../routing-supervisor.ts'
import type { LinkFaults } from './link-faults.ts'

export interface Stage {
  readonly clock: Clock
  readonly emulation: Emulation
  readonly links: LinkFaults
  readonly control: ControlPlane
  readonly disk: SimulatedDisk
  readonly clockOf: (node: string) => NodeClock
  readonly routing: RoutingSupervisor
  readonly announce: (announcement: Announcement, isOn: boolean) => void
  readonly request: (operation: ApiOperation) => void
  readonly send: (traffic: Traffic) => void
  readonly onFault: (isBeginning: boolean) => void
}

/** @returns ends at once whatever still goes on, and lets nothing more begin. */
export function playTimeline(stage: Stage, timeline: readonly SimEvent[]): () => void {
  const ends = new Set<() => void>()
  const timers = timeline.map(({ atMs, forMs, action }) =>
    stage.clock.after(atMs, () => {
      if (action.kind === 'api') return stage.request(action.operation)
      if (action.kind === 'flow' || action.kind === 'stray') return stage.send(action)
      const undo = action.kind === 'announce' ? announce(stage, action) : fault(stage, action, forMs)
      const end = (): void => {
        if (ends.delete(end)) undo()
      }
      ends.add(end)
      stage.clock.after(forMs, end)
    }),
  )
  return () => {
    for (const timer of timers) timer.cancel()
    for (const end of ends) end()
  }
}

function announce(stage: Stage, announcement: Announcement): () => void {
  Prefix.of(announcement.prefix) // a programmer's mistake throws here
  stage.announce(announcement, true)
  return () => stage.announce(announcement, false)
}

function fault(stage: Stage, fault: Fault, forMs: number): () => void {
  const undo = begin(stage, fault, forMs)
  stage.onFault(true)
  return () => {
    undo()
    stage.onFault(false)
  }
}

function begin(stage: Stage, fault: Fault, forMs: number): () => void {
  const { emulation, links, disk } = stage
  switch (fault.kind) {
    case 'loss': {
      const { link, ratio, direction } = fault
      return links.add({ link, loss: ratio, ...(direction === undefined ? {} : { direction }) })
    }
    case 'noise':
      return links.add({ link: fault.link, duplicate: fault.duplicate, jitterMs: fault.jitterMs })
    case 'cut':
      return links.add({ link: fault.link, isCut: true })
    case 'flap':
      return flap(stage, fault.link, fault.times, forMs)
    case 'clog':
      return links.add({ link: fault.link, direction: fault.direction, delayMs: fault.delayMs })
    case 'partition':
      return together(
        cablesOf(emulation, fault.nodes, true).flatMap(({ link, leaves }) => {
          const back = leaves === 'a-to-b' ? 'b-to-a' : 'a-to-b'
          const cuts = fault.direction === 'both' ? [leaves, back] : [fault.direction === 'out' ? leaves : back]
          return cuts.map((direction) => links.add({ link, direction: direction as 'a-to-b' | 'b-to-a', loss: 1 }))
        }),
      )
    case 'slow':
      return together(
        cablesOf(emulation, [fault.node], false).map(({ link }) => links.add({ link, delayMs: fault.delayMs })),
      )
    case 'power':
      void emulation.setPower(fault.node, false)
      return () => {
        // The control plane of a real rack mends a power fault of its own; here the operator tries until it works.
        const tryAgain = (): void => {
          void emulation.setPower(fault.node, true).then(() => {
            if (!emulation.nodes.has(fault.node)) stage.clock.after(1000, tryAgain)
          })
        }
        tryAgain()
      }
    case 'crash':
      return crash(stage, fault)
    case 'skew':
      stage.clockOf(fault.node).setSkew(fault.ppm)
      return () => stage.clockOf(fault.node).setSkew(0)
    case 'step':
      stage.clockOf(fault.node).stepDate(fault.ms)
      return () => stage.clockOf(fault.node).setDateRight()
    case 'disk':
      disk.fault = fault.fault
      disk.delayMs = fault.delayMs
      return () => {
        disk.fault = undefined
        disk.delayMs = 0
      }
    case 'sp': {
      // because the board is there, whether its host has power or not
      const { sp } = emulation.serviceProcessors.nodes.get(fault.node)!
      sp.inject(fault.fault)
      return () => sp.clear(fault.fault.kind)
    }
    default: {
      const unreachable: never = fault
      return unreachable
    }
  }
}

/** What begins anew is on the node that is there then: a node that lost its power meanwhile started all its daemons. */
function crash({ control, routing, emulation }: Stage, fault: Extract<Fault, { kind: 'crash' }>): () => void {
  switch (fault.daemon) {
    case 'nexus':
      control.crash()
      control.hold()
      return () => control.release()
    case 'routing':
      routing.kill(fault.node)
      return () => void routing.start(fault.node)
    case 'switchd': {
      const node = () => emulation.switches().find(({ name }) => name === fault.node)
      node()?.killSwitchd()
      return () => void node()?.startSwitchd()
    }
    case 'agent': {
      const node = () => emulation.sleds().find(({ name }) => name === fault.node)
      node()?.killAgent()
      return () => void node()?.startAgent()
    }
    default: {
      const unreachable: never = fault
      return unreachable
    }
  }
}

function flap(stage: Stage, link: string, times: number, forMs: number): () => void {
  let end = (): void => {}
  const timers = Array.from({ length: times }, (_, i) => [
    stage.clock.after((i * forMs) / times, () => {
      end = stage.links.add({ link, isCut: true })
    }),
    stage.clock.after(((i + 0.5) * forMs) / times, () => end()),
  ]).flat()
  return () => {
    for (const timer of timers) timer.cancel()
    end()
  }
}

interface Cable {
  readonly link: string
  /** The direction that leads away from the node. */
  readonly leaves: 'a-to-b' | 'b-to-a'
}

/** The cables of nodes; with `isBorder`, only those that lead to others. */
function cablesOf(emulation: Emulation, nodes: readonly string[], isBorder: boolean): Cable[] {
  return emulation.topology.links.flatMap(({ name, a, b }) => {
    const [isA, isB] = [nodes.includes(a.node), nodes.includes(b.node)]
    if (!isA && !isB) return []
    if (isBorder && isA && isB) return []
    return [{ link: name, leaves: isA ? ('a-to-b' as const) : ('b-to-a' as const) }]
  })
}

function together(ends: readonly (() => void)[]): () => void {
  return () => {
    for (const end of ends) end()
  }
}
