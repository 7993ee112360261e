/** BGP and BFD as an operator configures them, and what the switches say about their sessions. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  identity,
  identityCreate,
  identityUpdate,
  IpAddr,
  IpNet,
  listByNameOrId,
  Name,
  NameOrId,
  Uuid,
} from './identity.ts'
import { SwitchSlot } from './networking.ts'

const U32 = z.int().min(0).max(0xffff_ffff)
const MaxPathConfig = z.int().min(1).max(32).meta({ id: 'MaxPathConfig' })

export const BgpConfig = z
  .object({ ...identity, asn: U32, vrf: z.string().nullish(), max_paths: MaxPathConfig })
  .meta({ id: 'BgpConfig' })
export type BgpConfig = z.output<typeof BgpConfig>

export const BgpAnnounceSet = z.object(identity).meta({ id: 'BgpAnnounceSet' })
export type BgpAnnounceSet = z.output<typeof BgpAnnounceSet>

export const BgpAnnouncement = z
  .object({ announce_set_id: Uuid, address_lot_block_id: Uuid, network: IpNet })
  .meta({ id: 'BgpAnnouncement' })
export type BgpAnnouncement = z.output<typeof BgpAnnouncement>

export const BgpPeerState = z
  .enum([
    'idle',
    'connect',
    'active',
    'open_sent',
    'open_confirm',
    'connection_collision',
    'session_setup',
    'established',
  ])
  .meta({ id: 'BgpPeerState' })
export type BgpPeerState = z.output<typeof BgpPeerState>

export const BgpPeerStatus = z
  .object({
    addr: IpAddr,
    peer_id: z.string(),
    local_asn: U32,
    remote_asn: U32,
    state: BgpPeerState,
    state_duration_millis: z.int().min(0),
    switch: SwitchSlot,
  })
  .meta({ id: 'BgpPeerStatus' })
export type BgpPeerStatus = z.output<typeof BgpPeerStatus>

export const BgpExported = z
  .object({ peer_id: z.string(), switch: SwitchSlot, prefix: IpNet })
  .meta({ id: 'BgpExported' })
export type BgpExported = z.output<typeof BgpExported>

export const BgpImported = z
  .object({ prefix: IpNet, nexthop: IpAddr, id: U32, switch: SwitchSlot })
  .meta({ id: 'BgpImported' })
export type BgpImported = z.output<typeof BgpImported>

/** Free form in the interface; here a list of messages, oldest first. */
export const SwitchBgpHistory = z
  .object({ switch: SwitchSlot, history: z.record(z.string(), z.unknown()) })
  .meta({ id: 'SwitchBgpHistory' })
export type SwitchBgpHistory = z.output<typeof SwitchBgpHistory>

export const BfdMode = z.enum(['single_hop', 'multi_hop']).meta({ id: 'BfdMode' })
export const BfdStatus = z
  .object({
    peer: IpAddr,
    state: z.enum(['admin_down', 'down', 'init', 'up']).meta({ id: 'BfdState' }),
    switch_slot: SwitchSlot,
    local: IpAddr.nullish(),
    detection_threshold: z.int().min(0).max(255),
    required_rx: z.int().min(0),
    mode: BfdMode,
  })
  .meta({ id: 'BfdStatus' })
export type BfdStatus = z.output<typeof BfdStatus>

const byRef = z.object({ name_or_id: NameOrId })
const ofAsn = z.object({ asn: U32 })
const setParams = z.object({ announce_set: NameOrId })
const tags = ['system/networking']

