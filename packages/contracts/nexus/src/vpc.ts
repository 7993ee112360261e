/** VPCs and their subnets. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  identity,
  identityCreate,
  identityUpdate,
  inProject,
  inVpc,
  listByNameOrId,
  maybeInProject,
  maybeInVpc,
  Name,
  NameOrId,
  Uuid,
} from './identity.ts'
import { InstanceNetworkInterface } from './network-interface.ts'

export const Vpc = z
  .object({ ...identity, project_id: Uuid, system_router_id: Uuid, ipv6_prefix: z.cidrv6(), dns_name: Name })
  .meta({ id: 'Vpc' })
export type Vpc = z.output<typeof Vpc>

export const VpcSubnet = z
  .object({
    ...identity,
    vpc_id: Uuid,
    ipv4_block: z.cidrv4(),
    ipv6_block: z.cidrv6(),
    custom_router_id: Uuid.nullable(),
  })
  .meta({ id: 'VpcSubnet' })
export type VpcSubnet = z.output<typeof VpcSubnet>

export const VpcCreate = z
  .object({ ...identityCreate, dns_name: Name, ipv6_prefix: z.cidrv6().nullish() })
  .meta({ id: 'VpcCreate' })
export type VpcCreate = z.output<typeof VpcCreate>

export const VpcSubnetCreate = z
  .object({
    ...identityCreate,
    ipv4_block: z.cidrv4(),
    ipv6_block: z.cidrv6().nullish(),
    custom_router: NameOrId.nullish(),
  })
  .meta({ id: 'VpcSubnetCreate' })
export type VpcSubnetCreate = z.output<typeof VpcSubnetCreate>

const vpc = z.object({ vpc: NameOrId })
const subnet = z.object({ subnet: NameOrId })
const tags = ['vpcs']

export const vpcEndpoints = [
  endpoint({
    operationId: 'vpc_list',
    method: 'GET',
    path: '/v1/vpcs',
    tags,
    summary: 'List VPCs',
    query: inProject.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(Vpc) },
    paginated: true,
  }),
  endpoint({
    operationId: 'vpc_create',
    method: 'POST',
    path: '/v1/vpcs',
    tags,
    summary: 'Create a VPC, with a subnet called default and three firewall rules',
    query: inProject,
    body: VpcCreate,
    response: { status: 201, schema: Vpc },
  }),
  endpoint({
    operationId: 'vpc_view',
    method: 'GET',
    path: '/v1/vpcs/{vpc}',
    tags,
    summary: 'View a VPC',
    params: vpc,
    query: maybeInProject,
    response: { status: 200, schema: Vpc },
  }),
  endpoint({
    operationId: 'vpc_update',
    method: 'PUT',
    path: '/v1/vpcs/{vpc}',
    tags,
    summary: 'Rename or describe a VPC',
    params: vpc,
    query: maybeInProject,
    body: z.object({ ...identityUpdate, dns_name: Name.nullish() }).meta({ id: 'VpcUpdate' }),
    response: { status: 200, schema: Vpc },
  }),
  endpoint({
    operationId: 'vpc_delete',
    method: 'DELETE',
    path: '/v1/vpcs/{vpc}',
    tags,
    summary: 'Delete a VPC without subnets',
    params: vpc,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'vpc_subnet_list',
    method: 'GET',
    path: '/v1/vpc-subnets',
    tags,
    summary: 'List subnets',
    query: inVpc.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(VpcSubnet) },
    paginated: true,
  }),
  endpoint({
    operationId: 'vpc_subnet_create',
    method: 'POST',
    path: '/v1/vpc-subnets',
    tags,
    summary: 'Create a subnet',
    query: inVpc,
    body: VpcSubnetCreate,
    response: { status: 201, schema: VpcSubnet },
  }),
  endpoint({
    operationId: 'vpc_subnet_view',
    method: 'GET',
    path: '/v1/vpc-subnets/{subnet}',
    tags,
    summary: 'View a subnet',
    params: subnet,
    query: maybeInVpc,
    response: { status: 200, schema: VpcSubnet },
  }),
  endpoint({
    operationId: 'vpc_subnet_update',
    method: 'PUT',
    path: '/v1/vpc-subnets/{subnet}',
    tags,
    summary: 'Rename or describe a subnet',
    params: subnet,
    query: maybeInVpc,
    body: z.object({ ...identityUpdate, custom_router: NameOrId.nullish() }).meta({ id: 'VpcSubnetUpdate' }),
    response: { status: 200, schema: VpcSubnet },
  }),
  endpoint({
    operationId: 'vpc_subnet_delete',
    method: 'DELETE',
    path: '/v1/vpc-subnets/{subnet}',
    tags,
    summary: 'Delete a subnet without network interfaces',
    params: subnet,
    query: maybeInVpc,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'vpc_subnet_list_network_interfaces',
    method: 'GET',
    path: '/v1/vpc-subnets/{subnet}/network-interfaces',
    tags,
    summary: 'List the network interfaces in a subnet',
    params: subnet,
    query: maybeInVpc.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(InstanceNetworkInterface) },
    paginated: true,
  }),
] as const
