/** ARP and NDP entries: the MAC address of each next hop, as the switch's tables have them. */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { MacAddr } from './address.ts'

export const ArpEntry = z
  .object({ ip: z.ipv4(), mac: MacAddr, update: z.iso.datetime() })
  .meta({ id: 'ArpEntry', description: 'An IPv4 neighbor and when it was last confirmed.' })
export type ArpEntry = z.output<typeof ArpEntry>

export const NdpEntry = z
  .object({ ip: z.ipv6(), mac: MacAddr, update: z.iso.datetime() })
  .meta({ id: 'NdpEntry', description: 'An IPv6 neighbor and when it was last confirmed.' })
export type NdpEntry = z.output<typeof NdpEntry>

const query = z.object({ ...pageFields })

export const neighborEndpoints = [
  endpoint({
    operationId: 'arp_list',
    method: 'GET',
    path: '/arp',
    tags: ['neighbors'],
    summary: 'List ARP entries',
    query,
    response: { status: 200, schema: pageOf(ArpEntry) },
    paginated: true,
  }),
  endpoint({
    operationId: 'arp_set',
    method: 'PUT',
    path: '/arp/{ip}',
    tags: ['neighbors'],
    summary: 'Add or replace an ARP entry',
    params: z.object({ ip: z.ipv4() }),
    body: z.object({ mac: MacAddr }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'arp_delete',
    method: 'DELETE',
    path: '/arp/{ip}',
    tags: ['neighbors'],
    summary: 'Remove an ARP entry',
    params: z.object({ ip: z.ipv4() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'arp_reset',
    method: 'DELETE',
    path: '/arp',
    tags: ['neighbors'],
    summary: 'Remove all ARP entries',
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'ndp_list',
    method: 'GET',
    path: '/ndp',
    tags: ['neighbors'],
    summary: 'List NDP entries',
    query,
    response: { status: 200, schema: pageOf(NdpEntry) },
    paginated: true,
  }),
  endpoint({
    operationId: 'ndp_set',
    method: 'PUT',
    path: '/ndp/{ip}',
    tags: ['neighbors'],
    summary: 'Add or replace an NDP entry',
    params: z.object({ ip: z.ipv6() }),
    body: z.object({ mac: MacAddr }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'ndp_delete',
    method: 'DELETE',
    path: '/ndp/{ip}',
    tags: ['neighbors'],
    summary: 'Remove an NDP entry',
    params: z.object({ ip: z.ipv6() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'ndp_reset',
    method: 'DELETE',
    path: '/ndp',
    tags: ['neighbors'],
    summary: 'Remove all NDP entries',
    response: { status: 204 },
  }),
] as const
