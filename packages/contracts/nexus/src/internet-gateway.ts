/** Internet gateways: which external addresses the traffic of a VPC may leave with, chosen by the route it takes. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { identity, identityCreate, inVpc, IpAddr, listByNameOrId, maybeInVpc, NameOrId, Uuid } from './identity.ts'

export const InternetGateway = z.object({ ...identity, vpc_id: Uuid }).meta({ id: 'InternetGateway' })
export type InternetGateway = z.output<typeof InternetGateway>

export const InternetGatewayIpPool = z
  .object({ ...identity, internet_gateway_id: Uuid, ip_pool_id: Uuid })
  .meta({ id: 'InternetGatewayIpPool' })
export type InternetGatewayIpPool = z.output<typeof InternetGatewayIpPool>

export const InternetGatewayIpAddress = z
  .object({ ...identity, internet_gateway_id: Uuid, address: IpAddr })
  .meta({ id: 'InternetGatewayIpAddress' })
export type InternetGatewayIpAddress = z.output<typeof InternetGatewayIpAddress>

const gateway = z.object({ gateway: NameOrId })
const inGateway = maybeInVpc.extend({ gateway: NameOrId })
const maybeInGateway = maybeInVpc.extend({ gateway: NameOrId.optional() })
/** Whether what hangs on the thing goes with it. */
const cascade = { cascade: z.boolean().optional() } as const
const tags = ['vpcs']

export const internetGatewayEndpoints = [
  endpoint({
    operationId: 'internet_gateway_list',
    method: 'GET',
    path: '/v1/internet-gateways',
    tags,
    summary: 'List the internet gateways of a VPC',
    query: inVpc.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(InternetGateway) },
    paginated: true,
  }),
  endpoint({
    operationId: 'internet_gateway_create',
    method: 'POST',
    path: '/v1/internet-gateways',
    tags,
    summary: 'Create an internet gateway without addresses',
    query: inVpc,
    body: z.object(identityCreate).meta({ id: 'InternetGatewayCreate' }),
    response: { status: 201, schema: InternetGateway },
  }),
  endpoint({
    operationId: 'internet_gateway_view',
    method: 'GET',
    path: '/v1/internet-gateways/{gateway}',
    tags,
    summary: 'View an internet gateway',
    params: gateway,
    query: maybeInVpc,
    response: { status: 200, schema: InternetGateway },
  }),
  endpoint({
    operationId: 'internet_gateway_delete',
    method: 'DELETE',
    path: '/v1/internet-gateways/{gateway}',
    tags,
    summary: 'Delete an internet gateway; with cascade also its addresses and the routes to it',
    params: gateway,
    query: maybeInVpc.extend(cascade),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'internet_gateway_ip_pool_list',
    method: 'GET',
    path: '/v1/internet-gateway-ip-pools',
    tags,
    summary: 'List the IP pools of an internet gateway',
    query: inGateway.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(InternetGatewayIpPool) },
    paginated: true,
  }),
  endpoint({
    operationId: 'internet_gateway_ip_pool_create',
    method: 'POST',
    path: '/v1/internet-gateway-ip-pools',
    tags,
    summary: 'Let addresses of a pool be used through an internet gateway',
    query: inGateway,
    body: z.object({ ...identityCreate, ip_pool: NameOrId }).meta({ id: 'InternetGatewayIpPoolCreate' }),
    response: { status: 201, schema: InternetGatewayIpPool },
  }),
  endpoint({
    operationId: 'internet_gateway_ip_pool_delete',
    method: 'DELETE',
    path: '/v1/internet-gateway-ip-pools/{pool}',
    tags,
    summary: 'Take a pool from an internet gateway',
    params: z.object({ pool: NameOrId }),
    query: maybeInGateway.extend(cascade),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'internet_gateway_ip_address_list',
    method: 'GET',
    path: '/v1/internet-gateway-ip-addresses',
    tags,
    summary: 'List the single addresses of an internet gateway',
    query: inGateway.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(InternetGatewayIpAddress) },
    paginated: true,
  }),
  endpoint({
    operationId: 'internet_gateway_ip_address_create',
    method: 'POST',
    path: '/v1/internet-gateway-ip-addresses',
    tags,
    summary: 'Let one address be used through an internet gateway',
    query: inGateway,
    body: z.object({ ...identityCreate, address: IpAddr }).meta({ id: 'InternetGatewayIpAddressCreate' }),
    response: { status: 201, schema: InternetGatewayIpAddress },
  }),
  endpoint({
    operationId: 'internet_gateway_ip_address_delete',
    method: 'DELETE',
    path: '/v1/internet-gateway-ip-addresses/{address}',
    tags,
    summary: 'Take an address from an internet gateway',
    params: z.object({ address: NameOrId }),
    query: maybeInGateway.extend(cascade),
    response: { status: 204 },
  }),
] as const
