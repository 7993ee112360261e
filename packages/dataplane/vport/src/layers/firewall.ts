/**
 * The VPC firewall. Inbound is denied and outbound allowed unless a rule says otherwise; what is allowed is a connection
 * and its answers come back. A connection remembers who began it: when rules change, its next packet in either direction
 * has the beginning judged again by the new rules, so that a removed permission ends it and an unrelated edit does not.
 */
import { Prefix } from '@lodestone/net'
import { IpProtocol, nameOf } from '@lodestone/packet'
import { prefixWords } from '../address-words.ts'
import type { Connection } from '../connection.ts'
import { Drop } from '../drop-reasons.ts'
import { hasPorts, mirrorFlowKey } from '../flow-key.ts'
import { type FlowDecision, type Layer, layerOf } from '../layer.ts'
import type { FirewallRule, HostFilter, PortConfig, ProtocolFilter } from '../port-config.ts'
import { type Predicate, type ProtocolMatch, protocolText, rangeText } from '../predicate.ts'
import { type LayerRule, RuleTable } from '../rule-table.ts'
import { mapInSteps, type Steps } from '../steps.ts'
import { Verdict, Walk } from '../walk.ts'
import type { LayerContext } from './layer-context.ts'

/** Near misses shown with a denial by default. */
const NEAR_MISSES = 3

export function* firewallLayer(config: PortConfig, context: LayerContext): Steps<Layer> {
  const rulesOf = (direction: 'in' | 'out'): Steps<LayerRule[]> =>
    mapInSteps(
      config.firewall.filter((rule) => rule.direction === direction),
      layerRule,
    )
  const rulesIn = yield* RuleTable.build(yield* rulesOf('in'), (walk) =>
    walk.deny(Drop.defaultDeny, `no inbound rule allows ${describePacket(walk)}`),
  )
  const rulesOut = yield* RuleTable.build(yield* rulesOf('out'), allowByDefault)
  const probe = new Walk(context.arena.bytes, context.arena.view)
  return layerOf('firewall', rulesIn, rulesOut, {
    recall: (walk) => recall(walk, context, rulesIn, rulesOut, probe),
    nearMisses: (walk, table) => table.nearest(walk, NEAR_MISSES, (rule) => !rule.isDenial),
  })
}

function allowByDefault(walk: Walk): Verdict {
  if (walk.family !== 0 && !hasPorts(walk.protocol)) {
    return walk.deny(Drop.protocolNeedsRule, `no outbound rule names ${protocolText(walk)}`)
  }
  walk.firewallRule = 'default'
  walk.detail = 'outbound is allowed by default; answers may come back'
  return Verdict.allow
}

function recall(
  walk: Walk,
  context: LayerContext,
  rulesIn: RuleTable,
  rulesOut: RuleTable,
  probe: Walk,
): FlowDecision | undefined {
  const connection = walk.connection ?? walk.related
  if (connection === undefined) return undefined
  const subject = walk.related === undefined ? 'part of a connection' : 'an ICMP error about a connection'
  if (connection.epoch === context.epoch) {
    walk.firewallRule = connection.firewallRule
    return {
      verdict: Verdict.allow,
      rule: connection.firewallRule,
      detail: walk.isHeard ? `${subject} that began ${connection.initiator === 'out' ? 'inside' : 'outside'}` : '',
    }
  }
  if (walk.related === undefined && connection.initiator === walk.direction) return undefined
  const verdict = judgeBeginning(connection, context, connection.initiator === 'out' ? rulesOut : rulesIn, probe)
  walk.firewallRule = probe.firewallRule
  if (verdict === Verdict.deny) {
    walk.deny(probe.reason, `the rules have changed and no longer allow what began this connection: ${probe.detail}`)
  }
  return {
    verdict,
    rule: probe.firewallRule,
    detail: verdict === Verdict.deny ? walk.detail : `${subject} that the changed rules still allow`,
  }
}

