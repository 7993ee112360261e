/** Frames that the gateway itself sends to the guest: the parts that all of them share. */
import type { Arena } from '@lodestone/frame'
import type { Mac } from '@lodestone/net'
import {
  ETHERNET_MIN,
  fixIpv4Checksum,
  fixTransportChecksum,
  IPV4_MIN,
  IPV6_MIN,
  writeEthernet,
  writeIpv4,
  writeIpv6,
} from '@lodestone/packet'
import { GATEWAY_MAC } from './gateway-address.ts'

/** A new frame with its Ethernet header, from the gateway to the guest; -1 when the arena is exhausted. */
export function newReply(arena: Arena, guest: Mac, etherType: number, payloadBytes: number): number {
  const slot = arena.alloc(ETHERNET_MIN + payloadBytes)
  if (slot < 0) return -1
  writeEthernet(arena.bytes, arena.start(slot), { dst: guest.bytes, src: GATEWAY_MAC.bytes, etherType })
  return slot
}

/** Writes the IPv4 header in front of a message of `messageBytes` and both checksums. The message must be in place. */
export function finishIpv4(
  arena: Arena,
  slot: number,
  protocol: number,
  src: number,
  dst: number,
  messageBytes: number,
): void {
  const l3 = arena.start(slot) + ETHERNET_MIN
  writeIpv4(arena.bytes, l3, { totalLength: IPV4_MIN + messageBytes, ttl: 64, protocol, src, dst })
  fixIpv4Checksum(arena.bytes, l3)
  fixTransportChecksum(arena.bytes, l3, l3 + IPV4_MIN, l3 + IPV4_MIN + messageBytes)
}

/** The same for IPv6. @param hopLimit 255 for neighbour discovery (RFC 4861). */
export function finishIpv6(
  arena: Arena,
  slot: number,
  protocol: number,
  src: Uint8Array,
  dst: Uint8Array,
  messageBytes: number,
  hopLimit: number,
): void {
  const l3 = arena.start(slot) + ETHERNET_MIN
  writeIpv6(arena.bytes, l3, { payloadLength: messageBytes, nextHeader: protocol, hopLimit, src, dst })
  fixTransportChecksum(arena.bytes, l3, l3 + IPV6_MIN, l3 + IPV6_MIN + messageBytes)
}
