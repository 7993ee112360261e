/** Forwarding: RFC 1812 §5.2 and RFC 8200 §3: one hop less, the best route, and an ICMP error where it ends. */
import {
  ipv4Checksum,
  Ipv4Flag,
  ipv4Flags,
  ipv4Ttl,
  ipv6HopLimit,
  setIpv4Checksum,
  setIpv4Ttl,
  setIpv6HopLimit,
  updateChecksum16,
} from '@lodestone/packet'
import { NS_DROP } from './drop.ts'
import { chooseHop } from './flow.ts'
import { fragment } from './fragment.ts'
import { ErrorKind } from './error-kind.ts'
import type { Interface } from './interface.ts'
import type { Stack } from './stack.ts'

/** Forwards the packet at `l3` of `slot`, whose destination is in the stack's key. */
export function forward(stack: Stack, iface: Interface, slot: number, l3: number, family: 4 | 6): void {
  const { arena } = stack
  const { bytes } = arena
  const hops = family === 4 ? ipv4Ttl(bytes, l3) : ipv6HopLimit(bytes, l3)
  if (hops <= 1) {
    stack.icmp.refuse(iface, slot, l3, ErrorKind.timeExceeded)
    return stack.drop(slot, NS_DROP.TTL)
  }
  const route = stack.routes.match(family, stack.key)
  if (route === undefined) {
    stack.icmp.refuse(iface, slot, l3, ErrorKind.net)
    return stack.drop(slot, NS_DROP.NO_ROUTE)
  }
  const hop = chooseHop(route, bytes, l3, arena.end(slot), stack.hashSeed)
  const isTooBig = arena.end(slot) - l3 > hop.interface.mtuBytes
  if (isTooBig && (family === 6 || (ipv4Flags(bytes, l3) & Ipv4Flag.dontFragment) !== 0)) {
    stack.icmp.refuse(iface, slot, l3, ErrorKind.tooBig, hop.interface.mtuBytes)
    return stack.drop(slot, NS_DROP.TOO_BIG)
  }
  if (hop.interface.port === undefined) return stack.drop(slot, NS_DROP.NO_ROUTE) // a subnet of the loopback interface
  if (family === 4) {
    setIpv4Ttl(bytes, l3, hops - 1)
    setIpv4Checksum(bytes, l3, updateChecksum16(ipv4Checksum(bytes, l3), hops << 8, (hops - 1) << 8))
  } else {
    setIpv6HopLimit(bytes, l3, hops - 1)
  }
  arena.shift(slot, l3 - arena.start(slot))
  stack.noteForwarded(slot, route.prefix, hop, stack.key)
  if (isTooBig) fragment(stack, slot, hop.interface.mtuBytes, (each) => stack.toHop(hop, stack.key, each))
  else stack.toHop(hop, stack.key, slot)
}
