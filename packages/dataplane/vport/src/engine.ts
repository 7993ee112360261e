/**
 * The packet engine of one sled: between the guests' NICs and the underlay. It owns the ports, the map of where
 * addresses live and the tunnel endpoints, and carries frames through a port's flow cache or its layers.
 *
 * Invariant: frames are worked on one at a time. What arrives while the engine is busy (a sink may send from within its
 * `receive`) waits in a queue, and answers of the gateway and frames between ports of this sled are handed over in an
 * event of their own, so that two guests cannot keep the engine in one endless call.
 */
import type { Timer } from '@lodestone/host'
import type { Ip, Mac } from '@lodestone/net'
import { every } from '@lodestone/host'
import { ETHERNET_MIN, ROW_L3, ROW_SIZE, summarize } from '@lodestone/packet'
import type { Step } from '@lodestone/probe'
import { isLocal } from './compile-flow.ts'
import { checkPortConfig, type ConfigError } from './config-check.ts'
import { Drop, DROP_REASONS, dropReason } from './drop-reasons.ts'
import { DropRing, type DroppedPacket } from './drop-ring.ts'
import type { Tunnel } from './encapsulation.ts'
import type { EngineStats, VportEngineOptions } from './engine-options.ts'
import type { EngineScope } from './engine-scope.ts'
import { explainFrame } from './explain.ts'
import { META_EXTERNAL, META_OUT } from './flow-key.ts'
import { FlowLog, type FlowLogEntry, type FlowLogOptions } from './flow-log.ts'
import { FlowTable } from './flow-table.ts'
import { BATCH_FRAMES, BATCH_RESULTS, BATCH_SLOTS, PARAM_BYTES, RESULT_LOCAL } from './kernel/layout.ts'
import { explainDefault } from './layer.ts'
import { type OuterProblem, openOuter } from './outer-check.ts'
import { hashOfWalk, parseInner } from './parse-inner.ts'
import type { PortConfig } from './port-config.ts'
import { PortDirectory } from './port-directory.ts'
import { countersOf, dropCountsOf } from './port-dump.ts'
import { PortCounter, PortState } from './port-state.ts'
import { tellRewrites } from './rewrite-steps.ts'
import { walkSlowPath } from './slow-path.ts'
import { TunnelEndpoints, type TunnelRoute } from './tunnel-endpoints.ts'
import { type UnderlayPeerList, UnderlayPeers } from './underlay-peers.ts'
import { type VirtualMapping, VirtualToPhysical } from './virtual-to-physical.ts'
import { type PortOwner, VirtualPort } from './virtual-port.ts'
import { type Direction, type Explanation, Verdict, Walk } from './walk.ts'
import { WorkQueue } from './work-queue.ts'

const EXPIRY_PERIOD_MS = 1000
/** Connections looked at without a pause: a few hundred microseconds even when none is in a cache. */
export const TEND_CONNECTIONS = 96
const TEND_PAUSE_MS = 1
/** Near misses of drops that nobody watches are worked out at most this often. */
const EXPLAIN_PERIOD_MS = 10

export class VportEngine implements PortOwner {
  readonly #scope: EngineScope
  readonly #sendUnderlay: (slot: number) => void
  readonly #ports = new Map<string, VirtualPort>()
  readonly #directory = new PortDirectory<VirtualPort>()
  readonly #flows: FlowTable
  /** By port number. */
  readonly #byNumber: (VirtualPort | undefined)[] = []
  readonly #walk: Walk
  readonly #outerRow = new Int32Array(ROW_SIZE)
  readonly #tunnel: Tunnel = { vni: 0, isExternal: false, innerStart: 0, innerEnd: 0 }
  readonly #problem: OuterProblem = { reason: Drop.none, detail: '' }
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
  #tendTimer: Timer | undefined
  #isBusy = false
  #logPort: ((port: VirtualPort) => void) | undefined
  #nowMs = 0
  /** The same as rows hold it. */
  #stamp = 0
  readonly #single = new Int32Array(1)

  constructor(options: VportEngineOptions) {
    const flows = new FlowTable(options.arena, options.underlayAddress, options.clock.nowMs())
    const { versions } = flows
    this.#flows = flows
    this.#scope = {
      node: options.node,
      arena: options.arena,
      clock: options.clock,
      tracer: options.tracer,
      underlayAddress: options.underlayAddress,
      virtualToPhysical: new VirtualToPhysical(versions),
      tunnelEndpoints: new TunnelEndpoints(versions),
      versions,
      flows,
      peers: new UnderlayPeers(versions),
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
    this.#byNumber[port.state.cache.number] = port
    this.#logPort?.(port)
    this.#expiryTimer ??= every(this.#scope.clock, EXPIRY_PERIOD_MS, () => this.#tend())
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
    this.#byNumber[port.state.cache.number] = undefined
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
    this.#scope.peers.replace(peers)
  }

  // Packets

  /** Frames from a guest's NIC. */
  fromGuest(port: VirtualPort, slots: Int32Array, count: number): void {
    if (this.#isBusy) {
      for (let i = 0; i < count; i++) this.#waiting.push(port, slots[i]!)
      return
    }
    this.#begin()
    this.#runOut(port, slots, count)
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
    this.#runIn(slots, count, ETHERNET_MIN)
    this.#finish()
  }

