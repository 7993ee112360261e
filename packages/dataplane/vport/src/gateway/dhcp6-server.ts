/**
 * The DHCPv6 server that the guest sees (RFC 8415): one address for ever, from the gateway. Answers Solicit (with Rapid
 * Commit at once), Request, Renew, Rebind, Confirm and Information-request; Release and Decline change nothing.
 * NOT IMPLEMENTED: relays, prefix delegation, temporary addresses, several identity associations in one message.
 */
import type { Arena } from '@lodestone/frame'
import type { Mac } from '@lodestone/net'
import {
  type Dhcp6Message,
  Dhcp6Option,
  dhcp6Options,
  Dhcp6Type,
  ETHERNET_MIN,
  EtherType,
  IPV6_MIN,
  IpProtocol,
  linkLayerDuid,
  readDhcp6,
  readIpv6Src,
  ROW_END,
  ROW_L3,
  ROW_PAYLOAD,
  UDP_MIN,
  UdpPort,
  writeDhcp6,
  writeUdp,
} from '@lodestone/packet'
import { Drop } from '../drop-reasons.ts'
import type { DhcpConfig, IpConfig } from '../port-config.ts'
import { Verdict, type Walk } from '../walk.ts'
import { domainBytes, joinBytes } from './dhcp4-server.ts'
import { GATEWAY_LINK_LOCAL, GATEWAY_MAC } from './gateway-address.ts'
import { finishIpv6, newReply } from './reply-frame.ts'

export interface Dhcp6Server {
  readonly mac: Mac
  readonly ip: IpConfig
  readonly dhcp: DhcpConfig
}

const SERVER_DUID = linkLayerDuid(GATEWAY_MAC.bytes)
const INFINITY = [0xff, 0xff, 0xff, 0xff]
const STATUS_NOT_ON_LINK = new Uint8Array([0, 4])
const STATUS_SUCCESS = new Uint8Array([0, 0])
const HOP_LIMIT = 64

export function answerDhcp6(walk: Walk, arena: Arena, server: Dhcp6Server): Verdict {
  const message = readDhcp6(walk.bytes, walk.row[ROW_PAYLOAD]!, walk.row[ROW_END]!)
  if (message === undefined) return walk.deny(Drop.dhcpBad, 'malformed DHCPv6 message')
  const problem = problemOf(message)
  if (problem !== undefined) return walk.deny(Drop.dhcpBad, problem)
  const isRapid = message.options.has(Dhcp6Option.rapidCommit)
  switch (message.type) {
    case Dhcp6Type.solicit: {
      const type = isRapid ? Dhcp6Type.reply : Dhcp6Type.advertise
      return reply(walk, arena, server, message, type, addressOptions(server, message, isRapid))
    }
    case Dhcp6Type.request:
    case Dhcp6Type.renew:
    case Dhcp6Type.rebind:
      return reply(walk, arena, server, message, Dhcp6Type.reply, addressOptions(server, message, false))
    case Dhcp6Type.confirm: {
      const status = isOurAddress(server, message) ? STATUS_SUCCESS : STATUS_NOT_ON_LINK
      return reply(walk, arena, server, message, Dhcp6Type.reply, [[Dhcp6Option.statusCode, status]])
    }
    case Dhcp6Type.informationRequest:
      return reply(walk, arena, server, message, Dhcp6Type.reply, [])
    default:
      return reply(walk, arena, server, message, Dhcp6Type.reply, [[Dhcp6Option.statusCode, STATUS_SUCCESS]])
  }
}

