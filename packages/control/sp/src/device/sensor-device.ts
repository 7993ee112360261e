/** The simulated sensor hub: samples the plant and the supply, and lies where a fault says so. */
import { bits } from '@lodestone/rsf'
import { type MainSimulation, SensorState, sensorsSimulation } from '../registers/sensors.ts'
import type { BoardProfile } from './board-profile.ts'
import { FaultyBus } from './faulty-bus.ts'

/** What is wrong with a temperature sensor. */
export type SensorFault =
  /** Gives the value of the moment of the fault for ever. */
  | { readonly kind: 'stuck' }
  /** Gives no value. */
  | { readonly kind: 'missing' | 'error' | 'timeout' | 'unavailable' }
  /** Drifts away from the truth. */
  | { readonly kind: 'ramp'; readonly kPerS: number }

export interface Sample {
  readonly temperaturesC: ArrayLike<number>
  readonly airC: number
  readonly isHostOn: boolean
  readonly supplyMillivolts: number
  readonly watts: number
}

const FAULT_STATES = {
  missing: SensorState.NotPresent,
  error: SensorState.Error,
  timeout: SensorState.Timeout,
  unavailable: SensorState.Unavailable,
} as const

export class SensorDevice {
  readonly bus: FaultyBus
  readonly #device: MainSimulation
  readonly #profile: BoardProfile
  readonly #faults = new Map<number, { readonly fault: SensorFault; readonly sinceMs: number; readonly atC: number }>()
  readonly #lastC: Float64Array

  constructor(profile: BoardProfile, hasStandby: () => boolean) {
    const { platform, device } = sensorsSimulation()
    this.#device = device
    this.#profile = profile
    this.bus = new FaultyBus(platform, hasStandby)
    this.#lastC = new Float64Array(device.temperaturesCount)
  }

  /** The temperature sensors: one for each part, and after them the air at the front. */
  get count(): number {
    return this.#profile.parts.length + 1
  }

  setFault(index: number, fault: SensorFault | undefined, nowMs: number): void {
    if (fault === undefined) this.#faults.delete(index)
    else this.#faults.set(index, { fault, sinceMs: nowMs, atC: this.#lastC[index]! })
  }

  clearFaults(): void {
    this.#faults.clear()
  }

  sample(sample: Sample, nowMs: number): void {
    for (let index = 0; index < this.#device.temperaturesCount; index++) {
      const isFitted = index < this.count
      const part = this.#profile.parts[index]
      const trueC = part === undefined ? sample.airC : sample.temperaturesC[index]!
      // A sensor inside a part without power does not answer.
      const isOff = part !== undefined && !sample.isHostOn && part.standbyW === 0
      this.#show(index, trueC, !isFitted ? SensorState.NotPresent : isOff ? SensorState.Off : SensorState.Ok, nowMs)
    }
    const { voltage, current } = this.#device.supplies(0)
    voltage.update((each) => (each.value = bits(16, Math.round(sample.supplyMillivolts))))
    const centiamperes = sample.supplyMillivolts === 0 ? 0 : (sample.watts / sample.supplyMillivolts) * 100_000
    current.update((each) => (each.value = bits(16, Math.min(0xffff, Math.round(centiamperes)))))
  }

  #show(index: number, trueC: number, natural: SensorState, nowMs: number): void {
    let celsius = trueC
    let state = natural
    const active = this.#faults.get(index)
    if (active !== undefined) {
      const { fault, sinceMs, atC } = active
      if (fault.kind === 'stuck') celsius = atC
      else if (fault.kind === 'ramp') celsius += (fault.kPerS * (nowMs - sinceMs)) / 1000
      else state = FAULT_STATES[fault.kind]
    }
    this.#lastC[index] = celsius
    const centikelvin = Math.min(0xffff, Math.max(0, Math.round((celsius + 273.15) * 100)))
    this.#device.temperatures(index).update((each) => {
      each.state = state
      each.centikelvin = bits(16, centikelvin)
    })
  }
}
