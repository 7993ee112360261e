/** All reconcilers of a control plane: one loop for each kind and each sled or switch, so that none waits for another. */
import { client, type FetchLike } from '@lodestone/api'
import { type SledAgentClient, sledAgentApi } from '@lodestone/contract-sled-agent'
import { DNS_CONFIG_PORT, dnsApi } from '@lodestone/contract-dns'
import { switchdApi, type SwitchdClient } from '@lodestone/contract-switchd'
import { type RoutedClient, routedApi } from '@lodestone/contract-routed'
import type { SwitchSlot } from '@lodestone/contract-nexus'
import { type SpClient, spApi } from '@lodestone/contract-sp'
import type { Clock, Random } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import type { Inventory } from '../inventory.ts'
import type { Snapshot } from '../store/snapshot.ts'
import { StaleSnapshot } from '../store/desired-state.ts'
import { type SledRow, sledsInService } from '../store/sled.ts'
import type { Store } from '../store/store.ts'
import { dnsPass } from './dns.ts'
import { internalDnsPass, type NexusPlace } from './internal-dns.ts'
import { agentWatch, switchdWatch } from './incarnations.ts'
import { InstanceReconciler } from './instances.ts'
import { Leases, STANDBY_POLL_MS } from './leases.ts'
import { type PassResult, ReconcilerLoop, type ReconcilerStatus } from './loop.ts'
import { natPass } from './nat.ts'
import { externalAddressPass, externalIpPass, firewallPass, rolePass, routePass, v2pPass } from './sled-network.ts'
import { agentUrl, SledFinder } from './sleds.ts'
import { Snapshots } from './snapshots.ts'
import { portPass, routingPass } from './switch-config.ts'

/** One control plane has the name at a time: the one that pushes. */
const NEXUS_HOST = 'nexus'

export interface ReconcilersOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly inventory: Inventory
  readonly fetch: FetchLike
  /** In service when they begin. */
  readonly sleds: readonly SledRow[]
  /** Where this control plane can be reached on the underlay; undefined while it cannot. */
  readonly nexusPlace: () => Omit<NexusPlace, 'id'> | undefined
}

/** What there is for one sled. */
interface SledLoops {
  readonly address: string
  readonly agent: SledAgentClient
  readonly instances: InstanceReconciler
  readonly loops: readonly ReconcilerLoop[]
}

/** How often everything is pushed again, whether it changed or not. */
export const RECONCILE_PERIOD_MS = 30_000

/** They look whether somebody has begun anew, which no change of desired state brings about. */
const WATCHES: ReadonlySet<string> = new Set(['switchd', 'agent'])

export class Reconcilers {
  readonly #loops: ReconcilerLoop[] = []
  /** Of sleds that are gone: their last passes. */
  readonly #ending = new Set<Promise<void>>()
  #isClosed = false
  readonly #sleds = new Map<string, SledLoops>()
  readonly #snapshots: Snapshots
  readonly #clock: Clock
  readonly #fetch: FetchLike
  readonly #rackId: string
  readonly #dnsServers: readonly string[]
  readonly #inventory: Inventory
  /** Of the gateways beside the switches. */
  readonly gateways: readonly SpClient[]
  readonly #switchds = new Map<SwitchSlot, SwitchdClient>()
  readonly #routeds = new Map<SwitchSlot, RoutedClient>()
  readonly #leases: Leases
  readonly #store: Store
  readonly #id: string
  /** Of sleds and switches, by the names that their reconcilers have for them. */
  readonly #ids = new Map<string, string>()
  readonly #unlisten: () => void