/** RFC 8415 §16: which options a message must and must not have. */
function problemOf(message: Dhcp6Message): string | undefined {
  const { options, type } = message
  const serverId = options.get(Dhcp6Option.serverId)?.[0]
  const isOurs = serverId !== undefined && SERVER_DUID.every((byte, i) => serverId[i] === byte)
  switch (type) {
    case Dhcp6Type.solicit:
    case Dhcp6Type.confirm:
    case Dhcp6Type.rebind:
      if (serverId !== undefined) return 'a DHCPv6 message for every server names one'
      break
    case Dhcp6Type.request:
    case Dhcp6Type.renew:
    case Dhcp6Type.release:
    case Dhcp6Type.decline:
      if (!isOurs) return 'a DHCPv6 message for another server'
      break
    case Dhcp6Type.informationRequest:
      return serverId !== undefined && !isOurs ? 'a DHCPv6 message for another server' : undefined
    default:
      return `DHCPv6 message type ${type} does not come from a client`
  }
  return options.has(Dhcp6Option.clientId) ? undefined : 'a DHCPv6 message without client identifier'
}

function addressOptions(server: Dhcp6Server, message: Dhcp6Message, isRapid: boolean): [number, Uint8Array][] {
  const options: [number, Uint8Array][] = []
  const asked = message.options.get(Dhcp6Option.iaNa)?.[0]
  if (asked !== undefined && asked.length >= 12) {
    const address = new Uint8Array([...server.ip.address.bytes, ...INFINITY, ...INFINITY])
    const inner = dhcp6Options([[Dhcp6Option.iaAddress, address]])
    options.push([Dhcp6Option.iaNa, new Uint8Array([...asked.slice(0, 4), ...INFINITY, ...INFINITY, ...inner])])
  }
  if (isRapid) options.push([Dhcp6Option.rapidCommit, new Uint8Array(0)])
  return options
}

/** Whether the address that the client believes to have is its own. */
function isOurAddress(server: Dhcp6Server, message: Dhcp6Message): boolean {
  const association = message.options.get(Dhcp6Option.iaNa)?.[0]
  // IAID, T1 and T2 come first, then an address option with its header.
  const at = 12 + 4
  return association !== undefined && server.ip.address.bytes.every((byte, i) => association[at + i] === byte)
}

function reply(
  walk: Walk,
  arena: Arena,
  server: Dhcp6Server,
  message: Dhcp6Message,
  type: number,
  answers: readonly [number, Uint8Array][],
): Verdict {
  const clientId = message.options.get(Dhcp6Option.clientId)?.[0]
  const dns = server.dhcp.dns.filter((resolver) => resolver.family === 6).map((resolver) => resolver.bytes)
  const search = (server.dhcp.searchDomains ?? []).map(domainBytes)
  const options: [number, Uint8Array][] = [[Dhcp6Option.serverId, SERVER_DUID]]
  if (clientId !== undefined) options.unshift([Dhcp6Option.clientId, clientId])
  options.push(...answers)
  if (dns.length > 0) options.push([Dhcp6Option.dns, joinBytes(dns)])
  if (search.length > 0) options.push([Dhcp6Option.domainSearch, joinBytes(search)])
  const answer = writeDhcp6(type, message.transaction, options)
  const messageBytes = UDP_MIN + answer.length
  const slot = newReply(arena, server.mac, EtherType.ipv6, IPV6_MIN + messageBytes)
  if (slot < 0) return walk.deny(Drop.noBuffer, 'no buffer for the DHCPv6 reply')
  const { bytes } = arena
  const udp = arena.start(slot) + ETHERNET_MIN + IPV6_MIN
  writeUdp(bytes, udp, {
    srcPort: UdpPort.dhcpv6Server,
    dstPort: UdpPort.dhcpv6Client,
    length: messageBytes,
    checksum: 0,
  })
  bytes.set(answer, udp + UDP_MIN)
  const client = readIpv6Src(walk.bytes, walk.row[ROW_L3]!)
  finishIpv6(arena, slot, IpProtocol.udp, GATEWAY_LINK_LOCAL.bytes, client, messageBytes, HOP_LIMIT)
  walk.hairpin = slot
  walk.detail = `DHCPv6 answer about ${server.ip.address}`
  return Verdict.hairpin
}
