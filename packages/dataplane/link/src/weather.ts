/** What changes with time on a link by itself: outages, and delays that move (a satellite that comes nearer and goes away). */
import type { Random } from '@lodestone/host'

/** A link that is up and carries nothing from time to time. */
export type Outage =
  /** `onMs` of service, then `offMs` without; begins with service, `phaseMs` into it. */
  | { readonly kind: 'periodic'; readonly onMs: number; readonly offMs: number; readonly phaseMs?: number }
  /** The lengths of both are exponential with these means. */
  | { readonly kind: 'exponential'; readonly onMs: number; readonly offMs: number }

/** Added to the delay: rises from 0 to `rangeMs` over `periodMs`, then falls back at once (sawtooth) or as it rose (triangle). */
export interface DelayWave {
  readonly shape: 'sawtooth' | 'triangle'
  readonly rangeMs: number
  readonly periodMs: number
}

export function waveMs(wave: DelayWave, nowMs: number): number {
  const phase = (nowMs % wave.periodMs) / wave.periodMs
  if (wave.shape === 'sawtooth') return wave.rangeMs * phase
  return wave.rangeMs * (phase < 0.5 ? 2 * phase : 2 - 2 * phase)
}

/** Follows an outage through time; asked with times that never go back. */
export class OutageClock {
  readonly #outage: Outage
  #isOn = true
  #untilMs: number | undefined

  constructor(outage: Outage) {
    this.#outage = outage
  }

  isOut(nowMs: number, random: Random): boolean {
    const outage = this.#outage
    if (outage.kind === 'periodic') {
      return (nowMs + (outage.phaseMs ?? 0)) % (outage.onMs + outage.offMs) >= outage.onMs
    }
    this.#untilMs ??= nowMs + exponential(outage.onMs, random)
    while (nowMs >= this.#untilMs) {
      this.#isOn = !this.#isOn
      this.#untilMs += exponential(this.#isOn ? outage.onMs : outage.offMs, random)
    }
    return !this.#isOn
  }
}

/** Rounded to microseconds, so that the last bit of a machine's logarithm is never seen. */
function exponential(meanMs: number, random: Random): number {
  return Math.max(0.001, Math.round(-Math.log(1 - random.float()) * meanMs * 1000) / 1000)
}
