/**
 * Registers of sensors.rsf.
 * GENERATED from it; do not edit.
 */
import type { Bits, BitsInput, RegisterShape, SyncPlatform } from '@lodestone/rsf'
import { RegisterFile, SimulatedRegister, indexIn, outOfRange, undeclared } from '@lodestone/rsf'

/** Why a sensor gives a value or none. */
export const SensorState = {
  /** It gives a value. */
  Ok: 'SensorState.Ok',
  /** What it sits in has no power. */
  Off: 'SensorState.Off',
  /** It answers with errors. */
  Error: 'SensorState.Error',
  /** It is not fitted. */
  NotPresent: 'SensorState.NotPresent',
  /** Its bus is held by something else. */
  Unavailable: 'SensorState.Unavailable',
  /** It does not answer in time. */
  Timeout: 'SensorState.Timeout',
} as const
export type SensorState = (typeof SensorState)[keyof typeof SensorState]

/** The bits of a value of SensorState. Throws RangeError for what is none. */
export function encodeSensorState(value: SensorState): number {
  switch (value) {
    case 'SensorState.Ok':
      return 0x0
    case 'SensorState.Off':
      return 0x1
    case 'SensorState.Error':
      return 0x2
    case 'SensorState.NotPresent':
      return 0x3
    case 'SensorState.Unavailable':
      return 0x4
    case 'SensorState.Timeout':
      return 0x5
    default:
      throw undeclared(value, 'SensorState')
  }
}

/** The value with these 3 bits, or undefined when none is declared. */
export function decodeSensorState(raw: number): SensorState | undefined {
  switch (raw) {
    case 0x0:
      return 'SensorState.Ok'
    case 0x1:
      return 'SensorState.Off'
    case 0x2:
      return 'SensorState.Error'
    case 0x3:
      return 'SensorState.NotPresent'
    case 0x4:
      return 'SensorState.Unavailable'
    case 0x5:
      return 'SensorState.Timeout'
    default:
      return undefined
  }
}

