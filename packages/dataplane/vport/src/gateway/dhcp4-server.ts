/**
 * The DHCP server that the guest sees (RFC 2131, options of RFC 2132, 3397, 3442). The address is a /32 and classless
 * routes make the gateway on-link, so that everything goes through the gateway. Answers Discover, Request (from any
 * state, also renewals by unicast) and Inform; Release and Decline are taken note of and change nothing.
 */
import type { Arena } from '@lodestone/frame'
import type { Ip, Mac } from '@lodestone/net'
import {
  checkDhcp,
  DHCP_MAGIC_COOKIE,
  DHCP_MIN,
  dhcpCiaddr,
  dhcpFlags,
  DhcpMessageType,
  dhcpOp,
  DhcpOperation,
  DhcpOptionCode,
  dhcpOptionsWireLength,
  dhcpXid,
  ETHERNET_MIN,
  EtherType,
  formatIpv4,
  IPV4_MIN,
  IpProtocol,
  nameOf,
  readDhcpChaddr,
  readDhcpOptions,
  ROW_END,
  ROW_PAYLOAD,
  setEthernetDst,
  UDP_MIN,
  UdpPort,
  writeDhcp,
  writeDhcpOptions,
  writeUdp,
} from '@lodestone/packet'
import { Drop } from '../drop-reasons.ts'
import type { DhcpConfig, IpConfig } from '../port-config.ts'
import { Verdict, type Walk } from '../walk.ts'
import { finishIpv4, newReply } from './reply-frame.ts'

export const LEASE_S = 86_400
const BROADCAST_FLAG = 0x8000
const LIMITED_BROADCAST = 0xffffffff
/** RFC 951: a BOOTP message is never shorter, and some clients insist. */
const SMALLEST_MESSAGE = 300

export interface Dhcp4Server {
  readonly mac: Mac
  readonly ip: IpConfig
  readonly dhcp: DhcpConfig
  readonly mtuBytes: number
}

export function answerDhcp4(walk: Walk, arena: Arena, server: Dhcp4Server): Verdict {
  const bytes = walk.bytes
  const at = walk.row[ROW_PAYLOAD]!
  const end = walk.row[ROW_END]!
  if (checkDhcp(bytes, at, end) < 0 || dhcpOp(bytes, at) !== DhcpOperation.request) {
    return walk.deny(Drop.dhcpBad, 'not a DHCP request')
  }
  const options = readDhcpOptions(bytes, at + DHCP_MIN, end)
  const type = options?.get(DhcpOptionCode.messageType)?.[0]
  if (options === undefined || type === undefined) return walk.deny(Drop.dhcpBad, 'malformed DHCP options')
  if (!isClientOf(bytes, at, server.mac))
    return walk.deny(Drop.dhcpBad, 'the client hardware address is not the port’s')
  const name = nameOf(DhcpMessageType, type)
  const chosen = options.get(DhcpOptionCode.serverId)
  if (chosen !== undefined && !isBytes(chosen, server.ip.gateway)) {
    return walk.deny(Drop.dhcpBad, `DHCP ${name} for another server`)
  }
  switch (type) {
    case DhcpMessageType.discover:
      return reply(walk, arena, server, options, DhcpMessageType.offer, server.ip.address.word(0))
    case DhcpMessageType.request: {
      const wanted = requestedAddress(bytes, at, options)
      if (wanted !== server.ip.address.word(0)) {
        walk.detail = `DHCP request for ${formatIpv4(wanted)} refused`
        return reply(walk, arena, server, options, DhcpMessageType.nak, 0)
      }
      return reply(walk, arena, server, options, DhcpMessageType.ack, wanted)
    }
    case DhcpMessageType.inform:
      return reply(walk, arena, server, options, DhcpMessageType.ack, 0)
    case DhcpMessageType.release:
    case DhcpMessageType.decline:
      walk.detail = `DHCP ${name} noted; the address stays reserved`
      return Verdict.hairpin
    default:
      return walk.deny(Drop.dhcpBad, `DHCP message type ${type} does not come from a client`)
  }
}

/** RFC 2131 §4.3.2: option 50 when selecting or rebooting, `ciaddr` when renewing or rebinding. */
function requestedAddress(bytes: Uint8Array, at: number, options: ReadonlyMap<number, Uint8Array>): number {
  const option = options.get(DhcpOptionCode.requestedAddress)
  return option?.length === 4 ? readWord(option) : dhcpCiaddr(bytes, at)
}

