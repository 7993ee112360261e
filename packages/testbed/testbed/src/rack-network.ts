/**
 * From the topology to the network of a new rack, as its operator would say it to the API: a lot of addresses for the uplinks and one
 * for the pool, what is announced, a BGP configuration, and settings for each uplink.
 */
import type { SwitchSlot } from '@lodestone/contract-nexus'
import type { Prefix } from '@lodestone/net'
import type { RackNetwork } from '@lodestone/nexus'
import type { RackConfig } from './rack-config.ts'
import { uplinkPrefix, uplinkPrefix6 } from './rack-plan.ts'
import type { SwitchPortSpec, SwitchSpec, Topology } from './topology.ts'

const INFRA_LOT = 'initial-infra'
const POOL_LOT = 'initial-pool'
const ANNOUNCE_SET = 'initial-announce-set'
const BGP_CONFIG = 'initial-bgp'
/** Seconds. A rack's sessions are one hop long: silence of six seconds is a failure, and links tell of theirs at once. */
const SESSION = { hold_time: 6, keepalive: 2, connect_retry: 1, idle_hold_time: 1, delay_open: 0 }
/** A switch uses as many equal ways out as its table has slots for one prefix. */
const MAX_PATHS = 8

/** @param config what its operator said, where that is not the plan. */
export function rackNetwork(topology: Topology, config?: RackConfig): RackNetwork {
  const switches = topology.nodes.filter((node) => node.kind === 'switch')
  const uplinks = switches.flatMap((spec, index) =>
    spec.ports
      .filter((port) => port.isUplink)
      .map((port) => ({ spec, port, slot: slotOf(index), settings: `${spec.name}-${port.name}` })),
  )
  return {
    addressLots: [
      {
        name: INFRA_LOT,
        description: 'Addresses of uplinks',
        kind: 'infra',
        blocks: config === undefined ? plannedUplinks(uplinks) : config.uplinks.map(({ address }) => blockOf(address)),
      },
      {
        name: POOL_LOT,
        description: 'Addresses of instances',
        kind: 'pool',
        blocks: (switches[0]?.bgp.originate ?? []).map(blockOf),
      },
    ],
    announceSets: [
      {
        name: ANNOUNCE_SET,
        description: 'What the rack announces',
        announcement: (switches[0]?.bgp.originate ?? []).map((prefix) => ({
          address_lot_block: POOL_LOT,
          network: prefix.toString(),
        })),
      },
    ],
    bgpConfigs: switches.slice(0, 1).map(({ bgp }) => ({
      name: BGP_CONFIG,
      description: 'BGP of the rack',
      asn: bgp.asn,
      bgp_announce_set_id: ANNOUNCE_SET,
      max_paths: MAX_PATHS,
    })),
    portSettings: uplinks.map(({ spec, port, settings }) => portSettings(settings, spec, port)),
    ports: uplinks.map(({ slot, port, settings }) => ({ slot, port: port.name, settings })),
    loopbacks: [],
    bfdSessions: [],
  }
}

interface LotBlock {
  readonly first_address: string
  readonly last_address: string
}

/** One block of each family from the first link to the last: the links of an emulated rack are neighbours in the plan. */
function plannedUplinks(uplinks: readonly { readonly port: SwitchPortSpec }[]): LotBlock[] {
  const isThere = (prefix: Prefix): boolean =>
    uplinks.some(({ port }) => port.addresses.some(({ family }) => family === prefix.family))
  return [uplinkPrefix, uplinkPrefix6]
    .filter((prefixOf) => isThere(prefixOf(0, 0)))
    .map((prefixOf) => ({
      first_address: prefixOf(0, 0).nth(0).toString(),
      last_address: prefixOf(1, 1).last().toString(),
    }))
}

function blockOf(prefix: Prefix): LotBlock {
  return { first_address: prefix.masked().nth(0).toString(), last_address: prefix.last().toString() }
}

function slotOf(index: number): SwitchSlot {
  return index === 0 ? 'switch0' : 'switch1'
}

function portSettings(name: string, spec: SwitchSpec, port: SwitchPortSpec): RackNetwork['portSettings'][number] {
  const link_name = 'link0'
  const peers = spec.bgp.peers.filter((peer) => port.addresses.some((prefix) => prefix.contains(peer.address)))
  return {
    name,
    description: `${port.name} of ${spec.name}`,
    port_config: { geometry: 'qsfp28x1' },
    groups: [],
    links: [{ link_name, mtu: port.mtuBytes, speed: 'speed100_g', autoneg: false, lldp: { enabled: true } }],
    interfaces: [],
    routes: [],
    addresses: [
      {
        link_name,
        addresses: port.addresses.map((prefix) => ({ address: prefix.toString(), address_lot: INFRA_LOT })),
      },
    ],
    bgp_peers: [
      {
        link_name,
        peers: peers.map((peer) => ({
          addr: { type: 'numbered', target_addr: peer.address.toString() },
          bgp_config: BGP_CONFIG,
          remote_asn: peer.asn,
          ...SESSION,
          communities: [],
          enforce_first_as: true,
          allowed_import: { type: 'no_filtering' },
          allowed_export: { type: 'no_filtering' },
        })),
      },
    ],
  }
}
