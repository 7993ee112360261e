/** What a port holds for the packet path: its configuration made into layers, its flows and its counters. */
import type { Arena } from '@lodestone/frame'
import type { Clock } from '@lodestone/host'
import { checkPortConfig, checkPortConfigInSteps, type ConfigError } from './config-check.ts'
import { DROP_REASONS } from './drop-reasons.ts'
import { DropRing } from './drop-ring.ts'
import type { EngineScope } from './engine-scope.ts'
import { FlowCache } from './flow-cache.ts'
import { FragmentTable } from './fragment-table.ts'
import { JoinedGroups } from './joined-groups.ts'
import type { Layer } from './layer.ts'
import { firewallLayer } from './layers/firewall.ts'
import { gatewayLayer } from './layers/gateway.ts'
import type { LayerContext } from './layers/layer-context.ts'
import { mappingOf, natLayer } from './layers/nat.ts'
import type { NatMapping } from './nat-mapping.ts'
import { overlayLayer } from './layers/overlay.ts'
import { routerLayer } from './layers/router.ts'
import type { PortConfig, SourceNat } from './port-config.ts'
import { limiterOf, type RateLimiter } from './rate-limiter.ts'
import { SnatPools } from './snat-pools.ts'
import { RULES_PER_STEP, runSteps, type Steps } from './steps.ts'
import { TokenBucket } from './token-bucket.ts'

/**
 * How many ICMP errors a port may send, so that a flood of bad packets does not become a flood of errors (RFC 1812
 * §4.3.2.8, RFC 4443 §2.4(f)).
 */
const ERRORS_PER_SECOND = 100
const ERRORS_BURST = 50

/** Indices of `PortState.counters`. */
export const PortCounter = {
  packetsIn: 0,
  bytesIn: 1,
  packetsOut: 2,
  bytesOut: 3,
  fastIn: 4,
  fastOut: 5,
  slowIn: 6,
  slowOut: 7,
  hairpins: 8,
  drops: 9,
  icmpErrors: 10,
  /** Fragments that have waited for their first one. */
  heldFragments: 11,
  /** Of the hairpins, those that need no answer: announcements of the guest's own addresses, reports of groups. */
  consumed: 12,
} as const

export const PORT_COUNTERS = 13

/** Sections of the configuration that a change can touch. */
export type ConfigSection =
  | 'addresses'
  | 'external-ips'
  | 'firewall'
  | 'routes'
  | 'dhcp'
  | 'mtu'
  | 'transit-ips'
  | 'rate-limits'
  | 'multicast'
  | 'name'

export type ApplyResult =
  | { readonly ok: true; readonly generation: number; readonly changed: readonly ConfigSection[] }
  | { readonly ok: false; readonly error: ConfigError }

export class PortState {
  config: PortConfig
  readonly context: LayerContext
  readonly cache: FlowCache
  readonly underlaySource: Uint8Array
  layersOut: readonly Layer[] = []
  layersIn: readonly Layer[] = []
  readonly counters = new Float64Array(PORT_COUNTERS)
  /** By drop reason number. */
  readonly dropCounts = new Float64Array(DROP_REASONS.length)
  readonly drops = new DropRing()
  readonly fragments: FragmentTable
  /** Groups that the guest has joined itself. */
  readonly joined = new JoinedGroups()
  /** Of what the guest sends, and of what it receives. */
  limitOut: RateLimiter | undefined
  limitIn: RateLimiter | undefined
  readonly errors: TokenBucket
  /** When near misses were last worked out for a drop that nobody watches. */
  explainedMs = -Infinity
  /** The VNI as the kernel wants it: its bytes on the wire, read little-endian, times 256. */
  kernelVni = 0
  pools4: SnatPools | undefined
  pools6: SnatPools | undefined
  readonly #scope: EngineScope

  /** The configuration must have passed `checkPortConfig`. @param live the port that this is a shadow of: no frame finds its flows, and leases are copied. */
  constructor(config: PortConfig, scope: EngineScope, live?: PortState) {
    this.config = config
    this.#scope = scope
    this.pools4 = live?.pools4?.copy()
    this.pools6 = live?.pools6?.copy()
    this.fragments = new FragmentTable(scope.clock.nowMs())
    this.errors = new TokenBucket(ERRORS_PER_SECOND, ERRORS_BURST, scope.clock.nowMs())
    this.underlaySource = scope.underlayAddress.bytes
    const key = live === undefined ? { vni: config.vni, mac: config.mac.bytes } : undefined
    this.cache = new FlowCache(scope.flows, key, scope.connectionsPerPort)
    this.context = {
      arena: scope.arena,
      virtualToPhysical: scope.virtualToPhysical,
      tunnelEndpoints: scope.tunnelEndpoints,
      externalAddresses: scope.externalAddresses,
      groups: scope.groups,
      versions: scope.versions,
      underlaySource: this.underlaySource,
      cache: this.cache,
      joined: this.joined,
      epoch: 1,
    }
    this.#limit(config, undefined)
    if (live !== undefined) this.joined.follow(live.joined)
    this.joined.permit(config.multicastPermitted ?? [], this.nowMs())
    this.#use(runSteps(this.#build(config)), config)
  }

  get arena(): Arena {
    return this.context.arena
  }

  get clock(): Clock {
    return this.#scope.clock
  }

  nowMs(): number {
    return this.#scope.clock.nowMs()
  }

  /** The translation that a kind and an external address mean now. */
  mappingOf(family: 4 | 6, protocol: number, kind: NatMapping['kind'], external: string): NatMapping | undefined {
    return mappingOf(this.config, family === 4 ? this.pools4 : this.pools6, { family, protocol, kind, external })
  }

