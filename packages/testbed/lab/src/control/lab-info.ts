/** A running laboratory in numbers. */
import { type Link, type LinkDirection, meanLoss } from '@lodestone/link'
import type { NodeDocument } from '../document/document.ts'
import type { LabRuntime } from '../runtime/lab-runtime.ts'
import { fidelityOf } from './fidelity.ts'
import type { LabInfo } from './lab-api.ts'

type Side = LabInfo['links'][number]['a_to_b']

export function labInfo(lab: LabRuntime): LabInfo {
  const { document } = lab
  const links = [...lab.links().values()].map((link) => ({
    name: link.name,
    a: link.a.name,
    b: link.b.name,
    up: link.isUp,
    profile: document.links[link.name]?.profile ?? null,
    a_to_b: sideOf(link, 'a-to-b'),
    b_to_a: sideOf(link, 'b-to-a'),
  }))
  return {
    name: document.name,
    time: lab.isVirtual ? 'virtual' : 'real',
    uptime_ms: lab.world.clock.nowMs() - lab.startedMs,
    nodes: nodesOf(lab),
    links,
    fidelity: fidelityOf(links, document.latenessBoundMs),
    problems: [...lab.problems],
  }
}

function nodesOf(lab: LabRuntime): LabInfo['nodes'] {
  const { document, emulation } = lab
  const groups = (name: string): string[] => [...(document.nodes[name]?.groups ?? [])]
  const own = Object.entries(document.nodes).flatMap(([name, node]): LabInfo['nodes'] => {
    if (node.kind === 'rack') return []
    const { state, detail } = stateOf(lab, name, node)
    return [{ name, kind: node.kind, state, detail, addresses: addressesOf(node), groups: groups(name) }]
  })
  const ofRacks = emulation.topology.nodes.flatMap((spec): LabInfo['nodes'] => {
    if (spec.kind !== 'sled' && spec.kind !== 'switch') return []
    const rack = spec.name.replace(/-(sled|switch)\d+$/, '')
    const addresses = spec.kind === 'sled' ? [spec.address] : [spec.zoneAddress, spec.tunnelEndpoint]
    const state = emulation.nodes.has(spec.name) ? 'running' : 'off'
    return [
      {
        name: spec.name,
        kind: spec.kind,
        state,
        detail: `of rack ${rack}`,
        addresses: addresses.map(String),
        groups: groups(rack),
      },
    ]
  })
  return [...own, ...ofRacks]
}

function stateOf(
  lab: LabRuntime,
  name: string,
  node: NodeDocument,
): { state: 'running' | 'paused' | 'off' | 'failed'; detail: string } {
  const failure = lab.failureOf(name)
  if (failure !== undefined) return { state: 'failed', detail: failure }
  const live = lab.live.get(name)
  if (live !== undefined) return live.state
  if (node.kind === 'guest') {
    const isRunning = lab.guests.execOf(name) !== undefined
    return {
      state: isRunning ? 'running' : 'off',
      detail: isRunning ? `on sled ${node.sled} of ${node.rack}` : lab.guests.detail,
    }
  }
  const stack = lab.stack(name)
  if (stack === undefined) return { state: 'off', detail: 'power is off' }
  const peers = [...(lab.rackNode(name)?.routed?.speaker?.peers() ?? [])]
  const up = peers.filter((peer) => peer.status().state === 'Established').length
  return { state: 'running', detail: peers.length === 0 ? '' : `${up} of ${peers.length} BGP sessions` }
}

function addressesOf(node: NodeDocument): string[] {
  if (node.kind === 'guest') return [node.address, ...(node.floating === undefined ? [] : [node.floating])]
  if (!('interfaces' in node)) return []
  const loopbacks = 'loopbacks' in node ? node.loopbacks : []
  return [...loopbacks, ...Object.values(node.interfaces).flatMap(({ addresses }) => addresses)]
}

function sideOf(link: Link, direction: LinkDirection): Side {
  const counters = link.counters(direction)
  const { delayMs, rateBps, loss, lossModel } = link.impairments(direction)
  const late = link.lateness(direction)
  const modelled = lossModel === undefined ? 0 : (meanLoss(lossModel) ?? 0)
  return {
    frames: counters.framesIn,
    bytes: counters.bytesIn,
    delivered: counters.framesOut,
    delay_ms: delayMs,
    rate_bps: Number.isFinite(rateBps) ? rateBps : 0,
    loss: 1 - (1 - loss) * (1 - modelled),
    drops: { ...counters.drops },
    marked: counters.marked,
    late_p99_ms: late.p99Ms,
    late_max_ms: late.maxMs,
    late_histogram: [...late.histogram],
  }
}
