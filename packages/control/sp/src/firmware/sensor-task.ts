/** The sensor task: looks at every sensor once a second and keeps what each said last, well or not. */
import type { MainBlock as FanRegisters } from '../registers/fan-controller.ts'
import { type MainBlock, SensorState, type Temperature } from '../registers/sensors.ts'
import type { BoardProfile } from '../device/board-profile.ts'
import type { MeasurementKind, SensorDataMissing } from '../protocol/response.ts'
import type { TaskContext } from './task-context.ts'
import type { Reading } from './thermal-machine.ts'

export interface SensorSpec {
  readonly id: number
  readonly name: string
  /** The device of the inventory that it belongs to. */
  readonly component: string
  readonly kind: MeasurementKind
}

export interface SensorRecord {
  readonly spec: SensorSpec
  lastData: { readonly value: number; readonly atMs: number } | undefined
  lastError: { readonly error: SensorDataMissing; readonly atMs: number } | undefined
  /** The newer of the two. */
  isLastError: boolean
  errorCount: number
}

const MISSING = {
  [SensorState.Off]: 'DeviceOff',
  [SensorState.Error]: 'DeviceError',
  [SensorState.NotPresent]: 'DeviceNotPresent',
  [SensorState.Unavailable]: 'DeviceUnavailable',
  [SensorState.Timeout]: 'DeviceTimeout',
} as const

export class SensorTask {
  readonly records: readonly SensorRecord[]
  readonly #context: TaskContext
  readonly #sensors: MainBlock
  readonly #fans: FanRegisters
  readonly #profile: BoardProfile

  constructor(context: TaskContext, profile: BoardProfile, sensors: MainBlock, fans: FanRegisters) {
    this.#context = context
    this.#profile = profile
    this.#sensors = sensors
    this.#fans = fans
    this.records = sensorSpecs(profile).map((spec) => ({
      spec,
      lastData: undefined,
      lastError: undefined,
      isLastError: false,
      errorCount: 0,
    }))
  }

  /** Looks at everything. @returns what the parts' sensors say, for the thermal loop. */
  look(): readonly Reading[] {
    const { parts, fanCount } = this.#profile
    const nowMs = this.#context.clock.nowMs()
    const readings: Reading[] = []
    for (let index = 0; index <= parts.length; index++) {
      const reading = this.#temperature(this.records[index]!, this.#sensors.temperatures(index).read(), nowMs)
      if (index < parts.length) readings.push(reading)
    }
    let at = parts.length + 1
    for (let fan = 0; fan < fanCount; fan++) {
      const { present, rpm } = this.#fans.fans(fan).read()
      this.#keep(this.records[at++]!, present ? rpm : 'DeviceNotPresent', nowMs)
    }
    const { voltage, current } = this.#sensors.supplies(0)
    const volts = voltage.read().value / 1000
    const amperes = current.read().value / 100
    this.#keep(this.records[at++]!, volts, nowMs)
    this.#keep(this.records[at++]!, amperes, nowMs)
    this.#keep(this.records[at++]!, volts * amperes, nowMs)
    return readings
  }

  #temperature(record: SensorRecord, register: Temperature, nowMs: number): Reading {
    const { state } = register
    if (state === SensorState.Ok) {
      const celsius = Math.round(register.centikelvin - 27_315) / 100
      this.#keep(record, celsius, nowMs)
      return { kind: 'value', celsius }
    }
    const isNew = !record.isLastError
    this.#keep(record, state === undefined ? 'DeviceError' : MISSING[state], nowMs)
    if (state === SensorState.Off) return { kind: 'off' }
    if (isNew) {
      const error = record.lastError!.error
      this.#context.trace('sensor', `${record.spec.name}: ${error}`)
      this.#context.report('sensor', { k: 'sensor.failed', sensor: record.spec.name, error })
    }
    // What spoke before and is not there any more has failed; what never was there is not fitted.
    return { kind: state === SensorState.NotPresent && record.lastData === undefined ? 'absent' : 'silent' }
  }

  #keep(record: SensorRecord, value: number | SensorDataMissing, atMs: number): void {
    if (typeof value === 'number') {
      record.lastData = { value, atMs }
      record.isLastError = false
    } else {
      record.lastError = { error: value, atMs }
      record.isLastError = true
      record.errorCount += 1
    }
  }
}

/** Every sensor of a board, by number: temperatures of parts, air, fans, supply. */
export function sensorSpecs(profile: BoardProfile): readonly SensorSpec[] {
  const named: readonly Omit<SensorSpec, 'id'>[] = [
    ...profile.parts.map((part): Omit<SensorSpec, 'id'> => ({
      name: part.name,
      component: part.name,
      kind: part.sensor,
    })),
    { name: 'air-front', component: 'air-front', kind: 'Temperature' },
    ...Array.from({ length: profile.fanCount }, (_, fan): Omit<SensorSpec, 'id'> => ({
      name: `fan-${fan}`,
      component: 'fan-ctrl',
      kind: 'Speed',
    })),
    { name: 'supply-voltage', component: 'supply', kind: 'InputVoltage' },
    { name: 'supply-current', component: 'supply', kind: 'InputCurrent' },
    { name: 'supply-power', component: 'supply', kind: 'InputPower' },
  ]
  return named.map((each, id) => ({ id, ...each }))
}
