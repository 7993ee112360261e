/**
 * The packet engine of one sled: between the guests' NICs and the underlay. It owns the ports, the map of where
 * addresses live and the tunnel endpoints; `PacketPath` carries the frames. Work on the flow table goes on beside it in steps.
 */
import type { Timer } from '@lodestone/host'
import type { Ip, Mac } from '@lodestone/net'
import { every } from '@lodestone/host'
import { wordsOf } from './address-words.ts'
import { checkPortConfig, type ConfigError } from './config-check.ts'
import { type ConfigChange, ConfigJournal } from './config-journal.ts'
import { DropBook } from './drop-book.ts'
import type { DroppedPacket } from './drop-ring.ts'
import { configAt, type EngineConfig, generationsOf, type PortGeneration } from './engine-past.ts'
import type { EngineStats, VportEngineOptions } from './engine-options.ts'
import type { EngineScope } from './engine-scope.ts'
import { ExternalAddresses, type ExternalMapping } from './external-addresses.ts'
import { explainFrame } from './explain.ts'
import { FlowLog, type FlowLogEntry, type FlowLogOptions } from './flow-log.ts'
import { FlowTable } from './flow-table.ts'
import { type GroupSubscription, type MulticastGroup, MulticastGroups } from './multicast-groups.ts'
import { PacketPath } from './packet-path.ts'
import type { PortConfig } from './port-config.ts'
import { PortDirectory } from './port-directory.ts'
import { countersOf, dropCountsOf, sourceNatOf } from './port-dump.ts'
import { PortState } from './port-state.ts'
import { ShadowEngine } from './shadow-engine.ts'
import { TunnelEndpoints, type TunnelRoute } from './tunnel-endpoints.ts'
import { type UnderlayPeerList, UnderlayPeers } from './underlay-peers.ts'
import { type VirtualMapping, VirtualToPhysical } from './virtual-to-physical.ts'
import { type PortOwner, VirtualPort } from './virtual-port.ts'
import type { Direction, Explanation } from './walk.ts'

const EXPIRY_PERIOD_MS = 1000
/** Connections looked at without a pause: a few hundred microseconds even when none is in a cache. */
export const TEND_CONNECTIONS = 96
const TEND_PAUSE_MS = 1

export class VportEngine implements PortOwner {
  readonly #journal: ConfigJournal
  readonly #scope: EngineScope
  readonly #path: PacketPath
  readonly #book: DropBook
  readonly #ports = new Map<string, VirtualPort>()
  readonly #directory = new PortDirectory<VirtualPort>()
  /** By port number. */
  readonly #byNumber: (VirtualPort | undefined)[] = []
  #expiryTimer: Timer | undefined
  #tendTimer: Timer | undefined
  #peers: UnderlayPeerList | undefined
  readonly #noteMapping = (vni: number, ip: Ip, before: VirtualMapping | undefined): void =>
    this.#note({ kind: 'mapping', vni, ip: ip.toString(), before })
  #logPort: ((port: VirtualPort) => void) | undefined

