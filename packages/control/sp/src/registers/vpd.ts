/**
 * Registers of vpd.rsf.
 * GENERATED from it; do not edit.
 */
import type { Bits, BitsInput, RegisterShape, SyncPlatform } from '@lodestone/rsf'
import { RegisterFile, SimulatedRegister, indexIn, outOfRange } from '@lodestone/rsf'

/** Whether a memory is there. */
export class Presence {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Presence.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** It answers. */
  get present(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  toString(): string {
    return `Presence(0x${this.raw.toString(16)}) present=${this.present}`
  }
}

/** What of a memory cannot be written any more. */
export class Lock {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Lock.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Quarters of the memory that are protected, one bit each. */
  get protect(): Bits<4> {
    return (this.#raw & 0xf) as Bits<4>
  }

  /** The protection is as it is for ever; nothing takes that back. */
  get permanent(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  /** Writes that were refused. */
  get refused(): Bits<16> {
    return ((this.#raw >>> 16) & 0xffff) as Bits<16>
  }

  toString(): string {
    return `Lock(0x${this.raw.toString(16)}) protect=${this.protect} permanent=${this.permanent} refused=${this.refused}`
  }
}

/** Four bytes. */
export class Word {
  /** After a reset. */
  static readonly RESET = 0xffffffff
  readonly #raw: number

  constructor(raw: number = Word.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** The first lowest. */
  get bytes(): Bits<32> {
    return (this.#raw >>> 0) as Bits<32>
  }

  toString(): string {
    return `Word(0x${this.raw.toString(16)}) bytes=${this.bytes}`
  }
}

// The engine folds a constant; the binding of a class it loads and checks at every `new`.
const presenceClass = Presence
const lockClass = Lock
const wordClass = Word

/** Fields of Lock that can be written. */
export interface LockFields {
  /** Quarters of the memory that are protected, one bit each. */
  readonly protect?: BitsInput<4>
  /** The protection is as it is for ever; nothing takes that back. */
  readonly permanent?: boolean
}

// On the bits themselves: no value is made for it.
function patchLock(raw: number, fields: LockFields): number {
  let bits = raw
  {
    const field = fields.protect
    if (field !== undefined) {
      if ((field & 0xf) !== field) throw outOfRange(field, 4, 'Lock.protect')
      bits = (bits & ~0xf) | field
    }
  }
  {
    const field = fields.permanent
    if (field !== undefined) {
      bits = field ? bits | 0x10 : bits & ~0x10
    }
  }
  return bits >>> 0
}

/** Fields of Word that can be written. */
export interface WordFields {
  /** The first lowest. */
  readonly bytes?: BitsInput<32>
}

// On the bits themselves: no value is made for it.
function patchWord(raw: number, fields: WordFields): number {
  let bits = raw
  {
    const field = fields.bytes
    if (field !== undefined) {
      if (field >>> 0 !== field) throw outOfRange(field, 32, 'Word.bytes')
      bits = (bits & ~0xffffffff) | field
    }
  }
  return bits >>> 0
}

/** Reaches a Presence. */
export class PresenceRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Presence {
    return new presenceClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a Lock. */
export class LockRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Lock {
    return new lockClass(this.#platform.read(this.address, 32))
  }

  write(value: Lock): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: LockFields): void {
    this.#platform.write(this.address, patchLock(Lock.RESET, fields), 32)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  update(fields: LockFields): void {
    this.#platform.write(this.address, patchLock(this.#platform.read(this.address, 32), fields), 32)
  }
}

/** Reaches a Word. */
export class WordRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Word {
    return new wordClass(this.#platform.read(this.address, 32))
  }

  write(value: Word): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: WordFields): void {
    this.#platform.write(this.address, patchWord(Word.RESET, fields), 32)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  update(fields: WordFields): void {
    this.#platform.write(this.address, patchWord(this.#platform.read(this.address, 32), fields), 32)
  }
}

/** One identity memory. */
export class MemoryBlock {
  /** In bytes. */
  readonly address: number
  /** Whether it is there. */
  readonly presence: PresenceRegister
  /** What cannot be written any more. */
  readonly lock: LockRegister
  readonly wordsCount = 32
  readonly #words: WordRegister[] = []
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.#platform = platform
    this.presence = new PresenceRegister(platform, address)
    this.lock = new LockRegister(platform, address + 0x4)
  }

  /**
   * Its contents, four bytes in each word, the first lowest.
   * Index 0 to 31; throws RangeError for another.
   */
  words(index: number): WordRegister {
    const known = this.#words[index]
    if (known !== undefined) return known
    indexIn(index, 32, 'MemoryBlock.words')
    return (this.#words[index] = new WordRegister(this.#platform, this.address + 0x80 + index * 0x4))
  }
}

/** Everything that the service processor sees of the identity memories. */
export class MainBlock {
  /** In bytes. */
  readonly address: number
  readonly devicesCount = 4
  readonly #devices: MemoryBlock[] = []
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.#platform = platform
  }

  /**
   * The memories, in the order in which the inventory lists them.
   * Index 0 to 3; throws RangeError for another.
   */
  devices(index: number): MemoryBlock {
    const known = this.#devices[index]
    if (known !== undefined) return known
    indexIn(index, 4, 'MainBlock.devices')
    return (this.#devices[index] = new MemoryBlock(this.#platform, this.address + index * 0x100))
  }
}

/** A client of the whole device; `address` (bytes) is where the platform has it. */
export function vpdClient(platform: SyncPlatform, address = 0): MainBlock {
  return new MainBlock(platform, address)
}

/** What a simulated device sees of Presence: every field, both ways. */
export class SimulatedPresence {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedPresence.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** It answers. */
  get present(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  set present(value: boolean) {
    this.#raw = value ? this.#raw | 0x1 : this.#raw & ~0x1
  }

  toString(): string {
    return `SimulatedPresence(0x${this.raw.toString(16)}) present=${this.present}`
  }
}

/** What a simulated device sees of Lock: every field, both ways. */
export class SimulatedLock {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedLock.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Quarters of the memory that are protected, one bit each. */
  get protect(): Bits<4> {
    return (this.#raw & 0xf) as Bits<4>
  }

  set protect(value: BitsInput<4>) {
    if ((value & 0xf) !== value) throw outOfRange(value, 4, 'SimulatedLock.protect')
    this.#raw = (this.#raw & ~0xf) | value
  }

  /** The protection is as it is for ever; nothing takes that back. */
  get permanent(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  set permanent(value: boolean) {
    this.#raw = value ? this.#raw | 0x10 : this.#raw & ~0x10
  }

  /** Writes that were refused. */
  get refused(): Bits<16> {
    return ((this.#raw >>> 16) & 0xffff) as Bits<16>
  }

  set refused(value: BitsInput<16>) {
    if ((value & 0xffff) !== value) throw outOfRange(value, 16, 'SimulatedLock.refused')
    this.#raw = (this.#raw & ~0xffff0000) | (value << 16)
  }

  toString(): string {
    return `SimulatedLock(0x${this.raw.toString(16)}) protect=${this.protect} permanent=${this.permanent} refused=${this.refused}`
  }
}

/** What a simulated device sees of Word: every field, both ways. */
export class SimulatedWord {
  /** After a reset. */
  static readonly RESET = 0xffffffff
  #raw: number

  constructor(raw: number = SimulatedWord.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** The first lowest. */
  get bytes(): Bits<32> {
    return (this.#raw >>> 0) as Bits<32>
  }

  set bytes(value: BitsInput<32>) {
    if (value >>> 0 !== value) throw outOfRange(value, 32, 'SimulatedWord.bytes')
    this.#raw = (this.#raw & ~0xffffffff) | value
  }

  toString(): string {
    return `SimulatedWord(0x${this.raw.toString(16)}) bytes=${this.bytes}`
  }
}

const presenceShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfffffffen,
}

export function simulatePresence(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedPresence> {
  const register = new SimulatedRegister(path, address, presenceShape, (raw) => new SimulatedPresence(Number(raw)))
  file.add(register)
  return register
}

const lockShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x1fn,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xffe0n,
}

export function simulateLock(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedLock> {
  const register = new SimulatedRegister(path, address, lockShape, (raw) => new SimulatedLock(Number(raw)))
  file.add(register)
  return register
}

const wordShape: RegisterShape = {
  widthBits: 32,
  reset: 0xffffffffn,
  readable: 0xffffffffn,
  writable: 0xffffffffn,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0x0n,
}

export function simulateWord(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedWord> {
  const register = new SimulatedRegister(path, address, wordShape, (raw) => new SimulatedWord(Number(raw)))
  file.add(register)
  return register
}

/** The device's side of Memory. */
export class MemorySimulation {
  /** Whether it is there. */
  readonly presence: SimulatedRegister<SimulatedPresence>
  /** What cannot be written any more. */
  readonly lock: SimulatedRegister<SimulatedLock>
  readonly wordsCount = 32
  readonly #words: SimulatedRegister<SimulatedWord>[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    this.presence = simulatePresence(file, `${path}presence`, address)
    this.lock = simulateLock(file, `${path}lock`, address + 0x4)
    for (let index = 0; index < 32; index++) {
      this.#words.push(simulateWord(file, `${path}words/${index}`, address + 0x80 + index * 0x4))
    }
  }

  /**
   * Its contents, four bytes in each word, the first lowest.
   * Index 0 to 31; throws RangeError for another.
   */
  words(index: number): SimulatedRegister<SimulatedWord> {
    // Because the index was checked just here.
    return this.#words[indexIn(index, 32, 'words')]!
  }
}

/** The device's side of Main. */
export class MainSimulation {
  readonly devicesCount = 4
  readonly #devices: MemorySimulation[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    for (let index = 0; index < 4; index++) {
      this.#devices.push(new MemorySimulation(file, `${path}devices/${index}/`, address + index * 0x100))
    }
  }

  /**
   * The memories, in the order in which the inventory lists them.
   * Index 0 to 3; throws RangeError for another.
   */
  devices(index: number): MemorySimulation {
    // Because the index was checked just here.
    return this.#devices[indexIn(index, 4, 'devices')]!
  }
}

/** A simulated device: `platform` for its driver, `device` to play it. */
export function vpdSimulation(): { readonly platform: RegisterFile; readonly device: MainSimulation } {
  const platform = new RegisterFile()
  return { platform, device: new MainSimulation(platform) }
}
