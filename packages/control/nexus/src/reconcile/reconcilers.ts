/** All reconcilers of a control plane: one loop for each kind and each sled or switch, so that none waits for another. */
import { client, type FetchLike } from '@lodestone/api'
import { type SledAgentClient, sledAgentApi } from '@lodestone/contract-sled-agent'
import { switchdApi } from '@lodestone/contract-switchd'
import type { Clock } from '@lodestone/host'
import type { Inventory } from '../inventory.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import { InstanceReconciler } from './instances.ts'
import { type PassResult, ReconcilerLoop, type ReconcilerStatus } from './loop.ts'
import { natPass } from './nat.ts'
import { externalIpPass, firewallPass, routePass, v2pPass } from './sled-network.ts'
import { Snapshots } from './snapshots.ts'

/** How often everything is pushed again, whether it changed or not. */
export const RECONCILE_PERIOD_MS = 30_000

export class Reconcilers {
  readonly #loops: ReconcilerLoop[] = []
  readonly #snapshots: Snapshots
  readonly #clock: Clock
  readonly #agents = new Map<string, SledAgentClient>()

  constructor(store: Store, clock: Clock, inventory: Inventory, fetch: FetchLike) {
    this.#snapshots = new Snapshots(store)
    this.#clock = clock
    for (const { id, name, baseUrl } of inventory.switches) {
      const switchd = client(switchdApi, fetch, baseUrl)
      this.#add('nat', name, natPass(store, clock, inventory, id, switchd))
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
      this.#add('instances', name, (snapshot) => instances.pass(snapshot))
    }
  }

  agent(sledId: string): SledAgentClient {
    const agent = this.#agents.get(sledId)
    if (agent === undefined) throw new Error(`sled ${sledId} is not in the inventory`)
    return agent
  }

  activate(): void {
    this.#snapshots.invalidate()
    for (const loop of this.#loops) loop.activate()
  }

  status(): readonly ReconcilerStatus[] {
    return this.#loops.map((loop) => loop.status())
  }

  async close(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.close()))
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
        if (isFull) this.#snapshots.invalidate()
        return pass(await this.#snapshots.read(), isFull)
      },
    })
    this.#loops.push(loop)
    return loop
  }
}
