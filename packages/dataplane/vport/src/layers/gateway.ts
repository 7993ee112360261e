/**
 * The gateway layer, closest to the guest: answers what the guest asks its router (ARP, DHCP, ping, neighbour
 * discovery), lets out only what carries the guest's own addresses, and lets in only what is for them.
 */
import { type Ip, Mac, Prefix } from '@lodestone/net'
import {
  EtherType,
  ethernetDstNumber,
  ethernetSrcNumber,
  Icmpv6Type,
  IpProtocol,
  ROW_ETHER_TYPE,
  UdpPort,
} from '@lodestone/packet'
import { isAddress, ipOfWords, isInPrefix, type PrefixWords, prefixWords, wordsOf } from '../address-words.ts'
import { Drop } from '../drop-reasons.ts'
import { answerArp } from '../gateway/arp-responder.ts'
import { answerDhcp4 } from '../gateway/dhcp4-server.ts'
import { answerDhcp6 } from '../gateway/dhcp6-server.ts'
import { answerEcho } from '../gateway/echo-responder.ts'
import { GATEWAY_LINK_LOCAL, GATEWAY_MAC } from '../gateway/gateway-address.ts'
import { takeGroupReport } from '../gateway/group-reports.ts'
import { answerNeighborDiscovery } from '../gateway/neighbor-responder.ts'
import { type Layer, layerOf } from '../layer.ts'
import type { IpConfig, PortConfig } from '../port-config.ts'
import type { AddressMatch, Predicate, ProtocolMatch } from '../predicate.ts'
import { type LayerRule, RuleTable } from '../rule-table.ts'
import { Verdict, type Walk } from '../walk.ts'
import type { LayerContext } from './layer-context.ts'

const LIMITED_BROADCAST4 = 0xffffffff
const NDP_FIRST = 133
const NDP_LAST = 137

export function gatewayLayer(config: PortConfig, context: LayerContext): Layer {
  const out: LayerRule[] = []
  const into: LayerRule[] = []
  if (config.ip4 !== undefined) addIpv4(config, config.ip4, context, out)
  if (config.ip6 !== undefined) addIpv6(config, config.ip6, context, out, into)
  addOwnAddresses(config, context, out, into)
  addTransit(config, context, out, into)
  addGroups(config, into)
  addJoined(config, context, out, into)
  const macNumber = config.mac.toNumber()
  const denyOut = (walk: Walk): Verdict => explainSpoof(walk, macNumber)
  const denyIn = (walk: Walk): Verdict => walk.deny(Drop.notForPort, `${walk.dstText} is not an address of this port`)
  const rulesOut = RuleTable.of(out, denyOut)
  const rulesIn = RuleTable.of(into, denyIn)
  return layerOf('gateway', rulesIn, rulesOut, {
    nearMisses: (walk, table) =>
      table.nearest(
        walk,
        3,
        (rule) =>
          rule.name === 'anti-spoof' ||
          rule.name === 'to-guest' ||
          rule.id.startsWith('transit') ||
          rule.id.startsWith('multicast'),
      ),
  })
}

