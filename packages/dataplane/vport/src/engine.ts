/**
 * The packet engine of one sled: between the guests' NICs and the underlay. It owns the ports, the map of where
 * addresses live and the tunnel endpoints, and carries frames through a port's flow cache or its layers.
 *
 * Invariant: frames are worked on one at a time. What arrives while the engine is busy (a sink may send from within its
 * `receive`) waits in a queue, and answers of the gateway and frames between ports of this sled are handed over in an
 * event of their own, so that two guests cannot keep the engine in one endless call.
 */
import type { Timer } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import { every } from '@lodestone/host'
import { ETHERNET_MIN, parseFrame, parseIp, ROW_ERROR_HEADER, ROW_L3, ROW_SIZE, summarize } from '@lodestone/packet'
import type { Step } from '@lodestone/probe'
import { isLocal } from './compile-flow.ts'
import { checkPortConfig, type ConfigError } from './config-check.ts'
import { Drop, DROP_REASONS, dropReason } from './drop-reasons.ts'
import { DropRing, type DroppedPacket } from './drop-ring.ts'
import { openTunnel, type Tunnel, TunnelError } from './encapsulation.ts'
import type { EngineStats, VportEngineOptions } from './engine-options.ts'
import type { EngineScope } from './engine-scope.ts'
import { explainFrame } from './explain.ts'
import { FastResult, tryFastPath } from './fast-path.ts'
import { META_EXTERNAL, META_OUT } from './flow-key.ts'
import { explainDefault } from './layer.ts'
import { hashOfWalk, parseDrop, parseInner } from './parse-inner.ts'
import type { PortConfig } from './port-config.ts'
import { PortDirectory } from './port-directory.ts'
import { countersOf, dropCountsOf } from './port-dump.ts'
import { PortCounter, PortState } from './port-state.ts'
import { tellRewrites } from './rewrite-steps.ts'
import { walkSlowPath } from './slow-path.ts'
import { TunnelEndpoints, type TunnelRoute } from './tunnel-endpoints.ts'
import { type UnderlayPeerList, UnderlayPeers } from './underlay-peers.ts'
import { Versions } from './versions.ts'
import { type VirtualMapping, VirtualToPhysical } from './virtual-to-physical.ts'
import { type PortOwner, VirtualPort } from './virtual-port.ts'
import { type Direction, type Explanation, Verdict, Walk } from './walk.ts'
import { WorkQueue } from './work-queue.ts'

const EXPIRY_PERIOD_MS = 1000
/** Near misses of drops that nobody watches are worked out at most this often. */
const EXPLAIN_PERIOD_MS = 10

export class VportEngine implements PortOwner {
  readonly #scope: EngineScope
  readonly #sendUnderlay: (slot: number) => void
  readonly #ports = new Map<string, VirtualPort>()
  readonly #directory = new PortDirectory<VirtualPort>()
  readonly #peers = new UnderlayPeers()
  readonly #walk: Walk
  readonly #outerRow = new Int32Array(ROW_SIZE)
  readonly #tunnel: Tunnel = { vni: 0, isExternal: false, innerStart: 0, innerEnd: 0 }
  readonly #dropCounts = new Float64Array(DROP_REASONS.length)
  readonly #drops = new DropRing()
  /** Ports with frames that wait for their guest. */
  readonly #toFlush: VirtualPort[] = []
  /** Work that arrived while busy: the port, or `undefined` for the underlay, and the slot. */
  readonly #waiting = new WorkQueue<VirtualPort>()
  /** Local frames and answers for the next event: a port to deliver to, or `undefined` for a frame to be received. */
  readonly #deferred = new WorkQueue<VirtualPort>()
  #deferTimer: Timer | undefined
  #expiryTimer: Timer | undefined
  #isBusy = false
  #nowMs = 0

