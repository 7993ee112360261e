/** Network state to one sled: virtual-to-physical mappings, firewalls, routes, external addresses. */
import type { SledAgentClient } from '@lodestone/contract-sled-agent'
import type { Clock } from '@lodestone/host'
import type { SledRow } from '../store/sled.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import type { Inventory } from '../inventory.ts'
import { desiredExternalAddresses, desiredExternalIps, desiredFirewalls, desiredRoutes, desiredV2p } from './desired.ts'
import type { ItemStatus, PassResult } from './loop.ts'
import { DeclaredPush } from './push.ts'

type SnapshotPass = (snapshot: Snapshot, isFull: boolean) => Promise<PassResult>

/** Tells the sled which one it is. */
export function rolePass(
  store: Store,
  clock: Clock,
  rackId: string,
  { id: sledId, serial }: Pick<SledRow, 'id' | 'serial'>,
  agent: SledAgentClient,
): SnapshotPass {
  const push = new DeclaredPush(store, clock, 'role')
  const role = { serial, sled_id: sledId, rack_id: rackId }
  return async (snapshot, isFull) => {
    const send = (generation: number) => agent.role_set({ body: { generation, ...role } })
    return { items: [await push.push('role', sledId, role, snapshot, isFull, send)] }
  }
}

export function v2pPass(store: Store, clock: Clock, sledId: string, agent: SledAgentClient): SnapshotPass {
  const push = new DeclaredPush(store, clock, 'v2p')
  return async (snapshot, isFull) => {
    const mappings = desiredV2p(snapshot)
    const send = (generation: number) => agent.v2p_set({ body: { generation, mappings } })
    return { items: [await push.push('mappings', sledId, mappings, snapshot, isFull, send)] }
  }
}

/** Instances reach each other's external addresses without a switch. */
export function externalAddressPass(
  store: Store,
  clock: Clock,
  sledId: string,
  inventory: Inventory,
  agent: SledAgentClient,
): SnapshotPass {
  const push = new DeclaredPush(store, clock, 'external-addresses')
  return async (snapshot, isFull) => {
    const mappings = desiredExternalAddresses(snapshot, inventory)
    const send = (generation: number) => agent.external_addresses_set({ body: { generation, mappings } })
    return { items: [await push.push('addresses', sledId, mappings, snapshot, isFull, send)] }
  }
}

export function firewallPass(store: Store, clock: Clock, sledId: string, agent: SledAgentClient): SnapshotPass {
  const push = new DeclaredPush(store, clock, 'firewall')
  return async (snapshot, isFull) => {
    const items: ItemStatus[] = []
    for (const { vpc, rules } of desiredFirewalls(snapshot, sledId)) {
      const { vni, name } = vpc
      const send = (generation: number) =>
        agent.vpc_firewall_rules_set({ params: { vni }, body: { generation, rules } })
      items.push(await push.push(`vpc ${name} (${vni})`, `${sledId}/${vni}`, rules, snapshot, isFull, send))
    }
    return { items }
  }
}

export function routePass(store: Store, clock: Clock, sledId: string, agent: SledAgentClient): SnapshotPass {
  const push = new DeclaredPush(store, clock, 'routes')
  return async (snapshot, isFull) => {
    const sets = desiredRoutes(snapshot, sledId)
    const send = (generation: number) => agent.vpc_routes_set({ body: { generation, sets } })
    return { items: [await push.push('routes', sledId, sets, snapshot, isFull, send)] }
  }
}

/** Instances that the sled does not know yet are left alone: they get their addresses when they are ensured. */
export function externalIpPass(store: Store, clock: Clock, sledId: string, agent: SledAgentClient): SnapshotPass {
  const push = new DeclaredPush(store, clock, 'external-ips')
  return async (snapshot, isFull) => {
    const items: ItemStatus[] = []
    for (const instance of snapshot.instances) {
      if (instance.sled_id !== sledId) continue
      const body = desiredExternalIps(snapshot, instance.id)
      const status = await push.push(instance.name, `${sledId}/${instance.id}`, body, snapshot, isFull, async () => {
        const result = await agent.instance_external_ips_set({ params: { instance_id: instance.id }, body })
        const isUnknown = !result.ok && result.kind === 'refused' && result.status === 404
        return isUnknown ? { ok: true, status: 404, value: undefined, headers: new Headers() } : result
      })
      items.push(status)
    }
    return { items }
  }
}
