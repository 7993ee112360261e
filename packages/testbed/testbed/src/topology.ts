/**
 * A topology as data: nodes, links and what each node runs. A topology program builds one of these; `Emulation` brings it to
 * life. Names are unique; `link.a` and `link.b` name a node and one of its ports.
 */
import type { Impairments } from '@lodestone/link'
import type { Ip, Mac, Prefix } from '@lodestone/net'

export interface BgpPeerSpec {
  readonly name: string
  readonly address: Ip
  readonly asn: number
}

export interface BgpSpec {
  readonly asn: number
  readonly routerId: Ip
  readonly peers: readonly BgpPeerSpec[]
  readonly originate: readonly Prefix[]
}

export interface InterfaceSpec {
  readonly name: string
  readonly mac: Mac
  readonly mtuBytes: number
  readonly addresses: readonly Prefix[]
}

interface NodeBase {
  readonly name: string
}

/** A route that is there from the start: through a gateway on one of the node's links. */
export interface StaticRouteSpec {
  readonly prefix: Prefix
  readonly via: Ip
  readonly interface: string
}

/** A host or router: the TCP/IP stack, and a routing daemon if it speaks BGP or DDM. */
export interface HostSpec extends NodeBase {
  readonly kind: 'host'
  readonly interfaces: readonly InterfaceSpec[]
  readonly loopbacks: readonly Ip[]
  readonly forwarding: boolean
  readonly bgp: BgpSpec | undefined
  readonly routes?: readonly StaticRouteSpec[]
  /** Names of interfaces to speak DDM on, as a transit router that originates these prefixes. */
  readonly ddm?: { readonly interfaces: readonly string[]; readonly originate: readonly Prefix[] }
}

/** How a sled chooses among the links that routing offers: by a hash of the flow, or by measured delay. */
export type MultipathMode = 'hash' | 'delay'

/** A service of the rack behind a port of a sled's packet engine, that the world reaches at `externalAddress`. */
export interface ServiceSpec {
  readonly kind: 'dns' | 'api'
  readonly name: string
  readonly vni: number
  readonly mac: Mac
  /** In the services' VPC. */
  readonly address: Ip
  readonly subnet: Prefix
  readonly externalAddress: Ip
}

/** A sled: two underlay NICs, packet engine, DDM, agent. */
export interface SledSpec extends NodeBase {
  readonly kind: 'sled'
  /** Default: hash. */
  readonly multipath?: MultipathMode
  readonly nics: readonly InterfaceSpec[]
  /** Default: none. At most one of them is a name server. */
  readonly services?: readonly ServiceSpec[]
  /** Address of the rack's own name server that it runs; the /64 of it is routed to this sled. */
  readonly internalDns?: Ip
  /** Of its board; default: one made of its slot. */
  readonly serial?: string
  /** The sled's /64; the sled itself is ::1. */
  readonly prefix: Prefix
  readonly address: Ip
}

export interface SwitchPortSpec {
  /** `rear3`, `qsfp0`. */
  readonly name: string
  readonly mac: Mac
  readonly mtuBytes: number
  readonly isUplink: boolean
  readonly addresses: readonly Prefix[]
}

/** A rack switch with its switch zone: pipeline, switchd, BGP, DDM transit. */
export interface SwitchSpec extends NodeBase {
  readonly kind: 'switch'
  readonly ports: readonly SwitchPortSpec[]
  /** The switch zone's underlay address. */
  readonly zoneAddress: Ip
  /** Where tunnels for the outside end. */
  readonly tunnelEndpoint: Ip
  readonly bgp: BgpSpec
}

/** A node that somebody else brings to life on its ports (`emulation.wiring.ports`): a program, a machine, another network. */
export interface ExternalSpec extends NodeBase {
  readonly kind: 'external'
  readonly ports: readonly string[]
}

export type NodeSpec = HostSpec | SledSpec | SwitchSpec | ExternalSpec

export interface LinkEnd {
  readonly node: string
  readonly port: string
}

export interface LinkSpec {
  readonly name: string
  readonly a: LinkEnd
  readonly b: LinkEnd
  readonly delayMs: number
  readonly rateBps: number
  readonly lossRatio: number
  readonly mtuBytes: number
  /** What one direction does besides, or instead. */
  readonly aToB?: Partial<Impairments>
  readonly bToA?: Partial<Impairments>
}

export interface Topology {
  readonly name: string
  readonly nodes: readonly NodeSpec[]
  readonly links: readonly LinkSpec[]
}

/** The ports a node has by its specification. */
export function portsOf(node: NodeSpec): readonly string[] {
  switch (node.kind) {
    case 'host':
      return node.interfaces.map((item) => item.name)
    case 'sled':
      return node.nics.map((item) => item.name)
    case 'switch':
      return node.ports.map((item) => item.name)
    case 'external':
      return node.ports
  }
}

/** What is wrong with a topology, as sentences; empty when nothing is. */
export function topologyErrors(topology: Topology): readonly string[] {
  const errors: string[] = []
  const nodes = new Map(topology.nodes.map((node) => [node.name, node]))
  if (nodes.size !== topology.nodes.length) errors.push('two nodes have the same name')
  if (new Set(topology.links.map((link) => link.name)).size !== topology.links.length) {
    errors.push('two links have the same name')
  }
  const used = new Set<string>()
  for (const link of topology.links) {
    for (const end of [link.a, link.b]) {
      const node = nodes.get(end.node)
      const key = `${end.node} ${end.port}`
      if (node === undefined) errors.push(`link ${link.name} names the node ${end.node}, which does not exist`)
      else if (!portsOf(node).includes(end.port)) errors.push(`link ${link.name}: ${end.node} has no port ${end.port}`)
      else if (used.has(key)) errors.push(`link ${link.name}: port ${end.port} of ${end.node} has a link already`)
      used.add(key)
    }
  }
  return errors
}
