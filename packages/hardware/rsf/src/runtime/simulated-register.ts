/**
 * One register of a simulated device. The bus sees it through the modes and access attributes of its fields; the
 * device sees and changes every field through a generated state class.
 *
 *   bus read   = bits of readable fields and gaps; then `rc` fields become 0
 *   bus write  = plain rw and wo fields take the value, `w1c` bits written 1 become 0, `w1s` bits written 1 become 1
 *   `pulse` fields store nothing: the hook sees what was written
 *
 * Bits outside all fields, and reserved ones, keep their reset value; a write that would change them is counted.
 */
import type { FileRegister } from './register-file.ts'

/** Masks over the register's bits, by what an access does to them. */
export interface RegisterShape {
  readonly widthBits: number
  readonly reset: bigint
  readonly readable: bigint
  readonly writable: bigint
  readonly w1c: bigint
  readonly w1s: bigint
  readonly readClears: bigint
  readonly reserved: bigint
}

/** A generated class with a getter and a setter for every field. */
export interface RegisterState {
  readonly raw: number | bigint
}

export interface BusWrite<State> {
  /** The bits on the bus, pulse fields too. */
  readonly written: State
  readonly before: State
  readonly after: State
}

export class SimulatedRegister<State extends RegisterState> implements FileRegister {
  readonly path: string
  readonly address: number
  readonly widthBits: number
  readonly counters = { reservedWrites: 0 }
  readonly #masks: Masks
  readonly #stateOf: (raw: bigint) => State
  #content: Content
  #onRead: (() => void) | undefined
  #onWrite: ((write: BusWrite<State>) => void) | undefined

  constructor(path: string, address: number, shape: RegisterShape, stateOf: (raw: bigint) => State) {
    this.path = path
    this.address = address
    this.widthBits = shape.widthBits
    this.#masks = shape.widthBits <= 32 ? narrowMasks(shape) : { isWide: true, ...shape }
    this.#content = this.#masks.reset
    this.#stateOf = stateOf
  }

  /** A copy of the content. */
  get state(): State {
    return this.#stateOf(BigInt(this.#content))
  }

  /** Changes fields from the device's side; no hook is called. */
  update(change: (state: State) => void): void {
    const state = this.state
    change(state)
    this.#content = this.#masks.isWide ? BigInt(state.raw) : Number(state.raw)
  }

  /** Calls `hook` before each read from the bus; it may `update` what will be read. One hook, the last given. */
  onRead(hook: (() => void) | undefined): void {
    this.#onRead = hook
  }

  /** Calls `hook` after each write from the bus. One hook, the last given. */
  onWrite(hook: ((write: BusWrite<State>) => void) | undefined): void {
    this.#onWrite = hook
  }

  reset(): void {
    this.#content = this.#masks.reset
  }

  busRead(): number | bigint {
    this.#onRead?.()
    const masks = this.#masks
    const content = this.#content
    if (masks.isWide) {
      const wide = BigInt(content)
      this.#content = wide & ~masks.readClears
      return wide & masks.readable
    }
    const narrow = Number(content)
    if (masks.readClears !== 0) this.#content = (narrow & ~masks.readClears) >>> 0
    return (narrow & masks.readable) >>> 0
  }

  busWrite(value: number | bigint): void {
    const before = this.#content
    this.#content = this.#masks.isWide
      ? this.#writeWide(BigInt(before), BigInt(value), this.#masks)
      : this.#writeNarrow(Number(before), Number(value), this.#masks)
    if (this.#onWrite === undefined) return
    const written = this.#stateOf(BigInt(value))
    this.#onWrite({ written, before: this.#stateOf(BigInt(before)), after: this.state })
  }

  #writeNarrow(before: number, value: number, masks: NarrowMasks): number {
    if (((before ^ value) & masks.reserved) !== 0) this.counters.reservedWrites += 1
    const stored = (before & ~masks.writable) | (value & masks.writable)
    return ((stored & ~(value & masks.w1c)) | (value & masks.w1s)) >>> 0
  }

  #writeWide(before: bigint, value: bigint, masks: WideMasks): bigint {
    if (((before ^ value) & masks.reserved) !== 0n) this.counters.reservedWrites += 1
    const stored = (before & ~masks.writable) | (value & masks.writable)
    return (stored & ~(value & masks.w1c)) | (value & masks.w1s)
  }
}

/** Up to 32 bits as a number, as on the client's side: no bigint is made unless a hook looks. */
type Content = number | bigint

interface NarrowMasks {
  readonly isWide: false
  readonly reset: number
  readonly readable: number
  readonly writable: number
  readonly w1c: number
  readonly w1s: number
  readonly readClears: number
  readonly reserved: number
}

type WideMasks = RegisterShape & { readonly isWide: true }
type Masks = NarrowMasks | WideMasks

function narrowMasks(shape: RegisterShape): NarrowMasks {
  return {
    isWide: false,
    reset: Number(shape.reset),
    readable: Number(shape.readable),
    writable: Number(shape.writable),
    w1c: Number(shape.w1c),
    w1s: Number(shape.w1s),
    readClears: Number(shape.readClears),
    reserved: Number(shape.reserved),
  }
}
