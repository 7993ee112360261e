/**
 * Frames that wait for the wire, where a discipline other than drop-tail decides who leaves. (Drop-tail needs no queue: when a
 * frame will leave is known as it comes.) A ring of slots with the times they came.
 *
 * Invariant: every slot that comes in goes out by `take`, by `clear`, or by the drop callback, once.
 */
import type { Arena } from '@lodestone/frame'
import type { Random } from '@lodestone/host'
import { Codel } from './codel.ts'
import type { QueueDiscipline } from './discipline.ts'
import { markCongestion } from './ecn-mark.ts'
import { Red } from './red.ts'

export interface WireQueueOptions {
  readonly arena: Arena
  readonly random: Random
  readonly discipline: QueueDiscipline
  readonly limitBytes: number
  /** The queue is full, or the discipline wants the frame gone early. The slot is the callee's. */
  readonly onDrop: (slot: number, isEarly: boolean) => void
  readonly onMark: () => void
}

export class WireQueue {
  readonly discipline: QueueDiscipline
  readonly limitBytes: number
  readonly #arena: Arena
  readonly #random: Random
  readonly #onDrop: (slot: number, isEarly: boolean) => void
  readonly #onMark: () => void
  readonly #codel: Codel | undefined
  readonly #red: Red | undefined
  readonly #marks: boolean
  #slots = new Int32Array(64)
  #cameMs = new Float64Array(64)
  #head = 0
  #count = 0
  #bytes = 0

  constructor(options: WireQueueOptions) {
    const { discipline } = options
    this.discipline = discipline
    this.limitBytes = options.limitBytes
    this.#arena = options.arena
    this.#random = options.random
    this.#onDrop = options.onDrop
    this.#onMark = options.onMark
    this.#codel = discipline.kind === 'codel' ? new Codel(discipline.targetMs, discipline.intervalMs) : undefined
    this.#red = discipline.kind === 'red' ? new Red(discipline) : undefined
    this.#marks = (discipline.kind === 'codel' || discipline.kind === 'red') && discipline.ecn === true
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @param frameMs how long this frame takes on the wire. @returns whether it waits now. */
  push(slot: number, nowMs: number, frameMs: number): boolean {
    const length = this.#arena.length(slot)
    if (this.#red !== undefined && this.#red.shouldDrop(nowMs, this.#bytes, frameMs, this.#random)) {
      if (!this.#mark(slot)) {
        this.#onDrop(slot, true)
        return false
      }
    }
    if (this.discipline.kind === 'drop-head') {
      while (this.#count > 0 && this.#bytes + length > this.limitBytes) this.#onDrop(this.#shift(), false)
    } else if (this.#count > 0 && this.#bytes + length > this.limitBytes) {
      this.#onDrop(slot, false)
      return false
    }
    if (this.#count === this.#slots.length) this.#grow()
    const at = (this.#head + this.#count++) & (this.#slots.length - 1)
    this.#slots[at] = slot
    this.#cameMs[at] = nowMs
    this.#bytes += length
    return true
  }

  /** The frame that leaves at `nowMs`, or -1. */
  take(nowMs: number): number {
    for (let isFirst = true; this.#count > 0; isFirst = false) {
      const waitMs = nowMs - this.#cameMs[this.#head]!
      const backlog = this.#bytes
      const slot = this.#shift()
      if (this.#codel === undefined || !this.#codel.shouldDrop(nowMs, waitMs, backlog, isFirst)) {
        if (this.#count === 0) this.#onEmpty(nowMs)
        return slot
      }
      if (this.#mark(slot)) return slot
      this.#onDrop(slot, true)
    }
    this.#onEmpty(nowMs)
    return -1
  }

  /** Hands every frame to `each`, the oldest first. */
  clear(each: (slot: number) => void): void {
    while (this.#count > 0) each(this.#shift())
  }

  #onEmpty(nowMs: number): void {
    this.#red?.onEmpty(nowMs)
    this.#codel?.onEmpty()
  }

  #mark(slot: number): boolean {
    if (!this.#marks) return false
    if (!markCongestion(this.#arena.bytes, this.#arena.start(slot), this.#arena.length(slot))) return false
    this.#onMark()
    return true
  }

  #shift(): number {
    const slot = this.#slots[this.#head]!
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.#count--
    this.#bytes -= this.#arena.length(slot)
    return slot
  }

  #grow(): void {
    const capacity = this.#slots.length
    const slots = new Int32Array(capacity * 2)
    const cameMs = new Float64Array(capacity * 2)
    for (let i = 0; i < this.#count; i++) {
      slots[i] = this.#slots[(this.#head + i) & (capacity - 1)]!
      cameMs[i] = this.#cameMs[(this.#head + i) & (capacity - 1)]!
    }
    this.#slots = slots
    this.#cameMs = cameMs
    this.#head = 0
  }
}
