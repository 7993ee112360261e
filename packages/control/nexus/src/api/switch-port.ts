/** Settings for switch ports, and which port has which. */
import { ApiFailure, invalidRequest, pageInMemory } from '@lodestone/api'
import type {
  LldpLinkConfig,
  LldpNeighbor,
  SwitchPort,
  SwitchPortSettings,
  SwitchPortSettingsCreate,
  SwitchSlot,
} from '@lodestone/contract-nexus'
import type { LldpNeighbor as SwitchdNeighbor } from '@lodestone/contract-switchd'
import { Ip, Prefix } from '@lodestone/net'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import type { PortSettingsBody } from '../store/schema.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import {
  deletePortSettings,
  listPortSettings,
  listSwitchPorts,
  portSettingsAreUsed,
  portSettingsByRef,
  type PortSettingsRow,
  putPortSettings,
  setLldpOfPort,
  setSettingsOfPort,
  switchPort,
  type SwitchPortRow,
} from '../store/switch-port.ts'
import { blockWithAddress, checkRack, selectLot } from './address-lot.ts'
import { selectBgpConfig } from './bgp.ts'
import { identityFromRow, newIdentity } from './resource.ts'
import { notFound } from './selector.ts'
import { askSwitch } from './switch-answer.ts'

type Ids =
  | 'networking_switch_port_settings_list'
  | 'networking_switch_port_settings_create'
  | 'networking_switch_port_settings_delete'
  | 'networking_switch_port_settings_view'
  | 'networking_switch_port_list'
  | 'networking_switch_port_apply_settings'
  | 'networking_switch_port_clear_settings'
  | 'networking_switch_port_status'
  | 'networking_switch_port_lldp_config_view'
  | 'networking_switch_port_lldp_config_update'
  | 'networking_switch_port_lldp_neighbors'

/** What the pipeline carries at least and at most. */
const MIN_MTU = 1280
const MAX_MTU = 9216
const MAX_VLAN_ID = 4094

export function switchPortHandlers(service: Service): HandlersOf<Ids> {
  const { store, inventory } = service
  return {
    async networking_switch_port_settings_list({ query }) {
      const scan = scanOf(query)
      return pageOfRows(await listPortSettings(store.db, query.port_settings, scan), scan, identityFromRow)
    },
    async networking_switch_port_settings_create({ body }) {
      const row = await store.transaction((tx) => writePortSettings(tx, service, body))
      service.activate()
      return settingsFromRow(row)
    },
    async networking_switch_port_settings_delete({ query }) {
      const ref = query.port_settings
      if (ref === undefined) throw invalidRequest('port_settings: name or id is required')
      await store.transaction(async (tx) => {
        const { id } = await selectSettings(tx, ref)
        if (await portSettingsAreUsed(tx, id)) throw invalidRequest('switch port settings are in use by a port')
        await deletePortSettings(tx, id)
      })
    },
    networking_switch_port_settings_view: async ({ params }) =>
      settingsFromRow(await selectSettings(store.db, params.port)),

    async networking_switch_port_list({ query }) {
      const rows = (await listSwitchPorts(store.db)).filter(
        (row) => query.switch_port_id === undefined || row.id === query.switch_port_id,
      )
      return pageInMemory(
        rows.map((row) => portFromRow(row, inventory.rackId)),
        query,
        (port) => port.id,
      )
    },
    async networking_switch_port_apply_settings({ params, query, body }) {
      checkRack(service, query.rack_id)
      await store.transaction((tx) => applyPortSettings(tx, query.switch_slot, params.port, body.port_settings))
      service.activate()
    },
    async networking_switch_port_clear_settings({ params, query }) {
      checkRack(service, query.rack_id)
      await setSettingsOfPort(store.db, (await selectPort(store.db, query.switch_slot, params.port)).id, null)
      service.activate()
    },
    async networking_switch_port_status({ params, query }) {
      checkRack(service, query.rack_id)
      await selectPort(store.db, query.switch_slot, params.port)
      const links = askSwitch(await service.switchd(query.switch_slot).link_list({ query: { limit: 1000 } }))
      const own = links.items.filter((link) => link.port_id === params.port)
      return { port_id: params.port, links: own }
    },

    async networking_switch_port_lldp_config_view({ params, query }) {
      checkRack(service, query.rack_id)
      const port = await selectPort(store.db, query.switch_slot, params.port)
      const settings =
        port.port_settings_id === null ? undefined : await portSettingsByRef(store.db, port.port_settings_id)
      const config = lldpOfPort(port, settings)
      if (config === undefined) throw notFound('lldp-link-config', params.port)
      return config
    },
    async networking_switch_port_lldp_config_update({ params, query, body }) {
      checkRack(service, query.rack_id)
      await setLldpOfPort(store.db, (await selectPort(store.db, query.switch_slot, params.port)).id, body)
      service.activate()
    },
    async networking_switch_port_lldp_neighbors({ params, query }) {
      checkRack(service, params.rack_id)
      await selectPort(store.db, params.switch_slot, params.port)
      const heard = askSwitch(await service.switchd(params.switch_slot).lldp_neighbors())
      const own = heard.filter((each) => each.port_id === params.port).map(neighborFromSwitch)
      return pageInMemory(own, query, (each) => `${each.chassis_id} ${each.link_name}`)
    },
  }
}

