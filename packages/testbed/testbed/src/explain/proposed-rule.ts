/** A proposed rule of a VPC's firewall: `allow inbound tcp/80 from 203.0.113.0/24`; `rule` may stand before it. `remove NAME` is one that goes. */
import type {
  VpcFirewallRuleHostFilter,
  VpcFirewallRuleProtocol,
  VpcFirewallRuleUpdate,
} from '@lodestone/contract-nexus'
import { Ip, Prefix } from '@lodestone/net'
import type { NetworkChange } from '@lodestone/nexus'

const DEFAULT_PRIORITY = 65_534

/**
 * Places are `vpc:NAME`, `subnet:NAME`, `instance:NAME`, an address or a prefix.
 * @param words after `fw`.
 * @returns text: what is wrong with it; none where it has not even the form.
 */
export function parseProposedRule(words: readonly string[], defaultName: string): NetworkChange | string {
  const [action, direction, ...rest] = words[0] === 'rule' ? words.slice(1) : words
  if (action === 'remove') {
    if (direction === undefined || rest.length > 0) return 'remove takes the name of one rule'
    return { kind: 'remove-rule', name: direction }
  }
  if (action !== 'allow' && action !== 'deny') return ''
  if (direction !== 'inbound' && direction !== 'outbound') return 'expected inbound or outbound after the action'
  let rule: VpcFirewallRuleUpdate = {
    name: defaultName,
    description: '',
    status: 'enabled',
    direction,
    action,
    priority: DEFAULT_PRIORITY,
    targets: [],
    filters: {},
  }
  const remote = direction === 'inbound' ? 'from' : 'to'
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!
    const value = rest[i + 1]
    switch (word) {
      case 'from':
      case 'to':
      case 'target': {
        if (word !== 'target' && word !== remote) return `of an ${direction} rule it is "${remote}"`
        const places = value === undefined ? 'nothing' : placesOf(value)
        if (typeof places === 'string')
          return `${word} takes vpc:NAME, subnet:NAME, instance:NAME, addresses or prefixes, not ${places},`
        rule =
          word === 'target' ? { ...rule, targets: places } : { ...rule, filters: { ...rule.filters, hosts: places } }
        i++
        break
      }
      case 'priority': {
        const priority = Number(value)
        if (value === undefined || !Number.isInteger(priority) || priority < 0 || priority > 65_535)
          return 'priority takes a number from 0 to 65535'
        rule = { ...rule, priority }
        i++
        break
      }
      case 'name':
        if (value === undefined) return 'name takes a name'
        rule = { ...rule, name: value }
        i++
        break
      default: {
        const protocol = protocolOf(word)
        if (protocol === undefined)
          return `${JSON.stringify(word)} is neither a protocol nor from, to, priority, target or name`
        rule = { ...rule, filters: { ...rule.filters, ...protocol } }
      }
    }
  }
  return { kind: 'put-rule', rule }
}

type Places = VpcFirewallRuleHostFilter[]

/** @returns text: what is none. */
function placesOf(text: string): Places | string {
  if (text === 'any') return []
  const places: Places = []
  for (const part of text.split(',')) {
    const named = /^(vpc|subnet|instance):(.+)$/.exec(part)
    const address = part.replace(/^ip(_net)?:/, '')
    if (named !== null) places.push({ type: named[1] as 'vpc' | 'subnet' | 'instance', value: named[2]! })
    else if (Ip.parse(address) !== undefined) places.push({ type: 'ip', value: address })
    else if (Prefix.parse(address) !== undefined) places.push({ type: 'ip_net', value: address })
    else return JSON.stringify(part)
  }
  return places
}

/** `tcp`, `tcp/80,8000-8080`, `icmp`. */
function protocolOf(word: string): { protocols: VpcFirewallRuleProtocol[]; ports?: string[] } | undefined {
  const found = /^(tcp|udp|icmp|icmp6)(?:\/([\d,-]+))?$/.exec(word)
  if (found === null) return undefined
  const [, name, ports] = found
  if (name === 'icmp' || name === 'icmp6') {
    return ports === undefined ? { protocols: [{ type: name, value: null }] } : undefined
  }
  // because the pattern has no others
  const protocols: VpcFirewallRuleProtocol[] = [{ type: name as 'tcp' | 'udp' }]
  return ports === undefined ? { protocols } : { protocols, ports: ports.split(',') }
}
