/**
 * Routes of a subnet, resolved: those of the VPC's system router and of the subnet's custom router. Names become
 * addresses and ids here; what does not resolve, or resolves to the other IP version, gives no route.
 */
import type { VpcRoute } from '@lodestone/contract-sled-agent'
import { Ip, Prefix } from '@lodestone/net'
import type { ExternalIpRow } from '../store/external-ip.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { RouterRouteRow } from '../store/vpc-router.ts'
import type { VpcRow } from '../store/vpc.ts'
import { causesOf } from './causes.ts'

/** The routes for hosts in `block` of the subnet, one for each destination and router. */
export function resolvedRoutes(
  snapshot: Snapshot,
  vpc: VpcRow,
  subnet: Snapshot['subnets'][number],
  block: string,
): VpcRoute[] {
  const { family } = Prefix.of(block)
  const routes = new Map<string, VpcRoute>()
  const add = (rows: Snapshot['routes'], router: VpcRoute['router']): void => {
    for (const row of rows) {
      for (const dest of destinations(snapshot, vpc, row)) {
        if (Prefix.of(dest).family !== family) continue
        const target = resolvedTarget(snapshot, vpc, row, dest)
        // Of two routes of one router for one destination the one with the smaller id counts, always the same one.
        if (target !== undefined && !routes.has(`${router} ${dest}`)) {
          routes.set(`${router} ${dest}`, { dest, target, router, ...causesOf(row, subnet) })
        }
      }
    }
  }
  const of = (routerId: string): Snapshot['routes'] => snapshot.routes.filter((row) => row.vpc_router_id === routerId)
  add(of(vpc.system_router_id), 'system')
  if (subnet.custom_router_id !== null) add(of(subnet.custom_router_id), 'custom')
  return [...routes.values()]
}

/** The internet gateways through which an external address may be used: by its pool, or by itself. */
export function gatewaysOf(snapshot: Snapshot, external: ExternalIpRow): string[] {
  const byPool = snapshot.gatewayPools.filter((row) => row.ip_pool_id === external.ip_pool_id)
  const byAddress = snapshot.gatewayAddresses.filter((row) => row.address === external.ip)
  return [...new Set([...byPool, ...byAddress].map((row) => row.internet_gateway_id))].toSorted()
}

function destinations(snapshot: Snapshot, vpc: VpcRow, { destination }: RouterRouteRow): string[] {
  switch (destination.type) {
    case 'ip':
      return [Prefix.host(Ip.of(destination.value)).toString()]
    case 'ip_net':
      return [Prefix.of(destination.value).masked().toString()]
    case 'subnet': {
      const subnet = snapshot.subnets.find((row) => row.vpc_id === vpc.id && row.name === destination.value)
      return subnet === undefined ? [] : [subnet.ipv4_block, subnet.ipv6_block]
    }
    case 'vpc':
      return [] // refused when it is written
    default: {
      const unreachable: never = destination
      return unreachable
    }
  }
}

function resolvedTarget(
  snapshot: Snapshot,
  vpc: VpcRow,
  { target }: RouterRouteRow,
  dest: string,
): VpcRoute['target'] | undefined {
  const { family } = Prefix.of(dest)
  switch (target.type) {
    case 'drop':
      return { type: 'drop' }
    case 'ip':
      return Ip.of(target.value).family === family ? { type: 'ip', value: target.value } : undefined
    case 'instance': {
      const instance = snapshot.instances.find((row) => row.project_id === vpc.project_id && row.name === target.value)
      const nic = snapshot.nics.find((row) => row.instance_id === instance?.id && row.is_primary)
      const value = nic?.vpc_id === vpc.id ? (family === 4 ? nic.ipv4 : nic.ipv6) : undefined
      return value == null ? undefined : { type: 'ip', value }
    }
    case 'internet_gateway': {
      const gateway = snapshot.gateways.find((row) => row.vpc_id === vpc.id && row.name === target.value)
      return gateway === undefined ? undefined : { type: 'internet_gateway', id: gateway.id, name: gateway.name }
    }
    case 'subnet':
      // Only the system router has such routes, to the subnet that they are for.
      return { type: 'vpc_subnet', value: dest }
    case 'vpc':
      return undefined
    default: {
      const unreachable: never = target
      return unreachable
    }
  }
}
