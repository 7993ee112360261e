/** What is known of paths that carry less than their first link (RFC 1191, RFC 8201): bounded, forgotten after a while. */
import type { Ip } from '@lodestone/net'

const LIMIT = 256
/** RFC 8201 §4: not sooner than 5 minutes; 10 is recommended. */
const EXPIRY_MS = 600_000
/** Nothing smaller is believed (RFC 791 §3.2, RFC 8200 §5). */
const LEAST_MTU = { 4: 576, 6: 1280 } as const

interface PathMtuEntry {
  readonly mtuBytes: number
  readonly expiresMs: number
}

export class PathMtu {
  readonly #entries = new Map<string, PathMtuEntry>()

  learn(to: Ip, mtuBytes: number, nowMs: number): void {
    const key = to.toString()
    const known = this.get(to, nowMs)
    const bounded = Math.max(LEAST_MTU[to.family], mtuBytes)
    if (bounded >= known) return
    this.#entries.delete(key)
    if (this.#entries.size >= LIMIT) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(key, { mtuBytes: bounded, expiresMs: nowMs + EXPIRY_MS })
  }

  /** Infinity when nothing is known. */
  get(to: Ip, nowMs: number): number {
    if (this.#entries.size === 0) return Infinity
    const entry = this.#entries.get(to.toString())
    if (entry === undefined) return Infinity
    if (entry.expiresMs > nowMs) return entry.mtuBytes
    this.#entries.delete(to.toString())
    return Infinity
  }
}
