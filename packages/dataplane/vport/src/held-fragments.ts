/**
 * Later fragments that came before the first one of their datagram (RFC 791 §3.2 lets them come in any order): they wait until
 * the first one has been decided, and then go the ordinary way in the order in which they came. Whole frames wait, untouched,
 * in their slots of the arena.
 *
 * Invariant: memory and time are bounded: so many frames a port and direction, so many in all, each for so long. The datagram
 * that has waited longest makes room, so a flood shortens the wait of others and cannot keep them out.
 */
import type { Arena } from '@lodestone/frame'
import { DATAGRAM_KEY_WORDS } from './fragment-table.ts'

/** Of one direction of one port; the 45 pieces of the largest datagram in frames of 1500 bytes fit. */
export const HELD_PER_PORT = 64
/** Of one engine. */
export const HELD_IN_ALL = 256
/** Fragments overtake each other by milliseconds; hosts would wait 30 to 60 s, but for the ones that were lost. */
export const HOLD_MS = 1000

/** What is said of one. */
export const WAITS = 'waits for the first fragment of its datagram'

export interface HeldFragment<P> {
  readonly port: P
  readonly slot: number
  readonly isOut: boolean
  readonly isExternal: boolean
  /** Absolute offsets of the guest's frame in it, and of the outer IPv6 header (-1: none). */
  readonly start: number
  readonly end: number
  readonly outerIp: number
  readonly deadlineMs: number
  /** As `FragmentTable.datagram` gives it. */
  readonly datagram: Int32Array
}

export class HeldFragments<P> {
  readonly #arena: Arena
  /** In the order in which they came. */
  #frames: HeldFragment<P>[] = []

  constructor(arena: Arena) {
    this.#arena = arena
  }

  get count(): number {
    return this.#frames.length
  }

  /** When the one that has waited longest has waited enough. */
  get deadlineMs(): number {
    return this.#frames[0]?.deadlineMs ?? Infinity
  }

  /** Whether frames may wait now: slots that are scarce for everybody are not for that. */
  get hasRoom(): boolean {
    return this.#arena.freeSlots >= this.#arena.slots >> 2
  }

  /**
   * Keeps a frame; its `datagram` is copied.
   * @returns those that made room and are kept no longer; it may be among them itself.
   */
  add(frame: HeldFragment<P>): HeldFragment<P>[] {
    const held = { ...frame, datagram: frame.datagram.slice() }
    this.#frames.push(held)
    const out: HeldFragment<P>[] = []
    for (let next = this.#surplus(held); next !== undefined; next = this.#surplus(held)) {
      out.push(...this.take(next.port, next.datagram))
    }
    return out
  }

  /** What has to go next after a frame has come. */
  #surplus({ port, isOut }: HeldFragment<P>): HeldFragment<P> | undefined {
    const beside = this.#frames.filter((frame) => frame.port === port && frame.isOut === isOut)
    if (beside.length > HELD_PER_PORT) return beside[0]
    return this.#frames.length > HELD_IN_ALL ? this.#frames[0] : undefined
  }

  /** Those of a datagram, in the order in which they came; they are not kept any more. */
  take(port: P, datagram: Int32Array): HeldFragment<P>[] {
    return this.#takeWhere((frame) => frame.port === port && isSame(frame.datagram, datagram))
  }

  takeOfPort(port: P): HeldFragment<P>[] {
    return this.#takeWhere((frame) => frame.port === port)
  }

  /** Those whose time is over. */
  takeExpired(nowMs: number): HeldFragment<P>[] {
    return this.#takeWhere((frame) => frame.deadlineMs <= nowMs)
  }

  #takeWhere(isTaken: (frame: HeldFragment<P>) => boolean): HeldFragment<P>[] {
    if (this.#frames.length === 0) return []
    const taken = this.#frames.filter(isTaken)
    if (taken.length > 0) this.#frames = this.#frames.filter((frame) => !isTaken(frame))
    return taken
  }
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < DATAGRAM_KEY_WORDS; i++) if (a[i] !== b[i]) return false
  return true
}
