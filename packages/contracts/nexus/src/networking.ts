/** What an operator says about the rack's own network: lots of addresses, loopbacks, and a few switches for everything. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { identity, identityCreate, IpAddr, IpNet, listById, listByNameOrId, NameOrId, Time, Uuid } from './identity.ts'

/** Which of the rack's two switches. */
export const SwitchSlot = z.enum(['switch0', 'switch1']).meta({ id: 'SwitchSlot' })
export type SwitchSlot = z.output<typeof SwitchSlot>

/** Addresses for the rack's own infrastructure, or for pools. */
export const AddressLotKind = z.enum(['infra', 'pool']).meta({ id: 'AddressLotKind' })

export const AddressLot = z.object({ ...identity, kind: AddressLotKind }).meta({ id: 'AddressLot' })
export type AddressLot = z.output<typeof AddressLot>

export const AddressLotBlock = z
  .object({ id: Uuid, first_address: IpAddr, last_address: IpAddr })
  .meta({ id: 'AddressLotBlock' })
export type AddressLotBlock = z.output<typeof AddressLotBlock>

const lotAndBlocks = { lot: AddressLot, blocks: z.array(AddressLotBlock) }

export const LoopbackAddress = z
  .object({ id: Uuid, address_lot_block_id: Uuid, rack_id: Uuid, switch_slot: SwitchSlot, address: IpNet })
  .meta({ id: 'LoopbackAddress' })
export type LoopbackAddress = z.output<typeof LoopbackAddress>

/** From where the API may be reached. */
export const AllowedSourceIps = z
  .discriminatedUnion('allow', [
    z.object({ allow: z.literal('any') }),
    z.object({ allow: z.literal('list'), ips: z.array(IpNet) }),
  ])
  .meta({ id: 'AllowedSourceIps' })
export type AllowedSourceIps = z.output<typeof AllowedSourceIps>

const AllowList = z
  .object({ time_created: Time, time_modified: Time, allowed_ips: AllowedSourceIps })
  .meta({ id: 'AllowList' })
const ServiceIcmpConfig = z.object({ enabled: z.boolean() }).meta({ id: 'ServiceIcmpConfig' })
const SystemNetworkingSettings = z
  .object({ external_jumbo_frames_opt_in_enabled: z.boolean() })
  .meta({ id: 'SystemNetworkingSettings' })

const tags = ['system/networking']
const lotParams = z.object({ address_lot: NameOrId })

export const networkingEndpoints = [
  endpoint({
    operationId: 'networking_address_lot_list',
    method: 'GET',
    path: '/v1/system/networking/address-lot',
    tags,
    summary: 'List address lots',
    query: z.object(listByNameOrId),
    response: { status: 200, schema: pageOf(AddressLot) },
    paginated: true,
  }),
  endpoint({
    operationId: 'networking_address_lot_create',
    method: 'POST',
    path: '/v1/system/networking/address-lot',
    tags,
    summary: 'Create an address lot with its blocks',
    body: z
      .object({
        ...identityCreate,
        kind: AddressLotKind,
        blocks: z.array(
          z.object({ first_address: IpAddr, last_address: IpAddr }).meta({ id: 'AddressLotBlockCreate' }),
        ),
      })
      .meta({ id: 'AddressLotCreate' }),
    response: { status: 201, schema: z.object(lotAndBlocks).meta({ id: 'AddressLotCreateResponse' }) },
  }),
  endpoint({
    operationId: 'networking_address_lot_view',
    method: 'GET',
    path: '/v1/system/networking/address-lot/{address_lot}',
    tags,
    summary: 'View an address lot',
    params: lotParams,
    response: { status: 200, schema: z.object(lotAndBlocks).meta({ id: 'AddressLotViewResponse' }) },
  }),
  endpoint({
    operationId: 'networking_address_lot_delete',
    method: 'DELETE',
    path: '/v1/system/networking/address-lot/{address_lot}',
    tags,
    summary: 'Delete an address lot of which nothing is in use',
    params: lotParams,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_address_lot_block_list',
    method: 'GET',
    path: '/v1/system/networking/address-lot/{address_lot}/blocks',
    tags,
    summary: 'List the blocks of an address lot',
    params: lotParams,
    query: z.object(listById),
    response: { status: 200, schema: pageOf(AddressLotBlock) },
    paginated: true,
  }),
  endpoint({
    operationId: 'networking_loopback_address_list',
    method: 'GET',
    path: '/v1/system/networking/loopback-address',
    tags,
    summary: 'List loopback addresses of switches',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(LoopbackAddress) },
    paginated: true,
  }),
  endpoint({
    operationId: 'networking_loopback_address_create',
    method: 'POST',
    path: '/v1/system/networking/loopback-address',
    tags,
    summary: 'Give a switch an address on no port',
    body: z
      .object({
        address_lot: NameOrId,
        rack_id: Uuid,
        switch_slot: SwitchSlot,
        address: IpAddr,
        mask: z.int().min(0).max(128),
        anycast: z.boolean(),
      })
      .meta({ id: 'LoopbackAddressCreate' }),
    response: { status: 201, schema: LoopbackAddress },
  }),
  endpoint({
    operationId: 'networking_loopback_address_delete',
    method: 'DELETE',
    path: '/v1/system/networking/loopback-address/{rack_id}/{switch_slot}/{address}/{subnet_mask}',
    tags,
    summary: 'Take a loopback address away',
    params: z.object({
      rack_id: Uuid,
      switch_slot: SwitchSlot,
      address: IpAddr,
      subnet_mask: z.int().min(0).max(128),
    }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_allow_list_view',
    method: 'GET',
    path: '/v1/system/networking/allow-list',
    tags,
    summary: 'View from where the API may be reached',
    response: { status: 200, schema: AllowList },
  }),
  endpoint({
    operationId: 'networking_allow_list_update',
    method: 'PUT',
    path: '/v1/system/networking/allow-list',
    tags,
    summary: 'Say from where the API may be reached',
    body: z.object({ allowed_ips: AllowedSourceIps }).meta({ id: 'AllowListUpdate' }),
    response: { status: 200, schema: AllowList },
  }),
  endpoint({
    operationId: 'networking_inbound_icmp_view',
    method: 'GET',
    path: '/v1/system/networking/inbound-icmp',
    tags,
    summary: 'View whether services of the rack answer to ICMP',
    response: { status: 200, schema: ServiceIcmpConfig },
  }),
  endpoint({
    operationId: 'networking_inbound_icmp_update',
    method: 'PUT',
    path: '/v1/system/networking/inbound-icmp',
    tags,
    summary: 'Say whether services of the rack answer to ICMP',
    body: ServiceIcmpConfig,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'system_networking_settings_view',
    method: 'GET',
    path: '/v1/system/networking/settings',
    tags,
    summary: 'View settings of the whole network',
    response: { status: 200, schema: SystemNetworkingSettings },
  }),
  endpoint({
    operationId: 'system_networking_settings_update',
    method: 'PUT',
    path: '/v1/system/networking/settings',
    tags,
    summary: 'Change settings of the whole network',
    body: z
      .object({ external_jumbo_frames_opt_in_enabled: z.boolean().default(false) })
      .meta({ id: 'SystemNetworkingSettingsUpdate' }),
    response: { status: 200, schema: SystemNetworkingSettings },
  }),
] as const
