/**
 * A frame's way through the engine, in both directions: the kernel takes what it can, the layers the rest, and every frame ends
 * at a guest, on the underlay, or in the book of drops.
 *
 * Invariant: frames are worked on one at a time. What arrives while the engine is busy (a sink may send from within its
 * `receive`) waits in a queue, and what `FrameExits` defers comes in an event of its own, so that two guests cannot keep the
 * engine in one endless call.
 */
import type { Timer } from '@lodestone/host'
import { ETHERNET_MIN, ethernetSrcNumber, Fragment, ROW_L3, ROW_SIZE } from '@lodestone/packet'
import type { Step } from '@lodestone/probe'
import { type DropBook, summaryOf } from './drop-book.ts'
import { Drop } from './drop-reasons.ts'
import type { Tunnel } from './encapsulation.ts'
import type { EngineScope } from './engine-scope.ts'
import { FrameExits } from './frame-exits.ts'
import { groupQueries } from './gateway/group-querier.ts'
import { type HeldFragment, HeldFragments, HOLD_MS, WAITS } from './held-fragments.ts'
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
import { Verdict, WAIT, Walk } from './walk.ts'
import { WorkQueue } from './work-queue.ts'

/** Where a fragment comes from that has waited. */
const HELD = 'held fragments'

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
  readonly #directory: PortDirectory<VirtualPort>
  readonly #byNumber: readonly (VirtualPort | undefined)[]
  readonly #book: DropBook
  readonly #exits: FrameExits
  readonly #walk: Walk
  readonly #outerRow = new Int32Array(ROW_SIZE)
  readonly #tunnel: Tunnel = { vni: 0, isExternal: false, isMulticast: false, innerStart: 0, innerEnd: 0 }
  readonly #problem: OuterProblem = { reason: Drop.none, detail: '' }
  /** Work that arrived while busy: the port, or `undefined` for the underlay, and the slot. */
  readonly #waiting = new WorkQueue<VirtualPort>()
  readonly #held: HeldFragments<VirtualPort>
  #heldTimer: Timer | undefined
  /** Whose first fragment has just been decided. */
  #resumed: HeldFragment<VirtualPort>[] = []
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
    this.#directory = options.directory
    this.#byNumber = options.byNumber
    this.#book = options.book
    const { sendUnderlay, book } = options
    this.#exits = new FrameExits({ scope, sendUnderlay, book, onDeferred: () => this.#runDeferred() })
    this.#walk = new Walk(scope.arena.bytes, scope.arena.view)
    this.#held = new HeldFragments(scope.arena)
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
    this.#exits.nowMs = this.#nowMs
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
        if (!this.#exits.flushOne()) break
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
          if (memory.words[BATCH_RESULTS / 4 + at] === RESULT_LOCAL) this.#exits.defer(undefined, slot)
          else this.#exits.sendUnderlay(slot)
        }
        if (at >= size) break
      }
      this.#processOut(port, slots[first + at]!)
      if (this.#resumed.length > 0) this.#resume()
    }
  }

  /** @param hasWaited whether it is a fragment that has been here before. */
  #processOut(port: VirtualPort, slot: number, hasWaited = false): void {
    const { arena, tracer } = this.#scope
    const state = port.state
    const walk = this.#walk
    if (port.isRemoved) {
      this.#exits.dropAtEngine(slot, Drop.portState, 'the port has been removed')
      return
    }
    walk.slot = slot
    walk.start = arena.start(slot)
    walk.end = arena.end(slot)
    if (!hasWaited) count(state, PortCounter.packetsOut, PortCounter.bytesOut, walk.end - walk.start)
    const reason = parseInner(walk, META_OUT)
    this.#prepareWalk(walk, true, false)
    walk.mayWait = !hasWaited
    if (tracer.isOn)
      this.#listen(walk, {
        kind: 'ingress',
        port: hasWaited ? HELD : port.name,
        summary: summaryOf(arena, walk.start, walk.end),
      })
    if (reason !== Drop.none) {
      walk.deny(reason, '')
      this.#exits.drop(port, walk, walk.start)
      return
    }
    if (!hasWaited) state.counters[PortCounter.slowOut] = state.counters[PortCounter.slowOut]! + 1
    const start = walk.start
    const verdict = walkSlowPath(walk, state, this.#scope)
    if (walk.fragment !== Fragment.none) this.#releaseHeld(port, walk)
    if (verdict === WAIT) this.#hold(port, walk)
    else if (verdict === Verdict.deny) this.#exits.drop(port, walk, start)
    else if (verdict === Verdict.hairpin) this.#exits.hairpin(port, walk)
    else this.#exits.sendOut(walk)
  }

  /** A first fragment has been decided, so those that waited for it go on after it, whatever became of it. */
  #releaseHeld(port: VirtualPort, walk: Walk): void {
    const { datagram } = port.state.fragments
    if (walk.fragment !== Fragment.first || this.#held.count === 0 || datagram === undefined) return
    this.#resumed.push(...this.#held.take(port, datagram))
  }

  /** Lets a later fragment wait for its first one. */
  #hold(port: VirtualPort, walk: Walk): void {
    const { datagram } = port.state.fragments
    const { slot, start, end, isOut, isExternal, outerIp } = walk
    if (datagram === undefined || !this.#held.hasRoom) {
      walk.deny(Drop.fragmentWaitFull, 'frame buffers are scarce')
      this.#exits.drop(port, walk, this.#scope.arena.start(slot))
      return
    }
    const { counters } = port.state
    counters[PortCounter.heldFragments] = counters[PortCounter.heldFragments]! + 1
    walk.listener?.({ kind: 'punted', to: 'fragments', detail: WAITS })
    const deadlineMs = this.#nowMs + HOLD_MS
    const surplus = this.#held.add({ port, slot, start, end, isOut, isExternal, outerIp, deadlineMs, datagram })
    for (const each of surplus) this.#dropHeld(each, Drop.fragmentWaitFull, 'it made room for later ones')
    this.#heldTimer ??= this.#scope.clock.after(HOLD_MS, () => this.#expireHeld())
  }

  #resume(): void {
    const resumed = this.#resumed
    this.#resumed = []
    for (const { port, slot, start, end, isOut, isExternal, outerIp } of resumed) {
      if (isOut) {
        this.#processOut(port, slot, true)
        continue
      }
      const tunnel = this.#tunnel
      tunnel.vni = port.vni
      tunnel.isExternal = isExternal
      tunnel.innerStart = start
      tunnel.innerEnd = end
      this.#outerRow[ROW_L3] = outerIp
      this.#processInto(port, slot, outerIp - this.#scope.arena.start(slot), true)
    }
  }

  #expireHeld(): void {
    this.#heldTimer = undefined
    this.#begin()
    for (const each of this.#held.takeExpired(this.#nowMs)) this.#dropHeld(each, Drop.fragmentOrphan, 'none has come')
    this.#finish()
    if (this.#held.count === 0) return
    const delayMs = Math.max(1, this.#held.deadlineMs - this.#nowMs)
    this.#heldTimer = this.#scope.clock.after(delayMs, () => this.#expireHeld())
  }

  #dropHeld(held: HeldFragment<VirtualPort>, reason: number, detail: string): void {
    const { arena, tracer } = this.#scope
    const walk = this.#walk
    walk.slot = held.slot
    walk.start = held.start
    walk.end = held.end
    parseInner(walk, held.isOut ? META_OUT : held.isExternal ? META_EXTERNAL : 0)
    this.#prepareWalk(walk, held.isOut, held.isExternal)
    walk.current.set(walk.key)
    if (tracer.isOn)
      this.#listen(walk, { kind: 'ingress', port: HELD, summary: summaryOf(arena, held.start, held.end) })
    walk.deny(reason, detail)
    this.#exits.drop(held.port, walk, arena.start(held.slot))
  }

  /** Asks a guest which groups it listens to. */
  queryGroups(port: VirtualPort): void {
    const { arena, tracer, node } = this.#scope
    for (const slot of groupQueries(arena, port.config)) {
      if (tracer.isOn) {
        const summary = summaryOf(arena, arena.start(slot), arena.end(slot))
        tracer.emit(node, arena.packet(slot), { kind: 'sent', interface: `${port.name} gateway`, summary })
      }
      this.#exits.defer(port, slot)
    }
  }

  get heldCount(): number {
    return this.#held.count
  }

  /** Frees what waits in the name of a port that goes away. */
  forget(port: VirtualPort): void {
    for (const { slot } of this.#held.takeOfPort(port))
      this.#exits.dropAtEngine(slot, Drop.portState, 'the port has been removed')
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
        if (this.#resumed.length > 0) this.#resume()
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
    this.#exits.deliver(port, slot)
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
      this.#exits.dropAtEngine(slot, problem.reason, problem.detail)
      return
    }
    const inner = tunnel.innerStart
    if (tunnel.isMulticast && (arena.bytes[inner]! & 1) !== 0) {
      this.#processGroup(slot, outerIp)
      return
    }
    const port = this.#directory.find(tunnel.vni, arena.view.getUint16(inner), arena.view.getInt32(inner + 2))
    if (port === undefined) {
      this.#exits.dropAtEngine(slot, Drop.notOursVni, `VNI ${tunnel.vni}`)
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
      this.#exits.dropAtEngine(slot, Drop.notOursGroup, `VNI ${tunnel.vni}`)
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
  #processInto(port: VirtualPort, slot: number, outerIp: number, hasWaited = false): void {
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
    if (!hasWaited) count(state, PortCounter.packetsIn, PortCounter.bytesIn, walk.end - inner)
    const reason = parseInner(walk, tunnel.isExternal ? META_EXTERNAL : 0)
    this.#prepareWalk(walk, false, tunnel.isExternal)
    walk.outerIp = row[ROW_L3]!
    walk.mayWait = !hasWaited
    if (tracer.isOn) {
      this.#listen(walk, {
        kind: 'ingress',
        port: hasWaited ? HELD : 'underlay',
        summary: summaryOf(arena, start, end, outerIp === 0),
      })
      const mark = tunnel.isExternal ? ', marked as from outside' : ''
      walk.listener?.({ kind: 'decap', detail: `Geneve VNI ${tunnel.vni}${mark}, for ${port.name}` })
    }
    if (reason !== Drop.none) {
      walk.deny(reason, '')
      this.#exits.drop(port, walk, start)
      return
    }
    if (!hasWaited) state.counters[PortCounter.slowIn] = state.counters[PortCounter.slowIn]! + 1
    const verdict = walkSlowPath(walk, state, this.#scope)
    if (walk.fragment !== Fragment.none) this.#releaseHeld(port, walk)
    if (verdict === WAIT) {
      this.#hold(port, walk)
      return
    }
    if (verdict === Verdict.deny) {
      this.#exits.drop(port, walk, start)
      return
    }
    if (state.limitIn !== undefined && !state.limitIn.take(arena.length(slot), this.#nowMs)) {
      walk.deny(Drop.rateIn, state.limitIn.text)
      this.#exits.drop(port, walk, arena.start(slot))
      return
    }
    if (walk.listener !== undefined) {
      tellRewrites(walk)
      walk.listener({ kind: 'egress', port: port.name })
    }
    this.#exits.deliver(port, slot)
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
    this.#exits.drop(port, walk, walk.start)
  }

  #runDeferred(): void {
    this.#begin()
    this.#exits.takeDeferred((slot) => {
      this.#single[0] = slot
      this.#runIn(this.#single, 1, 0)
    })
    this.#finish()
  }

  /** Stops timers and frees frames that wait. */
  close(): void {
    this.#heldTimer?.cancel()
    this.#heldTimer = undefined
    this.#exits.close()
  }
}

function count(state: PortState, packets: number, bytes: number, length: number): void {
  state.counters[packets] = state.counters[packets]! + 1
  state.counters[bytes] = state.counters[bytes]! + length
}