  layer(name: Layer['name']): Layer {
    return this.layersOut.find((layer) => layer.name === name)!
  }

  /** What keeps a configuration from being applied to this port. */
  check(config: PortConfig): ConfigError | undefined {
    return this.#checkChange(config) ?? checkPortConfig(config)
  }

  *checkInSteps(config: PortConfig): Steps<ConfigError | undefined> {
    return this.#checkChange(config) ?? (yield* checkPortConfigInSteps(config))
  }

  /**
   * Makes the port what `config` says: everything is prepared beside what is in use, and the last step exchanges the two.
   * An error leaves all as it was.
   */
  *apply(config: PortConfig): Steps<ApplyResult> {
    const error = yield* this.checkInSteps(config)
    if (error !== undefined) return { ok: false, error }
    yield
    for (;;) {
      const before = this.config
      const changed = yield* changedSections(before, config)
      const isRebuilt = changed.some((section) => section !== 'name' && section !== 'rate-limits')
      const built = isRebuilt ? yield* this.#build(config) : undefined
      // Another configuration may have come meanwhile. A newer one stays; after an older one this starts over.
      const problem = this.#checkChange(config)
      if (problem !== undefined) return { ok: false, error: problem }
      if (this.config !== before) continue
      if (built !== undefined) {
        this.#use(built, config)
        this.context.epoch++
        this.#scope.versions.bump(this.cache.number)
      }
      this.#limit(config, before)
      if (changed.includes('multicast')) this.joined.permit(config.multicastPermitted ?? [], this.nowMs())
      this.config = config
      if (changed.length > 0) this.#scope.journal.note(this.nowMs(), { kind: 'port', id: config.id, before })
      return { ok: true, generation: config.generation, changed }
    }
  }

  #limit({ rateLimits }: PortConfig, before: PortConfig | undefined): void {
    const was = before?.rateLimits
    const nowMs = this.nowMs()
    this.limitOut = limiterOf(rateLimits?.out, { limit: was?.out, limiter: this.limitOut }, nowMs)
    this.limitIn = limiterOf(rateLimits?.in, { limit: was?.in, limiter: this.limitIn }, nowMs)
  }

  #checkChange(config: PortConfig): ConfigError | undefined {
    const old = this.config
    if (config.generation < old.generation) {
      return {
        kind: 'stale-generation',
        path: 'generation',
        message: `generation ${config.generation} is older than ${old.generation}, which is applied`,
      }
    }
    const path = config.id !== old.id ? 'id' : !config.mac.equals(old.mac) ? 'mac' : config.vni !== old.vni ? 'vni' : ''
    if (path === '') return undefined
    return { kind: 'identity-changed', path, message: `the ${path} of a port cannot change; remove it and add another` }
  }

  *#build(config: PortConfig): Steps<Built> {
    const pools = {
      v4: keepPools(this.pools4, config.externalIps4?.snat),
      v6: keepPools(this.pools6, config.externalIps6?.snat),
    }
    const layers = [
      gatewayLayer(config, this.context),
      yield* firewallLayer(config, this.context),
      yield* routerLayer(config),
      natLayer(config, pools),
      overlayLayer(config, this.context),
    ]
    for (const layer of layers) {
      const old = this.layersOut.find((other) => other.name === layer.name)
      if (old === undefined) continue
      yield* layer.rulesIn.follow(old.rulesIn)
      yield* layer.rulesOut.follow(old.rulesOut)
    }
    yield
    return { layers, pools }
  }

  #use({ layers, pools }: Built, config: PortConfig): void {
    for (const layer of layers) {
      layer.rulesIn.takeHits()
      layer.rulesOut.takeHits()
    }
    this.pools4 = pools.v4
    this.pools6 = pools.v6
    this.layersOut = layers
    this.layersIn = [...layers].reverse()
    const { vni } = config
    this.kernelVni = ((vni >>> 16) << 8) | (((vni >>> 8) & 0xff) << 16) | (vni << 24)
  }
}

function keepPools(pools: SnatPools | undefined, config: SourceNat | undefined): SnatPools | undefined {
  if (config === undefined) return undefined
  return pools?.isSame(config) ? pools : new SnatPools(config)
}

interface Built {
  readonly layers: readonly Layer[]
  readonly pools: { readonly v4: SnatPools | undefined; readonly v6: SnatPools | undefined }
}

function* changedSections(before: PortConfig, after: PortConfig): Steps<ConfigSection[]> {
  const sections: [ConfigSection, (config: PortConfig) => unknown][] = [
    ['name', (config) => config.name],
    ['addresses', (config) => [config.ip4, config.ip6]],
    ['external-ips', (config) => [config.externalIps4, config.externalIps6, config.internetGateways]],
    ['dhcp', (config) => config.dhcp],
    ['mtu', (config) => config.mtuBytes],
    ['transit-ips', (config) => config.transitIps],
    ['rate-limits', (config) => config.rateLimits],
    ['multicast', (config) => [config.multicast, config.multicastPermitted]],
  ]
  const changed = sections.filter(([, pick]) => isOther(pick(before), pick(after))).map(([section]) => section)
  if (yield* isOtherList(before.firewall, after.firewall)) changed.push('firewall')
  if (yield* isOtherList(before.routes, after.routes)) changed.push('routes')
  return changed
}

function isOther(before: unknown, after: unknown): boolean {
  return before !== after && JSON.stringify(before) !== JSON.stringify(after)
}

function* isOtherList(before: readonly unknown[], after: readonly unknown[]): Steps<boolean> {
  if (before === after) return false
  if (before.length !== after.length) return true
  for (let i = 0; i < before.length; i++) {
    if (i % RULES_PER_STEP === RULES_PER_STEP - 1) yield
    if (isOther(before[i], after[i])) return true
  }
  return false
}
