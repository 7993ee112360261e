/** All reconcilers of a control plane: one loop for each kind and each sled or switch, so that none waits for another. */
import { client, type FetchLike } from '@lodestone/api'
import { type SledAgentClient, sledAgentApi } from '@lodestone/contract-sled-agent'
import { dnsApi } from '@lodestone/contract-dns'
import { switchdApi, type SwitchdClient } from '@lodestone/contract-switchd'
import { type RoutedClient, routedApi } from '@lodestone/contract-routed'
import type { SwitchSlot } from '@lodestone/contract-nexus'
import type { Clock } from '@lodestone/host'
import type { Inventory } from '../inventory.ts'
import type { Snapshot } from '../store/snapshot.ts'
import { StaleSnapshot } from '../store/desired-state.ts'
import type { Store } from '../store/store.ts'
import { dnsPass } from './dns.ts'
import { InstanceReconciler } from './instances.ts'
import { Leases, STANDBY_POLL_MS } from './leases.ts'
import { type PassResult, ReconcilerLoop, type ReconcilerStatus } from './loop.ts'
import { natPass } from './nat.ts'
import { externalIpPass, firewallPass, routePass, v2pPass } from './sled-network.ts'
import { Snapshots } from './snapshots.ts'
import { portPass, routingPass } from './switch-config.ts'

/** How often everything is pushed again, whether it changed or not. */
export const RECONCILE_PERIOD_MS = 30_000

export class Reconcilers {
  readonly #loops: ReconcilerLoop[] = []
  readonly #snapshots: Snapshots
  readonly #clock: Clock
  readonly #agents = new Map<string, SledAgentClient>()
  readonly #switchds = new Map<SwitchSlot, SwitchdClient>()
  readonly #routeds = new Map<SwitchSlot, RoutedClient>()
  readonly #leases: Leases
  readonly #store: Store
  readonly #id: string
  readonly #unlisten: () => void

  /** @param id unique to this control plane and this run of it. */
  constructor(store: Store, clock: Clock, inventory: Inventory, fetch: FetchLike, id: string) {
    this.#snapshots = new Snapshots(store, clock)
    this.#clock = clock
    this.#store = store
    this.#id = id
    this.#leases = new Leases(store, clock, id)
    this.#unlisten = store.changes.listen(id, () => this.#activate())
    for (const { id: switchId, name, baseUrl, routedUrl, slot } of inventory.switches) {
      const switchd = client(switchdApi, fetch, baseUrl)
      const routed = client(routedApi, fetch, routedUrl)
      this.#switchds.set(slot, switchd)
      this.#routeds.set(slot, routed)
      this.#add('ports', name, portPass(slot, switchd))
      this.#add('nat', name, natPass(store, clock, inventory, switchId, switchd))
      this.#add('routing', name, routingPass(slot, routed, switchd))
    }
    for (const service of inventory.services ?? []) {
      if (service.kind !== 'dns') continue
      const dns = client(dnsApi, fetch, service.configUrl)
      this.#add('dns', service.name, dnsPass(store, clock, inventory, service.name, dns))
    }
    for (const { id, name, baseUrl } of inventory.sleds) {
      const agent = client(sledAgentApi, fetch, baseUrl)
      this.#agents.set(id, agent)
      const details = [
        this.#add('firewall', name, firewallPass(store, clock, id, agent)),
        this.#add('routes', name, routePass(store, clock, id, agent)),
        this.#add('external-ips', name, externalIpPass(store, clock, id, agent)),
      ]
      const instances = new InstanceReconciler(store, clock, id, agent, {
        onChange: () => this.activate(),
        onEnsured: () => details.forEach((loop) => loop.activate(true)),
      })
      this.#add('v2p', name, v2pPass(store, clock, inventory, id, agent))
      this.#add('instances', name, (snapshot, isFull) => instances.pass(snapshot, isFull))
    }
  }

  agent(sledId: string): SledAgentClient {
    const agent = this.#agents.get(sledId)
    if (agent === undefined) throw new Error(`sled ${sledId} is not in the inventory`)
    return agent
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
    for (const loop of this.#loops) loop.activate()
  }

  status(): readonly ReconcilerStatus[] {
    return this.#loops.map((loop) => loop.status())
  }

  async close(): Promise<void> {
    this.#unlisten()
    await Promise.all(this.#loops.map((loop) => loop.close()))
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
        if (lease === undefined) return { items: [], isStandby: true, againMs: STANDBY_POLL_MS }
        const isWhole = isFull || lease === 'taken'
        if (lease === 'taken') this.#snapshots.invalidate()
        else if (isFull) this.#snapshots.invalidateOld()
        try {
          return await pass(await this.#snapshots.read(), isWhole)
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
