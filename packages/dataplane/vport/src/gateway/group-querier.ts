/**
 * The gateway's questions which groups the guest listens to: general queries of IGMPv3 (RFC 3376 §4.1) and MLDv2 (RFC 3810
 * §5.1), which older listeners answer as well.
 */
import type { Arena } from '@lodestone/frame'
import { Ip, Mac } from '@lodestone/net'
import {
  ETHERNET_DST,
  ETHERNET_MIN,
  EtherType,
  finishChecksum,
  fixIpv4Checksum,
  fixTransportChecksum,
  Icmpv6Type,
  IPV4_MIN,
  IPV6_MIN,
  IpProtocol,
  sumBytes,
  writeIpv4,
  writeIpv6,
} from '@lodestone/packet'
import { QUERY_INTERVAL_MS, QUERY_RESPONSE_MS } from '../joined-groups.ts'
import type { PortConfig } from '../port-config.ts'
import { GATEWAY_LINK_LOCAL } from './gateway-address.ts'
import { IgmpType } from './group-reports.ts'
import { newReply } from './reply-frame.ts'

const ALL_HOSTS = Ip.of('224.0.0.1')
const ALL_NODES = Ip.of('ff02::1')
/** RFC 2113; of IPv6 within hop-by-hop options (RFC 2711), for MLD. */
const ROUTER_ALERT4 = Uint8Array.of(0x94, 4, 0, 0)
const ROUTER_ALERT6 = Uint8Array.of(IpProtocol.icmpv6, 0, 5, 2, 0, 0, 1, 0)
const IGMP_BYTES = 12
const MLD_BYTES = 28
/** Of the querier: no suppression, two questions may get lost (RFC 3376 §4.1.5, §4.1.6). */
const ROBUSTNESS = 2
const INTERVAL_S = QUERY_INTERVAL_MS / 1000

/** @returns the frames for the guest, one of each family that it has and that there is a buffer for. */
export function groupQueries(arena: Arena, config: PortConfig): number[] {
  const slots: number[] = []
  if (config.ip4 !== undefined) slots.push(query4(arena, config.mac, config.ip4.gateway))
  if (config.ip6 !== undefined) slots.push(query6(arena, config.mac))
  return slots.filter((slot) => slot >= 0)
}

function query4(arena: Arena, guest: Mac, gateway: Ip): number {
  const header = IPV4_MIN + ROUTER_ALERT4.length
  const slot = newReply(arena, guest, EtherType.ipv4, header + IGMP_BYTES)
  if (slot < 0) return -1
  const { bytes } = arena
  const l3 = arena.start(slot) + ETHERNET_MIN
  bytes.set(Mac.forMulticast(ALL_HOSTS).bytes, arena.start(slot) + ETHERNET_DST)
  writeIpv4(bytes, l3, {
    totalLength: header + IGMP_BYTES,
    ttl: 1,
    protocol: IpProtocol.igmp,
    src: gateway.word(0),
    dst: ALL_HOSTS.word(0),
    options: ROUTER_ALERT4,
  })
  fixIpv4Checksum(bytes, l3)
  const at = l3 + header
  bytes.fill(0, at, at + IGMP_BYTES)
  bytes[at] = IgmpType.query
  bytes[at + 1] = QUERY_RESPONSE_MS / 100
  bytes[at + 8] = ROBUSTNESS
  bytes[at + 9] = INTERVAL_S
  const checksum = finishChecksum(sumBytes(bytes, at, at + IGMP_BYTES))
  bytes[at + 2] = checksum >>> 8
  bytes[at + 3] = checksum
  return slot
}

function query6(arena: Arena, guest: Mac): number {
  const payloadLength = ROUTER_ALERT6.length + MLD_BYTES
  const slot = newReply(arena, guest, EtherType.ipv6, IPV6_MIN + payloadLength)
  if (slot < 0) return -1
  const { bytes } = arena
  const l3 = arena.start(slot) + ETHERNET_MIN
  bytes.set(Mac.forMulticast(ALL_NODES).bytes, arena.start(slot) + ETHERNET_DST)
  writeIpv6(bytes, l3, {
    payloadLength,
    nextHeader: IpProtocol.hopByHop,
    hopLimit: 1,
    src: GATEWAY_LINK_LOCAL.bytes,
    dst: ALL_NODES.bytes,
  })
  bytes.set(ROUTER_ALERT6, l3 + IPV6_MIN)
  const at = l3 + IPV6_MIN + ROUTER_ALERT6.length
  bytes.fill(0, at, at + MLD_BYTES)
  bytes[at] = Icmpv6Type.listenerQuery
  bytes[at + 4] = QUERY_RESPONSE_MS >>> 8
  bytes[at + 5] = QUERY_RESPONSE_MS & 0xff
  bytes[at + 24] = ROBUSTNESS
  bytes[at + 25] = INTERVAL_S
  fixTransportChecksum(bytes, l3, at, at + MLD_BYTES)
  return slot
}
