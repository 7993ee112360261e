/** What DHCPv4 messages say (RFC 2131 §2, RFC 2132, classless static routes RFC 3442), read and written as values. */
import { Ip, type Mac, Prefix } from '@lodestone/net'
import {
  checkDhcp,
  DHCP_MIN,
  dhcpChaddrWord,
  DhcpMessageType,
  DhcpOperation,
  dhcpOp,
  DhcpOptionCode,
  dhcpOptionsWireLength,
  dhcpXid,
  dhcpYiaddr,
  readDhcpOptions,
  writeDhcp,
  writeDhcpOptions,
} from '@lodestone/packet'

export interface DhcpRoute {
  readonly prefix: Prefix
  /** Undefined: the prefix is on the link. */
  readonly via: Ip | undefined
}

/** An answer of a server. */
export interface DhcpReply {
  readonly type: 'offer' | 'ack' | 'nak'
  readonly xid: number
  /** The address for us; undefined in a NAK. */
  readonly address: Ip | undefined
  readonly prefixLength: number
  readonly server: Ip | undefined
  readonly leaseS: number
  readonly renewS: number | undefined
  readonly rebindS: number | undefined
  /** In the order to be set up: what is on the link comes first. */
  readonly routes: readonly DhcpRoute[]
  readonly dns: readonly Ip[]
  readonly hostName: string | undefined
  readonly domainName: string | undefined
  readonly mtuBytes: number | undefined
}

export interface DhcpRequest {
  readonly type: 'discover' | 'request' | 'release'
  readonly xid: number
  readonly elapsedS: number
  readonly mac: Mac
  /** The address we have (renewing), else undefined. */
  readonly current: Ip | undefined
  /** The address we ask for (after an offer), else undefined. */
  readonly requested: Ip | undefined
  readonly server: Ip | undefined
  readonly hostName: string | undefined
}

/** RFC 1542 §2.1: relays may drop shorter messages. */
const SHORTEST = 300
const WANTED = [
  DhcpOptionCode.subnetMask,
  DhcpOptionCode.router,
  DhcpOptionCode.dns,
  DhcpOptionCode.hostName,
  DhcpOptionCode.domainName,
  DhcpOptionCode.interfaceMtu,
  DhcpOptionCode.leaseTimeS,
  DhcpOptionCode.renewalTimeS,
  DhcpOptionCode.rebindingTimeS,
  DhcpOptionCode.classlessRoutes,
]
const INFINITE_S = 0xffffffff
const DEFAULT_LEASE_S = 3600

export function encodeRequest(request: DhcpRequest): Uint8Array {
  const options = new Map<number, Uint8Array>()
  options.set(DhcpOptionCode.messageType, Uint8Array.of(DhcpMessageType[request.type]))
  options.set(DhcpOptionCode.clientId, Uint8Array.of(1, ...request.mac.bytes))
  if (request.requested !== undefined) options.set(DhcpOptionCode.requestedAddress, request.requested.bytes)
  if (request.server !== undefined) options.set(DhcpOptionCode.serverId, request.server.bytes)
  if (request.hostName !== undefined) options.set(DhcpOptionCode.hostName, new TextEncoder().encode(request.hostName))
  // RFC 2131 table 5: who releases asks for nothing.
  if (request.type !== 'release') {
    options.set(DhcpOptionCode.maxMessageSize, Uint8Array.of(1500 >> 8, 1500 & 0xff))
    options.set(DhcpOptionCode.parameterRequestList, Uint8Array.from(WANTED))
  }
  const message = new Uint8Array(Math.max(SHORTEST, DHCP_MIN + dhcpOptionsWireLength(options)))
  const chaddr = new Uint8Array(16)
  chaddr.set(request.mac.bytes)
  writeDhcp(message, 0, {
    op: DhcpOperation.request,
    xid: request.xid,
    secs: Math.min(0xffff, request.elapsedS),
    ciaddr: request.current?.word(0) ?? 0,
    chaddr,
  })
  writeDhcpOptions(message, DHCP_MIN, options)
  return message
}

