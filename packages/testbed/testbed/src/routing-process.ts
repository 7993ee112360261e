/**
 * The routing daemon of a node as a process. It can be killed: its sockets close, it says goodbye to nobody, and what it programmed stays.
 * One that is started afterwards knows nothing but what the node is made with; it lets old routes stay for a while, then takes out what
 * it did not learn again.
 */
import { type Host, ProcessNetwork, type Random } from '@lodestone/host'
import type { KernelRoutes } from '@lodestone/lower'
import type { Ip, Prefix } from '@lodestone/net'
import type { Netstack } from '@lodestone/netstack'
import type { RouteChange } from '@lodestone/rib'
import { Routed, type RoutedConfig, type TargetOptions } from '@lodestone/routed'

/** A prefix that the daemon has no path to any more. */
export interface RouteRemoval {
  readonly prefix: Prefix
  readonly nextHops: readonly string[]
  readonly protocol: string
  /** Empty for what is configured. */
  readonly peer: string
  /** Milliseconds since 1970. */
  readonly atWallMs: number
}

/** The last removals that are kept. */
const MAX_REMOVALS = 128

/** Sessions come back within a second or two. */
const KEEP_OLD_MS = 5000

export interface RoutingProcessOptions {
  readonly node: string
  readonly stack: Netstack
  readonly random: Random
  /** A host with this network. */
  readonly host: (network: ProcessNetwork, random: Random) => Host
  /** Name of the network in the host. */
  readonly network: string
  readonly targets: () => readonly TargetOptions[]
  readonly config: RoutedConfig
  /** Another one has begun. */
  readonly onStart?: (routed: Routed) => void
}

export class RoutingProcess {
  readonly #options: RoutingProcessOptions
  #life: { readonly routed: Routed; readonly network: ProcessNetwork } | undefined
  #lives = 0
  readonly #removals: RouteRemoval[] = []

  constructor(options: RoutingProcessOptions) {
    this.#options = options
    this.start()
  }

  /** The one that runs. */
  get routed(): Routed | undefined {
    return this.#life?.routed
  }

  /** Its sockets: what is opened there dies with it. */
  get network(): ProcessNetwork | undefined {
    return this.#life?.network
  }

  /** Does nothing while one runs. */
  start(): void {
    if (this.#life !== undefined) return
    const { node, stack, config, random, onStart } = this.#options
    const network = new ProcessNetwork(stack)
    const life = this.#lives++
    const targets = this.#options.targets()
    const routed = new Routed(this.#options.host(network, random.fork(`${node} routing ${life}`)), {
      network: this.#options.network,
      targets: life === 0 ? targets : targets.map((target) => ({ ...target, keepOldMs: KEEP_OLD_MS })),
    })
    const result = routed.apply(config)
    if (!result.ok) throw new Error(`${node}: ${result.problems.join('; ')}`)
    this.#life = { routed, network }
    routed.rib.watch((changes) => {
      for (const change of changes) if (change.selected.length === 0) this.#removed(change, routed.host.clock.wallMs())
    })
    onStart?.(routed)
  }

  /** The last first; also those of earlier lives. */
  removals(): readonly RouteRemoval[] {
    return this.#removals.toReversed()
  }

  #removed({ prefix, previous }: RouteChange, atWallMs: number): void {
    const { protocol = '', peer = '' } = previous[0]?.source ?? {}
    this.#removals.push({ prefix, nextHops: previous.map(({ nextHop }) => `${nextHop}`), protocol, peer, atWallMs })
    if (this.#removals.length > MAX_REMOVALS) this.#removals.shift()
  }

  kill(): void {
    this.#life?.network.end()
    this.close()
  }

  /** Says goodbye to BGP peers and stops. What is programmed stays programmed. */
  close(): void {
    const life = this.#life
    this.#life = undefined
    life?.routed.close()
  }
}

/** The routes of a node's stack. @param sourceOf the address that packets which the node begins carry to there. */
export function stackRoutes(
  stack: Netstack,
  sourceOf: (prefix: Prefix) => Ip | undefined = () => undefined,
): KernelRoutes {
  return {
    setRoute(prefix, nextHops) {
      const source = sourceOf(prefix)
      stack.setRoute(prefix, nextHops, source === undefined ? {} : { source })
    },
    removeRoute: (prefix) => stack.removeRoute(prefix),
    configuredRoutes: () =>
      stack.routes().flatMap(({ prefix, origin, nextHops }) => {
        if (origin !== 'configured') return []
        return [{ prefix, nextHops: nextHops.map(({ via, interface: name }) => ({ via, interface: name })) }]
      }),
  }
}
