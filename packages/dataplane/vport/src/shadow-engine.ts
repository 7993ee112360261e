/**
 * An engine as it would be, for explanations: its ports as shadows, some of them configured otherwise; or all of it as it was at an earlier time.
 * Made for one question and closed after it, within one event.
 */
import { SeededRandom } from '@lodestone/host'
import type { Ip, Mac } from '@lodestone/net'
import { wordsOf } from './address-words.ts'
import type { EngineConfig } from './engine-past.ts'
import type { EngineScope } from './engine-scope.ts'
import { ExternalAddresses } from './external-addresses.ts'
import { FlowTable } from './flow-table.ts'
import { MulticastGroups } from './multicast-groups.ts'
import type { PortConfig } from './port-config.ts'
import type { PortState } from './port-state.ts'
import { ShadowPort } from './shadow-port.ts'
import { TunnelEndpoints } from './tunnel-endpoints.ts'
import { UnderlayPeers } from './underlay-peers.ts'
import { VirtualToPhysical } from './virtual-to-physical.ts'
import type { Direction, Explanation } from './walk.ts'

export class ShadowEngine {
  readonly #scope: EngineScope
  readonly #configs: readonly PortConfig[]
  readonly #liveOf: (id: string) => PortState | undefined
  readonly #ports = new Map<string, ShadowPort>()

  /** @param liveOf ports whose connections and leases are seen; none of an earlier time. */
  constructor(scope: EngineScope, configs: readonly PortConfig[], liveOf: (id: string) => PortState | undefined) {
    this.#scope = scope
    this.#configs = configs
    this.#liveOf = liveOf
  }

  /** Of an engine that is told this and nothing else: whatever the live one is told now is not seen. @param liveOf as of the constructor. */
  static of(
    told: EngineConfig,
    scope: EngineScope,
    liveOf: (id: string) => PortState | undefined = () => undefined,
  ): ShadowEngine {
    const { arena, clock, underlayAddress } = scope
    // Nothing but the places of rows in a table follows from this.
    const flows = new FlowTable(arena, underlayAddress, new SeededRandom(1), clock.nowMs())
    const { versions } = flows
    const there: EngineScope = {
      ...scope,
      flows,
      versions,
      virtualToPhysical: new VirtualToPhysical(versions),
      tunnelEndpoints: new TunnelEndpoints(versions),
      externalAddresses: new ExternalAddresses(versions),
      groups: new MulticastGroups(underlayAddress),
      peers: new UnderlayPeers(versions),
    }
    there.virtualToPhysical.replace(told.mappings)
    there.tunnelEndpoints.replace(told.endpoints)
    there.externalAddresses.replace(told.external)
    there.groups.replace(told.groups)
    there.peers.replace(told.peers)
    const shadow = new ShadowEngine(there, told.ports, liveOf)
    for (const config of told.ports) {
      const mayReceive = (config.multicast?.length ?? 0) + (config.multicastPermitted?.length ?? 0) > 0
      if (mayReceive) there.groups.add(shadow.#shadowOf(config).state)
    }
    return shadow
  }

  port(id: string): ShadowPort | undefined {
    const config = this.#configs.find((each) => each.id === id)
    return config === undefined ? undefined : this.#shadowOf(config)
  }

  /** The configurations of its ports. */
  get configs(): readonly PortConfig[] {
    return this.#configs
  }

  /** The port that an encapsulated frame is for, as its VNI and inner MAC say. */
  portOf(vni: number, mac: Mac): ShadowPort | undefined {
    const config = this.#configs.find((each) => each.vni === vni && each.mac.equals(mac))
    return config === undefined ? undefined : this.#shadowOf(config)
  }

  /** The ports that have subscribed to a group. */
  portsOfGroup(vni: number, group: Ip): ShadowPort[] {
    const words = wordsOf(group)
    const members = this.#configs.filter(
      (config) =>
        config.vni === vni &&
        (config.multicast?.some((each) => each.group.equals(group)) === true ||
          this.#liveOf(config.id)?.joined.has(words, 0, group.family) === true),
    )
    return members.map((config) => this.#shadowOf(config))
  }

  explain(port: ShadowPort, frame: Uint8Array, direction: Direction): Explanation {
    return port.explain(frame, direction)
  }

  close(): void {
    for (const port of this.#ports.values()) port.close()
    this.#ports.clear()
  }

  #shadowOf(config: PortConfig): ShadowPort {
    const known = this.#ports.get(config.id)
    if (known !== undefined) return known
    const port = new ShadowPort(config, this.#scope, this.#liveOf(config.id))
    this.#ports.set(config.id, port)
    return port
  }
}
