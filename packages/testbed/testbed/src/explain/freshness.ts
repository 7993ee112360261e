/** How old what the places on a way were told is, and whether the control plane wants something newer of them. */
import type { Freshness } from '@lodestone/contract-testbed'
import type { ReconcilerStatus } from '@lodestone/nexus'
import type { Emulation } from '../emulation.ts'

/** What decides about packets. */
const INPUTS = ['firewall', 'routes', 'external-ips', 'v2p', 'external-addresses', 'instances', 'nat', 'switch-config']

/** @param nodes that the packet passed. */
export function freshnessOf(
  emulation: Emulation,
  reconcilers: readonly ReconcilerStatus[],
  nodes: ReadonlySet<string>,
): Freshness[] {
  const wallMs = emulation.world.clock.wallMs()
  return reconcilers
    .filter(({ reconciler, target }) => nodes.has(target) && INPUTS.includes(reconciler))
    .map(({ reconciler, target, state, items, lastSuccessWallMs, error }): Freshness => {
      const wanted = items.flatMap(({ generation }) => generation ?? [])
      const generation = wanted.length === 0 ? undefined : Math.max(...wanted)
      const applied = appliedBy(emulation, reconciler, target)
      const behind = generation === undefined || applied === undefined ? undefined : Math.max(0, generation - applied)
      const problem = error ?? items.find((item) => item.state === 'failed')?.detail
      return {
        input: reconciler,
        at: target,
        state,
        ...(generation === undefined ? {} : { generation }),
        ...(behind === undefined ? {} : { behind }),
        ...(lastSuccessWallMs === undefined ? {} : { age_ms: wallMs - lastSuccessWallMs }),
        ...(problem === undefined ? {} : { problem }),
      }
    })
}

/** The generation that a place itself says it has, where it keeps one for the whole of an input. */
function appliedBy(emulation: Emulation, reconciler: string, target: string): number | undefined {
  const node = emulation.nodes.get(target)
  if (node?.kind === 'switch') return reconciler === 'nat' ? node.switchd.nat.status().appliedGeneration : undefined
  if (node?.kind !== 'sled') return undefined
  return new Map<string, number>(Object.entries(node.agent.generations)).get(reconciler)
}
