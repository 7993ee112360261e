/**
 * Registers of sequencer.rsf.
 * GENERATED from it; do not edit.
 */
import type {
  AsyncMemories,
  AsyncPlatform,
  Bits,
  BitsInput,
  RegisterShape,
  SyncMemories,
  SyncPlatform,
  WideAsyncPlatform,
  WideSyncPlatform,
} from '../../src/index.ts'
import { RegisterFile, SimulatedRegister, indexIn, outOfRange, undeclared } from '../../src/index.ts'

/** State of one power rail. */
export const UnitsRailState = {
  /** No voltage is asked for. */
  Off: 'UnitsRailState.Off',
  /** The voltage is on its way up or down. */
  Ramping: 'UnitsRailState.Ramping',
  /** The voltage is within limits. */
  Good: 'UnitsRailState.Good',
  /** The rail was shut down because of a fault. */
  Faulted: 'UnitsRailState.Faulted',
} as const
export type UnitsRailState = (typeof UnitsRailState)[keyof typeof UnitsRailState]

/** The bits of a value of UnitsRailState. Throws RangeError for what is none. */
export function encodeUnitsRailState(value: UnitsRailState): number {
  switch (value) {
    case 'UnitsRailState.Off':
      return 0x0
    case 'UnitsRailState.Ramping':
      return 0x1
    case 'UnitsRailState.Good':
      return 0x2
    case 'UnitsRailState.Faulted':
      return 0x3
    default:
      throw undeclared(value, 'UnitsRailState')
  }
}

/** The value with these 2 bits. */
export function decodeUnitsRailState(raw: number): UnitsRailState {
  switch (raw) {
    case 0x0:
      return 'UnitsRailState.Off'
    case 0x1:
      return 'UnitsRailState.Ramping'
    case 0x2:
      return 'UnitsRailState.Good'
    default:
      return 'UnitsRailState.Faulted'
  }
}

/** State the board is asked to have. */
export const PowerState = {
  /** Only standby power. */
  A2: 'PowerState.A2',
  /** The board's own rails are up. */
  A1: 'PowerState.A1',
  /** The host runs. */
  A0: 'PowerState.A0',
} as const
export type PowerState = (typeof PowerState)[keyof typeof PowerState]

/** The bits of a value of PowerState. Throws RangeError for what is none. */
export function encodePowerState(value: PowerState): number {
  switch (value) {
    case 'PowerState.A2':
      return 0x0
    case 'PowerState.A1':
      return 0x1
    case 'PowerState.A0':
      return 0x2
    default:
      throw undeclared(value, 'PowerState')
  }
}

/** The value with these 2 bits, or undefined when none is declared. */
export function decodePowerState(raw: number): PowerState | undefined {
  switch (raw) {
    case 0x0:
      return 'PowerState.A2'
    case 0x1:
      return 'PowerState.A1'
    case 0x2:
      return 'PowerState.A0'
    default:
      return undefined
  }
}

/** Maker and model of a device. */
export class UnitsModel {
  /** After a reset. */
  static readonly RESET = 0x1de50001
  readonly #raw: number

