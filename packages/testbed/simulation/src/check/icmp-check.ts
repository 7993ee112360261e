/**
 * ICMP errors that nodes send by themselves: no more of them than a quota (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)), and none about another
 * error (RFC 1122 §3.2.2, RFC 4443 §2.4 (e.1)).
 */
import type { IpHeader } from './ip-view.ts'

const ICMP = 1
const ICMPV6 = 58
const WINDOW_MS = 1000

/**
 * Errors of one node within a second. Stacks may send 100 a second and 20 at once; a switch has its zone's stack, its own 1000 a second and
 * 100 at once, and the packet engine of a sled 100 at once.
 */
export const ICMP_QUOTA: Readonly<Record<string, number>> = { host: 120, sled: 240, switch: 1220 }

export class IcmpCheck {
  /** Of each node: when its last errors were sent, as many as its quota is, oldest first from `#next` on. */
  readonly #sentMs = new Map<number, Float64Array>()
  readonly #next = new Map<number, number>()

  /**
   * A frame that a node made has left it.
   * @param quota errors a second.
   * @returns what is wrong, as a sentence.
   */
  sent(node: number, quota: number, frame: Uint8Array, header: IpHeader, atMs: number): string | undefined {
    if (!isError(frame, header.version, header.protocol, header.transport)) return undefined
    if (isAboutError(frame, header.version, header.transport + 8)) return 'an ICMP error about an ICMP error'
    const sentMs = this.#sentMs.get(node) ?? new Float64Array(quota).fill(-Infinity)
    this.#sentMs.set(node, sentMs)
    const next = this.#next.get(node) ?? 0
    const isOver = atMs - sentMs[next]! < WINDOW_MS
    sentMs[next] = atMs
    this.#next.set(node, (next + 1) % quota)
    return isOver ? `more than ${quota} ICMP errors within a second` : undefined
  }
}

function isError(frame: Uint8Array, version: number, protocol: number, at: number): boolean {
  if (at < 0 || at + 8 > frame.length) return false
  const type = frame[at]!
  if (version === 4) return protocol === ICMP && (type === 3 || type === 4 || type === 5 || type === 11 || type === 12)
  return version === 6 && protocol === ICMPV6 && type < 128
}

function isAboutError(frame: Uint8Array, version: number, at: number): boolean {
  if (version === 4) {
    if (at + 20 > frame.length) return false
    const isLater = (((frame[at + 6]! & 0x1f) << 8) | frame[at + 7]!) !== 0
    return !isLater && isError(frame, 4, frame[at + 9]!, at + (frame[at]! & 15) * 4)
  }
  return at + 40 <= frame.length && isError(frame, 6, frame[at + 6]!, at + 40)
}
