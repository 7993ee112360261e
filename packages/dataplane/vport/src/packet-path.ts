/**
 * A frame's way through the engine, in both directions: the kernel takes what it can, the layers the rest, and every frame ends
 * at a guest, on the underlay, or in the book of drops.
 *
 * Invariant: frames are worked on one at a time. What arrives while the engine is busy (a sink may send from within its
 * `receive`) waits in a queue, and answers of the gateway and frames between ports of this sled are handed over in an
 * event of their own, so that two guests cannot keep the engine in one endless call.
 */
import type { Timer } from '@lodestone/host'
import { ETHERNET_MIN, ethernetSrcNumber, IPV6_DST, ROW_L3, ROW_SIZE } from '@lodestone/packet'
import type { Step } from '@lodestone/probe'
import { isLocal } from './compile-flow.ts'
import type { DropBook } from './drop-book.ts'
import { summaryOf } from './drop-book.ts'
import { Drop } from './drop-reasons.ts'
import type { Tunnel } from './encapsulation.ts'
import type { EngineScope } from './engine-scope.ts'
import { META_EXTERNAL, META_OUT } from './flow-key.ts'
import { BATCH_FRAMES, BATCH_RESULTS, BATCH_SLOTS, PARAM_BYTES, RESULT_LOCAL } from './kernel/layout.ts'
import { type OuterProblem, openOuter } from './outer-check.ts'
import { hashOfWalk, parseInner } from './parse-inner.ts'
import type { PortDirectory } from './port-directory.ts'
import { PortCounter, type PortState } from './port-state.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { tellRewrites } from './rewrite-steps.ts'
import { walkSlowPath } from './slow-path.ts'
import type { VirtualPort } from './virtual-port.ts'
import { Verdict, Walk } from './walk.ts'
import { WorkQueue } from './work-queue.ts'

export interface PacketPathOptions {
  readonly scope: EngineScope
  /** Takes a frame whose bytes begin at the outer IPv6 header; the slot becomes the callee's. */
  readonly sendUnderlay: (slot: number) => void
  readonly directory: PortDirectory<VirtualPort>
  /** By port number. */
  readonly byNumber: readonly (VirtualPort | undefined)[]
  readonly book: DropBook
}

export class PacketPath {
  readonly #scope: EngineScope
  readonly #sendUnderlay: (slot: number) => void
  readonly #directory: PortDirectory<VirtualPort>
  readonly #byNumber: readonly (VirtualPort | undefined)[]
  readonly #book: DropBook
  readonly #walk: Walk
  readonly #outerRow = new Int32Array(ROW_SIZE)
  readonly #tunnel: Tunnel = { vni: 0, isExternal: false, isMulticast: false, innerStart: 0, innerEnd: 0 }
  readonly #problem: OuterProblem = { reason: Drop.none, detail: '' }
  /** Ports with frames that wait for their guest. */
  readonly #toFlush: VirtualPort[] = []
  /** Work that arrived while busy: the port, or `undefined` for the underlay, and the slot. */
  readonly #waiting = new WorkQueue<VirtualPort>()
  /** Local frames and answers for the next event: a port to deliver to, or `undefined` for a frame to be received. */
  readonly #deferred = new WorkQueue<VirtualPort>()
  #deferTimer: Timer | undefined
  #isBusy = false
  #nowMs = 0
  /** The same as rows hold it. */
  #stamp = 0
  readonly #single = new Int32Array(1)
  /** Of a batch, what its guest may send now. */
  readonly #admitted = new Int32Array(BATCH_FRAMES)

  constructor(options: PacketPathOptions) {
    const { scope } = options
    this.#scope = scope
    this.#sendUnderlay = options.sendUnderlay
    this.#directory = options.directory
    this.#byNumber = options.byNumber
    this.#book = options.book
    this.#walk = new Walk(scope.arena.bytes, scope.arena.view)
  }

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
    this.#stamp = this.#scope.flows.stampOf(this.#nowMs)
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

