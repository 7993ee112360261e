/**
 * Registers of fan-controller.rsf.
 * GENERATED from it; do not edit.
 */
import type { Bits, BitsInput, RegisterShape, SyncPlatform } from '@lodestone/rsf'
import { RegisterFile, SimulatedRegister, indexIn, outOfRange } from '@lodestone/rsf'

/** Watchdog of the controller. */
export class Control {
  /** After a reset. */
  static readonly RESET = 0xa
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [['feed', 'access', 'pulse']] as const
  readonly #raw: number

  constructor(raw: number = Control.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Seconds after which fans go to full speed unless fed; 0 switches the watchdog off. */
  get watchdogS(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  /** Nobody was in control in time: fans run at full speed whatever their duty is. */
  get expired(): boolean {
    return (this.#raw & 0x10000) !== 0
  }

  toString(): string {
    return `Control(0x${this.raw.toString(16)}) watchdogS=${this.watchdogS} expired=${this.expired}`
  }
}

/** Alarms; each stays until it is cleared by writing 1. */
export class Alarms {
  /** After a reset. */
  static readonly RESET = 0x0
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [
    ['stalled', 'access', 'w1c'],
    ['watchdog', 'access', 'w1c'],
  ] as const
  readonly #raw: number

  constructor(raw: number = Alarms.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /**
   * Fans that stood still although they were driven, one bit each.
   * (Access: w1c.)
   */
  get stalled(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  /**
   * The watchdog expired.
   * (Access: w1c.)
   */
  get watchdog(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  toString(): string {
    return `Alarms(0x${this.raw.toString(16)}) stalled=${this.stalled} watchdog=${this.watchdog}`
  }
}

/** One fan. */
export class Fan {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Fan.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Thousandths of full power. */
  get permille(): Bits<10> {
    return (this.#raw & 0x3ff) as Bits<10>
  }

  /** It is plugged in. */
  get present(): boolean {
    return (this.#raw & 0x1000) !== 0
  }

  /** Turns a minute. */
  get rpm(): Bits<15> {
    return ((this.#raw >>> 16) & 0x7fff) as Bits<15>
  }

  toString(): string {
    return `Fan(0x${this.raw.toString(16)}) permille=${this.permille} present=${this.present} rpm=${this.rpm}`
  }
}

// The engine folds a constant; the binding of a class it loads and checks at every `new`.
const controlClass = Control
const alarmsClass = Alarms
const fanClass = Fan

/** Fields of Control that can be written. */
export interface ControlFields {
  /** Seconds after which fans go to full speed unless fed; 0 switches the watchdog off. */
  readonly watchdogS?: BitsInput<8>
  /**
   * Says that somebody is in control.
   * (Access: pulse.)
   */
  readonly feed?: boolean
}

// On the bits themselves: no value is made for it.
function patchControl(raw: number, fields: ControlFields): number {
  let bits = raw
  {
    const field = fields.watchdogS
    if (field !== undefined) {
      if ((field & 0xff) !== field) throw outOfRange(field, 8, 'Control.watchdogS')
      bits = (bits & ~0xff) | field
    }
  }
  {
    const field = fields.feed
    if (field !== undefined) {
      bits = field ? bits | 0x100 : bits & ~0x100
    }
  }
  return bits >>> 0
}

/** Fields of Alarms that can be written. */
export interface AlarmsFields {
  /**
   * Fans that stood still although they were driven, one bit each.
   * (Access: w1c.)
   */
  readonly stalled?: BitsInput<8>
  /**
   * The watchdog expired.
   * (Access: w1c.)
   */
  readonly watchdog?: boolean
}

// On the bits themselves: no value is made for it.
function patchAlarms(raw: number, fields: AlarmsFields): number {
  let bits = raw
  {
    const field = fields.stalled
    if (field !== undefined) {
      if ((field & 0xff) !== field) throw outOfRange(field, 8, 'Alarms.stalled')
      bits = (bits & ~0xff) | field
    }
  }
  {
    const field = fields.watchdog
    if (field !== undefined) {
      bits = field ? bits | 0x100 : bits & ~0x100
    }
  }
  return bits >>> 0
}

/** Fields of Fan that can be written. */
export interface FanFields {
  /** Thousandths of full power. */
  readonly permille?: BitsInput<10>
}

// On the bits themselves: no value is made for it.
function patchFan(raw: number, fields: FanFields): number {
  let bits = raw
  {
    const field = fields.permille
    if (field !== undefined) {
      if ((field & 0x3ff) !== field) throw outOfRange(field, 10, 'Fan.permille')
      bits = (bits & ~0x3ff) | field
    }
  }
  return bits >>> 0
}

/** Reaches a Control. */
export class ControlRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Control {
    return new controlClass(this.#platform.read(this.address, 32))
  }

  write(value: Control): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: ControlFields): void {
    this.#platform.write(this.address, patchControl((Control.RESET & ~0x100) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: ControlFields): void {
    this.#platform.write(this.address, patchControl((this.#platform.read(this.address, 32) & ~0x100) >>> 0, fields), 32)
  }
}

/** Reaches a Alarms. */
export class AlarmsRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Alarms {
    return new alarmsClass(this.#platform.read(this.address, 32))
  }

  write(value: Alarms): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: AlarmsFields): void {
    this.#platform.write(this.address, patchAlarms((Alarms.RESET & ~0x1ff) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: AlarmsFields): void {
    this.#platform.write(this.address, patchAlarms((this.#platform.read(this.address, 32) & ~0x1ff) >>> 0, fields), 32)
  }
}

/** Reaches a Fan. */
export class FanRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Fan {
    return new fanClass(this.#platform.read(this.address, 32))
  }

  write(value: Fan): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: FanFields): void {
    this.#platform.write(this.address, patchFan(Fan.RESET, fields), 32)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  update(fields: FanFields): void {
    this.#platform.write(this.address, patchFan(this.#platform.read(this.address, 32), fields), 32)
  }
}

/** Everything that the service processor sees of the fan controller. */
export class MainBlock {
  /** In bytes. */
  readonly address: number
  /** Watchdog and alarms. */
  readonly control: ControlRegister
  /** Alarms that were raised; written 1 to clear. */
  readonly alarms: AlarmsRegister
  readonly fansCount = 8
  readonly #fans: FanRegister[] = []
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.#platform = platform
    this.control = new ControlRegister(platform, address)
    this.alarms = new AlarmsRegister(platform, address + 0x4)
  }

  /**
   * The fans.
   * Index 0 to 7; throws RangeError for another.
   */
  fans(index: number): FanRegister {
    const known = this.#fans[index]
    if (known !== undefined) return known
    indexIn(index, 8, 'MainBlock.fans')
    return (this.#fans[index] = new FanRegister(this.#platform, this.address + 0x20 + index * 0x4))
  }
}

/** A client of the whole device; `address` (bytes) is where the platform has it. */
export function fanControllerClient(platform: SyncPlatform, address = 0): MainBlock {
  return new MainBlock(platform, address)
}

/** What a simulated device sees of Control: every field, both ways. */
export class SimulatedControl {
  /** After a reset. */
  static readonly RESET = 0xa
  #raw: number

  constructor(raw: number = SimulatedControl.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Seconds after which fans go to full speed unless fed; 0 switches the watchdog off. */
  get watchdogS(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  set watchdogS(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedControl.watchdogS')
    this.#raw = (this.#raw & ~0xff) | value
  }

  /**
   * Says that somebody is in control.
   * (Access: pulse.)
   */
  get feed(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  set feed(value: boolean) {
    this.#raw = value ? this.#raw | 0x100 : this.#raw & ~0x100
  }

  /** Nobody was in control in time: fans run at full speed whatever their duty is. */
  get expired(): boolean {
    return (this.#raw & 0x10000) !== 0
  }

  set expired(value: boolean) {
    this.#raw = value ? this.#raw | 0x10000 : this.#raw & ~0x10000
  }

  toString(): string {
    return `SimulatedControl(0x${this.raw.toString(16)}) watchdogS=${this.watchdogS} feed=${this.feed} expired=${this.expired}`
  }
}

/** What a simulated device sees of Alarms: every field, both ways. */
export class SimulatedAlarms {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedAlarms.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /**
   * Fans that stood still although they were driven, one bit each.
   * (Access: w1c.)
   */
  get stalled(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  set stalled(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedAlarms.stalled')
    this.#raw = (this.#raw & ~0xff) | value
  }

  /**
   * The watchdog expired.
   * (Access: w1c.)
   */
  get watchdog(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  set watchdog(value: boolean) {
    this.#raw = value ? this.#raw | 0x100 : this.#raw & ~0x100
  }

  toString(): string {
    return `SimulatedAlarms(0x${this.raw.toString(16)}) stalled=${this.stalled} watchdog=${this.watchdog}`
  }
}

/** What a simulated device sees of Fan: every field, both ways. */
export class SimulatedFan {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedFan.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Thousandths of full power. */
  get permille(): Bits<10> {
    return (this.#raw & 0x3ff) as Bits<10>
  }

  set permille(value: BitsInput<10>) {
    if ((value & 0x3ff) !== value) throw outOfRange(value, 10, 'SimulatedFan.permille')
    this.#raw = (this.#raw & ~0x3ff) | value
  }

  /** It is plugged in. */
  get present(): boolean {
    return (this.#raw & 0x1000) !== 0
  }

  set present(value: boolean) {
    this.#raw = value ? this.#raw | 0x1000 : this.#raw & ~0x1000
  }

  /** Turns a minute. */
  get rpm(): Bits<15> {
    return ((this.#raw >>> 16) & 0x7fff) as Bits<15>
  }

  set rpm(value: BitsInput<15>) {
    if ((value & 0x7fff) !== value) throw outOfRange(value, 15, 'SimulatedFan.rpm')
    this.#raw = (this.#raw & ~0x7fff0000) | (value << 16)
  }

  toString(): string {
    return `SimulatedFan(0x${this.raw.toString(16)}) permille=${this.permille} present=${this.present} rpm=${this.rpm}`
  }
}

const controlShape: RegisterShape = {
  widthBits: 32,
  reset: 0xan,
  readable: 0xfffffeffn,
  writable: 0xffn,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfffefe00n,
}

export function simulateControl(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedControl> {
  const register = new SimulatedRegister(path, address, controlShape, (raw) => new SimulatedControl(Number(raw)))
  file.add(register)
  return register
}

const alarmsShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x1ffn,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfffffe00n,
}

export function simulateAlarms(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedAlarms> {
  const register = new SimulatedRegister(path, address, alarmsShape, (raw) => new SimulatedAlarms(Number(raw)))
  file.add(register)
  return register
}

const fanShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x3ffn,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0x8000ec00n,
}

export function simulateFan(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedFan> {
  const register = new SimulatedRegister(path, address, fanShape, (raw) => new SimulatedFan(Number(raw)))
  file.add(register)
  return register
}

/** The device's side of Main. */
export class MainSimulation {
  /** Watchdog and alarms. */
  readonly control: SimulatedRegister<SimulatedControl>
  /** Alarms that were raised; written 1 to clear. */
  readonly alarms: SimulatedRegister<SimulatedAlarms>
  readonly fansCount = 8
  readonly #fans: SimulatedRegister<SimulatedFan>[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    this.control = simulateControl(file, `${path}control`, address)
    this.alarms = simulateAlarms(file, `${path}alarms`, address + 0x4)
    for (let index = 0; index < 8; index++) {
      this.#fans.push(simulateFan(file, `${path}fans/${index}`, address + 0x20 + index * 0x4))
    }
  }

  /**
   * The fans.
   * Index 0 to 7; throws RangeError for another.
   */
  fans(index: number): SimulatedRegister<SimulatedFan> {
    // Because the index was checked just here.
    return this.#fans[indexIn(index, 8, 'fans')]!
  }
}

/** A simulated device: `platform` for its driver, `device` to play it. */
export function fanControllerSimulation(): { readonly platform: RegisterFile; readonly device: MainSimulation } {
  const platform = new RegisterFile()
  return { platform, device: new MainSimulation(platform) }
}
