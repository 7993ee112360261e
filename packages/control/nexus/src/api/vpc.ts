/** VPCs. Creating one also makes its subnet `default`, its system router, an internet gateway and a firewall. */
import { invalidRequest } from '@lodestone/api'
import type { Vpc, VpcCreate } from '@lodestone/contract-nexus'
import { Prefix } from '@lodestone/net'
import { randomVni, randomVpcPrefix, subnet64 } from '../address-plan.ts'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { replaceRules } from '../store/firewall.ts'
import { insertGateway, insertGatewayPools } from '../store/internet-gateway.ts'
import { defaultSiloPools } from '../store/ip-pool.ts'
import type { ProjectRow } from '../store/project.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import {
  allSubnets,
  deleteVpc,
  insertSubnet,
  insertVpc,
  listVpcs,
  updateVpc,
  vniExists,
  type VpcRow,
  type VpcSubnetRow,
} from '../store/vpc.ts'
import { insertRouter, insertRoutes, type RouterRouteRow } from '../store/vpc-router.ts'
import { defaultRules, rowFromRule } from './firewall.ts'
import { defaultPoolAttachment } from './internet-gateway.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { rowForInsert } from './router-route.ts'
import { selectProject, selectVpc } from './selector.ts'
import { systemRouteOfSubnet } from './vpc-subnet.ts'

const DEFAULT_SUBNET_BLOCK = '172.30.0.0/22'

type Ids = 'vpc_list' | 'vpc_create' | 'vpc_view' | 'vpc_update' | 'vpc_delete'

export function vpcHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async vpc_list({ query, context }) {
      const scan = scanOf(query)
      const project = await selectProject(store.db, actorOf(context), query.project)
      return pageOfRows(await listVpcs(store.db, project.id, scan), scan, vpcFromRow)
    },

    async vpc_create({ query, body, context }) {
      return store.transaction(async (tx) => {
        const project = await selectProject(tx, actorOf(context), query.project)
        return vpcFromRow(await createVpc(tx, service, project, body))
      })
    },

    async vpc_view({ params, query, context }) {
      return vpcFromRow(await selectVpc(store.db, actorOf(context), params.vpc, query))
    },

    async vpc_update({ params, query, body, context }) {
      const { id, name } = await selectVpc(store.db, actorOf(context), params.vpc, query)
      const change = {
        ...identityChange(body, nowOf(service)),
        ...(typeof body.dns_name === 'string' ? { dns_name: body.dns_name } : {}),
      }
      const row = await orAlreadyExists('vpc', change.name ?? name, () => updateVpc(store.db, id, change))
      service.activate() // firewall rules refer to a VPC by name
      return vpcFromRow(row)
    },

    async vpc_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const { id } = await selectVpc(tx, actorOf(context), params.vpc, query)
        const subnets = await allSubnets(tx, id)
        if (subnets.length > 0) throw invalidRequest('VPC cannot be deleted while VPC Subnets exist')
        await deleteVpc(tx, id)
      })
    },
  }
}

/** Inserts a VPC with everything a new one has. */
export async function createVpc(db: Db, service: Service, project: ProjectRow, body: VpcCreate): Promise<VpcRow> {
  const { random } = service
  const now = nowOf(service)
  const identityOf = (name: string, description: string) => newIdentity(random.uuid(), { name, description }, now)
  const prefix = body.ipv6_prefix == null ? randomVpcPrefix(random) : vpcPrefix(body.ipv6_prefix)
  let vni = randomVni(random)
  while (await vniExists(db, vni)) vni = randomVni(random)
  const router = identityOf('system', 'Routes are automatically added to this router as VPC subnets are created')
  const row: VpcRow = {
    ...newIdentity(random.uuid(), body, now),
    project_id: project.id,
    dns_name: body.dns_name,
    vni,
    ipv6_prefix: prefix.toString(),
    system_router_id: router.id,
  }
  await orAlreadyExists('vpc', body.name, () => insertVpc(db, row))
  await insertRouter(db, { ...router, vpc_id: row.id, kind: 'system' })

  const gateway = identityOf('default', `The default internet gateway for ${body.name}`)
  await insertGateway(db, { ...gateway, vpc_id: row.id })
  const pools = (await defaultSiloPools(db, project.silo_id)).filter((pool) => pool.pool_type === 'unicast')
  await insertGatewayPools(
    db,
    pools.map((pool) => defaultPoolAttachment(service, gateway.id, pool)),
  )

  const subnet: VpcSubnetRow = {
    ...identityOf('default', `The default subnet for ${body.name}`),
    vpc_id: row.id,
    ipv4_block: DEFAULT_SUBNET_BLOCK,
    ipv6_block: subnet64(prefix, 0).toString(),
    custom_router_id: null,
  }
  await insertSubnet(db, subnet)
  const defaultRoute = (name: string, destination: string): RouterRouteRow => ({
    ...identityOf(name, 'The default route to the internet'),
    vpc_router_id: router.id,
    kind: 'default',
    destination: { type: 'ip_net', value: destination },
    target: { type: 'internet_gateway', value: gateway.name },
    subnet_id: null,
  })
  const routes = [
    defaultRoute('default-v4', '0.0.0.0/0'),
    defaultRoute('default-v6', '::/0'),
    systemRouteOfSubnet(random.uuid(), router.id, subnet, now),
  ]
  await insertRoutes(db, routes.map(rowForInsert))
  const rules = defaultRules(body.name).map((rule, i) => rowFromRule(random.uuid(), row.id, i, rule, now))
  await replaceRules(db, row.id, rules)
  return row
}

function vpcPrefix(text: string): Prefix {
  const prefix = Prefix.parse(text)
  if (prefix === undefined || prefix.length !== 48 || prefix.address.bytes[0] !== 0xfd) {
    throw invalidRequest('VPC IPv6 address prefixes must be in the Unique Local Address range fd00::/48')
  }
  return prefix.masked()
}

export function vpcFromRow(row: VpcRow): Vpc {
  return {
    ...identityFromRow(row),
    project_id: row.project_id,
    system_router_id: row.system_router_id,
    ipv6_prefix: row.ipv6_prefix,
    dns_name: row.dns_name,
  }
}
