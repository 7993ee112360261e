/**
 * Watches the runs of one packet: keeps each run's frame, the state it began with and its records, and recounts them. The
 * pipeline calls `before` and `after` around every run of the traced module.
 */
import type { Arena } from '@lodestone/frame'
import { CELL, type Generated } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'
import { type InitialState, type ReadEntry, Recount, type Run } from './recount.ts'
import { TraceReader } from './trace-reader.ts'

export class Watch {
  readonly recount: Recount
  readonly #generated: Generated
  readonly #state: StateMemory
  readonly #arena: Arena
  #frame: Uint8Array = new Uint8Array()
  #initial: InitialState | undefined

  constructor(generated: Generated, state: StateMemory, arena: Arena, readEntry: ReadEntry) {
    this.#generated = generated
    this.#state = state
    this.#arena = arena
    this.recount = new Recount(generated.program, readEntry)
  }

  /** A run over this frame is about to begin. `isContinued`: with the state that lies saved in memory. */
  before(slot: number, isContinued: boolean): void {
    this.#frame = this.#arena.peek(slot).slice()
    const { layout } = this.#generated
    const consumed = this.#state.u32[CELL.replicaConsumed >> 2]!
    this.#initial = isContinued ? savedState(this.#generated, this.#state, layout.replicaSlots, consumed) : undefined
    this.#state.u32[CELL.tracePosition >> 2] = this.#generated.layout.trace
  }

  /** It is over. `origin`: the run that left the state it began with, or -1. */
  after(verdict: number, origin: number): Run {
    const { u32 } = this.#state
    const end = u32[CELL.tracePosition >> 2]!
    const limit = u32[CELL.traceEnd >> 2]!
    const words = u32.slice(this.#generated.layout.trace >> 2, Math.min(end, limit) >> 2)
    const records = new TraceReader(words, 0, words.length, end > limit)
    return this.recount.add(records, this.#frame, { origin, initial: this.#initial, verdict })
  }
}

/** Memory 1, or what was kept of it. */
export interface SavedBytes {
  readonly bytes: Uint8Array
  readonly u32: Uint32Array
  readonly u64: BigUint64Array
}

/**
 * The slots as generated code saved them between two runs.
 * @param base where they lie. @param consumed bytes of the frame that the parser had read.
 */
export function savedState(
  { program, layout }: Generated,
  { u32, u64, bytes }: SavedBytes,
  base: number,
  consumed: number,
): InitialState {
  const slots: bigint[] = []
  const varbitBits: number[] = []
  program.slots.forEach(({ kind, width }, id) => {
    const address = layout.slotAddresses[id]!
    const kept = layout.replicaCells.get(id)
    const inBase = address === 0 ? kept && kept - layout.replicaSlots : address - layout.slotsStart
    const cell = inBase === undefined ? undefined : base + inBase
    let value = 0n
    let length = 0
    const bit = layout.images.bits.get(id)
    if (bit !== undefined) {
      const first = bit + 8 * (base - layout.slotsStart)
      for (let k = first; k < first + width; k++) value = (value << 1n) | BigInt((bytes[k >> 3]! >> (7 - (k & 7))) & 1)
    } else if (cell !== undefined && kind === 'varbit') {
      length = u32[cell >> 2]!
      for (let k = 0; k < length >> 3; k++) value = (value << 8n) | BigInt(bytes[cell + 8 + k]!)
    } else if (cell !== undefined && width <= 32) {
      value = BigInt(u32[cell >> 2]!)
    } else if (cell !== undefined) {
      for (let k = Math.ceil(width / 64) - 1; k >= 0; k--) value = (value << 64n) | u64[(cell >> 3) + k]!
    }
    slots.push(value)
    varbitBits.push(length)
  })
  return { slots, varbitBits, consumed }
}
