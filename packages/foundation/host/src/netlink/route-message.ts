/**
 * Routes of the kernel's tables as messages of rtnetlink (`rtnetlink(7)`, `RTM_NEWROUTE` and its sisters): several next
 * hops in one route, and next hops of the other family (`RTA_VIA`, as IPv4 over IPv6 needs, RFC 8950).
 *
 * Not implemented: next hop objects, encapsulations, weights (all hops weigh the same), metrics like MTU.
 */
import { Ip, Prefix } from '@lodestone/net'
import { eachAttribute, NetlinkFlag, type NetlinkMessage, type NetlinkWriter, viewOf } from './netlink-message.ts'

export const RouteMessageType = { add: 24, remove: 25, get: 26 } as const
/** Multicast groups, as bits. */
export const RtGroup = { link: 0x1, ipv4Address: 0x10, ipv4Route: 0x40, ipv6Address: 0x100, ipv6Route: 0x400 } as const

const AF_INET = 2
const AF_INET6 = 10
const RTM_BYTES = 12
const NEXT_HOP_BYTES = 8

const Attribute = { destination: 1, oif: 4, gateway: 5, priority: 6, multipath: 9, table: 15, via: 18 } as const
const SCOPE_UNIVERSE = 0
const SCOPE_LINK = 253
const SCOPE_NOWHERE = 255
const KIND_UNICAST = 1
const FLAG_CLONED = 0x200

export interface KernelNextHop {
  /** May be of the other family than the prefix; absent: the destination is on the link. */
  readonly via: Ip | undefined
  readonly interfaceIndex: number
}

export interface KernelRoute {
  readonly prefix: Prefix
  readonly nextHops: readonly KernelNextHop[]
  /** 254 is `main`. */
  readonly table: number
  /** Who put it there, `/etc/iproute2/rt_protos`. */
  readonly protocol: number
  /** Called metric by ip(8); lower wins. */
  readonly priority: number
}

/** Whose routes, and where. */
export interface RouteOwner {
  readonly table: number
  readonly protocol: number
  readonly priority: number
}

/** Makes `prefix` go to exactly `nextHops`, whatever route of this owner was there. */
export function writeSetRoute(
  out: NetlinkWriter,
  sequence: number,
  owner: RouteOwner,
  prefix: Prefix,
  nextHops: readonly KernelNextHop[],
): void {
  const flags = NetlinkFlag.request | NetlinkFlag.create | NetlinkFlag.replace
  const isOnLink = nextHops.length === 1 && nextHops[0]!.via === undefined && prefix.family === 4
  begin(out, RouteMessageType.add, flags, sequence, owner, prefix, isOnLink ? SCOPE_LINK : SCOPE_UNIVERSE)
  if (nextHops.length === 1) {
    const hop = nextHops[0]!
    writeVia(out, prefix, hop.via)
    out.attributeU32(Attribute.oif, hop.interfaceIndex)
  } else {
    const start = out.beginAttribute(Attribute.multipath)
    for (const { via, interfaceIndex } of nextHops) {
      const hop = out.length
      out.u16(0)
      out.u16(0)
      out.u32(interfaceIndex)
      writeVia(out, prefix, via)
      out.endLength(hop)
    }
    out.endLength(start)
  }
  out.end()
}

/** Removes this owner's route. */
export function writeRemoveRoute(out: NetlinkWriter, sequence: number, owner: RouteOwner, prefix: Prefix): void {
  begin(out, RouteMessageType.remove, NetlinkFlag.request, sequence, owner, prefix, SCOPE_NOWHERE)
  out.end()
}

/** Asks for all routes of a family in one table by one protocol; kernels that do not filter answer with all. */
export function writeDumpRoutes(
  out: NetlinkWriter,
  sequence: number,
  family: 4 | 6,
  table: number,
  protocol: number,
): void {
  out.begin(RouteMessageType.get, NetlinkFlag.request | NetlinkFlag.dump, sequence)
  out.u8(family === 4 ? AF_INET : AF_INET6)
  for (const value of [0, 0, 0, 0, protocol, 0, 0]) out.u8(value)
  out.u32(0)
  out.attributeU32(Attribute.table, table)
  out.end()
}

