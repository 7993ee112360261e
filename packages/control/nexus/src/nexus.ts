/**
 * The control plane: the public API over the store, and the reconcilers that make the rack what the store says. A write
 * is acknowledged when it is durable; a restart reads everything back and reconciles from scratch.
 */
import { errorResponse, type FetchLike, httpFetch, type HttpHandler, objectNotFound } from '@lodestone/api'
import type { AuditLogEntry, SwitchSlot } from '@lodestone/contract-nexus'
import type { Files, Host, TlsIdentity } from '@lodestone/host'
import { entryFromRow } from './api/audit-log.ts'
import { nexusHandler } from './api/handlers.ts'
import { DEFAULT_PASSWORD_COST, type PasswordCost } from './auth/password.ts'
import type { Inventory } from './inventory.ts'
import { type ConfiguredRoute, routeCauses } from './reconcile/desired-switch.ts'
import { type ProposedNetwork, proposedNetwork, type VpcChange } from './proposed-network.ts'
import type { ReconcilerStatus } from './reconcile/loop.ts'
import { Reconcilers } from './reconcile/reconcilers.ts'
import { boardsInRack } from './reconcile/sleds.ts'
import { DEFAULT_RECOVERY_SILO, ensureRecoverySilo, type RecoverySilo } from './recovery.ts'
import { openSecrets } from './sealed-store.ts'
import { type Secrets, UNSEALED } from './secret-box.ts'
import type { Service } from './service.ts'
import { ensurePlannedSleds } from './sled-register.ts'
import { ensureRackNetwork, NO_NETWORK, type RackNetwork } from './rack-network.ts'
import { auditEntriesOf } from './store/audit-log.ts'
import { sledsInService } from './store/sled.ts'
import { readSnapshot } from './store/snapshot.ts'
import { Store } from './store/store.ts'
import type { CertificateAuthority } from './tls/certificate-authority.ts'
import { shareAuthority } from './tls/shared-authority.ts'
import { SiloCertificates } from './tls/silo-certificates.ts'

export interface NexusOptions {
  readonly inventory: Inventory
  /** Directory of the embedded database, an open store, or nothing for a database in memory. */
  readonly storeDirectory?: string
  /** Where archives of empty embedded databases are kept, from which a new one is made quickly. */
  readonly archives?: readonly Files[]
  /** URL of a PostgreSQL server instead of a directory. */
  readonly database?: string
  /** An open store instead of a directory; it is left open by `close`. */
  readonly store?: Store
  /** A store that is on its way, by `openStore`, instead of a directory; `close` closes it. */
  readonly opening?: Promise<Store>
  /** The web console's files, served on the origin of the API. */
  readonly console?: Files
  /** How sleds and switches are reached; HTTP over the host's network `underlay` unless given. */
  readonly fetch?: FetchLike
  /** Put around `fetch`, for whoever wants to watch what the reconcilers ask. */
  readonly aroundFetch?: (fetch: FetchLike) => FetchLike
  /** Where the handler is served on the underlay, for the rack's own name servers; undefined while it is not. */
  readonly underlayPlace?: () => { readonly address: string; readonly port: number } | undefined
  readonly recoverySilo?: RecoverySilo
  /** Seals secrets in the database; without it they stand there in the clear, which is for databases in memory. */
  readonly secrets?: Secrets
  /** Issues certificates for silos whose operators gave none. */
  readonly authority?: CertificateAuthority
  /** How documents are had that operators give the URL of, as metadata of identity providers; absent: not at all. */
  readonly metadataFetch?: FetchLike
  /** What a new rack's network is configured to be; from then on the store says it. */
  readonly network?: RackNetwork
  readonly passwordCost?: PasswordCost
  /** Parses every response with its schema; for tests. */
  readonly checkResponses?: boolean
}

/** A sled or switch that takes longer than this for an answer counts as unreachable. */
const CALL_TIMEOUT_MS = 5_000

export class Nexus {
  readonly #host: Host
  readonly #options: NexusOptions
  #handler: HttpHandler | undefined
  #certificates: SiloCertificates | undefined
  #store: Store | undefined
  #reconcilers: Reconcilers | undefined

  constructor(host: Host, options: NexusOptions) {
    this.#host = host
    this.#options = options
  }

