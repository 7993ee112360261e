/**
 * What the routing daemons are told to do from outside. Routers do what the topology says, with BFD for every BGP neighbour, and announce
 * the prefixes that the timeline has them announce. Switches do what the control plane says. A daemon that is off has no configuration:
 * its sessions, routes and neighbours are gone.
 *
 * NOT IMPLEMENTED: the death of the routing process under a switch's tables. Its configuration is taken away and given back, which withdraws
 * its routes first, as a process that is asked to end does.
 */
import type { BgpConfig, Routed, RoutedConfig } from '@lodestone/routed'
import { EMPTY_CONFIG } from '@lodestone/routed'
import { Prefix } from '@lodestone/net'
import type { Emulation } from '@lodestone/testbed'
import type { Announcement } from './fault/sim-event.ts'

/** RFC 5880: 300 ms both ways, three in a row. */
export const BFD_PROFILE = { desiredMinTxUs: 300_000, requiredMinRxUs: 300_000, detectMult: 3 }

export class RoutingSupervisor {
  readonly #emulation: Emulation
  readonly #off = new Set<string>()
  /** Router and prefix. */
  readonly #announced = new Map<string, string[]>()
  /** What each daemon was configured with by its node. */
  readonly #base = new WeakMap<Routed, RoutedConfig>()

  /** Of switches: what they were doing when their daemon went. */
  readonly #saved = new WeakMap<Routed, RoutedConfig>()

  constructor(emulation: Emulation) {
    this.#emulation = emulation
  }

  setOn(node: string, isOn: boolean): void {
    const routed = this.#emulation.nodes.get(node)?.routed
    if (!isOn && routed !== undefined && !this.#off.has(node)) this.#saved.set(routed, routed.config)
    if (isOn) this.#off.delete(node)
    else this.#off.add(node)
    this.apply(node)
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
    const base = this.#base.get(routed) ?? routed.config
    this.#base.set(routed, base)
    const result = routed.apply(this.#wish(name, node.kind, routed, base))
    if (!result.ok) throw new Error(`${name}: ${result.problems.join('; ')}`)
  }

  applyAll(): void {
    for (const name of this.#emulation.nodes.keys()) this.apply(name)
  }

  #wish(name: string, kind: string, routed: Routed, base: RoutedConfig): RoutedConfig {
    if (this.#off.has(name)) return EMPTY_CONFIG
    // What a switch does is the control plane's to say; we only give back what it had.
    if (kind === 'switch') return this.#saved.get(routed) ?? routed.config
    if (base.bgp === undefined) return base
    const bgp: BgpConfig = {
      ...base.bgp,
      bfd: Object.fromEntries(base.bgp.peers.map((peer) => [peer.name, BFD_PROFILE])),
      originate: [...base.bgp.originate, ...(this.#announced.get(name) ?? []).map((prefix) => Prefix.of(prefix))],
    }
    return { ...base, bgp }
  }
}
