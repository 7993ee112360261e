/**
 * The identity memories as firmware has them: who the board is, whether each memory is locked, and writes, which a locked
 * memory refuses.
 */
import type { SpError } from '../protocol/error.ts'
import { bits } from '@lodestone/rsf'
import { decode, encode, paddedText, byteArray, struct, u32 } from '../protocol/codec.ts'
import type { MainBlock } from '../registers/vpd.ts'
import type { TaskContext } from './task-context.ts'

export type VpdError = Extract<SpError, { kind: 'Vpd' }>['error']

/** What a board's identity memory says. */
export interface Vpd {
  readonly serialNumber: string
  readonly model: string
  readonly revision: number
  /** Six bytes: the first of the board's addresses. */
  readonly baseMac: Uint8Array
}

/** How it is kept there: text padded with zeros, the revision little-endian, the address. */
const identity = struct({ serialNumber: paddedText(32), model: paddedText(32), revision: u32, baseMac: byteArray(6) })
const MEMORY_BYTES = 128
const ALL_QUARTERS = 0xf

export function encodeVpd(vpd: Vpd): Uint8Array {
  return encode(identity, vpd)
}

export class VpdTask {
  readonly #context: TaskContext
  readonly #registers: MainBlock
  readonly count: number

  /** @param count how many memories the inventory lists; the first is the board's. */
  constructor(context: TaskContext, registers: MainBlock, count: number) {
    this.#context = context
    this.#registers = registers
    this.count = count
  }

  /** Who the board is; undefined when its memory does not answer or says nothing. */
  identity(): Vpd | undefined {
    const bytes = this.read(0)
    if (bytes === undefined) return undefined
    const read = decode(identity, bytes)
    return read.ok ? read.value : undefined
  }

  read(index: number): Uint8Array | undefined {
    if (!this.#isPresent(index)) return undefined
    const device = this.#device(index)
    const bytes = new Uint8Array(4 * device.wordsCount)
    const view = new DataView(bytes.buffer)
    for (let word = 0; word < device.wordsCount; word++) view.setUint32(4 * word, device.words(word).read().bytes, true)
    return bytes
  }

  /** Whether no part of it can be written ever again. */
  isLocked(index: number): boolean | VpdError {
    if (index >= this.count) return 'InvalidDevice'
    if (!this.#isPresent(index)) return 'NotPresent'
    const { protect, permanent } = this.#device(index).lock.read()
    if (!permanent) return false
    return protect === ALL_QUARTERS ? true : 'PartiallyLocked'
  }

  /** Writes it was asked for and refused. */
  refused(index: number): number {
    return this.#device(index).lock.read().refused
  }

  /** For ever. @returns why not. */
  lock(index: number): VpdError | undefined {
    const isLocked = this.isLocked(index)
    if (typeof isLocked === 'string') return isLocked
    if (isLocked) return 'AlreadyLocked'
    this.#device(index).lock.update({ protect: bits(4, ALL_QUARTERS), permanent: true })
    this.#context.trace('packrat', `identity memory ${index} locked`)
    return this.isLocked(index) === true ? undefined : 'BadLock'
  }

  /** @param offset and the length are multiples of four. @returns why it is not written; then it is as it was, or partly written. */
  write(index: number, offset: number, bytes: Uint8Array): VpdError | undefined {
    if (index >= this.count) return 'InvalidDevice'
    if (!this.#isPresent(index)) return 'NotPresent'
    if (offset % 4 !== 0 || offset + bytes.length > MEMORY_BYTES) return 'BadAddress'
    if (bytes.length % 4 !== 0) return 'BadBuffer'
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const device = this.#device(index)
    for (let at = 0; at < bytes.length; at += 4) {
      const value = view.getUint32(at, true)
      const word = device.words((offset + at) / 4)
      word.update({ bytes: bits(32, value) })
      if (word.read().bytes === value) continue
      this.#context.trace('packrat', `identity memory ${index} refused a write at ${offset + at}`)
      return device.lock.read().protect === 0 ? 'BadWrite' : 'IsLocked'
    }
    return undefined
  }

  #device(index: number): ReturnType<MainBlock['devices']> {
    return this.#registers.devices(index)
  }

  /** A bus on which nobody answers reads as ones, in the bits too that are always 0. */
  #isPresent(index: number): boolean {
    return Number(this.#device(index).presence.read().raw) === 1
  }
}
