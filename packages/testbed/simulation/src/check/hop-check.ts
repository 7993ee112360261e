/**
 * Whoever forwards a packet takes exactly one from its TTL or hop limit (RFC 1812 §5.3.1, RFC 8200 §3), and nothing from what is in a
 * tunnel. What a switch puts into a tunnel keeps its own (the tunnel counts as no hop, `p4/nat-ingress.p4`); what leaves a tunnel there is
 * forwarded.
 *
 * A packet is known by its number. What entered a node is kept in a table of fixed size, in which the newest takes the place of whatever
 * was there: a packet whose entry is gone is not looked at.
 */
import type { IpView } from './ip-view.ts'

const ENTRIES = 1 << 12
/** packet, node, outer addresses, outer hop limits, inner addresses, inner hop limit. */
const WORDS = 6
const PACKET = 0
const NODE = 1
const OUTER_ADDRESSES = 2
const OUTER_HOPS = 3
const INNER_ADDRESSES = 4
const INNER_HOP = 5
/** No tunnel. */
const NONE = -1

export class HopCheck {
  readonly #entries = new Int32Array(ENTRIES * WORDS).fill(NONE)

  /** A packet is on its way to a node. */
  entered(packet: number, node: number, { outer, inner }: IpView): void {
    const at = place(packet, node)
    const entries = this.#entries
    const isAgain = this.#has(at, packet, node) && entries[at + OUTER_ADDRESSES] === outer.addresses
    // One that goes round comes back before its first copy has left, if the link made two.
    const before = isAgain ? entries[at + OUTER_HOPS]! & 0xff : outer.hopLimit
    entries[at + PACKET] = packet
    entries[at + NODE] = node
    entries[at + OUTER_ADDRESSES] = outer.addresses
    entries[at + OUTER_HOPS] = outer.hopLimit | (before << 8)
    entries[at + INNER_ADDRESSES] = inner.addresses
    entries[at + INNER_HOP] = inner.version === 0 ? NONE : inner.hopLimit
  }

  /** Whether a packet came to this node from elsewhere, with these addresses outside or inside of a tunnel; false, too, when it is long ago. */
  isForwarded(packet: number, node: number, { outer }: IpView): boolean {
    const at = place(packet, node)
    const entries = this.#entries
    if (!this.#has(at, packet, node)) return false
    return entries[at + OUTER_ADDRESSES] === outer.addresses || entries[at + INNER_ADDRESSES] === outer.addresses
  }

  /** A packet has left a node. @returns what is wrong, as a sentence. */
  left(packet: number, node: number, { outer, inner }: IpView): string | undefined {
    const at = place(packet, node)
    if (!this.#has(at, packet, node)) return undefined
    const entries = this.#entries
    const [outerBefore, innerBefore] = [entries[at + OUTER_HOPS]!, entries[at + INNER_HOP]!]
    const isSameOuter = entries[at + OUTER_ADDRESSES] === outer.addresses
    if (isSameOuter) {
      if (outer.hopLimit !== (outerBefore & 0xff) - 1 && outer.hopLimit !== (outerBefore >>> 8) - 1) {
        return `a hop limit of ${outerBefore & 0xff} has become ${outer.hopLimit}`
      }
      if (inner.version !== 0 && innerBefore !== NONE && inner.hopLimit !== innerBefore) {
        return `the hop limit in a tunnel, ${innerBefore}, has become ${inner.hopLimit} under way`
      }
      return undefined
    }
    if (innerBefore === NONE && inner.version !== 0 && inner.addresses === entries[at + OUTER_ADDRESSES]) {
      if (inner.hopLimit !== (outerBefore & 0xff)) {
        return `a hop limit of ${outerBefore & 0xff} has become ${inner.hopLimit} on the way into a tunnel`
      }
    } else if (innerBefore !== NONE && inner.version === 0 && outer.addresses === entries[at + INNER_ADDRESSES]) {
      if (outer.hopLimit !== innerBefore - 1) {
        return `a hop limit of ${innerBefore} has become ${outer.hopLimit} on the way out of a tunnel`
      }
    }
    return undefined
  }

  #has(at: number, packet: number, node: number): boolean {
    return this.#entries[at + PACKET] === packet && this.#entries[at + NODE] === node
  }
}

/** The upper twelve bits of a multiplicative hash: as many as there are entries. */
function place(packet: number, node: number): number {
  return ((Math.imul(packet, 0x9e3779b1) + Math.imul(node, 0x85ebca6b)) >>> 20) * WORDS
}