  constructor(raw: number = UnitsModel.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Number of the model. */
  get model(): Bits<12> {
    return (this.#raw & 0xfff) as Bits<12>
  }

  /** Number of the maker. */
  get maker(): Bits<16> {
    return ((this.#raw >>> 16) & 0xffff) as Bits<16>
  }

  toString(): string {
    return `UnitsModel(0x${this.raw.toString(16)}) model=${this.model} maker=${this.maker}`
  }
}

/** Serial number; wider than one word. */
export class UnitsSerial {
  /** After a reset. */
  static readonly RESET = 0x700000000000539n
  readonly #raw: bigint

  constructor(raw: bigint = UnitsSerial.RESET) {
    this.#raw = BigInt.asUintN(64, raw)
  }

  /** All bits, reserved ones too. */
  get raw(): bigint {
    return this.#raw
  }

  /** Counts up from the first device. */
  get number(): Bits<40> {
    return (this.#raw & 0xffffffffffn) as Bits<40>
  }

  /** Factory. */
  get site(): Bits<8> {
    return Number((this.#raw >> 56n) & 0xffn) as Bits<8>
  }

  toString(): string {
    return `UnitsSerial(0x${this.raw.toString(16)}) number=${this.number} site=${this.site}`
  }
}

/** Asks for a state and shows the one reached. */
export class Power {
  /** After a reset. */
  static readonly RESET = 0x0
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [['start', 'access', 'pulse']] as const
  readonly #raw: number

  constructor(raw: number = Power.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** State asked for. */
  get target(): PowerState | undefined {
    return decodePowerState(this.#raw & 0x3)
  }

  /** The bits of target, declared or not. */
  get targetRaw(): Bits<2> {
    return (this.#raw & 0x3) as Bits<2>
  }

  /** State reached. */
  get state(): PowerState | undefined {
    return decodePowerState((this.#raw >>> 4) & 0x3)
  }

  /** The bits of state, declared or not. */
  get stateRaw(): Bits<2> {
    return ((this.#raw >>> 4) & 0x3) as Bits<2>
  }

  /** Milliseconds that a rail may take to come up. */
  get timeoutMs(): Bits<12> {
    return ((this.#raw >>> 8) & 0xfff) as Bits<12>
  }

  toString(): string {
    return `Power(0x${this.raw.toString(16)}) target=${this.target} state=${this.state} timeoutMs=${this.timeoutMs}`
  }
}

/** Events; each stays until it is cleared by writing 1. */
export class Events {
  /** After a reset. */
  static readonly RESET = 0x0
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [
    ['timeout', 'access', 'w1c'],
    ['over_temperature', 'access', 'w1c'],
    ['faulted', 'access', 'w1c'],
    ['lost', 'access', 'rc'],
  ] as const
  readonly #raw: number

  constructor(raw: number = Events.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /**
   * A rail did not come up in time.
   * (Access: w1c.)
   */
  get timeout(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  /**
   * A temperature was above its limit.
   * (Access: w1c.)
   */
  get overTemperature(): boolean {
    return (this.#raw & 0x2) !== 0
  }

  /**
   * Rails that faulted, one bit each.
   * (Access: w1c.)
   */
  get faulted(): Bits<6> {
    return ((this.#raw >>> 8) & 0x3f) as Bits<6>
  }

  /**
   * How many events were lost; reading clears it.
   * (Access: rc.)
   */
  get lost(): Bits<8> {
    return ((this.#raw >>> 24) & 0xff) as Bits<8>
  }

  toString(): string {
    return `Events(0x${this.raw.toString(16)}) timeout=${this.timeout} overTemperature=${this.overTemperature} faulted=${this.faulted} lost=${this.lost}`
  }
}

/** Switch and voltage of a rail. */
export class RailControl {
  /** After a reset. */
  static readonly RESET = 0xa0000
  readonly #raw: number

  constructor(raw: number = RailControl.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Asks for voltage. */
  get enable(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  /** Voltage asked for, in steps of 10 mV. */
  get voltage(): Bits<9> {
    return ((this.#raw >>> 4) & 0x1ff) as Bits<9>
  }

  toString(): string {
    return `RailControl(0x${this.raw.toString(16)}) enable=${this.enable} voltage=${this.voltage}`
  }
}

/** What is measured at a rail. */
export class RailStatus {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = RailStatus.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Where the rail is. */
  get state(): UnitsRailState {
    return decodeUnitsRailState(this.#raw & 0x3)
  }

  /** Voltage, in millivolts. */
  get millivolts(): Bits<13> {
    return ((this.#raw >>> 4) & 0x1fff) as Bits<13>
  }

  /** Current, in milliamperes. */
  get milliamperes(): Bits<15> {
    return ((this.#raw >>> 17) & 0x7fff) as Bits<15>
  }

  toString(): string {
    return `RailStatus(0x${this.raw.toString(16)}) state=${this.state} millivolts=${this.millivolts} milliamperes=${this.milliamperes}`
  }
}

/** One temperature. */
export class Temperature {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Temperature.RESET) {
    this.#raw = raw & 0xffff
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw
  }

  /** In sixteenths of a kelvin. */
  get sixteenthKelvin(): Bits<14> {
    return (this.#raw & 0x3fff) as Bits<14>
  }

  /** The sensor answers. */
  get valid(): boolean {
    return (this.#raw & 0x8000) !== 0
  }

  toString(): string {
    return `Temperature(0x${this.raw.toString(16)}) sixteenthKelvin=${this.sixteenthKelvin} valid=${this.valid}`
  }
}

/** One fan. */
export class Fan {
  /** After a reset. */
  static readonly RESET = 0x40
  readonly #raw: number

  constructor(raw: number = Fan.RESET) {
    this.#raw = raw & 0xffff
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw
  }

  /** Duty cycle, 255 is full speed. */
  get duty(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  /** Tens of turns a minute. */
  get speed(): Bits<8> {
    return ((this.#raw >>> 8) & 0xff) as Bits<8>
  }

  toString(): string {
    return `Fan(0x${this.raw.toString(16)}) duty=${this.duty} speed=${this.speed}`
  }
}

/** One change of state. */
export class LogEntry {
  /** After a reset. */
  static readonly RESET = 0x0n
  readonly #raw: bigint

  constructor(raw: bigint = LogEntry.RESET) {
    this.#raw = BigInt.asUintN(64, raw)
  }

  /** All bits, reserved ones too. */
  get raw(): bigint {
    return this.#raw
  }

  /** Milliseconds since power was applied. */
  get atMs(): Bits<48> {
    return (this.#raw & 0xffffffffffffn) as Bits<48>
  }

  /** State that was reached. */
  get state(): PowerState | undefined {
    return decodePowerState(Number((this.#raw >> 48n) & 0x3n))
  }

  /** The bits of state, declared or not. */
  get stateRaw(): Bits<2> {
    return Number((this.#raw >> 48n) & 0x3n) as Bits<2>
  }

  /** Rail that caused it. */
  get rail(): Bits<3> {
    return Number((this.#raw >> 52n) & 0x7n) as Bits<3>
  }

  toString(): string {
    return `LogEntry(0x${this.raw.toString(16)}) atMs=${this.atMs} state=${this.state} rail=${this.rail}`
  }
}

// The engine folds a constant; the binding of a class it loads and checks at every `new`.
const unitsModelClass = UnitsModel
const unitsSerialClass = UnitsSerial
const powerClass = Power
const eventsClass = Events
const railControlClass = RailControl
const railStatusClass = RailStatus
const temperatureClass = Temperature
const fanClass = Fan
const logEntryClass = LogEntry

/** Fields of Power that can be written. */
export interface PowerFields {
  /** State asked for. */
  readonly target?: PowerState
  /** Milliseconds that a rail may take to come up. */
  readonly timeoutMs?: BitsInput<12>
  /**
   * Starts the sequence towards the target.
   * (Access: pulse.)
   */
  readonly start?: boolean
  /** Key that must be written with a start. */
  readonly key?: BitsInput<4>
}

// On the bits themselves: no value is made for it.
function patchPower(raw: number, fields: PowerFields): number {
  let bits = raw
  {
    const field = fields.target
    if (field !== undefined) {
      bits =
        (bits & ~0x3) |
        (field === 'PowerState.A2'
          ? 0x0
          : field === 'PowerState.A1'
            ? 0x1
            : field === 'PowerState.A0'
              ? 0x2
              : encodePowerState(field))
    }
  }
  {
    const field = fields.timeoutMs
    if (field !== undefined) {
      if ((field & 0xfff) !== field) throw outOfRange(field, 12, 'Power.timeoutMs')
      bits = (bits & ~0xfff00) | (field << 8)
    }
  }
  {
    const field = fields.start
    if (field !== undefined) {
      bits = field ? bits | 0x1000000 : bits & ~0x1000000
    }
  }
  {
    const field = fields.key
    if (field !== undefined) {
      if ((field & 0xf) !== field) throw outOfRange(field, 4, 'Power.key')
      bits = (bits & ~0xf0000000) | (field << 28)
    }
  }
  return bits >>> 0
}

/** Fields of Events that can be written. */
export interface EventsFields {
  /**
   * A rail did not come up in time.
   * (Access: w1c.)
   */
  readonly timeout?: boolean
  /**
   * A temperature was above its limit.
   * (Access: w1c.)
   */
  readonly overTemperature?: boolean
  /**
   * Rails that faulted, one bit each.
   * (Access: w1c.)
   */
  readonly faulted?: BitsInput<6>
}

// On the bits themselves: no value is made for it.
function patchEvents(raw: number, fields: EventsFields): number {
  let bits = raw
  {
    const field = fields.timeout
    if (field !== undefined) {
      bits = field ? bits | 0x1 : bits & ~0x1
    }
  }
  {
    const field = fields.overTemperature
    if (field !== undefined) {
      bits = field ? bits | 0x2 : bits & ~0x2
    }
  }
  {
    const field = fields.faulted
    if (field !== undefined) {
      if ((field & 0x3f) !== field) throw outOfRange(field, 6, 'Events.faulted')
      bits = (bits & ~0x3f00) | (field << 8)
    }
  }
  return bits >>> 0
}

/** Fields of RailControl that can be written. */
export interface RailControlFields {
  /** Asks for voltage. */
  readonly enable?: boolean
  /** Voltage asked for, in steps of 10 mV. */
  readonly voltage?: BitsInput<9>
}

// On the bits themselves: no value is made for it.
function patchRailControl(raw: number, fields: RailControlFields): number {
  let bits = raw
  {
    const field = fields.enable
    if (field !== undefined) {
      bits = field ? bits | 0x1 : bits & ~0x1
    }
  }
  {
    const field = fields.voltage
    if (field !== undefined) {
      if ((field & 0x1ff) !== field) throw outOfRange(field, 9, 'RailControl.voltage')
      bits = (bits & ~0x1ff0) | (field << 4)
    }
  }
  return bits >>> 0
}

/** Fields of Fan that can be written. */
export interface FanFields {
  /** Duty cycle, 255 is full speed. */
  readonly duty?: BitsInput<8>
}

// On the bits themselves: no value is made for it.
function patchFan(raw: number, fields: FanFields): number {
  let bits = raw
  {
    const field = fields.duty
    if (field !== undefined) {
      if ((field & 0xff) !== field) throw outOfRange(field, 8, 'Fan.duty')
      bits = (bits & ~0xff) | field
    }
  }
  return bits
}

/** Reaches a UnitsModel. */
export class UnitsModelRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): UnitsModel {
    return new unitsModelClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a UnitsSerial. */
export class UnitsSerialRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: WideSyncPlatform

  constructor(platform: WideSyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): UnitsSerial {
    return new unitsSerialClass(this.#platform.readWide(this.address, 64))
  }
}

/** Reaches a Power. */
export class PowerRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Power {
    return new powerClass(this.#platform.read(this.address, 32))
  }

  write(value: Power): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: PowerFields): void {
    this.#platform.write(this.address, patchPower((Power.RESET & ~0x1000000) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: PowerFields): void {
    this.#platform.write(
      this.address,
      patchPower((this.#platform.read(this.address, 32) & ~0x1000000) >>> 0, fields),
      32,
    )
  }
}

/** Reaches a Events. */
export class EventsRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Events {
    return new eventsClass(this.#platform.read(this.address, 32))
  }

  write(value: Events): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: EventsFields): void {
    this.#platform.write(this.address, patchEvents((Events.RESET & ~0x3f03) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: EventsFields): void {
    this.#platform.write(this.address, patchEvents((this.#platform.read(this.address, 32) & ~0x3f03) >>> 0, fields), 32)
  }
}

/** Reaches a RailControl. */
export class RailControlRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): RailControl {
    return new railControlClass(this.#platform.read(this.address, 32))
  }

  write(value: RailControl): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: RailControlFields): void {
    this.#platform.write(this.address, patchRailControl(RailControl.RESET, fields), 32)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  update(fields: RailControlFields): void {
    this.#platform.write(this.address, patchRailControl(this.#platform.read(this.address, 32), fields), 32)
  }
}

/** Reaches a RailStatus. */
export class RailStatusRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): RailStatus {
    return new railStatusClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a Temperature. */
export class TemperatureRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Temperature {
    return new temperatureClass(this.#platform.read(this.address, 16))
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
    return new fanClass(this.#platform.read(this.address, 16))
  }

  write(value: Fan): void {
    this.#platform.write(this.address, value.raw, 16)
  }

  /** Writes the reset value with these fields. */
  set(fields: FanFields): void {
    this.#platform.write(this.address, patchFan(Fan.RESET, fields), 16)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  update(fields: FanFields): void {
    this.#platform.write(this.address, patchFan(this.#platform.read(this.address, 16), fields), 16)
  }
}

/** Reaches a LogEntry. */
export class LogEntryRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: WideSyncPlatform

  constructor(platform: WideSyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): LogEntry {
    return new logEntryClass(this.#platform.readWide(this.address, 64))
  }
}

/** What a device says about itself. */
export class UnitsIdentityBlock {
  /** In bytes. */
  readonly address: number
  /** Maker and model. */
  readonly model: UnitsModelRegister
  /** When the device was built. */
  readonly serial: UnitsSerialRegister

  constructor(platform: WideSyncPlatform & SyncMemories, address = 0) {
    this.address = address
    this.model = new UnitsModelRegister(platform, address)
    this.serial = new UnitsSerialRegister(platform, address + 0x8)
  }
}

/** One power rail. */
export class RailBlock {
  /** In bytes. */
  readonly address: number
  /** Switch and voltage. */
  readonly control: RailControlRegister
  /** What is measured. */
  readonly status: RailStatusRegister

  constructor(platform: WideSyncPlatform & SyncMemories, address = 0) {
    this.address = address
    this.control = new RailControlRegister(platform, address)
    this.status = new RailStatusRegister(platform, address + 0x4)
  }
}

/** Temperatures and fans. */
export class SensorsBlock {
  /** In bytes. */
  readonly address: number
  readonly temperatureCount = 8
  readonly #temperature: TemperatureRegister[] = []
  readonly fanCount = 4
  readonly #fan: FanRegister[] = []
  readonly #platform: WideSyncPlatform & SyncMemories

  constructor(platform: WideSyncPlatform & SyncMemories, address = 0) {
    this.address = address
    this.#platform = platform
  }

  /**
   * Temperatures of eight places on the board.
   * Index 0 to 7; throws RangeError for another.
   */
  temperature(index: number): TemperatureRegister {
    const known = this.#temperature[index]
    if (known !== undefined) return known
    indexIn(index, 8, 'SensorsBlock.temperature')
    return (this.#temperature[index] = new TemperatureRegister(this.#platform, this.address + index * 0x4))
  }

  /**
   * Four fans.
   * Index 0 to 3; throws RangeError for another.
   */
  fan(index: number): FanRegister {
    const known = this.#fan[index]
    if (known !== undefined) return known
    indexIn(index, 4, 'SensorsBlock.fan')
    return (this.#fan[index] = new FanRegister(this.#platform, this.address + 0x20 + index * 0x4))
  }
}

/** Log of the last changes of state. */
export class LogBlock {
  /** In bytes. */
  readonly address: number
  readonly entriesCount = 32
  readonly #entries: LogEntryRegister[] = []
  readonly #platform: WideSyncPlatform & SyncMemories

  constructor(platform: WideSyncPlatform & SyncMemories, address = 0) {
    this.address = address
    this.#platform = platform
  }

  /**
   * The newest entry first.
   * Index 0 to 31; throws RangeError for another.
   */
  entries(index: number): LogEntryRegister {
    const known = this.#entries[index]
    if (known !== undefined) return known
    indexIn(index, 32, 'LogBlock.entries')
    return (this.#entries[index] = new LogEntryRegister(this.#platform.memory(this.address, 0), index * 0x8))
  }
}

/** Everything that the sequencer's bus shows. */
export class MainBlock {
  /** In bytes. */
  readonly address: number
  /** Who is there. */
  readonly identity: UnitsIdentityBlock
  /** Turns the board on and off. */
  readonly power: PowerRegister
  /** What happened since somebody looked. */
  readonly events: EventsRegister
  readonly railsCount = 6
  readonly #rails: RailBlock[] = []
  /** Temperatures and fans. */
  readonly sensors: SensorsBlock
  /** Log of the last changes of state. */
  readonly log: LogBlock
  readonly #platform: WideSyncPlatform & SyncMemories

  constructor(platform: WideSyncPlatform & SyncMemories, address = 0) {
    this.address = address
    this.#platform = platform
    this.identity = new UnitsIdentityBlock(platform, address)
    this.power = new PowerRegister(platform, address + 0x10)
    this.events = new EventsRegister(platform, address + 0x14)
    this.sensors = new SensorsBlock(platform, address + 0x200)
    this.log = new LogBlock(platform, address + 0x1000)
  }

  /**
   * The rails, in the order in which they come up.
   * Index 0 to 5; throws RangeError for another.
   */
  rails(index: number): RailBlock {
    const known = this.#rails[index]
    if (known !== undefined) return known
    indexIn(index, 6, 'MainBlock.rails')
    return (this.#rails[index] = new RailBlock(this.#platform, this.address + 0x100 + index * 0x10))
  }
}

/** A client of the whole device; `address` (bytes) is where the platform has it. */
export function sequencerClient(platform: WideSyncPlatform & SyncMemories, address = 0): MainBlock {
  return new MainBlock(platform, address)
}

/** Reaches a UnitsModel. */
export class UnitsModelAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: AsyncPlatform

  constructor(platform: AsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<UnitsModel> {
    return new unitsModelClass(await this.#platform.read(this.address, 32))
  }
}

/** Reaches a UnitsSerial. */
export class UnitsSerialAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: WideAsyncPlatform

  constructor(platform: WideAsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<UnitsSerial> {
    return new unitsSerialClass(await this.#platform.readWide(this.address, 64))
  }
}

/** Reaches a Power. */
export class PowerAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: AsyncPlatform

  constructor(platform: AsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<Power> {
    return new powerClass(await this.#platform.read(this.address, 32))
  }

  async write(value: Power): Promise<void> {
    await this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  async set(fields: PowerFields): Promise<void> {
    await this.#platform.write(this.address, patchPower((Power.RESET & ~0x1000000) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  async update(fields: PowerFields): Promise<void> {
    await this.#platform.write(
      this.address,
      patchPower(((await this.#platform.read(this.address, 32)) & ~0x1000000) >>> 0, fields),
      32,
    )
  }
}

/** Reaches a Events. */
export class EventsAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: AsyncPlatform

  constructor(platform: AsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<Events> {
    return new eventsClass(await this.#platform.read(this.address, 32))
  }

  async write(value: Events): Promise<void> {
    await this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  async set(fields: EventsFields): Promise<void> {
    await this.#platform.write(this.address, patchEvents((Events.RESET & ~0x3f03) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  async update(fields: EventsFields): Promise<void> {
    await this.#platform.write(
      this.address,
      patchEvents(((await this.#platform.read(this.address, 32)) & ~0x3f03) >>> 0, fields),
      32,
    )
  }
}

/** Reaches a RailControl. */
export class RailControlAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: AsyncPlatform

  constructor(platform: AsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<RailControl> {
    return new railControlClass(await this.#platform.read(this.address, 32))
  }

  async write(value: RailControl): Promise<void> {
    await this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  async set(fields: RailControlFields): Promise<void> {
    await this.#platform.write(this.address, patchRailControl(RailControl.RESET, fields), 32)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  async update(fields: RailControlFields): Promise<void> {
    await this.#platform.write(this.address, patchRailControl(await this.#platform.read(this.address, 32), fields), 32)
  }
}

/** Reaches a RailStatus. */
export class RailStatusAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: AsyncPlatform

  constructor(platform: AsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<RailStatus> {
    return new railStatusClass(await this.#platform.read(this.address, 32))
  }
}

/** Reaches a Temperature. */
export class TemperatureAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: AsyncPlatform

  constructor(platform: AsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<Temperature> {
    return new temperatureClass(await this.#platform.read(this.address, 16))
  }
}

/** Reaches a Fan. */
export class FanAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: AsyncPlatform

  constructor(platform: AsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<Fan> {
    return new fanClass(await this.#platform.read(this.address, 16))
  }

  async write(value: Fan): Promise<void> {
    await this.#platform.write(this.address, value.raw, 16)
  }

  /** Writes the reset value with these fields. */
  async set(fields: FanFields): Promise<void> {
    await this.#platform.write(this.address, patchFan(Fan.RESET, fields), 16)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  async update(fields: FanFields): Promise<void> {
    await this.#platform.write(this.address, patchFan(await this.#platform.read(this.address, 16), fields), 16)
  }
}

/** Reaches a LogEntry. */
export class LogEntryAsyncRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: WideAsyncPlatform

  constructor(platform: WideAsyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  async read(): Promise<LogEntry> {
    return new logEntryClass(await this.#platform.readWide(this.address, 64))
  }
}

/** What a device says about itself. */
export class UnitsIdentityAsyncBlock {
  /** In bytes. */
  readonly address: number
  /** Maker and model. */
  readonly model: UnitsModelAsyncRegister
  /** When the device was built. */
  readonly serial: UnitsSerialAsyncRegister

  constructor(platform: WideAsyncPlatform & AsyncMemories, address = 0) {
    this.address = address
    this.model = new UnitsModelAsyncRegister(platform, address)
    this.serial = new UnitsSerialAsyncRegister(platform, address + 0x8)
  }
}

/** One power rail. */
export class RailAsyncBlock {
  /** In bytes. */
  readonly address: number
  /** Switch and voltage. */
  readonly control: RailControlAsyncRegister
  /** What is measured. */
  readonly status: RailStatusAsyncRegister

  constructor(platform: WideAsyncPlatform & AsyncMemories, address = 0) {
    this.address = address
    this.control = new RailControlAsyncRegister(platform, address)
    this.status = new RailStatusAsyncRegister(platform, address + 0x4)
  }
}

/** Temperatures and fans. */
export class SensorsAsyncBlock {
  /** In bytes. */
  readonly address: number
  readonly temperatureCount = 8
  readonly #temperature: TemperatureAsyncRegister[] = []
  readonly fanCount = 4
  readonly #fan: FanAsyncRegister[] = []
  readonly #platform: WideAsyncPlatform & AsyncMemories

  constructor(platform: WideAsyncPlatform & AsyncMemories, address = 0) {
    this.address = address
    this.#platform = platform
  }

  /**
   * Temperatures of eight places on the board.
   * Index 0 to 7; throws RangeError for another.
   */
  temperature(index: number): TemperatureAsyncRegister {
    const known = this.#temperature[index]
    if (known !== undefined) return known
    indexIn(index, 8, 'SensorsAsyncBlock.temperature')
    return (this.#temperature[index] = new TemperatureAsyncRegister(this.#platform, this.address + index * 0x4))
  }

  /**
   * Four fans.
   * Index 0 to 3; throws RangeError for another.
   */
  fan(index: number): FanAsyncRegister {
    const known = this.#fan[index]
    if (known !== undefined) return known
    indexIn(index, 4, 'SensorsAsyncBlock.fan')
    return (this.#fan[index] = new FanAsyncRegister(this.#platform, this.address + 0x20 + index * 0x4))
  }
}

/** Log of the last changes of state. */
export class LogAsyncBlock {
  /** In bytes. */
  readonly address: number
  readonly entriesCount = 32
  readonly #entries: LogEntryAsyncRegister[] = []
  readonly #platform: WideAsyncPlatform & AsyncMemories

  constructor(platform: WideAsyncPlatform & AsyncMemories, address = 0) {
    this.address = address
    this.#platform = platform
  }

  /**
   * The newest entry first.
   * Index 0 to 31; throws RangeError for another.
   */
  entries(index: number): LogEntryAsyncRegister {
    const known = this.#entries[index]
    if (known !== undefined) return known
    indexIn(index, 32, 'LogAsyncBlock.entries')
    return (this.#entries[index] = new LogEntryAsyncRegister(this.#platform.memory(this.address, 0), index * 0x8))
  }
}

/** Everything that the sequencer's bus shows. */
export class MainAsyncBlock {
  /** In bytes. */
  readonly address: number
  /** Who is there. */
  readonly identity: UnitsIdentityAsyncBlock
  /** Turns the board on and off. */
  readonly power: PowerAsyncRegister
  /** What happened since somebody looked. */
  readonly events: EventsAsyncRegister
  readonly railsCount = 6
  readonly #rails: RailAsyncBlock[] = []
  /** Temperatures and fans. */
  readonly sensors: SensorsAsyncBlock
  /** Log of the last changes of state. */
  readonly log: LogAsyncBlock
  readonly #platform: WideAsyncPlatform & AsyncMemories

  constructor(platform: WideAsyncPlatform & AsyncMemories, address = 0) {
    this.address = address
    this.#platform = platform
    this.identity = new UnitsIdentityAsyncBlock(platform, address)
    this.power = new PowerAsyncRegister(platform, address + 0x10)
    this.events = new EventsAsyncRegister(platform, address + 0x14)
    this.sensors = new SensorsAsyncBlock(platform, address + 0x200)
    this.log = new LogAsyncBlock(platform, address + 0x1000)
  }

  /**
   * The rails, in the order in which they come up.
   * Index 0 to 5; throws RangeError for another.
   */
  rails(index: number): RailAsyncBlock {
    const known = this.#rails[index]
    if (known !== undefined) return known
    indexIn(index, 6, 'MainAsyncBlock.rails')
    return (this.#rails[index] = new RailAsyncBlock(this.#platform, this.address + 0x100 + index * 0x10))
  }
}

/** A client of the whole device; `address` (bytes) is where the platform has it. */
export function sequencerAsyncClient(platform: WideAsyncPlatform & AsyncMemories, address = 0): MainAsyncBlock {
  return new MainAsyncBlock(platform, address)
}

/** What a simulated device sees of UnitsModel: every field, both ways. */
export class SimulatedUnitsModel {
  /** After a reset. */
  static readonly RESET = 0x1de50001
  #raw: number

  constructor(raw: number = SimulatedUnitsModel.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Number of the model. */
  get model(): Bits<12> {
    return (this.#raw & 0xfff) as Bits<12>
  }

  set model(value: BitsInput<12>) {
    if ((value & 0xfff) !== value) throw outOfRange(value, 12, 'SimulatedUnitsModel.model')
    this.#raw = (this.#raw & ~0xfff) | value
  }

  /** Number of the maker. */
  get maker(): Bits<16> {
    return ((this.#raw >>> 16) & 0xffff) as Bits<16>
  }

  set maker(value: BitsInput<16>) {
    if ((value & 0xffff) !== value) throw outOfRange(value, 16, 'SimulatedUnitsModel.maker')
    this.#raw = (this.#raw & ~0xffff0000) | (value << 16)
  }

  toString(): string {
    return `SimulatedUnitsModel(0x${this.raw.toString(16)}) model=${this.model} maker=${this.maker}`
  }
}

/** What a simulated device sees of UnitsSerial: every field, both ways. */
export class SimulatedUnitsSerial {
  /** After a reset. */
  static readonly RESET = 0x700000000000539n
  #raw: bigint

  constructor(raw: bigint = SimulatedUnitsSerial.RESET) {
    this.#raw = BigInt.asUintN(64, raw)
  }

  /** All bits, reserved ones too. */
  get raw(): bigint {
    return this.#raw
  }

  /** Counts up from the first device. */
  get number(): Bits<40> {
    return (this.#raw & 0xffffffffffn) as Bits<40>
  }

  set number(value: BitsInput<40>) {
    if (BigInt.asUintN(40, value) !== value) throw outOfRange(value, 40, 'SimulatedUnitsSerial.number')
    this.#raw = (this.#raw & ~0xffffffffffn) | value
  }

  /** Factory. */
  get site(): Bits<8> {
    return Number((this.#raw >> 56n) & 0xffn) as Bits<8>
  }

  set site(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedUnitsSerial.site')
    this.#raw = (this.#raw & ~0xff00000000000000n) | (BigInt(value) << 56n)
  }

  toString(): string {
    return `SimulatedUnitsSerial(0x${this.raw.toString(16)}) number=${this.number} site=${this.site}`
  }
}

/** What a simulated device sees of Power: every field, both ways. */
export class SimulatedPower {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedPower.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** State asked for. */
  get target(): PowerState | undefined {
    return decodePowerState(this.#raw & 0x3)
  }

  /** The bits of target, declared or not. */
  get targetRaw(): Bits<2> {
    return (this.#raw & 0x3) as Bits<2>
  }

  set target(value: PowerState) {
    this.#raw =
      (this.#raw & ~0x3) |
      (value === 'PowerState.A2'
        ? 0x0
        : value === 'PowerState.A1'
          ? 0x1
          : value === 'PowerState.A0'
            ? 0x2
            : encodePowerState(value))
  }

  /** State reached. */
  get state(): PowerState | undefined {
    return decodePowerState((this.#raw >>> 4) & 0x3)
  }

  /** The bits of state, declared or not. */
  get stateRaw(): Bits<2> {
    return ((this.#raw >>> 4) & 0x3) as Bits<2>
  }

  set state(value: PowerState) {
    this.#raw =
      (this.#raw & ~0x30) |
      ((value === 'PowerState.A2'
        ? 0x0
        : value === 'PowerState.A1'
          ? 0x1
          : value === 'PowerState.A0'
            ? 0x2
            : encodePowerState(value)) <<
        4)
  }

  /** Milliseconds that a rail may take to come up. */
  get timeoutMs(): Bits<12> {
    return ((this.#raw >>> 8) & 0xfff) as Bits<12>
  }

  set timeoutMs(value: BitsInput<12>) {
    if ((value & 0xfff) !== value) throw outOfRange(value, 12, 'SimulatedPower.timeoutMs')
    this.#raw = (this.#raw & ~0xfff00) | (value << 8)
  }

  /**
   * Starts the sequence towards the target.
   * (Access: pulse.)
   */
  get start(): boolean {
    return (this.#raw & 0x1000000) !== 0
  }

  set start(value: boolean) {
    this.#raw = value ? this.#raw | 0x1000000 : this.#raw & ~0x1000000
  }

  /** Key that must be written with a start. */
  get key(): Bits<4> {
    return ((this.#raw >>> 28) & 0xf) as Bits<4>
  }

  set key(value: BitsInput<4>) {
    if ((value & 0xf) !== value) throw outOfRange(value, 4, 'SimulatedPower.key')
    this.#raw = (this.#raw & ~0xf0000000) | (value << 28)
  }

  toString(): string {
    return `SimulatedPower(0x${this.raw.toString(16)}) target=${this.target} state=${this.state} timeoutMs=${this.timeoutMs} start=${this.start} key=${this.key}`
  }
}

/** What a simulated device sees of Events: every field, both ways. */
export class SimulatedEvents {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedEvents.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /**
   * A rail did not come up in time.
   * (Access: w1c.)
   */
  get timeout(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  set timeout(value: boolean) {
    this.#raw = value ? this.#raw | 0x1 : this.#raw & ~0x1
  }

  /**
   * A temperature was above its limit.
   * (Access: w1c.)
   */
  get overTemperature(): boolean {
    return (this.#raw & 0x2) !== 0
  }

  set overTemperature(value: boolean) {
    this.#raw = value ? this.#raw | 0x2 : this.#raw & ~0x2
  }

  /**
   * Rails that faulted, one bit each.
   * (Access: w1c.)
   */
  get faulted(): Bits<6> {
    return ((this.#raw >>> 8) & 0x3f) as Bits<6>
  }

  set faulted(value: BitsInput<6>) {
    if ((value & 0x3f) !== value) throw outOfRange(value, 6, 'SimulatedEvents.faulted')
    this.#raw = (this.#raw & ~0x3f00) | (value << 8)
  }

  /**
   * How many events were lost; reading clears it.
   * (Access: rc.)
   */
  get lost(): Bits<8> {
    return ((this.#raw >>> 24) & 0xff) as Bits<8>
  }

  set lost(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedEvents.lost')
    this.#raw = (this.#raw & ~0xff000000) | (value << 24)
  }

  toString(): string {
    return `SimulatedEvents(0x${this.raw.toString(16)}) timeout=${this.timeout} overTemperature=${this.overTemperature} faulted=${this.faulted} lost=${this.lost}`
  }
}

/** What a simulated device sees of RailControl: every field, both ways. */
export class SimulatedRailControl {
  /** After a reset. */
  static readonly RESET = 0xa0000
  #raw: number

  constructor(raw: number = SimulatedRailControl.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Asks for voltage. */
  get enable(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  set enable(value: boolean) {
    this.#raw = value ? this.#raw | 0x1 : this.#raw & ~0x1
  }

  /** Voltage asked for, in steps of 10 mV. */
  get voltage(): Bits<9> {
    return ((this.#raw >>> 4) & 0x1ff) as Bits<9>
  }

  set voltage(value: BitsInput<9>) {
    if ((value & 0x1ff) !== value) throw outOfRange(value, 9, 'SimulatedRailControl.voltage')
    this.#raw = (this.#raw & ~0x1ff0) | (value << 4)
  }

  toString(): string {
    return `SimulatedRailControl(0x${this.raw.toString(16)}) enable=${this.enable} voltage=${this.voltage}`
  }
}

/** What a simulated device sees of RailStatus: every field, both ways. */
export class SimulatedRailStatus {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedRailStatus.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Where the rail is. */
  get state(): UnitsRailState {
    return decodeUnitsRailState(this.#raw & 0x3)
  }

  set state(value: UnitsRailState) {
    this.#raw =
      (this.#raw & ~0x3) |
      (value === 'UnitsRailState.Off'
        ? 0x0
        : value === 'UnitsRailState.Ramping'
          ? 0x1
          : value === 'UnitsRailState.Good'
            ? 0x2
            : value === 'UnitsRailState.Faulted'
              ? 0x3
              : encodeUnitsRailState(value))
  }

  /** Voltage, in millivolts. */
  get millivolts(): Bits<13> {
    return ((this.#raw >>> 4) & 0x1fff) as Bits<13>
  }

  set millivolts(value: BitsInput<13>) {
    if ((value & 0x1fff) !== value) throw outOfRange(value, 13, 'SimulatedRailStatus.millivolts')
    this.#raw = (this.#raw & ~0x1fff0) | (value << 4)
  }

  /** Current, in milliamperes. */
  get milliamperes(): Bits<15> {
    return ((this.#raw >>> 17) & 0x7fff) as Bits<15>
  }

  set milliamperes(value: BitsInput<15>) {
    if ((value & 0x7fff) !== value) throw outOfRange(value, 15, 'SimulatedRailStatus.milliamperes')
    this.#raw = (this.#raw & ~0xfffe0000) | (value << 17)
  }

  toString(): string {
    return `SimulatedRailStatus(0x${this.raw.toString(16)}) state=${this.state} millivolts=${this.millivolts} milliamperes=${this.milliamperes}`
  }
}

/** What a simulated device sees of Temperature: every field, both ways. */
export class SimulatedTemperature {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedTemperature.RESET) {
    this.#raw = raw & 0xffff
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw
  }

  /** In sixteenths of a kelvin. */
  get sixteenthKelvin(): Bits<14> {
    return (this.#raw & 0x3fff) as Bits<14>
  }

  set sixteenthKelvin(value: BitsInput<14>) {
    if ((value & 0x3fff) !== value) throw outOfRange(value, 14, 'SimulatedTemperature.sixteenthKelvin')
    this.#raw = (this.#raw & ~0x3fff) | value
  }

  /** The sensor answers. */
  get valid(): boolean {
    return (this.#raw & 0x8000) !== 0
  }

  set valid(value: boolean) {
    this.#raw = value ? this.#raw | 0x8000 : this.#raw & ~0x8000
  }

  toString(): string {
    return `SimulatedTemperature(0x${this.raw.toString(16)}) sixteenthKelvin=${this.sixteenthKelvin} valid=${this.valid}`
  }
}

/** What a simulated device sees of Fan: every field, both ways. */
export class SimulatedFan {
  /** After a reset. */
  static readonly RESET = 0x40
  #raw: number

  constructor(raw: number = SimulatedFan.RESET) {
    this.#raw = raw & 0xffff
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw
  }

  /** Duty cycle, 255 is full speed. */
  get duty(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  set duty(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedFan.duty')
    this.#raw = (this.#raw & ~0xff) | value
  }

  /** Tens of turns a minute. */
  get speed(): Bits<8> {
    return ((this.#raw >>> 8) & 0xff) as Bits<8>
  }

  set speed(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedFan.speed')
    this.#raw = (this.#raw & ~0xff00) | (value << 8)
  }

  toString(): string {
    return `SimulatedFan(0x${this.raw.toString(16)}) duty=${this.duty} speed=${this.speed}`
  }
}

/** What a simulated device sees of LogEntry: every field, both ways. */
export class SimulatedLogEntry {
  /** After a reset. */
  static readonly RESET = 0x0n
  #raw: bigint

  constructor(raw: bigint = SimulatedLogEntry.RESET) {
    this.#raw = BigInt.asUintN(64, raw)
  }

  /** All bits, reserved ones too. */
  get raw(): bigint {
    return this.#raw
  }

  /** Milliseconds since power was applied. */
  get atMs(): Bits<48> {
    return (this.#raw & 0xffffffffffffn) as Bits<48>
  }

  set atMs(value: BitsInput<48>) {
    if (BigInt.asUintN(48, value) !== value) throw outOfRange(value, 48, 'SimulatedLogEntry.atMs')
    this.#raw = (this.#raw & ~0xffffffffffffn) | value
  }

  /** State that was reached. */
  get state(): PowerState | undefined {
    return decodePowerState(Number((this.#raw >> 48n) & 0x3n))
  }

  /** The bits of state, declared or not. */
  get stateRaw(): Bits<2> {
    return Number((this.#raw >> 48n) & 0x3n) as Bits<2>
  }

  set state(value: PowerState) {
    this.#raw =
      (this.#raw & ~0x3000000000000n) |
      (BigInt(
        value === 'PowerState.A2'
          ? 0x0
          : value === 'PowerState.A1'
            ? 0x1
            : value === 'PowerState.A0'
              ? 0x2
              : encodePowerState(value),
      ) <<
        48n)
  }

  /** Rail that caused it. */
  get rail(): Bits<3> {
    return Number((this.#raw >> 52n) & 0x7n) as Bits<3>
  }

  set rail(value: BitsInput<3>) {
    if ((value & 0x7) !== value) throw outOfRange(value, 3, 'SimulatedLogEntry.rail')
    this.#raw = (this.#raw & ~0x70000000000000n) | (BigInt(value) << 52n)
  }

  toString(): string {
    return `SimulatedLogEntry(0x${this.raw.toString(16)}) atMs=${this.atMs} state=${this.state} rail=${this.rail}`
  }
}

const unitsModelShape: RegisterShape = {
  widthBits: 32,
  reset: 0x1de50001n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xf000n,
}

export function simulateUnitsModel(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedUnitsModel> {
  const register = new SimulatedRegister(path, address, unitsModelShape, (raw) => new SimulatedUnitsModel(Number(raw)))
  file.add(register)
  return register
}

const unitsSerialShape: RegisterShape = {
  widthBits: 64,
  reset: 0x700000000000539n,
  readable: 0xffffffffffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xffff0000000000n,
}

export function simulateUnitsSerial(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedUnitsSerial> {
  const register = new SimulatedRegister(path, address, unitsSerialShape, (raw) => new SimulatedUnitsSerial(raw))
  file.add(register)
  return register
}

const powerShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xeffffffn,
  writable: 0xf00fff03n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xef000ccn,
}

export function simulatePower(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedPower> {
  const register = new SimulatedRegister(path, address, powerShape, (raw) => new SimulatedPower(Number(raw)))
  file.add(register)
  return register
}

const eventsShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x3f03n,
  w1s: 0x0n,
  readClears: 0xff000000n,
  reserved: 0xffc0fcn,
}

export function simulateEvents(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedEvents> {
  const register = new SimulatedRegister(path, address, eventsShape, (raw) => new SimulatedEvents(Number(raw)))
  file.add(register)
  return register
}

const railControlShape: RegisterShape = {
  widthBits: 32,
  reset: 0xa0000n,
  readable: 0xffffffffn,
  writable: 0x1ff1n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xffffe00en,
}

export function simulateRailControl(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedRailControl> {
  const register = new SimulatedRegister(
    path,
    address,
    railControlShape,
    (raw) => new SimulatedRailControl(Number(raw)),
  )
  file.add(register)
  return register
}

const railStatusShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xcn,
}

export function simulateRailStatus(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedRailStatus> {
  const register = new SimulatedRegister(path, address, railStatusShape, (raw) => new SimulatedRailStatus(Number(raw)))
  file.add(register)
  return register
}

const temperatureShape: RegisterShape = {
  widthBits: 16,
  reset: 0x0n,
  readable: 0xffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0x4000n,
}

export function simulateTemperature(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedTemperature> {
  const register = new SimulatedRegister(
    path,
    address,
    temperatureShape,
    (raw) => new SimulatedTemperature(Number(raw)),
  )
  file.add(register)
  return register
}

const fanShape: RegisterShape = {
  widthBits: 16,
  reset: 0x40n,
  readable: 0xffffn,
  writable: 0xffn,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0x0n,
}

export function simulateFan(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedFan> {
  const register = new SimulatedRegister(path, address, fanShape, (raw) => new SimulatedFan(Number(raw)))
  file.add(register)
  return register
}

const logEntryShape: RegisterShape = {
  widthBits: 64,
  reset: 0x0n,
  readable: 0xffffffffffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xff8c000000000000n,
}

export function simulateLogEntry(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedLogEntry> {
  const register = new SimulatedRegister(path, address, logEntryShape, (raw) => new SimulatedLogEntry(raw))
  file.add(register)
  return register
}

/** The device's side of UnitsIdentity. */
export class UnitsIdentitySimulation {
  /** Maker and model. */
  readonly model: SimulatedRegister<SimulatedUnitsModel>
  /** When the device was built. */
  readonly serial: SimulatedRegister<SimulatedUnitsSerial>

  constructor(file: RegisterFile, path = '', address = 0) {
    this.model = simulateUnitsModel(file, `${path}model`, address)
    this.serial = simulateUnitsSerial(file, `${path}serial`, address + 0x8)
  }
}

/** The device's side of Rail. */
export class RailSimulation {
  /** Switch and voltage. */
  readonly control: SimulatedRegister<SimulatedRailControl>
  /** What is measured. */
  readonly status: SimulatedRegister<SimulatedRailStatus>

  constructor(file: RegisterFile, path = '', address = 0) {
    this.control = simulateRailControl(file, `${path}control`, address)
    this.status = simulateRailStatus(file, `${path}status`, address + 0x4)
  }
}

/** The device's side of Sensors. */
export class SensorsSimulation {
  readonly temperatureCount = 8
  readonly #temperature: SimulatedRegister<SimulatedTemperature>[] = []
  readonly fanCount = 4
  readonly #fan: SimulatedRegister<SimulatedFan>[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    for (let index = 0; index < 8; index++) {
      this.#temperature.push(simulateTemperature(file, `${path}temperature/${index}`, address + index * 0x4))
    }
    for (let index = 0; index < 4; index++) {
      this.#fan.push(simulateFan(file, `${path}fan/${index}`, address + 0x20 + index * 0x4))
    }
  }

  /**
   * Temperatures of eight places on the board.
   * Index 0 to 7; throws RangeError for another.
   */
  temperature(index: number): SimulatedRegister<SimulatedTemperature> {
    // Because the index was checked just here.
    return this.#temperature[indexIn(index, 8, 'temperature')]!
  }

  /**
   * Four fans.
   * Index 0 to 3; throws RangeError for another.
   */
  fan(index: number): SimulatedRegister<SimulatedFan> {
    // Because the index was checked just here.
    return this.#fan[indexIn(index, 4, 'fan')]!
  }
}

/** The device's side of Log. */
export class LogSimulation {
  readonly entriesCount = 32
  readonly #entries: SimulatedRegister<SimulatedLogEntry>[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    for (let index = 0; index < 32; index++) {
      this.#entries.push(simulateLogEntry(file.memory(address, 0), `${path}entries/${index}`, index * 0x8))
    }
  }

  /**
   * The newest entry first.
   * Index 0 to 31; throws RangeError for another.
   */
  entries(index: number): SimulatedRegister<SimulatedLogEntry> {
    // Because the index was checked just here.
    return this.#entries[indexIn(index, 32, 'entries')]!
  }
}

/** The device's side of Main. */
export class MainSimulation {
  /** Who is there. */
  readonly identity: UnitsIdentitySimulation
  /** Turns the board on and off. */
  readonly power: SimulatedRegister<SimulatedPower>
  /** What happened since somebody looked. */
  readonly events: SimulatedRegister<SimulatedEvents>
  readonly railsCount = 6
  readonly #rails: RailSimulation[] = []
  /** Temperatures and fans. */
  readonly sensors: SensorsSimulation
  /** Log of the last changes of state. */
  readonly log: LogSimulation

  constructor(file: RegisterFile, path = '', address = 0) {
    this.identity = new UnitsIdentitySimulation(file, `${path}identity/`, address)
    this.power = simulatePower(file, `${path}power`, address + 0x10)
    this.events = simulateEvents(file, `${path}events`, address + 0x14)
    for (let index = 0; index < 6; index++) {
      this.#rails.push(new RailSimulation(file, `${path}rails/${index}/`, address + 0x100 + index * 0x10))
    }
    this.sensors = new SensorsSimulation(file, `${path}sensors/`, address + 0x200)
    this.log = new LogSimulation(file, `${path}log/`, address + 0x1000)
  }

  /**
   * The rails, in the order in which they come up.
   * Index 0 to 5; throws RangeError for another.
   */
  rails(index: number): RailSimulation {
    // Because the index was checked just here.
    return this.#rails[indexIn(index, 6, 'rails')]!
  }
}

/** A simulated device: `platform` for its driver, `device` to play it. */
export function sequencerSimulation(): { readonly platform: RegisterFile; readonly device: MainSimulation } {
  const platform = new RegisterFile()
  return { platform, device: new MainSimulation(platform) }
}