/** The route in a message of type `add` or `remove`; `undefined` for what is no unicast route of a table, or malformed. */
export function decodeRoute(message: NetlinkMessage): KernelRoute | undefined {
  const { payload } = message
  if (payload.length < RTM_BYTES || payload[7] !== KIND_UNICAST) return undefined
  const family = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 6 : undefined
  const length = payload[1]!
  if (family === undefined || length > (family === 4 ? 32 : 128)) return undefined
  if ((viewOf(payload).getUint32(8, true) & FLAG_CLONED) !== 0) return undefined
  const addressBytes = family === 4 ? 4 : 16
  let destination: Ip | undefined
  let table = payload[4]!
  let priority = 0
  let via: Ip | undefined
  let interfaceIndex = 0
  const nextHops: KernelNextHop[] = []
  eachAttribute(payload, RTM_BYTES, (type, value) => {
    if (type === Attribute.destination && value.length === addressBytes)
      destination = Ip.fromBytes(value, 0, addressBytes)
    else if (type === Attribute.multipath) decodeNextHops(value, nextHops)
    else if (type === Attribute.gateway || type === Attribute.via) via = decodeVia(type, value)
    else if (value.length !== 4) return
    else if (type === Attribute.table) table = viewOf(value).getUint32(0, true)
    else if (type === Attribute.priority) priority = viewOf(value).getUint32(0, true)
    else if (type === Attribute.oif) interfaceIndex = viewOf(value).getUint32(0, true)
  })
  if (destination === undefined) {
    if (length !== 0) return undefined
    destination = Ip.fromBytes(new Uint8Array(addressBytes), 0, addressBytes)
  }
  if (nextHops.length === 0 && interfaceIndex !== 0) nextHops.push({ via, interfaceIndex })
  return { prefix: new Prefix(destination, length), nextHops, table, protocol: payload[5]!, priority }
}

function begin(
  out: NetlinkWriter,
  type: number,
  flags: number,
  sequence: number,
  owner: RouteOwner,
  prefix: Prefix,
  scope: number,
): void {
  out.begin(type, flags, sequence)
  out.u8(prefix.family === 4 ? AF_INET : AF_INET6)
  out.u8(prefix.length)
  out.u8(0)
  out.u8(0)
  out.u8(owner.table < 256 ? owner.table : 0)
  out.u8(owner.protocol)
  out.u8(scope)
  out.u8(type === RouteMessageType.remove ? 0 : KIND_UNICAST)
  out.u32(0)
  out.attribute(Attribute.destination, prefix.address.bytes)
  if (owner.table > 255) out.attributeU32(Attribute.table, owner.table)
  out.attributeU32(Attribute.priority, owner.priority)
}

function writeVia(out: NetlinkWriter, prefix: Prefix, via: Ip | undefined): void {
  if (via === undefined) return
  if (via.family === prefix.family) return out.attribute(Attribute.gateway, via.bytes)
  const start = out.beginAttribute(Attribute.via)
  out.u16(via.family === 4 ? AF_INET : AF_INET6)
  out.raw(via.bytes)
  out.endLength(start)
}

function decodeVia(type: number, value: Uint8Array): Ip | undefined {
  const bytes = type === Attribute.via ? value.subarray(2) : value
  return bytes.length === 4 || bytes.length === 16 ? Ip.fromBytes(bytes, 0, bytes.length) : undefined
}

function decodeNextHops(bytes: Uint8Array, into: KernelNextHop[]): void {
  const view = viewOf(bytes)
  let at = 0
  while (at + NEXT_HOP_BYTES <= bytes.length) {
    const length = view.getUint16(at, true)
    if (length < NEXT_HOP_BYTES || at + length > bytes.length) return
    let via: Ip | undefined
    eachAttribute(bytes.subarray(at, at + length), NEXT_HOP_BYTES, (type, value) => {
      if (type === Attribute.gateway || type === Attribute.via) via = decodeVia(type, value)
    })
    into.push({ via, interfaceIndex: view.getInt32(at + 4, true) })
    at += (length + 3) & ~3
  }
}
