/**
 * A running rack: the emulation of `rackTopology`, the control plane on top, and what a person needs to reach them, in the order in
 * which they start. Real time, one process. The state directory holds the database, the control socket and the token of its owner.
 */
import type { HttpHandler } from '@lodestone/api'
import type { PlacedSled, RackInfo } from '@lodestone/contract-testbed'
import { OsFiles, SeededRandom } from '@lodestone/host'
import { CA_CERTIFICATE_FILE, type Nexus } from '@lodestone/nexus'
import type { ProbeSource } from '@lodestone/probe'
import { controlHandler } from './control-api.ts'
import { Emulation } from './emulation.ts'
import type { HostNode } from './host-node.ts'
import { compileSwitchProgram } from './os-switch-program.ts'
import { changedTopology, plannedTopology } from './planned-topology.ts'
import { type PlacedBoards, writeBoards } from './rack-boards.ts'
import type { RackConfig } from './rack-config.ts'
import { RackControlPlane } from './rack-control-plane.ts'
import { type OpeningDatabase, openDatabase } from './rack-database.ts'
import { linkInfo, nodeInfos } from './rack-info.ts'
import { multipathOf, type RackOptions } from './rack-options.ts'
import { RackPorts } from './rack-ports.ts'
import { rackProbes } from './rack-probes.ts'
import { nameServers } from './rack-services.ts'
import { RackSetup } from './rack-setup-service.ts'
import { keepConfig, openRackState, type RackState, TLS_DIRECTORY } from './rack-state.ts'
import { CLIENT_NAME, withSled } from './rack-topology.ts'
import { rackChecks, waitForNetwork } from './readiness.ts'
import { sledHardware } from './service-processors.ts'
import { World } from './world.ts'

const VERSION = '0.1.0'
const SETUP_STEPS = ['outside', 'forwarding', 'ddm', 'api', 'bgp', 'way out', 'pool', 'rack'] as const

export class Rack {
  readonly world: World
  readonly emulation: Emulation
  /** Resolves when the rack is down. */
  readonly closed: Promise<void>
  readonly controlHandler: HttpHandler
  /** What probe programs can watch. */
  readonly probes: readonly ProbeSource[]
  readonly #options: RackOptions
  readonly #releaseState: () => Promise<void>
  readonly #control: RackControlPlane
  readonly #ports: RackPorts
  readonly #setup: RackSetup
  readonly #startMs: number
  #boards: PlacedBoards
  #resolveClosed: () => void = () => {}
  #closing: Promise<void> | undefined
  #state: RackInfo['state'] = 'starting'
  #readyAfterMs: number | null = null
  /** Of starts: whoever waits for the network in one that was given up stops. */
  #attempt = 0

  /** Resolves when everything works: sessions up, routes everywhere, API answering. Rejects with `RackStartError`. */
  static async start(options: RackOptions): Promise<Rack> {
    const state = await openRackState(options)
    const isWaiting = options.technicianPort !== undefined && !state.wasSetUp
    // It starts while the network is built.
    const database = isWaiting ? undefined : await openDatabase(options)
    const rack = new Rack(options, state, database)
    try {
      await rack.#start()
    } catch (error) {
      await rack.close()
      throw error
    }
    return rack
  }

