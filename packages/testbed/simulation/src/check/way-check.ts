/**
 * Where there are several equally good ways, a flow of TCP or UDP keeps to one: its packets leave a node by another cable only after the node's routes
 * have changed. Looked at for what a node forwards, not for what it puts into a tunnel.
 *
 * Flows are known by a hash of addresses, protocol and ports, in a table of fixed size in which the newest takes the place of whatever was
 * there: a flow whose entry is gone is not looked at.
 */
import { Ip } from '@lodestone/net'
import type { IpHeader } from './ip-view.ts'

const ENTRIES = 1 << 12
/** node, addresses, protocol and ports, cable, what the node's routes were like. */
const WORDS = 5
const TCP = 6
const UDP = 17
const MORE_FRAGMENTS = 0x20
const FREE = -1

export class WayCheck {
  readonly #entries = new Float64Array(ENTRIES * WORDS).fill(FREE)

  /**
   * @param cable by which a packet has left.
   * @param routes a number that is another one after every change of the node's routes.
   * @returns what is wrong, as a sentence.
   */
  left(node: number, cable: number, routes: number, frame: Uint8Array, header: IpHeader): string | undefined {
    if (header.version === 0 || header.transport < 0) return undefined
    const { protocol, transport, addresses } = header
    // The first fragment has ports and goes where the others go, which have none.
    if (header.version === 4 && (frame[header.at + 6]! & MORE_FRAGMENTS) !== 0) return undefined
    // What counts as a flow of ICMP is a node's own affair: the switch goes by identifiers, and by what errors quote.
    if ((protocol !== TCP && protocol !== UDP) || transport + 4 > frame.length) return undefined
    const flow = (Math.imul(read32(frame, transport), 0x85ebca6b) ^ protocol) | 0
    const at =
      ((Math.imul(addresses, 0x9e3779b1) + Math.imul(flow, 0xc2b2ae35) + Math.imul(node, 0x27d4eb2f)) >>> 20) * WORDS
    const entries = this.#entries
    const isKnown = entries[at] === node && entries[at + 1] === addresses && entries[at + 2] === flow
    const isSame = !isKnown || entries[at + 3] === cable || entries[at + 4] !== routes
    entries[at] = node
    entries[at + 1] = addresses
    entries[at + 2] = flow
    entries[at + 3] = cable
    entries[at + 4] = routes
    return isSame ? undefined : `${flowText(frame, header)} has taken another way, and no route has changed`
  }
}

function flowText(frame: Uint8Array, { version, at, protocol, transport }: IpHeader): string {
  const [source, bytes] = version === 4 ? ([at + 12, 4] as const) : ([at + 8, 16] as const)
  const [from, to] = [source, source + bytes].map((place) => Ip.fromBytes(frame, place, bytes).toString())
  const ports = read32(frame, transport) >>> 0
  return `the ${protocol === TCP ? 'TCP' : 'UDP'} flow from ${from} port ${ports >>> 16} to ${to} port ${ports & 0xffff}`
}

function read32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}
