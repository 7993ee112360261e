/**
 * Writes down what a walk decided as a row of words that `replay.ts` can repeat for every later packet of the flow.
 * Checksum changes are worked out here once: a flow's key fixes the old values and the row the new ones.
 */
import { IpProtocol } from '@lodestone/packet'
import { writeEncapsulation } from './encapsulation.ts'
import { dstAt, portsAt } from './flow-key.ts'
import {
  FLOW_DEPENDENCY,
  FLOW_DST,
  FLOW_ENCAP,
  FLOW_ENCAP_BYTES,
  FLOW_EPOCH,
  FLOW_ETHER_DST_HIGH,
  FLOW_ETHER_DST_LOW,
  FLOW_ETHER_SRC_HIGH,
  FLOW_ETHER_SRC_LOW,
  FLOW_FLAGS,
  FLOW_IP_DELTA,
  FLOW_IS_LOCAL,
  FLOW_L4_DELTA,
  FLOW_MAX_BYTES,
  FLOW_PORTS,
  FLOW_SET_DST,
  FLOW_SET_DST_PORT,
  FLOW_SET_ETHER_DST,
  FLOW_SET_ETHER_SRC,
  FLOW_SET_ICMP_ID,
  FLOW_SET_SRC,
  FLOW_SET_SRC_PORT,
  FLOW_SRC,
  FLOW_VERSION,
} from './flow-row.ts'
import type { Walk } from './walk.ts'

/** What a row needs to know besides the walk. */
export interface CompileContext {
  readonly epoch: number
  readonly version: number
  readonly maxBytes: number
  /** The sled's underlay address, 16 bytes. */
  readonly underlaySource: Uint8Array
}

const template = new Uint8Array(64)
const templateView = new DataView(template.buffer)

/** @param base first word after the key. */
export function compileFlow(rows: Int32Array, base: number, walk: Walk, context: CompileContext): void {
  const family = walk.family as 4 | 6 // because only IP packets have rows
  let flags = 0
  let ipDelta = 0
  let l4Delta = 0
  const { key, current } = walk
  const count = family === 4 ? 1 : 4
  for (let side = 0; side < 2; side++) {
    const from = side === 0 ? 0 : dstAt(family)
    if (!differs(key, current, from, count)) continue
    flags |= side === 0 ? FLOW_SET_SRC : FLOW_SET_DST
    const to = base + (side === 0 ? FLOW_SRC : FLOW_DST)
    for (let i = 0; i < count; i++) {
      rows[to + i] = current[from + i]!
      const delta = wordDelta(key[from + i]!, current[from + i]!)
      ipDelta += delta
      l4Delta += delta
    }
  }
  const protocol = walk.protocol
  const before = key[portsAt(family)]!
  const after = current[portsAt(family)]!
  if (before >>> 16 !== after >>> 16) {
    flags |= walk.isIcmp ? FLOW_SET_ICMP_ID : FLOW_SET_SRC_PORT
    l4Delta += halfDelta(before >>> 16, after >>> 16)
  }
  if ((before & 0xffff) !== (after & 0xffff) && !walk.isIcmp) {
    flags |= FLOW_SET_DST_PORT
    l4Delta += halfDelta(before & 0xffff, after & 0xffff)
  }
  // ICMP for IPv4 has no pseudo-header: only the identifier counts.
  if (protocol === IpProtocol.icmp) {
    l4Delta = before >>> 16 === after >>> 16 ? 0 : halfDelta(before >>> 16, after >>> 16)
  }
  if (walk.etherDst !== undefined) {
    flags |= FLOW_SET_ETHER_DST
    putMac(rows, base + FLOW_ETHER_DST_HIGH, base + FLOW_ETHER_DST_LOW, walk.etherDst)
  }
  if (walk.etherSrc !== undefined) {
    flags |= FLOW_SET_ETHER_SRC
    putMac(rows, base + FLOW_ETHER_SRC_HIGH, base + FLOW_ETHER_SRC_LOW, walk.etherSrc)
  }
  let encapBytes = 0
  if (walk.encapsulation !== undefined) {
    encapBytes = writeEncapsulation(template, 0, walk.encapsulation, context.underlaySource, walk.entropy, 0)
    for (let i = 0; i < encapBytes / 4; i++) rows[base + FLOW_ENCAP + i] = templateView.getInt32(i * 4)
  }
  if (isLocal(walk, context.underlaySource)) flags |= FLOW_IS_LOCAL
  rows[base + FLOW_FLAGS] = flags
  rows[base + FLOW_EPOCH] = context.epoch
  rows[base + FLOW_DEPENDENCY] = walk.dependency
  rows[base + FLOW_VERSION] = context.version
  rows[base + FLOW_MAX_BYTES] = context.maxBytes
  rows[base + FLOW_IP_DELTA] = fold(ipDelta)
  rows[base + FLOW_L4_DELTA] = fold(l4Delta)
  rows[base + FLOW_PORTS] = after
  rows[base + FLOW_ENCAP_BYTES] = encapBytes
}

function differs(a: Int32Array, b: Int32Array, at: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (a[at + i] !== b[at + i]) return true
  return false
}

/** ~m + m' of RFC 1624 equation 3, for one 16-bit word. */
function halfDelta(before: number, after: number): number {
  return (~before & 0xffff) + after
}

function wordDelta(before: number, after: number): number {
  return halfDelta(before >>> 16, after >>> 16) + halfDelta(before & 0xffff, after & 0xffff)
}

/** Keeps 0 as 0 and everything else above it, as ones' complement addition does. */
function fold(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return folded
}

function putMac(rows: Int32Array, highAt: number, lowAt: number, mac: Uint8Array): void {
  rows[highAt] = (mac[0]! << 8) | mac[1]!
  rows[lowAt] = (mac[2]! << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!
}

/** Whether an encapsulated frame does not leave the sled. */
export function isLocal(walk: Walk, underlaySource: Uint8Array): boolean {
  const destination = walk.encapsulation?.destination
  return destination !== undefined && destination.every((byte, i) => byte === underlaySource[i])
}
