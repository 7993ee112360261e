/** The undo log of the last packet from the host's side (see `undo-log.ts` of `@lodestone/p4` for its form). */
import { CELL, type Generated, UNDO_BYTES, UNDO_RECORD_BYTES } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'

/** What a packet's writes replaced, to be put back and forth. */
export class ReplacedState {
  readonly #state: StateMemory
  /** In units of 8 bytes. */
  readonly #addresses: Int32Array
  readonly #values: BigUint64Array

  constructor(state: StateMemory, addresses: Int32Array, values: BigUint64Array) {
    this.#state = state
    this.#addresses = addresses
    this.#values = values
  }

  /** To the state from before the packet. */
  back(): void {
    for (let k = this.#addresses.length - 1; k >= 0; k--) this.#swap(k)
  }

  /** And to the one after it. */
  forth(): void {
    for (let k = 0; k < this.#addresses.length; k++) this.#swap(k)
  }

  #swap(k: number): void {
    const { u64 } = this.#state
    const address = this.#addresses[k]!
    const value = u64[address]!
    u64[address] = this.#values[k]!
    this.#values[k] = value
  }
}

export class UndoLog {
  readonly #start: number
  readonly #state: StateMemory

  constructor({ layout }: Generated, state: StateMemory) {
    this.#start = layout.undo
    this.#state = state
    state.u32[CELL.undoPosition >> 2] = layout.undo
    state.u32[CELL.undoEnd >> 2] = layout.undo + UNDO_BYTES
  }

  clear(): void {
    this.#state.u32[CELL.undoPosition >> 2] = this.#start
  }

  /** What the last packet replaced; undefined when that did not fit. */
  take(): ReplacedState | undefined {
    const { u32, u64 } = this.#state
    const end = u32[CELL.undoPosition >> 2]!
    if (end > u32[CELL.undoEnd >> 2]!) return undefined
    const count = (end - this.#start) / UNDO_RECORD_BYTES
    const addresses = new Int32Array(count)
    const values = new BigUint64Array(count)
    for (let k = 0; k < count; k++) {
      const at = this.#start + k * UNDO_RECORD_BYTES
      addresses[k] = u32[at >> 2]! >>> 3
      values[k] = u64[(at >> 3) + 1]!
    }
    return new ReplacedState(this.#state, addresses, values)
  }
}
