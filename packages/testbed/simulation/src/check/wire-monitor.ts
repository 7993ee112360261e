/**
 * What can be seen on the wires, frame by frame, while everything goes on: the hash of the run, packets that go round, headers that no
 * machine should have sent, checksums, hop limits, ways of flows, the number of ICMP errors, translation of single connections, and packets
 * of one VPC that reach another. Who sent a packet is told by its number, which it keeps across hops, rewrites and tunnels and which is on
 * no wire.
 */
import type { Link, LinkDirection } from '@lodestone/link'
import type { Emulation } from '@lodestone/testbed'
import { FrameHash } from '../frame-hash.ts'
import { headerProblem } from './header-check.ts'
import { HopCheck } from './hop-check.ts'
import { ICMP_QUOTA, IcmpCheck } from './icmp-check.ts'
import { IpView } from './ip-view.ts'
import { NatCheck } from './nat-check.ts'
import { LastFrames } from './last-frames.ts'
import { RouteVersions } from './route-versions.ts'
import { transportProblem } from './transport-check.ts'
import { WayCheck } from './way-check.ts'

/** How often one packet may cross a link in one direction before it counts as going round. */
const ROUNDS = 4
const FORGET_FRAMES = 50_000

export interface LastFrame {
  link: string
  direction: LinkDirection
  bytes: number
  packet: number
}

/** One end of a cable. */
interface End {
  readonly node: number
  /** ICMP errors a second. */
  readonly quota: number
}

export class WireMonitor {
  readonly hash = new FrameHash()
  readonly problems: string[] = []
  readonly lastFrames = new LastFrames()
  /** Packets that went round; while routes change they may. */
  loops = 0
  readonly last: LastFrame = { link: '', direction: 'a-to-b', bytes: 0, packet: 0 }
  readonly #emulation: Emulation
  readonly #untap = new Map<Link, () => void>()
  readonly #places = new Map<string, number>()
  /** Packet and place: how often. */
  #crossings = new Map<number, number>()
  /** Of packets that instances sent: their VPC. */
  #origins = new Map<number, number>()
  readonly #view = new IpView()
  readonly #hops = new HopCheck()
  readonly #errors = new IcmpCheck()
  readonly #nat: NatCheck
  readonly #ways = new WayCheck()
  readonly #routes: RouteVersions

  constructor(emulation: Emulation) {
    this.#emulation = emulation
    this.#routes = new RouteVersions(emulation)
    this.#nat = new NatCheck((wire) => externalAddresses(emulation, wire))
    for (const link of emulation.wiring.links.values()) this.#tapCable(link)
  }

  /** @param vpcOf what the instance on this wire belongs to, when it is asked. */
  guestWire(link: Link, isThere: boolean, vpcOf: () => number | undefined): void {
    this.#untap.get(link)?.()
    this.#untap.delete(link)
    this.#nat.forget(link.name)
    if (!isThere) return
    const place = this.#place(link.name)
    const { arena } = this.#emulation.world
    const untap = link.tap((slot, direction, atMs) => {
      this.#note(link, place, slot, direction, atMs)
      const packet = arena.packet(slot)
      if (direction === 'a-to-b') {
        const bytes = arena.peek(slot)
        this.#view.read(bytes)
        this.#nat.guestSent(link.name, packet, bytes, this.#view)
      }
      const vpc = vpcOf()
      if (vpc === undefined) return
      if (direction === 'a-to-b') this.#origins.set(packet, vpc)
      else {
        const origin = this.#origins.get(packet)
        if (origin !== undefined && origin !== vpc) {
          this.#report(`a packet of VPC ${origin} was delivered to ${link.name} in VPC ${vpc} at ${atMs.toFixed(3)} ms`)
        }
      }
    })
    this.#untap.set(link, untap)
  }

