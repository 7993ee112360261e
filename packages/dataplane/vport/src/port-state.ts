/** What a port holds for the packet path: its configuration made into layers, its flows and its counters. */
import type { Arena } from '@lodestone/frame'
import { checkPortConfig, type ConfigError } from './config-check.ts'
import { DROP_REASONS } from './drop-reasons.ts'
import { DropRing } from './drop-ring.ts'
import type { EngineScope } from './engine-scope.ts'
import { FlowCache } from './flow-cache.ts'
import type { Layer } from './layer.ts'
import { firewallLayer } from './layers/firewall.ts'
import { gatewayLayer } from './layers/gateway.ts'
import type { LayerContext } from './layers/layer-context.ts'
import { natLayer } from './layers/nat.ts'
import { overlayLayer } from './layers/overlay.ts'
import { routerLayer } from './layers/router.ts'
import type { PortConfig, SourceNat } from './port-config.ts'
import { SnatPools } from './snat-pools.ts'

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
} as const

export const PORT_COUNTERS = 10

/** Sections of the configuration that a change can touch. */
export type ConfigSection =
  | 'addresses'
  | 'external-ips'
  | 'firewall'
  | 'routes'
  | 'dhcp'
  | 'mtu'
  | 'transit-ips'
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
  /** When near misses were last worked out for a drop that nobody watches. */
  explainedMs = -Infinity
  /** MAC of the guest in the two parts that the fast path compares. */
  macHigh = 0
  macLow = 0
  pools4: SnatPools | undefined
  pools6: SnatPools | undefined
  readonly #scope: EngineScope

  /** The configuration must have passed `checkPortConfig`. */
  constructor(config: PortConfig, scope: EngineScope) {
    this.config = config
    this.#scope = scope
    this.underlaySource = scope.underlayAddress.bytes
    this.cache = new FlowCache(scope.connectionsPerPort, scope.clock.nowMs())
    this.context = {
      arena: scope.arena,
      virtualToPhysical: scope.virtualToPhysical,
      tunnelEndpoints: scope.tunnelEndpoints,
      cache: this.cache,
      epoch: 1,
    }
    this.#build(config)
  }

  get arena(): Arena {
    return this.context.arena
  }

  nowMs(): number {
    return this.#scope.clock.nowMs()
  }

  layer(name: Layer['name']): Layer {
    return this.layersOut.find((layer) => layer.name === name)!
  }

  apply(config: PortConfig): ApplyResult {
    const error = this.#checkChange(config) ?? checkPortConfig(config)
    if (error !== undefined) return { ok: false, error }
    const changed = changedSections(this.config, config)
    const matters = changed.some((section) => section !== 'name')
    if (matters) {
      this.#build(config)
      this.context.epoch = this.context.epoch === 0x7fffffff ? 1 : this.context.epoch + 1
    }
    this.config = config
    return { ok: true, generation: config.generation, changed }
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

  #build(config: PortConfig): void {
    this.pools4 = keepPools(this.pools4, config.externalIps4?.snat)
    this.pools6 = keepPools(this.pools6, config.externalIps6?.snat)
    const old = new Map(this.layersOut.map((layer) => [layer.name, layer]))
    const pools = { v4: this.pools4, v6: this.pools6 }
    this.layersOut = [
      gatewayLayer(config, this.context, old.get('gateway')),
      firewallLayer(config, this.context, old.get('firewall')),
      routerLayer(config, old.get('router')),
      natLayer(config, pools, old.get('nat')),
      overlayLayer(config, this.context, old.get('overlay')),
    ]
    this.layersIn = [...this.layersOut].reverse()
    const mac = config.mac.bytes
    this.macHigh = (mac[0]! << 8) | mac[1]!
    this.macLow = (mac[2]! << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!
  }
}

function keepPools(pools: SnatPools | undefined, config: SourceNat | undefined): SnatPools | undefined {
  if (config === undefined) return undefined
  return pools?.isSame(config) ? pools : new SnatPools(config)
}

function changedSections(before: PortConfig, after: PortConfig): ConfigSection[] {
  const sections: [ConfigSection, (config: PortConfig) => unknown][] = [
    ['name', (config) => config.name],
    ['addresses', (config) => [config.ip4, config.ip6]],
    ['external-ips', (config) => [config.externalIps4, config.externalIps6, config.internetGateways]],
    ['firewall', (config) => config.firewall],
    ['routes', (config) => config.routes],
    ['dhcp', (config) => config.dhcp],
    ['mtu', (config) => config.mtuBytes],
    ['transit-ips', (config) => config.transitIps],
  ]
  const text = (value: unknown): string | undefined => JSON.stringify(value)
  return sections.filter(([, pick]) => text(pick(before)) !== text(pick(after))).map(([section]) => section)
}
