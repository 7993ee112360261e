/**
 * Nexus as a process of the rack: it runs on the first sled that has power, serves its API on that sled's underlay address, reaches agents
 * and switches from there, and dies with the sled or by itself. What survives is the database.
 */
import { type FetchLike, httpFetch, type HttpServer, serveHttp } from '@lodestone/api'
import { type Clock, Host, MemoryFiles, ProcessNetwork } from '@lodestone/host'
import { Nexus, type RackNetwork } from '@lodestone/nexus'
import { type Emulation, type HttpProbes, rackInventory, rackNetwork } from '@lodestone/testbed'
import { NodeClock } from './node-clock.ts'
import { BFD_PROFILE } from './routing-supervisor.ts'
import type { ProcessDatabase, SimulatedDatabase, SimulatedDisk } from './simulated-database.ts'

export const NEXUS_PORT = 12220

/** How soon somebody sees that no control plane runs, and starts one. */
const WATCH_MS = 500
const CALL_TIMEOUT_MS = 5_000
/** Passwords are not what is tested here. */
const CHEAP_PASSWORDS = { memoryKiB: 64, iterations: 1 }

export interface ControlPlaneOptions {
  readonly emulation: Emulation
  readonly clock: Clock
  readonly database: SimulatedDatabase
  readonly disk: SimulatedDisk
  /** The clock of a node, which its processes share. */
  readonly clockOf: (node: string) => Clock
  /** Of its API, and of what its reconcilers ask. */
  readonly probes: { readonly api: HttpProbes; readonly reconcilers: HttpProbes }
  /** What reconcilers call with, to be tampered with. */
  readonly wrapFetch?: (fetch: FetchLike) => FetchLike
  readonly onProblem: (event: string, fields: Readonly<Record<string, unknown>>) => void
}

interface Process {
  readonly sled: string
  readonly clock: NodeClock
  readonly network: ProcessNetwork
  nexus?: Nexus
  database?: ProcessDatabase
  server?: HttpServer
}

export class ControlPlane {
  readonly #options: ControlPlaneOptions
  #process: Process | undefined
  #starts = 0
  #holds = 0
  #isClosed = false

  constructor(options: ControlPlaneOptions) {
    this.#options = options
  }

  /** The one that runs, once it serves. */
  get nexus(): Nexus | undefined {
    return this.#process?.server === undefined ? undefined : this.#process.nexus
  }

  /** How often a process was started. */
  get starts(): number {
    return this.#starts
  }

  /** Keeps a process running from now on. */
  watch(): void {
    this.#look()
    if (!this.#isClosed) this.#options.clock.after(WATCH_MS, () => this.watch())
  }

  /** The process is killed: its sockets close, its transactions are undone, its memory is gone. */
  crash(): void {
    const dead = this.#process
    if (dead === undefined) return
    this.#process = undefined
    dead.clock.end()
    dead.server?.close()
    dead.network.end()
    dead.database?.kill()
  }

  /** A node has lost power. */
  nodeLost(name: string): void {
    if (this.#process?.sled === name) this.crash()
  }

  /** No process is started while somebody holds it. */
  hold(): void {
    this.#holds++
  }

  release(): void {
    this.#holds--
  }

  close(): void {
    this.#isClosed = true
    this.crash()
  }

  #look(): void {
    const { emulation } = this.#options
    if (this.#process !== undefined || this.#holds > 0 || this.#isClosed) return
    const sled = emulation.sleds()[0]
    if (sled === undefined) return
    const clock = new NodeClock(this.#options.clockOf(sled.name))
    const process: Process = { sled: sled.name, clock, network: new ProcessNetwork(sled.stack) }
    this.#process = process
    this.#starts++
    this.#start(process, sled.spec.address.toString()).catch((error: Error) => {
      // A disk that fails it at the start, for one. It is tried again.
      this.#options.onProblem('nexus-start', { error: error.message })
      if (this.#process === process) this.crash()
    })
  }

  async #start(process: Process, address: string): Promise<void> {
    const { database, disk, emulation, probes, wrapFetch, onProblem } = this.#options
    process.database = await database.connect(disk)
    if (this.#process !== process) return process.database.kill()
    const { clock, network } = process
    const host = new Host({
      name: 'nexus',
      clock,
      // Every process draws other names and secrets than those before it.
      random: emulation.world.random.fork(`nexus ${this.#starts}`),
      files: new MemoryFiles(),
      networks: { underlay: network },
      log: (line) => onProblem(line.event, line.fields),
    })
    const fetch = probes.reconcilers.fetch(
      httpFetch(network, { clock, timeoutMs: CALL_TIMEOUT_MS, localAddress: address }),
    )
    process.nexus = new Nexus(host, {
      inventory: rackInventory(emulation.topology),
      network: networkOf(emulation),
      store: process.database.store,
      fetch: wrapFetch === undefined ? fetch : wrapFetch(fetch),
      passwordCost: CHEAP_PASSWORDS,
    })
    await process.nexus.start()
    if (this.#process !== process) return
    const handler = probes.api.handler(process.nexus.handler)
    process.server = await serveHttp(network, { address, port: NEXUS_PORT }, handler)
  }
}

/** What the rack's operator says at its set-up, and BFD on every uplink. */
function networkOf(emulation: Emulation): RackNetwork {
  const { desiredMinTxUs, detectMult } = BFD_PROFILE
  const bfdSessions = emulation.specs('switch').flatMap((spec, index) =>
    spec.bgp.peers.map((peer) => ({
      switch_slot: index === 0 ? ('switch0' as const) : ('switch1' as const),
      local: null,
      remote: peer.address.toString(),
      mode: 'single_hop' as const,
      required_rx: desiredMinTxUs,
      detection_threshold: detectMult,
    })),
  )
  return { ...rackNetwork(emulation.topology), bfdSessions }
}
