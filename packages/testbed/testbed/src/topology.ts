/**
 * A topology as data: nodes, links and what each node runs. A topology program builds one of these; `Emulation` brings it to
 * life. Names are unique; `link.a` and `link.b` name a node and one of its ports.
 */
import type { Mac, Prefix } from '@lodestone/net'
import type { Ip } from '@lodestone/net'

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

/** A host or router: the TCP/IP stack, and a routing daemon if it speaks BGP. */
export interface HostSpec extends NodeBase {
  readonly kind: 'host'
  readonly interfaces: readonly InterfaceSpec[]
  readonly loopbacks: readonly Ip[]
  readonly forwarding: boolean
  readonly bgp: BgpSpec | undefined
}

/** A sled: two underlay NICs, packet engine, DDM, agent. */
export interface SledSpec extends NodeBase {
  readonly kind: 'sled'
  readonly nics: readonly InterfaceSpec[]
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

export type NodeSpec = HostSpec | SledSpec | SwitchSpec

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
