/** Where a packet begins and ends, by the names that people use: instances, nodes, addresses. */
import { Ip } from '@lodestone/net'
import type { PortConfig } from '@lodestone/vport'
import type { Emulation } from '../emulation.ts'
import type { RackNode } from '../node-table.ts'
import type { SledNode } from '../sled-node.ts'
import type { PortView } from './scene.ts'

export type Place =
  | { readonly kind: 'node'; readonly node: RackNode }
  | { readonly kind: 'instance'; readonly sled: SledNode; readonly port: PortView; readonly name: string }

/** The ports of a sled, where it is not those of now. */
export type PortsOf = (sled: SledNode) => readonly PortConfig[]

export function placeOf(emulation: Emulation, name: string, portsOf?: PortsOf): Place | undefined {
  const node = emulation.nodes.get(name)
  if (node !== undefined) return { kind: 'node', node }
  for (const sled of emulation.sleds()) {
    const port = portsOf === undefined ? portNow(sled, name) : portOf(sled, name, portsOf(sled))
    if (port !== undefined) return { kind: 'instance', sled, port, name }
  }
  return undefined
}

/** The first interface of an instance, by its host name or id. */
function portNow(sled: SledNode, name: string): PortView | undefined {
  for (const [id, { desired, ports }] of sled.agent.instances) {
    if (desired.hostname === name || id === name) return ports[0]
  }
  return undefined
}

/** The sled that an instance is on. */
export function sledNow(emulation: Emulation, name: string): string | undefined {
  return emulation.sleds().find((sled) => portNow(sled, name) !== undefined)?.name
}

function portOf(sled: SledNode, name: string, configs: readonly PortConfig[]): PortView | undefined {
  const id = portNow(sled, name)?.id
  const config = configs.find((each) => each.id === id) ?? configs.find((each) => each.name === `${name}-nic0`)
  return config === undefined ? undefined : { id: config.id, name: config.name, config }
}

/**
 * Of an instance its own address for those of its VPC, and for all others one that the outside knows it by, if possible one that connections
 * can come in by.
 * @param family of the address; absent: IPv4 where there is one.
 */
export function addressFor(from: Place, to: Place, family?: 4 | 6): Ip | undefined {
  const families: readonly (4 | 6)[] = family === undefined ? [4, 6] : [family]
  const first = (addressOf: (each: 4 | 6) => Ip | undefined): Ip | undefined =>
    families.map(addressOf).find((ip) => ip !== undefined)
  if (to.kind === 'node') return first((each) => nodeAddress(to.node, each))
  const { ip4, ip6, externalIps4, externalIps6, vni } = to.port.config
  if (from.kind === 'instance' && from.port.config.vni === vni) {
    return first((each) => (each === 4 ? ip4 : ip6)?.address)
  }
  const external = (each: 4 | 6): PortConfig['externalIps4'] => (each === 4 ? externalIps4 : externalIps6)
  return (
    first((each) => external(each)?.floating?.[0]?.ip ?? external(each)?.ephemeral?.ip) ??
    first((each) => external(each)?.snat?.ip)
  )
}

function nodeAddress(node: RackNode, family: 4 | 6): Ip | undefined {
  const own = node.kind === 'host' ? node.spec.loopbacks : node.kind === 'sled' ? [node.spec.address] : []
  const others = node.stack
    .interfaces()
    .flatMap(({ addresses }) => addresses.map((each) => each.toString().split('/')[0]!))
  return [...own, ...others.flatMap((text) => Ip.parse(text) ?? [])].find(
    (ip) => ip.family === family && !ip.toString().startsWith('fe80:'),
  )
}

/** The address that its packets to a destination come from. */
export function sourceOf(from: Place, destination: Ip): Ip | undefined {
  if (from.kind === 'instance') {
    const { config } = from.port
    return (destination.family === 4 ? config.ip4 : config.ip6)?.address
  }
  const { stack } = from.node
  const route = stack.lookup(destination)
  if (route?.source !== undefined) return route.source
  const own =
    from.node.kind === 'host' ? from.node.spec.loopbacks.find((ip) => ip.family === destination.family) : undefined
  if (own !== undefined) return own
  const iface = route?.nextHops[0]?.interface
  const texts = stack
    .interfaces()
    .filter((each) => iface === undefined || each.name === iface)
    .flatMap(({ addresses }) => addresses.map((address) => address.toString().split('/')[0]!))
  return texts
    .map((text) => Ip.parse(text))
    .find((ip) => ip?.family === destination.family && !ip.toString().startsWith('fe80:'))
}

/** @param isPast whether the question is about an earlier time */
export function unknownPlace(emulation: Emulation, name: string, isPast: boolean): string {
  const instances = emulation
    .sleds()
    .flatMap((sled) => [...sled.agent.instances.values()].map((each) => each.desired.hostname))
  const names = [...emulation.nodes.keys(), ...instances]
  if (isPast && names.includes(name)) return `${name} is here now, and was not then`
  return `${JSON.stringify(name)} is no address, and nothing here is called so; there are ${names.join(', ')}`
}
