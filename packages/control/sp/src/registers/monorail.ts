/**
 * Registers of monorail.rsf.
 * GENERATED from it; do not edit.
 */
import type { Bits, BitsInput, RegisterShape, SyncPlatform } from '@lodestone/rsf'
import { RegisterFile, SimulatedRegister, indexIn, outOfRange, undeclared } from '@lodestone/rsf'

/** State of a line. */
export const Line = {
  /** It cannot be told. */
  Error: 'Line.Error',
  /** Nobody answers. */
  Down: 'Line.Down',
  /** Somebody answers. */
  Up: 'Line.Up',
} as const
export type Line = (typeof Line)[keyof typeof Line]

/** The bits of a value of Line. Throws RangeError for what is none. */
export function encodeLine(value: Line): number {
  switch (value) {
    case 'Line.Error':
      return 0x0
    case 'Line.Down':
      return 0x1
    case 'Line.Up':
      return 0x2
    default:
      throw undeclared(value, 'Line')
  }
}

/** The value with these 2 bits, or undefined when none is declared. */
export function decodeLine(raw: number): Line | undefined {
  switch (raw) {
    case 0x0:
      return 'Line.Error'
    case 0x1:
      return 'Line.Down'
    case 0x2:
      return 'Line.Up'
    default:
      return undefined
  }
}

