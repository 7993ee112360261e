/** Says what is wrong with a port's configuration, as a value that names the field. */
import type { Ip, Prefix } from '@lodestone/net'
import { wordsOf } from './address-words.ts'
import { hasPorts } from './flow-key.ts'
import { MOST_JOINED, MOST_SOURCES } from './joined-groups.ts'
import { isForwardable, isGroup } from './multicast-groups.ts'
import type { ExternalIps, FirewallRule, MulticastSubscription, NumberRange, PortConfig, Route } from './port-config.ts'
import { findInSteps, runSteps, type Steps } from './steps.ts'

export interface ConfigError {
  readonly kind: 'invalid' | 'stale-generation' | 'identity-changed' | 'port-exists'
  /** Where: `firewall[3].ports[0]`. */
  readonly path: string
  readonly message: string
}

/** The smallest MTU that IPv4 hosts must accept is 576 (RFC 791); an IPv6 link needs 1280 (RFC 8200 §5). */
const SMALLEST_MTU4 = 576
const SMALLEST_MTU6 = 1280
const LARGEST_MTU = 8900

/** What was found good and is asked about again: a configuration is data that nobody changes. */
const good = new WeakSet<PortConfig>()

/** @returns the first problem, or `undefined` when the configuration can be applied. */
export function checkPortConfig(config: PortConfig): ConfigError | undefined {
  return runSteps(checkPortConfigInSteps(config))
}

/** As `checkPortConfig`, a piece at a time. */
export function* checkPortConfigInSteps(config: PortConfig): Steps<ConfigError | undefined> {
  if (good.has(config)) return undefined
  const problem =
    checkSettings(config) ??
    (yield* findInSteps(config.firewall, (rule, i) => checkRule(rule, i))) ??
    (yield* findInSteps(config.routes, (route, i) => checkRoute(route, i)))
  if (problem === undefined) good.add(config)
  return problem
}

/** All but the lists of rules. */
function checkSettings(config: PortConfig): ConfigError | undefined {
  const smallestMtu = config.ip6 === undefined ? SMALLEST_MTU4 : SMALLEST_MTU6
  if (!isWholeIn(config.generation, 0, Number.MAX_SAFE_INTEGER)) return invalid('generation', 'not a whole number')
  if (!isWholeIn(config.vni, 1, 0xffffff)) return invalid('vni', `${config.vni} is not in 1..16777215`)
  if ((config.mac.bytes[0]! & 1) !== 0) return invalid('mac', `${config.mac} is a group address`)
  if (!isWholeIn(config.mtuBytes, smallestMtu, LARGEST_MTU)) {
    return invalid('mtuBytes', `${config.mtuBytes} is not in ${smallestMtu}..${LARGEST_MTU}`)
  }
  if (config.ip4 === undefined && config.ip6 === undefined) return invalid('ip4', 'a port needs an address')
  return (
    checkIp(config, 4) ??
    checkIp(config, 6) ??
    checkExternal(config.externalIps4, 4) ??
    checkExternal(config.externalIps6, 6) ??
    checkGroups(config.multicast ?? []) ??
    checkPermitted(config.multicastPermitted ?? []) ??
    checkLimit(config, 'in') ??
    checkLimit(config, 'out')
  )
}

function checkGroups(groups: readonly MulticastSubscription[]): ConfigError | undefined {
  if (groups.length > MOST_JOINED) return invalid('multicast', `${groups.length} groups; ${MOST_JOINED} are the most`)
  const seen = new Set<string>()
  return firstOf(groups, ({ group, sources }, i) => {
    const path = `multicast[${i}]`
    if (!isForwardable(wordsOf(group), 0, group.family)) {
      return invalid(`${path}.group`, `${group} is no multicast group that reaches beyond a link`)
    }
    if (seen.has(group.toString())) return invalid(`${path}.group`, `${group} is there twice`)
    seen.add(group.toString())
    if (sources.length > MOST_SOURCES) return invalid(`${path}.sources`, `more than ${MOST_SOURCES}`)
    return firstOf(sources, (source, k) =>
      source.family === group.family
        ? undefined
        : invalid(`${path}.sources[${k}]`, `${source} is not IPv${group.family}`),
    )
  })
}

function checkPermitted(prefixes: readonly Prefix[]): ConfigError | undefined {
  if (prefixes.length > MOST_JOINED) return invalid('multicastPermitted', `more than ${MOST_JOINED} prefixes`)
  return firstOf(prefixes, (prefix, i) =>
    isGroup(wordsOf(prefix.masked().address), 0, prefix.family) && prefix.length >= (prefix.family === 4 ? 4 : 8)
      ? undefined
      : invalid(`multicastPermitted[${i}]`, `${prefix} is not one of multicast groups`),
  )
}

const NONE: readonly never[] = []
const FASTEST_BPS = 1e12
const LARGEST_BURST = 2 ** 32
const ETHERNET_BYTES = 14

