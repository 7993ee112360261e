/**
 * What can be seen on the wires, frame by frame, while everything goes on: the hash of the run, packets that go round, headers that no
 * machine should have sent, and packets of one VPC that reach another. Who sent a packet is told by its number, which it keeps across
 * hops, rewrites and tunnels and which is on no wire.
 */
import type { Link, LinkDirection } from '@lodestone/link'
import type { Emulation } from '@lodestone/testbed'
import { FrameHash } from '../frame-hash.ts'
import { headerProblem } from './header-check.ts'
import { LastFrames } from './last-frames.ts'

/** How often one packet may cross a link in one direction before it counts as going round. */
const ROUNDS = 4
const FORGET_FRAMES = 50_000

export interface LastFrame {
  link: string
  direction: LinkDirection
  bytes: number
  packet: number
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

  constructor(emulation: Emulation) {
    this.#emulation = emulation
    for (const link of emulation.wiring.links.values()) this.#tapCable(link)
  }

  /** @param vpcOf what the instance on this wire belongs to, when it is asked. */
  guestWire(link: Link, isThere: boolean, vpcOf: () => number | undefined): void {
    this.#untap.get(link)?.()
    this.#untap.delete(link)
    if (!isThere) return
    const place = this.#place(link.name)
    const { arena } = this.#emulation.world
    const untap = link.tap((slot, direction, atMs) => {
      this.#note(link, place, slot, direction, atMs)
      const packet = arena.packet(slot)
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
    this.#untap.set(
      link,
      link.tap((slot, direction, atMs) => {
        this.#note(link, place, slot, direction, atMs)
        this.#countCrossing(arena.packet(slot), place * 2 + (direction === 'a-to-b' ? 0 : 1))
      }),
    )
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
