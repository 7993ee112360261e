/**
 * What names a connection, as ten words: remote and local address (IPv4 in its IPv6-mapped form), both ports, and the
 * interface of link-local peers. Read from a packet without allocation.
 */
import type { Ip } from '@lodestone/net'
import { ipv4Dst, ipv4Src, ipv6DstWord, ipv6SrcWord, tcpDstPort, tcpSrcPort } from '@lodestone/packet'
import { MAPPED_WORD } from '../address-map.ts'
import type { Interface } from '../interface.ts'

export const TUPLE_WORDS = 10
const TUPLE_PORTS = 8
const TUPLE_SCOPE = 9

/** The tuple of a segment that came in by `iface`. */
export function readTuple(tuple: Int32Array, bytes: Uint8Array, l3: number, l4: number, iface: Interface): void {
  if (bytes[l3]! >>> 4 === 4) {
    tuple[0] = 0
    tuple[1] = 0
    tuple[2] = MAPPED_WORD
    tuple[3] = ipv4Src(bytes, l3)
    tuple[4] = 0
    tuple[5] = 0
    tuple[6] = MAPPED_WORD
    tuple[7] = ipv4Dst(bytes, l3)
    tuple[TUPLE_SCOPE] = 0
  } else {
    for (let i = 0; i < 4; i++) {
      tuple[i] = ipv6SrcWord(bytes, l3, i)
      tuple[4 + i] = ipv6DstWord(bytes, l3, i)
    }
    tuple[TUPLE_SCOPE] = ((tuple[0]! >>> 16) & 0xffc0) === 0xfe80 ? iface.index : 0
  }
  tuple[TUPLE_PORTS] = (tcpSrcPort(bytes, l4) << 16) | tcpDstPort(bytes, l4)
}

export function makeTuple(
  local: Ip,
  localPort: number,
  remote: Ip,
  remotePort: number,
  scope: Interface | undefined,
): Int32Array {
  const tuple = new Int32Array(TUPLE_WORDS)
  for (let i = 0; i < 4; i++) {
    tuple[i] = remote.family === 6 ? remote.word(i) : i === 3 ? remote.word(0) : i === 2 ? MAPPED_WORD : 0
    tuple[4 + i] = local.family === 6 ? local.word(i) : i === 3 ? local.word(0) : i === 2 ? MAPPED_WORD : 0
  }
  tuple[TUPLE_PORTS] = (remotePort << 16) | localPort
  tuple[TUPLE_SCOPE] = scope?.index ?? 0
  return tuple
}

/** Below 2^30, so that it is a small integer for the map. */
export function hashTuple(tuple: Int32Array, seed: number): number {
  let h = seed | 0
  for (let i = 0; i < TUPLE_WORDS; i++) h = Math.imul(h ^ tuple[i]! ^ (h >>> 15), 0x9e3779b1)
  return (h ^ (h >>> 16)) & 0x3fffffff
}

export function sameTuple(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < TUPLE_WORDS; i++) if (a[i] !== b[i]) return false
  return true
}