export const bgpEndpoints = [
  endpoint({
    operationId: 'networking_bgp_config_list',
    method: 'GET',
    path: '/v1/system/networking/bgp',
    tags,
    summary: 'List BGP configurations',
    query: z.object(listByNameOrId),
    response: { status: 200, schema: pageOf(BgpConfig) },
    paginated: true,
  }),
  endpoint({
    operationId: 'networking_bgp_config_create',
    method: 'POST',
    path: '/v1/system/networking/bgp',
    tags,
    summary: 'Create a BGP configuration: an AS number and what it announces',
    body: z
      .object({
        ...identityCreate,
        asn: U32.min(1),
        bgp_announce_set_id: NameOrId,
        max_paths: MaxPathConfig.default(1),
        vrf: Name.nullish(),
      })
      .meta({ id: 'BgpConfigCreate' }),
    response: { status: 201, schema: BgpConfig },
  }),
  endpoint({
    operationId: 'networking_bgp_config_update',
    method: 'PUT',
    path: '/v1/system/networking/bgp',
    tags,
    summary: 'Change a BGP configuration',
    query: byRef,
    body: z
      .object({ ...identityUpdate, bgp_announce_set_id: NameOrId.nullish(), max_paths: MaxPathConfig.nullish() })
      .meta({ id: 'BgpConfigUpdate' }),
    response: { status: 200, schema: BgpConfig },
  }),
  endpoint({
    operationId: 'networking_bgp_config_delete',
    method: 'DELETE',
    path: '/v1/system/networking/bgp',
    tags,
    summary: 'Delete a BGP configuration that no peer uses',
    query: byRef,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_bgp_announce_set_list',
    method: 'GET',
    path: '/v1/system/networking/bgp-announce-set',
    tags,
    summary: 'List sets of announcements',
    query: z.object(listByNameOrId),
    response: { status: 200, schema: z.array(BgpAnnounceSet) },
    paginated: true,
  }),
  endpoint({
    operationId: 'networking_bgp_announce_set_update',
    method: 'PUT',
    path: '/v1/system/networking/bgp-announce-set',
    tags,
    summary: 'Make a set of announcements what the body says, creating it if there is none of its name',
    body: z
      .object({
        ...identityCreate,
        announcement: z.array(
          z.object({ address_lot_block: NameOrId, network: IpNet }).meta({ id: 'BgpAnnouncementCreate' }),
        ),
      })
      .meta({ id: 'BgpAnnounceSetCreate' }),
    response: { status: 200, schema: BgpAnnounceSet },
  }),
  endpoint({
    operationId: 'networking_bgp_announce_set_delete',
    method: 'DELETE',
    path: '/v1/system/networking/bgp-announce-set/{announce_set}',
    tags,
    summary: 'Delete a set of announcements that no BGP configuration uses',
    params: setParams,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_bgp_announcement_list',
    method: 'GET',
    path: '/v1/system/networking/bgp-announce-set/{announce_set}/announcement',
    tags,
    summary: 'List what a set announces',
    params: setParams,
    response: { status: 200, schema: z.array(BgpAnnouncement) },
  }),
  endpoint({
    operationId: 'networking_bgp_status',
    method: 'GET',
    path: '/v1/system/networking/bgp-status',
    tags,
    summary: 'List the sessions of all switches as their daemons see them',
    response: { status: 200, schema: z.array(BgpPeerStatus) },
  }),
  endpoint({
    operationId: 'networking_bgp_exported',
    method: 'GET',
    path: '/v1/system/networking/bgp-exported',
    tags,
    summary: 'List what peers have been told',
    response: { status: 200, schema: z.array(BgpExported) },
  }),
  endpoint({
    operationId: 'networking_bgp_imported',
    method: 'GET',
    path: '/v1/system/networking/bgp-imported',
    tags,
    summary: 'List what peers of an AS of ours have told us',
    query: ofAsn,
    response: { status: 200, schema: z.array(BgpImported) },
  }),
  endpoint({
    operationId: 'networking_bgp_message_history',
    method: 'GET',
    path: '/v1/system/networking/bgp-message-history',
    tags,
    summary: 'List the last messages of the sessions of an AS of ours',
    query: ofAsn,
    response: {
      status: 200,
      schema: z.object({ switch_histories: z.array(SwitchBgpHistory) }).meta({ id: 'AggregateBgpMessageHistory' }),
    },
  }),
  endpoint({
    operationId: 'networking_bfd_enable',
    method: 'POST',
    path: '/v1/system/networking/bfd-enable',
    tags,
    summary: 'Follow a neighbour of a switch with BFD',
    body: z
      .object({
        local: IpAddr.nullish(),
        remote: IpAddr,
        /** Missed packets after which the neighbour is gone. */
        detection_threshold: z.int().min(1).max(255),
        /** Microseconds. */
        required_rx: z.int().min(1000).max(0xffff_ffff),
        switch_slot: SwitchSlot,
        mode: BfdMode,
      })
      .meta({ id: 'BfdSessionEnable' }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_bfd_disable',
    method: 'POST',
    path: '/v1/system/networking/bfd-disable',
    tags,
    summary: 'Follow a neighbour of a switch no more',
    body: z.object({ remote: IpAddr, switch_slot: SwitchSlot }).meta({ id: 'BfdSessionDisable' }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'networking_bfd_status',
    method: 'GET',
    path: '/v1/system/networking/bfd-status',
    tags,
    summary: 'List the BFD sessions of all switches',
    response: { status: 200, schema: z.array(BfdStatus) },
  }),
] as const
