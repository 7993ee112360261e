/**
 * The state of a packet between two runs of generated code: what the code saved in memory 1, as a block of bytes that can
 * be kept, changed slot by slot, and put back. Cells are little-endian, as `layout.ts` of `@lodestone/p4` lays them out.
 */
import { CELL, type Generated, type Program } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'

type SlotId = Program['headers'][number]['valid']

export class SavedState {
  readonly #state: StateMemory
  readonly #base: number
  /** Bytes of a state. */
  readonly bytes: number
  /** By slot: where its cell begins in a state, and its bytes; 0 bytes for slots that are not saved; bits in images. */
  readonly #offsets: Int32Array
  readonly #sizes: Int32Array
  /** By slot: the first bit of a field of a header image; -1 for cells. An image's fields are in network order. */
  readonly #imageBits: Int32Array
  /** Validity and fields of headers, and how far stacks are filled: what survives when metadata is forgotten. */
  readonly headerSlots: readonly SlotId[]
  /** Fields of headers, without varbits. */
  readonly fieldSlots: readonly SlotId[]
  readonly #headers: Program['headers']
  readonly #scratch: DataView
  /** Of what the code saved; made anew when the memory has grown. */
  #view = new Uint8Array()

  constructor(generated: Generated, state: StateMemory) {
    const { program, layout } = generated
    this.#state = state
    this.#base = layout.replicaSlots
    this.#offsets = new Int32Array(program.slots.length)
    this.#sizes = new Int32Array(program.slots.length)
    this.#imageBits = new Int32Array(program.slots.length).fill(-1)
    let end = this.#base + layout.slotsEnd - layout.slotsStart
    program.slots.forEach((slot, id) => {
      const words = Math.ceil(slot.width / 64)
      const size = slot.kind === 'varbit' ? 8 + 8 * words : slot.width <= 32 ? 4 : 8 * words
      const bit = layout.images.bits.get(id)
      if (bit !== undefined) {
        this.#imageBits[id] = bit - 8 * layout.slotsStart
        this.#sizes[id] = slot.width
        return
      }
      const address = layout.slotAddresses[id]!
      const cell = layout.replicaCells.get(id)
      if (address !== 0) this.#offsets[id] = address - layout.slotsStart
      else if (cell !== undefined) {
        this.#offsets[id] = cell - this.#base
        end = Math.max(end, cell + size)
      } else return
      this.#sizes[id] = size
    })
    this.bytes = end - this.#base
    this.#headers = program.headers
    const kept = new Set<SlotId>()
    for (const header of program.headers) {
      kept.add(header.valid)
      for (const field of header.fields) kept.add(field)
    }
    program.slots.forEach((slot, id) => {
      if (slot.name.endsWith('.nextIndex')) kept.add(id)
    })
    this.headerSlots = [...kept].filter((slot) => this.#sizes[slot]! > 0)
    this.fieldSlots = program.headers
      .flatMap(({ fields }) => fields)
      .filter((slot) => this.#sizes[slot]! > 0 && program.slots[slot]!.kind !== 'varbit')
    this.#scratch = new DataView(new ArrayBuffer(8))
  }

  /** Copies what the code saved last. */
  take(into: Uint8Array): void {
    const { buffer } = this.#state.memory
    if (this.#view.buffer !== buffer) this.#view = new Uint8Array(buffer, this.#base, this.bytes)
    into.set(this.#view)
  }

  /** Puts a state where the code finds it. `consumed`: bytes of the frame that the parser has read. */
  put(from: Uint8Array, consumed: number): void {
    this.#state.bytes.set(from, this.#base)
    this.#state.u32[CELL.replicaConsumed >> 2] = consumed
  }

  /** Bytes that the parser had consumed when the code saved. */
  get consumed(): number {
    return this.#state.u32[CELL.replicaConsumed >> 2]!
  }

  /** The low 32 bits of a slot; 0 where it is unknown. */
  read(from: Uint8Array, slot: SlotId | undefined): number {
    if (slot === undefined || this.#sizes[slot] === 0) return 0
    if (this.#imageBits[slot]! >= 0) {
      const bits = Math.min(32, this.#sizes[slot]!)
      const first = this.#imageBits[slot]! + this.#sizes[slot]! - bits
      let value = 0
      for (let k = 0; k < bits; k++) value = 2 * value + ((from[(first + k) >> 3]! >> (7 - ((first + k) & 7))) & 1)
      return value
    }
    const at = this.#offsets[slot]!
    return (from[at]! | (from[at + 1]! << 8) | (from[at + 2]! << 16) | (from[at + 3]! << 24)) >>> 0
  }

  /** @param value a whole number below 2^53, which must fit the slot. */
  write(into: Uint8Array, slot: SlotId | undefined, value: number): void {
    if (slot === undefined || this.#sizes[slot] === 0) return
    if (this.#imageBits[slot]! >= 0) {
      const last = this.#imageBits[slot]! + this.#sizes[slot]! - 1
      for (let k = 0; k < this.#sizes[slot]!; k++) {
        const mask = 0x80 >> ((last - k) & 7)
        const isSet = Math.floor(value / 2 ** k) % 2 === 1
        const byte = (last - k) >> 3
        into[byte] = isSet ? into[byte]! | mask : into[byte]! & ~mask
      }
      return
    }
    const at = this.#offsets[slot]!
    const high = Math.floor(value / 2 ** 32)
    this.#scratch.setUint32(0, value % 2 ** 32, true)
    this.#scratch.setUint32(4, high, true)
    const count = Math.min(8, this.#sizes[slot]!)
    for (let k = 0; k < count; k++) into[at + k] = this.#scratch.getUint8(k)
  }

  /** Fields of headers that are not valid become zeros, as in a state that nothing but the valid headers was copied to. */
  forgetInvalid(state: Uint8Array): void {
    for (const { valid, fields } of this.#headers) {
      if (this.#sizes[valid] === 0 || this.read(state, valid) !== 0) continue
      for (const slot of fields) {
        if (this.#imageBits[slot]! >= 0) clearBits(state, this.#imageBits[slot]!, this.#sizes[slot]!)
        else state.fill(0, this.#offsets[slot]!, this.#offsets[slot]! + this.#sizes[slot]!)
      }
    }
  }

  copy(from: Uint8Array, into: Uint8Array, slots: readonly SlotId[]): void {
    for (let k = 0; k < slots.length; k++) {
      const slot = slots[k]!
      if (this.#imageBits[slot]! >= 0) {
        copyBits(from, into, this.#imageBits[slot]!, this.#sizes[slot]!)
        continue
      }
      const at = this.#offsets[slot]!
      const end = at + this.#sizes[slot]!
      for (let byte = at; byte < end; byte++) into[byte] = from[byte]!
    }
  }
}

/** The same bits of one state into another. */
function copyBits(from: Uint8Array, into: Uint8Array, first: number, count: number): void {
  const end = first + count
  for (let byte = first >> 3; 8 * byte < end; byte++) {
    const head = Math.max(0, first - 8 * byte)
    const tail = Math.max(0, 8 * byte + 8 - end)
    const mask = (0xff >> head) & (0xff << tail)
    into[byte] = (into[byte]! & ~mask) | (from[byte]! & mask)
  }
}

function clearBits(state: Uint8Array, first: number, count: number): void {
  for (let bit = first; bit < first + count; bit++) state[bit >> 3] = state[bit >> 3]! & ~(0x80 >> (bit & 7))
}
