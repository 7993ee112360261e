/** Everything that probe programs can watch in a rack. */
import { packetProbes, type ProbeSource } from '@lodestone/probe'
import type { Routed } from '@lodestone/routed'
import type { Emulation } from './emulation.ts'
import type { HttpProbes } from './http-probes.ts'
import { routingProbes } from './routing-probes.ts'
import { tcpProbes } from './tcp-probes.ts'

/** @param http of the control plane's interface, and of what it asks of sleds and switches, where there is one. */
export function rackProbes(emulation: Emulation, ...http: readonly HttpProbes[]): readonly ProbeSource[] {
  const { clock, tracer } = emulation.world
  return [packetProbes(tracer), routingProbes(clock, () => routersOf(emulation)), tcpProbes(clock, emulation), ...http]
}

/** Of the nodes that are on. */
function* routersOf(emulation: Emulation): Generator<readonly [string, Routed]> {
  for (const [name, { routed }] of emulation.nodes) if (routed !== undefined) yield [name, routed]
}
