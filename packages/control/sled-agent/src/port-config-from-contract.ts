/** From the sled-agent contract's types (text) to the packet engine's `PortConfig` (addresses as values). */
import type {
  ExternalIps as ContractExternalIps,
  ExternalMapping as ContractMapping,
  FirewallRule as ContractRule,
  Nic,
  VpcRoute,
  VpcRouteSet,
} from '@lodestone/contract-sled-agent'
import { Ip, Mac, Prefix } from '@lodestone/net'
import type {
  DhcpConfig,
  ExternalIps,
  ExternalMapping,
  FirewallRule,
  HostFilter,
  IpConfig,
  NumberRange,
  PortConfig,
  ProtocolFilter,
  RateLimit,
  Route,
  RouteTarget,
} from '@lodestone/vport'

export interface PortInputs {
  readonly generation: number
  readonly name: string
  readonly nic: Nic
  readonly externalIps: ContractExternalIps
  readonly firewall: readonly ContractRule[]
  readonly routes: readonly VpcRoute[]
  readonly dhcp: DhcpConfig
  readonly mtuBytes: number
  readonly multicast?: Nic['multicast']
  readonly multicastPermitted?: Nic['multicast_permitted']
  readonly rateLimits?: Nic['rate_limits']
}

/** Text was checked by the contract's schemas, so what does not parse here is a bug. */
export function portConfigFromContract(inputs: PortInputs): PortConfig {
  const { nic } = inputs
  const external: ContractExternalIps = nic.primary ? inputs.externalIps : { floating: [] }
  const ip4 = nic.ipv4 === undefined ? undefined : ipConfig(nic.ipv4)
  const ip6 = nic.ipv6 === undefined ? undefined : ipConfig(nic.ipv6)
  return {
    generation: inputs.generation,
    id: nic.id,
    name: inputs.name,
    mac: Mac.of(nic.mac),
    vni: nic.vni,
    ...(ip4 === undefined ? {} : { ip4, externalIps4: externalIpsOf(external, 4) }),
    ...(ip6 === undefined ? {} : { ip6, externalIps6: externalIpsOf(external, 6) }),
    firewall: firewallOf(inputs.firewall, nic.id),
    ...(external.internet_gateways === undefined ? {} : { internetGateways: external.internet_gateways }),
    routes: inputs.routes.map(routeFromContract),
    dhcp: inputs.dhcp,
    mtuBytes: inputs.mtuBytes,
    transitIps: nic.transit_ips.map((text) => ({ prefix: Prefix.of(text), allowIn: true, allowOut: true })),
    ...multicastOf(inputs.multicast ?? nic.multicast),
    ...permittedOf(inputs.multicastPermitted ?? nic.multicast_permitted),
    ...rateLimitsOf(inputs.rateLimits ?? nic.rate_limits),
  }
}

function multicastOf(subscriptions: Nic['multicast']): Pick<PortConfig, 'multicast'> {
  if (subscriptions === undefined) return {}
  return {
    multicast: subscriptions.map(({ group, mode, sources }) => ({
      group: Ip.of(group),
      mode,
      sources: sources.map((source) => Ip.of(source)),
    })),
  }
}

function permittedOf(prefixes: Nic['multicast_permitted']): Pick<PortConfig, 'multicastPermitted'> {
  return prefixes === undefined ? {} : { multicastPermitted: prefixes.map((text) => Prefix.of(text).masked()) }
}

function rateLimitsOf(limits: Nic['rate_limits']): Pick<PortConfig, 'rateLimits'> {
  if (limits === undefined) return {}
  const limitOf = (limit: NonNullable<typeof limits.in>): RateLimit => ({
    bitsPerSecond: limit.bits_per_second,
    burstBytes: limit.burst_bytes,
  })
  return {
    rateLimits: {
      ...(limits.in === undefined ? {} : { in: limitOf(limits.in) }),
      ...(limits.out === undefined ? {} : { out: limitOf(limits.out) }),
    },
  }
}

/** Whether a set of routes is for a subnet that the interface is in. */
export function isSetOf(set: VpcRouteSet, nic: Nic): boolean {
  return set.vni === nic.vni && (nic.ipv4?.subnet === set.subnet || nic.ipv6?.subnet === set.subnet)
}

function ipConfig(config: { readonly ip: string; readonly subnet: string }): IpConfig {
  const subnet = Prefix.of(config.subnet).masked()
  return { address: Ip.of(config.ip), subnet, gateway: subnet.nth(1) }
}

function externalIpsOf(ips: ContractExternalIps, family: 4 | 6): ExternalIps {
  const snat = ips.snat
  const ephemeral = ips.ephemeral
  const ofFamily = (text: string): boolean => Ip.of(text).family === family
  return {
    ...(snat === undefined || !ofFamily(snat.ip)
      ? {}
      : { snat: { ip: Ip.of(snat.ip), firstPort: snat.first_port, lastPort: snat.last_port } }),
    ...(ephemeral === undefined || !ofFamily(ephemeral) ? {} : { ephemeral: { ip: Ip.of(ephemeral) } }),
    floating: ips.floating.filter(ofFamily).map((text) => ({ ip: Ip.of(text) })),
  }
}

