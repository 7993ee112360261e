/**
 * Between the VPC and the underlay. Outbound: to the sled of an instance, to those with subscribers of a group, or to a switch
 * for the internet, unless the address is the rack's own. Inbound: the
 * outer headers have been taken off already; this notes whether the packet came from inside of the VPC.
 */
import { Ip, Mac } from '@lodestone/net'
import { ROW_L3 } from '@lodestone/packet'
import { isUnheard, markOf } from '../congestion-mark.ts'
import { Drop } from '../drop-reasons.ts'
import { BOUNDARY_MAC } from '../gateway/gateway-address.ts'
import { type Layer, layerOf } from '../layer.ts'
import type { PortConfig } from '../port-config.ts'
import { ipOfWords, wordsOf } from '../address-words.ts'
import { hasPorts } from '../flow-key.ts'
import { type LayerRule, RuleTable } from '../rule-table.ts'
import { TunnelEndpoints } from '../tunnel-endpoints.ts'
import { VirtualToPhysical } from '../virtual-to-physical.ts'
import { Verdict, type Walk } from '../walk.ts'
import type { LayerContext } from './layer-context.ts'

export function overlayLayer(config: PortConfig, context: LayerContext): Layer {
  const encap: LayerRule = {
    id: 'encap',
    name: 'encap',
    priority: 1,
    isDenial: false,
    predicates: [],
    act: (walk) => {
      if (walk.isMulticast) return toGroup(walk, config, context)
      return walk.route?.target.kind === 'internet-gateway'
        ? toOutside(walk, context)
        : toInstance(walk, config, context)
    },
    hits: 0,
  }
  const decap: LayerRule = {
    id: 'decap',
    name: 'decap',
    priority: 1,
    isDenial: false,
    predicates: [],
    act: (walk) => {
      walk.remoteVni = walk.isExternal ? 0 : config.vni
      if (isLostToCongestion(walk)) {
        return walk.deny(Drop.congestionUnheard, 'the underlay marked it, and its sender does not understand marks')
      }
      if (walk.isHeard) {
        walk.detail = walk.isExternal ? 'from outside of the VPC, by a switch' : `from the VPC (VNI ${config.vni})`
      }
      return Verdict.modify
    },
    hits: 0,
  }
  const deny = (walk: Walk): Verdict => walk.deny(Drop.noV2p, 'no encapsulation')
  const rulesOut = RuleTable.of([encap], deny)
  return layerOf('overlay', RuleTable.of([decap], deny), rulesOut)
}

function isLostToCongestion({ bytes, family, outerIp, row }: Walk): boolean {
  return family !== 0 && outerIp >= 0 && isUnheard(markOf(bytes, outerIp, 6), markOf(bytes, row[ROW_L3]!, family))
}

/** To an external address of the rack itself as a switch would bring it there, or else to a switch. */
function toOutside(walk: Walk, context: LayerContext): Verdict {
  const family = walk.family as 4 | 6 // because the router matched an address
  const owner = context.externalAddresses.find(walk.current, walk.dstAt, family, portOf(walk))
  if (owner === undefined) return toBoundary(walk, context, family)
  const { sled, mac, vni } = owner.mapping
  walk.etherDst = mac.bytes
  walk.encapsulation = { destination: sled.bytes, vni, option: 'external' }
  walk.dependency = owner.dependency
  if (walk.isHeard) {
    walk.detail = `${walk.dstText} is an instance’s: to ${mac} on the sled at ${sled}, VNI ${vni}, without a switch`
  }
  return Verdict.modify
}

/** What tells the owners of a shared address apart; -1 where the packet has no such thing. */
function portOf(walk: Walk): number {
  // An error's own header does not say whose it is; the switch looks into the quote.
  if (walk.isIcmpError || !hasPorts(walk.protocol)) return -1
  return walk.isIcmp ? walk.srcPort : walk.dstPort
}

/** One copy to each sled with subscribers; this one counts if it has others than the sender. */
function toGroup(walk: Walk, config: PortConfig, context: LayerContext): Verdict {
  const family = walk.family as 4 | 6 // because the router matched an address
  const remote = context.groups.sledsOf(config.vni, walk.current, walk.dstAt, family)
  const here = context.groups
    .membersOf(config.vni, walk.current, walk.dstAt, family)
    .filter((member) => !member.config.mac.equals(config.mac)).length
  const destination = here > 0 ? context.underlaySource : remote[0]
  if (destination === undefined) return walk.deny(Drop.noMember, `nobody has subscribed to ${walk.dstText}`)
  walk.etherDst = Mac.forMulticast(ipOfWords(walk.current, walk.dstAt, family)).bytes
  walk.encapsulation = { destination, vni: config.vni, option: 'multicast' }
  walk.copies = here > 0 ? remote : remote.slice(1)
  if (walk.isHeard) {
    const sleds = remote.map((bytes) => Ip.fromBytes(bytes, 0, 16).toString())
    const list = [...(here > 0 ? [`${here} on this sled`] : []), ...sleds].join(', ')
    walk.detail = `to the subscribers of ${walk.dstText}: ${list}, VNI ${config.vni}`
  }
  return Verdict.modify
}

function toBoundary(walk: Walk, context: LayerContext, family: 4 | 6): Verdict {
  const entry = context.tunnelEndpoints.find(walk.current, walk.dstAt, family)
  if (entry === undefined) return walk.deny(Drop.noV2b, `no boundary route covers ${walk.dstText}`)
  const endpoint = TunnelEndpoints.choose(entry, walk.flowHash)
  if (endpoint === undefined) {
    return walk.deny(Drop.noTunnelEndpoint, `boundary route ${entry.route.prefix} has no tunnel endpoint`)
  }
  walk.etherDst = BOUNDARY_MAC.bytes
  walk.encapsulation = { destination: endpoint.address.bytes, vni: endpoint.vni, option: 'none' }
  walk.dependency = context.versions.wayOut(walk.current, walk.dstAt, family)
  if (!walk.isHeard) return Verdict.modify
  const choice = entry.route.endpoints.length > 1 ? `, one of ${entry.route.endpoints.length}` : ''
  walk.detail = `to the switch at ${endpoint.address} (metric ${endpoint.metric}${choice}), VNI ${endpoint.vni}`
  return Verdict.modify
}

function toInstance(walk: Walk, config: PortConfig, context: LayerContext): Verdict {
  if (walk.nat !== undefined) {
    return walk.deny(Drop.externalOnInternal, `${walk.nat.externalText} cannot be used inside of the VPC`)
  }
  const family = walk.family as 4 | 6 // because the router matched an address
  const target = walk.route?.target
  const words = target?.kind === 'ip' ? wordsOf(target.ip) : walk.current
  const at = target?.kind === 'ip' ? 0 : walk.dstAt
  const entry = context.virtualToPhysical.find(config.vni, words, at, family)
  if (entry === undefined) {
    const missing = VirtualToPhysical.describe(config.vni, words, at, family)
    return walk.deny(Drop.noV2p, `no sled is known for ${missing}`)
  }
  walk.etherDst = entry.mapping.mac.bytes
  walk.encapsulation = { destination: entry.mapping.sled.bytes, vni: config.vni, option: walk.isTcp ? 'mss' : 'none' }
  walk.dependency = entry.dependency
  if (walk.isHeard) walk.detail = `to ${entry.mapping.mac} on the sled at ${entry.mapping.sled}, VNI ${config.vni}`
  return Verdict.modify
}