function addIpv4(config: PortConfig, ip: IpConfig, context: LayerContext, out: LayerRule[]): void {
  const { arena } = context
  const mac = config.mac
  const fromGuest: Predicate = { kind: 'ether-src', macs: [mac.toNumber()] }
  const owned = ownedBy(config, ip)
  const words = new Int32Array(1)
  const isGuests = (address: number): boolean => {
    words[0] = address
    return owned.some((prefix) => isInPrefix(words, 0, 4, prefix))
  }
  out.push(
    rule('arp', 'arp-gateway', 1, [{ kind: 'ether-type', value: EtherType.arp }, fromGuest], (walk) =>
      answerArp(walk, arena, { guest: mac, gateway: ip.gateway, isGuests }),
    ),
  )
  // A renewal goes by unicast, from the leased address to the server: it must not end in the anti-spoof rule.
  const server = { mac, ip, dhcp: config.dhcp, mtuBytes: config.mtuBytes }
  const dhcp: Predicate[] = [
    fromGuest,
    protocol(IpProtocol.udp, 'udp'),
    { kind: 'src-port', ranges: [{ first: UdpPort.dhcpClient, last: UdpPort.dhcpClient }] },
    { kind: 'dst-port', ranges: [{ first: UdpPort.dhcpServer, last: UdpPort.dhcpServer }], passesIcmp: false },
    { kind: 'src', addresses: [v4(0, '0.0.0.0'), own(ip.address)] },
    { kind: 'dst', addresses: [v4(LIMITED_BROADCAST4, '255.255.255.255'), own(ip.gateway)] },
  ]
  out.push(rule('dhcp4', 'dhcp', 1, dhcp, (walk) => answerDhcp4(walk, arena, server)))
  const echo: Predicate[] = [
    fromGuest,
    protocol(IpProtocol.icmp, 'icmp echo', 8),
    { kind: 'src', addresses: [own(ip.address)] },
    { kind: 'dst', addresses: [own(ip.gateway)] },
  ]
  out.push(rule('echo4', 'echo-gateway', 1, echo, (walk) => answerEcho(walk, arena, mac)))
}

function addIpv6(config: PortConfig, ip: IpConfig, context: LayerContext, out: LayerRule[], into: LayerRule[]): void {
  const { arena } = context
  const mac = config.mac
  const fromGuest: Predicate = { kind: 'ether-src', macs: [mac.toNumber()] }
  const gateways = [GATEWAY_LINK_LOCAL, ip.gateway]
  const echo: Predicate[] = [
    fromGuest,
    protocol(IpProtocol.icmpv6, 'icmpv6 echo', 128),
    { kind: 'src', addresses: [own(ip.address), own(mac.linkLocal())] },
    { kind: 'dst', addresses: gateways.map(own) },
  ]
  out.push(rule('echo6', 'echo-gateway', 1, echo, (walk) => answerEcho(walk, arena, mac)))
  const server = { mac, ip, dhcp: config.dhcp }
  const dhcp: Predicate[] = [
    fromGuest,
    protocol(IpProtocol.udp, 'udp'),
    { kind: 'src-port', ranges: [{ first: UdpPort.dhcpv6Client, last: UdpPort.dhcpv6Client }] },
    { kind: 'dst-port', ranges: [{ first: UdpPort.dhcpv6Server, last: UdpPort.dhcpv6Server }], passesIcmp: false },
  ]
  out.push(rule('dhcp6', 'dhcp6', 1, dhcp, (walk) => answerDhcp6(walk, arena, server)))
  const ndp: Predicate = {
    kind: 'protocol',
    protocols: Array.from({ length: NDP_LAST - NDP_FIRST + 1 }, (_, i) => ({
      protocol: IpProtocol.icmpv6,
      icmpType: NDP_FIRST + i,
      icmpCodes: undefined,
      text: `icmpv6 type ${NDP_FIRST + i}`,
    })),
  }
  const owned = ownedBy(config, ip)
  // On its link the guest is alone with the gateway, so what it calls itself there is its own affair (RFC 7217).
  const isGuests = (address: Ip): boolean =>
    address.isLinkLocal || owned.some((prefix) => isInPrefix(wordsOf(address), 0, 6, prefix))
  out.push(
    rule('ndp', 'neighbor-discovery', 3, [fromGuest, ndp], (walk) =>
      answerNeighborDiscovery(walk, arena, { guest: mac, gateways, mtuBytes: config.mtuBytes, isGuests }),
    ),
  )
  into.push(
    rule('ndp-in', 'neighbor-discovery', 1, [ndp], (walk) =>
      walk.deny(Drop.ndpOther, 'neighbour discovery does not cross the gateway'),
    ),
  )
}