/**
 * The rules of a VPC reach every port of it, and come again with each change of something else. By list and not by rule: V8 makes
 * room for the entries of a weak map in one go.
 */
const converted = new WeakMap<readonly ContractRule[], readonly FirewallRule[]>()
/** How many rules are converted in one go: a few tens of microseconds. */
const RULES_PER_STEP = 8

/** Converts rules a piece at a time; `portConfigFromContract` then takes them as they are. */
export function* convertRules(rules: readonly ContractRule[]): Generator<undefined, readonly FirewallRule[]> {
  const known = converted.get(rules)
  if (known !== undefined) return known
  const result: FirewallRule[] = []
  for (const rule of rules) {
    result.push(convertRule(rule))
    if (result.length % RULES_PER_STEP === 0) yield
  }
  converted.set(rules, result)
  return result
}

/** Without the rules that cannot match anything on this port. */
function firewallOf(rules: readonly ContractRule[], nicId: string): FirewallRule[] {
  const all = converted.get(rules) ?? finish(convertRules(rules))
  return all.filter((_, i) => canMatch(rules[i]!, nicId))
}

/** Not where it is disabled, for another target, or has filters that are empty. */
function canMatch(rule: ContractRule, nicId: string): boolean {
  if (rule.status === 'disabled') return false
  if (rule.target_nics !== undefined && !rule.target_nics.includes(nicId)) return false
  // In the contract an empty filter matches nothing; in the engine it would match everything.
  return !(rule.hosts?.length === 0 || rule.protocols?.length === 0 || rule.ports?.length === 0)
}

/** Work in pieces, in one go. */
export function finish<T>(pieces: Generator<undefined, T>): T {
  for (;;) {
    const piece = pieces.next()
    if (piece.done === true) return piece.value
  }
}

function convertRule(rule: ContractRule): FirewallRule {
  return {
    id: rule.id,
    name: rule.name,
    direction: rule.direction === 'inbound' ? 'in' : 'out',
    action: rule.action,
    priority: rule.priority,
    ...(rule.hosts === undefined ? {} : { hosts: rule.hosts.map(hostFilter) }),
    ...(rule.protocols === undefined ? {} : { protocols: rule.protocols.map(protocolFilter) }),
    ...(rule.ports === undefined ? {} : { ports: rule.ports.map(numberRange) }),
  }
}

function hostFilter(filter: NonNullable<ContractRule['hosts']>[number]): HostFilter {
  return filter.type === 'vpc'
    ? { kind: 'vni', vni: filter.value }
    : { kind: 'subnet', prefix: Prefix.of(filter.value).masked() }
}

function protocolFilter(filter: NonNullable<ContractRule['protocols']>[number]): ProtocolFilter {
  if (filter.type === 'other') return { kind: 'other', protocol: filter.protocol }
  if (filter.type === 'tcp' || filter.type === 'udp') return { kind: filter.type }
  return {
    kind: filter.type,
    ...(filter.icmp_type === undefined ? {} : { type: filter.icmp_type }),
    ...(filter.code === undefined ? {} : { codes: numberRange(filter.code) }),
  }
}

/** `80` or `8000-8080`. */
function numberRange(text: string): NumberRange {
  const [first, last] = text.split('-')
  return { first: Number(first), last: Number(last ?? first) }
}

export function externalMappingFromContract(mapping: ContractMapping): ExternalMapping {
  return {
    external: Ip.of(mapping.external_ip),
    firstPort: mapping.first_port,
    lastPort: mapping.last_port,
    sled: Ip.of(mapping.physical_host_ip),
    mac: Mac.of(mapping.virtual_mac),
    vni: mapping.vni,
  }
}

export function routeFromContract(route: VpcRoute): Route {
  return {
    id: `${route.router} ${route.dest}`,
    name: `${route.router} route ${route.dest}`,
    destination: Prefix.of(route.dest).masked(),
    target: routeTarget(route.target),
    class: route.router,
  }
}

function routeTarget(target: VpcRoute['target']): RouteTarget {
  switch (target.type) {
    case 'drop':
      return { kind: 'drop' }
    case 'internet_gateway':
      return {
        kind: 'internet-gateway',
        ...(target.id === undefined ? {} : { id: target.id }),
        ...(target.name === undefined ? {} : { name: target.name }),
      }
    case 'ip':
      return { kind: 'ip', ip: Ip.of(target.value) }
    case 'vpc_subnet':
      return { kind: 'vpc-subnet', prefix: Prefix.of(target.value).masked() }
  }
}