  #begin(): void {
    this.#isBusy = true
    this.#nowMs = this.#scope.clock.nowMs()
    this.#stamp = this.#flows.stampOf(this.#nowMs)
  }

  /** Hands over what waits for guests, and does what arrived meanwhile, until nothing is left. */
  #finish(): void {
    try {
      for (;;) {
        if (!this.#waiting.isEmpty) {
          const port = this.#waiting.port
          const slot = this.#waiting.take()
          this.#single[0] = slot
          if (port === undefined) this.#runIn(this.#single, 1, ETHERNET_MIN)
          else this.#runOut(port, this.#single, 1)
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

  /** The kernel takes frames as long as it can; each one that it leaves goes to the layers, and then it goes on. */
  #runOut(port: VirtualPort, slots: Int32Array, count: number): void {
    const { arena, tracer } = this.#scope
    const { memory, kernel } = this.#flows
    const { counters, kernelVni } = port.state
    for (let first = 0; first < count; first += BATCH_FRAMES) {
      const size = Math.min(BATCH_FRAMES, count - first)
      const isFast = !tracer.isOn && !port.isRemoved
      for (let i = 0; i < size; i++) {
        const slot = slots[first + i]!
        arena.setTaint(slot, port.vni)
        memory.words[BATCH_SLOTS / 4 + i] = slot
      }
      for (let at = 0; at < size; at++) {
        if (isFast) {
          const done = kernel.out(at, size, kernelVni, this.#stamp)
          const finished = done - at
          if (finished > 0) {
            const bytes = memory.words[PARAM_BYTES / 4]!
            counters[PortCounter.packetsOut] = counters[PortCounter.packetsOut]! + finished
            counters[PortCounter.bytesOut] = counters[PortCounter.bytesOut]! + bytes
            counters[PortCounter.fastOut] = counters[PortCounter.fastOut]! + finished
          }
          for (; at < done; at++) {
            const slot = slots[first + at]!
            if (memory.words[BATCH_RESULTS / 4 + at] === RESULT_LOCAL) this.#defer(undefined, slot)
            else this.#sendUnderlay(slot)
          }
          if (at >= size) break
        }
        this.#processOut(port, slots[first + at]!)
      }
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
    walk.slot = slot
    walk.start = arena.start(slot)
    walk.end = arena.end(slot)
    count(state, PortCounter.packetsOut, PortCounter.bytesOut, walk.end - walk.start)
    const reason = parseInner(walk, META_OUT)
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

  /** @param outerIp as for `#processIn`. */
  #runIn(slots: Int32Array, count: number, outerIp: number): void {
    const { tracer } = this.#scope
    const { memory, kernel } = this.#flows
    for (let first = 0; first < count; first += BATCH_FRAMES) {
      const size = Math.min(BATCH_FRAMES, count - first)
      for (let i = 0; i < size; i++) memory.words[BATCH_SLOTS / 4 + i] = slots[first + i]!
      for (let at = 0; at < size; at++) {
        if (!tracer.isOn) {
          for (const done = kernel.into(at, size, outerIp, this.#stamp); at < done; at++) {
            this.#delivered(slots[first + at]!, memory.words[BATCH_RESULTS / 4 + at]!)
          }
          if (at >= size) break
        }
        this.#processIn(slots[first + at]!, outerIp)
      }
    }
  }

  /** A frame that the kernel has made ready for a guest. */
  #delivered(slot: number, result: number): void {
    const port = this.#byNumber[result >> 4]!
    const { counters } = port.state
    counters[PortCounter.packetsIn] = counters[PortCounter.packetsIn]! + 1
    counters[PortCounter.bytesIn] = counters[PortCounter.bytesIn]! + this.#scope.arena.length(slot)
    counters[PortCounter.fastIn] = counters[PortCounter.fastIn]! + 1
    this.#deliver(port, slot)
  }

  /** @param outerIp bytes from the frame's start to its outer IPv6 header: 14, or 0 for a frame of this same sled. */
  #processIn(slot: number, outerIp: number): void {
    const { arena, tracer } = this.#scope
    const walk = this.#walk
    const tunnel = this.#tunnel
    const start = arena.start(slot)
    const end = arena.end(slot)
    const row = this.#outerRow
    const problem = this.#problem
    if (!openOuter(this.#scope, start, end, outerIp, row, tunnel, problem)) {
      this.#dropAtEngine(slot, problem.reason, problem.detail)
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
    this.#prepareWalk(walk, false, tunnel.isExternal)
    walk.outerIp = row[ROW_L3]!
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
    if (walk.answer >= 0) this.#sendUnderlay(walk.answer)
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
        if (target === undefined) {
          this.#single[0] = frame
          this.#runIn(this.#single, 1, 0)
        } else this.#deliver(target, frame)
      }
      this.#finish()
    })
  }

  /** Work on the flow table that is done in steps, so that no packet waits for the whole of it. */
  #tend(): void {
    if (this.#flows.tend(this.#scope.clock.nowMs(), TEND_CONNECTIONS)) return
    this.#tendTimer ??= this.#scope.clock.after(TEND_PAUSE_MS, () => {
      this.#tendTimer = undefined
      this.#tend()
    })
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
        connections: port.state.cache.count,
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
    this.#tendTimer?.cancel()
    this.#tendTimer = undefined
    this.#deferTimer?.cancel()
    this.#deferTimer = undefined
    while (!this.#deferred.isEmpty) this.#scope.arena.free(this.#deferred.take())
  }
}

function count(state: PortState, packets: number, bytes: number, length: number): void {
  state.counters[packets] = state.counters[packets]! + 1
  state.counters[bytes] = state.counters[bytes]! + length
}
