/**
 * DDM, the routing protocol of a rack's underlay: finds the neighbours on a set of interfaces and exchanges underlay
 * prefixes and tunnel endpoints with them. This is the daemon around the pure `Speaker`: host, sockets, RIB.
 *
 * Underlay prefixes go to the RIB as protocol `ddm`, with the neighbour's link-local address and the interface as next
 * hop and the length of the path as metric, so equally short ones become multipath. Tunnel endpoints are offered as one
 * observable effective set.
 *
 * NOT IMPLEMENTED: multicast groups (exchange version 4).
 */
import type { Clock, Host, InterfaceNetwork, Network, NetworkInterface, Timer } from '@lodestone/host'
import type { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { DdmPort, type PortCounter, type PortTransition } from './ddm-port.ts'
import type { RouterKind } from './discovery-packet.ts'
import { type PathVector, type TunnelOrigin, tunnelKey } from './exchange-message.ts'
import type { MachineEvent } from './interface-machine.ts'
import { Speaker, type SpeakerAction } from './speaker.ts'
import { DEFAULT_TIMING, type Timing } from './timing.ts'
import type { TunnelEndpoint } from './tunnel-set.ts'

/** Interfaces by name (they may appear later), or those for which this says yes. */
export type InterfaceSelector = readonly string[] | ((networkInterface: NetworkInterface) => boolean)

export interface DdmOptions {
  /** Unique in the network: loops are recognized by it. 1 to 255 bytes. */
  readonly hostname: string
  readonly kind: RouterKind
  readonly interfaces: InterfaceSelector
  /** Where routes go; one of its own when absent. */
  readonly rib?: Rib
  readonly timing?: Partial<Timing>
}

export interface DdmPeer {
  readonly interfaceName: string
  /** `expired`: soliciting, after a neighbour was lost. */
  readonly status: 'init' | 'solicit' | 'exchange' | 'expired'
  /** Of the neighbour, or of the lost one. Times are on the monotonic clock. */
  readonly address: Ip | undefined
  readonly host: string | undefined
  readonly kind: RouterKind | undefined
  readonly lastSeenMs: number | undefined
  /** Why the last neighbour was lost. */
  readonly lostReason: string | undefined
  readonly expiredForMs: number | undefined
  readonly prefixCount: number
  readonly tunnelCount: number
  readonly counters: Readonly<Record<PortCounter, number>>
  readonly history: readonly PortTransition[]
}

export interface DdmPrefixes {
  readonly interfaceName: string
  readonly nextHop: Ip
  readonly vectors: readonly PathVector[]
}

export interface DdmTunnel {
  readonly interfaceName: string
  readonly nextHop: Ip
  readonly origin: TunnelOrigin
}

export interface DdmStatus {
  readonly hostname: string
  readonly kind: RouterKind
  readonly peers: readonly DdmPeer[]
  readonly prefixes: readonly DdmPrefixes[]
  readonly originated: readonly Prefix[]
  readonly importedTunnels: readonly DdmTunnel[]
  readonly originatedTunnels: readonly TunnelOrigin[]
  /** In use. */
  readonly tunnels: readonly TunnelEndpoint[]
}

export type TunnelWatcher = (effective: readonly TunnelEndpoint[]) => void

/** An interface's state machine has moved; in state `exchange` there is a neighbour. */
export type DdmTransition = Pick<
  Extract<SpeakerAction, { kind: 'transition' }>,
  'interfaceName' | 'from' | 'to' | 'reason'
>

const MIN_TIMER_MS = 0.01

export class Ddm {
  readonly rib: Rib
  readonly #host: Host
  readonly #clock: Clock
  readonly #network: InterfaceNetwork
  readonly #speaker: Speaker
  readonly #ports = new Map<string, DdmPort>()
  readonly #watchers = new Set<{ readonly notify: TunnelWatcher }>()
  readonly #observers = new Set<{ readonly notify: (transition: DdmTransition) => void }>()
  readonly #work: (() => readonly SpeakerAction[])[] = []
  #selector: InterfaceSelector
  #isWorking = false
  #isRunning = false
  #unwatch: (() => void) | undefined
  #timer: Timer | undefined
  #timerDueMs = Infinity

  constructor(host: Host, networkName: string, options: DdmOptions) {
    const nameBytes = Buffer.byteLength(options.hostname)
    if (nameBytes < 1 || nameBytes > 255) throw new Error(`a hostname of ${nameBytes} bytes`)
    const network = host.network(networkName)
    if (!isInterfaceNetwork(network)) throw new Error(`DDM needs a network with interfaces; ${networkName} has none`)
    this.#host = host
    this.#clock = host.clock
    this.#network = network
    this.#selector = options.interfaces
    this.rib = options.rib ?? new Rib({ nowMs: () => host.clock.nowMs() })
    const timing: Timing = { ...DEFAULT_TIMING, ...options.timing }
    this.#speaker = new Speaker({ hostname: options.hostname, kind: options.kind, timing })
  }

  get hostname(): string {
    return this.#speaker.config.hostname
  }

  get kind(): RouterKind {
    return this.#speaker.config.kind
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#unwatch = this.#network.onInterfaceChange(() => this.#interfacesChanged())
    this.#interfacesChanged()
  }

  /** Withdraws everything learned. The neighbours find out by silence. */
  close(): void {
    if (!this.#isRunning) return
    this.#unwatch?.()
    this.rib.batch(() => {
      for (const name of [...this.#ports.keys()]) this.#removePort(name)
    })
    this.#isRunning = false
    this.#timer?.cancel()
    this.#timerDueMs = Infinity
  }

  /** Changes the set of interfaces; neighbours on interfaces that stay are not disturbed. */
  setInterfaces(selector: InterfaceSelector): void {
    this.#selector = selector
    if (this.#isRunning) this.#interfacesChanged()
  }

  // --- what this router tells ---------------------------------------------------------------------------------

  /** Announces these prefixes (IPv6) too. */
  originate(prefixes: readonly Prefix[]): void {
    this.setOriginated([...this.#speaker.originated, ...prefixes], this.#speaker.tunnelOrigins)
  }

  withdraw(prefixes: readonly Prefix[]): void {
    const gone = new Set(prefixes.map((prefix) => String(prefix.masked())))
    const left = this.#speaker.originated.filter((prefix) => !gone.has(String(prefix)))
    this.setOriginated(left, this.#speaker.tunnelOrigins)
  }

  /** Announces these tunnel endpoints too. */
  originateTunnels(origins: readonly TunnelOrigin[]): void {
    this.setOriginated(this.#speaker.originated, [...this.#speaker.tunnelOrigins, ...origins])
  }

  withdrawTunnels(origins: readonly TunnelOrigin[]): void {
    const gone = new Set(origins.map(tunnelKey))
    const left = this.#speaker.tunnelOrigins.filter((origin) => !gone.has(tunnelKey(origin)))
    this.setOriginated(this.#speaker.originated, left)
  }

  /** Makes what is announced equal to these; only the difference is sent. */
  setOriginated(prefixes: readonly Prefix[], tunnels: readonly TunnelOrigin[]): void {
    this.#do(() => {
      const actions = this.#speaker.setOriginated(prefixes, tunnels, this.#clock.nowMs())
      for (const port of this.#ports.values()) port.updateRib()
      return actions
    })
  }

  // --- what it learned ----------------------------------------------------------------------------------------

  /** The effective tunnel endpoints, from all neighbours. Our own are not among them. */
  get tunnels(): readonly TunnelEndpoint[] {
    return this.#speaker.tunnels
  }

  /** Calls `notify` now and after every change of the effective set, with the whole of it. @returns unsubscribe. */
  onTunnels(notify: TunnelWatcher): () => void {
    const entry = { notify }
    this.#watchers.add(entry)
    notify(this.tunnels)
    return () => void this.#watchers.delete(entry)
  }

  /** Calls `notify` with each move of an interface's state machine. @returns unsubscribe. */
  onTransition(notify: (transition: DdmTransition) => void): () => void {
    const entry = { notify }
    this.#observers.add(entry)
    return () => void this.#observers.delete(entry)
  }

  status(): DdmStatus {
    const speaker = this.#speaker
    const prefixes: DdmPrefixes[] = []
    const importedTunnels: DdmTunnel[] = []
    for (const [interfaceName, { neighbor, imported }] of speaker.machines) {
      if (neighbor === undefined) continue
      const nextHop = neighbor.address
      prefixes.push({ interfaceName, nextHop, vectors: [...imported.underlay.values()] })
      for (const origin of imported.tunnel.values()) importedTunnels.push({ interfaceName, nextHop, origin })
    }
    return {
      hostname: this.hostname,
      kind: this.kind,
      peers: [...this.#ports.values()].map((port) => this.#peer(port)),
      prefixes,
      originated: speaker.originated,
      importedTunnels,
      originatedTunnels: speaker.tunnelOrigins,
      tunnels: speaker.tunnels,
    }
  }

  /** Gives up the neighbour on an interface; it is found again if it is still there. @returns false: there is none. */
  expire(interfaceName: string): boolean {
    const isKnown = this.#speaker.machine(interfaceName)?.neighbor !== undefined
    if (isKnown) this.#dispatch(interfaceName, { kind: 'expire' })
    return isKnown
  }

  /** Pulls from every neighbour. */
  sync(): void {
    for (const name of this.#ports.keys()) this.#dispatch(name, { kind: 'resync' })
  }

  #peer(port: DdmPort): DdmPeer {
    // because a port and its machine are made and removed together
    const machine = this.#speaker.machine(port.name)!
    const { neighbor, lost, imported } = machine
    const known = neighbor ?? lost?.neighbor
    const isExpired = machine.isOpen && neighbor === undefined && lost !== undefined
    return {
      interfaceName: port.name,
      status: !machine.isOpen ? 'init' : neighbor !== undefined ? 'exchange' : isExpired ? 'expired' : 'solicit',
      address: known?.address,
      host: known?.hostname,
      kind: known?.kind,
      lastSeenMs: known === undefined ? undefined : machine.lastSeenMs,
      lostReason: lost?.reason,
      expiredForMs: isExpired ? this.#clock.nowMs() - lost.atMs : undefined,
      prefixCount: imported.underlay.size,
      tunnelCount: imported.tunnel.size,
      counters: port.counters.snapshot(),
      history: port.history,
    }
  }

  // --- interfaces ---------------------------------------------------------------------------------------------

  #interfacesChanged(): void {
    const present = new Map(this.#network.interfaces().map((entry) => [entry.name, entry]))
    const selector = this.#selector
    const wanted = new Set(
      typeof selector === 'function' ? [...present.values()].filter(selector).map(({ name }) => name) : selector,
    )
    for (const name of [...this.#ports.keys()]) if (!wanted.has(name)) this.#removePort(name)
    for (const name of wanted) {
      if (!this.#ports.has(name)) this.#addPort(name)
      const entry = present.get(name)
      this.#dispatch(name, { kind: 'interface', address: entry?.isUp === true ? entry.linkLocal : undefined })
    }
  }

  #addPort(name: string): void {
    this.#speaker.addInterface(name)
    const port = new DdmPort(name, {
      clock: this.#clock,
      network: this.#network,
      rib: this.rib,
      speaker: this.#speaker,
      dispatch: (interfaceName, event) => this.#dispatch(interfaceName, event),
    })
    this.#ports.set(name, port)
  }

  #removePort(name: string): void {
    this.#do(() => this.#speaker.removeInterface(name, this.#clock.nowMs()))
    this.#do(() => {
      this.#ports.get(name)?.close()
      this.#ports.delete(name)
      return []
    })
  }

  // --- events -------------------------------------------------------------------------------------------------

  #dispatch(interfaceName: string, event: MachineEvent): void {
    this.#do(() => this.#speaker.handle(interfaceName, event, this.#clock.nowMs()))
  }

  /** One piece of work after the other, in the order asked: what an action causes comes after it, never inside. */
  #do(work: () => readonly SpeakerAction[]): void {
    this.#work.push(work)
    if (this.#isWorking) return
    this.#isWorking = true
    try {
      for (let next = this.#work.shift(); next !== undefined; next = this.#work.shift()) this.#doOne(next)
    } finally {
      this.#isWorking = false
    }
    if (this.#isRunning) this.#arm()
  }

  #doOne(work: () => readonly SpeakerAction[]): void {
    let isTunnelsChanged = false
    this.rib.batch(() => {
      for (const action of work()) {
        if (action.kind === 'tunnels') {
          isTunnelsChanged = true
          continue
        }
        if (action.kind === 'transition') {
          const { interfaceName, from, to, reason } = action
          this.#host.log(from === 'exchange' ? 'warn' : 'info', 'ddm-interface', { interfaceName, from, to, reason })
          for (const observer of this.#observers) observer.notify({ interfaceName, from, to, reason })
        }
        this.#ports.get(action.interfaceName)?.perform(action)
      }
    })
    if (!isTunnelsChanged) return
    for (const watcher of [...this.#watchers]) watcher.notify(this.tunnels)
  }

  #arm(): void {
    const dueMs = this.#speaker.deadlineMs()
    // A timer that comes too early finds nothing due and arms the next one; only one that comes too late is replaced.
    if (dueMs === Infinity || dueMs >= this.#timerDueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    this.#timer = this.#clock.after(Math.max(MIN_TIMER_MS, dueMs - this.#clock.nowMs()), () => {
      this.#timerDueMs = Infinity
      this.#do(() => this.#speaker.tick(this.#clock.nowMs()))
    })
  }
}

function isInterfaceNetwork(network: Network): network is InterfaceNetwork {
  return 'interfaces' in network && 'onInterfaceChange' in network
}