/** @returns undefined when the bytes are not an answer of a server for `mac`. */
export function decodeReply(bytes: Uint8Array, mac: Mac): DhcpReply | undefined {
  if (checkDhcp(bytes, 0, bytes.length) < 0 || dhcpOp(bytes, 0) !== DhcpOperation.reply) return undefined
  const isOurs =
    dhcpChaddrWord(bytes, 0, 0) === Math.floor(mac.toNumber() / 0x10000) &&
    dhcpChaddrWord(bytes, 0, 1) >>> 16 === mac.toNumber() % 0x10000
  const options = readDhcpOptions(bytes, DHCP_MIN, bytes.length)
  if (!isOurs || options === undefined) return undefined
  const type = replyType(options.get(DhcpOptionCode.messageType)?.[0])
  if (type === undefined) return undefined
  const address = dhcpYiaddr(bytes, 0) === 0 ? undefined : Ip.v4(dhcpYiaddr(bytes, 0))
  if (type !== 'nak' && (address === undefined || address.isMulticast || address.isLoopback)) return undefined
  const mask = options.get(DhcpOptionCode.subnetMask)
  return {
    type,
    xid: dhcpXid(bytes, 0),
    address,
    prefixLength: mask === undefined ? 24 : maskLength(mask),
    server: addresses(options.get(DhcpOptionCode.serverId))[0],
    leaseS: number(options.get(DhcpOptionCode.leaseTimeS), 4) ?? DEFAULT_LEASE_S,
    renewS: number(options.get(DhcpOptionCode.renewalTimeS), 4),
    rebindS: number(options.get(DhcpOptionCode.rebindingTimeS), 4),
    routes: routesOf(options, address, mask === undefined ? 24 : maskLength(mask)),
    dns: addresses(options.get(DhcpOptionCode.dns)),
    hostName: text(options.get(DhcpOptionCode.hostName)),
    domainName: text(options.get(DhcpOptionCode.domainName)),
    mtuBytes: number(options.get(DhcpOptionCode.interfaceMtu), 2),
  }
}

export function isInfinite(seconds: number): boolean {
  return seconds === INFINITE_S
}

function replyType(code: number | undefined): DhcpReply['type'] | undefined {
  switch (code) {
    case DhcpMessageType.offer:
      return 'offer'
    case DhcpMessageType.ack:
      return 'ack'
    case DhcpMessageType.nak:
      return 'nak'
    default:
      return undefined
  }
}

/** RFC 3442: where classless routes are given, the router option is not looked at. */
function routesOf(
  options: ReadonlyMap<number, Uint8Array>,
  address: Ip | undefined,
  prefixLength: number,
): readonly DhcpRoute[] {
  const classless = options.get(DhcpOptionCode.classlessRoutes)
  const parsed = classless === undefined ? undefined : decodeRoutes(classless)
  if (parsed !== undefined) return parsed
  const router = addresses(options.get(DhcpOptionCode.router))[0]
  if (router === undefined || address === undefined) return []
  const toAll: DhcpRoute = { prefix: new Prefix(Ip.v4(0), 0), via: router }
  // A router outside of our subnet (a /32 lease) must be a neighbor all the same.
  if (new Prefix(address, prefixLength).contains(router)) return [toAll]
  return [{ prefix: Prefix.host(router), via: undefined }, toAll]
}

/** Option 121: prefix length, as many octets of the prefix as it needs, next hop. Undefined when malformed. */
export function decodeRoutes(data: Uint8Array): DhcpRoute[] | undefined {
  const routes: DhcpRoute[] = []
  for (let at = 0; at < data.length;) {
    const length = data[at]!
    const octets = Math.ceil(length / 8)
    if (length > 32 || at + 1 + octets + 4 > data.length) return undefined
    const prefix = new Uint8Array(4)
    prefix.set(data.subarray(at + 1, at + 1 + octets))
    const via = Ip.fromBytes(data, at + 1 + octets, 4)
    routes.push({
      prefix: new Prefix(Ip.fromBytes(prefix, 0, 4), length).masked(),
      via: via.isUnspecified ? undefined : via,
    })
    at += 1 + octets + 4
  }
  return routes.sort((a, b) => Number(a.via !== undefined) - Number(b.via !== undefined))
}

export function encodeRoutes(routes: readonly DhcpRoute[]): Uint8Array {
  const out: number[] = []
  for (const { prefix, via } of routes) {
    out.push(prefix.length, ...prefix.address.bytes.subarray(0, Math.ceil(prefix.length / 8)))
    out.push(...(via?.bytes ?? [0, 0, 0, 0]))
  }
  return Uint8Array.from(out)
}

function addresses(data: Uint8Array | undefined): Ip[] {
  const out: Ip[] = []
  for (let at = 0; data !== undefined && at + 4 <= data.length; at += 4) out.push(Ip.fromBytes(data, at, 4))
  return out
}

/** Ones from the left; a mask with holes counts up to the first. */
function maskLength(mask: Uint8Array): number {
  const word = mask.length < 4 ? 0 : Ip.fromBytes(mask, 0, 4).word(0)
  return Math.clz32(~word)
}

function number(data: Uint8Array | undefined, length: number): number | undefined {
  if (data === undefined || data.length !== length) return undefined
  return data.reduce((value, byte) => value * 256 + byte, 0)
}

function text(data: Uint8Array | undefined): string | undefined {
  return data === undefined ? undefined : new TextDecoder().decode(data).replace(/\0+$/, '')
}
