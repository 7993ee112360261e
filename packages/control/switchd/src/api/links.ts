/** Ports, links, and the addresses on them. */
import { invalidRequest, objectNotFound, pageInMemory } from '@lodestone/api'
import { type Link, PortFec, type PortSettings as PortSettingsBody, PortSpeed } from '@lodestone/contract-switchd'
import { Prefix } from '@lodestone/net'
import { defaultLink, type LinkSettings, type SwitchLink } from '../link-table.ts'
import { CPU_PORT, CPU_PORT_NAME, portName, tfportName } from '../port-number.ts'
import type { Switchd } from '../switchd.ts'
import { ipOf, type Operations, orThrow, portOf } from './operations.ts'

type LinkOperation =
  | 'port_list'
  | 'link_list'
  | 'link_view'
  | 'link_enabled_set'
  | 'link_address_list'
  | 'link_address_add'
  | 'link_address_delete'
  | 'port_settings_view'
  | 'port_settings_apply'
  | 'port_settings_clear'

export function linkHandlers(switchd: Switchd): Operations<LinkOperation> {
  const linkOf = (params: { readonly port_id: string; readonly link_id: number }): SwitchLink => {
    const link = switchd.link(portOf(switchd, params.port_id))
    if (link === undefined || params.link_id !== 0) {
      throw objectNotFound('link', { name: `${params.port_id}/${params.link_id}` })
    }
    return link
  }
  return {
    port_list: () => [
      { port_id: CPU_PORT_NAME, asic_id: CPU_PORT, links: [] },
      ...switchd.node.ports.map((port) => ({
        port_id: portName(port),
        asic_id: port,
        links: switchd.link(port) === undefined ? [] : [0],
      })),
    ],
    link_list: ({ query }) =>
      pageInMemory(
        switchd.links().map((link) => linkBody(switchd, link)),
        query,
        (link) => String(link.asic_id).padStart(3, '0'),
      ),
    link_view: ({ params }) => linkBody(switchd, linkOf(params)),
    link_enabled_set: ({ params, body }) => {
      orThrow(switchd.setLink(linkOf(params).port, { isEnabled: body.enabled }))
      return undefined
    },
    link_address_list: ({ params }) => addressTexts(switchd, linkOf(params).port),
    link_address_add: ({ params }) => {
      orThrow(switchd.addAddress(ipOf(params.address), linkOf(params).port))
      return undefined
    },
    link_address_delete: ({ params }) => {
      orThrow(switchd.removeAddress(ipOf(params.address), linkOf(params).port))
      return undefined
    },
    port_settings_view: ({ params }) => settingsBody(switchd, portOf(switchd, params.port_id)),
    port_settings_apply: ({ params, body }) => {
      const port = portOf(switchd, params.port_id)
      const extra = Object.keys(body.links).find((id) => id !== '0')
      if (extra !== undefined) throw invalidRequest(`links: link ${extra} cannot be made, ports have link 0 only`)
      const settings = body.links['0']
      orThrow(
        switchd.setPort(
          port,
          settings === undefined
            ? undefined
            : {
                link: linkSettings(switchd, port, settings),
                addresses: settings.addrs.map(ipOf),
                ...subnetsOf(settings),
                ...(body.causes === undefined ? {} : { causes: body.causes }),
              },
        ),
      )
      return settingsBody(switchd, port)
    },
    port_settings_clear: ({ params }) => {
      orThrow(switchd.setPort(portOf(switchd, params.port_id), undefined))
      return undefined
    },
  }
}

function linkBody(switchd: Switchd, link: SwitchLink): Link {
  return {
    port_id: portName(link.port),
    link_id: 0,
    asic_id: link.port,
    address: link.mac.toString(),
    enabled: link.isEnabled,
    link_state: switchd.node.isUp(link.port) ? 'up' : 'down',
    ...textSettings(link),
    mtu: link.mtuBytes,
    ipv6_enabled: true,
    tfport: tfportName(link.port),
    addresses: addressTexts(switchd, link.port),
  }
}

type LinkSettingsBody = PortSettingsBody['links'][string]

function settingsBody(switchd: Switchd, port: number): PortSettingsBody {
  const link = switchd.link(port)
  if (link === undefined) return { links: {} }
  const settings: LinkSettingsBody = {
    ...textSettings(link),
    autoneg: link.autoneg,
    mtu: link.mtuBytes,
    enabled: link.isEnabled,
    addrs: addressTexts(switchd, port),
    subnets: switchd.subnets(port).map(String),
  }
  return { links: { 0: settings } }
}

function linkSettings(switchd: Switchd, port: number, body: LinkSettingsBody): LinkSettings {
  return {
    speed: body.speed,
    ...(body.fec === undefined ? {} : { fec: body.fec }),
    autoneg: body.autoneg,
    mtuBytes: body.mtu,
    isEnabled: body.enabled,
    isUplink: switchd.link(port)?.isUplink ?? defaultLink(port).isUplink,
  }
}

function subnetsOf({ addrs, subnets }: LinkSettingsBody): { readonly subnets?: readonly Prefix[] } {
  if (subnets === undefined) return {}
  const prefixes = subnets.map((text) => Prefix.of(text)) // because the schema has parsed them
  const addresses = new Set(addrs.map((text) => ipOf(text).toString()))
  const extra = prefixes.find(({ address }) => !addresses.has(address.toString()))
  if (extra !== undefined) throw invalidRequest(`subnets: ${extra} is the subnet of no address of the link`)
  return { subnets: prefixes }
}

/** The engine keeps speed and FEC as text that it was given in the contract's spelling. */
function textSettings(link: LinkSettings): Pick<LinkSettingsBody, 'speed' | 'fec'> {
  return {
    speed: PortSpeed.parse(link.speed),
    ...(link.fec === undefined ? {} : { fec: PortFec.parse(link.fec) }),
  }
}

function addressTexts(switchd: Switchd, port: number): string[] {
  return switchd.addresses(port).map(String)
}
