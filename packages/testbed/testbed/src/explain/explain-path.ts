/** Answers "what would happen to a packet from here to there?" for places that people name: instances, nodes, addresses. */
import { Ip } from '@lodestone/net'
import type { Emulation } from '../emulation.ts'
import type { RackNode } from '../node-table.ts'
import type { SledNode } from '../sled-node.ts'
import { addressesOf } from './captured-packet.ts'
import { describedPacket, type ExplainedProtocol } from './described-packet.ts'
import { type ExplainedPath, PathWalk } from './path-walk.ts'

export interface PathQuestion {
  /** Name of an instance or node. */
  readonly from: string
  /** Address, or name of an instance or node. */
  readonly to: string
  readonly protocol: ExplainedProtocol
  readonly port?: number
  readonly sourcePort?: number
  /** Length of the IP packet. */
  readonly bytes?: number
  /** From the IP header on: this packet, as it was captured, to its own destination, in place of one that is made. */
  readonly packet?: Uint8Array
}

/** Version 1. */
export interface PathAnswer {
  readonly version: 1
  readonly question: PathQuestion
  readonly source: string
  readonly destination: string
  /** `delivered` when every path delivers, `dropped` when none does, `mixed` otherwise. */
  readonly verdict: 'delivered' | 'answered' | 'dropped' | 'unknown' | 'mixed'
  readonly paths: readonly ExplainedPath[]
  /** What an answer from inside the rack cannot know. */
  readonly notChecked: readonly string[]
}

export type PathResult =
  | { readonly ok: true; readonly answer: PathAnswer }
  | { readonly ok: false; readonly message: string }

/** As a stack would choose one. */
const SOURCE_PORT = 49_152
const DEFAULT_BYTES = 60

type Start =
  | { readonly kind: 'node'; readonly node: RackNode }
  | { readonly kind: 'instance'; readonly sled: SledNode; readonly id: string }

export function explainPath(emulation: Emulation, question: PathQuestion): PathResult {
  const from = placeOf(emulation, question.from)
  if (from === undefined) return { ok: false, message: unknownPlace(emulation, question.from) }
  if (question.packet !== undefined) return explainCaptured(emulation, question, from, question.packet)
  const { protocol } = question
  if (protocol !== 'icmp' && question.port === undefined) {
    return { ok: false, message: `${protocol} needs a port: ${protocol}/80` }
  }
  const destination = Ip.parse(question.to) ?? addressOf(emulation, from, question.to)
  if (destination === undefined) return { ok: false, message: unknownPlace(emulation, question.to) }
  const source = sourceOf(from, destination)
  if (source === undefined) {
    return { ok: false, message: `${question.from} has no IPv${destination.family} address to send from` }
  }
  const packet = describedPacket({
    source,
    destination,
    protocol,
    sourcePort: question.sourcePort ?? SOURCE_PORT,
    destinationPort: question.port ?? 0,
    bytes: question.bytes ?? DEFAULT_BYTES,
  })
  return { ok: true, answer: answerOf(emulation, question, from, packet, source, destination) }
}

function explainCaptured(emulation: Emulation, question: PathQuestion, from: Start, packet: Uint8Array): PathResult {
  const ends = addressesOf(packet)
  if (ends === undefined) return { ok: false, message: 'the captured packet is no whole IPv4 or IPv6 packet' }
  return { ok: true, answer: answerOf(emulation, question, from, packet, ends.source, ends.destination) }
}

function answerOf(
  emulation: Emulation,
  question: PathQuestion,
  from: Start,
  packet: Uint8Array,
  source: Ip,
  destination: Ip,
): PathAnswer {
  const { paths, notChecked } = walkFrom(new PathWalk(emulation), from, packet)
  const [first] = paths
  const verdict = first !== undefined && paths.every((path) => path.verdict === first.verdict) ? first.verdict : 'mixed'
  return {
    version: 1,
    question,
    source: source.toString(),
    destination: destination.toString(),
    verdict: paths.length === 0 ? 'unknown' : verdict,
    paths,
    notChecked,
  }
}

function walkFrom(walk: PathWalk, from: Start, packet: Uint8Array): ReturnType<PathWalk['fromNode']> {
  if (from.kind === 'node') return walk.fromNode(from.node, packet)
  const instance = from.sled.agent.instances.get(from.id)!
  const port = instance.ports[0]!
  return walk.fromInstance(from.sled, port, port.config.mac, instance.desired.hostname, packet)
}

function placeOf(emulation: Emulation, name: string): Start | undefined {
  const node = emulation.nodes.get(name)
  if (node !== undefined) return { kind: 'node', node }
  for (const sled of emulation.sleds()) {
    for (const [id, { desired, ports }] of sled.agent.instances) {
      if ((desired.hostname === name || id === name) && ports.length > 0) return { kind: 'instance', sled, id }
    }
  }
  return undefined
}

/** Of an instance its own address for those of its VPC, and for all others one that the outside knows it by. */
function addressOf(emulation: Emulation, from: Start, name: string): Ip | undefined {
  const to = placeOf(emulation, name)
  if (to === undefined) return undefined
  if (to.kind === 'node') return firstAddress(to.node)
  const { config } = to.sled.agent.instances.get(to.id)!.ports[0]!
  const own = from.kind === 'instance' ? from.sled.agent.instances.get(from.id)!.ports[0]!.config : undefined
  if (own?.vni === config.vni) return (config.ip4 ?? config.ip6)?.address
  const external = config.externalIps4 ?? config.externalIps6
  return external?.floating?.[0]?.ip ?? external?.ephemeral?.ip ?? external?.snat?.ip
}

function firstAddress(node: RackNode): Ip | undefined {
  if (node.kind === 'host' && node.spec.loopbacks.length > 0) return node.spec.loopbacks[0]
  if (node.kind === 'sled') return node.spec.address
  const [address] = node.stack.interfaces().flatMap(({ addresses }) => addresses)
  return address === undefined ? undefined : Ip.parse(address.toString().split('/')[0]!)
}

function sourceOf(from: Start, destination: Ip): Ip | undefined {
  if (from.kind === 'instance') {
    const { config } = from.sled.agent.instances.get(from.id)!.ports[0]!
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

function unknownPlace(emulation: Emulation, name: string): string {
  const instances = emulation
    .sleds()
    .flatMap((sled) => [...sled.agent.instances.values()].map((each) => each.desired.hostname))
  const names = [...emulation.nodes.keys(), ...instances]
  return `${JSON.stringify(name)} is no address, and nothing here is called so; there are ${names.join(', ')}`
}
