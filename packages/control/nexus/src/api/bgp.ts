/** BGP configurations, announcements and BFD sessions. What the daemons say about them is in `routing-status.ts`. */
import { type Call, invalidRequest, type OperationOf } from '@lodestone/api'
import type { BgpAnnounceSet, BgpConfig, NexusApi } from '@lodestone/contract-nexus'
import { Ip, Prefix } from '@lodestone/net'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  announcementsOfSet,
  announceSetByRef,
  announceSetIsUsed,
  type AnnounceSetRow,
  bgpConfigByRef,
  bgpConfigIsUsed,
  type BgpConfigRow,
  deleteAnnounceSet,
  deleteBfdSession,
  deleteBgpConfig,
  insertBgpConfig,
  listAnnounceSets,
  listBgpConfigs,
  putAnnounceSet,
  putBfdSession,
  updateBgpConfig,
} from '../store/bgp.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { blockWithPrefix, isSwitchOf } from './address-lot.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound } from './selector.ts'

type BodyOf<Id extends Ids> = Call<OperationOf<NexusApi, Id>, undefined>['body']
export type BgpConfigCreate = BodyOf<'networking_bgp_config_create'>
export type BgpAnnounceSetCreate = BodyOf<'networking_bgp_announce_set_update'>
export type BfdSessionEnable = BodyOf<'networking_bfd_enable'>

type Ids =
  | 'networking_bgp_config_list'
  | 'networking_bgp_config_create'
  | 'networking_bgp_config_update'
  | 'networking_bgp_config_delete'
  | 'networking_bgp_announce_set_list'
  | 'networking_bgp_announce_set_update'
  | 'networking_bgp_announce_set_delete'
  | 'networking_bgp_announcement_list'
  | 'networking_bfd_enable'
  | 'networking_bfd_disable'

export function bgpHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async networking_bgp_config_list({ query }) {
      const scan = scanOf(query)
      return pageOfRows(await listBgpConfigs(store.db, scan), scan, configFromRow)
    },
    async networking_bgp_config_create({ body }) {
      return configFromRow(await store.transaction((tx) => createBgpConfig(tx, service, body)))
    },
    async networking_bgp_config_update({ query, body }) {
      const row = await store.transaction(async (tx) => {
        const { id, name } = await selectBgpConfig(tx, query.name_or_id)
        const change = {
          ...identityChange(body, nowOf(service)),
          ...(body.max_paths == null ? {} : { max_paths: body.max_paths }),
          ...(body.bgp_announce_set_id == null
            ? {}
            : { announce_set_id: (await selectAnnounceSet(tx, body.bgp_announce_set_id)).id }),
        }
        return orAlreadyExists('bgp-config', change.name ?? name, () => updateBgpConfig(tx, id, change))
      })
      service.activate()
      return configFromRow(row)
    },
    async networking_bgp_config_delete({ query }) {
      await store.transaction(async (tx) => {
        const { id } = await selectBgpConfig(tx, query.name_or_id)
        if (await bgpConfigIsUsed(tx, id)) throw invalidRequest('BGP config is in use by switch port settings')
        await deleteBgpConfig(tx, id)
      })
    },
    async networking_bgp_announce_set_list({ query }) {
      const scan = scanOf(query)
      // The interface gives a list here, not a page.
      return pageOfRows(await listAnnounceSets(store.db, scan), scan, setFromRow).items
    },
    async networking_bgp_announce_set_update({ body }) {
      const row = await store.transaction((tx) => writeAnnounceSet(tx, service, body))
      service.activate()
      return setFromRow(row)
    },
    async networking_bgp_announce_set_delete({ params }) {
      await store.transaction(async (tx) => {
        const { id } = await selectAnnounceSet(tx, params.announce_set)
        if (await announceSetIsUsed(tx, id)) throw invalidRequest('BGP announce set is in use by a BGP config')
        await deleteAnnounceSet(tx, id)
      })
    },
    async networking_bgp_announcement_list({ params }) {
      return announcementsOfSet(store.db, (await selectAnnounceSet(store.db, params.announce_set)).id)
    },
    async networking_bfd_enable({ body }) {
      await enableBfd(store.db, service, body)
      service.activate()
    },
    async networking_bfd_disable({ body }) {
      const remote = Ip.of(body.remote).toString()
      if (!(await deleteBfdSession(store.db, body.switch_slot, remote))) throw notFound('bfd-session', remote)
      service.activate()
    },
  }
}

export async function createBgpConfig(tx: Db, service: Service, body: BgpConfigCreate): Promise<BgpConfigRow> {
  const row: BgpConfigRow = {
    ...newIdentity(service.random.uuid(), body, nowOf(service)),
    asn: body.asn,
    announce_set_id: (await selectAnnounceSet(tx, body.bgp_announce_set_id)).id,
    max_paths: body.max_paths,
    vrf: body.vrf ?? null,
  }
  await orAlreadyExists('bgp-config', body.name, () => insertBgpConfig(tx, row))
  return row
}

export async function writeAnnounceSet(tx: Db, service: Service, body: BgpAnnounceSetCreate): Promise<AnnounceSetRow> {
  const now = nowOf(service)
  const known = await announceSetByRef(tx, body.name)
  const row: AnnounceSetRow = {
    ...newIdentity(known?.id ?? service.random.uuid(), body, now),
    ...(known === undefined ? {} : { time_created: known.time_created }),
  }
  const announcements = new Map<string, { announce_set_id: string; address_lot_block_id: string; network: string }>()
  for (const { address_lot_block, network } of body.announcement) {
    const prefix = Prefix.of(network).masked() // because the schema has parsed it
    const block = await blockWithPrefix(tx, address_lot_block, prefix)
    const text = prefix.toString()
    announcements.set(text, { announce_set_id: row.id, address_lot_block_id: block.id, network: text })
  }
  await putAnnounceSet(tx, row, [...announcements.values()])
  return row
}

export async function enableBfd(db: Db, service: Service, body: BfdSessionEnable): Promise<void> {
  if (!isSwitchOf(service, body.switch_slot)) throw notFound('switch', body.switch_slot)
  const remote = Ip.of(body.remote)
  const local = body.local == null ? undefined : Ip.of(body.local)
  if (local !== undefined && local.family !== remote.family) {
    throw invalidRequest(`local: ${local} and ${remote} are of different families`)
  }
  await putBfdSession(db, {
    switch_slot: body.switch_slot,
    remote: remote.toString(),
    local: local?.toString() ?? null,
    detection_threshold: body.detection_threshold,
    required_rx_us: body.required_rx,
    mode: body.mode,
  })
}

export async function selectBgpConfig(db: Db, ref: string): Promise<BgpConfigRow> {
  const row = await bgpConfigByRef(db, ref)
  if (row === undefined) throw notFound('bgp-config', ref)
  return row
}

async function selectAnnounceSet(db: Db, ref: string): Promise<AnnounceSetRow> {
  const row = await announceSetByRef(db, ref)
  if (row === undefined) throw notFound('bgp-announce-set', ref)
  return row
}

function configFromRow(row: BgpConfigRow): BgpConfig {
  return { ...identityFromRow(row), asn: Number(row.asn), max_paths: row.max_paths, vrf: row.vrf }
}

function setFromRow(row: AnnounceSetRow): BgpAnnounceSet {
  return identityFromRow(row)
}
