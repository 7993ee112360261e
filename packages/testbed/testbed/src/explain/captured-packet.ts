/** Where a captured packet comes from and goes to, by its own header. */
import { Ip } from '@lodestone/net'
import { IPV4_DST, IPV4_SRC, IPV6_DST, IPV6_SRC, parseIp, ROW_SIZE } from '@lodestone/packet'

/** @param packet from the IP header on. @returns undefined where it is no whole IPv4 or IPv6 packet. */
export function addressesOf(packet: Uint8Array): { readonly source: Ip; readonly destination: Ip } | undefined {
  if (parseIp(packet, 0, packet.length, new Int32Array(ROW_SIZE)) < 0) return undefined
  const [source, destination, length] =
    packet[0]! >> 4 === 4 ? ([IPV4_SRC, IPV4_DST, 4] as const) : ([IPV6_SRC, IPV6_DST, 16] as const)
  return { source: Ip.fromBytes(packet, source, length), destination: Ip.fromBytes(packet, destination, length) }
}