/** One temperature. */
export class Temperature {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Temperature.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Hundredths of a kelvin. */
  get centikelvin(): Bits<16> {
    return (this.#raw & 0xffff) as Bits<16>
  }

  /** Whether that is a value. */
  get state(): SensorState | undefined {
    return decodeSensorState((this.#raw >>> 16) & 0x7)
  }

  /** The bits of state, declared or not. */
  get stateRaw(): Bits<3> {
    return ((this.#raw >>> 16) & 0x7) as Bits<3>
  }

  toString(): string {
    return `Temperature(0x${this.raw.toString(16)}) centikelvin=${this.centikelvin} state=${this.state}`
  }
}

/** A voltage or a current. */
export class Electrical {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Electrical.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Millivolts or hundredths of an ampere. */
  get value(): Bits<16> {
    return (this.#raw & 0xffff) as Bits<16>
  }

  /** Whether that is a value. */
  get state(): SensorState | undefined {
    return decodeSensorState((this.#raw >>> 16) & 0x7)
  }

  /** The bits of state, declared or not. */
  get stateRaw(): Bits<3> {
    return ((this.#raw >>> 16) & 0x7) as Bits<3>
  }

  toString(): string {
    return `Electrical(0x${this.raw.toString(16)}) value=${this.value} state=${this.state}`
  }
}

// The engine folds a constant; the binding of a class it loads and checks at every `new`.
const temperatureClass = Temperature
const electricalClass = Electrical

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
    return new temperatureClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a Electrical. */
export class ElectricalRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Electrical {
    return new electricalClass(this.#platform.read(this.address, 32))
  }
}

/** One supply. */
export class SupplyBlock {
  /** In bytes. */
  readonly address: number
  /** Voltage. */
  readonly voltage: ElectricalRegister
  /** Current. */
  readonly current: ElectricalRegister

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.voltage = new ElectricalRegister(platform, address)
    this.current = new ElectricalRegister(platform, address + 0x4)
  }
}

/** Everything that the service processor sees of the sensors. */
export class MainBlock {
  /** In bytes. */
  readonly address: number
  readonly temperaturesCount = 12
  readonly #temperatures: TemperatureRegister[] = []
  readonly suppliesCount = 4
  readonly #supplies: SupplyBlock[] = []
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.#platform = platform
  }

  /**
   * Temperatures of parts and air.
   * Index 0 to 11; throws RangeError for another.
   */
  temperatures(index: number): TemperatureRegister {
    const known = this.#temperatures[index]
    if (known !== undefined) return known
    indexIn(index, 12, 'MainBlock.temperatures')
    return (this.#temperatures[index] = new TemperatureRegister(this.#platform, this.address + index * 0x4))
  }

  /**
   * Supplies.
   * Index 0 to 3; throws RangeError for another.
   */
  supplies(index: number): SupplyBlock {
    const known = this.#supplies[index]
    if (known !== undefined) return known
    indexIn(index, 4, 'MainBlock.supplies')
    return (this.#supplies[index] = new SupplyBlock(this.#platform, this.address + 0x40 + index * 0x8))
  }
}

/** A client of the whole device; `address` (bytes) is where the platform has it. */
export function sensorsClient(platform: SyncPlatform, address = 0): MainBlock {
  return new MainBlock(platform, address)
}

/** What a simulated device sees of Temperature: every field, both ways. */
export class SimulatedTemperature {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedTemperature.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Hundredths of a kelvin. */
  get centikelvin(): Bits<16> {
    return (this.#raw & 0xffff) as Bits<16>
  }

  set centikelvin(value: BitsInput<16>) {
    if ((value & 0xffff) !== value) throw outOfRange(value, 16, 'SimulatedTemperature.centikelvin')
    this.#raw = (this.#raw & ~0xffff) | value
  }

  /** Whether that is a value. */
  get state(): SensorState | undefined {
    return decodeSensorState((this.#raw >>> 16) & 0x7)
  }

  /** The bits of state, declared or not. */
  get stateRaw(): Bits<3> {
    return ((this.#raw >>> 16) & 0x7) as Bits<3>
  }

  set state(value: SensorState) {
    this.#raw =
      (this.#raw & ~0x70000) |
      ((value === 'SensorState.Ok'
        ? 0x0
        : value === 'SensorState.Off'
          ? 0x1
          : value === 'SensorState.Error'
            ? 0x2
            : value === 'SensorState.NotPresent'
              ? 0x3
              : value === 'SensorState.Unavailable'
                ? 0x4
                : value === 'SensorState.Timeout'
                  ? 0x5
                  : encodeSensorState(value)) <<
        16)
  }

  toString(): string {
    return `SimulatedTemperature(0x${this.raw.toString(16)}) centikelvin=${this.centikelvin} state=${this.state}`
  }
}

/** What a simulated device sees of Electrical: every field, both ways. */
export class SimulatedElectrical {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedElectrical.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Millivolts or hundredths of an ampere. */
  get value(): Bits<16> {
    return (this.#raw & 0xffff) as Bits<16>
  }

  set value(value: BitsInput<16>) {
    if ((value & 0xffff) !== value) throw outOfRange(value, 16, 'SimulatedElectrical.value')
    this.#raw = (this.#raw & ~0xffff) | value
  }

  /** Whether that is a value. */
  get state(): SensorState | undefined {
    return decodeSensorState((this.#raw >>> 16) & 0x7)
  }

  /** The bits of state, declared or not. */
  get stateRaw(): Bits<3> {
    return ((this.#raw >>> 16) & 0x7) as Bits<3>
  }

  set state(value: SensorState) {
    this.#raw =
      (this.#raw & ~0x70000) |
      ((value === 'SensorState.Ok'
        ? 0x0
        : value === 'SensorState.Off'
          ? 0x1
          : value === 'SensorState.Error'
            ? 0x2
            : value === 'SensorState.NotPresent'
              ? 0x3
              : value === 'SensorState.Unavailable'
                ? 0x4
                : value === 'SensorState.Timeout'
                  ? 0x5
                  : encodeSensorState(value)) <<
        16)
  }

  toString(): string {
    return `SimulatedElectrical(0x${this.raw.toString(16)}) value=${this.value} state=${this.state}`
  }
}

const temperatureShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfff80000n,
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

const electricalShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfff80000n,
}

export function simulateElectrical(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedElectrical> {
  const register = new SimulatedRegister(path, address, electricalShape, (raw) => new SimulatedElectrical(Number(raw)))
  file.add(register)
  return register
}

/** The device's side of Supply. */
export class SupplySimulation {
  /** Voltage. */
  readonly voltage: SimulatedRegister<SimulatedElectrical>
  /** Current. */
  readonly current: SimulatedRegister<SimulatedElectrical>

  constructor(file: RegisterFile, path = '', address = 0) {
    this.voltage = simulateElectrical(file, `${path}voltage`, address)
    this.current = simulateElectrical(file, `${path}current`, address + 0x4)
  }
}

/** The device's side of Main. */
export class MainSimulation {
  readonly temperaturesCount = 12
  readonly #temperatures: SimulatedRegister<SimulatedTemperature>[] = []
  readonly suppliesCount = 4
  readonly #supplies: SupplySimulation[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    for (let index = 0; index < 12; index++) {
      this.#temperatures.push(simulateTemperature(file, `${path}temperatures/${index}`, address + index * 0x4))
    }
    for (let index = 0; index < 4; index++) {
      this.#supplies.push(new SupplySimulation(file, `${path}supplies/${index}/`, address + 0x40 + index * 0x8))
    }
  }

  /**
   * Temperatures of parts and air.
   * Index 0 to 11; throws RangeError for another.
   */
  temperatures(index: number): SimulatedRegister<SimulatedTemperature> {
    // Because the index was checked just here.
    return this.#temperatures[indexIn(index, 12, 'temperatures')]!
  }

  /**
   * Supplies.
   * Index 0 to 3; throws RangeError for another.
   */
  supplies(index: number): SupplySimulation {
    // Because the index was checked just here.
    return this.#supplies[indexIn(index, 4, 'supplies')]!
  }
}

/** A simulated device: `platform` for its driver, `device` to play it. */
export function sensorsSimulation(): { readonly platform: RegisterFile; readonly device: MainSimulation } {
  const platform = new RegisterFile()
  return { platform, device: new MainSimulation(platform) }
}