  #runOut(port: VirtualPort, slots: Int32Array, count: number): void {
    const { limitOut } = port.state
    for (let first = 0; first < count; first += BATCH_FRAMES) {
      const size = Math.min(BATCH_FRAMES, count - first)
      if (limitOut === undefined || port.isRemoved) this.#runBatchOut(port, slots, first, size)
      else this.#runBatchOut(port, this.#admitted, 0, this.#admit(port, limitOut, slots, first, size))
    }
  }

  /** Drops what the guest may not send now; what it may goes to `#admitted`. @returns how many these are. */
  #admit(port: VirtualPort, limit: RateLimiter, slots: Int32Array, first: number, size: number): number {
    const { arena } = this.#scope
    let admitted = 0
    for (let i = first; i < first + size; i++) {
      const slot = slots[i]!
      if (limit.take(arena.length(slot), this.#nowMs)) this.#admitted[admitted++] = slot
      else this.#dropOverRate(port, slot, true)
    }
    return admitted
  }

  /** The kernel takes frames as long as it can; each one that it leaves goes to the layers, and then it goes on. */
  #runBatchOut(port: VirtualPort, slots: Int32Array, first: number, size: number): void {
    const { arena, tracer } = this.#scope
    const { memory, kernel } = this.#scope.flows
    const { counters, kernelVni } = port.state
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
      this.#listen(walk, { kind: 'ingress', port: port.name, summary: summaryOf(arena, walk.start, walk.end) })
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
    if (walk.copies.length > 0) this.#sendCopies(walk)
    if (isHere) this.#defer(undefined, walk.slot)
    else this.#sendUnderlay(walk.slot)
  }

  /** To the other sleds of a group: the same frame with their addresses. */
  #sendCopies(walk: Walk): void {
    const { arena } = this.#scope
    const { copies, slot } = walk
    for (let i = 0; i < copies.length; i++) {
      const copy = arena.clone(slot)
      if (copy < 0) {
        this.#book.count(Drop.noBuffer)
        continue
      }
      arena.bytes.set(copies[i]!, arena.start(copy) + IPV6_DST)
      walk.listener?.({ kind: 'egress', port: 'underlay' })
      this.#sendUnderlay(copy)
    }
  }

  /** @param outerIp as for `#processIn`. */
  #runIn(slots: Int32Array, count: number, outerIp: number): void {
    const { tracer } = this.#scope
    const { memory, kernel } = this.#scope.flows
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
    const { limitIn } = port.state
    if (limitIn !== undefined && !limitIn.take(this.#scope.arena.length(slot), this.#nowMs)) {
      this.#dropOverRate(port, slot, false)
      return
    }
    this.#deliver(port, slot)
  }

  /** @param outerIp bytes from the frame's start to its outer IPv6 header: 14, or 0 for a frame of this same sled. */
  #processIn(slot: number, outerIp: number): void {
    const { arena } = this.#scope
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
    if (tunnel.isMulticast && (arena.bytes[inner]! & 1) !== 0) {
      this.#processGroup(slot, outerIp)
      return
    }
    const port = this.#directory.find(tunnel.vni, arena.view.getUint16(inner), arena.view.getInt32(inner + 2))
    if (port === undefined) {
      this.#dropAtEngine(slot, Drop.notOursVni, `VNI ${tunnel.vni}`)
      return
    }
    this.#processInto(port, slot, outerIp)
  }

  /** A frame for the subscribers of a group: each gets a copy, except the one who sent it. */
  #processGroup(slot: number, outerIp: number): void {
    const { arena, groups } = this.#scope
    const walk = this.#walk
    const tunnel = this.#tunnel
    walk.start = tunnel.innerStart
    walk.end = tunnel.innerEnd
    const isParsed = parseInner(walk, 0) === Drop.none && walk.family !== 0
    const sender = ethernetSrcNumber(arena.bytes, tunnel.innerStart)
    const members = isParsed
      ? groups
          .membersOf(tunnel.vni, walk.key, walk.dstAt, walk.family as 4 | 6) // because of `isParsed`
          .filter(({ config }) => outerIp !== 0 || config.mac.toNumber() !== sender)
      : []
    if (members.length === 0) {
      this.#dropAtEngine(slot, Drop.notOursGroup, `VNI ${tunnel.vni}`)
      return
    }
    const { innerStart, innerEnd } = tunnel
    const ip = this.#outerRow[ROW_L3]!
    for (let i = 0; i < members.length; i++) {
      const port = this.#byNumber[members[i]!.cache.number]!
      const isLast = i === members.length - 1
      const copy = isLast ? slot : arena.clone(slot)
      if (copy < 0) {
        this.#book.count(Drop.noBuffer)
        continue
      }
      const shift = arena.start(copy) - arena.start(slot)
      tunnel.innerStart = innerStart + shift
      tunnel.innerEnd = innerEnd + shift
      this.#outerRow[ROW_L3] = ip + shift
      this.#processInto(port, copy, outerIp)
    }
  }

  /** What `#tunnel` and `#outerRow` describe, for a port. */
  #processInto(port: VirtualPort, slot: number, outerIp: number): void {
    const { arena, tracer } = this.#scope
    const walk = this.#walk
    const tunnel = this.#tunnel
    const row = this.#outerRow
    const start = arena.start(slot)
    const end = arena.end(slot)
    const inner = tunnel.innerStart
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
      this.#listen(walk, { kind: 'ingress', port: 'underlay', summary: summaryOf(arena, start, end, outerIp === 0) })
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
    if (state.limitIn !== undefined && !state.limitIn.take(arena.length(slot), this.#nowMs)) {
      walk.deny(Drop.rateIn, state.limitIn.text)
      this.#drop(port, walk, arena.start(slot))
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
      const summary = summaryOf(arena, arena.start(walk.hairpin), arena.end(walk.hairpin))
      tracer.emit(node, arena.packet(walk.hairpin), { kind: 'sent', interface: `${port.name} gateway`, summary })
    }
    this.#defer(port, walk.hairpin)
  }

  #drop(port: VirtualPort, walk: Walk, start: number): void {
    this.#book.drop(port.state, walk, start, this.#nowMs)
    this.#scope.arena.free(walk.slot)
    if (walk.hairpin >= 0) this.#defer(port, walk.hairpin)
    if (walk.answer >= 0) this.#sendUnderlay(walk.answer)
  }

  /** A frame as the guest sent it, or as it would receive it. */
  #dropOverRate(port: VirtualPort, slot: number, isOut: boolean): void {
    const { arena, tracer } = this.#scope
    const { state } = port
    const walk = this.#walk
    walk.slot = slot
    walk.start = arena.start(slot)
    walk.end = arena.end(slot)
    if (isOut) count(state, PortCounter.packetsOut, PortCounter.bytesOut, walk.end - walk.start)
    // Whose it is concerns only those who are told of it.
    if (parseInner(walk, isOut ? META_OUT : 0) !== Drop.none) walk.family = 0
    this.#prepareWalk(walk, isOut, false)
    walk.current.set(walk.key)
    if (tracer.isOn)
      this.#listen(walk, { kind: 'ingress', port: port.name, summary: summaryOf(arena, walk.start, walk.end) })
    walk.deny(isOut ? Drop.rateOut : Drop.rateIn, (isOut ? state.limitOut : state.limitIn)?.text ?? '')
    this.#drop(port, walk, walk.start)
  }

  /** A drop that belongs to no port, or to one that is gone. */
  #dropAtEngine(slot: number, reason: number, detail: string): void {
    this.#book.dropAtEngine(slot, reason, detail, this.#nowMs)
    this.#scope.arena.free(slot)
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

  /** Stops timers and frees frames that wait. */
  close(): void {
    this.#deferTimer?.cancel()
    this.#deferTimer = undefined
    while (!this.#deferred.isEmpty) this.#scope.arena.free(this.#deferred.take())
  }
}

function count(state: PortState, packets: number, bytes: number, length: number): void {
  state.counters[packets] = state.counters[packets]! + 1
  state.counters[bytes] = state.counters[bytes]! + length
}
