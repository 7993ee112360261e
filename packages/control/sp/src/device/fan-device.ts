/** The simulated fan controller: what it drives fans with, what it measures, and its watchdog. */
import { bits } from '@lodestone/rsf'
import { fanControllerSimulation, type MainSimulation } from '../registers/fan-controller.ts'
import type { BoardProfile } from './board-profile.ts'
import { FaultyBus } from './faulty-bus.ts'
import { MIN_RPM } from './thermal-plant.ts'

export class FanDevice {
  readonly bus: FaultyBus
  readonly #device: MainSimulation
  readonly #reset: () => void
  readonly #count: number
  readonly #dead = new Set<number>()
  readonly #missing = new Set<number>()
  readonly #permille: number[]
  #fedMs = 0
  #isFed = false
  /** Fans were driven at the last look: only then standing still is a fault. */
  #wasDriven = false

  constructor(profile: BoardProfile, hasStandby: () => boolean) {
    const { platform, device } = fanControllerSimulation()
    this.#device = device
    this.#reset = () => platform.reset()
    this.#count = profile.fanCount
    this.#permille = Array.from({ length: profile.fanCount }, () => 0)
    this.bus = new FaultyBus(platform, hasStandby)
    device.control.onWrite(({ written }) => {
      if (written.feed) this.#isFed = true
    })
    this.reset(0)
  }

  reset(nowMs: number): void {
    this.#reset()
    this.#fedMs = nowMs
    this.#isFed = false
    this.#wasDriven = false
    for (let index = 0; index < this.#count; index++) {
      this.#device.fans(index).update((fan) => (fan.present = !this.#missing.has(index)))
    }
  }

  /** A dead fan stands still; a missing one is not even there. */
  setFan(index: number, health: 'well' | 'dead' | 'missing'): void {
    this.#dead.delete(index)
    this.#missing.delete(index)
    if (health === 'dead') this.#dead.add(index)
    if (health === 'missing') this.#missing.add(index)
    this.#device.fans(index).update((fan) => (fan.present = health !== 'missing'))
  }

  /** How many can turn. */
  get living(): number {
    return this.#count - this.#dead.size - this.#missing.size
  }

  /** Looks at the watchdog. @returns thousandths of full power that each fan turns by. */
  drive(nowMs: number, isPowered: boolean): readonly number[] {
    if (this.#isFed || !isPowered) {
      this.#fedMs = nowMs
      this.#isFed = false
    }
    const { watchdogS, expired } = this.#device.control.state
    const isExpired = isPowered && watchdogS > 0 && nowMs - this.#fedMs > watchdogS * 1000
    if (isExpired !== expired) {
      this.#device.control.update((control) => (control.expired = isExpired))
      if (isExpired) this.#device.alarms.update((alarms) => (alarms.watchdog = true))
    }
    for (let index = 0; index < this.#count; index++) {
      const isTurning = isPowered && !this.#dead.has(index) && !this.#missing.has(index)
      const asked = isExpired ? 1000 : this.#device.fans(index).state.permille
      this.#permille[index] = isTurning ? asked : 0
    }
    return this.#permille
  }

  /** Shows the speeds, and raises alarms for fans that stand still though driven for two looks. */
  measure(rpm: ArrayLike<number>, isPowered: boolean): void {
    let stalled = 0
    let isDriven = false
    for (let index = 0; index < this.#count; index++) {
      const fan = this.#device.fans(index)
      fan.update((each) => (each.rpm = bits(15, Math.round(rpm[index]!))))
      const { permille, present } = fan.state
      if (!isPowered || permille === 0) continue
      isDriven = true
      if (present && rpm[index]! < MIN_RPM / 2) stalled |= 1 << index
    }
    if (this.#wasDriven && stalled !== 0) {
      this.#device.alarms.update((alarms) => (alarms.stalled = bits(8, alarms.stalled | stalled)))
    }
    this.#wasDriven = isDriven
  }
}