  constructor({ store, clock, random, inventory, fetch, sleds, nexusPlace }: ReconcilersOptions) {
    const id = random.uuid()
    this.#fetch = fetch
    this.#rackId = inventory.rackId
    this.#dnsServers = inventory.dnsServers ?? []
    this.#inventory = inventory
    this.#snapshots = new Snapshots(store, clock)
    this.#clock = clock
    this.#store = store
    this.#id = id
    this.#leases = new Leases(store, clock, id)
    this.#unlisten = store.changes.listen(id, () => this.#activate())
    for (const { id: switchId, name, baseUrl, routedUrl, slot } of inventory.switches) {
      const switchd = client(switchdApi, fetch, baseUrl)
      const routed = client(routedApi, fetch, routedUrl)
      this.#ids.set(name, switchId)
      this.#switchds.set(slot, switchd)
      this.#routeds.set(slot, routed)
      const loops = [
        this.#add('ports', name, portPass(slot, switchd)),
        this.#add('nat', name, natPass(store, clock, inventory, switchId, switchd)),
        this.#add('routing', name, routingPass(slot, routed, switchd)),
      ]
      const again = (): void => loops.forEach((loop) => loop.activate(true))
      this.#add('switchd', name, switchdWatch(switchd, again)).activate()
    }
    for (const service of inventory.services ?? []) {
      if (service.kind !== 'dns') continue
      const dns = client(dnsApi, fetch, service.configUrl)
      this.#add('dns', service.name, dnsPass(store, clock, inventory, service.name, dns))
    }
    for (const [index, address] of (inventory.internalDns ?? []).entries()) {
      const name = `internal-dns${index}`
      const dns = client(dnsApi, fetch, `http://[${address}]:${DNS_CONFIG_PORT}`)
      const places = (): NexusPlace[] => {
        const place = nexusPlace()
        return place === undefined ? [] : [{ id: NEXUS_HOST, ...place }]
      }
      this.#add('dns', name, internalDnsPass(store, clock, inventory, name, dns, places))
    }
    this.gateways = inventory.switches.flatMap(({ gatewayUrl }) =>
      gatewayUrl === undefined ? [] : [client(spApi, fetch, gatewayUrl)],
    )
    if (this.gateways.length > 0) {
      const finder = new SledFinder({
        store,
        clock,
        random,
        routeds: [...this.#routeds.values()],
        gateways: this.gateways,
        areApproved: inventory.areSledsApproved ?? false,
        otherPrefixes: (inventory.internalDns ?? []).map((address) => new Prefix(Ip.of(address), 64).masked()),
        agentAt: (url) => client(sledAgentApi, fetch, url),
        onChange: () => this.activate(),
      })
      this.#add('sleds', 'rack', (snapshot, isFull) => finder.pass(snapshot, isFull))
    }
    this.#follow(sleds)
  }

  /** Undefined for a sled that is not in service. */
  agent(sledId: string): SledAgentClient | undefined {
    return this.#sleds.get(sledId)?.agent
  }

  /** Whether a sled's agent answered when it was last asked; true where this control plane does not ask it. */
  isAnswering(sledId: string): boolean {
    return this.#sleds.get(sledId)?.instances.isAnswering ?? true
  }

  /** Ids of the requests of which one or more made a generation of what a sled or switch is told, as far as they are remembered. */
  changedBy(reconciler: string, target: string, generation: number): readonly string[] {
    const id = this.#ids.get(target)
    return id === undefined ? [] : this.#store.changeLog.requestsOf(reconciler, id, generation)
  }

  /** Begins with sleds that are new, and ends with those that are gone or have moved. */
  #follow(sleds: readonly SledRow[]): void {
    if (this.#isClosed) return // a pass that is the last one: what it began would go on for ever
    for (const [id, { address, loops }] of this.#sleds) {
      if (sleds.some((sled) => sled.id === id && sled.underlay_address === address)) continue
      this.#sleds.delete(id)
      for (const loop of loops) {
        this.#loops.splice(this.#loops.indexOf(loop), 1)
        const ended: Promise<void> = loop.close().finally(() => this.#ending.delete(ended))
        this.#ending.add(ended)
      }
    }
    for (const sled of sleds) if (!this.#sleds.has(sled.id)) this.#sleds.set(sled.id, this.#begin(sled))
  }

  #begin(sled: SledRow): SledLoops {
    const { id, slot, underlay_address: address } = sled
    const [store, clock] = [this.#store, this.#clock]
    const name = `sled${slot}`
    this.#ids.set(name, id)
    const agent = client(sledAgentApi, this.#fetch, agentUrl(address))
    const details = [
      this.#add('firewall', name, firewallPass(store, clock, id, agent)),
      this.#add('routes', name, routePass(store, clock, id, agent)),
      this.#add('external-ips', name, externalIpPass(store, clock, id, agent)),
    ]
    const instances = new InstanceReconciler(store, clock, id, agent, this.#dnsServers, {
      onChange: () => this.activate(),
      onEnsured: () => details.forEach((loop) => loop.activate(true)),
    })
    const loops = [
      ...details,
      this.#add('role', name, rolePass(store, clock, this.#rackId, sled, agent)),
      this.#add('v2p', name, v2pPass(store, clock, id, agent)),
      this.#add('external-addresses', name, externalAddressPass(store, clock, id, this.#inventory, agent)),
      this.#add('instances', name, (snapshot, isFull) => instances.pass(snapshot, isFull)),
    ]
    const again = (): void => loops.forEach((loop) => loop.activate(true))
    loops.push(this.#add('agent', name, agentWatch(agent, id, again)))
    again()
    return { address, agent, instances, loops }
  }

  switchd(slot: SwitchSlot): SwitchdClient | undefined {
    return this.#switchds.get(slot)
  }

  routed(slot: SwitchSlot): RoutedClient | undefined {
    return this.#routeds.get(slot)
  }

  /** Desired state has changed, or something that it is pushed to. */
  activate(): void {
    this.#activate()
    this.#store.changes.announce(this.#id)
  }

  /** Asks for everything to be pushed again: something outside has lost what it was told. */
  repeat(): void {
    this.#snapshots.invalidate()
    for (const loop of this.#loops) loop.activate(true)
  }

  #activate(): void {
    this.#snapshots.invalidate()
    for (const loop of this.#loops) if (!WATCHES.has(loop.reconciler)) loop.activate()
  }

  status(): readonly ReconcilerStatus[] {
    return this.#loops.map((loop) => loop.status())
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#unlisten()
    await Promise.all([...this.#loops.map((loop) => loop.close()), ...this.#ending])
    await this.#leases.release()
  }

  #add(
    reconciler: string,
    target: string,
    pass: (snapshot: Snapshot, isFull: boolean) => Promise<PassResult>,
  ): ReconcilerLoop {
    const loop = new ReconcilerLoop({
      reconciler,
      target,
      clock: this.#clock,
      periodMs: RECONCILE_PERIOD_MS,
      pass: async (isFull) => {
        const lease = await this.#leases.take(`${reconciler}/${target}`)
        if (lease === undefined) {
          if (reconciler === 'sleds') this.#follow(await sledsInService(this.#store.db))
          return { items: [], isStandby: true, againMs: STANDBY_POLL_MS }
        }
        const isWhole = isFull || lease === 'taken'
        if (lease === 'taken') this.#snapshots.invalidate()
        else if (isFull) this.#snapshots.invalidateOld()
        try {
          const snapshot = await this.#snapshots.read()
          this.#follow(snapshot.sleds)
          return await pass(snapshot, isWhole)
        } catch (error) {
          if (error instanceof StaleSnapshot) this.#snapshots.invalidate()
          throw error
        }
      },
    })
    this.#loops.push(loop)
    return loop
  }
}
