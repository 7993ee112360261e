/** The thermal task: feeds the machine with temperatures once a second and moves the fans. */
import { bits } from '@lodestone/rsf'
import type { BoardProfile } from '../device/board-profile.ts'
import type { MainBlock } from '../registers/fan-controller.ts'
import type { TaskContext } from './task-context.ts'
import { type Reading, stepThermal, THERMAL_OFF, type ThermalStatus } from './thermal-machine.ts'

export interface ThermalEffects {
  setThrottle(isThrottled: boolean): void
  powerDown(): void
}

export class ThermalTask {
  status: ThermalStatus = THERMAL_OFF
  readonly #context: TaskContext
  readonly #fans: MainBlock
  readonly #profile: BoardProfile
  readonly #effects: ThermalEffects
  #steppedMs: number
  #permille = -1
  #stalled = 0

  constructor(context: TaskContext, profile: BoardProfile, fans: MainBlock, effects: ThermalEffects) {
    this.#context = context
    this.#profile = profile
    this.#fans = fans
    this.#effects = effects
    this.#steppedMs = context.clock.nowMs()
  }

  step(readings: readonly Reading[], isHostOn: boolean): void {
    const nowMs = this.#context.clock.nowMs()
    const before = this.status
    const { parts } = this.#profile
    const seconds = (nowMs - this.#steppedMs) / 1000
    this.#steppedMs = nowMs
    const { status, actions } = stepThermal(before, { parts, readings, isHostOn, nowMs, seconds })
    this.status = status
    if (status.state !== before.state) this.#tell(before, status)
    const living = this.#look()
    // Those that turn do the work of those that do not.
    const share = this.#profile.fanCount / Math.max(1, living)
    this.#drive(Math.min(1000, Math.round(status.fanPercent * 10 * share)))
    this.#fans.control.update({ feed: true })
    for (const action of actions) {
      if (action.kind === 'power-down') this.#effects.powerDown()
      else this.#effects.setThrottle(action.kind === 'throttle')
    }
  }

  #tell(before: ThermalStatus, status: ThermalStatus): void {
    const worst = status.worstPart === undefined ? undefined : this.#profile.parts[status.worstPart]?.name
    this.#context.trace('thermal', `${before.state} to ${status.state}${worst === undefined ? '' : `, worst ${worst}`}`)
    if (status.state !== 'Critical' && status.state !== 'Uncontrollable') return
    this.#context.report('thermal', {
      k: status.state === 'Critical' ? 'thermal.critical' : 'thermal.uncontrollable',
      part: worst ?? '',
      margin_k: Math.round((status.worstMarginK ?? 0) * 100) / 100,
    })
  }

  #drive(permille: number): void {
    if (permille === this.#permille) return
    this.#permille = permille
    for (let fan = 0; fan < this.#profile.fanCount; fan++) {
      this.#fans.fans(fan).update({ permille: bits(10, permille) })
    }
  }

  /** A fan that stands still is told about once, until it has turned again. @returns how many turn when driven. */
  #look(): number {
    const alarms = this.#fans.alarms.read()
    // A bus on which nobody answers gives ones.
    if (alarms.raw === 0xffffffff) return this.#profile.fanCount
    const { stalled } = alarms
    let living = 0
    for (let fan = 0; fan < this.#profile.fanCount; fan++) {
      if ((stalled & (1 << fan)) === 0 && this.#fans.fans(fan).read().present) living += 1
      if ((stalled & ~this.#stalled & (1 << fan)) === 0) continue
      this.#context.trace('thermal', `fan ${fan} stands still`)
      this.#context.report('thermal', { k: 'fan.stalled', fan })
    }
    this.#stalled = stalled
    if (alarms.watchdog) this.#context.trace('thermal', 'the fan watchdog expired')
    if (alarms.raw !== 0) this.#fans.alarms.write(alarms)
    return living
  }
}
