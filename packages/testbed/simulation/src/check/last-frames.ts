/**
 * The last frames that each node sent or received, kept all the time: when a simulation fails, they are the first thing to look at. Numbers
 * in a ring for each node, so that keeping them costs nothing that can be measured.
 */
import type { Link, LinkDirection } from '@lodestone/link'
import { FlightRecorder } from '@lodestone/probe'

const KEPT = 32
/** Lengths above are told as this. */
const MAX_BYTES = 0x3fff
const BYTES_BITS = 14

export interface NodeFrames {
  readonly node: string
  /** Oldest first. */
  readonly frames: readonly {
    readonly atMs: number
    readonly link: string
    readonly direction: LinkDirection
    readonly bytes: number
    readonly packet: number
  }[]
}

export class LastFrames {
  readonly #nodes = new Map<string, FlightRecorder>()
  readonly #ends = new Map<Link, readonly [FlightRecorder, FlightRecorder]>()
  readonly #links: string[] = []

  /** @param place number of the link, below 2^16. */
  note(link: Link, place: number, direction: LinkDirection, atMs: number, bytes: number, packet: number): void {
    this.#links[place] = link.name
    const [a, b] = this.#ends.get(link) ?? this.#endsOf(link)
    const where = (((place << 1) | (direction === 'a-to-b' ? 0 : 1)) << BYTES_BITS) | Math.min(bytes, MAX_BYTES)
    // Microseconds of an hour and eleven minutes fit; a time is read back as the last one before the recording's end.
    const atUs = (atMs * 1000) | 0
    a.record(atUs, where, packet)
    b.record(atUs, where, packet)
  }

  /** @param nowMs the end of the recording. */
  read(nowMs: number): readonly NodeFrames[] {
    return [...this.#nodes].map(([node, recorder]) => ({
      node,
      frames: recorder.read().map(({ a, b, c }) => ({
        atMs: earlierMs(a, nowMs),
        link: this.#links[b >>> (BYTES_BITS + 1)] ?? '',
        direction: ((b >>> BYTES_BITS) & 1) === 0 ? ('a-to-b' as const) : ('b-to-a' as const),
        bytes: b & MAX_BYTES,
        packet: c,
      })),
    }))
  }

  #endsOf(link: Link): readonly [FlightRecorder, FlightRecorder] {
    const ends = [this.#recorder(link.a.name), this.#recorder(link.b.name)] as const
    this.#ends.set(link, ends)
    return ends
  }

  /** @param end `node/interface`. */
  #recorder(end: string): FlightRecorder {
    const node = end.slice(0, end.indexOf('/'))
    const known = this.#nodes.get(node)
    if (known !== undefined) return known
    const recorder = new FlightRecorder(KEPT)
    this.#nodes.set(node, recorder)
    return recorder
  }
}

/** The last time before `nowMs` whose microseconds are these, modulo 2^32. */
function earlierMs(us: number, nowMs: number): number {
  const behindUs = ((nowMs * 1000) | 0) - us
  return nowMs - (behindUs >>> 0) / 1000
}
