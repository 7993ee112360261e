/**
 * Socket options of Linux that Node does not offer: TCP MD5 signatures (RFC 2385), TTL and least TTL on arrival (RFC 5082),
 * binding to an interface, a filter that drops datagrams by hop limit before anyone sees them.
 *
 * Each function throws a Node-style error when the kernel refuses.
 */
import { type Ip, Prefix } from '@lodestone/net'
import { type SenderHopLimit, socketError } from './network.ts'
import { checked, type Libc, Sol } from './os-libc.ts'
import { AF_INET, AF_INET6, mappedAddress, socketAddressBytes } from './socket-address.ts'

const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x80000

const SO_REUSEADDR = 2
const SO_BINDTODEVICE = 25
const SO_MEMINFO = 55
const IP_TTL = 2
const IP_MINTTL = 21
const IP_MULTICAST_TTL = 33
const IPV6_UNICAST_HOPS = 16
const IPV6_MULTICAST_HOPS = 18
const IPV6_V6ONLY = 26
const IPV6_MINHOPCOUNT = 73
const TCP_MD5SIG = 14
const TCP_MD5SIG_EXT = 32
const MD5_STRUCT_BYTES = 216
const MD5_FLAG_PREFIX = 1
const MD5_MAX_BYTES = 80

export function setIntOption(c: Libc, fd: number, level: number, option: number, value: number, name: string): void {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  checked(c, c.setsockopt(fd, level, option, bytes, bytes.length), `${name} = ${value}`)
}

export function openStream(c: Libc, family: 4 | 6): number {
  return open(c, family, SOCK_STREAM, 'stream socket')
}

/** IPv6 sockets take no IPv4 datagrams: who wants both opens both. */
export function openDatagram(c: Libc, family: 4 | 6): number {
  const fd = open(c, family, SOCK_DGRAM, 'datagram socket')
  if (family === 6) setIntOption(c, fd, Sol.ipv6, IPV6_V6ONLY, 1, 'IPV6_V6ONLY')
  return fd
}

function open(c: Libc, family: 4 | 6, kind: number, what: string): number {
  const domain = family === 4 ? AF_INET : AF_INET6
  return checked(c, c.socket(domain, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), what)
}

export function setReuseAddress(c: Libc, fd: number): void {
  setIntOption(c, fd, Sol.socket, SO_REUSEADDR, 1, 'SO_REUSEADDR')
}

/** Packets come and go by this link only. */
export function bindToInterface(c: Libc, fd: number, name: string): void {
  const bytes = Buffer.from(`${name}\0`)
  checked(c, c.setsockopt(fd, Sol.socket, SO_BINDTODEVICE, bytes, bytes.length), `SO_BINDTODEVICE ${name}`)
}

/** @param family of the addresses on the wire: a dual-stack socket has both. */
export function setTtl(c: Libc, fd: number, family: 4 | 6, ttl: number): void {
  if (family === 4) setIntOption(c, fd, Sol.ip, IP_TTL, ttl, 'IP_TTL')
  else setIntOption(c, fd, Sol.ipv6, IPV6_UNICAST_HOPS, ttl, 'IPV6_UNICAST_HOPS')
}

export function setMulticastTtl(c: Libc, fd: number, family: 4 | 6, ttl: number): void {
  if (family === 4) setIntOption(c, fd, Sol.ip, IP_MULTICAST_TTL, ttl, 'IP_MULTICAST_TTL')
  else setIntOption(c, fd, Sol.ipv6, IPV6_MULTICAST_HOPS, ttl, 'IPV6_MULTICAST_HOPS')
}

/** TCP only: the kernel drops segments that arrive with less. */
export function setMinTtl(c: Libc, fd: number, family: 4 | 6, minTtl: number): void {
  if (family === 4) setIntOption(c, fd, Sol.ip, IP_MINTTL, minTtl, 'IP_MINTTL')
  else setIntOption(c, fd, Sol.ipv6, IPV6_MINHOPCOUNT, minTtl, 'IPV6_MINHOPCOUNT')
}

/**
 * Sets, or with `undefined` removes, the key for a peer or for all peers within a prefix.
 * @param isDualStack whether the socket is an IPv6 one that carries IPv4 too.
 */
