/**
 * What would happen to a packet on its whole way: guest, packet engine, underlay, switch, routers, and back in. Every place is asked
 * through the code that handles real packets, with its effects off: the engine's slow path, the switch's traced program, the
 * stacks' own tables. Where several paths are equally good all of them are walked, because a flow's hash decides between
 * them. What cannot be known from here is said in `notChecked`.
 */
import { Ip, Mac } from '@lodestone/net'
import {
  ETHERNET_DST,
  EtherType,
  ethernetEtherType,
  fixIpv4Checksum,
  IPV6_DST,
  ipv4Dst,
  ipv4Ttl,
  ipv6HopLimit,
  parseFrame,
  ROW_ERROR_HEADER,
  ROW_L3,
  ROW_L4,
  ROW_PROTOCOL,
  ROW_SIZE,
  setIpv4Ttl,
  setIpv6HopLimit,
  summarize,
  udpDstPort,
  writeEthernet,
} from '@lodestone/packet'
import type { DropReason, NearMiss, Step, StoryEvent } from '@lodestone/probe'
import { CPU_PORT, portNumber } from '@lodestone/switchd'
import { GATEWAY_MAC, type VirtualPort } from '@lodestone/vport'
import { LINK_DROP_REASONS } from '@lodestone/link'
import { type Netstack, NS_DROP_REASONS } from '@lodestone/netstack'
import type { Emulation } from '../emulation.ts'
import type { RackNode } from '../node-table.ts'
import type { RackSwitchNode } from '../rack-switch-node.ts'
import type { SledNode } from '../sled-node.ts'

const HOPS_MAX = 40
const PATHS_MAX = 16
const ETHERNET_BYTES = 14
const GENEVE_PORT = 6081
const UDP = 17

export type PathVerdict = 'delivered' | 'answered' | 'dropped' | 'unknown'

export interface ExplainedPath {
  readonly verdict: PathVerdict
  /** In a word where it ended: `web1`, `switch0`. */
  readonly at: string
  /** Why it went no further, or what answered. */
  readonly reason?: DropReason
  readonly detail?: string
  readonly nearest?: readonly NearMiss[]
  /** Hop by hop; times are milliseconds of link delay from the start. */
  readonly events: readonly StoryEvent[]
}

export interface WalkResult {
  readonly paths: readonly ExplainedPath[]
  readonly notChecked: readonly string[]
}

interface Place {
  readonly events: readonly StoryEvent[]
  readonly atMs: number
  readonly hops: number
}

/** The reasons that components give for the same thing. */
function reason(code: string): DropReason {
  return [...NS_DROP_REASONS, ...LINK_DROP_REASONS].find((each) => each.code === code)!
}

const REASONS = {
  noRoute: reason('NS_NO_ROUTE'),
  hopLimit: reason('NS_TTL'),
  notForUs: reason('NS_NOT_LOCAL'),
  interfaceDown: reason('NS_INTERFACE_DOWN'),
  noNeighbor: reason('NS_NEIGHBOR_UNREACHABLE'),
  linkDown: reason('LINK_DOWN'),
  tooBig: reason('NS_TOO_BIG'),
  noCable: reason('LINK_NO_RECEIVER'),
  off: { code: 'EX_NODE_OFF', sentence: 'The node at the other end is off.', hint: 'lode power NODE on' },
  noSubscriber: { code: 'NOT_OURS_GROUP', sentence: 'No other port of this sled has subscribed to the group.' },
  noPort: { code: 'NOT_OURS_VNI', sentence: 'No instance on this sled has that VNI and MAC address.' },
  loop: { code: 'EX_LOOP', sentence: `The packet goes round: ${HOPS_MAX} hops are used up.` },
} as const satisfies Readonly<Record<string, DropReason>>

/** Walks the paths of one packet from where it begins. */
export class PathWalk {
  readonly #emulation: Emulation
  readonly #paths: ExplainedPath[] = []
  readonly #notChecked = new Set<string>()

  constructor(emulation: Emulation) {
    this.#emulation = emulation
  }

