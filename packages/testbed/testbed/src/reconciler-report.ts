/** From the control plane's reconcilers to the control socket's form. */
import type { Reconciler } from '@lodestone/contract-testbed'
import type { ReconcilerStatus } from '@lodestone/nexus'

export function reconcilerReport(all: readonly ReconcilerStatus[]): Reconciler[] {
  return all.map((each) => {
    const generations = each.items.flatMap(({ generation }) => generation ?? [])
    const failed = each.items.filter(({ state }) => state === 'failed').length
    return {
      name: each.reconciler,
      target: each.target,
      state: each.state,
      ...(generations.length === 0 ? {} : { generation: Math.max(...generations) }),
      passes: each.passes,
      failed_passes: each.failures,
      ...(each.lastSuccessWallMs === undefined ? {} : { last_success: new Date(each.lastSuccessWallMs).toISOString() }),
      pending: failed + (each.error === undefined ? 0 : 1),
      ...(each.error === undefined ? {} : { error: each.error }),
      items: each.items.map((item) => ({ ...item })),
    }
  })
}
