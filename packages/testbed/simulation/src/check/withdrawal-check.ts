/**
 * How late withdrawals are: once nobody announces a prefix any more, every BGP speaker has to have forgotten it within a bound, which is
 * shorter the longer nothing else has been wrong. While something is wrong no time counts: messages may be lost, and sessions gone.
 */
import type { Clock } from '@lodestone/host'
import type { Emulation } from '@lodestone/testbed'

/** In a network in which nothing was wrong for `CALM_MS`: some links and advertisement intervals. */
const CALM_BOUND_MS = 1000
const CALM_MS = 30_000
/** After a fault's end: a node starts, sessions come back, and retransmissions that have backed off are over. */
const UNREST_BOUND_MS = 25_000

export interface WithdrawalCheckOptions {
  readonly clock: Clock
  readonly emulation: Emulation
  readonly onProblem: (problem: string) => void
}

export class WithdrawalCheck {
  readonly #options: WithdrawalCheckOptions
  #faults = 0
  #lastFaultMs = -Infinity

  constructor(options: WithdrawalCheckOptions) {
    this.#options = options
  }

  faultBegins(): void {
    this.#faults++
  }

  faultEnds(): void {
    this.#faults--
    this.#lastFaultMs = this.#options.clock.nowMs()
  }

  /** The last router that announced a prefix has been told not to. */
  withdrawn(prefix: string): void {
    const { clock } = this.#options
    this.#await(prefix, clock.nowMs(), clock.nowMs() - this.#lastFaultMs)
  }

  /** Looks when the time is over, unless that has moved on by then. */
  #await(prefix: string, withdrawnMs: number, calmMs: number): void {
    const { clock, onProblem } = this.#options
    const wasCalm = this.#faults === 0 && calmMs >= CALM_MS
    const boundMs = wasCalm ? CALM_BOUND_MS : UNREST_BOUND_MS
    const fromMs = wasCalm ? withdrawnMs : Math.max(withdrawnMs, this.#lastFaultMs)
    clock.after(Math.max(boundMs / 4, fromMs + boundMs - clock.nowMs()), () => {
      if (this.#isAnnounced(prefix)) return
      const isDisturbed = this.#faults > 0 || this.#lastFaultMs > fromMs
      if (isDisturbed) return this.#await(prefix, withdrawnMs, 0)
      const late = this.#whoHas(prefix)
      if (late.length === 0) return
      const agoMs = (clock.nowMs() - fromMs).toFixed(0)
      const since = wasCalm ? 'its withdrawal' : 'its withdrawal and the last fault'
      onProblem(`${late.join(', ')} still ${late.length === 1 ? 'has' : 'have'} ${prefix} ${agoMs} ms after ${since}`)
    })
  }

  #isAnnounced(prefix: string): boolean {
    for (const { routed } of this.#options.emulation.nodes.values()) {
      if (routed?.config.bgp?.originate.some((each) => `${each}` === prefix) === true) return true
    }
    return false
  }

  #whoHas(prefix: string): string[] {
    const names: string[] = []
    for (const { name, routed } of this.#options.emulation.nodes.values()) {
      const has = routed?.rib
        .snapshot()
        .some((each) => `${each.prefix}` === prefix && each.selected.some((path) => path.source.protocol === 'bgp'))
      if (has === true) names.push(name)
    }
    return names
  }
}