function checkLimit(config: PortConfig, direction: 'in' | 'out'): ConfigError | undefined {
  const limit = config.rateLimits?.[direction]
  if (limit === undefined) return undefined
  const path = `rateLimits.${direction}`
  if (!isWholeIn(limit.bitsPerSecond, 1, FASTEST_BPS)) {
    return invalid(`${path}.bitsPerSecond`, `${limit.bitsPerSecond} is not in 1..${FASTEST_BPS}`)
  }
  const smallest = config.mtuBytes + ETHERNET_BYTES
  return isWholeIn(limit.burstBytes, smallest, LARGEST_BURST)
    ? undefined
    : invalid(`${path}.burstBytes`, `${limit.burstBytes} is not in ${smallest}..${LARGEST_BURST}: one frame must pass`)
}

function checkIp(config: PortConfig, family: 4 | 6): ConfigError | undefined {
  const path = family === 4 ? 'ip4' : 'ip6'
  const ip = config[path]
  if (ip === undefined) return undefined
  if (ip.address.family !== family) return invalid(`${path}.address`, `${ip.address} is not IPv${family}`)
  if (ip.gateway.family !== family) return invalid(`${path}.gateway`, `${ip.gateway} is not IPv${family}`)
  if (!ip.subnet.contains(ip.address)) {
    return invalid(`${path}.address`, `${ip.address} is not in subnet ${ip.subnet}`)
  }
  if (ip.address.equals(ip.gateway)) return invalid(`${path}.address`, `${ip.address} is the gateway's address`)
  return undefined
}

function checkExternal(external: ExternalIps | undefined, family: 4 | 6): ConfigError | undefined {
  if (external === undefined) return undefined
  const path = `externalIps${family}`
  const check = (ip: Ip, where: string): ConfigError | undefined =>
    ip.family === family ? undefined : invalid(`${path}.${where}`, `${ip} is not IPv${family}`)
  const { snat, ephemeral } = external
  if (snat !== undefined) {
    if (!isRange({ first: snat.firstPort, last: snat.lastPort }, 0xffff)) {
      return invalid(`${path}.snat`, `ports ${snat.firstPort}-${snat.lastPort} are not a range`)
    }
    const problem = check(snat.ip, 'snat.ip')
    if (problem !== undefined) return problem
  }
  return (
    (ephemeral === undefined ? undefined : check(ephemeral.ip, 'ephemeral.ip')) ??
    firstOf(external.floating, (floating, i) => check(floating.ip, `floating[${i}].ip`))
  )
}

function checkRule(rule: FirewallRule, index: number): ConfigError | undefined {
  if (!isWholeIn(rule.priority, 0, 0xffff)) {
    return invalid(`firewall[${index}].priority`, `${rule.priority} is not in 0..65535`)
  }
  const ports = firstOf(rule.ports ?? NONE, (range, i) =>
    isRange(range, 0xffff)
      ? undefined
      : invalid(`firewall[${index}].ports[${i}]`, `${range.first}-${range.last} is not a range`),
  )
  if (ports !== undefined) return ports
  return firstOf(rule.protocols ?? NONE, (protocol, i) => {
    if (protocol.kind === 'tcp' || protocol.kind === 'udp') return undefined
    const where = `firewall[${index}].protocols[${i}]`
    if (protocol.kind === 'other') return checkOther(protocol.protocol, `${where}.protocol`)
    if (protocol.type !== undefined && !isWholeIn(protocol.type, 0, 255))
      return invalid(`${where}.type`, 'not in 0..255')
    if (protocol.codes === undefined) return undefined
    if (protocol.type === undefined) return invalid(`${where}.codes`, 'codes need a type')
    return isRange(protocol.codes, 255) ? undefined : invalid(`${where}.codes`, 'not a range within 0..255')
  })
}

/** What stands for a header of IPv6, or for nothing. */
const NO_PROTOCOLS: readonly number[] = [0, 43, 44, 59, 60, 135, 139, 140, 253, 254, 255]

function checkOther(protocol: number, path: string): ConfigError | undefined {
  if (!isWholeIn(protocol, 0, 255)) return invalid(path, 'not in 0..255')
  if (hasPorts(protocol)) return invalid(path, `protocol ${protocol} has a name of its own: tcp, udp, icmp, icmp6`)
  return NO_PROTOCOLS.includes(protocol) ? invalid(path, `${protocol} is no transport protocol`) : undefined
}

function checkRoute(route: Route, index: number): ConfigError | undefined {
  if (route.destination.masked().address.isMulticast) {
    return invalid(`routes[${index}].destination`, `${route.destination} is multicast`)
  }
  const target = route.target
  const family =
    target.kind === 'ip' ? target.ip.family : target.kind === 'vpc-subnet' ? target.prefix.family : undefined
  if (family !== undefined && family !== route.destination.family) {
    return invalid(`routes[${index}].target`, `IPv${family} target for IPv${route.destination.family} destination`)
  }
  return undefined
}

function firstOf<T>(
  list: readonly T[],
  check: (item: T, index: number) => ConfigError | undefined,
): ConfigError | undefined {
  for (let i = 0; i < list.length; i++) {
    const problem = check(list[i]!, i)
    if (problem !== undefined) return problem
  }
  return undefined
}

function isWholeIn(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high
}

function isRange(range: NumberRange, limit: number): boolean {
  return isWholeIn(range.first, 0, limit) && isWholeIn(range.last, range.first, limit)
}

function invalid(path: string, message: string): ConfigError {
  return { kind: 'invalid', path, message }
}
