/** Flow hashing for the choice among equal-cost next hops: addresses, protocol and ports of one packet. */
import {
  ipv4Dst,
  ipv4FragmentOffset,
  ipv4HeaderLength,
  ipv4Protocol,
  ipv4Src,
  IPV6_MIN,
  ipv6DstWord,
  ipv6NextHeader,
  ipv6SrcWord,
  IpProtocol,
} from '@lodestone/packet'
import type { Hop, Route } from './route-table.ts'

/** The next hop of a route for the IP packet at `l3` (checked, ending at `end`). The route has at least one usable. */
export function chooseHop(route: Route, bytes: Uint8Array, l3: number, end: number, seed: number): Hop {
  const hops = route.usable
  if (hops.length === 1) return hops[0]!
  return hops[hashFlow(bytes, l3, end, seed) % hops.length]!
}

/** Unsigned 32 bits. The same for every packet of a flow. */
export function hashFlow(bytes: Uint8Array, l3: number, end: number, seed: number): number {
  let h = seed
  let protocol: number
  let l4: number
  if (bytes[l3]! >>> 4 === 4) {
    h = mix(mix(h, ipv4Src(bytes, l3)), ipv4Dst(bytes, l3))
    protocol = ipv4Protocol(bytes, l3)
    l4 = ipv4FragmentOffset(bytes, l3) === 0 ? l3 + ipv4HeaderLength(bytes, l3) : end
  } else {
    for (let i = 0; i < 4; i++) h = mix(mix(h, ipv6SrcWord(bytes, l3, i)), ipv6DstWord(bytes, l3, i))
    protocol = ipv6NextHeader(bytes, l3)
    l4 = l3 + IPV6_MIN
  }
  h = mix(h, protocol)
  if ((protocol === IpProtocol.tcp || protocol === IpProtocol.udp) && l4 + 4 <= end) {
    h = mix(h, (bytes[l4]! << 24) | (bytes[l4 + 1]! << 16) | (bytes[l4 + 2]! << 8) | bytes[l4 + 3]!)
  }
  h ^= h >>> 16
  return (Math.imul(h, 0x45d9f3b) ^ (h >>> 13)) >>> 0
}

function mix(h: number, word: number): number {
  const k = Math.imul(word | 0, 0x9e3779b1)
  const rotated = (h << 13) | (h >>> 19)
  return (Math.imul(rotated ^ k, 5) + 0x6b64e654) | 0
}
