/**
 * The physics of a board: parts that are heated by their work and cooled by air, fans that move the air.
 *
 *   C dT/dt = P − (T − Tair) / R(air)        R(air) = R0 + R1 / max(air, 0.01)^0.8
 *
 * With inputs that stay the same for a step the solution is an exponential, so a step is exact whatever its length, except
 * that fans change speed within it: steps are cut to half a second.
 */
import type { BoardProfile } from './board-profile.ts'

export const MAX_RPM = 13_500
export const MIN_RPM = 500
const FAN_SETTLE_S = 1.5
const STEP_S = 0.5
/** What moves by itself when no fan does, as a fraction of all air. */
const STILL_AIR = 0.01

/** How busy a board is, 0 to 1 each. */
export interface Load {
  readonly processor: number
  readonly network: number
}

export const IDLE: Load = { processor: 0, network: 0 }

export interface PlantInput {
  readonly load: Load
  readonly isHostOn: boolean
  /** A throttled host does half its work. */
  readonly isThrottled: boolean
  readonly airC: number
  /** Thousandths of full power for each fan; 0 for one without power or life. */
  readonly fanPermille: readonly number[]
}

export class ThermalPlant {
  readonly temperaturesC: Float64Array
  readonly rpm: Float64Array
  /** Something got hotter than it survives. */
  isDamaged = false
  readonly #profile: BoardProfile

  constructor(profile: BoardProfile, airC: number) {
    this.#profile = profile
    this.temperaturesC = new Float64Array(profile.parts.length).fill(airC)
    this.rpm = new Float64Array(profile.fanCount)
  }

  /** Watts of all parts together. */
  watts(input: PlantInput): number {
    let sum = 0
    for (let i = 0; i < this.#profile.parts.length; i++) sum += this.#partWatts(i, input)
    return sum
  }

  advance(seconds: number, input: PlantInput): void {
    for (let left = seconds; left > 1e-9; left -= STEP_S) this.#step(Math.min(left, STEP_S), input)
  }

  #step(seconds: number, input: PlantInput): void {
    const settled = 1 - Math.exp(-seconds / FAN_SETTLE_S)
    let turns = 0
    for (let i = 0; i < this.rpm.length; i++) {
      const permille = input.fanPermille[i] ?? 0
      const wanted = permille === 0 ? 0 : MIN_RPM + ((MAX_RPM - MIN_RPM) * permille) / 1000
      this.rpm[i] = this.rpm[i]! + (wanted - this.rpm[i]!) * settled
      turns += this.rpm[i]!
    }
    // A board without fans is cooled by those inside its parts.
    const air = this.rpm.length === 0 ? 1 : Math.max(turns / (MAX_RPM * this.rpm.length), STILL_AIR) ** -0.8
    for (let i = 0; i < this.temperaturesC.length; i++) {
      const part = this.#profile.parts[i]!
      const resistance = part.resistance + part.airResistance * air
      const steady = input.airC + this.#partWatts(i, input) * resistance
      const kept = Math.exp(-seconds / (resistance * part.capacity))
      const next = steady + (this.temperaturesC[i]! - steady) * kept
      this.temperaturesC[i] = next
      if (next > part.damageC) this.isDamaged = true
    }
  }

  #partWatts(index: number, input: PlantInput): number {
    const part = this.#profile.parts[index]!
    if (!input.isHostOn) return part.standbyW
    const busy = Math.min(1, Math.max(0, input.load[part.load])) * (input.isThrottled ? 0.5 : 1)
    return part.standbyW + part.idleW + part.busyW * busy
  }
}
