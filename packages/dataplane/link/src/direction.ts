/**
 * One direction of a link. Per frame, in order: state, size, loss, corruption, duplication, queue and serialisation
 * at `rateBps`, propagation, delivery. A frame costs a few typed-array stores; one timer is armed per direction, for
 * the first frame due, and all frames due by then are handed over in one call.
 *
 * Invariant: delivery never happens inside `send`, not even at zero delay, so two stacks cannot recurse into each other.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock, Random, Timer } from '@lodestone/host'
import type { Tracer } from '@lodestone/probe'
import { LINK_DROP, LINK_DROP_REASONS, type LinkDrop } from './drop.ts'
import { FrameRing } from './frame-ring.ts'
import { changed, type Impairments, PERFECT } from './impairments.ts'
import type { FrameSink } from './port.ts'

const ETHERNET_HEADER_BYTES = 14
/** Most frames handed over in one call. */
const BATCH = 256

/** Called with each frame that enters an up link, before loss. The slot may be read during the call only. */
export type FrameTap = (slot: number, atMs: number) => void

export interface DirectionOptions {
  readonly link: string
  readonly from: string
  readonly to: string
  readonly clock: Clock
  readonly random: Random
  readonly arena: Arena
  readonly tracer: Tracer
  readonly mtuBytes: number
  readonly impairments: Partial<Impairments>
}

export interface DirectionCounters {
  /** Frames and bytes offered by the sender. */
  readonly framesIn: number
  readonly bytesIn: number
  /** Frames and bytes handed to the receiver. */
  readonly framesOut: number
  readonly bytesOut: number
  /** Extra copies and damaged frames that impairments made. */
  readonly duplicated: number
  readonly corrupted: number
  /** By `LINK_…` code; only reasons that occurred. */
  readonly drops: Readonly<Record<string, number>>
}

export class Direction {
  readonly from: string
  readonly to: string
  mtuBytes: number
  isUp = true
  sink: FrameSink | undefined
  readonly taps: FrameTap[] = []
  readonly #link: string
  readonly #clock: Clock
  readonly #random: Random
  readonly #arena: Arena
  readonly #tracer: Tracer
  readonly #ring = new FrameRing()
  readonly #batch = new Int32Array(BATCH)
  readonly #drops = new Float64Array(LINK_DROP_REASONS.length)
  #impairments: Impairments
  #isImpaired = false
  #busyUntilMs = -Infinity
  #armedForMs = Infinity
  #timer: Timer | undefined
  #framesIn = 0
  #bytesIn = 0
  #framesOut = 0
  #bytesOut = 0
  #duplicated = 0
  #corrupted = 0

  constructor(options: DirectionOptions) {
    this.from = options.from
    this.to = options.to
    this.mtuBytes = options.mtuBytes
    this.#link = options.link
    this.#clock = options.clock
    this.#random = options.random
    this.#arena = options.arena
    this.#tracer = options.tracer
    this.#impairments = PERFECT
    this.configure(options.impairments)
  }

  get impairments(): Impairments {
    return this.#impairments
  }

  /** Frames accepted and not yet handed over. */
  get framesInFlight(): number {
    return this.#ring.count
  }

  configure(change: Partial<Impairments>): void {
    this.#impairments = changed(this.#impairments, change)
    const now = this.#impairments
    this.#isImpaired = now.loss > 0 || now.corrupt > 0 || now.duplicate > 0
  }

  send(slots: Int32Array, count: number): void {
    const nowMs = this.#clock.nowMs()
    for (let i = 0; i < count; i++) this.#accept(slots[i]!, nowMs)
    this.#arm(nowMs)
  }

  /** Drops everything in flight: what a cut cable does. */
  cut(): void {
    for (;;) {
      const count = this.#ring.take(Infinity, this.#batch)
      if (count === 0) break
      for (let i = 0; i < count; i++) this.#drop(this.#batch[i]!, LINK_DROP.DOWN)
    }
    this.#busyUntilMs = -Infinity
  }

