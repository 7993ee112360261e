/**
 * The fast path's action: repeats a flow's recorded transformation on one frame. Flat and monomorphic, no allocation;
 * the row's words are the action's parameters.
 */
import { ENCAP_IP_LENGTH, ENCAP_UDP_LENGTH } from './encapsulation.ts'
import {
  FLOW_DST,
  FLOW_ENCAP,
  FLOW_ENCAP_BYTES,
  FLOW_ETHER_DST_HIGH,
  FLOW_ETHER_DST_LOW,
  FLOW_ETHER_SRC_HIGH,
  FLOW_ETHER_SRC_LOW,
  FLOW_FLAGS,
  FLOW_IP_DELTA,
  FLOW_L4_DELTA,
  FLOW_PORTS,
  FLOW_SET_DST,
  FLOW_SET_DST_PORT,
  FLOW_SET_ETHER_DST,
  FLOW_SET_ETHER_SRC,
  FLOW_SET_ICMP_ID,
  FLOW_SET_SRC,
  FLOW_SET_SRC_PORT,
  FLOW_SRC,
} from './flow-row.ts'

const IPV4_CHECKSUM_AT = 10
const IPV4_SRC_AT = 12
const IPV4_DST_AT = 16
const IPV6_SRC_AT = 8
const IPV6_DST_AT = 24
const UDP = 17
const TCP = 6
const IPV6_HEADER = 40

/**
 * @param base first word of the row after its key. @param l2 @param l3 @param l4 absolute offsets of the inner frame's
 * headers. @param end one past its IP packet. @param isV4 whether l3 is IPv4. @param protocol of l4.
 * @returns bytes written in front of `l2` (the caller moves the frame's start there first: there must be room).
 */
export function replay(
  view: DataView,
  rows: Int32Array,
  base: number,
  l2: number,
  l3: number,
  l4: number,
  end: number,
  isV4: boolean,
  protocol: number,
): number {
  const flags = rows[base + FLOW_FLAGS]!
  if ((flags & FLOW_SET_ETHER_DST) !== 0) {
    view.setUint16(l2, rows[base + FLOW_ETHER_DST_HIGH]!)
    view.setInt32(l2 + 2, rows[base + FLOW_ETHER_DST_LOW]!)
  }
  if ((flags & FLOW_SET_ETHER_SRC) !== 0) {
    view.setUint16(l2 + 6, rows[base + FLOW_ETHER_SRC_HIGH]!)
    view.setInt32(l2 + 8, rows[base + FLOW_ETHER_SRC_LOW]!)
  }
  if ((flags & (FLOW_SET_SRC | FLOW_SET_DST)) !== 0) {
    if (isV4) {
      if ((flags & FLOW_SET_SRC) !== 0) view.setInt32(l3 + IPV4_SRC_AT, rows[base + FLOW_SRC]!)
      if ((flags & FLOW_SET_DST) !== 0) view.setInt32(l3 + IPV4_DST_AT, rows[base + FLOW_DST]!)
      const checksum = view.getUint16(l3 + IPV4_CHECKSUM_AT)
      view.setUint16(l3 + IPV4_CHECKSUM_AT, adjust(checksum, rows[base + FLOW_IP_DELTA]!))
    } else {
      if ((flags & FLOW_SET_SRC) !== 0) setAddress6(view, l3 + IPV6_SRC_AT, rows, base + FLOW_SRC)
      if ((flags & FLOW_SET_DST) !== 0) setAddress6(view, l3 + IPV6_DST_AT, rows, base + FLOW_DST)
    }
  }
  if ((flags & (FLOW_SET_SRC_PORT | FLOW_SET_DST_PORT | FLOW_SET_ICMP_ID)) !== 0) {
    const ports = rows[base + FLOW_PORTS]!
    if ((flags & FLOW_SET_SRC_PORT) !== 0) view.setUint16(l4, ports >>> 16)
    if ((flags & FLOW_SET_DST_PORT) !== 0) view.setUint16(l4 + 2, ports & 0xffff)
    if ((flags & FLOW_SET_ICMP_ID) !== 0) view.setUint16(l4 + 4, ports >>> 16)
  }
  const l4Delta = rows[base + FLOW_L4_DELTA]!
  if (l4Delta !== 0) {
    const at = l4 + (protocol === TCP ? 16 : protocol === UDP ? 6 : 2)
    const checksum = view.getUint16(at)
    if (protocol !== UDP) view.setUint16(at, adjust(checksum, l4Delta))
    else if (checksum !== 0) {
      // A UDP checksum of 0 means none and stays; one that comes out as 0 is sent as 0xffff.
      const adjusted = adjust(checksum, l4Delta)
      view.setUint16(at, adjusted === 0 ? 0xffff : adjusted)
    }
  }
  const encapBytes = rows[base + FLOW_ENCAP_BYTES]!
  if (encapBytes === 0) return 0
  const outer = l2 - encapBytes
  const words = encapBytes >> 2
  const from = base + FLOW_ENCAP
  for (let i = 0; i < words; i++) view.setInt32(outer + (i << 2), rows[from + i]!)
  const udpBytes = encapBytes - IPV6_HEADER + end - l2
  view.setUint16(outer + ENCAP_IP_LENGTH, udpBytes)
  view.setUint16(outer + ENCAP_UDP_LENGTH, udpBytes)
  return encapBytes
}

/** RFC 1624 equation 3 with the sum of all changes at once. */
function adjust(checksum: number, delta: number): number {
  let sum = (~checksum & 0xffff) + delta
  sum = (sum & 0xffff) + (sum >>> 16)
  return ~((sum & 0xffff) + (sum >>> 16)) & 0xffff
}

function setAddress6(view: DataView, at: number, rows: Int32Array, from: number): void {
  view.setInt32(at, rows[from]!)
  view.setInt32(at + 4, rows[from + 1]!)
  view.setInt32(at + 8, rows[from + 2]!)
  view.setInt32(at + 12, rows[from + 3]!)
}
