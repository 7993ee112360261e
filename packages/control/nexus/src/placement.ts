/**
 * On which sled an instance is placed: pure. Groups with policy `fail` leave out sleds; those with policy `allow` and the number of
 * instances order the rest.
 */

export interface Candidate {
  readonly sledId: string
  /** Instances that are on it. */
  readonly count: number
}

/** Another instance that is placed and shares a group with ours. */
export interface GroupNeighbor {
  readonly kind: 'affinity' | 'anti_affinity'
  readonly policy: 'allow' | 'fail'
  readonly sledId: string
}

/** @returns undefined when no candidate may be taken. Among equals the first is. */
export function chosenSled(candidates: readonly Candidate[], neighbors: readonly GroupNeighbor[]): string | undefined {
  let best: { readonly sledId: string; readonly wishes: number; readonly count: number } | undefined
  for (const { sledId, count } of candidates) {
    const isRefused = neighbors.some(
      ({ kind, policy, sledId: other }) => policy === 'fail' && (kind === 'affinity') === (other !== sledId),
    )
    if (isRefused) continue
    let wishes = 0
    for (const { kind, policy, sledId: other } of neighbors) {
      if (policy === 'allow' && other === sledId) wishes += kind === 'affinity' ? 1 : -1
    }
    if (best === undefined || wishes > best.wishes || (wishes === best.wishes && count < best.count)) {
      best = { sledId, wishes, count }
    }
  }
  return best?.sledId
}
