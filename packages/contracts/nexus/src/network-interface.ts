/** Network interfaces of instances. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  identity,
  identityCreate,
  identityUpdate,
  IpNet,
  listByNameOrId,
  MacAddr,
  Name,
  NameOrId,
  Uuid,
} from './identity.ts'

const v4 = z.object({ ip: z.ipv4(), transit_ips: z.array(z.cidrv4()) }).meta({ id: 'PrivateIpv4Stack' })
const v6 = z.object({ ip: z.ipv6(), transit_ips: z.array(z.cidrv6()) }).meta({ id: 'PrivateIpv6Stack' })

export const PrivateIpStack = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('v4'), value: v4 }),
    z.object({ type: z.literal('v6'), value: v6 }),
    z.object({ type: z.literal('dual_stack'), value: z.object({ v4, v6 }) }),
  ])
  .meta({ id: 'PrivateIpStack' })
export type PrivateIpStack = z.output<typeof PrivateIpStack>

const v4Create = z
  .object({
    ip: z.discriminatedUnion('type', [
      z.object({ type: z.literal('auto') }),
      z.object({ type: z.literal('explicit'), value: z.ipv4() }),
    ]),
    transit_ips: z.array(z.cidrv4()).default([]),
  })
  .meta({ id: 'PrivateIpv4StackCreate' })
const v6Create = z
  .object({
    ip: z.discriminatedUnion('type', [
      z.object({ type: z.literal('auto') }),
      z.object({ type: z.literal('explicit'), value: z.ipv6() }),
    ]),
    transit_ips: z.array(z.cidrv6()).default([]),
  })
  .meta({ id: 'PrivateIpv6StackCreate' })

export const PrivateIpStackCreate = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('v4'), value: v4Create }),
    z.object({ type: z.literal('v6'), value: v6Create }),
    z.object({ type: z.literal('dual_stack'), value: z.object({ v4: v4Create, v6: v6Create }) }),
  ])
  .meta({ id: 'PrivateIpStackCreate' })
export type PrivateIpStackCreate = z.output<typeof PrivateIpStackCreate>

export const InstanceNetworkInterface = z
  .object({
    ...identity,
    instance_id: Uuid,
    vpc_id: Uuid,
    subnet_id: Uuid,
    mac: MacAddr,
    primary: z.boolean(),
    ip_stack: PrivateIpStack,
  })
  .meta({ id: 'InstanceNetworkInterface' })
export type InstanceNetworkInterface = z.output<typeof InstanceNetworkInterface>

const DUAL_STACK: PrivateIpStackCreate = {
  type: 'dual_stack',
  value: { v4: { ip: { type: 'auto' }, transit_ips: [] }, v6: { ip: { type: 'auto' }, transit_ips: [] } },
}

export const InstanceNetworkInterfaceCreate = z
  .object({
    ...identityCreate,
    vpc_name: Name,
    subnet_name: Name,
    ip_config: PrivateIpStackCreate.default(DUAL_STACK),
  })
  .meta({ id: 'InstanceNetworkInterfaceCreate' })
export type InstanceNetworkInterfaceCreate = z.output<typeof InstanceNetworkInterfaceCreate>

/** What an instance gets when it is created. The defaults mean: in VPC `default`, subnet `default`. */
export const InstanceNetworkInterfaceAttachment = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('create'), params: z.array(InstanceNetworkInterfaceCreate) }),
    z.object({ type: z.literal('default_ipv4') }),
    z.object({ type: z.literal('default_ipv6') }),
    z.object({ type: z.literal('default_dual_stack') }),
    z.object({ type: z.literal('none') }),
  ])
  .meta({ id: 'InstanceNetworkInterfaceAttachment' })
export type InstanceNetworkInterfaceAttachment = z.output<typeof InstanceNetworkInterfaceAttachment>

export const InstanceNetworkInterfaceUpdate = z
  .object({
    ...identityUpdate,
    /** An interface becomes the primary one by `true`; it stops being that only when another one becomes it. */
    primary: z.boolean().default(false),
    transit_ips: z.array(IpNet).default([]),
  })
  .meta({ id: 'InstanceNetworkInterfaceUpdate' })

const params = z.object({ interface: NameOrId })
const maybeOnInstance = z.object({ instance: NameOrId.optional(), project: NameOrId.optional() })

export const networkInterfaceEndpoints = [
  endpoint({
    operationId: 'instance_network_interface_list',
    method: 'GET',
    path: '/v1/network-interfaces',
    tags: ['instances'],
    summary: 'List the network interfaces of an instance',
    query: z.object({ instance: NameOrId, project: NameOrId.optional(), ...listByNameOrId }),
    response: { status: 200, schema: pageOf(InstanceNetworkInterface) },
    paginated: true,
  }),
  endpoint({
    operationId: 'instance_network_interface_view',
    method: 'GET',
    path: '/v1/network-interfaces/{interface}',
    tags: ['instances'],
    summary: 'View a network interface',
    params,
    query: maybeOnInstance,
    response: { status: 200, schema: InstanceNetworkInterface },
  }),
  endpoint({
    operationId: 'instance_network_interface_create',
    method: 'POST',
    path: '/v1/network-interfaces',
    tags: ['instances'],
    summary: 'Add a network interface to a stopped instance',
    query: z.object({ instance: NameOrId, project: NameOrId.optional() }),
    body: InstanceNetworkInterfaceCreate,
    response: { status: 201, schema: InstanceNetworkInterface },
  }),
  endpoint({
    operationId: 'instance_network_interface_update',
    method: 'PUT',
    path: '/v1/network-interfaces/{interface}',
    tags: ['instances'],
    summary: 'Rename a network interface, make it the primary one, replace its transit prefixes',
    params,
    query: maybeOnInstance,
    body: InstanceNetworkInterfaceUpdate,
    response: { status: 200, schema: InstanceNetworkInterface },
  }),
  endpoint({
    operationId: 'instance_network_interface_delete',
    method: 'DELETE',
    path: '/v1/network-interfaces/{interface}',
    tags: ['instances'],
    summary: 'Remove a network interface from a stopped instance',
    params,
    query: maybeOnInstance,
    response: { status: 204 },
  }),
] as const
