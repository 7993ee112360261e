/** The ports of the rack's switches that face the world: settings by name, which of them a port has, LLDP. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  identity,
  identityCreate,
  IpAddr,
  IpNet,
  listById,
  listByNameOrId,
  Name,
  NameOrId,
  Time,
  Uuid,
} from './identity.ts'
import { SwitchSlot } from './networking.ts'

const U8 = z.int().min(0).max(0xff)
const U16 = z.int().min(0).max(0xffff)
const U32 = z.int().min(0).max(0xffff_ffff)
const I32 = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1)
const VlanId = z.int().min(0).max(0xffff)

export const SwitchPortGeometry = z.enum(['qsfp28x1', 'qsfp28x2', 'sfp28x4']).meta({ id: 'SwitchPortGeometry' })
export const LinkFec = z.enum(['firecode', 'none', 'rs']).meta({ id: 'LinkFec' })
export type LinkFec = z.output<typeof LinkFec>
export const LinkSpeed = z
  .enum([
    'speed0_g',
    'speed1_g',
    'speed10_g',
    'speed25_g',
    'speed40_g',
    'speed50_g',
    'speed100_g',
    'speed200_g',
    'speed400_g',
  ])
  .meta({ id: 'LinkSpeed' })
export type LinkSpeed = z.output<typeof LinkSpeed>

const lldpFields = {
  enabled: z.boolean(),
  link_name: z.string().nullish(),
  link_description: z.string().nullish(),
  chassis_id: z.string().nullish(),
  system_name: z.string().nullish(),
  system_description: z.string().nullish(),
  management_ip: IpAddr.nullish(),
}
export const LldpLinkConfigCreate = z.object(lldpFields).meta({ id: 'LldpLinkConfigCreate' })
export type LldpLinkConfigCreate = z.output<typeof LldpLinkConfigCreate>
export const LldpLinkConfig = z.object({ id: Uuid, ...lldpFields }).meta({ id: 'LldpLinkConfig' })
export type LldpLinkConfig = z.output<typeof LldpLinkConfig>

export const TxEqConfig = z
  .object({
    pre1: I32.nullish(),
    pre2: I32.nullish(),
    main: I32.nullish(),
    post1: I32.nullish(),
    post2: I32.nullish(),
  })
  .meta({ id: 'TxEqConfig' })

export const LinkConfigCreate = z
  .object({
    link_name: Name,
    mtu: U16,
    fec: LinkFec.nullish(),
    speed: LinkSpeed,
    autoneg: z.boolean(),
    lldp: LldpLinkConfigCreate,
    tx_eq: TxEqConfig.nullish(),
  })
  .meta({ id: 'LinkConfigCreate' })
export type LinkConfigCreate = z.output<typeof LinkConfigCreate>

export const SwitchInterfaceKind = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('primary') }),
    z.object({ type: z.literal('vlan'), vid: U16 }),
    z.object({ type: z.literal('loopback') }),
  ])
  .meta({ id: 'SwitchInterfaceKind' })

export const RouterPeerType = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('unnumbered'), router_lifetime: z.int().min(0).max(9000) }),
    z.object({ type: z.literal('numbered'), target_addr: IpAddr, src_addr: IpAddr.nullish() }),
  ])
  .meta({ id: 'RouterPeerType' })

export const ImportExportPolicy = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('no_filtering') }),
    z.object({ type: z.literal('allow'), value: z.array(IpNet) }),
  ])
  .meta({ id: 'ImportExportPolicy' })
export type ImportExportPolicy = z.output<typeof ImportExportPolicy>

/** Times are seconds. */
export const BgpPeer = z
  .object({
    addr: RouterPeerType,
    bgp_config: NameOrId,
    remote_asn: U32.nullish(),
    hold_time: U32,
    idle_hold_time: U32,
    delay_open: U32,
    connect_retry: U32,
    keepalive: U32,
    min_ttl: U8.nullish(),
    md5_auth_key: z.string().nullish(),
    multi_exit_discriminator: U32.nullish(),
    local_pref: U32.nullish(),
    communities: z.array(U32),
    enforce_first_as: z.boolean(),
    allowed_import: ImportExportPolicy,
    allowed_export: ImportExportPolicy,
    vlan_id: VlanId.nullish(),
  })
  .meta({ id: 'BgpPeer' })
export type BgpPeer = z.output<typeof BgpPeer>

