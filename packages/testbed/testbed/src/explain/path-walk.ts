/**
 * What would happen to a packet on its whole way: guest, packet engine, underlay, switch, routers, and back in. Every place is asked
 * through the code that handles real packets, with its effects off: the engine's slow path, the switch's traced program, the
 * stacks' own tables. Where several paths are equally good all of them are walked, because a flow's hash decides between
 * them; where a sled measures delays, those that it may choose, with the chance of each. What cannot be known from here is said in `notChecked`.
 */
import { Ip, Mac } from '@lodestone/net'
import {
  ETHERNET_DST,
  EtherType,
  ethernetEtherType,
  fixIpv4Checksum,
  IPV6_DST,
  IpProtocol,
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
import { DROP_REASONS, type Explanation, GATEWAY_MAC } from '@lodestone/vport'
import { LINK_DROP_REASONS } from '@lodestone/link'
import { type Netstack, NS_DROP_REASONS } from '@lodestone/netstack'
import type { Emulation } from '../emulation.ts'
import type { RackNode } from '../node-table.ts'
import type { RackSwitchNode } from '../rack-switch-node.ts'
import type { SledNode } from '../sled-node.ts'
import { type EnvironmentCheck, fullnessOf } from './environment.ts'
import type { EnginePass, PortView, Scene } from './scene.ts'

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
  /** What simulators skip: sizes, links, neighbours, room in tables. */
  readonly environment: readonly EnvironmentCheck[]
}

/** Where a packet arrived, for whoever wants to answer it. */
export type Arrival =
  | { readonly kind: 'instance'; readonly sled: SledNode; readonly port: PortView; readonly name: string }
  | { readonly kind: 'node'; readonly node: RackNode }

export interface WalkedPath {
  readonly path: ExplainedPath
  /** Through which engines, in order. */
  readonly passes: readonly EnginePass[]
  readonly arrival?: Arrival
  /** From the Ethernet header on: as it arrived, or what answered it on the way. */
  readonly frame?: Uint8Array
}

export interface WalkResult {
  readonly paths: readonly WalkedPath[]
  readonly notChecked: readonly string[]
}

interface Place {
  readonly events: readonly StoryEvent[]
  readonly atMs: number
  readonly hops: number
  readonly passes: readonly EnginePass[]
  readonly checks: readonly EnvironmentCheck[]
}

/** The reasons that components give for the same thing. */
function reason(code: string): DropReason {
  return [...NS_DROP_REASONS, ...LINK_DROP_REASONS, ...DROP_REASONS].find((each) => each.code === code)!
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
  noSubscriber: reason('NOT_OURS_GROUP'),
  noPort: reason('NOT_OURS_VNI'),
  loop: { code: 'EX_LOOP', sentence: `The packet goes round: ${HOPS_MAX} hops are used up.` },
} as const satisfies Readonly<Record<string, DropReason>>

/** Those that no component gives. */
export const EXPLAINER_REASONS: readonly DropReason[] = [REASONS.off, REASONS.loop]

/** Walks the paths of one packet from where it begins. */
export class PathWalk {
  readonly #emulation: Emulation
  readonly #scene: Scene
  readonly #paths: WalkedPath[] = []
  readonly #notChecked = new Set<string>()

  constructor(emulation: Emulation, scene: Scene) {
    this.#emulation = emulation
    this.#scene = scene
  }

  /** @param packet from the IP header on. */
  fromInstance(sled: SledNode, port: PortView, name: string, packet: Uint8Array): WalkResult {
    const frame = frameOf(packet, port.config.mac.bytes, GATEWAY_MAC.bytes)
    const start = this.#say(START, name, { kind: 'sent', interface: port.name, summary: summaryOf(frame) })
    const { ip4, ip6 } = port.config
    const destination = destinationOf(frame)?.toString()
    const isItself = [ip4, ip6].some((own) => own?.address.toString() === destination)
    const arrived = { arrival: { kind: 'instance', sled, port, name }, frame } as const
    if (isItself) this.#end(this.#say(start, name, delivered(name, frame)), 'delivered', name, {}, arrived)
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

  #check(place: Place, check: EnvironmentCheck): Place {
    return { ...place, checks: [...place.checks, check] }
  }

