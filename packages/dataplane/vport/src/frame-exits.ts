/**
 * Where frames leave the engine: to a guest, to the underlay, back to the sender, or into the book of drops. Answers of the gateway and frames
 * between ports of this sled leave in an event of their own.
 */
import type { Timer } from '@lodestone/host'
import { IPV6_DST } from '@lodestone/packet'
import { isLocal } from './compile-flow.ts'
import { type DropBook, summaryOf } from './drop-book.ts'
import { Drop } from './drop-reasons.ts'
import type { EngineScope } from './engine-scope.ts'
import { PortCounter } from './port-state.ts'
import { tellRewrites } from './rewrite-steps.ts'
import type { VirtualPort } from './virtual-port.ts'
import type { Walk } from './walk.ts'
import { WorkQueue } from './work-queue.ts'

export interface FrameExitsOptions {
  readonly scope: EngineScope
  /** Takes a frame whose bytes begin at the outer IPv6 header; the slot becomes the callee's. */
  readonly sendUnderlay: (slot: number) => void
  readonly book: DropBook
  /** The event of what was deferred: takes it all by `takeDeferred`. */
  readonly onDeferred: () => void
}

export class FrameExits {
  readonly sendUnderlay: (slot: number) => void
  readonly #scope: EngineScope
  readonly #book: DropBook
  readonly #onDeferred: () => void
  /** Ports with frames that wait for their guest. */
  readonly #toFlush: VirtualPort[] = []
  readonly #deferred = new WorkQueue<VirtualPort>()
  #timer: Timer | undefined
  /** The time of what the engine does now; it is set before anything leaves. */
  nowMs = 0

  constructor({ scope, sendUnderlay, book, onDeferred }: FrameExitsOptions) {
    this.#scope = scope
    this.sendUnderlay = sendUnderlay
    this.#book = book
    this.#onDeferred = onDeferred
  }

  /** What a guest sent and the layers have let pass. */
  sendOut(walk: Walk): void {
    const isHere = isLocal(walk, this.#scope.underlayAddress.bytes)
    if (walk.listener !== undefined) {
      tellRewrites(walk)
      walk.listener({ kind: 'encap', detail: walk.detail })
      walk.listener({ kind: 'egress', port: isHere ? 'this sled' : 'underlay' })
    }
    if (walk.copies.length > 0) this.#sendCopies(walk)
    if (isHere) this.defer(undefined, walk.slot)
    else this.sendUnderlay(walk.slot)
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
      this.sendUnderlay(copy)
    }
  }

  /** Queues a frame for a guest; `flushOne` hands it over. */
  deliver(port: VirtualPort, slot: number): void {
    if (port.isRemoved || !port.guest.isAttached) {
      this.dropAtEngine(slot, Drop.portState, 'no guest is attached')
      return
    }
    if (port.guest.queue(slot)) this.#toFlush.push(port)
  }

  /** The gateway has taken a guest's frame, and may have answered. */
  hairpin(port: VirtualPort, walk: Walk): void {
    const { arena, tracer, node } = this.#scope
    port.state.counters[PortCounter.hairpins] = port.state.counters[PortCounter.hairpins]! + 1
    if (walk.listener !== undefined) {
      walk.listener({ kind: 'punted', to: 'gateway', detail: walk.detail })
    }
    arena.free(walk.slot)
    if (walk.hairpin < 0) {
      port.state.counters[PortCounter.consumed] = port.state.counters[PortCounter.consumed]! + 1
      return
    }
    if (tracer.isOn) {
      const summary = summaryOf(arena, arena.start(walk.hairpin), arena.end(walk.hairpin))
      tracer.emit(node, arena.packet(walk.hairpin), { kind: 'sent', interface: `${port.name} gateway`, summary })
    }
    this.defer(port, walk.hairpin)
  }

  /** @param start where the frame begins that the book shows, as it came */
  drop(port: VirtualPort, walk: Walk, start: number): void {
    this.#book.drop(port.state, walk, start, this.nowMs)
    this.#scope.arena.free(walk.slot)
    if (walk.hairpin >= 0) this.defer(port, walk.hairpin)
    if (walk.answer >= 0) this.sendUnderlay(walk.answer)
  }

  /** A drop that belongs to no port, or to one that is gone. */
  dropAtEngine(slot: number, reason: number, detail: string): void {
    this.#book.dropAtEngine(slot, reason, detail, this.nowMs)
    this.#scope.arena.free(slot)
  }

  /** For the next event: a port to deliver to, or `undefined` for a frame to be received. */
  defer(port: VirtualPort | undefined, slot: number): void {
    this.#deferred.push(port, slot)
    this.#timer ??= this.#scope.clock.after(0, () => {
      this.#timer = undefined
      this.#onDeferred()
    })
  }

  /** Delivers what was deferred until now. What is deferred meanwhile waits for the next event. */
  takeDeferred(receive: (slot: number) => void): void {
    for (let rest = this.#deferred.length; rest > 0; rest--) {
      const port = this.#deferred.port
      const slot = this.#deferred.take()
      if (port === undefined) receive(slot)
      else this.deliver(port, slot)
    }
  }

  /** Hands a guest what waits for it. @returns false when nothing waits for any. */
  flushOne(): boolean {
    const port = this.#toFlush.pop()
    port?.guest.flush()
    return port !== undefined
  }

  /** Stops the timer and frees frames that wait. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    while (!this.#deferred.isEmpty) this.#scope.arena.free(this.#deferred.take())
  }
}
