/**
 * A running rack: the emulation of `rackTopology`, the control plane on top, and what a person needs to reach them.
 * Real time, one process. The state directory holds the database, the control socket and the token of its owner.
 */
import { errorResponse, type FetchLike, httpFetch, type HttpHandler, type HttpServer, serveHttp } from '@lodestone/api'
import type { PlacedSled, RackInfo } from '@lodestone/contract-testbed'
import {
  type Clock,
  type Files,
  type LogSink,
  type Network,
  OsFiles,
  type Random,
  SeededRandom,
  sleep,
  type TcpListener,
  type TlsIdentityOf,
} from '@lodestone/host'
import type { Link } from '@lodestone/link'
import type { Ip } from '@lodestone/net'
import {
  CA_CERTIFICATE_FILE,
  CertificateAuthority,
  isOutside,
  Nexus,
  openStore,
  type RecoverySilo,
  SecretBox,
  type Store,
} from '@lodestone/nexus'
import type { ProbeSource } from '@lodestone/probe'
import { serveApi } from './api-service.ts'
import { controlHandler } from './control-api.ts'
import { Emulation } from './emulation.ts'
import type { HostNode } from './host-node.ts'
import {
  claimDatabase,
  isDatabaseUnfinished,
  lockStateDirectory,
  makePrivate,
  removeFile,
  writeSecret,
} from './os-state-directory.ts'
import { compileSwitchProgram } from './os-switch-program.ts'
import { HttpProbes } from './http-probes.ts'
import { NexusHome } from './nexus-home.ts'
import { type PlacedBoards, readBoards, withBoards, writeBoards } from './rack-boards.ts'
import { publish, publishFrom, type PublishSpec } from './publish.ts'
import { parseRackConfig, type RackConfig } from './rack-config.ts'
import { RackSetup } from './rack-setup-service.ts'
import { openTechnicianPort, SETUP_PORT, technicianAddress, technicianLaptop } from './technician-port.ts'
import { configuredTopology } from './rack-config-topology.ts'
import { rackInventory } from './rack-inventory.ts'
import { rackNetwork } from './rack-network.ts'
import { rackProbes } from './rack-probes.ts'
import { DEFAULT_DNS_ZONE, nameServers, withServices } from './rack-services.ts'
import { ensureDefaultPool, ensurePool, isTokenGood, obtainToken, RECOVERY } from './rack-setup.ts'
import { CLIENT_NAME, rackTopology, withSled } from './rack-topology.ts'
import { sledHardware } from './service-processors.ts'
import { rackChecks } from './readiness.ts'
import type { HostSpec, MultipathMode, NodeSpec, Topology } from './topology.ts'
import { World } from './world.ts'

const VERSION = '0.1.0'
const CONTROL_SOCKET = 'control.sock'
const TOKEN_FILE = 'token'
const TLS_DIRECTORY = 'tls'
/** Of a document on the real internet, as metadata of an identity provider. */
const METADATA_TIMEOUT_MS = 10_000
/** What the operating system takes for the path of a Unix socket, at the least. */
const SOCKET_PATH_LIMIT = 103
/** What a rack has room for. */
const SLED_PLACES = 32
const READY_WITHIN_MS = 60_000
const CHECK_PERIOD_MS = 25
/** What a rack was set up with at its technician's port. */
const CONFIG_FILE = 'rack.toml'
const SETUP_STEPS = ['outside', 'forwarding', 'ddm', 'api', 'bgp', 'way out', 'pool', 'rack'] as const

