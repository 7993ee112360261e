/**
 * A rack's topology with the outside that its configuration describes: addresses and BGP of the uplinks, and upstream routers that are
 * what the configuration expects of them. Ports without an uplink have cables, and no addresses.
 */
import { Prefix } from '@lodestone/net'
import type { RackConfig, UplinkConfig } from './rack-config.ts'
import type { HostSpec, NodeSpec, SwitchSpec, Topology } from './topology.ts'

export function configuredTopology(topology: Topology, config: RackConfig): Topology {
  return { ...topology, nodes: topology.nodes.map((node) => configuredNode(node, config)) }
}

/** `qsfp1` of each switch has its cable to `isp1`. */
export function routerOf({ port }: Pick<UplinkConfig, 'port'>): string {
  return port.replace('qsfp', 'isp')
}

function configuredNode(node: NodeSpec, config: RackConfig): NodeSpec {
  if (node.kind === 'switch') return configuredSwitch(node, config)
  if (node.kind === 'host' && node.forwarding) return configuredRouter(node, config)
  return node.kind === 'host' ? configuredClient(node, config) : node
}

function configuredSwitch(spec: SwitchSpec, { uplinks, pools, asn }: RackConfig): SwitchSpec {
  const own = uplinks.filter((uplink) => uplink.switch === spec.name)
  const peers = own.map((uplink) => ({ name: routerOf(uplink), address: uplink.peer, asn: uplink.peerAsn }))
  return {
    ...spec,
    ports: spec.ports.map((port) =>
      port.isUplink
        ? { ...port, addresses: own.filter((uplink) => uplink.port === port.name).map(({ address }) => address) }
        : port,
    ),
    bgp: {
      asn,
      routerId: own[0]?.address.address ?? spec.bgp.routerId,
      peers,
      originate: pools.map(({ prefix }) => prefix),
    },
  }
}

function configuredRouter(spec: HostSpec, { uplinks, asn }: RackConfig): HostSpec {
  const own = uplinks.filter((uplink) => routerOf(uplink) === spec.name)
  const interfaces = spec.interfaces.map((each) => {
    if (!each.name.startsWith('switch')) return each
    const ends = own.filter((uplink) => uplink.switch === each.name)
    return { ...each, addresses: ends.map(({ peer, address }) => new Prefix(peer, address.length)) }
  })
  const { bgp } = spec
  if (bgp === undefined) return { ...spec, interfaces }
  const switches = own.map((uplink) => ({ name: uplink.switch, address: uplink.address.address, asn }))
  const others = bgp.peers.filter(({ name }) => !name.startsWith('switch'))
  return { ...spec, interfaces, bgp: { ...bgp, asn: own[0]?.peerAsn ?? bgp.asn, peers: [...switches, ...others] } }
}

/** The client's providers have the AS numbers that the configuration gives them. */
function configuredClient(spec: HostSpec, { uplinks }: RackConfig): HostSpec {
  const { bgp } = spec
  if (bgp === undefined) return spec
  const peers = bgp.peers.map((peer) => {
    const uplink = uplinks.find((each) => routerOf(each) === peer.name)
    return uplink === undefined ? peer : { ...peer, asn: uplink.peerAsn }
  })
  return { ...spec, bgp: { ...bgp, peers } }
}
