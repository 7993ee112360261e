/** Addresses of the switch itself, on no link. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'

export const loopbackEndpoints = [
  endpoint({
    operationId: 'loopback_ipv4_list',
    method: 'GET',
    path: '/loopback/ipv4',
    tags: ['loopback'],
    summary: 'List IPv4 loopback addresses',
    response: { status: 200, schema: z.array(z.ipv4()) },
  }),
  endpoint({
    operationId: 'loopback_ipv4_add',
    method: 'PUT',
    path: '/loopback/ipv4/{address}',
    tags: ['loopback'],
    summary: 'Add an IPv4 loopback address; adding it twice changes nothing',
    params: z.object({ address: z.ipv4() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'loopback_ipv4_delete',
    method: 'DELETE',
    path: '/loopback/ipv4/{address}',
    tags: ['loopback'],
    summary: 'Remove an IPv4 loopback address',
    params: z.object({ address: z.ipv4() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'loopback_ipv6_list',
    method: 'GET',
    path: '/loopback/ipv6',
    tags: ['loopback'],
    summary: 'List IPv6 loopback addresses',
    response: { status: 200, schema: z.array(z.ipv6()) },
  }),
  endpoint({
    operationId: 'loopback_ipv6_add',
    method: 'PUT',
    path: '/loopback/ipv6/{address}',
    tags: ['loopback'],
    summary: 'Add an IPv6 loopback address; adding it twice changes nothing',
    params: z.object({ address: z.ipv6() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'loopback_ipv6_delete',
    method: 'DELETE',
    path: '/loopback/ipv6/{address}',
    tags: ['loopback'],
    summary: 'Remove an IPv6 loopback address',
    params: z.object({ address: z.ipv6() }),
    response: { status: 204 },
  }),
] as const