  #end(place: Place, verdict: PathVerdict, at: string, why: Why = {}, arrived: Arrived = {}): void {
    if (this.#paths.length === PATHS_MAX) {
      this.#notChecked.add(`more than ${PATHS_MAX} equal paths: only these were followed`)
      return
    }
    const { events, passes, checks: environment } = place
    this.#paths.push({ path: { verdict, at, ...why, events, environment }, passes, ...arrived })
  }

  #drop(place: Place, at: string, reason: DropReason, detail?: string, nearest?: readonly NearMiss[]): void {
    const more = { ...(detail === undefined ? {} : { detail }), ...(nearest === undefined ? {} : { nearest }) }
    this.#end(this.#say(place, at, { kind: 'dropped', reason, ...more }), 'dropped', at, { reason, ...more })
  }

  // Packet engine

  /** Whether nothing is known of a place at the time that is asked about: then the path ends there. */
  #isGap(node: string, place: Place): boolean {
    const detail = this.#scene.gap(node)
    if (detail !== undefined) this.#end(place, 'unknown', node, { detail })
    return detail !== undefined
  }

  #outOfGuest(sled: SledNode, port: PortView, frame: Uint8Array, place: Place): void {
    if (this.#isGap(sled.name, place)) return
    const { told, next } = this.#pass({ sled, portId: port.id, frame, direction: 'out' }, place)
    if (this.#hasEnded(sled, told, next)) return
    for (const packet of [told.frame, ...(told.copies ?? [])]) {
      if (packet !== undefined) this.#ontoUnderlay(sled, packet, next)
    }
  }

  /**
   * By the stack's routes; where the sled measures delays, on each way that its choice may fall on.
   * @param packet an IPv6 packet: its Ethernet header is that of whichever link takes it.
   */
  #ontoUnderlay(sled: SledNode, packet: Uint8Array, place: Place): void {
    const frame = frameOf(packet, ZERO_MAC, ZERO_MAC)
    const ways = sled.underlay?.ways(packet)
    if (ways === undefined) return this.#route(sled, frame, place)
    for (const { nic, chance, isByRoutes, instead, destination } of ways) {
      if (instead === undefined || destination === undefined) {
        this.#route(sled, frame, place, isByRoutes ? undefined : { nic, chance })
        continue
      }
      const moved = frame.slice()
      moved.set(destination.bytes, ETHERNET_BYTES + IPV6_DST)
      const told = this.#say(place, sled.name, {
        kind: 'rewrite',
        field: 'ipv6.dst',
        from: instead.toString(),
        to: destination.toString(),
      })
      this.#route(sled, moved, told, { nic, chance })
    }
  }

  #pass(pass: EnginePass, place: Place): { told: Explanation; next: Place } {
    const { sled, portId, frame, direction } = pass
    const told = this.#scene.engine(sled).explain(portId, frame, direction)
    const next = this.#say(place, sled.name, ...told.steps)
    return { told, next: { ...next, passes: [...place.passes, pass] } }
  }

  #intoGuest(sled: SledNode, frame: Uint8Array, row: Int32Array, place: Place): void {
    if (this.#isGap(sled.name, place)) return
    const geneve = row[ROW_L4]! + 8
    const inner = geneve + 8 + 4 * (frame[geneve]! & 0x3f)
    const vni = (frame[geneve + 4]! << 16) | (frame[geneve + 5]! << 8) | frame[geneve + 6]!
    const mac = Mac.fromBytes(frame, inner)
    const ports =
      (mac.bytes[0]! & 1) !== 0
        ? this.#subscribers(sled, vni, frame, inner)
        : [this.#scene.engine(sled).portOf(vni, mac)]
    if (ports.length === 0) return this.#drop(place, sled.name, REASONS.noSubscriber, `VNI ${vni}, ${mac}`)
    for (const port of ports) {
      if (port === undefined) this.#drop(place, sled.name, REASONS.noPort, `VNI ${vni}, ${mac}`)
      else this.#intoPort(sled, port, frame, place)
    }
  }

  /** Ports that get a copy of what is sent to a group. */
  #subscribers(sled: SledNode, vni: number, frame: Uint8Array, inner: number): PortView[] {
    const group = destinationOf(frame.subarray(inner))
    const sender = Mac.fromBytes(frame, inner + 6)
    const members = group === undefined ? [] : this.#scene.engine(sled).portsOfGroup(vni, group)
    return members.filter((port) => !port.config.mac.equals(sender))
  }

  #intoPort(sled: SledNode, port: PortView, frame: Uint8Array, place: Place): void {
    const { told, next } = this.#pass({ sled, portId: port.id, frame, direction: 'in' }, place)
    if (this.#hasEnded(sled, told, next)) return
    const guest = [...sled.agent.instances.values()].find(({ ports }) => ports.some(({ id }) => id === port.id))
    const name = guest?.desired.hostname ?? port.name
    this.#notChecked.add(listensText(name, told.frame))
    if (guest !== undefined && guest.guest === undefined) this.#notChecked.add(`${name} is not running`)
    const arrival: Arrival = { kind: 'instance', sled, port, name }
    const arrived = told.frame === undefined ? {} : { arrival, frame: told.frame }
    this.#end(this.#say(next, name, delivered(name, told.frame)), 'delivered', name, {}, arrived)
  }

  #hasEnded(sled: SledNode, told: Explanation, place: Place): boolean {
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
    if (told.verdict === 'waiting') {
      this.#end(place, 'unknown', sled.name, told.detail === undefined ? {} : { detail: told.detail })
      return true
    }
    if (told.verdict === 'hairpin') {
      const arrived = told.frame === undefined ? {} : { frame: told.frame }
      this.#end(place, 'answered', `${sled.name}, the gateway of the instance`, {}, arrived)
      return true
    }
    return false
  }

  // Stacks

  /** Sends a packet on by the stack's routes, on every equal one or that on the interface which was chosen. */
  #route(
    node: RackNode,
    frame: Uint8Array,
    place: Place,
    chosen?: { readonly nic: string; readonly chance: number },
  ): void {
    const { stack, name } = node
    const destination = destinationOf(frame)
    if (destination === undefined) return this.#end(place, 'unknown', name, { detail: 'no IP packet' })
    const route = stack.lookup(destination)
    if (route === undefined || route.nextHops.length === 0) {
      return this.#drop(place, name, REASONS.noRoute, `to ${destination}`)
    }
    for (const { via, interface: iface } of route.nextHops) {
      if (chosen !== undefined && chosen.nic !== iface) continue
      const nextHop = via ?? destination
      const step: Step = {
        kind: 'route',
        prefix: route.prefix.toString(),
        nextHop: via === undefined ? 'on link' : nextHop.toString(),
        interface: iface,
        ...(chosen === undefined ? {} : { chance: chosen.chance }),
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
      const neighbor = mac === undefined ? 'not asked for yet' : `has ${mac}`
      const there = this.#check(here, {
        check: 'neighbor',
        where: `${name}/${iface}`,
        ok: mac !== undefined,
        detail: `${nextHop} ${neighbor}`,
      })
      const sent = frame.slice()
      sent.set(from.mac.bytes, 6)
      if (mac !== undefined) sent.set(macBytes(mac), ETHERNET_DST)
      this.#cross(name, iface, sent, there, mac === undefined)
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
      this.#notChecked.add(listensText(name, frame))
      const arrived = { arrival: { kind: 'node', node }, frame } as const
      return this.#end(this.#say(place, name, delivered(name, frame)), 'delivered', name, {}, arrived)
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
    if (this.#isGap(node.name, place)) return
    const pipeline = this.#scene.pipeline(node)
    const story = pipeline.story(frame, port)
    const told = this.#say(place, node.name, ...story)
    const next = { ...told, checks: [...told.checks, ...fullnessOf(node.name, pipeline, story)] }
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
    const isUp = this.#check(place, {
      check: 'link',
      where: link.name,
      ok: link.isUp,
      detail: link.isUp ? 'up' : 'down',
    })
    if (!link.isUp) return this.#drop(isUp, link.name, REASONS.linkDown)
    const bytes = frame.length - ETHERNET_BYTES
    const detail = `${bytes} bytes of ${link.mtuBytes}`
    const fits = this.#check(isUp, { check: 'mtu', where: link.name, ok: bytes <= link.mtuBytes, detail })
    if (bytes > link.mtuBytes) return this.#drop(fits, link.name, REASONS.tooBig, detail)
    const [here, there] = spec.a.node === node ? [spec.a, spec.b] : [spec.b, spec.a]
    const crossed = this.#say({ ...fits, atMs: place.atMs + spec.delayMs, hops: place.hops + 1 }, link.name, {
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

type Why = Omit<ExplainedPath, 'verdict' | 'at' | 'events' | 'environment'>
type Arrived = Pick<WalkedPath, 'arrival' | 'frame'>

const START: Place = { events: [], atMs: 0, hops: 0, passes: [], checks: [] }
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

/** What nobody knows of a packet that has arrived. */
export function listensText(name: string, frame: Uint8Array | undefined): string {
  const row = new Int32Array(ROW_SIZE)
  const isParsed = frame !== undefined && parseFrame(frame, 0, frame.length, row) >= 0
  const protocol = isParsed ? row[ROW_PROTOCOL] : undefined
  const isIcmp = protocol === IpProtocol.icmp || protocol === IpProtocol.icmpv6
  return isIcmp ? `whether ${name} answers` : `whether a program on ${name} listens`
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