  close(): void {
    for (const untap of this.#untap.values()) untap()
    this.#untap.clear()
  }

  #tapCable(link: Link): void {
    const place = this.#place(link.name)
    const { arena } = this.#emulation.world
    const [a, b] = [this.#end(link.a.name), this.#end(link.b.name)]
    this.#untap.set(
      link,
      link.tap((slot, direction, atMs) => {
        this.#note(link, place, slot, direction, atMs)
        const packet = arena.packet(slot)
        this.#countCrossing(packet, place * 2 + (direction === 'a-to-b' ? 0 : 1))
        const isForth = direction === 'a-to-b'
        const problem = this.#forwardingProblem(packet, place, arena.peek(slot), isForth ? a : b, isForth ? b : a, atMs)
        if (problem !== undefined) this.#report(`${link.name} ${direction} at ${atMs.toFixed(3)} ms: ${problem}`)
      }),
    )
  }

  /** @returns what is wrong with what a node has sent on a cable, as a sentence. */
  #forwardingProblem(
    packet: number,
    cable: number,
    frame: Uint8Array,
    from: End,
    to: End,
    atMs: number,
  ): string | undefined {
    const view = this.#view
    view.read(frame)
    if (view.outer.version === 0) return undefined
    const isTunnel = view.inner.version !== 0
    const isForwarded = this.#hops.isForwarded(packet, from.node, view)
    let problem = this.#hops.left(packet, from.node, view) ?? transportProblem(frame, view)
    if (isTunnel) problem ??= this.#nat.tunnelled(packet, frame, view, atMs)
    else if (!isForwarded) problem ??= this.#errors.sent(from.node, from.quota, frame, view.outer, atMs)
    // Who puts a packet into a tunnel chooses by more than its routes: by where tunnels lead, and by the ports before translation.
    if (isForwarded) {
      const routes = this.#routes.of(from.node)
      if (routes !== undefined) problem ??= this.#ways.left(from.node, cable, routes, frame, view.outer)
    }
    this.#hops.entered(packet, to.node, view)
    return problem
  }

  /** @param end `node/interface`. */
  #end(end: string): End {
    const { nodes } = this.#emulation.topology
    const index = nodes.findIndex(({ name }) => name === end.slice(0, end.indexOf('/')))
    return { node: index, quota: ICMP_QUOTA[nodes[index]?.kind ?? 'host'] ?? Infinity }
  }

  #note(link: Link, place: number, slot: number, direction: LinkDirection, atMs: number): void {
    const { arena } = this.#emulation.world
    const bytes = arena.peek(slot)
    this.hash.add(place * 2 + (direction === 'a-to-b' ? 0 : 1), atMs, bytes)
    this.last.link = link.name
    this.last.direction = direction
    this.last.bytes = bytes.length
    this.last.packet = arena.packet(slot)
    this.lastFrames.note(link, place, direction, atMs, bytes.length, this.last.packet)
    const problem = headerProblem(bytes)
    if (problem !== undefined) this.#report(`${link.name} ${direction} at ${atMs.toFixed(3)} ms: ${problem}`)
  }

  #countCrossing(packet: number, place: number): void {
    const key = packet * 4096 + place
    const crossings = (this.#crossings.get(key) ?? 0) + 1
    this.#crossings.set(key, crossings)
    if (crossings === ROUNDS) this.loops++
    if (this.#crossings.size > FORGET_FRAMES) this.#crossings = new Map()
    if (this.#origins.size > FORGET_FRAMES) this.#origins = new Map()
  }

  #place(name: string): number {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const place = this.#places.size
    this.#places.set(name, place)
    return place
  }

  #report(problem: string): void {
    if (this.problems.length < 20) this.problems.push(problem)
  }
}

/** Of the instance whose wire this is; what it has now, which is not what it had before if its owner changed it. */
function externalAddresses(emulation: Emulation, wire: string): string {
  for (const sled of emulation.sleds()) {
    for (const { desired } of sled.agent.instances.values()) {
      if (wire.startsWith(`${desired.hostname}-`)) return JSON.stringify(desired.external_ips)
    }
  }
  return ''
}