const Address = z.object({ address: IpNet, address_lot: NameOrId, vlan_id: VlanId.nullish() }).meta({ id: 'Address' })
const Route = z
  .object({ dst: IpNet, gw: IpAddr, vid: VlanId.nullish(), rib_priority: U8.nullish() })
  .meta({ id: 'Route' })

/** Whole settings; there is no update: settings of the same name are replaced. */
export const SwitchPortSettingsCreate = z
  .object({
    ...identityCreate,
    port_config: z.object({ geometry: SwitchPortGeometry }).meta({ id: 'SwitchPortConfigCreate' }),
    groups: z.array(NameOrId).default([]),
    links: z.array(LinkConfigCreate),
    interfaces: z
      .array(
        z
          .object({ link_name: Name, v6_enabled: z.boolean(), kind: SwitchInterfaceKind })
          .meta({ id: 'SwitchInterfaceConfigCreate' }),
      )
      .default([]),
    routes: z.array(z.object({ link_name: Name, routes: z.array(Route) }).meta({ id: 'RouteConfig' })).default([]),
    bgp_peers: z
      .array(z.object({ link_name: Name, peers: z.array(BgpPeer) }).meta({ id: 'BgpPeerConfig' }))
      .default([]),
    addresses: z.array(z.object({ link_name: Name, addresses: z.array(Address) }).meta({ id: 'AddressConfig' })),
  })
  .meta({ id: 'SwitchPortSettingsCreate' })
export type SwitchPortSettingsCreate = z.output<typeof SwitchPortSettingsCreate>

const ofSettings = { port_settings_id: Uuid }
export const SwitchPortSettings = z
  .object({
    ...identity,
    port: z.object({ ...ofSettings, geometry: SwitchPortGeometry }).meta({ id: 'SwitchPortConfig' }),
    groups: z.array(z.object({ ...ofSettings, port_settings_group_id: Uuid }).meta({ id: 'SwitchPortSettingsGroups' })),
    links: z.array(
      z
        .object({
          ...ofSettings,
          link_name: Name,
          mtu: U16,
          fec: LinkFec.nullish(),
          speed: LinkSpeed,
          autoneg: z.boolean(),
          lldp_link_config: LldpLinkConfig.nullish(),
          tx_eq_config: TxEqConfig.nullish(),
        })
        .meta({ id: 'SwitchPortLinkConfig' }),
    ),
    interfaces: z.array(
      z
        .object({ ...ofSettings, id: Uuid, interface_name: Name, v6_enabled: z.boolean(), kind: SwitchInterfaceKind })
        .meta({ id: 'SwitchInterfaceConfig' }),
    ),
    routes: z.array(
      z
        .object({
          ...ofSettings,
          interface_name: Name,
          dst: IpNet,
          gw: IpAddr,
          vlan_id: VlanId.nullish(),
          rib_priority: U8.nullish(),
        })
        .meta({ id: 'SwitchPortRouteConfig' }),
    ),
    bgp_peers: z.array(BgpPeer),
    addresses: z.array(
      z
        .object({
          ...ofSettings,
          interface_name: Name,
          address: IpNet,
          address_lot_id: Uuid,
          address_lot_name: Name,
          address_lot_block_id: Uuid,
          vlan_id: VlanId.nullish(),
        })
        .meta({ id: 'SwitchPortAddressView' }),
    ),
  })
  .meta({ id: 'SwitchPortSettings' })
export type SwitchPortSettings = z.output<typeof SwitchPortSettings>

export const SwitchPortSettingsIdentity = z.object(identity).meta({ id: 'SwitchPortSettingsIdentity' })

export const SwitchPort = z
  .object({
    id: Uuid,
    port_name: Name,
    rack_id: Uuid,
    switch_slot: SwitchSlot,
    port_settings_id: Uuid.nullish(),
  })
  .meta({ id: 'SwitchPort' })
export type SwitchPort = z.output<typeof SwitchPort>

const InterfaceNum = z
  .union([z.object({ unknown: U32 }), z.object({ if_index: U32 }), z.object({ port_number: U32 })])
  .meta({ id: 'InterfaceNum' })
const NetworkAddress = z
  .union([z.object({ ip_addr: IpAddr }), z.object({ i_e_e_e802: z.array(U8) })])
  .meta({ id: 'NetworkAddress' })

export const LldpNeighbor = z
  .object({
    local_port: z.string(),
    first_seen: Time,
    last_seen: Time,
    link_name: z.string(),
    link_description: z.string().nullish(),
    chassis_id: z.string(),
    system_name: z.string().nullish(),
    system_description: z.string().nullish(),
    management_ip: z.array(
      z
        .object({ addr: NetworkAddress, interface_num: InterfaceNum, oid: z.array(U8).nullish() })
        .meta({ id: 'ManagementAddress' }),
    ),
  })
  .meta({ id: 'LldpNeighbor' })
