/** What handlers and reconcilers are given. */
import type { Clock, LogLevel, Random } from '@lodestone/host'
import type { SledAgentClient } from '@lodestone/contract-sled-agent'
import type { SpState } from '@lodestone/contract-sp'
import type { FetchLike, Handlers } from '@lodestone/api'
import type { NexusApi, NexusOperation, SwitchSlot } from '@lodestone/contract-nexus'
import type { RoutedClient } from '@lodestone/contract-routed'
import type { SwitchdClient } from '@lodestone/contract-switchd'
import type { Caller } from './auth/authorize.ts'
import type { PasswordCost } from './auth/password.ts'
import type { Inventory } from './inventory.ts'
import type { ReconcilerStatus } from './reconcile/loop.ts'
import type { Secrets } from './secret-box.ts'
import type { Store } from './store/store.ts'

export interface Service {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly inventory: Inventory
  readonly passwordCost: PasswordCost
  /** Seals what the store keeps and must be able to tell again. */
  readonly secrets: Secrets
  /** How documents are had that operators give the URL of; absent: not at all. */
  readonly metadataFetch?: FetchLike
  /** A client of the agent of a sled; undefined when the sled is not in service any more. */
  sledAgent(sledId: string): SledAgentClient | undefined
  /** Whether a sled's agent answered when it was last asked, as far as this control plane knows. */
  isAnswering(sledId: string): boolean
  /** The boards in the rack's places for sleds; undefined when no gateway answers. */
  boards(): Promise<readonly { readonly slot: number; readonly state: SpState }[] | undefined>
  /** A client of the daemon of a switch. Throws an `ApiFailure` when the rack has no such switch. */
  switchd(slot: SwitchSlot): SwitchdClient
  /** A client of the routing daemon of a switch. */
  routed(slot: SwitchSlot): RoutedClient
  /** What each reconciler has done. */
  reconcilers(): readonly ReconcilerStatus[]
  /** For what happened that is no failure of ours and that somebody may want to know: refused logins. */
  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void
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
