/**
 * One direction of a link. Per frame, in order: state, size, outage, loss, corruption, duplication, queue and serialisation
 * at `rateBps`, propagation, order, delivery. A frame costs a few typed-array stores; one timer is armed per direction, for
 * the first frame due, and all frames due by then are handed over in one call.
 *
 * With drop-tail, when a frame leaves is known as it comes, and there is no queue but a number. Other disciplines, and wires
 * that send at given times, have a queue of their own (`queue/`) and a second timer for the wire.
 *
 * Invariant: delivery never happens inside `send`, not even at zero delay, so two stacks cannot recurse into each other.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock, Random, Timer } from '@lodestone/host'
import type { Tracer } from '@lodestone/probe'
import { LINK_DROP, LINK_DROP_REASONS, type LinkDrop } from './drop.ts'
import { FidelityMeter } from './fidelity.ts'
import { FrameRing } from './frame-ring.ts'
import { changed, type Impairments, PERFECT } from './impairments.ts'
import { Jitter } from './jitter.ts'
import { LossProcess } from './loss-process.ts'
import type { FrameSink } from './port.ts'
import { WireQueue } from './queue/wire-queue.ts'
import { OutageClock, waveMs } from './weather.ts'

const ETHERNET_HEADER_BYTES = 14
/** Most frames handed over in one call. */
const BATCH = 256
/** What one opportunity of a trace carries. */
const OPPORTUNITY_BYTES = 1504

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
  /** Packets that a queue marked as having met congestion. */
  readonly marked: number
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
  readonly meter = new FidelityMeter()
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
  #marked = 0
  #jitter: Jitter
  #loss: LossProcess | undefined
  #isLossPredicate = false
  #wasLost = false
  #outage: OutageClock | undefined
  #sinceReorder = 0
  /** Where frames wait for the wire, unless drop-tail does without. */
  #queue: WireQueue | undefined
  #wireTimer: Timer | undefined
  /** Of `opportunitiesMs`: the next one, and the bytes of the frame that has begun to use them. */
  #opportunity = 0
  #roundStartMs = 0

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
    this.#jitter = new Jitter('uniform', 0, undefined)
    this.configure(options.impairments)
  }

  get impairments(): Impairments {
    return this.#impairments
  }

  /** Frames accepted and not yet handed over. */
  get framesInFlight(): number {
    return this.#ring.count + (this.#queue?.count ?? 0)
  }

  /** Bytes that wait for the wire. */
  get queuedBytes(): number {
    if (this.#queue !== undefined) return this.#queue.bytes
    const { rateBps } = this.#impairments
    return rateBps === Infinity ? 0 : (this.backlogMs * rateBps) / 8000
  }

  /** How long they take, without the frame on the wire where there is a queue of its own. 0 where the wire sends at given times. */
  get backlogMs(): number {
    const { rateBps } = this.#impairments
    if (rateBps === Infinity) return 0
    if (this.#queue !== undefined) return (this.#queue.bytes * 8000) / rateBps
    return Math.max(0, this.#busyUntilMs - this.#clock.nowMs())
  }

  /** How long the bytes that fit into the queue take. */
  get backlogLimitMs(): number {
    const { rateBps, queueBytes } = this.#impairments
    return rateBps === Infinity ? Infinity : (queueBytes * 8000) / rateBps
  }

  configure(change: Partial<Impairments>): void {
    const before = this.#impairments
    const now = changed(before, change)
    this.#impairments = now
    if (change.jitterDistribution !== undefined || change.jitterCorrelation !== undefined || 'jitterTable' in change) {
      this.#jitter = new Jitter(now.jitterDistribution, now.jitterCorrelation, now.jitterTable)
    }
    if ('lossModel' in change) {
      this.#loss = now.lossModel === undefined ? undefined : new LossProcess(now.lossModel)
      this.#isLossPredicate = now.lossModel?.kind === 'predicate'
    }
    if ('outage' in change) this.#outage = now.outage === undefined ? undefined : new OutageClock(now.outage)
    if ('opportunitiesMs' in change) {
      this.#opportunity = 0
      this.#roundStartMs = this.#clock.nowMs()
    }
    this.#isImpaired =
      now.loss > 0 ||
      now.corrupt > 0 ||
      now.duplicate > 0 ||
      now.bitErrorRatio > 0 ||
      now.lossModel !== undefined ||
      now.outage !== undefined
    this.#chooseQueue(now)
  }

  /** What waits keeps its place: it goes through the new queue from the head. */
  #chooseQueue(now: Impairments): void {
    const needsQueue = now.opportunitiesMs !== undefined || (now.queue.kind !== 'drop-tail' && now.rateBps !== Infinity)
    const before = this.#queue
    if (!needsQueue && before === undefined) return
    if (needsQueue && before?.discipline === now.queue && before.limitBytes === now.queueBytes) return
    const nowMs = this.#clock.nowMs()
    const waiting: number[] = []
    before?.clear((slot) => waiting.push(slot))
    this.#queue = needsQueue
      ? new WireQueue({
          arena: this.#arena,
          random: this.#random.fork('queue'),
          discipline: now.queue,
          limitBytes: now.queueBytes,
          onDrop: (slot, isEarly) => this.#drop(slot, isEarly ? LINK_DROP.EARLY : LINK_DROP.QUEUE_FULL),
          onMark: () => void this.#marked++,
        })
      : undefined
    for (const slot of waiting) this.#enqueue(slot, this.#arena.length(slot), nowMs)
    if (waiting.length > 0) this.#arm(nowMs)
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
    this.#queue?.clear((slot) => this.#drop(slot, LINK_DROP.DOWN))
    this.#wireTimer?.cancel()
    this.#wireTimer = undefined
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
      marked: this.#marked,
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
      if (this.#outage !== undefined && this.#outage.isOut(nowMs, this.#random)) {
        return this.#drop(slot, LINK_DROP.OUTAGE)
      }
      if (this.#isLost(slot)) return this.#drop(slot, LINK_DROP.LOSS)
      if (this.#isDamaged(slot, length)) return this.#drop(slot, LINK_DROP.FCS)
      if (this.#chance(this.#impairments.duplicate)) this.#duplicate(slot, length, nowMs)
    }
    this.#enqueue(slot, length, nowMs)
  }

  #isLost(slot: number): boolean {
    const { loss, lossCorrelation } = this.#impairments
    if (loss > 0) {
      // A chain of two states with the share `loss` and the correlation of neighbours as given.
      const share =
        lossCorrelation === 0
          ? loss
          : this.#wasLost
            ? loss + lossCorrelation * (1 - loss)
            : loss * (1 - lossCorrelation)
      this.#wasLost = this.#chance(share)
      if (this.#wasLost) return true
    }
    if (this.#loss === undefined) return false
    return this.#loss.isLost(this.#random, this.#isLossPredicate ? this.#arena.peek(slot) : undefined)
  }

  /** Flips bits as asked. @returns whether the receiver would notice. */
  #isDamaged(slot: number, length: number): boolean {
    const { corrupt, corruptBits, bitErrorRatio, checksFrames } = this.#impairments
    let flips = this.#chance(corrupt) ? corruptBits : 0
    // One draw stands for all bits of the frame; that two of them flip is left out where it is this rare.
    if (bitErrorRatio > 0 && this.#chance(1 - (1 - bitErrorRatio) ** (8 * length))) flips++
    if (flips === 0) return false
    this.#corrupted++
    if (checksFrames) return true
    for (let i = 0; i < flips; i++) this.#flipBit(slot, length)
    return false
  }

  #enqueue(slot: number, length: number, nowMs: number): void {
    const impairments = this.#impairments
    if (this.#queue !== undefined) return this.#queueFrame(this.#queue, slot, length, nowMs)
    if (this.#ring.count >= impairments.limitFrames) return this.#drop(slot, LINK_DROP.FRAME_LIMIT)
    let departMs = nowMs
    if (impairments.rateBps !== Infinity) {
      const waitMs = Math.max(0, this.#busyUntilMs - nowMs)
      const backlogBytes = (waitMs * impairments.rateBps) / 8000
      if (waitMs > 0 && backlogBytes + length > impairments.queueBytes) return this.#drop(slot, LINK_DROP.QUEUE_FULL)
      departMs = nowMs + waitMs + ((length + impairments.overheadBytes) * 8000) / impairments.rateBps
      this.#busyUntilMs = departMs
    }
    this.#propagate(slot, length, nowMs, departMs)
  }

  #queueFrame(queue: WireQueue, slot: number, length: number, nowMs: number): void {
    const impairments = this.#impairments
    if (this.#ring.count + queue.count >= impairments.limitFrames) return this.#drop(slot, LINK_DROP.FRAME_LIMIT)
    if (this.#wireTimer === undefined) this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs)
    if (!queue.push(slot, nowMs, this.#wireMs(length))) return
    this.#serveWire(nowMs)
  }

  /** Lets frames leave as long as the wire is free; what is left waits for it. */
  #serveWire(nowMs: number): void {
    const queue = this.#queue
    if (queue === undefined || this.#wireTimer !== undefined) return
    while (this.#busyUntilMs <= nowMs) {
      // The model's time, not the time at which a busy machine got round to it.
      const atMs = this.#busyUntilMs
      const slot = queue.take(atMs)
      if (slot < 0) return
      const length = this.#arena.length(slot)
      const departMs =
        this.#impairments.opportunitiesMs === undefined
          ? atMs + this.#wireMs(length)
          : this.#nextOpportunity(atMs, length)
      this.#busyUntilMs = departMs
      this.#propagate(slot, length, atMs, departMs)
    }
    if (queue.count === 0) return
    this.#wireTimer = this.#clock.after(this.#busyUntilMs - nowMs, this.#onWireFree)
  }

  readonly #onWireFree = (): void => {
    this.#wireTimer = undefined
    const nowMs = Math.max(this.#clock.nowMs(), this.#busyUntilMs)
    this.#serveWire(nowMs)
    this.#arm(this.#clock.nowMs())
  }

  #wireMs(length: number): number {
    const { rateBps, overheadBytes } = this.#impairments
    return rateBps === Infinity ? 0 : ((length + overheadBytes) * 8000) / rateBps
  }

  /** When a frame is through that uses opportunities from `fromMs` on, one for each 1504 bytes. */
  #nextOpportunity(fromMs: number, length: number): number {
    const marks = this.#impairments.opportunitiesMs!
    const roundMs = marks[marks.length - 1]!
    let need = Math.ceil(length / OPPORTUNITY_BYTES)
    if (fromMs - this.#roundStartMs > roundMs) {
      this.#roundStartMs += Math.floor((fromMs - this.#roundStartMs) / roundMs) * roundMs
      this.#opportunity = 0
    }
    let atMs = fromMs
    while (need > 0) {
      atMs = this.#roundStartMs + marks[this.#opportunity]!
      if (atMs >= fromMs) need--
      if (++this.#opportunity === marks.length) {
        this.#opportunity = 0
        this.#roundStartMs += roundMs
      }
    }
    return atMs
  }

  #propagate(slot: number, length: number, nowMs: number, departMs: number): void {
    const impairments = this.#impairments
    let dueMs = departMs + impairments.delayMs
    if (impairments.jitterMs > 0) {
      dueMs = Math.max(departMs, dueMs + this.#jitter.next(this.#random) * impairments.jitterMs)
    }
    if (impairments.delayWave !== undefined) dueMs += waveMs(impairments.delayWave, departMs)
    const overtakes = impairments.reorder > 0 && this.#overtakes(impairments)
    if (overtakes) dueMs = departMs
    else if (!impairments.mayReorder) dueMs = Math.max(dueMs, this.#ring.lastDueMs)
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

  #overtakes({ reorder, reorderGap }: Impairments): boolean {
    if (++this.#sinceReorder < reorderGap || !this.#chance(reorder)) return false
    this.#sinceReorder = 0
    return true
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
      const count = this.#ring.take(nowMs, this.#batch, this.meter)
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

  #flipBit(slot: number, length: number): void {
    const bit = this.#random.below(length * 8)
    this.#arena.bytes[this.#arena.start(slot) + (bit >> 3)]! ^= 0x80 >> (bit & 7)
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
