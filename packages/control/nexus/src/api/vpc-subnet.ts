/** Subnets of VPCs. */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import type { VpcSubnet } from '@lodestone/contract-nexus'
import { Prefix } from '@lodestone/net'
import { subnet64, whyNotSubnetBlock } from '../address-plan.ts'
import { actorOf, type Caller } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { listNicsOfSubnet, nicsOfSubnet } from '../store/instance.ts'
import { isId, pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { allSubnets, deleteSubnet, insertSubnet, listSubnets, updateSubnet, type VpcSubnetRow } from '../store/vpc.ts'
import { insertRoutes, type RouterRouteRow, updateRouteOfSubnet } from '../store/vpc-router.ts'
import { nicFromRow } from './network-interface.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { rowForInsert } from './router-route.ts'
import { selectRouter, selectSubnet, selectVpc } from './selector.ts'

type Ids =
  | 'vpc_subnet_list'
  | 'vpc_subnet_create'
  | 'vpc_subnet_view'
  | 'vpc_subnet_update'
  | 'vpc_subnet_delete'
  | 'vpc_subnet_list_network_interfaces'

export function vpcSubnetHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async vpc_subnet_list({ query, context }) {
      const scan = scanOf(query)
      const vpc = await selectVpc(store.db, actorOf(context), query.vpc, query)
      return pageOfRows(await listSubnets(store.db, vpc.id, scan), scan, subnetFromRow)
    },

    async vpc_subnet_create({ query, body, context }) {
      const row = await store.transaction(async (tx) => {
        const vpc = await selectVpc(tx, actorOf(context), query.vpc, query)
        const others = await allSubnets(tx, vpc.id)
        const ipv4 = Prefix.of(body.ipv4_block) // because the schema has parsed it
        const reason = whyNotSubnetBlock(ipv4)
        if (reason !== undefined) throw invalidRequest(`VPC Subnet ${reason}`)
        const ipv6 = body.ipv6_block == null ? undefined : Prefix.of(body.ipv6_block)
        const ipv6Block = ipv6 ?? freeIpv6Block(Prefix.of(vpc.ipv6_prefix), others)
        checkIpv6(Prefix.of(vpc.ipv6_prefix), ipv6Block)
        for (const other of others) {
          for (const [ours, theirs] of [
            [ipv4, other.ipv4_block],
            [ipv6Block, other.ipv6_block],
          ] as const) {
            if (!ours.overlaps(Prefix.of(theirs))) continue
            throw invalidRequest(`IP address range '${ours}' conflicts with an existing subnet`)
          }
        }
        const created: VpcSubnetRow = {
          ...newIdentity(service.random.uuid(), body, nowOf(service)),
          vpc_id: vpc.id,
          ipv4_block: ipv4.toString(),
          ipv6_block: ipv6Block.toString(),
          custom_router_id: await customRouterId(tx, actorOf(context), vpc.id, body.custom_router),
        }
        await orAlreadyExists('vpc-subnet', body.name, () => insertSubnet(tx, created))
        const route = systemRouteOfSubnet(service.random.uuid(), vpc.system_router_id, created, nowOf(service))
        await orAlreadyExists('router-route', route.name, () => insertRoutes(tx, [rowForInsert(route)]))
        return created
      })
      service.activate() // every subnet is a route of the VPC
      return subnetFromRow(row)
    },

    async vpc_subnet_view({ params, query, context }) {
      return subnetFromRow(await selectSubnet(store.db, actorOf(context), params.subnet, query))
    },

    async vpc_subnet_update({ params, query, body, context }) {
      const row = await store.transaction(async (tx) => {
        const { id, name, vpc_id } = await selectSubnet(tx, actorOf(context), params.subnet, query)
        const change = {
          ...identityChange(body, nowOf(service)),
          custom_router_id: await customRouterId(tx, actorOf(context), vpc_id, body.custom_router),
        }
        const updated = await orAlreadyExists('vpc-subnet', change.name ?? name, () => updateSubnet(tx, id, change))
        // The subnet's own route in the system router is called what the subnet is called.
        const { destination, target } = rowForInsert(systemRouteOfSubnet('', '', updated, nowOf(service)))
        await orAlreadyExists('router-route', updated.name, () =>
          updateRouteOfSubnet(tx, id, { name: updated.name, destination, target }),
        )
        return updated
      })
      service.activate() // firewall rules refer to a subnet by name
      return subnetFromRow(row)
    },

    async vpc_subnet_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const { id } = await selectSubnet(tx, actorOf(context), params.subnet, query)
        if ((await nicsOfSubnet(tx, id)).length > 0) {
          throw invalidRequest('VPC Subnet cannot be deleted while network interfaces in the subnet exist')
        }
        await deleteSubnet(tx, id)
      })
      service.activate()
    },

    async vpc_subnet_list_network_interfaces({ params, query, context }) {
      const scan = scanOf(query)
      const { id } = await selectSubnet(store.db, actorOf(context), params.subnet, query)
      return pageOfRows(await listNicsOfSubnet(store.db, id, scan), scan, nicFromRow)
    },
  }
}

export function subnetFromRow(row: VpcSubnetRow): VpcSubnet {
  return {
    ...identityFromRow(row),
    vpc_id: row.vpc_id,
    ipv4_block: row.ipv4_block,
    ipv6_block: row.ipv6_block,
    custom_router_id: row.custom_router_id,
  }
}

/** The first /64 of the VPC's prefix that no subnet has. */
function freeIpv6Block(prefix: Prefix, others: readonly VpcSubnetRow[]): Prefix {
  const taken = new Set(others.map((other) => other.ipv6_block))
  for (let n = 0; n <= 0xffff; n++) {
    const block = subnet64(prefix, n)
    if (!taken.has(block.toString())) return block
  }
  throw new ApiFailure({ kind: 'insufficient-capacity', message: `no /64 is left in ${prefix}` })
}

function checkIpv6(prefix: Prefix, block: Prefix): void {
  if (block.length !== 64 || !block.equals(block.masked())) {
    throw invalidRequest('VPC Subnet IPv6 address ranges must have prefix length 64 and no host bits')
  }
  if (!prefix.covers(block))
    throw invalidRequest(`VPC Subnet IPv6 range '${block}' is not within VPC range '${prefix}'`)
}

/** The route that the system router has for a subnet. */
export function systemRouteOfSubnet(id: string, routerId: string, subnet: VpcSubnetRow, now: Date): RouterRouteRow {
  const place = { type: 'subnet', value: subnet.name } as const
  return {
    ...newIdentity(id, { name: subnet.name, description: `The route to subnet ${subnet.name}` }, now),
    vpc_router_id: routerId,
    kind: 'vpc_subnet',
    destination: place,
    target: place,
    subnet_id: subnet.id,
  }
}

/** The router that a subnet is to use above the system router; it must be a custom one of the same VPC. */
async function customRouterId(
  db: Db,
  actor: Caller,
  vpcId: string,
  ref: string | null | undefined,
): Promise<string | null> {
  if (ref == null) return null
  const router = await selectRouter(db, actor, ref, isId(ref) ? {} : { vpc: vpcId })
  if (router.kind !== 'custom') throw invalidRequest(`router "${router.name}" is not a custom router`)
  if (router.vpc_id !== vpcId) throw invalidRequest('the router and the subnet must be in one VPC')
  return router.id
}