  /** The public API. Answers 503 before `start` has resolved and after `close`. */
  readonly handler: HttpHandler = (request) => {
    if (this.#handler !== undefined) return this.#handler(request)
    return Promise.resolve(
      errorResponse({ kind: 'unavailable', message: 'the API is not up' }, this.#host.random.uuid()),
    )
  }

  /** What a TLS server in front of `handler` shows clients that ask for `serverName`; nothing before `start` has resolved. */
  tlsIdentity(serverName: string | undefined): Promise<TlsIdentity | undefined> {
    return this.#certificates?.identityFor(serverName) ?? Promise.resolve(undefined)
  }

  async start(): Promise<void> {
    const { clock, random } = this.#host
    const { inventory, console: files } = this.#options
    const store = this.#options.store ?? (await (this.#options.opening ?? openStore(this.#options)))
    const plainFetch =
      this.#options.fetch ?? httpFetch(this.#host.network('underlay'), { clock, timeoutMs: CALL_TIMEOUT_MS })
    const fetch = this.#options.aroundFetch?.(plainFetch) ?? plainFetch
    const secrets = this.#options.secrets ?? UNSEALED
    const { authority } = this.#options
    try {
      await openSecrets({ store, clock }, secrets)
      if (authority !== undefined) await shareAuthority({ store, clock }, secrets, authority)
    } catch (error) {
      if (this.#options.store === undefined) await store.close()
      throw error
    }
    await ensurePlannedSleds({ store, clock, random }, inventory)
    const reconcilers = new Reconcilers({
      store,
      clock,
      random,
      inventory,
      fetch,
      sleds: await sledsInService(store.db),
      nexusPlace: this.#options.underlayPlace ?? (() => undefined),
    })
    const service: Service = {
      store,
      clock,
      random,
      inventory,
      passwordCost: this.#options.passwordCost ?? DEFAULT_PASSWORD_COST,
      secrets,
      ...(this.#options.metadataFetch === undefined ? {} : { metadataFetch: this.#options.metadataFetch }),
      log: (level, event, fields) => this.#host.log(level, event, fields),
      sledAgent: (sledId) => reconcilers.agent(sledId),
      isAnswering: (sledId) => reconcilers.isAnswering(sledId),
      boards: () => boardsInRack(reconcilers.gateways),
      switchd: (slot) => reconcilers.switchd(slot) ?? noSwitch(slot),
      routed: (slot) => reconcilers.routed(slot) ?? noSwitch(slot),
      reconcilers: () => reconcilers.status(),
      activate: () => {
        store.changeLog.note(store.request.id)
        store.request.leave(() => reconcilers.activate())
      },
    }
    const recoverySilo = this.#options.recoverySilo ?? DEFAULT_RECOVERY_SILO
    await ensureRecoverySilo(service, recoverySilo)
    await ensureRackNetwork(service, this.#options.network ?? NO_NETWORK)
    this.#store = store
    this.#reconcilers = reconcilers
    this.#certificates = new SiloCertificates({
      store,
      clock,
      secrets,
      inventory,
      defaultSilo: recoverySilo.name,
      authority,
    })
    this.#handler = nexusHandler(service, {
      checkResponses: this.#options.checkResponses ?? false,
      ...(files === undefined ? {} : { console: { files, defaultSilo: recoverySilo.name } }),
      onError: ({ error, cause, ...where }) => {
        if (error.kind !== 'internal') return
        this.#host.log('error', 'request-failed', { ...where, error: error.internal, stack: stackOf(cause) })
      },
    })
    reconcilers.activate()
  }

  /** What each reconciler has done for each sled and switch. */
  reconcilers(): readonly ReconcilerStatus[] {
    return this.#reconcilers?.status() ?? []
  }

  /** What the audit log has of these requests, in the order of their ends. */
  async requests(ids: readonly string[]): Promise<readonly AuditLogEntry[]> {
    const db = this.#store?.db
    return db === undefined ? [] : (await auditEntriesOf(db, ids)).map(entryFromRow)
  }

  /** The ids of requests of which one or more made a generation of what a sled or switch is told. */
  changedBy(reconciler: string, target: string, generation: number): readonly string[] {
    return this.#reconcilers?.changedBy(reconciler, target, generation) ?? []
  }

  /** The ids of the requests that configured a route of a switch, or the BGP peer that it is from. */
  async routeCauses(target: string, route: ConfiguredRoute): Promise<readonly string[]> {
    const store = this.#store
    if (store === undefined || (target !== 'switch0' && target !== 'switch1')) return []
    return routeCauses(await readSnapshot(store), target, route)
  }

  /** What sleds and switches would be told, were VPCs changed so, one change after the other. Nothing is. */
  async proposedNetwork(changes: readonly VpcChange[]): Promise<ProposedNetwork> {
    const store = this.#store
    if (store === undefined) return { ok: false, message: 'the control plane is not up' }
    return proposedNetwork(store, this.#options.inventory, changes, new Date(this.#host.clock.wallMs()))
  }

  /** Asks all reconcilers to look now. */
  activate(): void {
    this.#reconcilers?.activate()
  }

  /** Asks for everything to be pushed again: a sled or switch came back, and what it knew is gone. */
  repeat(): void {
    this.#reconcilers?.repeat()
  }

  /** Ends the passes that are running and closes the store. */
  async close(): Promise<void> {
    this.#handler = undefined
    this.#certificates = undefined
    await this.#reconcilers?.close()
    if (this.#options.store !== undefined) return
    const opened = await this.#options.opening?.catch(() => undefined) // `start` has told
    await (this.#store ?? opened)?.close()
  }
}

/** Most of a start, which needs nothing else: whoever has other things to do begins with it and hands it over as `opening`. */
export async function openStore({
  database,
  storeDirectory,
  archives = [],
}: Pick<NexusOptions, 'database' | 'storeDirectory' | 'archives'>): Promise<Store> {
  if (database === undefined) {
    return Store.open({ ...(storeDirectory === undefined ? {} : { directory: storeDirectory }), archives })
  }
  const { postgresPool } = await import('./store/postgres-pool.ts')
  return Store.connect(postgresPool(database))
}

function noSwitch(slot: SwitchSlot): never {
  throw objectNotFound('switch', { name: slot })
}

function stackOf(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.stack : undefined
}