  counters(): DirectionCounters {
    const drops: Record<string, number> = {}
    for (let i = 0; i < this.#drops.length; i++) {
      if (this.#drops[i]! > 0) drops[LINK_DROP_REASONS[i]!.code] = this.#drops[i]!
    }
    return {
      framesIn: this.#framesIn,
      bytesIn: this.#bytesIn,
      framesOut: this.#framesOut,
      bytesOut: this.#bytesOut,
      duplicated: this.#duplicated,
      corrupted: this.#corrupted,
      drops,
    }
  }

  #accept(slot: number, nowMs: number): void {
    const length = this.#arena.length(slot)
    this.#framesIn++
    this.#bytesIn += length
    if (!this.isUp) return this.#drop(slot, LINK_DROP.DOWN)
    if (length < ETHERNET_HEADER_BYTES) return this.#drop(slot, LINK_DROP.RUNT)
    if (length > this.mtuBytes + ETHERNET_HEADER_BYTES && length > this.#mostBytes(slot)) {
      return this.#drop(slot, LINK_DROP.OVERSIZE)
    }
    for (let i = 0; i < this.taps.length; i++) this.taps[i]!(slot, nowMs)
    if (this.#isImpaired) {
      if (this.#chance(this.#impairments.loss)) return this.#drop(slot, LINK_DROP.LOSS)
      if (this.#chance(this.#impairments.corrupt)) this.#corrupt(slot, length)
      if (this.#chance(this.#impairments.duplicate)) this.#duplicate(slot, length, nowMs)
    }
    this.#enqueue(slot, length, nowMs)
  }

  #enqueue(slot: number, length: number, nowMs: number): void {
    const impairments = this.#impairments
    if (this.#ring.count >= impairments.limitFrames) return this.#drop(slot, LINK_DROP.FRAME_LIMIT)
    let departMs = nowMs
    if (impairments.rateBps !== Infinity) {
      const waitMs = Math.max(0, this.#busyUntilMs - nowMs)
      const backlogBytes = (waitMs * impairments.rateBps) / 8000
      if (waitMs > 0 && backlogBytes + length > impairments.queueBytes) return this.#drop(slot, LINK_DROP.QUEUE_FULL)
      departMs = nowMs + waitMs + ((length + impairments.overheadBytes) * 8000) / impairments.rateBps
      this.#busyUntilMs = departMs
    }
    let dueMs = departMs + impairments.delayMs
    if (impairments.jitterMs > 0) dueMs = Math.max(departMs, dueMs + this.#jitter(impairments))
    if (!impairments.mayReorder) dueMs = Math.max(dueMs, this.#ring.lastDueMs)
    this.#ring.push(slot, dueMs)
    if (this.#tracer.isOn) {
      this.#tracer.emit(this.#link, this.#arena.packet(slot), {
        kind: 'link',
        link: this.#link,
        from: this.from,
        to: this.to,
        bytes: length,
        delayMs: dueMs - nowMs,
      })
    }
  }

  #arm(nowMs: number): void {
    const dueMs = this.#ring.firstDueMs
    if (dueMs >= this.#armedForMs) return
    this.#timer?.cancel()
    this.#armedForMs = dueMs
    this.#timer = this.#clock.after(dueMs - nowMs, this.#deliver)
  }

  readonly #deliver = (): void => {
    // The timer's own due time counts as reached: now + (due - now) may round to just below it.
    const nowMs = Math.max(this.#clock.nowMs(), this.#armedForMs)
    this.#armedForMs = Infinity
    this.#timer = undefined
    // Frames sent from inside `receive` wait for the next turn, so what is due is counted before the first call.
    let rest = this.#ring.count
    while (rest > 0) {
      const count = this.#ring.take(nowMs, this.#batch)
      if (count === 0) break
      rest -= count
      this.#handOver(count)
    }
    this.#arm(this.#clock.nowMs())
  }

  #handOver(count: number): void {
    const batch = this.#batch
    if (this.sink === undefined) {
      for (let i = 0; i < count; i++) this.#drop(batch[i]!, LINK_DROP.NO_RECEIVER)
      return
    }
    this.#framesOut += count
    for (let i = 0; i < count; i++) this.#bytesOut += this.#arena.length(batch[i]!)
    this.sink.receive(batch, count)
  }

  /** A VLAN tag may exceed the MTU by its own four bytes, as on real wires. */
  #mostBytes(slot: number): number {
    const start = this.#arena.start(slot)
    const isTagged = this.#arena.view.getUint16(start + 12) === 0x8100
    return this.mtuBytes + ETHERNET_HEADER_BYTES + (isTagged ? 4 : 0)
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random.float() < probability
  }

  /** Normal by the sum of twelve uniforms, which unlike logarithms is the same on every machine. */
  #jitter(impairments: Impairments): number {
    if (impairments.jitterDistribution === 'uniform') return (this.#random.float() * 2 - 1) * impairments.jitterMs
    let sum = -6
    for (let i = 0; i < 12; i++) sum += this.#random.float()
    return sum * impairments.jitterMs
  }

  #corrupt(slot: number, length: number): void {
    const bit = this.#random.below(length * 8)
    this.#arena.bytes[this.#arena.start(slot) + (bit >> 3)]! ^= 0x80 >> (bit & 7)
    this.#corrupted++
  }

  #duplicate(slot: number, length: number, nowMs: number): void {
    const copy = this.#arena.clone(slot)
    if (copy < 0) {
      this.#drops[LINK_DROP.NO_SLOT]!++
      return
    }
    this.#duplicated++
    this.#enqueue(copy, length, nowMs)
  }

  #drop(slot: number, reason: LinkDrop): void {
    this.#drops[reason]!++
    if (this.#tracer.isOn) {
      const packet = this.#arena.packet(slot)
      this.#tracer.emit(this.#link, packet, { kind: 'dropped', reason: LINK_DROP_REASONS[reason]! })
    }
    this.#arena.free(slot)
  }
}