/** Asks the rules about the packet that began the connection. */
function judgeBeginning(connection: Connection, context: LayerContext, rules: RuleTable, probe: Walk): Verdict {
  probe.reset()
  probe.family = connection.family
  probe.isOut = connection.initiator === 'out'
  probe.remoteVni = connection.remoteVni
  context.cache.readOutKey(connection, probe.key)
  if (probe.isOut) probe.current.set(probe.key)
  else mirrorFlowKey(probe.key, connection.family, false, probe.current)
  const at = rules.match(probe)
  return at < 0 ? rules.onDefault(probe) : (rules.rules[at]!.act(probe) ?? Verdict.deny)
}

function layerRule(rule: FirewallRule): LayerRule {
  const predicates: Predicate[] = []
  const hosts = rule.hosts ?? []
  if (hosts.length > 0 && !hosts.some((host) => host.kind === 'any')) predicates.push(hostsPredicate(hosts))
  const protocols = rule.protocols ?? []
  if (protocols.length > 0) predicates.push({ kind: 'protocol', protocols: protocols.map(protocolMatch) })
  // What is allowed in general does not include protocols that nobody may have thought of; what is denied does.
  else if (rule.action === 'allow') predicates.push({ kind: 'usual-protocol' })
  const ports = rule.ports ?? []
  if (ports.length > 0) {
    // `ports` qualifies TCP and UDP; a rule for tcp and icmp with a port still means all of icmp.
    const passesIcmp = protocols.some((protocol) => protocol.kind === 'icmp' || protocol.kind === 'icmp6')
    predicates.push({ kind: 'dst-port', ranges: ports, passesIcmp })
  }
  const isDenial = rule.action === 'deny'
  return {
    id: rule.id,
    name: rule.name,
    priority: rule.priority,
    isDenial,
    predicates,
    act: isDenial
      ? (walk) => {
          walk.firewallRule = rule.name
          return walk.deny(Drop.denyRule, `rule ${rule.name} denies ${describePacket(walk)}`)
        }
      : (walk) => {
          walk.firewallRule = rule.name
          if (walk.isHeard) walk.detail = `rule ${rule.name} allows ${describePacket(walk)}; answers may go back`
          return Verdict.allow
        },
    hits: 0,
  }
}

function hostsPredicate(hosts: readonly HostFilter[]): Predicate {
  const prefixes: Prefix[] = []
  const vnis: number[] = []
  for (const host of hosts) {
    if (host.kind === 'ip') prefixes.push(Prefix.host(host.ip))
    else if (host.kind === 'subnet') prefixes.push(host.prefix)
    else if (host.kind === 'vni') vnis.push(host.vni)
  }
  return { kind: 'hosts', prefixes: prefixes.map(prefixWords), vnis }
}

function protocolMatch(filter: ProtocolFilter): ProtocolMatch {
  if (filter.kind === 'tcp' || filter.kind === 'udp') {
    return { protocol: IpProtocol[filter.kind], icmpType: -1, icmpCodes: undefined, text: filter.kind }
  }
  if (filter.kind === 'other') {
    const { protocol } = filter
    return { protocol, icmpType: -1, icmpCodes: undefined, text: nameOf(IpProtocol, protocol) }
  }
  const type = filter.type === undefined ? '' : ` type ${filter.type}`
  const codes = filter.codes === undefined ? '' : ` code ${rangeText(filter.codes)}`
  return {
    protocol: filter.kind === 'icmp' ? IpProtocol.icmp : IpProtocol.icmpv6,
    icmpType: filter.type ?? -1,
    icmpCodes: filter.codes,
    text: `${filter.kind}${type}${codes}`,
  }
}

/** `tcp 203.0.113.9 to port 80`. */
function describePacket(walk: Walk): string {
  const ports = walk.isIcmp || !hasPorts(walk.protocol) ? '' : ` port ${walk.dstPort}`
  return `${protocolText(walk)} from ${walk.srcText} to ${walk.dstText}${ports}`
}
