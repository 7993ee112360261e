/**
 * Between the VPC and the underlay. Outbound: to the sled of an instance, or to a switch for the internet. Inbound: the
 * outer headers have been taken off already; this notes whether the packet came from inside of the VPC.
 */
import { Drop } from '../drop-reasons.ts'
import { BOUNDARY_MAC } from '../gateway/gateway-address.ts'
import type { Layer } from '../layer.ts'
import type { PortConfig } from '../port-config.ts'
import { wordsOf } from '../address-words.ts'
import { type LayerRule, RuleTable } from '../rule-table.ts'
import { TunnelEndpoints } from '../tunnel-endpoints.ts'
import { TUNNEL_ENDPOINTS_DEPENDENCY } from '../versions.ts'
import { VirtualToPhysical } from '../virtual-to-physical.ts'
import { Verdict, type Walk } from '../walk.ts'
import type { LayerContext } from './layer-context.ts'

export function overlayLayer(config: PortConfig, context: LayerContext, previous: Layer | undefined): Layer {
  const encap: LayerRule = {
    id: 'encap',
    name: 'encap',
    priority: 1,
    isDenial: false,
    predicates: [],
    act: (walk) =>
      walk.route?.target.kind === 'internet-gateway' ? toBoundary(walk, context) : toInstance(walk, config, context),
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
      if (walk.isHeard) {
        walk.detail = walk.isExternal ? 'from outside of the VPC, by a switch' : `from the VPC (VNI ${config.vni})`
      }
      return Verdict.modify
    },
    hits: 0,
  }
  const deny = (walk: Walk): Verdict => walk.deny(Drop.noV2p, 'no encapsulation')
  return {
    name: 'overlay',
    rulesOut: new RuleTable([encap], deny, previous?.rulesOut),
    rulesIn: new RuleTable([decap], deny, previous?.rulesIn),
  }
}

function toBoundary(walk: Walk, context: LayerContext): Verdict {
  const family = walk.family as 4 | 6 // because the router matched an address
  const entry = context.tunnelEndpoints.find(walk.current, walk.dstAt, family)
  if (entry === undefined) return walk.deny(Drop.noV2b, `no boundary route covers ${walk.dstText}`)
  const endpoint = TunnelEndpoints.choose(entry, walk.flowHash)
  if (endpoint === undefined) {
    return walk.deny(Drop.noTunnelEndpoint, `boundary route ${entry.route.prefix} has no tunnel endpoint`)
  }
  walk.etherDst = BOUNDARY_MAC.bytes
  walk.encapsulation = { destination: endpoint.address.bytes, vni: endpoint.vni, hasMssOption: false }
  walk.dependency = TUNNEL_ENDPOINTS_DEPENDENCY
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
  walk.encapsulation = { destination: entry.mapping.sled.bytes, vni: config.vni, hasMssOption: walk.isTcp }
  walk.dependency = entry.dependency
  if (walk.isHeard) walk.detail = `to ${entry.mapping.mac} on the sled at ${entry.mapping.sled}, VNI ${config.vni}`
  return Verdict.modify
}
