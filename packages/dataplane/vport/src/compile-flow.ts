/**
 * Writes down what a walk decided as a row that the kernel repeats for every later packet of the flow. Checksum changes are
 * worked out here once: a flow's key fixes the old values and the row the new ones.
 */
import { EtherType, IpProtocol, setEthernetEtherType } from '@lodestone/packet'
import { encapsulationBytes, writeEncapsulation } from './encapsulation.ts'
import { dstAt, portsAt } from './flow-key.ts'
import type { FlowTable } from './flow-table.ts'
import {
  FLAG_LOCAL,
  FLAG_SETTLED,
  FLAG_VALID,
  FRONT_BYTES,
  ROW_ADDRESSES_4,
  ROW_ADDRESS_6,
  ROW_DEPENDENCY,
  ROW_ENCAP_BYTES,
  ROW_EXPECTED,
  ROW_FLAGS,
  ROW_IP_DELTA,
  ROW_L4_DELTA,
  ROW_MAX_BYTES,
  ROW_PORT,
  ROW_PORTS_4,
  ROW_PORTS_6,
  ROW_TEMPLATE_4,
  ROW_TEMPLATE_6,
  TEMPLATE_BYTES,
  TEMPLATE_SOURCE,
} from './kernel/layout.ts'
import type { Walk } from './walk.ts'

const ETHERNET_BYTES = 14
const OUTER_SOURCE_AT = 8

/** What a row needs to know besides the walk. */
export interface CompileContext {
  /** Sum of the versions of the port and of the dependency. */
  readonly expected: number
  readonly dependency: number
  readonly maxBytes: number
  /** The sled's underlay address, 16 bytes. */
  readonly underlaySource: Uint8Array
}

const template = new Uint8Array(FRONT_BYTES)
const TEMPLATE_FROM = FRONT_BYTES - TEMPLATE_BYTES
const templateView = new DataView(template.buffer)

/** @param row address of the row in the flow memory, which `view` is over. */
export function compileFlow(view: DataView, row: number, walk: Walk, context: CompileContext): void {
  const family = walk.family as 4 | 6 // because only IP packets have rows
  const { key, current } = walk
  const count = family === 4 ? 1 : 4
  let ipDelta = 0
  for (let i = 0; i < count * 2; i++) {
    const isSource = i < count
    const at = isSource ? i : dstAt(family) + i - count
    if (family === 4) view.setInt32(row + ROW_ADDRESSES_4 + i * 4, current[at]!)
    else if (isSource === walk.isOut) view.setInt32(row + ROW_ADDRESS_6 + (i & 3) * 4, current[at]!)
    else if (current[at] !== key[at]) throw new Error('a row cannot rewrite the address of the other side')
    ipDelta += wordDelta(key[at]!, current[at]!)
  }
  const before = key[portsAt(family)]!
  const after = current[portsAt(family)]!
  const upperDelta = halfDelta(before >>> 16, after >>> 16)
  const portsDelta = walk.isIcmp ? upperDelta : upperDelta + halfDelta(before & 0xffff, after & 0xffff)
  view.setInt32(row + (family === 4 ? ROW_PORTS_4 : ROW_PORTS_6), after)
  // ICMP for IPv4 has no pseudo-header: only the identifier counts.
  const l4Delta = walk.protocol === IpProtocol.icmp ? portsDelta : ipDelta + portsDelta

  const encapBytes = compileTemplate(walk, context)
  const to = row + (family === 4 ? ROW_TEMPLATE_4 : ROW_TEMPLATE_6)
  for (let i = 0; i < TEMPLATE_BYTES; i += 4) view.setInt32(to + i, templateView.getInt32(TEMPLATE_FROM + i))
  const isHere = isLocal(walk, context.underlaySource) ? FLAG_LOCAL : 0
  view.setUint8(row + ROW_FLAGS, (view.getUint8(row + ROW_FLAGS) & FLAG_SETTLED) | FLAG_VALID | isHere)
  view.setInt32(row + ROW_EXPECTED, context.expected, true)
  view.setUint32(row + ROW_DEPENDENCY, context.dependency, true)
  view.setUint16(row + ROW_MAX_BYTES, context.maxBytes, true)
  view.setUint8(row + ROW_ENCAP_BYTES, encapBytes)
  // Big-endian, as the checksums that they are added to: the kernel reads both without exchanging bytes.
  view.setUint16(row + ROW_IP_DELTA, fold(ipDelta))
  view.setUint16(row + ROW_L4_DELTA, fold(l4Delta))
}

/** @returns bytes of the encapsulation. */
function compileTemplate(walk: Walk, context: CompileContext): number {
  template.fill(0)
  const ethernet = FRONT_BYTES - ETHERNET_BYTES
  const { bytes } = walk
  for (let i = 0; i < 6; i++) {
    template[ethernet + i] = walk.etherDst?.[i] ?? bytes[walk.start + i]!
    template[ethernet + 6 + i] = walk.etherSrc?.[i] ?? bytes[walk.start + 6 + i]!
  }
  setEthernetEtherType(template, ethernet, walk.family === 4 ? EtherType.ipv4 : EtherType.ipv6)
  if (walk.encapsulation !== undefined) {
    const encapBytes = encapsulationBytes(walk.encapsulation)
    return writeEncapsulation(
      template,
      ethernet - encapBytes,
      walk.encapsulation,
      context.underlaySource,
      walk.entropy,
      0,
    )
  }
  for (let i = 0; i < 16; i++)
    template[TEMPLATE_FROM + TEMPLATE_SOURCE + i] = bytes[walk.outerIp + OUTER_SOURCE_AT + i]!
  return 0
}

/** Whether a row can be repeated now. */
export function isRowCurrent(table: FlowTable, row: number): boolean {
  const { view } = table.memory
  if ((view.getUint8(row + ROW_FLAGS) & FLAG_VALID) === 0) return false
  const port = view.getUint32(row + ROW_PORT, true)
  const dependency = view.getUint32(row + ROW_DEPENDENCY, true)
  const sum = (table.versions.of(port) + table.versions.of(dependency)) | 0
  return sum === view.getInt32(row + ROW_EXPECTED, true)
}

/** ~m + m' of RFC 1624 equation 3, for one 16-bit word; nothing for one that stays. */
function halfDelta(before: number, after: number): number {
  return before === after ? 0 : (~before & 0xffff) + after
}

/** Both halves of a word that changes, as the slow path does it: that makes a difference where a sum is zero. */
function wordDelta(before: number, after: number): number {
  if (before === after) return 0
  return (~before >>> 16) + (after >>> 16) + (~before & 0xffff) + (after & 0xffff)
}

/** Keeps 0 as 0 and everything else above it, as ones' complement addition does. */
function fold(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return folded
}

/** Whether an encapsulated frame does not leave the sled. */
export function isLocal(walk: Walk, underlaySource: Uint8Array): boolean {
  const destination = walk.encapsulation?.destination
  if (destination === undefined) return false
  for (let i = 0; i < 16; i++) if (destination[i] !== underlaySource[i]) return false
  return true
}