  /** @param packet from the IP header on. */
  fromInstance(sled: SledNode, port: VirtualPort, mac: Mac, name: string, packet: Uint8Array): WalkResult {
    const frame = frameOf(packet, mac.bytes, GATEWAY_MAC.bytes)
    const start = this.#say(START, name, { kind: 'sent', interface: port.name, summary: summaryOf(frame) })
    const { ip4, ip6 } = port.config
    const destination = destinationOf(frame)?.toString()
    const isItself = [ip4, ip6].some((own) => own?.address.toString() === destination)
    if (isItself) this.#end(this.#say(start, name, delivered(name, frame)), 'delivered', name)
    else this.#outOfGuest(sled, port, frame, start)
    return this.#result()
  }

  fromNode(node: RackNode, packet: Uint8Array): WalkResult {
    const frame = frameOf(packet, ZERO_MAC, ZERO_MAC)
    this.#route(
      node,
      frame,
      this.#say(START, node.name, { kind: 'sent', interface: 'stack', summary: summaryOf(frame) }),
    )
    return this.#result()
  }

  #result(): WalkResult {
    return { paths: this.#paths, notChecked: [...this.#notChecked] }
  }

  #say(place: Place, node: string, ...steps: readonly Step[]): Place {
    const events = steps.map((step) => ({ packet: 0, atMs: place.atMs, node, step }))
    return { ...place, events: [...place.events, ...events] }
  }

  #end(
    place: Place,
    verdict: PathVerdict,
    at: string,
    why: Omit<ExplainedPath, 'verdict' | 'at' | 'events'> = {},
  ): void {
    if (this.#paths.length === PATHS_MAX) {
      this.#notChecked.add(`more than ${PATHS_MAX} equal paths: only these were followed`)
      return
    }
    this.#paths.push({ verdict, at, ...why, events: place.events })
  }

  #drop(place: Place, at: string, reason: DropReason, detail?: string, nearest?: readonly NearMiss[]): void {
    const more = { ...(detail === undefined ? {} : { detail }), ...(nearest === undefined ? {} : { nearest }) }
    this.#end(this.#say(place, at, { kind: 'dropped', reason, ...more }), 'dropped', at, { reason, ...more })
  }

  // Packet engine

  #outOfGuest(sled: SledNode, port: VirtualPort, frame: Uint8Array, place: Place): void {
    const told = sled.engine.explain(port, frame, 'out')
    const next = this.#say(place, sled.name, ...told.steps)
    if (this.#hasEnded(sled, told, next)) return
    // What leaves the engine is an IPv6 packet: its Ethernet header is that of whichever link takes it.
    for (const packet of [told.frame, ...(told.copies ?? [])]) {
      if (packet !== undefined) this.#route(sled, frameOf(packet, ZERO_MAC, ZERO_MAC), next)
    }
  }

  #intoGuest(sled: SledNode, frame: Uint8Array, row: Int32Array, place: Place): void {
    const geneve = row[ROW_L4]! + 8
    const inner = geneve + 8 + 4 * (frame[geneve]! & 0x3f)
    const vni = (frame[geneve + 4]! << 16) | (frame[geneve + 5]! << 8) | frame[geneve + 6]!
    const mac = Mac.fromBytes(frame, inner)
    const ports =
      (mac.bytes[0]! & 1) !== 0 ? this.#subscribers(sled, vni, frame, inner) : [sled.engine.portOf(vni, mac)]
    if (ports.length === 0) return this.#drop(place, sled.name, REASONS.noSubscriber, `VNI ${vni}, ${mac}`)
    for (const port of ports) {
      if (port === undefined) this.#drop(place, sled.name, REASONS.noPort, `VNI ${vni}, ${mac}`)
      else this.#intoPort(sled, port, frame, place)
    }
  }

  /** Ports that get a copy of what is sent to a group. */
  #subscribers(sled: SledNode, vni: number, frame: Uint8Array, inner: number): VirtualPort[] {
    const group = destinationOf(frame.subarray(inner))
    const sender = Mac.fromBytes(frame, inner + 6)
    const members = group === undefined ? [] : sled.engine.portsOfGroup(vni, group)
    return members.filter((port) => !port.config.mac.equals(sender))
  }

  #intoPort(sled: SledNode, port: VirtualPort, frame: Uint8Array, place: Place): void {
    const told = sled.engine.explain(port, frame, 'in')
    const next = this.#say(place, sled.name, ...told.steps)
    if (this.#hasEnded(sled, told, next)) return
    const guest = [...sled.agent.instances.values()].find((each) => each.ports.includes(port))
    const name = guest?.desired.hostname ?? port.name
    this.#notChecked.add(`whether a program on ${name} listens`)
    if (guest !== undefined && guest.guest === undefined) this.#notChecked.add(`${name} is not running`)
    this.#end(this.#say(next, name, delivered(name, told.frame)), 'delivered', name)
  }

  #hasEnded(sled: SledNode, told: ReturnType<SledNode['engine']['explain']>, place: Place): boolean {
    if (told.verdict === 'dropped') {
      const last = told.steps.findLast((step) => step.kind === 'dropped')
      const { reason, detail, nearest } = last ?? { reason: REASONS.noPort, detail: undefined, nearest: undefined }
      this.#end(place, 'dropped', sled.name, {
        reason,
        ...(detail === undefined ? {} : { detail }),
        ...(nearest === undefined ? {} : { nearest }),
      })
      return true
    }
    if (told.verdict === 'hairpin') {
      this.#end(place, 'answered', `${sled.name}, the gateway of the instance`)
      return true
    }
    return false
  }

  // Stacks

  /** Sends a packet on by the stack's routes, on every equal one. */
  #route(node: RackNode, frame: Uint8Array, place: Place): void {
    const { stack, name } = node
    const destination = destinationOf(frame)
    if (destination === undefined) return this.#end(place, 'unknown', name, { detail: 'no IP packet' })
    const route = stack.lookup(destination)
    if (route === undefined || route.nextHops.length === 0) {
      return this.#drop(place, name, REASONS.noRoute, `to ${destination}`)
    }
    for (const { via, interface: iface } of route.nextHops) {
      const nextHop = via ?? destination
      const step: Step = {
        kind: 'route',
        prefix: route.prefix.toString(),
        nextHop: via === undefined ? 'on link' : nextHop.toString(),
        interface: iface,
      }
      const here = this.#say(place, name, step)
      const from = stack.interface(iface)
      if (from?.isUp !== true) {
        this.#drop(here, name, REASONS.interfaceDown, iface)
        continue
      }
      const mac = stack
        .neighbors()
        .find((each) => each.interface === iface && each.address.toString() === nextHop.toString())?.mac
      if (mac === undefined) {
        this.#notChecked.add(`${name} has not asked for the MAC address of ${nextHop} yet`)
      }
      const sent = frame.slice()
      sent.set(from.mac.bytes, 6)
      if (mac !== undefined) sent.set(macBytes(mac), ETHERNET_DST)
      this.#cross(name, iface, sent, here, mac === undefined)
    }
  }

  #intoStack(node: RackNode, frame: Uint8Array, place: Place): void {
    const { stack, name } = node
    const row = new Int32Array(ROW_SIZE)
    const error = parseFrame(frame, 0, frame.length, row)
    if (error < 0) {
      return this.#end(place, 'unknown', name, { detail: `malformed header ${row[ROW_ERROR_HEADER]}` })
    }
    const destination = destinationOf(frame)
    if (destination === undefined) return this.#end(place, 'unknown', name, { detail: 'no IP packet' })
    if (isLocal(stack, destination)) {
      const isTunnel =
        node.kind === 'sled' && row[ROW_PROTOCOL] === UDP && udpDstPort(frame, row[ROW_L4]!) === GENEVE_PORT
      if (isTunnel) return this.#intoGuest(node, frame, row, place)
      this.#notChecked.add(`whether a program on ${name} listens`)
      return this.#end(this.#say(place, name, delivered(name, frame)), 'delivered', name)
    }
    if (node.kind === 'host' && !node.spec.forwarding)
      return this.#drop(place, name, REASONS.notForUs, String(destination))
    const aged = frame.slice()
    const l3 = row[ROW_L3]!
    if (destination.family === 4) {
      if (ipv4Ttl(aged, l3) <= 1) return this.#drop(place, name, REASONS.hopLimit)
      setIpv4Ttl(aged, l3, ipv4Ttl(aged, l3) - 1)
      fixIpv4Checksum(aged, l3)
    } else {
      if (ipv6HopLimit(aged, l3) <= 1) return this.#drop(place, name, REASONS.hopLimit)
      setIpv6HopLimit(aged, l3, ipv6HopLimit(aged, l3) - 1)
    }
    this.#route(node, aged, place)
  }

  // Switches and cables

  #intoSwitch(node: RackSwitchNode, port: number, frame: Uint8Array, place: Place): void {
    const { pipeline } = node
    const next = this.#say(place, node.name, ...pipeline.story(frame, port))
    for (const { outcome } of pipeline.explain(frame, port).runs) {
      if (outcome.kind === 'continued') continue
      if (outcome.kind === 'dropped') {
        this.#end(next, 'dropped', node.name, { reason: outcome.reason })
      } else if (outcome.port === CPU_PORT) {
        this.#end(next, 'answered', `${node.name}, whose processor takes it`)
      } else {
        this.#cross(node.name, outcome.portName, Uint8Array.from(Buffer.from(outcome.bytes, 'hex')), next, false)
      }
    }
  }

  #cross(node: string, portName: string, frame: Uint8Array, place: Place, needsMac: boolean): void {
    if (place.hops >= HOPS_MAX) return this.#drop(place, node, REASONS.loop)
    const spec = this.#emulation.topology.links.find(
      ({ a, b }) => (a.node === node && a.port === portName) || (b.node === node && b.port === portName),
    )
    const link = spec === undefined ? undefined : this.#emulation.links().get(spec.name)
    if (spec === undefined || link === undefined) return this.#drop(place, node, REASONS.noCable, portName)
    if (!link.isUp) return this.#drop(place, link.name, REASONS.linkDown)
    if (frame.length - ETHERNET_BYTES > link.mtuBytes) {
      const detail = `${frame.length - ETHERNET_BYTES} bytes of ${link.mtuBytes}`
      return this.#drop(place, link.name, REASONS.tooBig, detail)
    }
    const [here, there] = spec.a.node === node ? [spec.a, spec.b] : [spec.b, spec.a]
    const crossed = this.#say({ ...place, atMs: place.atMs + spec.delayMs, hops: place.hops + 1 }, link.name, {
      kind: 'link',
      link: link.name,
      from: `${here.node}/${here.port}`,
      to: `${there.node}/${there.port}`,
      bytes: frame.length,
      delayMs: spec.delayMs,
    })
    const next = this.#emulation.nodes.get(there.node)
    if (next === undefined) return this.#drop(crossed, there.node, REASONS.off)
    const received = frame.slice()
    if (needsMac) {
      const mac = macOf(next, there.port)
      if (mac === undefined) return this.#drop(crossed, there.node, REASONS.noNeighbor)
      received.set(mac.bytes, ETHERNET_DST)
    }
    if (next.kind === 'switch') return this.#intoSwitch(next, portNumber(there.port)!, received, crossed)
    this.#intoStack(next, received, crossed)
  }
}