export interface RackOptions {
  readonly clock: Clock
  readonly random: Random
  /** The operating system's sockets, for the public API, the control socket and published ports. */
  readonly os: Network
  readonly sleds: number
  /** How sleds choose between the switches; default: by measured delay. */
  readonly multipath?: MultipathMode
  /** What the operator wants of a new rack. The outside is always as it says; the control plane's state is what it was. */
  readonly config?: RackConfig
  /**
   * The rack waits to be set up at the technician's port, which this port of the machine leads to (0 picks one). Not together with a
   * configuration; a state directory that was set up keeps what it is.
   */
  readonly technicianPort?: number
  readonly stateDirectory: string
  /** Where archives of empty databases are kept, so that a new rack starts quickly. */
  readonly archives?: readonly Files[]
  /** Keeps the database in memory: for demonstrations, whose state nobody wants back. */
  readonly isEphemeral?: boolean
  /** URL of a PostgreSQL server to use instead of the embedded database. */
  readonly database?: string
  /** A built web console, served on the origin of the API. */
  readonly console?: Files
  readonly apiAddress: string
  /** 0 picks a free one. */
  readonly apiPort: number
  /** Of the API over TLS at the same address; absent: it is on its external address only. */
  readonly tlsPort?: number
  readonly publish: readonly PublishSpec[]
  /** Told once as each part becomes ready. */
  readonly onProgress?: (name: string, detail: string) => void
  readonly log?: LogSink
  /** Of this process, for the lock; and whether another one still runs. */
  readonly processId: number
  readonly isProcessAlive: (pid: number) => boolean
}

/** A database on its way. */
interface OpeningDatabase {
  readonly store: Promise<Store>
  /** To be called before the first write is acknowledged. */
  readonly finish: () => Promise<void>
}

/** The rack cannot start, for a reason that its user can do something about. */
export class RackStartError extends Error {}

export class Rack {
  readonly world: World
  readonly emulation: Emulation
  #nexus: Nexus
  readonly #setup: RackSetup
  readonly #authority: CertificateAuthority
  readonly #secrets: SecretBox
  readonly #aroundFetch: (fetch: FetchLike) => FetchLike
  /** Undefined while the rack waits to be set up. */
  #database: OpeningDatabase | undefined
  #config: RackConfig | undefined
  #technicianPort: number | undefined
  /** Resolves when the rack is down. */
  readonly closed: Promise<void>
  readonly controlHandler: HttpHandler
  /** What probe programs can watch. */
  readonly probes: readonly ProbeSource[]
  readonly #apiProbes: HttpProbes
  readonly #options: RackOptions
  readonly #home: NexusHome
  #boards: PlacedBoards
  readonly #startMs: number
  readonly #closers: (() => void | Promise<void>)[] = []
  #resolveClosed: () => void = () => {}
  #closing: Promise<void> | undefined
  #state: RackInfo['state'] = 'starting'
  #readyAfterMs: number | null = null
  #apiPort = 0
  #tlsPort: number | undefined
  #isDatabaseWhole = false
  /** Checks of the network that were told, by whoever waits for it; another set when that attempt was given up. */
  #seen: ReadonlySet<string> = new Set()

  /** Resolves when everything works: sessions up, routes everywhere, API answering. Rejects with `RackStartError`. */
  static async start(options: RackOptions): Promise<Rack> {
    const { stateDirectory } = options
    const lock = await lockStateDirectory(stateDirectory, options.processId, options.isProcessAlive).catch(
      (error: Error) => {
        throw new RackStartError(`${stateDirectory} cannot hold a rack's state: ${error.message}`, { cause: error })
      },
    )
    if (!lock.ok) {
      throw new RackStartError(
        `A rack is already running on ${stateDirectory} (process ${lock.pid}). ` +
          'Stop it with Ctrl-C or `lode down`, or choose another directory with --state. ' +
          `If that process is another program, remove ${stateDirectory}/lock.`,
      )
    }
    const directory = `${stateDirectory}/${TLS_DIRECTORY}`
    const opening = CertificateAuthority.open(new OsFiles(directory), options.clock, options.random)
    const authority = await opening.catch(async (error: Error) => {
      await lock.release()
      throw new RackStartError(`The certificate authority in ${directory} cannot be used: ${error.message}`, {
        cause: error,
      })
    })
    const state = new OsFiles(stateDirectory)
    const secrets = await SecretBox.open(state, options.random).catch(async (error: Error) => {
      await lock.release()
      throw new RackStartError(
        `The key of the database's secrets in ${stateDirectory} cannot be used: ${error.message}`,
        {
          cause: error,
        },
      )
    })
    const config = options.config ?? (await keptConfig(state))
    const boards = await readBoards(state)
    const isWaiting = options.technicianPort !== undefined && !(await wasSetUp(state, stateDirectory))
    // It starts while the network is built.
    const database = isWaiting ? undefined : await openDatabase(options)
    const rack = new Rack(options, { authority, secrets }, boards, config, database)
    rack.#closers.push(lock.release)
    try {
      await rack.#start()
    } catch (error) {
      await rack.close()
      throw error
    }
    return rack
  }