export type LldpNeighbor = z.output<typeof LldpNeighbor>

/** Free form in the interface: what the switch says about the port's links. */
export const SwitchLinkState = z.unknown().meta({ id: 'SwitchLinkState' })

const portParams = z.object({ port: Name })
const atSwitch = z.object({ rack_id: Uuid, switch_slot: SwitchSlot })
const hardware = ['system/hardware']
const networking = ['system/networking']

export const switchPortEndpoints = [
  endpoint({
    operationId: 'networking_switch_port_settings_list',
    method: 'GET',
    path: '/v1/system/networking/switch-port-settings',
    tags: networking,
    summary: 'List settings for switch ports',
    query: z.object({ ...listByNameOrId, port_settings: NameOrId.optional() }),
    response: { status: 200, schema: pageOf(SwitchPortSettingsIdentity) },
    paginated: true,
  }),
  endpoint({
    operationId: 'networking_switch_port_settings_create',
    method: 'POST',
    path: '/v1/system/networking/switch-port-settings',
    tags: networking,
    summary: 'Make settings for switch ports, replacing those of the same name',
    body: SwitchPortSettingsCreate,
    response: { status: 201, schema: SwitchPortSettings },
  }),
  endpoint({
    operationId: 'networking_switch_port_settings_delete',
    method: 'DELETE',
    path: '/v1/system/networking/switch-port-settings',
    tags: networking,
    summary: 'Delete settings that no port has',
    query: z.object({ port_settings: NameOrId.optional() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_switch_port_settings_view',
    method: 'GET',
    path: '/v1/system/networking/switch-port-settings/{port}',
    tags: networking,
    summary: 'View settings for switch ports',
    params: z.object({ port: NameOrId }),
    response: { status: 200, schema: SwitchPortSettings },
  }),
  endpoint({
    operationId: 'networking_switch_port_list',
    method: 'GET',
    path: '/v1/system/hardware/switch-port',
    tags: hardware,
    summary: 'List the ports of switches that face the world',
    query: z.object({ ...listById, switch_port_id: Uuid.optional() }),
    response: { status: 200, schema: pageOf(SwitchPort) },
    paginated: true,
  }),
  endpoint({
    operationId: 'networking_switch_port_apply_settings',
    method: 'POST',
    path: '/v1/system/hardware/switch-port/{port}/settings',
    tags: hardware,
    summary: 'Give a port its settings',
    params: portParams,
    query: atSwitch,
    body: z.object({ port_settings: NameOrId }).meta({ id: 'SwitchPortApplySettings' }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_switch_port_clear_settings',
    method: 'DELETE',
    path: '/v1/system/hardware/switch-port/{port}/settings',
    tags: hardware,
    summary: 'Take the settings of a port away',
    params: portParams,
    query: atSwitch,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_switch_port_status',
    method: 'GET',
    path: '/v1/system/hardware/switch-port/{port}/status',
    tags: hardware,
    summary: 'View what the switch says about a port',
    params: portParams,
    query: atSwitch,
    response: { status: 200, schema: SwitchLinkState },
  }),
  endpoint({
    operationId: 'networking_switch_port_lldp_config_view',
    method: 'GET',
    path: '/v1/system/hardware/switch-port/{port}/lldp/config',
    tags: networking,
    summary: 'View what is said by LLDP on a port',
    params: portParams,
    query: atSwitch,
    response: { status: 200, schema: LldpLinkConfig },
  }),
  endpoint({
    operationId: 'networking_switch_port_lldp_config_update',
    method: 'POST',
    path: '/v1/system/hardware/switch-port/{port}/lldp/config',
    tags: networking,
    summary: 'Say something else by LLDP on a port',
    params: portParams,
    query: atSwitch,
    body: LldpLinkConfig,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_switch_port_lldp_neighbors',
    method: 'GET',
    path: '/v1/system/hardware/rack-switch-port/{rack_id}/{switch_slot}/{port}/lldp/neighbors',
    tags: networking,
    summary: 'List who has been heard by LLDP on a port',
    params: z.object({ rack_id: Uuid, switch_slot: SwitchSlot, port: Name }),
    query: z.object(listById),
    response: { status: 200, schema: pageOf(LldpNeighbor) },
    paginated: true,
  }),
] as const