export async function applyPortSettings(tx: Db, slot: SwitchSlot, port: string, settings: string): Promise<void> {
  const row = await selectPort(tx, slot, port)
  await setSettingsOfPort(tx, row.id, (await selectSettings(tx, settings)).id)
}

/** What a port says by LLDP: its own configuration, else what its settings say. */
export function lldpOfPort(
  port: SwitchPortRow,
  settings: Pick<PortSettingsRow, 'body'> | undefined,
): LldpLinkConfig | undefined {
  return port.lldp ?? settings?.body.links[0]?.lldp_link_config ?? undefined
}

export async function writePortSettings(
  tx: Db,
  service: Service,
  body: SwitchPortSettingsCreate,
): Promise<PortSettingsRow> {
  checkLinks(body)
  const known = await portSettingsByRef(tx, body.name)
  const identity = {
    ...newIdentity(known?.id ?? service.random.uuid(), body, nowOf(service)),
    ...(known === undefined ? {} : { time_created: known.time_created }),
  }
  const of = { port_settings_id: identity.id }
  const uses = { bgpConfigIds: new Set<string>(), blockIds: new Set<string>() }
  const addresses: PortSettingsBody['addresses'] = []
  for (const { link_name, addresses: list } of body.addresses) {
    for (const { address, address_lot, vlan_id } of list) {
      const prefix = Prefix.of(address) // because the schema has parsed it
      const lot = await selectLot(tx, address_lot)
      const block = await blockWithAddress(tx, lot.id, prefix.address)
      uses.blockIds.add(block.id)
      addresses.push({
        ...of,
        interface_name: link_name,
        address: prefix.toString(),
        address_lot_id: lot.id,
        address_lot_name: lot.name,
        address_lot_block_id: block.id,
        vlan_id: vlan_id ?? null,
      })
    }
  }
  const peers: PortSettingsBody['bgp_peers'][number][] = []
  for (const { link_name, peers: list } of body.bgp_peers) {
    for (const peer of list) {
      const config = await selectBgpConfig(tx, peer.bgp_config)
      uses.bgpConfigIds.add(config.id)
      peers.push({ ...peer, bgp_config: config.id, link_name })
    }
  }
  const content: PortSettingsBody = {
    port: { ...of, geometry: body.port_config.geometry },
    groups: [],
    links: body.links.map(({ lldp, tx_eq, fec, ...link }) => ({
      ...of,
      ...link,
      fec: fec ?? null,
      tx_eq_config: tx_eq ?? null,
      lldp_link_config: { id: service.random.uuid(), ...lldp },
    })),
    interfaces: body.interfaces.map(({ link_name, v6_enabled, kind }) => ({
      ...of,
      id: service.random.uuid(),
      interface_name: link_name,
      v6_enabled,
      kind,
    })),
    routes: body.routes.flatMap(({ link_name, routes }) =>
      routes.map(({ dst, gw, vid, rib_priority }) => ({
        ...of,
        interface_name: link_name,
        dst: Prefix.of(dst).masked().toString(),
        gw: Ip.of(gw).toString(),
        vlan_id: vid ?? null,
        rib_priority: rib_priority ?? null,
      })),
    ),
    bgp_peers: peers,
    addresses,
  }
  await putPortSettings(tx, { ...identity, body: JSON.stringify(content) }, uses)
  return { ...identity, body: content }
}

