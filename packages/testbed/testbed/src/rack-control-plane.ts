/**
 * The control plane of a running rack: nexus on the rack's database, from a sled of the rack, and what has to be there before anybody
 * can use it (the owner's token, the pools). It is made anew when the rack is set up. *Invariant:* nothing is acknowledged before the
 * database is whole, for until then it may have to be made anew.
 */
import { errorResponse, httpFetch, type HttpHandler } from '@lodestone/api'
import { OsFiles, type TlsIdentityOf } from '@lodestone/host'
import { isOutside, Nexus, type RecoverySilo } from '@lodestone/nexus'
import { serveApi } from './api-service.ts'
import type { Emulation } from './emulation.ts'
import { HttpProbes } from './http-probes.ts'
import { NexusHome } from './nexus-home.ts'
import { writeSecret } from './os-state-directory.ts'
import type { RackConfig } from './rack-config.ts'
import { databasePlace, openDatabase, type OpeningDatabase } from './rack-database.ts'
import { rackInventory } from './rack-inventory.ts'
import { rackNetwork } from './rack-network.ts'
import { type RackOptions, RackStartError } from './rack-options.ts'
import { DEFAULT_DNS_ZONE } from './rack-services.ts'
import { ensureDefaultPool, ensurePool, ensurePool6, isTokenGood, obtainToken, RECOVERY } from './rack-setup.ts'
import { type RackState, TOKEN_FILE } from './rack-state.ts'
import type { Topology } from './topology.ts'

/** Of a document on the real internet, as metadata of an identity provider. */
const METADATA_TIMEOUT_MS = 10_000

export class RackControlPlane {
  /** Of its interface, and of what its reconcilers ask of sleds and switches. */
  readonly apiProbes: HttpProbes
  readonly reconcilerProbes: HttpProbes
  readonly #options: RackOptions
  readonly #state: RackState
  readonly #emulation: Emulation
  readonly #home: NexusHome
  #config: RackConfig | undefined
  /** Undefined while the rack waits to be set up. */
  #database: OpeningDatabase | undefined
  #nexus: Nexus
  #isDatabaseWhole = false

  constructor(options: RackOptions, state: RackState, emulation: Emulation, database: OpeningDatabase | undefined) {
    this.#options = options
    this.#state = state
    this.#emulation = emulation
    this.#config = state.config
    this.#database = database
    this.apiProbes = new HttpProbes('api', 'nexus', options.clock)
    this.reconcilerProbes = new HttpProbes('reconciler', 'nexus', options.clock)
    this.#home = new NexusHome(emulation, this.handler)
    this.#nexus = this.#makeNexus(emulation.topology)
  }

  get nexus(): Nexus {
    return this.#nexus
  }

  /** What the rack was set up with. */
  get config(): RackConfig | undefined {
    return this.#config
  }

  /** Whether the rack waits to be set up. */
  get isWaiting(): boolean {
    return this.#database === undefined
  }

  get recovery(): RackConfig['recovery'] {
    return this.#config?.recovery ?? RECOVERY
  }

  get dnsZone(): string {
    return this.#config?.dnsZone ?? DEFAULT_DNS_ZONE
  }

  /** The public API. */
  readonly handler: HttpHandler = (request) => {
    if (this.#isDatabaseWhole) return this.apiProbes.handler(this.#nexus.handler)(request)
    const requestId = this.#options.random.uuid()
    const message = this.isWaiting ? 'the rack is not set up yet' : 'the API is not up'
    return Promise.resolve(errorResponse({ kind: 'unavailable', message }, requestId))
  }

  readonly tlsIdentity: TlsIdentityOf = (serverName) => this.#nexus.tlsIdentity(serverName)

  /** A sled has come up: the API is on its external address where this sled carries it, and the control plane's where it runs. */
  async serveOn(sled: string): Promise<void> {
    const services = this.#emulation.sleds().find(({ name }) => name === sled)?.services ?? []
    for (const { spec, network } of services) {
      if (spec.kind === 'api') void serveApi(network, this.handler, this.tlsIdentity)
    }
    await this.#home.serveOn(sled)
  }

  /** @param topology as the configuration has it, uplinks of the switches too. */
  async setUp(config: RackConfig, topology: Topology): Promise<void> {
    this.#config = config
    this.#database = await openDatabase(this.#options)
    this.#nexus = this.#makeNexus(topology)
  }

  /** A set-up has failed: the rack waits for the next. */
  async giveUp(): Promise<void> {
    await this.#nexus.close()
    this.#config = undefined
    this.#database = undefined
  }

  async start(): Promise<void> {
    await this.#nexus.start().catch((error: Error) => {
      const place = databasePlace(this.#options)
      throw new RackStartError(`The database ${place} does not start: ${error.message}`, { cause: error })
    })
  }

  /** From here on the database is what people have been told, and the API answers. */
  async acknowledge(): Promise<void> {
    await this.#database?.finish()
    this.#isDatabaseWhole = true
  }

  /** What has to be there before anybody can use the rack. */
  async ensureBasics(): Promise<void> {
    const { handler } = this.#nexus
    const token = await this.#ownerToken()
    const config = this.#config
    if (config === undefined) {
      await ensureDefaultPool(handler, token)
      return ensurePool6(handler, token)
    }
    for (const [index, pool] of config.pools.entries()) {
      await ensurePool(handler, token, pool, { silo: config.recovery.silo, isDefault: index === 0 })
    }
  }

  close(): Promise<void> {
    return this.#nexus.close()
  }

  /** The one that was kept, or another one where that is not good any more. */
  async #ownerToken(): Promise<string> {
    const { stateDirectory, random } = this.#options
    const { handler } = this.#nexus
    const kept = await new OsFiles(stateDirectory).read(TOKEN_FILE)
    const text = kept === undefined ? '' : new TextDecoder().decode(kept).trim()
    if (text !== '' && (await isTokenGood(handler, text, this.recovery))) return text
    const token = await obtainToken(handler, random, this.recovery)
    await writeSecret(stateDirectory, TOKEN_FILE, token)
    return token
  }

  #makeNexus(topology: Topology): Nexus {
    const { clock, random, os, console } = this.#options
    const config = this.#config
    // Its calls to agents and switches cross the underlay from where it runs.
    const host = this.#emulation.world.host('nexus', { underlay: this.#home.network }, random)
    return new Nexus(host, {
      aroundFetch: (inner) => this.reconcilerProbes.fetch(inner),
      inventory: rackInventory(topology, inventoryOf(config)),
      network: rackNetwork(topology, config),
      authority: this.#state.authority,
      secrets: this.#state.secrets,
      underlayPlace: () => this.#home.place,
      metadataFetch: httpFetch(os, {
        clock,
        timeoutMs: METADATA_TIMEOUT_MS,
        allows: (address) => isOutside(address, this.#config?.idpNetworks),
      }),
      ...(config === undefined ? {} : { recoverySilo: recoverySilo(config) }),
      ...(this.#database === undefined ? {} : { opening: this.#database.store }),
      ...(console === undefined ? {} : { console }),
    })
  }
}

function inventoryOf(config: RackConfig | undefined): Parameters<typeof rackInventory>[1] {
  if (config === undefined) return { dnsZone: DEFAULT_DNS_ZONE }
  const { dnsZone, dnsServers, areSledsApproved } = config
  return { dnsZone, dnsServers: dnsServers.map(String), areSledsApproved }
}

function recoverySilo({ recovery }: RackConfig): RecoverySilo {
  const user = { name: recovery.username, password: recovery.password, fleetRole: 'admin', siloRole: 'admin' } as const
  return { name: recovery.silo, users: [user] }
}