function addOwnAddresses(config: PortConfig, context: LayerContext, out: LayerRule[], into: LayerRule[]): void {
  const addresses: AddressMatch[] = []
  if (config.ip4 !== undefined) addresses.push(own(config.ip4.address))
  if (config.ip6 !== undefined) addresses.push(own(config.ip6.address))
  const mac = config.mac.toNumber()
  const source: Predicate[] = [
    { kind: 'ether-src', macs: [mac] },
    { kind: 'src', addresses },
  ]
  out.push(rule('anti-spoof', 'anti-spoof', 1000, source, (walk) => leave(walk, config, context)))
  const destination: Predicate[] = [
    { kind: 'ether-dst', macs: [mac] },
    { kind: 'dst', addresses },
  ]
  into.push(rule('to-guest', 'to-guest', 1000, destination, arrive))
}

function addTransit(config: PortConfig, context: LayerContext, out: LayerRule[], into: LayerRule[]): void {
  const mac = config.mac.toNumber()
  for (const transit of config.transitIps) {
    const prefixes = [prefixWords(transit.prefix)]
    const id = `transit ${transit.prefix}`
    if (transit.allowOut) {
      const source: Predicate[] = [
        { kind: 'ether-src', macs: [mac] },
        { kind: 'src-prefix', prefixes },
      ]
      out.push(rule(id, id, 1000, source, (walk) => leave(walk, config, context)))
    }
    if (transit.allowIn) {
      const destination: Predicate[] = [
        { kind: 'ether-dst', macs: [mac] },
        { kind: 'dst-prefix', prefixes },
      ]
      into.push(rule(id, id, 1000, destination, arrive))
    }
  }
}

function addGroups(config: PortConfig, into: LayerRule[]): void {
  for (const subscription of config.multicast ?? []) {
    const { group, mode, sources } = subscription
    const id = `multicast ${group}`
    const predicates: Predicate[] = [
      { kind: 'ether-dst', macs: [Mac.forMulticast(group).toNumber()] },
      { kind: 'dst', addresses: [own(group)] },
    ]
    const words = sources.map(wordsOf)
    const act = (walk: Walk): Verdict => {
      const isListed = words.some((source) => isAddress(walk.current, 0, group.family, source))
      if (isListed === (mode === 'include')) return arrive(walk)
      const rule = mode === 'include' ? 'is not among the sources' : 'is among the sources that are not'
      return walk.deny(Drop.multicastSource, `${walk.srcText} ${rule} wanted of ${group}`)
    }
    into.push(rule(id, id, 1001, predicates, act))
  }
}

/** What the guest says about groups, and what comes for those that it has joined. */
function addJoined(config: PortConfig, { joined }: LayerContext, out: LayerRule[], into: LayerRule[]): void {
  const fromGuest: Predicate = { kind: 'ether-src', macs: [config.mac.toNumber()] }
  const take = (walk: Walk): Verdict => takeGroupReport(walk, joined)
  if (config.ip4 !== undefined) {
    const src: Predicate = { kind: 'src', addresses: [v4(0, '0.0.0.0'), own(config.ip4.address)] }
    out.push(rule('igmp', 'groups', 1, [fromGuest, protocol(IpProtocol.igmp, 'igmp'), src], take))
  }
  if (config.ip6 !== undefined) {
    const types = [
      Icmpv6Type.listenerQuery,
      Icmpv6Type.listenerReport,
      Icmpv6Type.listenerDone,
      Icmpv6Type.listenerReportV2,
    ]
    const protocols = types.map((icmpType) => ({
      protocol: IpProtocol.icmpv6,
      icmpType,
      icmpCodes: undefined,
      text: `icmpv6 type ${icmpType}`,
    }))
    out.push(rule('mld', 'groups', 1, [fromGuest, { kind: 'protocol', protocols }], take))
  }
  // Those of the configuration have been asked for already.
  const groups: Predicate = {
    kind: 'dst-prefix',
    prefixes: ['224.0.0.0/4', 'ff00::/8'].map((text) => prefixWords(Prefix.of(text))),
  }
  const isForGroup = (walk: Walk, family: 4 | 6): boolean =>
    ethernetDstNumber(walk.bytes, walk.start) ===
    Mac.forMulticast(ipOfWords(walk.current, walk.dstAt, family)).toNumber()
  const act = (walk: Walk): Verdict | undefined => {
    const family = walk.family as 4 | 6 // because the destination matched
    const isWanted = joined.admits(walk.current, 0, walk.dstAt, family)
    if (isWanted === undefined || !isForGroup(walk, family)) return undefined
    if (isWanted) return arrive(walk)
    return walk.deny(Drop.multicastSource, `${walk.srcText} is no source that the guest wants of ${walk.dstText}`)
  }
  into.push(rule('joined', 'joined-groups', 1002, [groups], act))
}

