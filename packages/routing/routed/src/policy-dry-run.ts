/** What the policies of another configuration would do to the routes that are here now. Nothing is changed. */
import { ACCEPT_ALL, type DryRun, type Peer, type Policy, REJECT_ALL } from '@lodestone/bgp'
import type { PolicyDryRun } from '@lodestone/contract-routed'
import type { RoutedConfig } from './config.ts'
import type { Routed } from './routed.ts'

export interface DryRunOptions {
  readonly peer?: string | undefined
  readonly direction?: 'import' | 'export' | undefined
  /** Differences named for each peer and direction. */
  readonly limit: number
}

/** @returns one result for each peer that both configurations have, with a session, and each direction. */
export function dryRunPolicies(routed: Routed, config: RoutedConfig, options: DryRunOptions): readonly PolicyDryRun[] {
  const out: PolicyDryRun[] = []
  for (const wanted of config.bgp?.peers ?? []) {
    if (options.peer !== undefined && options.peer !== wanted.name) continue
    const peer = routed.speaker?.peer(wanted.name)
    if (peer === undefined) continue
    for (const direction of ['import', 'export'] as const) {
      if (options.direction !== undefined && options.direction !== direction) continue
      const policy = wanted[direction] ?? absentPolicy(peer, config)
      const run = peer.dryRun(direction, policy, options.limit)
      if (run !== undefined) out.push(toApi(wanted.name, run))
    }
  }
  return out
}

/** RFC 8212. */
function absentPolicy(peer: Peer, config: RoutedConfig): Policy {
  const isRequired = peer.config.requiresPolicy ?? config.bgp?.requiresPolicy ?? false
  return isRequired && peer.status().isExternal !== false ? REJECT_ALL : ACCEPT_ALL
}

function toApi(peer: string, run: DryRun): PolicyDryRun {
  return {
    peer,
    direction: run.direction,
    examined: run.examined,
    unchanged: run.unchanged,
    newly_accepted: run.newlyAccepted,
    newly_rejected: run.newlyRejected,
    changed: run.changed,
    differences: run.differences.map(({ prefix, pathId, change, before, after }) => ({
      prefix: prefix.toString(),
      path_id: pathId,
      change,
      before,
      after,
    })),
  }
}