  constructor(options: VportEngineOptions) {
    const flows = new FlowTable(options.arena, options.underlayAddress, options.random, options.clock.nowMs())
    const { versions } = flows
    this.#journal = new ConfigJournal(options.clock.nowMs())
    const scope: EngineScope = {
      node: options.node,
      arena: options.arena,
      clock: options.clock,
      tracer: options.tracer,
      underlayAddress: options.underlayAddress,
      virtualToPhysical: new VirtualToPhysical(versions),
      tunnelEndpoints: new TunnelEndpoints(versions),
      externalAddresses: new ExternalAddresses(versions),
      groups: new MulticastGroups(options.underlayAddress),
      versions,
      flows,
      peers: new UnderlayPeers(versions),
      underlayMtuBytes: options.underlayMtuBytes ?? 9000,
      externalMtuBytes: options.externalMtuBytes ?? 1500,
      connectionsPerPort: options.connectionsPerPort ?? 524_288,
      journal: this.#journal,
    }
    this.#scope = scope
    this.#book = new DropBook(scope)
    this.#path = new PacketPath({
      scope,
      sendUnderlay: options.sendUnderlay,
      directory: this.#directory,
      byNumber: this.#byNumber,
      book: this.#book,
    })
  }

  // Configuration

  /** Adds a port. Throws on a configuration that `checkPort` refuses: ask it first where the input is not your own. */
  addPort(config: PortConfig): VirtualPort {
    const error = this.checkPort(config)
    if (error !== undefined) throw new Error(`port ${config.name}: ${error.path}: ${error.message}`)
    const port = new VirtualPort(new PortState(config, this.#scope), this)
    this.#ports.set(config.id, port)
    this.#directory.add(config.vni, config.mac, port)
    this.#byNumber[port.state.cache.number] = port
    this.#scope.groups.add(port.state)
    this.#note({ kind: 'port', id: config.id, before: undefined })
    this.#logPort?.(port)
    this.#expiryTimer ??= every(this.#scope.clock, EXPIRY_PERIOD_MS, () => {
      this.#tend()
      this.#tendGroups()
    })
    return port
  }

  /** What keeps a configuration from becoming a new port of this engine. */
  checkPort(config: PortConfig): ConfigError | undefined {
    const error = checkPortConfig(config)
    if (error !== undefined) return error
    const exists = (path: string, message: string): ConfigError => ({ kind: 'port-exists', path, message })
    if (this.#ports.has(config.id)) return exists('id', `port ${config.id} exists`)
    if (this.#directory.has(config.vni, config.mac)) {
      return exists('mac', `VNI ${config.vni} has a port with ${config.mac}`)
    }
    return undefined
  }

  port(id: string): VirtualPort | undefined {
    return this.#ports.get(id)
  }

  ports(): VirtualPort[] {
    return [...this.#ports.values()]
  }

  /** @returns whether there was such a port. Frames on their way to its guest are freed. */
  removePort(id: string): boolean {
    const port = this.#ports.get(id)
    if (port === undefined) return false
    this.#ports.delete(id)
    this.#note({ kind: 'port', id, before: port.config })
    this.#directory.remove(port.vni, port.state.config.mac)
    port.isRemoved = true
    this.#byNumber[port.state.cache.number] = undefined
    this.#scope.groups.remove(port.state)
    this.#path.forget(port)
    port.state.cache.close()
    this.#tend()
    port.guest.goDown()
    if (this.#ports.size === 0) {
      this.#expiryTimer?.cancel()
      this.#expiryTimer = undefined
    }
    return true
  }

  /** Where every address of every VPC lives; the whole map. @returns how many entries changed. */
  setVirtualToPhysical(mappings: readonly VirtualMapping[]): number {
    return this.#scope.virtualToPhysical.replace(mappings, this.#noteMapping)
  }

  putVirtualToPhysical(mapping: VirtualMapping): boolean {
    return this.#scope.virtualToPhysical.put(mapping, this.#noteMapping)
  }

  removeVirtualToPhysical(vni: number, ip: Ip): boolean {
    return this.#scope.virtualToPhysical.remove(vni, ip, this.#noteMapping)
  }

  virtualToPhysical(): VirtualMapping[] {
    return this.#scope.virtualToPhysical.dump()
  }

  /** The switches that lead out of the rack; the whole table. Live flows follow at once. @returns whether it changed. */
  setTunnelEndpoints(routes: readonly TunnelRoute[]): boolean {
    const before = this.tunnelEndpoints()
    const isChanged = this.#scope.tunnelEndpoints.replace(routes)
    if (isChanged) this.#note({ kind: 'endpoints', before })
    return isChanged
  }

  tunnelEndpoints(): TunnelRoute[] {
    return this.#scope.tunnelEndpoints.dump()
  }

  /**
   * Where external addresses of the rack's instances are; the whole table. What is sent to one goes to its sled, without the switch.
   * @returns how many addresses changed.
   */
  setExternalAddresses(mappings: readonly ExternalMapping[]): number {
    const before = this.externalAddresses()
    const changed = this.#scope.externalAddresses.replace(mappings)
    if (changed > 0) this.#note({ kind: 'external', before })
    return changed
  }

  externalAddresses(): ExternalMapping[] {
    return this.#scope.externalAddresses.dump()
  }

  /** Which sleds have subscribers of the groups of all VPCs; the whole table. Ports of this sled need not be in it. */
  setMulticastGroups(groups: readonly MulticastGroup[]): void {
    const before = this.multicastGroups()
    if (JSON.stringify(before) !== JSON.stringify(groups)) this.#note({ kind: 'groups', before })
    this.#scope.groups.replace(groups)
  }

  multicastGroups(): readonly MulticastGroup[] {
    return this.#scope.groups.dump()
  }

  /** Who may send encapsulated frames; `undefined` (as at the start): anyone. */
  setUnderlayPeers(peers: UnderlayPeerList | undefined): void {
    this.#note({ kind: 'peers', before: this.#peers })
    this.#peers = peers
    this.#scope.peers.replace(peers)
  }

  // Packets

  /** Frames from a guest's NIC. */
  fromGuest(port: VirtualPort, slots: Int32Array, count: number): void {
    this.#path.fromGuest(port, slots, count)
  }

  /**
   * Encapsulated frames from the underlay, each whole from its outer Ethernet header on. Anything that is not Geneve for
   * this sled is dropped and counted: the caller sends only UDP port 6081 here.
   */
  receiveUnderlay(slots: Int32Array, count: number): void {
    this.#path.receiveUnderlay(slots, count)
  }

  /** Work on the flow table that is done in steps, so that no packet waits for the whole of it. */
  #tend(): void {
    if (this.#scope.flows.tend(this.#scope.clock.nowMs(), TEND_CONNECTIONS)) return
    this.#tendTimer ??= this.#scope.clock.after(TEND_PAUSE_MS, () => {
      this.#tendTimer = undefined
      this.#tend()
    })
  }

  /** Forgets groups that guests do not report any more, and asks guests that may join some. */
  #tendGroups(): void {
    const nowMs = this.#scope.clock.nowMs()
    for (const port of this.#ports.values()) {
      const { joined } = port.state
      if (!joined.isOpen) continue
      joined.expire(nowMs)
      if (joined.nextQueryMs > nowMs || !port.guest.isAttached) continue
      joined.asked(nowMs)
      this.#path.queryGroups(port)
    }
  }

  // Inspection

  /**
   * Tells what flows do from now on, on all ports, those that come later too.
   * @returns what stops it.
   */
  logFlows(write: (entry: FlowLogEntry) => void, options: FlowLogOptions = {}): () => void {
    const log = (port: VirtualPort): void => {
      port.state.cache.listener = new FlowLog(port.state, write, options)
    }
    this.#logPort = log
    for (const port of this.#ports.values()) log(port)
    return () => {
      if (this.#logPort !== log) return
      this.#logPort = undefined
      for (const port of this.#ports.values()) port.state.cache.listener = undefined
    }
  }

  /** The port that an encapsulated frame is for, as its VNI and inner MAC say; for `explain`. */
  portOf(vni: number, mac: Mac): VirtualPort | undefined {
    const m = mac.bytes
    const low = (m[2]! << 24) | (m[3]! << 16) | (m[4]! << 8) | m[5]!
    return this.#directory.find(vni, (m[0]! << 8) | m[1]!, low)
  }

  /** What ports of this sled are sent of groups: by configuration, or because their guests have joined. */
  groupSubscriptions(): GroupSubscription[] {
    return this.ports().flatMap((port) => {
      const { config, joined } = port.state
      const configured = (config.multicast ?? []).map((each) => ({ ...each, isJoined: false }))
      const others = joined.list().filter(({ group }) => !configured.some((each) => each.group.equals(group)))
      return [...configured, ...others.map((each) => ({ ...each, isJoined: true }))].map((each) => ({
        ...each,
        vni: port.vni,
        port: port.id,
      }))
    })
  }

  /** The ports that have subscribed to a group. */
  portsOfGroup(vni: number, group: Ip): VirtualPort[] {
    const members = this.#scope.groups.membersOf(vni, wordsOf(group), 0, group.family)
    return members.map((member) => this.#byNumber[member.cache.number]!)
  }

  explain(port: VirtualPort, frame: Uint8Array, direction: Direction): Explanation {
    return explainFrame(port.state, frame, direction, this.#scope)
  }

  // What would be, and what was

  /**
   * For explanations: the engine with effects that stay in the shadow, and some ports configured otherwise. It sees everything that this engine is
   * told until it is closed, so ask and close it within one event.
   * @param external in place of where external addresses are known to be.
   */
  shadow(configs: ReadonlyMap<string, PortConfig> = new Map(), external?: readonly ExternalMapping[]): ShadowEngine {
    const ports = this.ports().map(({ config }) => configs.get(config.id) ?? config)
    const liveOf = (id: string): PortState | undefined => this.#ports.get(id)?.state
    if (external === undefined) return new ShadowEngine(this.#scope, ports, liveOf)
    return ShadowEngine.of({ ...this.#config(), ports, external }, this.#scope, liveOf)
  }

  /**
   * The same as it was configured then, without connections: of these nobody keeps what they were.
   * @param atMs of the clock. @returns undefined where that is longer ago than what is kept.
   */
  shadowAt(atMs: number): ShadowEngine | undefined {
    const past = configAt(this.#config(), this.#journal, atMs)
    return past === undefined ? undefined : ShadowEngine.of(past, this.#scope)
  }

  /** What its ports were then; none where that is not kept. */
  portsAt(atMs: number): readonly PortConfig[] {
    return configAt(this.#config(), this.#journal, atMs)?.ports ?? []
  }

  /** The configurations that ports have and had, as far as they are kept; those in force longest ago come last. */
  generations(): PortGeneration[] {
    return generationsOf(this.#config(), this.#journal)
  }

  /** `shadowAt` knows nothing of what was before: when the engine began, or later where changes have been forgotten. */
  get remembersFromMs(): number {
    return this.#journal.reachesBackToMs
  }

  #config(): EngineConfig {
    return {
      ports: this.ports().map(({ config }) => config),
      mappings: this.virtualToPhysical(),
      endpoints: this.tunnelEndpoints(),
      external: this.externalAddresses(),
      groups: this.multicastGroups(),
      peers: this.#peers,
    }
  }

  #note(change: ConfigChange): void {
    this.#journal.note(this.#scope.clock.nowMs(), change)
  }

  stats(): EngineStats {
    return {
      ports: this.#ports.size,
      mappings: this.#scope.virtualToPhysical.count,
      heldFragments: this.#path.heldCount,
      drops: this.#book.counts(),
      perPort: this.ports().map((port) => ({
        id: port.id,
        name: port.name,
        counters: countersOf(port.state),
        drops: dropCountsOf(port.state.dropCounts),
        connections: port.state.cache.count,
        sourceNat: sourceNatOf(port.state),
      })),
    }
  }

  /** The last drops that belong to no port, oldest first. */
  recentDrops(): DroppedPacket[] {
    return this.#book.recent()
  }

  /** Stops timers and frees frames that wait. */
  close(): void {
    for (const port of this.ports()) this.removePort(port.id)
    this.#tendTimer?.cancel()
    this.#tendTimer = undefined
    this.#path.close()
  }
}