  private constructor(options: RackOptions, state: RackState, database: OpeningDatabase | undefined) {
    this.#options = options
    this.#releaseState = state.release
    this.#boards = state.boards
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
      topology: plannedTopology(options, state.config, state.boards),
      program: compileSwitchProgram(),
      configuration: 'control-plane',
      onPower: (name, isOn) => this.#onPower(name, isOn),
    })
    this.#control = new RackControlPlane(options, state, this.emulation, database)
    this.#ports = new RackPorts(options)
    this.probes = rackProbes(this.emulation, this.#control.apiProbes, this.#control.reconcilerProbes)
    this.#setup = new RackSetup({ clock, steps: SETUP_STEPS, run: (config, toml) => this.#setUp(config, toml) })
    this.controlHandler = controlHandler(this)
  }

  get nexus(): Nexus {
    return this.#control.nexus
  }

  get client(): HostNode {
    return this.emulation.hosts().find((node) => node.name === CLIENT_NAME)!
  }

  /** Who answers for the rack's zone, on the emulated internet. */
  get dns(): { readonly zone: string; readonly nameServers: readonly string[] } {
    const servers = nameServers(this.emulation.topology).map((address) => address.toString())
    return { zone: this.#control.dnsZone, nameServers: servers }
  }

  /** How the API is reached over TLS: its names, the certificate to believe, and the port on this machine where there is one. */
  get tls(): { readonly caCertificate: string; readonly hostname: string; readonly port: number | undefined } {
    const { recovery, dnsZone } = this.#control
    return {
      caCertificate: `${this.#options.stateDirectory}/${TLS_DIRECTORY}/${CA_CERTIFICATE_FILE}`,
      hostname: `${recovery.silo}.sys.${dnsZone}`,
      port: this.#ports.tlsPort,
    }
  }

  info(): RackInfo {
    const { apiAddress } = this.#options
    const { recovery, config } = this.#control
    return {
      version: VERSION,
      name: this.emulation.topology.name,
      state: this.#state,
      time_started: new Date(this.world.clock.wallMs() - (this.world.clock.nowMs() - this.#startMs)).toISOString(),
      ready_after_ms: this.#readyAfterMs,
      api: {
        url: `http://${apiAddress}:${this.#ports.apiPort}`,
        silo: recovery.silo,
        username: recovery.username,
        password_hint: recovery.password,
      },
      technician_port: this.#ports.technicianPort ?? null,
      published: this.#ports.published.map((each) => ({
        host_port: each.hostPort,
        target: `${each.address}:${each.port}`,
      })),
      checks: rackChecks(this.emulation, config?.pools[0]?.prefix),
      nodes: nodeInfos(this.emulation),
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
    const { handler, tlsIdentity, isWaiting } = this.#control
    // Ports first: one that is taken is told at once, not when everything else is up. The control socket answers from the start on,
    // so that `lode status` can tell what a rack waits for.
    await this.#ports.openApi(handler, tlsIdentity)
    await this.#ports.openPublished(() => this.client)
    await this.#ports.openControl(this.controlHandler)
    await this.emulation.start()
    for (const { name } of this.emulation.sleds()) await this.#control.serveOn(name)
    this.#progress('network', `${this.emulation.nodes.size} nodes, ${this.emulation.wiring.links.size} links`)
    if (isWaiting) return this.#waitForSetup()
    await Promise.all([this.#startControlPlane(true), this.#waitForNetwork()])
    this.#ready()
  }

  /** Opens the technician's ports: nothing else answers until somebody has set the rack up there. */
  async #waitForSetup(): Promise<void> {
    await this.#ports.openTechnician(this.emulation, this.#setup.handler)
    this.#state = 'uninitialized'
    const { technicianPort } = this.#ports
    this.#progress('set-up', `waits at the technician's port, http://127.0.0.1:${technicianPort}/rack-setup`)
  }

  /**
   * Makes the outside and the services what the configuration says, and starts the control plane with it. Until the last step the
   * database counts as unfinished: one of a set-up that has failed, or was cut short, is made anew by the next.
   */
  async #setUp(config: RackConfig, toml: string): Promise<void> {
    this.#state = 'starting'
    try {
      const wanted = plannedTopology(this.#options, config, this.#boards)
      const [problem] = this.emulation.change(changedTopology(this.emulation.topology, wanted))
      if (problem !== undefined) throw new Error(problem)
      this.#progress('outside', 'uplinks, routers and services are as configured')
      await this.#control.setUp(config, wanted)
      await Promise.all([this.#startControlPlane(false), this.#waitForNetwork()])
      await keepConfig(this.#options, toml)
      await this.#control.acknowledge()
      this.#ready()
    } catch (error) {
      await this.#control.giveUp()
      this.#attempt++
      this.#state = 'uninitialized'
      throw error
    }
  }

  async #startControlPlane(isAcknowledged: boolean): Promise<void> {
    await this.#control.start()
    if (isAcknowledged) await this.#control.acknowledge()
    this.#progress('api', `answers on http://${this.#options.apiAddress}:${this.#ports.apiPort}`)
    await this.#control.ensureBasics()
  }

  #waitForNetwork(): Promise<void> {
    const attempt = ++this.#attempt
    return waitForNetwork(this.emulation, {
      clock: this.#options.clock,
      pool: this.#control.config?.pools[0]?.prefix,
      onReady: (name, detail) => this.#progress(name, detail),
      isGivenUp: () => this.#attempt !== attempt,
    })
  }

  #ready(): void {
    this.#state = 'ready'
    this.#readyAfterMs = this.#options.clock.nowMs() - this.#startMs
    this.#progress('rack', `ready after ${(this.#readyAfterMs / 1000).toFixed(1)} s`)
  }

  /** What comes back is told what it should be at once. */
  #onPower(name: string, isOn: boolean): void {
    if (isOn) void this.#control.serveOn(name)
    if (!isOn && this.#state === 'ready') this.nexus.activate()
    if (isOn && this.#state === 'ready') this.nexus.repeat()
  }

  async #close(): Promise<void> {
    this.#state = 'stopping'
    await this.#ports.close()
    await this.#control.close()
    this.emulation.close()
    // Last: until here the database is in use.
    await this.#releaseState()
    this.#resolveClosed()
  }

  #progress(name: string, detail: string): void {
    this.#setup.progress(name, detail)
    this.#options.onProgress?.(name, detail)
  }
}
