/**
 * The thermal loop, as a pure machine that runs once a second. It aims at the part with the least margin; a part whose
 * sensor is silent is taken to warm up as fast as it can since it last spoke.
 *
 *   Boot ──every sensor has spoken──→ Running ──some part critical──→ Critical ──60 s, or power_down──→ Uncontrollable (A2)
 *                                        ↑ all below target             ↓ all below critical
 *                                        └────────── FanParty ──────────┘ fans stay at the limit, the clock stops
 */
import type { ThermalPart } from '../device/board-profile.ts'

export const OVERHEAT_TIMEOUT_MS = 60_000
/** Kelvin below target at which the loop aims. */
const TARGET_MARGIN_K = 2

export interface PidConfig {
  /** Percent of fan power without error. */
  readonly zero: number
  readonly p: number
  readonly i: number
  readonly d: number
}

export const PID: PidConfig = { zero: 35, p: 1.75, i: 0.0135, d: 0.4 }

/** What a sensor said at the last look. */
export type Reading =
  | { readonly kind: 'value'; readonly celsius: number }
  | { readonly kind: 'silent' | 'off' | 'absent' }

interface Seen {
  readonly celsius: number
  readonly atMs: number
}

export interface ThermalStatus {
  readonly state: 'Off' | 'Boot' | 'Running' | 'Critical' | 'FanParty' | 'Uncontrollable'
  readonly seen: readonly (Seen | undefined)[]
  readonly integral: number
  readonly previousError: number | undefined
  /** Since when some part is critical; meaningful in Critical. */
  readonly criticalSinceMs: number
  /** Percent of fan power. */
  readonly fanPercent: number
  /** Degrees to target of the part that has the least of it; undefined before anything was seen. */
  readonly worstMarginK: number | undefined
  readonly worstPart: number | undefined
}

export interface ThermalAction {
  readonly kind: 'throttle' | 'unthrottle' | 'power-down'
}

export interface ThermalStep {
  readonly status: ThermalStatus
  readonly actions: readonly ThermalAction[]
}

export const THERMAL_OFF: ThermalStatus = {
  state: 'Off',
  seen: [],
  integral: 0,
  previousError: undefined,
  criticalSinceMs: 0,
  fanPercent: 0,
  worstMarginK: undefined,
  worstPart: undefined,
}

export interface ThermalInput {
  readonly parts: readonly ThermalPart[]
  /** By part. */
  readonly readings: readonly Reading[]
  readonly isHostOn: boolean
  readonly nowMs: number
  /** Since the last step. */
  readonly seconds: number
}

export function stepThermal(before: ThermalStatus, input: ThermalInput): ThermalStep {
  if (!input.isHostOn) {
    if (before.state === 'Off') return { status: before, actions: [] }
    return { status: THERMAL_OFF, actions: [{ kind: 'unthrottle' }] }
  }
  const { parts, readings, nowMs } = input
  const seen = parts.map((_, index) => {
    const reading = readings[index]
    return reading?.kind === 'value' ? { celsius: reading.celsius, atMs: nowMs } : before.seen[index]
  })
  const worst = worstOf(parts, seen, nowMs)
  const status: ThermalStatus = { ...before, seen, worstMarginK: worst.marginK, worstPart: worst.part }
  if (worst.isPowerDown) return uncontrollable(status)
  switch (before.state) {
    case 'Off':
      return { status: { ...status, state: 'Boot', fanPercent: 100 }, actions: [] }
    case 'Boot': {
      const isComplete = parts.every((_, index) => seen[index] !== undefined || readings[index]?.kind === 'absent')
      if (worst.isCritical) return critical(status, nowMs)
      return { status: isComplete ? { ...status, state: 'Running' } : { ...status, fanPercent: 100 }, actions: [] }
    }
    case 'Running':
      if (worst.isCritical) return critical(status, nowMs)
      return { status: control(status, worst.marginK ?? 0, input.seconds), actions: [] }
    case 'Critical':
      if (!worst.isCritical) return { status: { ...status, state: 'FanParty', fanPercent: 100 }, actions: [] }
      if (nowMs - before.criticalSinceMs >= OVERHEAT_TIMEOUT_MS) return uncontrollable(status)
      return { status: { ...status, fanPercent: 100 }, actions: [] }
    case 'FanParty':
      if (worst.isCritical) return critical(status, nowMs)
      if ((worst.marginK ?? 0) < 0) return { status: { ...status, fanPercent: 100 }, actions: [] }
      return {
        status: { ...status, state: 'Running', integral: 0, previousError: undefined },
        actions: [{ kind: 'unthrottle' }],
      }
    case 'Uncontrollable':
      return { status: { ...status, fanPercent: 100 }, actions: [] }
  }
}

function critical(status: ThermalStatus, nowMs: number): ThermalStep {
  return {
    status: { ...status, state: 'Critical', criticalSinceMs: nowMs, fanPercent: 100 },
    actions: [{ kind: 'throttle' }],
  }
}

function uncontrollable(status: ThermalStatus): ThermalStep {
  const isNew = status.state !== 'Uncontrollable'
  return {
    status: { ...status, state: 'Uncontrollable', fanPercent: 100 },
    actions: isNew ? [{ kind: 'power-down' }] : [],
  }
}

interface Worst {
  readonly marginK: number | undefined
  readonly part: number | undefined
  readonly isCritical: boolean
  readonly isPowerDown: boolean
}

function worstOf(parts: readonly ThermalPart[], seen: readonly (Seen | undefined)[], nowMs: number): Worst {
  let marginK: number | undefined
  let part: number | undefined
  let isCritical = false
  let isPowerDown = false
  for (let index = 0; index < parts.length; index++) {
    const last = seen[index]
    if (last === undefined) continue
    const { targetC, criticalC, powerDownC, slewKPerS } = parts[index]!
    const celsius = last.celsius + (slewKPerS * (nowMs - last.atMs)) / 1000
    if (celsius >= criticalC) isCritical = true
    if (celsius >= powerDownC) isPowerDown = true
    if (marginK === undefined || targetC - celsius < marginK) {
      marginK = targetC - celsius
      part = index
    }
  }
  return { marginK, part, isCritical, isPowerDown }
}

/**
 * A one-sided PID: more fan when the margin is less than wanted, never less than 0. The integral may bring the output to a
 * limit and no further, so that it does not wind up while a limit holds.
 */
function control(status: ThermalStatus, marginK: number, seconds: number): ThermalStatus {
  const error = TARGET_MARGIN_K - marginK
  const slope = status.previousError === undefined || seconds <= 0 ? 0 : (error - status.previousError) / seconds
  const proportional = PID.zero + PID.p * error + PID.d * slope
  const integral = clamp(status.integral + PID.i * error * seconds, -proportional, 100 - proportional)
  return { ...status, integral, previousError: error, fanPercent: clamp(proportional + integral, 0, 100) }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
