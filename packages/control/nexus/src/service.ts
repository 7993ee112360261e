/** What handlers and reconcilers are given. */
import type { Clock, Random } from '@lodestone/host'
import type { SledAgentClient } from '@lodestone/contract-sled-agent'
import type { Handlers } from '@lodestone/api'
import type { NexusApi, NexusOperation, SwitchSlot } from '@lodestone/contract-nexus'
import type { RoutedClient } from '@lodestone/contract-routed'
import type { SwitchdClient } from '@lodestone/contract-switchd'
import type { Caller } from './auth/authorize.ts'
import type { PasswordCost } from './auth/password.ts'
import type { Inventory } from './inventory.ts'
import type { ReconcilerStatus } from './reconcile/loop.ts'
import type { Store } from './store/store.ts'

export interface Service {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly inventory: Inventory
  readonly passwordCost: PasswordCost
  /** A client of the agent of a sled in the inventory. */
  sledAgent(sledId: string): SledAgentClient
  /** A client of the daemon of a switch. Throws an `ApiFailure` when the rack has no such switch. */
  switchd(slot: SwitchSlot): SwitchdClient
  /** A client of the routing daemon of a switch. */
  routed(slot: SwitchSlot): RoutedClient
  /** What each reconciler has done. */
  reconcilers(): readonly ReconcilerStatus[]
  /** Desired state has changed: reconcilers should look soon. Returns at once. */
  activate(): void
}

export interface RequestContext {
  readonly actor: Caller | undefined
}

/** The handlers of some operations; together they are `Handlers<NexusApi, RequestContext>`. */
export type HandlersOf<Id extends NexusOperation> = Pick<Handlers<NexusApi, RequestContext>, Id>

export function nowOf(service: Pick<Service, 'clock'>): Date {
  return new Date(service.clock.wallMs())
}
