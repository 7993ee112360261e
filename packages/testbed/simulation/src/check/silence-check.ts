/**
 * How soon BFD sees that nothing comes any more (RFC 5880 §6.8.4): from the last frame on, no session at the receiving end may be up for
 * longer than its detection time, three intervals of 300 ms here once it has settled.
 */
import type { Clock } from '@lodestone/host'
import type { LinkDirection } from '@lodestone/link'
import type { Emulation, LinkSpec } from '@lodestone/testbed'

/** Clocks of nodes may be wrong by a twentieth; timers are aligned to 5 ms, and packets need their time. */
const CLOCK_ERROR = 1.06
const SLACK_MS = 20
const LOOK_MS = 250

export interface SilenceCheckOptions {
  readonly clock: Clock
  readonly emulation: Emulation
  readonly onProblem: (problem: string) => void
}

export class SilenceCheck {
  readonly #options: SilenceCheckOptions
  /** Link and direction in which everything is lost. */
  readonly #silent = new Set<string>()

  constructor(options: SilenceCheckOptions) {
    this.#options = options
  }

  /** Everything that is sent from now on is lost, or no longer. */
  set(link: string, direction: LinkDirection, isSilent: boolean): void {
    const key = `${link} ${direction}`
    if (!isSilent) return void this.#silent.delete(key)
    if (this.#silent.has(key)) return
    this.#silent.add(key)
    this.#watch(key, link, direction, -1, this.#options.clock.nowMs())
  }

  /** @param arrived frames when it was looked at last; @param sinceMs when the last one may have come. */
  #watch(key: string, name: string, direction: LinkDirection, arrived: number, sinceMs: number): void {
    const { clock, emulation, onProblem } = this.#options
    const link = emulation.wiring.links.get(name)
    const spec = emulation.topology.links.find((each) => each.name === name)
    if (!this.#silent.has(key) || link === undefined || spec === undefined) return
    const { framesOut } = link.counters(direction)
    const fromMs = framesOut === arrived ? sinceMs : clock.nowMs()
    for (const problem of this.#deaf(spec, direction, clock.nowMs() - fromMs)) onProblem(problem)
    clock.after(LOOK_MS, () => this.#watch(key, name, direction, framesOut, fromMs))
  }

  #deaf(spec: LinkSpec, direction: LinkDirection, silentMs: number): string[] {
    const { emulation } = this.#options
    const [from, to] = direction === 'a-to-b' ? [spec.a, spec.b] : [spec.b, spec.a]
    const addresses = addressesOf(emulation, from)
    const peers = emulation.nodes.get(to.node)?.routed?.bfdStatus()?.peers ?? []
    return peers.flatMap(({ name, state, remoteAddress, timers }) => {
      const boundMs = (timers.detectionTimeUs / 1000) * CLOCK_ERROR + SLACK_MS
      if (state !== 'Up' || silentMs <= boundMs || !addresses.includes(`${remoteAddress}`)) return []
      const detectMs = timers.detectionTimeUs / 1000
      return [
        `${to.node}: BFD with ${name} is up ${silentMs.toFixed(0)} ms after its last packet, detection time ${detectMs} ms`,
      ]
    })
  }
}

function addressesOf({ topology }: Emulation, { node, port }: LinkSpec['a']): readonly string[] {
  const spec = topology.nodes.find(({ name }) => name === node)
  const own =
    spec?.kind === 'host'
      ? spec.interfaces
      : spec?.kind === 'switch'
        ? spec.ports
        : spec?.kind === 'sled'
          ? spec.nics
          : []
  return own.find(({ name }) => name === port)?.addresses.map(({ address }) => `${address}`) ?? []
}