  private constructor(
    options: RackOptions,
    { authority, secrets }: { readonly authority: CertificateAuthority; readonly secrets: SecretBox },
    boards: PlacedBoards,
    config: RackConfig | undefined,
    database: OpeningDatabase | undefined,
  ) {
    this.#options = options
    this.#database = database
    this.#config = config
    this.#authority = authority
    this.#secrets = secrets
    this.#boards = boards
    this.#startMs = options.clock.nowMs()
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    const { clock, log } = options
    // Links and protocols draw from a seed of their own; secrets come from the operating system.
    const random = new SeededRandom(options.random.u32())
    this.world = new World({ clock, random, ...(log === undefined ? {} : { log }) })
    this.emulation = new Emulation({
      world: this.world,
      topology: topologyOf(options, config, boards),
      program: compileSwitchProgram(),
      configuration: 'control-plane',
      // What comes back is told what it should be at once.
      onPower: (name, isOn) => {
        if (isOn) this.#serveOutside(name)
        if (isOn) void this.#home.serveOn(name)
        if (!isOn && this.#state === 'ready') this.nexus.activate()
        if (isOn && this.#state === 'ready') this.nexus.repeat()
      },
    })
    this.#apiProbes = new HttpProbes('api', 'nexus', clock)
    const reconcilerProbes = new HttpProbes('reconciler', 'nexus', clock)
    this.probes = rackProbes(this.emulation, this.#apiProbes, reconcilerProbes)
    this.#home = new NexusHome(this.emulation, (request) => this.#publicApi(request))
    this.#aroundFetch = (inner) => reconcilerProbes.fetch(inner)
    this.#nexus = this.#makeNexus(this.emulation.topology)
    this.#setup = new RackSetup({ clock, steps: SETUP_STEPS, run: (given, toml) => this.#setUp(given, toml) })
    this.controlHandler = controlHandler(this)
  }

  get nexus(): Nexus {
    return this.#nexus
  }

  /** @param topology as the configuration has it, uplinks of the switches too. */
  #makeNexus(topology: Topology): Nexus {
    const options = this.#options
    const { clock } = options
    return new Nexus(this.#nexusHost(), {
      aroundFetch: this.#aroundFetch,
      inventory: rackInventory(topology, inventoryOf(this.#config)),
      network: rackNetwork(topology, this.#config),
      authority: this.#authority,
      secrets: this.#secrets,
      underlayPlace: () => this.#home.place,
      metadataFetch: httpFetch(options.os, {
        clock,
        timeoutMs: METADATA_TIMEOUT_MS,
        allows: (address) => isOutside(address, this.#config?.idpNetworks),
      }),
      ...(this.#config === undefined ? {} : { recoverySilo: recoverySilo(this.#config) }),
      ...(this.#database === undefined ? {} : { opening: this.#database.store }),
      ...(options.console === undefined ? {} : { console: options.console }),
    })
  }

  get client(): HostNode {
    return this.emulation.hosts().find((node) => node.name === CLIENT_NAME)!
  }

  /** Who answers for the rack's zone, on the emulated internet. */
  get dns(): { readonly zone: string; readonly nameServers: readonly string[] } {
    const servers = nameServers(this.emulation.topology).map((address) => address.toString())
    return { zone: this.#config?.dnsZone ?? DEFAULT_DNS_ZONE, nameServers: servers }
  }

  /** How the API is reached over TLS: its names, the certificate to believe, and the port on this machine where there is one. */
  get tls(): { readonly caCertificate: string; readonly hostname: string; readonly port: number | undefined } {
    return {
      caCertificate: `${this.#options.stateDirectory}/${TLS_DIRECTORY}/${CA_CERTIFICATE_FILE}`,
      hostname: `${this.#recovery.silo}.sys.${this.dns.zone}`,
      port: this.#tlsPort,
    }
  }

  info(): RackInfo {
    const { publish: published } = this.#options
    const { topology, nodes } = this.emulation
    return {
      version: VERSION,
      name: topology.name,
      state: this.#state,
      time_started: new Date(this.world.clock.wallMs() - (this.world.clock.nowMs() - this.#startMs)).toISOString(),
      ready_after_ms: this.#readyAfterMs,
      api: {
        url: `http://${this.#options.apiAddress}:${this.#apiPort}`,
        silo: this.#recovery.silo,
        username: this.#recovery.username,
        password_hint: this.#recovery.password,
      },
      technician_port: this.#technicianPort ?? null,
      published: published.map((each) => ({ host_port: each.hostPort, target: `${each.address}:${each.port}` })),
      checks: rackChecks(this.emulation, this.#config?.pools[0]?.prefix),
      nodes: [
        ...topology.nodes.map((spec) => ({
          name: spec.name,
          kind: kindOf(spec),
          addresses: addressesOf(spec).map(String),
          commands: nodes.has(spec.name) ? ['help', 'ip', 'ping', 'curl'] : [],
        })),
        ...this.emulation.sleds().flatMap((sled) =>
          [...sled.agent.instances.values()].map((instance) => ({
            name: instance.desired.hostname,
            kind: 'instance' as const,
            addresses: instance.desired.nics.flatMap((nic) =>
              [nic.ipv4?.ip, nic.ipv6?.ip].filter((ip) => ip !== undefined),
            ),
            commands: instance.guest?.exec === undefined ? [] : ['help', 'ip', 'ping', 'curl'],
          })),
        ),
      ],
      links: [...this.emulation.links().values()].map(linkInfo),
    }
  }

  /**
   * Puts a sled into a place, instead of the one that may be there. What is running finds out by itself.
   * @returns why that cannot be, as a sentence.
   */
  async putSled(place: number, serial: string | undefined): Promise<PlacedSled | string> {
    const { random, stateDirectory } = this.#options
    const sleds = this.emulation.specs('sled')
    const boards = sleds.map((spec, index) => ({ name: spec.name, serial: sledHardware(spec, index).baseboard.serial }))
    const board = serial ?? `LDS1${String(random.below(10_000_000)).padStart(7, '0')}`
    const owner = boards.find((each) => each.serial === board)
    if (owner !== undefined) return `the board ${board} is in the rack already, as ${owner.name}`
    const name = `sled${place}`
    const topology = withSled(this.emulation.topology, place, { serial: board, multipath: multipathOf(this.#options) })
    const [error] = this.emulation.change(topology)
    if (error !== undefined) return error
    this.#boards = new Map([...this.#boards, [place, board]])
    await writeBoards(new OsFiles(stateDirectory), this.#boards)
    return { name, place, serial: board, replaced: boards.find((each) => each.name === name)?.serial ?? null }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #start(): Promise<void> {
    const { os, apiAddress, apiPort, tlsPort } = this.#options
    // Ports first: one that is taken is told at once, not when everything else is up.
    const api = await this.#listen(apiAddress, apiPort)
    this.#apiPort = api.port
    if (tlsPort !== undefined) this.#tlsPort = (await this.#listen(apiAddress, tlsPort, this.#tlsIdentity)).port
    for (const spec of this.#options.publish) {
      const listener = await this.#claimPort(spec.hostPort, () => publish(os, () => this.client, spec))
      this.#closers.push(() => listener.close())
    }
    await this.#serveControl()
    await this.emulation.start()
    for (const { name } of this.emulation.sleds()) {
      this.#serveOutside(name)
      await this.#home.serveOn(name)
    }
    this.#progress('network', `${this.emulation.nodes.size} nodes, ${this.emulation.wiring.links.size} links`)
    if (this.#database === undefined) return this.#waitForSetup()
    await this.#startRest()
  }

  /** Opens the technician's ports: nothing else answers until somebody has set the rack up there. */
  async #waitForSetup(): Promise<void> {
    const { os, technicianPort = 0 } = this.#options
    for (const [slot, node] of this.emulation.switches().entries()) {
      const link = openTechnicianPort(node.name, slot, node.stack, this.world)
      const address = technicianAddress(slot)
      await serveHttp(node.stack, { address: address.toString(), port: SETUP_PORT }, this.#setup.handler)
      if (slot > 0) continue
      const laptop = technicianLaptop(link.a, slot, this.world)
      const spec = { hostPort: technicianPort, address, port: SETUP_PORT }
      const listener = await this.#claimPort(technicianPort, () => publishFrom(os, spec, () => ({ network: laptop })))
      this.#technicianPort = listener.port
      this.#closers.push(() => {
        listener.close()
        laptop.close()
      })
    }
    this.#state = 'uninitialized'
    this.#progress('set-up', `waits at the technician's port, http://127.0.0.1:${this.#technicianPort}/rack-setup`)
  }

  /**
   * Makes the outside and the services what the configuration says, and starts the control plane with it. Until the last step the
   * database counts as unfinished: one of a set-up that has failed, or was cut short, is made anew by the next.
   */
  async #setUp(config: RackConfig, toml: string): Promise<void> {
    this.#state = 'starting'
    try {
      await this.#trySetUp(config, toml)
    } catch (error) {
      await this.#nexus.close()
      this.#config = undefined
      this.#database = undefined
      this.#seen = new Set()
      this.#state = 'uninitialized'
      throw error
    }
  }

  async #trySetUp(config: RackConfig, toml: string): Promise<void> {
    this.#config = config
    const wanted = topologyOf(this.#options, config, this.#boards)
    const present = new Map(this.emulation.topology.nodes.map((node) => [node.name, node]))
    // Switches are configured by the control plane; what does not differ runs on.
    const nodes = wanted.nodes.map((node) => {
      const before = present.get(node.name)
      return before !== undefined && (node.kind === 'switch' || JSON.stringify(node) === JSON.stringify(before))
        ? before
        : node
    })
    const [problem] = this.emulation.change({ ...wanted, nodes })
    if (problem !== undefined) throw new Error(problem)
    this.#progress('outside', 'uplinks, routers and services are as configured')
    this.#database = await openDatabase(this.#options)
    this.#nexus = this.#makeNexus(wanted)
    await this.#startRest(async () => {
      await new OsFiles(this.#options.stateDirectory).write(CONFIG_FILE, new TextEncoder().encode(toml))
      await this.#acknowledge()
    })
  }

  /** @param lastStep when everything works, before anybody is told so. */
  async #startRest(lastStep?: () => Promise<void>): Promise<void> {
    const { clock } = this.#options
    await Promise.all([this.#startControlPlane(), this.#waitForNetwork()])
    await lastStep?.()
    this.#state = 'ready'
    this.#readyAfterMs = clock.nowMs() - this.#startMs
    this.#progress('rack', `ready after ${(this.#readyAfterMs / 1000).toFixed(1)} s`)
  }

  async #startControlPlane(): Promise<void> {
    const { apiAddress, stateDirectory } = this.#options
    await this.nexus.start().catch((error: Error) => {
      const { database } = this.#options
      const where = database === undefined ? `in ${stateDirectory}/database` : withoutPassword(database)
      throw new RackStartError(`The database ${where} does not start: ${error.message}`, {
        cause: error,
      })
    })
    if (this.#setup.status().state !== 'initializing') await this.#acknowledge()
    this.#progress('api', `answers on http://${apiAddress}:${this.#apiPort}`)
    await this.#ensurePools(await this.#ownerToken())
  }

  /** From here on the database is what people have been told, and the API answers. */
  async #acknowledge(): Promise<void> {
    await this.#database?.finish()
    this.#isDatabaseWhole = true
  }

  /** The one that was kept, or another one where that is not good any more. */
  async #ownerToken(): Promise<string> {
    const { stateDirectory, random } = this.#options
    const kept = await new OsFiles(stateDirectory).read(TOKEN_FILE)
    const text = kept === undefined ? '' : new TextDecoder().decode(kept).trim()
    if (text !== '' && (await isTokenGood(this.nexus.handler, text, this.#recovery))) return text
    const token = await obtainToken(this.nexus.handler, random, this.#recovery)
    await writeSecret(stateDirectory, TOKEN_FILE, token)
    return token
  }

  get #recovery(): RackConfig['recovery'] {
    return this.#config?.recovery ?? RECOVERY
  }

  async #ensurePools(token: string): Promise<void> {
    const config = this.#config
    if (config === undefined) return ensureDefaultPool(this.nexus.handler, token)
    for (const [index, pool] of config.pools.entries()) {
      await ensurePool(this.nexus.handler, token, pool, { silo: config.recovery.silo, isDefault: index === 0 })
    }
  }

  /** From the start on, so that `lode status` can tell what a rack waits for. */
  async #serveControl(): Promise<void> {
    const { os, stateDirectory } = this.#options
    const path = `${stateDirectory}/${CONTROL_SOCKET}`
    if (path.length > SOCKET_PATH_LIMIT) {
      throw new RackStartError(
        `${stateDirectory} is too long a path: the control socket in it may have ${SOCKET_PATH_LIMIT} characters. ` +
          'Choose another directory with --state.',
      )
    }
    await removeFile(stateDirectory, CONTROL_SOCKET)
    const control = await serveHttp(os, { address: path, port: 0 }, this.controlHandler)
    this.#closers.push(() => {
      control.close()
      return removeFile(stateDirectory, CONTROL_SOCKET)
    })
    await makePrivate(stateDirectory, CONTROL_SOCKET)
  }

  /** Over TLS where there is to be; the certificate is looked up for each connection. */
  async #listen(address: string, port: number, tls?: TlsIdentityOf): Promise<HttpServer> {
    const options = { address, port, ...(tls === undefined ? {} : { tls }) }
    const server = await this.#claimPort(port, () => serveHttp(this.#options.os, options, this.#publicApi))
    this.#closers.push(() => server.close())
    return server
  }

  /** The API on its external address, where a sled carries it: what the names of the zone lead to. */
  #serveOutside(sled: string): void {
    const services = this.emulation.sleds().find(({ name }) => name === sled)?.services ?? []
    for (const { spec, network } of services) {
      if (spec.kind === 'api') void serveApi(network, this.#publicApi, this.#tlsIdentity)
    }
  }

  readonly #tlsIdentity: TlsIdentityOf = (serverName) => this.nexus.tlsIdentity(serverName)

  /** Acknowledges nothing before the database is whole: until then it may have to be made anew. */
  readonly #publicApi: HttpHandler = (request) => {
    if (this.#isDatabaseWhole) return this.#apiProbes.handler(this.nexus.handler)(request)
    const requestId = this.#options.random.uuid()
    const message = this.#state === 'uninitialized' ? 'the rack is not set up yet' : 'the API is not up'
    return Promise.resolve(errorResponse({ kind: 'unavailable', message }, requestId))
  }

  async #claimPort<T extends HttpServer | TcpListener>(port: number, claim: () => Promise<T>): Promise<T> {
    try {
      return await claim()
    } catch (error) {
      const { code } = error as { code?: string }
      if (code === 'EADDRINUSE') {
        throw new RackStartError(
          `Port ${port} is in use by another program. Choose another port (--api-port, --publish).`,
        )
      }
      if (code === 'EACCES') throw new RackStartError(`Port ${port} needs privileges. Choose one from 1024 on.`)
      throw error
    }
  }

  async #waitForNetwork(): Promise<void> {
    const seen = new Set<string>()
    this.#seen = seen
    const { clock } = this.#options
    const endMs = clock.nowMs() + READY_WITHIN_MS
    while (this.#seen === seen) {
      const checks = rackChecks(this.emulation, this.#config?.pools[0]?.prefix)
      for (const check of checks) {
        if (!check.ready || seen.has(check.name)) continue
        seen.add(check.name)
        this.#progress(check.name, check.detail)
      }
      if (checks.every((check) => check.ready)) return
      if (clock.nowMs() > endMs) {
        const missing = checks.filter((check) => !check.ready).map((check) => `${check.name}: ${check.detail}`)
        throw new RackStartError(`The rack did not become ready in ${READY_WITHIN_MS / 1000} s. ${missing.join('; ')}`)
      }
      await sleep(clock, CHECK_PERIOD_MS)
    }
  }

  async #close(): Promise<void> {
    this.#state = 'stopping'
    for (const close of this.#closers.splice(0).reverse()) await close()
    await this.nexus.close()
    this.emulation.close()
    this.#resolveClosed()
  }

  /** Its calls to agents and switches cross the underlay from where it runs. */
  #nexusHost() {
    return this.world.host('nexus', { underlay: this.#home.network }, this.#options.random)
  }

  #progress(name: string, detail: string): void {
    this.#setup.progress(name, detail)
    this.#options.onProgress?.(name, detail)
  }
}

function multipathOf({ multipath }: RackOptions): MultipathMode {
  return multipath ?? 'delay'
}

function topologyOf(options: RackOptions, config: RackConfig | undefined, boards: PlacedBoards): Topology {
  const { sleds } = options
  const multipath = multipathOf(options)
  const planned = withBoards(rackTopology({ sleds, multipath, places: SLED_PLACES }), boards, multipath)
  if (config === undefined) return withServices(planned)
  return withServices(configuredTopology(planned, config), config.pools[0]?.prefix)
}

/** Whether the state directory is of a rack that people use already. */
async function wasSetUp(state: Files, stateDirectory: string): Promise<boolean> {
  return (await state.read(TOKEN_FILE)) !== undefined && !isDatabaseUnfinished(stateDirectory)
}

async function openDatabase({
  stateDirectory,
  isEphemeral,
  archives,
  database,
}: RackOptions): Promise<OpeningDatabase> {
  const finish = await claimDatabase(stateDirectory)
  const store = openStore({
    ...(isEphemeral === true ? {} : { storeDirectory: `${stateDirectory}/database` }),
    ...(archives === undefined ? {} : { archives }),
    ...(database === undefined ? {} : { database }),
  })
  store.catch(() => {}) // the control plane that is started on it says why there is none
  return { store, finish }
}

async function keptConfig(state: Files): Promise<RackConfig | undefined> {
  const bytes = await state.read(CONFIG_FILE)
  if (bytes === undefined) return undefined
  const result = parseRackConfig(new TextDecoder().decode(bytes), CONFIG_FILE)
  if (result.ok) return result.config
  throw new RackStartError(
    `The configuration that the rack was set up with cannot be read: ${result.problems.join('; ')}`,
  )
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

function kindOf(spec: NodeSpec): RackInfo['nodes'][number]['kind'] {
  if (spec.kind === 'external') return 'other'
  if (spec.kind !== 'host') return spec.kind
  return spec.forwarding ? 'router' : 'client'
}

function addressesOf(spec: NodeSpec): readonly Ip[] {
  switch (spec.kind) {
    case 'host': {
      const own: HostSpec = spec
      return [...own.loopbacks, ...own.interfaces.flatMap((each) => each.addresses.map((prefix) => prefix.address))]
    }
    case 'sled':
      return [spec.address]
    case 'switch':
      return [spec.zoneAddress, spec.tunnelEndpoint]
    case 'external':
      return []
  }
}

export function linkInfo(link: Link): RackInfo['links'][number] {
  const forth = link.counters('a-to-b')
  const back = link.counters('b-to-a')
  const { delayMs, rateBps, loss } = link.impairments('a-to-b')
  const lost = (counters: typeof forth): number => Object.values(counters.drops).reduce((sum, count) => sum + count, 0)
  return {
    name: link.name,
    a: link.a.name,
    b: link.b.name,
    up: link.isUp,
    delay_ms: delayMs,
    rate_bps: Number.isFinite(rateBps) ? rateBps : 0,
    loss,
    frames: forth.framesIn + back.framesIn,
    bytes: forth.bytesIn + back.bytesIn,
    lost: lost(forth) + lost(back),
  }
}

/** For messages: secrets are not shown. */
function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:…@')
}
