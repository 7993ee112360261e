/**
 * Keeps an eye on packets while a batch runs, and has those that are dropped replayed. It knows what a replay needs: the
 * frame as it came, the port, and what the packet's writes to registers, meters and the random state replaced.
 *
 * A replay waits until its packet is through: it runs the same module over the same memory. In programs with lasting state
 * the module stops behind each dropped packet, so that the undo log is that packet's.
 */
import type { Arena } from '@lodestone/frame'
import { BATCH_VERDICTS, isStateful, type Program } from '@lodestone/p4'
import type { PacketObserver } from '../explain/observer.ts'
import type { StateMemory } from '../state-memory.ts'
import { DropForensics, type ForensicsScope, NO_PORT } from './drop-forensics.ts'
import { FrameSaver } from './frame-saver.ts'
import type { UndoLog } from './undo-log.ts'

interface Module {
  readonly process: (first: number, count: number) => number
}

export interface DropWatchScope extends Pick<ForensicsScope, 'nowMs' | 'dropReason' | 'explain'> {
  readonly program: Program
  readonly arena: Arena
  readonly state: StateMemory
  readonly undo: UndoLog
  readonly hasUserExterns: boolean
  readonly fast: Module
  /** Makes the variant with an undo log. */
  readonly makeLogged: () => Module
  /** Sends a frame of the arena through, observed and without effect. The frame is given away. */
  readonly tryOut: (slot: number, port: number) => PacketObserver
}

/** What becomes of the packets of a batch. */
export interface Delivery {
  /** Sends packets from one index up to another, as long as that is all there is to do; @returns the first one left. */
  readonly send: (first: number, end: number) => number
  /** Carries out the verdict on one packet. */
  readonly deliver: (index: number, verdict: number) => void
}

interface Suspect {
  readonly frame: Uint8Array
  readonly reason: number
  readonly isRewritten: boolean
}

/** Batches whose frames are saved after a packet was dropped that had been rewritten before. */
const SAVED_BATCHES = 256

export class DropWatch {
  readonly forensics: DropForensics
  readonly #scope: DropWatchScope
  /** Whether a packet may leave something behind that the next one sees. */
  readonly #isStateful: boolean
  #logged: Module | undefined
  /** The packet that is being delivered. */
  #index = 0
  #port = 0
  /** Whether no later packet has run yet. */
  #isLatest = false
  #isSaved = false
  /** Whether a batch runs; what is dropped outside comes from a queue, whose packets are counted only. */
  #isRunning = false
  readonly #suspects: Suspect[] = []
  #frameSaver: FrameSaver | undefined
  #savedBatches = 0

  constructor(scope: DropWatchScope) {
    this.#scope = scope
    this.#isStateful = isStateful(scope.program)
    this.forensics = new DropForensics({
      ...scope,
      replay: (frame, port) => this.#replay(frame, port),
      onSwitch: (isOn) => {
        this.#savedBatches = 0
        if (isOn && this.#isStateful) this.#logged ??= scope.makeLogged()
      },
    })
  }

  /** Runs the batch that lies in memory. */
  process(ports: Int32Array, offset: number, count: number, { send, deliver }: Delivery): void {
    const { i32 } = this.#scope.state
    const module = this.#logged ?? this.#scope.fast
    this.#isSaved = this.#savedBatches > 0
    if (this.#isSaved) {
      this.#savedBatches--
      this.#frameSaver!.save(count)
    }
    this.#isRunning = true
    for (let first = 0; first < count;) {
      const end = module.process(first, count)
      for (; (first = send(first, end)) < end; first++) {
        this.#index = first
        this.#port = ports[offset + first]!
        this.#isLatest = first + 1 === end
        deliver(first, i32[(BATCH_VERDICTS >> 2) + first]!)
        if (this.#suspects.length > 0) this.#investigate()
      }
    }
    this.#isRunning = false
  }

  /** A frame is dropped. `isRewritten`: it may no longer be what arrived. */
  suspect(slot: number, reason: number, isRewritten: boolean): void {
    if (!this.forensics.count(reason, this.#isRunning ? this.#port : NO_PORT)) return
    this.#suspects.push({ frame: this.#scope.arena.peek(slot).slice(), reason, isRewritten })
  }

  #investigate(): void {
    const replaced = this.#isLatest ? this.#scope.undo.take() : undefined
    for (const { frame, reason, isRewritten } of this.#suspects.splice(0)) {
      const notes: string[] = []
      const original = isRewritten ? this.#original(frame, notes) : frame
      if (this.#scope.hasUserExterns) notes.push('user externs were asked again and may have answered differently')
      if (this.#isStateful && replaced === undefined) {
        notes.push('registers, meters and random numbers are as later packets left them')
      }
      replaced?.back()
      this.forensics.investigate(original, this.#port, reason, notes)
      replaced?.forth()
    }
  }

  /** What a rewritten frame was. */
  #original(frame: Uint8Array, notes: string[]): Uint8Array {
    if (this.#isSaved) {
      const saver = this.#frameSaver!
      if (!saver.isWhole(this.#index))
        notes.push(`only the first ${saver.bytes} bytes are certain to be as they arrived`)
      return saver.restore(this.#index, frame)
    }
    notes.push('the frame is as it was when it was dropped; the program may have rewritten its headers before')
    const { arena, state } = this.#scope
    this.#frameSaver ??= new FrameSaver(arena, state)
    this.#savedBatches = SAVED_BATCHES
    return frame
  }

  #replay(frame: Uint8Array, port: number): PacketObserver | undefined {
    const slot = this.#scope.arena.from(frame)
    return slot < 0 ? undefined : this.#scope.tryOut(slot, port)
  }
}
