/**
 * A cable between two ports in this process, with impairments per direction. Both ends live in one arena, so a
 * frame crosses by its index; the bytes do not move.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock, Random } from '@lodestone/host'
import type { Tracer } from '@lodestone/probe'
import { Direction, type DirectionCounters } from './direction.ts'
import type { Lateness } from './fidelity.ts'
import type { Impairments } from './impairments.ts'
import type { FrameSink, Port } from './port.ts'

export type LinkDirection = 'a-to-b' | 'b-to-a'

/** Called with each frame that enters an up link, before loss. The slot may be read during the call only. */
export type LinkTap = (slot: number, direction: LinkDirection, atMs: number) => void

export interface LinkOptions {
  readonly name: string
  /** Names of the two ends as stories and captures show them, such as `switch0/port3` and `sled1/nic0`. */
  readonly a: string
  readonly b: string
  readonly clock: Clock
  /** The link forks its own streams from this by its name. */
  readonly random: Random
  readonly arena: Arena
  readonly tracer: Tracer
  /** Largest layer-3 payload; default 9000. */
  readonly mtuBytes?: number
  readonly isUp?: boolean
  /** For both directions; `aToB` and `bToA` add to it. */
  readonly impairments?: Partial<Impairments>
  readonly aToB?: Partial<Impairments>
  readonly bToA?: Partial<Impairments>
}

export class Link {
  readonly name: string
  readonly a: Port
  readonly b: Port
  readonly #ends: readonly [LinkEnd, LinkEnd]
  readonly #directions: Readonly<Record<LinkDirection, Direction>>

  constructor(options: LinkOptions) {
    this.name = options.name
    const random = options.random.fork(`link:${options.name}`)
    const make = (direction: LinkDirection, extra: Partial<Impairments> | undefined): Direction =>
      new Direction({
        link: options.name,
        from: direction === 'a-to-b' ? options.a : options.b,
        to: direction === 'a-to-b' ? options.b : options.a,
        clock: options.clock,
        random: random.fork(direction),
        arena: options.arena,
        tracer: options.tracer,
        mtuBytes: options.mtuBytes ?? 9000,
        impairments: { ...options.impairments, ...extra },
      })
    const forth = make('a-to-b', options.aToB)
    const back = make('b-to-a', options.bToA)
    this.#directions = { 'a-to-b': forth, 'b-to-a': back }
    this.#ends = [new LinkEnd(options.a, forth, back), new LinkEnd(options.b, back, forth)]
    this.a = this.#ends[0]
    this.b = this.#ends[1]
    if (options.isUp === false) this.setUp(false)
  }

  get isUp(): boolean {
    return this.#directions['a-to-b'].isUp
  }

  get mtuBytes(): number {
    return this.#directions['a-to-b'].mtuBytes
  }

  /** Takes the link down (what is in flight is lost) or up again, and tells both ends. */
  setUp(isUp: boolean): void {
    if (isUp === this.isUp) return
    for (const direction of Object.values(this.#directions)) {
      direction.isUp = isUp
      if (!isUp) direction.cut()
    }
    for (const end of this.#ends) end.announce(isUp)
  }

  setMtu(mtuBytes: number): void {
    for (const direction of Object.values(this.#directions)) direction.mtuBytes = mtuBytes
  }

  /** Changes impairments of one direction, or of both, from the next frame on. */
  configure(change: Partial<Impairments>, direction?: LinkDirection): void {
    if (direction !== undefined) return this.#directions[direction].configure(change)
    for (const each of Object.values(this.#directions)) each.configure(change)
  }

  impairments(direction: LinkDirection): Impairments {
    return this.#directions[direction].impairments
  }

  counters(direction: LinkDirection): DirectionCounters {
    return this.#directions[direction].counters()
  }

  /** How late frames of a direction were handed over, against the times that the model gave them. */
  lateness(direction: LinkDirection): Lateness {
    return this.#directions[direction].meter.read()
  }

  resetLateness(): void {
    for (const direction of Object.values(this.#directions)) direction.meter.reset()
  }

  /** Bytes that wait for the wire of one direction. */
  queuedBytes(direction: LinkDirection): number {
    return this.#directions[direction].queuedBytes
  }

  /** Frames accepted and not yet handed over, both directions. */
  get framesInFlight(): number {
    return this.#directions['a-to-b'].framesInFlight + this.#directions['b-to-a'].framesInFlight
  }

  /** Watches frames in both directions, for captures. @returns unsubscribe. */
  tap(fn: LinkTap): () => void {
    const removals = (['a-to-b', 'b-to-a'] as const).map((name) => {
      const taps = this.#directions[name].taps
      const each = (slot: number, atMs: number): void => fn(slot, name, atMs)
      taps.push(each)
      return () => {
        const at = taps.indexOf(each)
        if (at >= 0) taps.splice(at, 1)
      }
    })
    return () => removals.forEach((remove) => remove())
  }
}

class LinkEnd implements Port {
  readonly name: string
  readonly #out: Direction
  readonly #in: Direction
  readonly #listeners = new Set<(isUp: boolean) => void>()

  constructor(name: string, out: Direction, incoming: Direction) {
    this.name = name
    this.#out = out
    this.#in = incoming
  }

  get isUp(): boolean {
    return this.#out.isUp
  }

  get backlogMs(): number {
    return this.#out.backlogMs
  }

  get backlogLimitMs(): number {
    return this.#out.backlogLimitMs
  }

  send(slots: Int32Array, count: number): void {
    this.#out.send(slots, count)
  }

  attach(sink: FrameSink): void {
    this.#in.sink = sink
  }

  onState(fn: (isUp: boolean) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  announce(isUp: boolean): void {
    for (const listener of [...this.#listeners]) listener(isUp)
  }
}
