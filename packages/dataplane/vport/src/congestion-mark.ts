/**
 * Marks of congestion between the headers of a tunnel and what it carries (RFC 6040): on the way in the outer header gets the packet's mark
 * (normal mode, §4.1), on the way out the packet what the underlay made of it (§4.2). The kernel does the former for every packet,
 * and leaves those with something to carry over on the way out to the layers.
 */
import {
  ipv4Checksum,
  ipv4Ecn,
  ipv6Ecn,
  setIpv4Checksum,
  setIpv4Ecn,
  setIpv6Ecn,
  updateChecksum16,
} from '@lodestone/packet'

const NOT_ECT = 0
const ECT_1 = 1
const ECT_0 = 2
const CE = 3

/** The mark of an IP header. */
export function markOf(bytes: Uint8Array, l3: number, family: 4 | 6): number {
  return family === 4 ? ipv4Ecn(bytes, l3) : ipv6Ecn(bytes, l3)
}

/** Whether the underlay says congestion to a sender that would not understand it: such a packet counts as lost there. */
export function isUnheard(outer: number, inner: number): boolean {
  return outer === CE && inner === NOT_ECT
}

/** What the packet's mark is behind the tunnel. */
export function carried(outer: number, inner: number): number {
  if (outer === CE) return CE
  return outer === ECT_1 && inner === ECT_0 ? ECT_1 : inner
}

/** Writes a mark into an IP header; that of IPv4 keeps its checksum, right or wrong. */
export function setMark(view: DataView, bytes: Uint8Array, l3: number, family: 4 | 6, mark: number): void {
  if (family === 6) return setIpv6Ecn(bytes, l3, mark)
  const before = view.getUint16(l3)
  setIpv4Ecn(bytes, l3, mark)
  setIpv4Checksum(bytes, l3, updateChecksum16(ipv4Checksum(bytes, l3), before, view.getUint16(l3)))
}