const START: Place = { events: [], atMs: 0, hops: 0 }
const ZERO_MAC = new Uint8Array(6)

function frameOf(packet: Uint8Array, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_BYTES + packet.length)
  const etherType = packet[0]! >> 4 === 4 ? EtherType.ipv4 : EtherType.ipv6
  writeEthernet(frame, 0, { dst: destination, src: source, etherType })
  frame.set(packet, ETHERNET_BYTES)
  return frame
}

function delivered(to: string, frame: Uint8Array | undefined): Step {
  return { kind: 'delivered', to, summary: frame === undefined ? '' : summaryOf(frame) }
}

function summaryOf(frame: Uint8Array): string {
  return summarize(frame, 0, frame.length)
}

function destinationOf(frame: Uint8Array): Ip | undefined {
  switch (ethernetEtherType(frame, 0)) {
    case EtherType.ipv4:
      return Ip.v4(ipv4Dst(frame, ETHERNET_BYTES))
    case EtherType.ipv6:
      return Ip.fromBytes(frame, ETHERNET_BYTES + IPV6_DST, 16)
    default:
      return undefined
  }
}

function isLocal(stack: Netstack, destination: Ip): boolean {
  const text = destination.toString()
  if (stack.interfaces().some(({ addresses }) => addresses.some((address) => address.toString() === text))) return true
  // Addresses of the host itself are on its loopback interface, which is no place to send to.
  return stack.lookup(destination)?.nextHops.every((hop) => hop.interface === 'lo') === true
}

function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':').map((part) => Number.parseInt(part, 16)))
}

function macOf(node: RackNode, port: string): Mac | undefined {
  if (node.kind === 'switch') return node.spec.ports.find((each) => each.name === port)?.mac
  return node.stack.interface(port)?.mac
}
