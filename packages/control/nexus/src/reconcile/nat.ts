/** External addresses to one switch: everything at once, and an answer for each entry. */
import type { SwitchdClient } from '@lodestone/contract-switchd'
import type { Clock } from '@lodestone/host'
import type { Inventory } from '../inventory.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import { desiredNat } from './desired.ts'
import type { ItemStatus, PassResult } from './loop.ts'
import { DeclaredPush } from './push.ts'

export function natPass(
  store: Store,
  clock: Clock,
  inventory: Inventory,
  switchId: string,
  switchd: SwitchdClient,
): (snapshot: Snapshot, isFull: boolean) => Promise<PassResult> {
  const push = new DeclaredPush(store, clock, 'nat')
  // What the switch could not do is remembered, because an acknowledged generation is not sent again.
  let refused: readonly ItemStatus[] = []
  return async (snapshot, isFull) => {
    const entries = desiredNat(snapshot, inventory)
    const send = async (generation: number) => {
      const result = await switchd.nat_desired_set({ body: { generation, entries } })
      refused = !result.ok
        ? []
        : result.value.results
            .filter((entry) => entry.outcome === 'failed')
            .map((entry) => ({
              item: `${entry.external_address} ${entry.first_port}-${entry.last_port}`,
              state: 'failed',
              generation,
              detail: entry.reason ?? 'the switch gives no reason',
            }))
      return result
    }
    const whole = await push.push(`${entries.length} entries`, switchId, entries, snapshot, isFull, send)
    return { items: [whole, ...refused] }
  }
}
