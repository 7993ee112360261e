/**
 * The VPC router: outbound only, longest prefix first, a custom route before a system route of equal length. It decides
 * where a packet is to go (`walk.route`); translation and encapsulation act on it.
 */
import { Prefix } from '@lodestone/net'
import { prefixWords } from '../address-words.ts'
import { Drop } from '../drop-reasons.ts'
import { type Layer, layerOf } from '../layer.ts'
import type { PortConfig, Route } from '../port-config.ts'
import { isForwardable } from '../multicast-groups.ts'
import { type LayerRule, RuleTable } from '../rule-table.ts'
import { mapInSteps, type Steps } from '../steps.ts'
import { Verdict, type Walk } from '../walk.ts'

const MULTICAST = [Prefix.of('224.0.0.0/4'), Prefix.of('255.255.255.255/32'), Prefix.of('ff00::/8')].map(prefixWords)

/** Nearest routes shown with a denial. */
const NEAR_MISSES = 3

export function* routerLayer(config: PortConfig): Steps<Layer> {
  const rules: LayerRule[] = yield* mapInSteps(config.routes, routeRule)
  rules.push({
    id: 'multicast',
    name: 'multicast',
    priority: 0,
    isDenial: false,
    predicates: [{ kind: 'dst-prefix', prefixes: MULTICAST }],
    act: toGroup,
    hits: 0,
  })
  const rulesOut = yield* RuleTable.build(rules, noRoute)
  return layerOf('router', RuleTable.of([], allowIn), rulesOut, {
    nearMisses: (walk, table) => table.nearest(walk, NEAR_MISSES, (rule) => rule.id !== 'multicast'),
  })
}

/** Groups that reach beyond the link need no route: the overlay knows who has subscribed. */
function toGroup(walk: Walk): Verdict {
  const family = walk.family as 4 | 6 // because a prefix matched
  if (!isForwardable(walk.current, walk.dstAt, family)) {
    return walk.deny(Drop.multicast, `${walk.dstText} does not reach beyond the link`)
  }
  if (walk.isTcp) return walk.deny(Drop.multicastTcp, `TCP to the group ${walk.dstText}`)
  if (walk.isHeard) walk.detail = `${walk.dstText} is a group of the VPC`
  return Verdict.allow
}

/** `(((longest − length) << 1) | isSystem) + 10`: lower numbers are asked first. */
export function routePriority(route: Route): number {
  const longest = route.destination.family === 4 ? 32 : 128
  return (((longest - route.destination.length) << 1) | (route.class === 'system' ? 1 : 0)) + 10
}

function routeRule(route: Route): LayerRule {
  return {
    id: route.id,
    name: route.name,
    priority: routePriority(route),
    isDenial: route.target.kind === 'drop',
    predicates: [{ kind: 'dst-prefix', prefixes: [prefixWords(route.destination)] }],
    act: (walk) => follow(walk, route),
    hits: 0,
  }
}

function follow(walk: Walk, route: Route): Verdict {
  walk.route = route
  if (route.target.kind === 'drop') {
    return walk.deny(Drop.dropRoute, `route ${route.name} (${route.destination}) says drop`)
  }
  if (walk.isHeard) walk.detail = `${route.class} route ${route.destination} via ${targetText(route)}`
  return Verdict.allow
}

export function targetText(route: Route): string {
  const target = route.target
  switch (target.kind) {
    case 'drop':
      return 'drop'
    case 'internet-gateway':
      return `internet gateway ${target.name ?? target.id ?? 'of the VPC'}`
    case 'ip':
      return `instance ${target.ip}`
    case 'vpc-subnet':
      return `subnet ${target.prefix}`
    default: {
      const never: never = target
      return never
    }
  }
}

function noRoute(walk: Walk): Verdict {
  return walk.deny(Drop.noRoute, `no route covers ${walk.dstText}`)
}

function allowIn(walk: Walk): Verdict {
  walk.detail = 'inbound packets are already where they are routed to'
  return Verdict.allow
}