export function setMd5(
  c: Libc,
  fd: number,
  remote: Ip | Prefix,
  password: string | undefined,
  isDualStack: boolean,
): void {
  const prefix = remote instanceof Prefix ? remote : Prefix.host(remote)
  const isHost = prefix.length === prefix.address.bytes.length * 8
  const key = password === undefined ? new Uint8Array(0) : new TextEncoder().encode(password)
  if (password !== undefined && (key.length === 0 || key.length > MD5_MAX_BYTES)) {
    throw socketError('EINVAL', `an MD5 password has 1 to ${MD5_MAX_BYTES} bytes, not ${key.length}`)
  }
  const bytes = new Uint8Array(MD5_STRUCT_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(socketAddressBytes(isDualStack ? mappedAddress(prefix.address) : prefix.address, 0))
  bytes[128] = isHost ? 0 : MD5_FLAG_PREFIX
  bytes[129] = isHost ? 0 : prefix.length
  view.setUint16(130, key.length, true)
  bytes.set(key, 136)
  const option = isHost ? TCP_MD5SIG : TCP_MD5SIG_EXT
  checked(c, c.setsockopt(fd, Sol.tcp, option, bytes, bytes.length), `TCP MD5 key for ${prefix}`)
}

/** Instructions of classic BPF: code, jump if true, jump if false, operand. */
type Filter = ReadonlyArray<readonly [number, number, number, number]>
const LOAD_WORD = 0x20
const LOAD_BYTE = 0x30
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_AT_LEAST = 0x35
const RETURN = 0x06
const WHOLE = 0xffff_ffff
const NETWORK_HEADER = 0xfff00000

/** Takes packets if the hop limit of their IP header is at least `minHopLimit`. */
export function dropBelowHopLimit(c: Libc, fd: number, family: 4 | 6, minHopLimit: number): void {
  attach(c, fd, [
    [LOAD_BYTE, 0, 0, NETWORK_HEADER + (family === 4 ? 8 : 7)],
    [JUMP_IF_AT_LEAST, 0, 1, minHopLimit],
    [RETURN, 0, 0, WHOLE],
    [RETURN, 0, 0, 0],
  ])
}

/** As many instructions as the kernel takes. */
const MAX_INSTRUCTIONS = 4096

/**
 * Takes packets unless their sender is listed and the hop limit of their IP header is below the sender's. Of very many senders the least
 * of their limits counts for everybody.
 */
export function dropBelowSenderLimits(c: Libc, fd: number, family: 4 | 6, limits: readonly SenderHopLimit[]): void {
  const own = limits.filter(({ address }) => address.family === family)
  const filter = own.flatMap(({ address, minHopLimit }) => senderFilter(address, minHopLimit))
  if (filter.length >= MAX_INSTRUCTIONS) {
    return dropBelowHopLimit(c, fd, family, Math.min(...own.map(({ minHopLimit }) => minHopLimit)))
  }
  attach(c, fd, [...filter, [RETURN, 0, 0, WHOLE]])
}

/** Decides about one sender's packets; those of others go on behind it. */
function senderFilter(address: Ip, minHopLimit: number): Filter {
  const words = address.family === 4 ? 1 : 4
  const sourceAt = NETWORK_HEADER + (address.family === 4 ? 12 : 8)
  const decision: Filter = [
    [LOAD_BYTE, 0, 0, NETWORK_HEADER + (address.family === 4 ? 8 : 7)],
    [JUMP_IF_AT_LEAST, 0, 1, minHopLimit],
    [RETURN, 0, 0, WHOLE],
    [RETURN, 0, 0, 0],
  ]
  const comparison: Filter = Array.from({ length: words }, (_, i): Filter => [
    [LOAD_WORD, 0, 0, sourceAt + 4 * i],
    // Behind the other words and the decision.
    [JUMP_IF_EQUAL, 0, 2 * (words - 1 - i) + decision.length, address.word(i)],
  ]).flat()
  return [...comparison, ...decision]
}

/** Takes netlink messages unless they are about what the socket with this port asked for. */
export function dropFromPort(c: Libc, fd: number, port: number): void {
  const PORT_OFFSET = 12
  const swapped = new DataView(new ArrayBuffer(4))
  swapped.setUint32(0, port, true)
  attach(c, fd, [
    [LOAD_WORD, 0, 0, PORT_OFFSET], // read in network order, as the filter machine does
    [JUMP_IF_EQUAL, 0, 1, swapped.getUint32(0)],
    [RETURN, 0, 0, 0],
    [RETURN, 0, 0, WHOLE],
  ])
}

function attach(c: Libc, fd: number, filter: Filter): void {
  const bytes = new Uint8Array(filter.length * 8)
  const view = new DataView(bytes.buffer)
  filter.forEach(([code, ifTrue, ifFalse, operand], i) => {
    view.setUint16(i * 8, code, true)
    bytes[i * 8 + 2] = ifTrue
    bytes[i * 8 + 3] = ifFalse
    view.setUint32(i * 8 + 4, operand, true)
  })
  checked(c, c.attachFilter(fd, bytes, filter.length), 'socket filter')
}

/** Packets that the kernel dropped at this socket: filtered, or because nobody read them in time. */
export function droppedPackets(c: Libc, fd: number): number {
  const DROPS = 8
  const bytes = new Uint8Array(4 * (DROPS + 1))
  const length = new Uint8Array(4)
  length[0] = bytes.length
  if (c.getsockopt(fd, Sol.socket, SO_MEMINFO, bytes, length) < 0) return 0
  return new DataView(bytes.buffer).getUint32(4 * DROPS, true)
}