/** What a port shall do. */
export class Config {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Config.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** The only VLAN that it belongs to. */
  get vlan(): Bits<12> {
    return (this.#raw & 0xfff) as Bits<12>
  }

  /** It passes datagrams on. */
  get open(): boolean {
    return (this.#raw & 0x1000) !== 0
  }

  /** There is something at the port on this board. */
  get fitted(): boolean {
    return (this.#raw & 0x2000) !== 0
  }

  toString(): string {
    return `Config(0x${this.raw.toString(16)}) vlan=${this.vlan} open=${this.open} fitted=${this.fitted}`
  }
}

/** How the line of a port is. */
export class Status {
  /** After a reset. */
  static readonly RESET = 0x0
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [
    ['link_was_down', 'access', 'w1c'],
    ['media_was_down', 'access', 'w1c'],
  ] as const
  readonly #raw: number

  constructor(raw: number = Status.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** From the switch. */
  get link(): Line | undefined {
    return decodeLine(this.#raw & 0x3)
  }

  /** The bits of link, declared or not. */
  get linkRaw(): Bits<2> {
    return (this.#raw & 0x3) as Bits<2>
  }

  /** The port has a transceiver of its own. */
  get phy(): boolean {
    return (this.#raw & 0x4) !== 0
  }

  /** From the switch to the transceiver. */
  get mac(): Line | undefined {
    return decodeLine((this.#raw >>> 4) & 0x3)
  }

  /** The bits of mac, declared or not. */
  get macRaw(): Bits<2> {
    return ((this.#raw >>> 4) & 0x3) as Bits<2>
  }

  /** From the transceiver to the other end. */
  get media(): Line | undefined {
    return decodeLine((this.#raw >>> 6) & 0x3)
  }

  /** The bits of media, declared or not. */
  get mediaRaw(): Bits<2> {
    return ((this.#raw >>> 6) & 0x3) as Bits<2>
  }

  /**
   * The line was down since somebody looked.
   * (Access: w1c.)
   */
  get linkWasDown(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  /**
   * The transceiver's line was down since somebody looked.
   * (Access: w1c.)
   */
  get mediaWasDown(): boolean {
    return (this.#raw & 0x200) !== 0
  }

  toString(): string {
    return `Status(0x${this.raw.toString(16)}) link=${this.link} phy=${this.phy} mac=${this.mac} media=${this.media} linkWasDown=${this.linkWasDown} mediaWasDown=${this.mediaWasDown}`
  }
}

/** A count; it starts anew when it is full. */
export class Count {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Count.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** How many. */
  get count(): Bits<32> {
    return (this.#raw >>> 0) as Bits<32>
  }

  toString(): string {
    return `Count(0x${this.raw.toString(16)}) count=${this.count}`
  }
}

// The engine folds a constant; the binding of a class it loads and checks at every `new`.
const configClass = Config
const statusClass = Status
const countClass = Count

/** Fields of Config that can be written. */
export interface ConfigFields {
  /** The only VLAN that it belongs to. */
  readonly vlan?: BitsInput<12>
  /** It passes datagrams on. */
  readonly open?: boolean
}

// On the bits themselves: no value is made for it.
function patchConfig(raw: number, fields: ConfigFields): number {
  let bits = raw
  {
    const field = fields.vlan
    if (field !== undefined) {
      if ((field & 0xfff) !== field) throw outOfRange(field, 12, 'Config.vlan')
      bits = (bits & ~0xfff) | field
    }
  }
  {
    const field = fields.open
    if (field !== undefined) {
      bits = field ? bits | 0x1000 : bits & ~0x1000
    }
  }
  return bits >>> 0
}

/** Fields of Status that can be written. */
export interface StatusFields {
  /**
   * The line was down since somebody looked.
   * (Access: w1c.)
   */
  readonly linkWasDown?: boolean
  /**
   * The transceiver's line was down since somebody looked.
   * (Access: w1c.)
   */
  readonly mediaWasDown?: boolean
}

// On the bits themselves: no value is made for it.
function patchStatus(raw: number, fields: StatusFields): number {
  let bits = raw
  {
    const field = fields.linkWasDown
    if (field !== undefined) {
      bits = field ? bits | 0x100 : bits & ~0x100
    }
  }
  {
    const field = fields.mediaWasDown
    if (field !== undefined) {
      bits = field ? bits | 0x200 : bits & ~0x200
    }
  }
  return bits >>> 0
}

/** Reaches a Config. */
export class ConfigRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Config {
    return new configClass(this.#platform.read(this.address, 32))
  }

  write(value: Config): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: ConfigFields): void {
    this.#platform.write(this.address, patchConfig(Config.RESET, fields), 32)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  update(fields: ConfigFields): void {
    this.#platform.write(this.address, patchConfig(this.#platform.read(this.address, 32), fields), 32)
  }
}

/** Reaches a Status. */
export class StatusRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Status {
    return new statusClass(this.#platform.read(this.address, 32))
  }

  write(value: Status): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: StatusFields): void {
    this.#platform.write(this.address, patchStatus((Status.RESET & ~0x300) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: StatusFields): void {
    this.#platform.write(this.address, patchStatus((this.#platform.read(this.address, 32) & ~0x300) >>> 0, fields), 32)
  }
}

/** Reaches a Count. */
export class CountRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Count {
    return new countClass(this.#platform.read(this.address, 32))
  }
}

/** One port. */
export class PortBlock {
  /** In bytes. */
  readonly address: number
  /** What it shall do. */
  readonly config: ConfigRegister
  /** How its line is. */
  readonly status: StatusRegister
  /** Datagrams to one receiver that came in. */
  readonly rxUnicast: CountRegister
  /** Datagrams to many receivers that came in. */
  readonly rxMulticast: CountRegister
  /** Datagrams to one receiver that went out. */
  readonly txUnicast: CountRegister
  /** Datagrams to many receivers that went out. */
  readonly txMulticast: CountRegister
  /** Datagrams that were not passed on because the port is closed. */
  readonly closed: CountRegister
  /** Datagrams that were not passed on because their tag is another port's, or absent. */
  readonly wrongVlan: CountRegister

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.config = new ConfigRegister(platform, address)
    this.status = new StatusRegister(platform, address + 0x4)
    this.rxUnicast = new CountRegister(platform, address + 0x8)
    this.rxMulticast = new CountRegister(platform, address + 0xc)
    this.txUnicast = new CountRegister(platform, address + 0x10)
    this.txMulticast = new CountRegister(platform, address + 0x14)
    this.closed = new CountRegister(platform, address + 0x18)
    this.wrongVlan = new CountRegister(platform, address + 0x1c)
  }
}

/** Everything that the service processor sees of the management switch. */
export class MainBlock {
  /** In bytes. */
  readonly address: number
  readonly portsCount = 43
  readonly #ports: PortBlock[] = []
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.#platform = platform
  }

  /**
   * The ports.
   * Index 0 to 42; throws RangeError for another.
   */
  ports(index: number): PortBlock {
    const known = this.#ports[index]
    if (known !== undefined) return known
    indexIn(index, 43, 'MainBlock.ports')
    return (this.#ports[index] = new PortBlock(this.#platform, this.address + index * 0x20))
  }
}

/** A client of the whole device; `address` (bytes) is where the platform has it. */
export function monorailClient(platform: SyncPlatform, address = 0): MainBlock {
  return new MainBlock(platform, address)
}

/** What a simulated device sees of Config: every field, both ways. */
export class SimulatedConfig {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedConfig.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** The only VLAN that it belongs to. */
  get vlan(): Bits<12> {
    return (this.#raw & 0xfff) as Bits<12>
  }

  set vlan(value: BitsInput<12>) {
    if ((value & 0xfff) !== value) throw outOfRange(value, 12, 'SimulatedConfig.vlan')
    this.#raw = (this.#raw & ~0xfff) | value
  }

  /** It passes datagrams on. */
  get open(): boolean {
    return (this.#raw & 0x1000) !== 0
  }

  set open(value: boolean) {
    this.#raw = value ? this.#raw | 0x1000 : this.#raw & ~0x1000
  }

  /** There is something at the port on this board. */
  get fitted(): boolean {
    return (this.#raw & 0x2000) !== 0
  }

  set fitted(value: boolean) {
    this.#raw = value ? this.#raw | 0x2000 : this.#raw & ~0x2000
  }

  toString(): string {
    return `SimulatedConfig(0x${this.raw.toString(16)}) vlan=${this.vlan} open=${this.open} fitted=${this.fitted}`
  }
}

/** What a simulated device sees of Status: every field, both ways. */
export class SimulatedStatus {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedStatus.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** From the switch. */
  get link(): Line | undefined {
    return decodeLine(this.#raw & 0x3)
  }

  /** The bits of link, declared or not. */
  get linkRaw(): Bits<2> {
    return (this.#raw & 0x3) as Bits<2>
  }

  set link(value: Line) {
    this.#raw =
      (this.#raw & ~0x3) |
      (value === 'Line.Error' ? 0x0 : value === 'Line.Down' ? 0x1 : value === 'Line.Up' ? 0x2 : encodeLine(value))
  }

  /** The port has a transceiver of its own. */
  get phy(): boolean {
    return (this.#raw & 0x4) !== 0
  }

  set phy(value: boolean) {
    this.#raw = value ? this.#raw | 0x4 : this.#raw & ~0x4
  }

  /** From the switch to the transceiver. */
  get mac(): Line | undefined {
    return decodeLine((this.#raw >>> 4) & 0x3)
  }

  /** The bits of mac, declared or not. */
  get macRaw(): Bits<2> {
    return ((this.#raw >>> 4) & 0x3) as Bits<2>
  }

  set mac(value: Line) {
    this.#raw =
      (this.#raw & ~0x30) |
      ((value === 'Line.Error' ? 0x0 : value === 'Line.Down' ? 0x1 : value === 'Line.Up' ? 0x2 : encodeLine(value)) <<
        4)
  }

  /** From the transceiver to the other end. */
  get media(): Line | undefined {
    return decodeLine((this.#raw >>> 6) & 0x3)
  }

  /** The bits of media, declared or not. */
  get mediaRaw(): Bits<2> {
    return ((this.#raw >>> 6) & 0x3) as Bits<2>
  }

  set media(value: Line) {
    this.#raw =
      (this.#raw & ~0xc0) |
      ((value === 'Line.Error' ? 0x0 : value === 'Line.Down' ? 0x1 : value === 'Line.Up' ? 0x2 : encodeLine(value)) <<
        6)
  }

  /**
   * The line was down since somebody looked.
   * (Access: w1c.)
   */
  get linkWasDown(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  set linkWasDown(value: boolean) {
    this.#raw = value ? this.#raw | 0x100 : this.#raw & ~0x100
  }

  /**
   * The transceiver's line was down since somebody looked.
   * (Access: w1c.)
   */
  get mediaWasDown(): boolean {
    return (this.#raw & 0x200) !== 0
  }

  set mediaWasDown(value: boolean) {
    this.#raw = value ? this.#raw | 0x200 : this.#raw & ~0x200
  }

  toString(): string {
    return `SimulatedStatus(0x${this.raw.toString(16)}) link=${this.link} phy=${this.phy} mac=${this.mac} media=${this.media} linkWasDown=${this.linkWasDown} mediaWasDown=${this.mediaWasDown}`
  }
}

/** What a simulated device sees of Count: every field, both ways. */
export class SimulatedCount {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedCount.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** How many. */
  get count(): Bits<32> {
    return (this.#raw >>> 0) as Bits<32>
  }

  set count(value: BitsInput<32>) {
    if (value >>> 0 !== value) throw outOfRange(value, 32, 'SimulatedCount.count')
    this.#raw = (this.#raw & ~0xffffffff) | value
  }

  toString(): string {
    return `SimulatedCount(0x${this.raw.toString(16)}) count=${this.count}`
  }
}

const configShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x1fffn,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xffffc000n,
}

export function simulateConfig(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedConfig> {
  const register = new SimulatedRegister(path, address, configShape, (raw) => new SimulatedConfig(Number(raw)))
  file.add(register)
  return register
}

const statusShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x300n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfffffc08n,
}

export function simulateStatus(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedStatus> {
  const register = new SimulatedRegister(path, address, statusShape, (raw) => new SimulatedStatus(Number(raw)))
  file.add(register)
  return register
}

const countShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0x0n,
}

export function simulateCount(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedCount> {
  const register = new SimulatedRegister(path, address, countShape, (raw) => new SimulatedCount(Number(raw)))
  file.add(register)
  return register
}

/** The device's side of Port. */
export class PortSimulation {
  /** What it shall do. */
  readonly config: SimulatedRegister<SimulatedConfig>
  /** How its line is. */
  readonly status: SimulatedRegister<SimulatedStatus>
  /** Datagrams to one receiver that came in. */
  readonly rxUnicast: SimulatedRegister<SimulatedCount>
  /** Datagrams to many receivers that came in. */
  readonly rxMulticast: SimulatedRegister<SimulatedCount>
  /** Datagrams to one receiver that went out. */
  readonly txUnicast: SimulatedRegister<SimulatedCount>
  /** Datagrams to many receivers that went out. */
  readonly txMulticast: SimulatedRegister<SimulatedCount>
  /** Datagrams that were not passed on because the port is closed. */
  readonly closed: SimulatedRegister<SimulatedCount>
  /** Datagrams that were not passed on because their tag is another port's, or absent. */
  readonly wrongVlan: SimulatedRegister<SimulatedCount>

  constructor(file: RegisterFile, path = '', address = 0) {
    this.config = simulateConfig(file, `${path}config`, address)
    this.status = simulateStatus(file, `${path}status`, address + 0x4)
    this.rxUnicast = simulateCount(file, `${path}rx_unicast`, address + 0x8)
    this.rxMulticast = simulateCount(file, `${path}rx_multicast`, address + 0xc)
    this.txUnicast = simulateCount(file, `${path}tx_unicast`, address + 0x10)
    this.txMulticast = simulateCount(file, `${path}tx_multicast`, address + 0x14)
    this.closed = simulateCount(file, `${path}closed`, address + 0x18)
    this.wrongVlan = simulateCount(file, `${path}wrong_vlan`, address + 0x1c)
  }
}

/** The device's side of Main. */
export class MainSimulation {
  readonly portsCount = 43
  readonly #ports: PortSimulation[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    for (let index = 0; index < 43; index++) {
      this.#ports.push(new PortSimulation(file, `${path}ports/${index}/`, address + index * 0x20))
    }
  }

  /**
   * The ports.
   * Index 0 to 42; throws RangeError for another.
   */
  ports(index: number): PortSimulation {
    // Because the index was checked just here.
    return this.#ports[indexIn(index, 43, 'ports')]!
  }
}

/** A simulated device: `platform` for its driver, `device` to play it. */
export function monorailSimulation(): { readonly platform: RegisterFile; readonly device: MainSimulation } {
  const platform = new RegisterFile()
  return { platform, device: new MainSimulation(platform) }
}
