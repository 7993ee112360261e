/**
 * A laboratory's document as a topology of the testbed. What the testbed does not bring to life itself (P4 switches, namespaces,
 * machines, tunnels) are its external nodes.
 *
 * Invariant: a node or link whose document did not change is the same object as in the topology before, and so goes on running.
 */
import { Ip, Mac, Prefix } from '@lodestone/net'
import {
  type HostSpec,
  type InterfaceSpec,
  type LinkSpec,
  type NodeSpec,
  type Topology,
  topologyErrors,
} from '@lodestone/testbed'
import { endOf, type LabDocument, type LinkDocument, type NodeOf } from '../document/document.ts'
import { frontPorts } from '../document/front-ports.ts'
import { profileNamed } from '../document/link-shape.ts'
import { nodeMac } from './node-mac.ts'
import { type RackParts, rackParts } from './rack-parts.ts'

const DEFAULT_MTU = 1500
/** A cable carries what the largest port sends. */
const CABLE_MTU = 9216

/** Keeps what was made, by what it was made from. */
export class TopologyBuilder {
  #made = new Map<string, unknown>()

  /**
   * Throws with sentences where the document contradicts itself.
   * @returns the topology, and what is to be called when it becomes the one that runs: from then on parts are compared with it.
   */
  build(document: LabDocument): { readonly topology: Topology; readonly accept: () => void } {
    const problems = documentProblems(document)
    if (problems.length > 0) throw new Error(problems.join('; '))
    const fresh = new Map<string, unknown>()
    const make = <T>(key: string, source: unknown, fn: () => T): T => {
      const id = `${key} ${JSON.stringify(source)}`
      // because the key names the kind of what was made
      const value = (this.#made.get(id) as T | undefined) ?? fn()
      fresh.set(id, value)
      return value
    }
    const nodes: NodeSpec[] = []
    const links: LinkSpec[] = []
    for (const [name, node] of Object.entries(document.nodes)) {
      switch (node.kind) {
        case 'host':
          nodes.push(make(`host ${name}`, { ...node, groups: [] }, () => hostSpec(document.name, name, node)))
          break
        case 'rack': {
          const ports = frontPorts(document, name)
          const parts: RackParts = make(`rack ${name}`, [{ ...node, groups: [] }, ports], () =>
            rackParts(name, node, ports),
          )
          nodes.push(...parts.nodes)
          links.push(...parts.links)
          break
        }
        case 'guest':
          break // an instance of its rack, not a node of the topology
        default: {
          const ports = portsOfExternal(document, name)
          nodes.push(
            make(`external ${name}`, [node.kind === 'switch' ? node.program : { ...node, groups: [] }, ports], () => ({
              kind: 'external' as const,
              name,
              ports,
            })),
          )
        }
      }
    }
    for (const [name, link] of Object.entries(document.links)) {
      links.push(make(`link ${name}`, [link.a, link.b, link.mtuBytes], () => linkSpec(name, link)))
    }
    const topology = { name: document.name, nodes, links }
    const errors = topologyErrors(topology)
    if (errors.length > 0) throw new Error(errors.join('; '))
    return { topology, accept: () => (this.#made = fresh) }
  }
}

/** What no schema can say. */
function documentProblems(document: LabDocument): readonly string[] {
  const problems: string[] = []
  for (const [name, link] of Object.entries(document.links)) {
    if (link.profile !== undefined && profileNamed(document, link.profile) === undefined) {
      problems.push(`link ${name}: there is no profile ${link.profile}`)
    }
  }
  for (const [name, node] of Object.entries(document.nodes)) {
    if (node.kind === 'guest') {
      const rack = document.nodes[node.rack]
      if (rack?.kind !== 'rack') problems.push(`guest ${name}: there is no rack ${node.rack}`)
      else if (node.sled >= rack.sleds) problems.push(`guest ${name}: ${node.rack} has no sled ${node.sled}`)
    }
    if ('interfaces' in node) {
      for (const [port, { addresses }] of Object.entries(node.interfaces)) {
        for (const text of addresses) {
          if (Prefix.parse(text) === undefined)
            problems.push(`${name}:${port}: ${text} is not an address with its length, such as 10.0.0.1/24`)
        }
      }
    }
    if ('routes' in node) {
      for (const { to, via } of node.routes) {
        if (Prefix.parse(to) === undefined) problems.push(`${name}: route to ${to}: that is no prefix`)
        if (Ip.parse(via) === undefined) problems.push(`${name}: route to ${to}: ${via} is no address`)
      }
    }
  }
  const numbers = Object.values(document.nodes).flatMap((node) => (node.kind === 'rack' ? [node.number] : []))
  if (new Set(numbers).size !== numbers.length) problems.push('two racks have the same number')
  return problems
}

/** Of a switch those of its document; of others the interfaces, or whatever links name. */
function portsOfExternal(document: LabDocument, name: string): readonly string[] {
  const node = document.nodes[name]!
  const linked = Object.values(document.links).flatMap(({ a, b }) =>
    [a, b].flatMap((text) => (endOf(text).node === name ? [endOf(text).port] : [])),
  )
  const own = node.kind === 'switch' ? node.ports.map(String) : 'interfaces' in node ? Object.keys(node.interfaces) : []
  return [...new Set([...own, ...linked])]
}

function hostSpec(lab: string, name: string, node: NodeOf<'host'>): HostSpec {
  const interfaces = Object.entries(node.interfaces).map(([port, each]): InterfaceSpec => ({
    name: port,
    mac: each.mac === undefined ? nodeMac(lab, name, port) : Mac.of(each.mac),
    mtuBytes: each.mtuBytes ?? DEFAULT_MTU,
    addresses: each.addresses.map((text) => Prefix.of(text)),
  }))
  const loopbacks = node.loopbacks.map((text) => Ip.of(text))
  const { bgp, ddm } = node
  return {
    kind: 'host',
    name,
    interfaces,
    loopbacks,
    forwarding: node.forwarding,
    bgp:
      bgp === undefined
        ? undefined
        : {
            asn: bgp.asn,
            routerId: Ip.of(bgp.routerId ?? firstIpv4(interfaces, loopbacks)),
            peers: bgp.peers.map((peer) => ({
              name: peer.name ?? peer.address,
              address: Ip.of(peer.address),
              asn: peer.asn,
            })),
            originate: bgp.originate.map((text) => Prefix.of(text)),
          },
    routes: node.routes.map(({ to, via }) => {
      const gateway = Ip.of(via)
      const link = interfaces.find((each) => each.addresses.some((prefix) => prefix.contains(gateway)))
      if (link === undefined) throw new Error(`${name}: no interface is on the network of the gateway ${via}`)
      return { prefix: Prefix.of(to), via: gateway, interface: link.name }
    }),
    ...(ddm === undefined
      ? {}
      : { ddm: { interfaces: ddm.interfaces, originate: ddm.originate.map((text) => Prefix.of(text)) } }),
  }
}

function firstIpv4(interfaces: readonly InterfaceSpec[], loopbacks: readonly Ip[]): string {
  const all = [...loopbacks, ...interfaces.flatMap((each) => each.addresses.map((prefix) => prefix.address))]
  return (all.find((ip) => ip.family === 4) ?? Ip.of('192.0.2.255')).toString()
}

/** Bare: what a link does to frames is set on the running link, and changes there. */
function linkSpec(name: string, link: LinkDocument): LinkSpec {
  return {
    name,
    a: endOf(link.a),
    b: endOf(link.b),
    delayMs: 0,
    rateBps: Infinity,
    lossRatio: 0,
    mtuBytes: link.mtuBytes ?? CABLE_MTU,
  }
}
