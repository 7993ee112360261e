/** Front panel ports and the links on them. A link is what carries frames; a port may hold several (breakout). */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { Causes, IpAddr, Ipv4Net, Ipv6Net, MacAddr } from './address.ts'

/** `qsfp0` … `qsfp31` face upstream, `rear0` … `rear31` face sleds, `int0` is the CPU port. */
export const PortId = z.string().regex(/^(qsfp|rear|int)\d{1,2}$/, 'not a port, as in qsfp0, rear3, int0')
export const LinkId = z.int().min(0).max(3)
export const PortSpeed = z.enum(['0G', '1G', '10G', '25G', '40G', '50G', '100G', '200G', '400G'])
export const PortFec = z.enum(['None', 'Firecode', 'RS'])
export const LinkState = z.enum(['up', 'down', 'unknown'])

export const SwitchPort = z
  .object({ port_id: PortId, asic_id: z.int().min(0), links: z.array(LinkId) })
  .meta({ id: 'SwitchPort' })
export type SwitchPort = z.output<typeof SwitchPort>

export const Link = z
  .object({
    port_id: PortId,
    link_id: LinkId,
    /** The pipeline's port number: what table keys and counters are in terms of. */
    asic_id: z.int().min(0),
    address: MacAddr,
    enabled: z.boolean(),
    link_state: LinkState,
    speed: PortSpeed,
    fec: PortFec.optional(),
    mtu: z.int(),
    ipv6_enabled: z.boolean(),
    /** The interface that represents this link in the switch zone. */
    tfport: z.string(),
    addresses: z.array(IpAddr),
  })
  .meta({ id: 'Link' })
export type Link = z.output<typeof Link>

export const LinkSettings = z
  .object({
    speed: PortSpeed,
    fec: PortFec.optional(),
    autoneg: z.boolean(),
    mtu: z.int().min(1280).max(9216),
    enabled: z.boolean(),
    addrs: z.array(IpAddr),
    /** Those of `addrs` whose subnet is on the link, with its length; absent: what the interface has stays. */
    subnets: z.array(z.union([Ipv4Net, Ipv6Net])).optional(),
  })
  .meta({ id: 'LinkSettings' })

/** Everything about one port; links are keyed by link id. */
export const PortSettings = z
  .object({ links: z.record(z.string(), LinkSettings), causes: Causes.optional() })
  .meta({ id: 'PortSettings' })
export type PortSettings = z.output<typeof PortSettings>

const ofPort = z.object({ port_id: PortId })
const ofLink = z.object({ port_id: PortId, link_id: LinkId })
const ofAddress = z.object({ port_id: PortId, link_id: LinkId, address: IpAddr })
const tags = ['links']

export const linkEndpoints = [
  endpoint({
    operationId: 'port_list',
    method: 'GET',
    path: '/ports',
    tags,
    summary: 'List the ports of the switch',
    response: { status: 200, schema: z.array(SwitchPort) },
  }),
  endpoint({
    operationId: 'link_list',
    method: 'GET',
    path: '/links',
    tags,
    summary: 'List links on all ports',
    query: z.object({ ...pageFields }),
    response: { status: 200, schema: pageOf(Link) },
    paginated: true,
  }),
  endpoint({
    operationId: 'link_view',
    method: 'GET',
    path: '/ports/{port_id}/links/{link_id}',
    tags,
    summary: 'View a link',
    params: ofLink,
    response: { status: 200, schema: Link },
  }),
  endpoint({
    operationId: 'link_enabled_set',
    method: 'PUT',
    path: '/ports/{port_id}/links/{link_id}/enabled',
    tags,
    summary: 'Enable or disable a link',
    params: ofLink,
    body: z.object({ enabled: z.boolean() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'link_address_list',
    method: 'GET',
    path: '/ports/{port_id}/links/{link_id}/addresses',
    tags,
    summary: 'List the addresses that the switch answers to on a link',
    params: ofLink,
    response: { status: 200, schema: z.array(IpAddr) },
  }),
  endpoint({
    operationId: 'link_address_add',
    method: 'PUT',
    path: '/ports/{port_id}/links/{link_id}/addresses/{address}',
    tags,
    summary: 'Add an address to a link; adding it twice changes nothing',
    params: ofAddress,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'link_address_delete',
    method: 'DELETE',
    path: '/ports/{port_id}/links/{link_id}/addresses/{address}',
    tags,
    summary: 'Remove an address from a link',
    params: ofAddress,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'port_settings_view',
    method: 'GET',
    path: '/port/{port_id}/settings',
    tags,
    summary: 'View the settings of a port',
    params: ofPort,
    response: { status: 200, schema: PortSettings },
  }),
  endpoint({
    operationId: 'port_settings_apply',
    method: 'POST',
    path: '/port/{port_id}/settings',
    tags,
    summary: 'Apply settings to a whole port, all or nothing',
    params: ofPort,
    body: PortSettings,
    response: { status: 200, schema: PortSettings },
  }),
  endpoint({
    operationId: 'port_settings_clear',
    method: 'DELETE',
    path: '/port/{port_id}/settings',
    tags,
    summary: 'Remove all links and addresses of a port',
    params: ofPort,
    response: { status: 204 },
  }),
] as const
