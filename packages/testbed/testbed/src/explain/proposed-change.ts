/**
 * A change that somebody thinks of, in words, with the names of the public API:
 *
 *     fw allow inbound tcp/80,8000-8080 from 203.0.113.0/24 priority 100 target subnet:default name allow-web
 *     fw remove allow-ssh
 *     route add 10.8.0.0/16 via instance:vpn router edge
 *     route remove to-vpn
 *     router add edge
 *     subnet default router edge
 *     ip attach web-ip web1
 *     ip detach web-ip
 */
import type { RouteDestination, RouterRouteCreate, RouteTarget } from '@lodestone/contract-nexus'
import { Ip, Prefix } from '@lodestone/net'
import type { NetworkChange } from '@lodestone/nexus'
import { parseProposedRule } from './proposed-rule.ts'

/** Whether a change is about what instances of its VPC receive or what they send. */
export type Direction = 'inbound' | 'outbound'

export type ParsedChange =
  | { readonly ok: true; readonly change: NetworkChange; readonly direction: Direction }
  | { readonly ok: false; readonly message: string }

/** Of a change of each kind. */
const FORMS = {
  fw: '"fw allow|deny inbound|outbound [tcp/80,443|udp/53|icmp|…] [from|to PLACE,…] [priority N] [target PLACE,…] [name NAME]", or "fw remove NAME"',
  route:
    '"route add PREFIX|subnet:NAME via drop|ADDRESS|instance:NAME|internet-gateway:NAME [router NAME] [name NAME]", or "route remove NAME [router NAME]"',
  router: '"router add NAME"',
  subnet: '"subnet NAME router NAME", or "subnet NAME router none"',
  ip: '"ip attach FLOATING-IP INSTANCE", or "ip detach FLOATING-IP"',
} as const

export const PROPOSED_NAME = 'proposed'

/** @param name of a rule or route that is given none: changes of one question need different ones. */
export function parseProposedChange(text: string, name: string = PROPOSED_NAME): ParsedChange {
  const refuse = (message: string): ParsedChange => ({ ok: false, message: `${message} in ${JSON.stringify(text)}` })
  const [kind, ...words] = text.trim().split(/\s+/)
  let change: NetworkChange | string
  switch (kind) {
    case 'fw':
      change = parseProposedRule(words, name)
      break
    case 'route':
      change = parseRoute(words, name)
      break
    case 'router':
      change = parseRouter(words)
      break
    case 'subnet':
      change = parseSubnet(words)
      break
    case 'ip':
      change = parseAddress(words)
      break
    default:
      return {
        ok: false,
        message: `${JSON.stringify(text)} is no change that can be proposed. These are: ${Object.values(FORMS).join('; ')}`,
      }
  }
  if (typeof change !== 'string') return { ok: true, change, direction: directionOf(change) }
  return refuse(change === '' ? `expected ${FORMS[kind]}` : change)
}

function directionOf(change: NetworkChange): Direction {
  switch (change.kind) {
    case 'put-rule':
      return change.rule.direction
    case 'remove-rule':
    case 'attach-address':
    case 'detach-address':
      return 'inbound'
    default:
      return 'outbound'
  }
}

/** @returns text: what is wrong with it; none where it has not even the form. */
function parseRoute(words: readonly string[], defaultName: string): NetworkChange | string {
  const [what, first, ...rest] = words
  if ((what !== 'add' && what !== 'remove') || first === undefined) return ''
  const options = new Map<string, string>()
  for (let i = 0; i < rest.length; i += 2) {
    const [word, value] = [rest[i]!, rest[i + 1]]
    const isKnown = word === 'router' || (what === 'add' && (word === 'via' || word === 'name'))
    if (!isKnown) return `${JSON.stringify(word)} is none of ${what === 'add' ? 'via, router and name' : 'router'}`
    if (value === undefined) return `${word} takes a ${word === 'via' ? 'target' : 'name'}`
    options.set(word, value)
  }
  const named = options.get('router')
  const router = named === undefined ? {} : { router: named }
  if (what === 'remove') return { kind: 'remove-route', name: first, ...router }
  const destination = destinationOf(first)
  if (destination === undefined) return `${JSON.stringify(first)} is no prefix, address or subnet:NAME`
  const via = options.get('via')
  if (via === undefined) return 'a route needs "via" and where it leads'
  const target = targetOf(via)
  if (target === undefined)
    return `via takes drop, an address, instance:NAME or internet-gateway:NAME, not ${JSON.stringify(via)},`
  const route: RouterRouteCreate = { name: options.get('name') ?? defaultName, description: '', destination, target }
  return { kind: 'put-route', ...router, route }
}

function destinationOf(text: string): RouteDestination | undefined {
  const subnet = /^subnet:(.+)$/.exec(text)?.[1]
  if (subnet !== undefined) return { type: 'subnet', value: subnet }
  if (Ip.parse(text) !== undefined) return { type: 'ip', value: text }
  return Prefix.parse(text) === undefined ? undefined : { type: 'ip_net', value: text }
}

function targetOf(text: string): RouteTarget | undefined {
  if (text === 'drop') return { type: 'drop' }
  const named = /^(instance|internet[-_]gateway|inetgw):(.+)$/.exec(text)
  if (named !== null) return { type: named[1] === 'instance' ? 'instance' : 'internet_gateway', value: named[2]! }
  const address = text.replace(/^ip:/, '')
  return Ip.parse(address) === undefined ? undefined : { type: 'ip', value: address }
}

function parseRouter(words: readonly string[]): NetworkChange | string {
  const [what, name, ...more] = words
  return what === 'add' && name !== undefined && more.length === 0 ? { kind: 'add-router', name } : ''
}

function parseSubnet(words: readonly string[]): NetworkChange | string {
  const [subnet, word, router, ...more] = words
  if (subnet === undefined || word !== 'router' || router === undefined || more.length > 0) return ''
  return { kind: 'set-router', subnet, router: router === 'none' ? undefined : router }
}

function parseAddress(words: readonly string[]): NetworkChange | string {
  const [what, floatingIp, instance, ...more] = words
  if (floatingIp === undefined || more.length > 0) return ''
  if (what === 'attach' && instance !== undefined) return { kind: 'attach-address', floatingIp, instance }
  return what === 'detach' && instance === undefined ? { kind: 'detach-address', floatingIp } : ''
}
