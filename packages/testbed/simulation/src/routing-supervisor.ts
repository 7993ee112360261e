/**
 * What the routing daemons are told to do from outside. Routers do what the topology says, with BFD for every BGP neighbour, and announce
 * the prefixes that the timeline has them announce. Switches do what the control plane says. A daemon that begins anew is told again.
 */
import type { BgpConfig, Routed, RoutedConfig } from '@lodestone/routed'
import { Prefix } from '@lodestone/net'
import type { Emulation } from '@lodestone/testbed'
import type { Announcement } from './fault/sim-event.ts'

/** RFC 5880: 300 ms both ways, three in a row. */
export const BFD_PROFILE = { desiredMinTxUs: 300_000, requiredMinRxUs: 300_000, detectMult: 3 }

export class RoutingSupervisor {
  readonly #emulation: Emulation
  /** Router and prefix. */
  readonly #announced = new Map<string, string[]>()
  /** What each daemon was configured with by its node. */
  readonly #base = new WeakMap<Routed, RoutedConfig>()

  constructor(emulation: Emulation) {
    this.#emulation = emulation
  }

  /** The daemon of a node is killed, unless it is dead. */
  kill(name: string): void {
    this.#emulation.nodes.get(name)?.killRouting()
  }

  /** It begins anew, unless it lives. */
  async start(name: string): Promise<void> {
    await this.#emulation.nodes.get(name)?.startRouting()
    this.apply(name)
  }

  /** @returns whether somebody announces the prefix now. */
  announce({ router, prefix }: Announcement, isOn: boolean): boolean {
    const here = this.#announced.get(router) ?? []
    if (isOn) here.push(prefix)
    else here.splice(here.indexOf(prefix), 1)
    this.#announced.set(router, here)
    this.apply(router)
    return [...this.#announced.values()].some((each) => each.includes(prefix))
  }

  /** Also when a node has come up: its daemon is another one. */
  apply(name: string): void {
    const node = this.#emulation.nodes.get(name)
    const routed = node?.routed
    if (node === undefined || routed === undefined) return
    // What a switch does is the control plane's to say.
    if (node.kind === 'switch') return
    const base = this.#base.get(routed) ?? routed.config
    this.#base.set(routed, base)
    if (base.bgp === undefined) return
    const bgp: BgpConfig = {
      ...base.bgp,
      bfd: Object.fromEntries(base.bgp.peers.map((peer) => [peer.name, BFD_PROFILE])),
      originate: [...base.bgp.originate, ...(this.#announced.get(name) ?? []).map((prefix) => Prefix.of(prefix))],
    }
    const result = routed.apply({ ...base, bgp })
    if (!result.ok) throw new Error(`${name}: ${result.problems.join('; ')}`)
  }

  applyAll(): void {
    for (const name of this.#emulation.nodes.keys()) this.apply(name)
  }
}