function reply(
  walk: Walk,
  arena: Arena,
  server: Dhcp4Server,
  asked: ReadonlyMap<number, Uint8Array>,
  type: number,
  yourAddress: number,
): Verdict {
  const request = walk.row[ROW_PAYLOAD]!
  const isNak = type === DhcpMessageType.nak
  const isInform = type === DhcpMessageType.ack && yourAddress === 0
  const options = replyOptions(server, asked, type, isNak, isInform)
  const messageBytes = Math.max(SMALLEST_MESSAGE, DHCP_MIN + dhcpOptionsWireLength(options))
  const slot = newReply(arena, server.mac, EtherType.ipv4, IPV4_MIN + UDP_MIN + messageBytes)
  if (slot < 0) return walk.deny(Drop.noBuffer, 'no buffer for the DHCP reply')
  const bytes = arena.bytes
  const udp = arena.start(slot) + ETHERNET_MIN + IPV4_MIN
  const message = udp + UDP_MIN
  const gateway = server.ip.gateway.word(0)
  const clientAddress = dhcpCiaddr(walk.bytes, request)
  const flags = dhcpFlags(walk.bytes, request)
  bytes.fill(0, message, message + messageBytes)
  writeDhcp(bytes, message, {
    op: DhcpOperation.reply,
    hardwareType: 1,
    hardwareLength: 6,
    xid: dhcpXid(walk.bytes, request),
    flags,
    ciaddr: isNak ? 0 : clientAddress,
    yiaddr: yourAddress,
    siaddr: isNak ? 0 : gateway,
    chaddr: readDhcpChaddr(walk.bytes, request),
    cookie: DHCP_MAGIC_COOKIE,
  })
  writeDhcpOptions(bytes, message + DHCP_MIN, options)
  writeUdp(bytes, udp, {
    srcPort: UdpPort.dhcpServer,
    dstPort: UdpPort.dhcpClient,
    length: UDP_MIN + messageBytes,
    checksum: 0,
  })
  // RFC 2131 §4.1: to the client's address when it has one, else by broadcast if it asks, else to the new address. A
  // refusal goes to everyone, because the client may believe in an address that is not its own.
  const isBroadcast = isNak || (clientAddress === 0 && (flags & BROADCAST_FLAG) !== 0)
  const destination = isBroadcast ? LIMITED_BROADCAST : clientAddress !== 0 ? clientAddress : yourAddress
  if (isBroadcast) setEthernetDst(bytes, arena.start(slot), ETHERNET_BROADCAST)
  finishIpv4(arena, slot, IpProtocol.udp, gateway, destination, UDP_MIN + messageBytes)
  walk.hairpin = slot
  if (!isNak) walk.detail = `DHCP ${nameOf(DhcpMessageType, type)} of ${server.ip.address}`
  return Verdict.hairpin
}

const ETHERNET_BROADCAST = new Uint8Array(6).fill(0xff)

/**
 * RFC 2131 §4.3.1: the type, the server and the lease always; of the others those in the client's parameter request
 * list, in its order. A client without such a list gets everything.
 */
function replyOptions(
  server: Dhcp4Server,
  asked: ReadonlyMap<number, Uint8Array>,
  type: number,
  isNak: boolean,
  isInform: boolean,
): Map<number, Uint8Array> {
  const gateway = server.ip.gateway
  const options = new Map<number, Uint8Array>([
    [DhcpOptionCode.messageType, new Uint8Array([type])],
    [DhcpOptionCode.serverId, gateway.bytes],
  ])
  if (isNak) return options
  if (!isInform) options.set(DhcpOptionCode.leaseTimeS, wordBytes(LEASE_S))
  const available = offeredOptions(server, isInform)
  const wanted = asked.get(DhcpOptionCode.parameterRequestList) ?? available.keys()
  for (const code of wanted) {
    const value = available.get(code)
    if (value !== undefined) options.set(code, value)
  }
  return options
}

function offeredOptions(server: Dhcp4Server, isInform: boolean): Map<number, Uint8Array> {
  const { ip, dhcp } = server
  const gateway = ip.gateway.bytes
  const options = new Map<number, Uint8Array>([
    [DhcpOptionCode.subnetMask, wordBytes(0xffffffff)],
    [DhcpOptionCode.router, gateway],
    // RFC 3442: width, significant octets of the destination, router; 0.0.0.0 means on the link.
    [DhcpOptionCode.classlessRoutes, new Uint8Array([32, ...gateway, 0, 0, 0, 0, 0, ...gateway])],
  ])
  const dns = dhcp.dns.filter((server) => server.family === 4)
  if (dns.length > 0) options.set(DhcpOptionCode.dns, joinBytes(dns.map((server) => server.bytes)))
  if (dhcp.hostname !== undefined) options.set(DhcpOptionCode.hostName, asciiBytes(dhcp.hostname))
  if (dhcp.domain !== undefined) options.set(DhcpOptionCode.domainName, asciiBytes(dhcp.domain))
  options.set(DhcpOptionCode.interfaceMtu, new Uint8Array([server.mtuBytes >> 8, server.mtuBytes & 0xff]))
  if (!isInform) {
    options.set(DhcpOptionCode.renewalTimeS, wordBytes(LEASE_S / 2))
    options.set(DhcpOptionCode.rebindingTimeS, wordBytes((LEASE_S * 7) / 8))
  }
  if (dhcp.searchDomains !== undefined && dhcp.searchDomains.length > 0) {
    options.set(DhcpOptionCode.domainSearch, joinBytes(dhcp.searchDomains.map(domainBytes)))
  }
  return options
}

/** A domain name as DNS labels (RFC 1035 §3.1), uncompressed. */
export function domainBytes(domain: string): Uint8Array {
  const labels = domain.split('.').filter((label) => label !== '')
  return joinBytes([...labels.map((label) => new Uint8Array([label.length, ...asciiBytes(label)])), new Uint8Array(1)])
}

function isClientOf(bytes: Uint8Array, at: number, mac: Mac): boolean {
  const chaddr = readDhcpChaddr(bytes, at)
  return mac.bytes.every((byte, i) => chaddr[i] === byte)
}

function isBytes(bytes: Uint8Array, ip: Ip): boolean {
  return bytes.length === ip.bytes.length && ip.bytes.every((byte, i) => bytes[i] === byte)
}

function readWord(bytes: Uint8Array): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0
}

function wordBytes(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value])
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0x7f)
}