/** What a switch could not do is refused here, with the field that asks for it. */
function checkLinks(body: SwitchPortSettingsCreate): void {
  if (body.groups.length > 0) {
    throw new ApiFailure({ kind: 'not-implemented', message: 'groups of switch port settings are not implemented' })
  }
  if (body.port_config.geometry !== 'qsfp28x1' || body.links.length > 1) {
    throw new ApiFailure({ kind: 'not-implemented', message: 'a port has one link: breakouts are not implemented' })
  }
  const names = new Set<string>(body.links.map((link) => link.link_name))
  for (const { link_name, mtu } of body.links) {
    if (mtu < MIN_MTU || mtu > MAX_MTU) {
      throw invalidRequest(`links: the MTU of ${link_name} must be ${MIN_MTU} to ${MAX_MTU}, not ${mtu}`)
    }
  }
  for (const part of ['interfaces', 'routes', 'bgp_peers', 'addresses'] as const) {
    const wrong = body[part].find(({ link_name }) => !names.has(link_name))
    if (wrong !== undefined) throw invalidRequest(`${part}: there is no link "${wrong.link_name}" among links`)
  }
  for (const { dst, gw, vid } of body.routes.flatMap(({ routes }) => routes)) {
    if (Prefix.of(dst).family !== Ip.of(gw).family) {
      throw invalidRequest(`routes: ${dst} and its gateway ${gw} are of different families`)
    }
    checkVlan('routes', vid)
  }
  for (const { address, vlan_id } of body.addresses.flatMap(({ addresses }) => addresses)) {
    const { address: ip, length } = Prefix.of(address)
    if (ip.isMulticast || ip.isUnspecified || length === 0) {
      throw invalidRequest(`addresses: ${address} is no address of a host`)
    }
    checkVlan('addresses', vlan_id)
  }
  for (const peer of body.bgp_peers.flatMap(({ peers }) => peers)) {
    // RFC 4271 §4.2.
    if (peer.hold_time === 1 || peer.hold_time === 2) {
      throw invalidRequest('bgp_peers: hold_time must be 0 or at least 3')
    }
    if (peer.hold_time > 0xffff) throw invalidRequest('bgp_peers: hold_time is at most 65535')
    if (peer.keepalive > 0 && peer.hold_time > 0 && peer.keepalive >= peer.hold_time) {
      throw invalidRequest('bgp_peers: keepalive must be shorter than hold_time')
    }
    if (peer.addr.type === 'unnumbered') {
      throw new ApiFailure({ kind: 'not-implemented', message: 'unnumbered BGP peers are not implemented' })
    }
    checkVlan('bgp_peers', peer.vlan_id)
  }
}

function checkVlan(part: string, vlanId: number | null | undefined): void {
  if (vlanId == null) return
  if (vlanId < 1 || vlanId > MAX_VLAN_ID) throw invalidRequest(`${part}: a VLAN is 1 to ${MAX_VLAN_ID}, not ${vlanId}`)
  throw new ApiFailure({ kind: 'not-implemented', message: `${part}: VLANs on uplinks are not implemented` })
}

async function selectPort(db: Db, slot: SwitchSlot, name: string): Promise<SwitchPortRow> {
  const row = await switchPort(db, slot, name)
  if (row === undefined) throw notFound('switch-port', name)
  return row
}

async function selectSettings(db: Db, ref: string): Promise<PortSettingsRow> {
  const row = await portSettingsByRef(db, ref)
  if (row === undefined) throw notFound('switch-port-settings', ref)
  return row
}

function settingsFromRow(row: PortSettingsRow): SwitchPortSettings {
  const bgp_peers = row.body.bgp_peers.map(({ link_name: _, ...peer }) => peer)
  return { ...identityFromRow(row), ...row.body, bgp_peers }
}

function portFromRow(row: SwitchPortRow, rackId: string): SwitchPort {
  const { id, name, switch_slot, port_settings_id } = row
  return { id, port_name: name, rack_id: rackId, switch_slot, port_settings_id }
}

function neighborFromSwitch(heard: SwitchdNeighbor): LldpNeighbor {
  return {
    local_port: heard.port_id,
    first_seen: heard.first_seen,
    last_seen: heard.last_seen,
    link_name: heard.neighbor_port_id,
    link_description: heard.port_description ?? null,
    chassis_id: heard.chassis_id,
    system_name: heard.system_name ?? null,
    system_description: heard.system_description ?? null,
    management_ip: heard.management_addresses.map(({ ip, octets, interface_numbering, interface_number: number }) => ({
      addr: ip === undefined ? { i_e_e_e802: octets ?? [] } : { ip_addr: ip },
      interface_num:
        interface_numbering === 'if-index'
          ? { if_index: number }
          : interface_numbering === 'port-number'
            ? { port_number: number }
            : { unknown: number },
      oid: null,
    })),
  }
}