/** Notes whether the destination is in the VPC: the firewall's VPC rules ask for it. */
function leave(walk: Walk, config: PortConfig, context: LayerContext): Verdict {
  const family = walk.family as 4 | 6 // because the source address matched
  const isInside =
    walk.isMulticast || context.virtualToPhysical.find(config.vni, walk.current, walk.dstAt, family) !== undefined
  walk.remoteVni = isInside ? config.vni : 0
  if (walk.isHeard) walk.detail = `${walk.srcText} is the guest’s`
  return Verdict.allow
}

function arrive(walk: Walk): Verdict {
  walk.etherSrc = GATEWAY_MAC.bytes
  if (walk.isHeard) walk.detail = `${walk.dstText} is the guest’s`
  return Verdict.modify
}

function explainSpoof(walk: Walk, mac: number): Verdict {
  if (ethernetSrcNumber(walk.bytes, walk.start) !== mac) {
    return walk.deny(Drop.spoofMac, 'the source MAC address is not the port’s')
  }
  const etherType = walk.row[ROW_ETHER_TYPE]
  if (etherType === EtherType.arp) return walk.deny(Drop.arpOther, 'the port has no IPv4 address')
  if (walk.family === 0) return walk.deny(Drop.notIp, 'neither ARP nor a protocol that is carried')
  if (walk.protocol === IpProtocol.icmpv6 && walk.icmpType >= NDP_FIRST && walk.icmpType <= NDP_LAST) {
    return walk.deny(Drop.ndpOther, 'the port has no IPv6 address')
  }
  return walk.deny(Drop.spoofIp, `${walk.srcText} is not an address of this port`)
}

/** What a guest may send from. */
function ownedBy(config: PortConfig, ip: IpConfig): PrefixWords[] {
  const transit = config.transitIps.filter(({ prefix, allowOut }) => allowOut && prefix.family === ip.address.family)
  return [Prefix.host(ip.address), ...transit.map(({ prefix }) => prefix)].map(prefixWords)
}

function own(ip: Ip): AddressMatch {
  return { family: ip.family, words: wordsOf(ip), text: ip.toString() }
}

function v4(value: number, text: string): AddressMatch {
  return { family: 4, words: Int32Array.of(value | 0, 0, 0, 0), text }
}

function protocol(number: number, text: string, icmpType = -1): Predicate {
  const protocols: ProtocolMatch[] = [{ protocol: number, icmpType, icmpCodes: undefined, text }]
  return { kind: 'protocol', protocols }
}

function rule(
  id: string,
  name: string,
  priority: number,
  predicates: readonly Predicate[],
  act: (walk: Walk) => Verdict | undefined,
): LayerRule {
  // What tells packets apart is asked first: nearly all of them come from the guest's MAC address.
  const isMac = (predicate: Predicate): boolean => predicate.kind === 'ether-src'
  const ordered = [...predicates.filter((each) => !isMac(each)), ...predicates.filter(isMac)]
  return { id, name, priority, isDenial: false, predicates: ordered, act, hits: 0 }
}