  constructor(options: VportEngineOptions) {
    const versions = new Versions()
    this.#scope = {
      node: options.node,
      arena: options.arena,
      clock: options.clock,
      tracer: options.tracer,
      underlayAddress: options.underlayAddress,
      virtualToPhysical: new VirtualToPhysical(versions),
      tunnelEndpoints: new TunnelEndpoints(versions),
      versions,
      underlayMtuBytes: options.underlayMtuBytes ?? 9000,
      externalMtuBytes: options.externalMtuBytes ?? 1500,
      connectionsPerPort: options.connectionsPerPort ?? 524_288,
    }
    this.#sendUnderlay = options.sendUnderlay
    this.#walk = new Walk(options.arena.bytes, options.arena.view)
  }

  // Configuration

  /** Adds a port. Throws on a configuration that `checkPort` refuses: ask it first where the input is not your own. */
  addPort(config: PortConfig): VirtualPort {
    const error = this.checkPort(config)
    if (error !== undefined) throw new Error(`port ${config.name}: ${error.path}: ${error.message}`)
    const port = new VirtualPort(new PortState(config, this.#scope), this)
    this.#ports.set(config.id, port)
    this.#directory.add(config.vni, config.mac, port)
    this.#expiryTimer ??= every(this.#scope.clock, EXPIRY_PERIOD_MS, () => this.#expire())
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
    this.#directory.remove(port.vni, port.state.config.mac)
    port.isRemoved = true
    port.state.cache.clear(this.#scope.clock.nowMs())
    port.guest.goDown()
    if (this.#ports.size === 0) {
      this.#expiryTimer?.cancel()
      this.#expiryTimer = undefined
    }
    return true
  }

  /** Where every address of every VPC lives; the whole map. @returns how many entries changed. */
  setVirtualToPhysical(mappings: readonly VirtualMapping[]): number {
    return this.#scope.virtualToPhysical.replace(mappings)
  }

  putVirtualToPhysical(mapping: VirtualMapping): boolean {
    return this.#scope.virtualToPhysical.put(mapping)
  }

  removeVirtualToPhysical(vni: number, ip: Ip): boolean {
    return this.#scope.virtualToPhysical.remove(vni, ip)
  }

  virtualToPhysical(): VirtualMapping[] {
    return this.#scope.virtualToPhysical.dump()
  }

  /** The switches that lead out of the rack; the whole table. Live flows follow at once. @returns whether it changed. */
  setTunnelEndpoints(routes: readonly TunnelRoute[]): boolean {
    return this.#scope.tunnelEndpoints.replace(routes)
  }

  tunnelEndpoints(): TunnelRoute[] {
    return this.#scope.tunnelEndpoints.dump()
  }

  /** Who may send encapsulated frames; `undefined` (as at the start): anyone. */
  setUnderlayPeers(peers: UnderlayPeerList | undefined): void {
    this.#peers.replace(peers)
  }

  // Packets

  /** Frames from a guest's NIC. */
  fromGuest(port: VirtualPort, slots: Int32Array, count: number): void {
    if (this.#isBusy) {
      for (let i = 0; i < count; i++) this.#waiting.push(port, slots[i]!)
      return
    }
    this.#begin()
    for (let i = 0; i < count; i++) this.#processOut(port, slots[i]!)
    this.#finish()
  }

  /**
   * Encapsulated frames from the underlay, each whole from its outer Ethernet header on. Anything that is not Geneve for
   * this sled is dropped and counted: the caller sends only UDP port 6081 here.
   */
  receiveUnderlay(slots: Int32Array, count: number): void {
    if (this.#isBusy) {
      for (let i = 0; i < count; i++) this.#waiting.push(undefined, slots[i]!)
      return
    }
    this.#begin()
    for (let i = 0; i < count; i++) this.#processIn(slots[i]!, ETHERNET_MIN)
    this.#finish()
  }

  #begin(): void {
    this.#isBusy = true
    this.#nowMs = this.#scope.clock.nowMs()
  }

  /** Hands over what waits for guests, and does what arrived meanwhile, until nothing is left. */
  #finish(): void {
    try {
      for (;;) {
        if (!this.#waiting.isEmpty) {
          const port = this.#waiting.port
          const slot = this.#waiting.take()
          if (port === undefined) this.#processIn(slot, ETHERNET_MIN)
          else this.#processOut(port, slot)
          continue
        }
        const port = this.#toFlush.pop()
        if (port === undefined) break
        port.guest.flush()
      }
    } finally {
      // A sink that throws must not leave the engine waiting for itself.
      this.#isBusy = false
    }
  }

  #processOut(port: VirtualPort, slot: number): void {
    const { arena, tracer } = this.#scope
    const state = port.state
    const walk = this.#walk
    if (port.isRemoved) {
      this.#dropAtEngine(slot, Drop.portState, 'the port has been removed')
      return
    }
    arena.setTaint(slot, state.config.vni)
    walk.slot = slot
    walk.start = arena.start(slot)
    walk.end = arena.end(slot)
    count(state, PortCounter.packetsOut, PortCounter.bytesOut, walk.end - walk.start)
    const reason = parseInner(walk, META_OUT)
    if (!tracer.isOn && reason === Drop.none && walk.family !== 0) {
      const result = tryFastPath(walk, state, this.#scope, true, this.#nowMs)
      if (result !== FastResult.miss) {
        state.counters[PortCounter.fastOut] = state.counters[PortCounter.fastOut]! + 1
        if (result === FastResult.doneLocal) this.#defer(undefined, slot)
        else this.#sendUnderlay(slot)
        return
      }
    }
    this.#prepareWalk(walk, true, false)
    if (tracer.isOn)
      this.#listen(walk, { kind: 'ingress', port: port.name, summary: this.#summary(walk.start, walk.end) })
    if (reason !== Drop.none) {
      walk.deny(reason, '')
      this.#drop(port, walk, walk.start)
      return
    }
    state.counters[PortCounter.slowOut] = state.counters[PortCounter.slowOut]! + 1
    const start = walk.start
    const verdict = walkSlowPath(walk, state, this.#scope)
    if (verdict === Verdict.deny) this.#drop(port, walk, start)
    else if (verdict === Verdict.hairpin) this.#hairpin(port, walk)
    else this.#sendOut(walk)
  }

  #sendOut(walk: Walk): void {
    const isHere = isLocal(walk, this.#scope.underlayAddress.bytes)
    if (walk.listener !== undefined) {
      tellRewrites(walk)
      walk.listener({ kind: 'encap', detail: walk.detail })
      walk.listener({ kind: 'egress', port: isHere ? 'this sled' : 'underlay' })
    }
    if (isHere) this.#defer(undefined, walk.slot)
    else this.#sendUnderlay(walk.slot)
  }

  /** @param outerIp bytes from the frame's start to its outer IPv6 header: 14, or 0 for a frame of this same sled. */
  #processIn(slot: number, outerIp: number): void {
    const { arena, tracer } = this.#scope
    const walk = this.#walk
    const tunnel = this.#tunnel
    const start = arena.start(slot)
    const end = arena.end(slot)
    const row = this.#outerRow
    const error = outerIp === 0 ? parseIp(arena.bytes, start, end, row) : parseFrame(arena.bytes, start, end, row)
    if (error < 0) {
      this.#dropAtEngine(slot, parseDrop(error, row[ROW_ERROR_HEADER]!), 'the outer headers')
      return
    }
    const tunnelError = openTunnel(arena.bytes, row, tunnel)
    if (tunnelError !== TunnelError.none) {
      this.#dropAtEngine(slot, TUNNEL_DROPS[tunnelError]!, 'the tunnel header')
      return
    }
    const source = outerIp === 0 ? Drop.none : this.#peers.check(arena.view, row[ROW_L3]!, tunnel.isExternal)
    if (source !== Drop.none) {
      this.#dropAtEngine(slot, source, '')
      return
    }
    if (!this.#isForUs(row[ROW_L3]!)) {
      this.#dropAtEngine(slot, Drop.notOursOuter, 'the outer destination is another sled’s')
      return
    }
    const inner = tunnel.innerStart
    const port = this.#directory.find(tunnel.vni, arena.view.getUint16(inner), arena.view.getInt32(inner + 2))
    if (port === undefined) {
      this.#dropAtEngine(slot, Drop.notOursVni, `VNI ${tunnel.vni}`)
      return
    }
    const state = port.state
    // What comes back from outside is no longer the sender's VPC's.
    if (tunnel.isExternal) arena.setTaint(slot, 0)
    walk.slot = slot
    walk.start = inner
    walk.end = tunnel.innerEnd
    count(state, PortCounter.packetsIn, PortCounter.bytesIn, walk.end - inner)
    const reason = parseInner(walk, tunnel.isExternal ? META_EXTERNAL : 0)
    if (!tracer.isOn && reason === Drop.none && walk.family !== 0) {
      if (tryFastPath(walk, state, this.#scope, false, this.#nowMs) !== FastResult.miss) {
        state.counters[PortCounter.fastIn] = state.counters[PortCounter.fastIn]! + 1
        this.#deliver(port, slot)
        return
      }
    }
    this.#prepareWalk(walk, false, tunnel.isExternal)
    if (tracer.isOn) {
      this.#listen(walk, { kind: 'ingress', port: 'underlay', summary: this.#summary(start, end, outerIp === 0) })
      const mark = tunnel.isExternal ? ', marked as from outside' : ''
      walk.listener?.({ kind: 'decap', detail: `Geneve VNI ${tunnel.vni}${mark}, for ${port.name}` })
    }
    if (reason !== Drop.none) {
      walk.deny(reason, '')
      this.#drop(port, walk, start)
      return
    }
    state.counters[PortCounter.slowIn] = state.counters[PortCounter.slowIn]! + 1
    const verdict = walkSlowPath(walk, state, this.#scope)
    if (verdict === Verdict.deny) {
      this.#drop(port, walk, start)
      return
    }
    if (walk.listener !== undefined) {
      tellRewrites(walk)
      walk.listener({ kind: 'egress', port: port.name })
    }
    this.#deliver(port, slot)
  }

  #prepareWalk(walk: Walk, isOut: boolean, isExternal: boolean): void {
    const family = walk.family
    walk.reset()
    walk.family = family
    walk.isOut = isOut
    walk.isExternal = isExternal
    walk.nowMs = this.#nowMs
    walk.flowHash = hashOfWalk(walk)
  }

  #listen(walk: Walk, first: Step): void {
    const { tracer, node, arena } = this.#scope
    const packet = arena.packet(walk.slot)
    walk.listener = (step) => tracer.emit(node, packet, step)
    walk.listener(first)
  }

  #summary(start: number, end: number, isIp = false): string {
    // A frame that stays on the sled has no outer Ethernet header; its story began with the inner one.
    return isIp ? 'encapsulated, from this same sled' : summarize(this.#scope.arena.bytes, start, end)
  }

  #isForUs(outerIp: number): boolean {
    const own = this.#scope.underlayAddress.bytes
    const bytes = this.#scope.arena.bytes
    for (let i = 0; i < 16; i++) if (bytes[outerIp + 24 + i] !== own[i]) return false
    return true
  }

  // Endings

  #deliver(port: VirtualPort, slot: number): void {
    if (port.isRemoved || !port.guest.isAttached) {
      this.#dropAtEngine(slot, Drop.portState, 'no guest is attached')
      return
    }
    if (port.guest.queue(slot)) this.#toFlush.push(port)
  }

  #hairpin(port: VirtualPort, walk: Walk): void {
    const { arena, tracer, node } = this.#scope
    port.state.counters[PortCounter.hairpins] = port.state.counters[PortCounter.hairpins]! + 1
    if (walk.listener !== undefined) {
      walk.listener({ kind: 'punted', to: 'gateway', detail: walk.detail })
    }
    arena.free(walk.slot)
    if (walk.hairpin < 0) return
    if (tracer.isOn) {
      const summary = this.#summary(arena.start(walk.hairpin), arena.end(walk.hairpin))
      tracer.emit(node, arena.packet(walk.hairpin), { kind: 'sent', interface: `${port.name} gateway`, summary })
    }
    this.#defer(port, walk.hairpin)
  }

  #drop(port: VirtualPort, walk: Walk, start: number): void {
    const { arena } = this.#scope
    const { state } = port
    const { reason } = walk
    state.counters[PortCounter.drops] = state.counters[PortCounter.drops]! + 1
    state.dropCounts[reason] = state.dropCounts[reason]! + 1
    const isByDefault = reason === Drop.defaultDeny || reason === Drop.noRoute || reason === Drop.notForPort
    if (isByDefault && walk.nearest === undefined && this.#nowMs - state.explainedMs >= EXPLAIN_PERIOD_MS) {
      state.explainedMs = this.#nowMs
      const layer = reason === Drop.defaultDeny ? 'firewall' : reason === Drop.noRoute ? 'router' : 'gateway'
      explainDefault(state.layer(layer), walk)
    }
    if (walk.listener !== undefined) {
      walk.listener({
        kind: 'dropped',
        reason: dropReason(reason),
        ...(walk.detail === '' ? {} : { detail: walk.detail }),
        ...(walk.nearest === undefined ? {} : { nearest: walk.nearest }),
      })
    }
    const packet = arena.packet(walk.slot)
    const end = arena.end(walk.slot)
    state.drops.add(arena.bytes, start, end, this.#nowMs, walk.isOut, reason, packet, walk.detail, walk.nearest)
    arena.free(walk.slot)
    if (walk.hairpin >= 0) this.#defer(port, walk.hairpin)
  }

  /** A drop that belongs to no port, or to one that is gone. */
  #dropAtEngine(slot: number, reason: number, detail: string): void {
    const { arena, tracer, node } = this.#scope
    this.#dropCounts[reason] = this.#dropCounts[reason]! + 1
    const start = arena.start(slot)
    const end = arena.end(slot)
    const packet = arena.packet(slot)
    if (tracer.isOn) {
      tracer.emit(node, packet, { kind: 'ingress', port: 'underlay', summary: this.#summary(start, end) })
      tracer.emit(node, packet, { kind: 'dropped', reason: dropReason(reason), ...(detail === '' ? {} : { detail }) })
    }
    this.#drops.add(arena.bytes, start, end, this.#nowMs, false, reason, packet, detail, undefined)
    arena.free(slot)
  }

  #defer(port: VirtualPort | undefined, slot: number): void {
    this.#deferred.push(port, slot)
    this.#deferTimer ??= this.#scope.clock.after(0, () => {
      this.#deferTimer = undefined
      this.#begin()
      // What is deferred while this runs waits for the next event.
      for (let rest = this.#deferred.length; rest > 0; rest--) {
        const target = this.#deferred.port
        const frame = this.#deferred.take()
        if (target === undefined) this.#processIn(frame, 0)
        else this.#deliver(target, frame)
      }
      this.#finish()
    })
  }

  #expire(): void {
    const nowMs = this.#scope.clock.nowMs()
    for (const port of this.#ports.values()) port.state.cache.expire(nowMs)
  }

  // Inspection

  explain(port: VirtualPort, frame: Uint8Array, direction: Direction): Explanation {
    return explainFrame(port, frame, direction, this.#scope)
  }

  stats(): EngineStats {
    return {
      ports: this.#ports.size,
      mappings: this.#scope.virtualToPhysical.count,
      drops: dropCountsOf(this.#dropCounts),
      perPort: this.ports().map((port) => ({
        id: port.id,
        name: port.name,
        counters: countersOf(port.state),
        drops: dropCountsOf(port.state.dropCounts),
        connections: port.state.cache.connections.count,
      })),
    }
  }

  /** The last drops that belong to no port, oldest first. */
  recentDrops(): DroppedPacket[] {
    return this.#drops.list()
  }

  /** Stops timers and frees frames that wait. */
  close(): void {
    for (const port of this.ports()) this.removePort(port.id)
    this.#deferTimer?.cancel()
    this.#deferTimer = undefined
    while (!this.#deferred.isEmpty) this.#scope.arena.free(this.#deferred.take())
  }
}

const TUNNEL_DROPS = [Drop.none, Drop.notOursOuter, Drop.truncated, Drop.badVersion, Drop.badTunnelOption]

function count(state: PortState, packets: number, bytes: number, length: number): void {
  state.counters[packets] = state.counters[packets]! + 1
  state.counters[bytes] = state.counters[bytes]! + length
}
