/**
 * What should be, derived from the rows of the store: pure functions. Names are resolved here, so that sleds and
 * switches see ids, prefixes and VNIs only. A name that resolves to nothing makes a rule match nothing; it is no error.
 */
import type { VpcFirewallRuleHostFilter, VpcFirewallRuleProtocol } from '@lodestone/contract-nexus'
import type {
  ExternalIps,
  ExternalMapping,
  FirewallRule,
  InstanceEnsure,
  Nic,
  V2pMapping,
  VpcRouteSet,
} from '@lodestone/contract-sled-agent'
import type { NatEntry } from '@lodestone/contract-switchd'
import { Ip, Prefix } from '@lodestone/net'
import type { Inventory } from '../inventory.ts'
import type { FirewallRuleRow } from '../store/firewall.ts'
import type { InstanceRow, NetworkInterfaceRow } from '../store/instance.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { VpcRow } from '../store/vpc.ts'
import { causesOf } from './causes.ts'
import { gatewaysOf, resolvedRoutes } from './routes.ts'

/** Where each address of a VPC is: every interface of an instance that is placed on a sled. */
export function desiredV2p(snapshot: Snapshot): V2pMapping[] {
  const mappings: V2pMapping[] = []
  for (const { instance, nic, vpc } of placedNics(snapshot)) {
    const host = underlayAddress(snapshot, instance)
    if (host === undefined) continue
    for (const ip of [nic.ipv4, nic.ipv6]) {
      if (ip === null) continue
      const causes = causesOf(nic, instance, vpc)
      mappings.push({ virtual_ip: ip, virtual_mac: nic.mac, physical_host_ip: host, vni: vpc.vni, ...causes })
    }
  }
  return mappings
}

/** The translations that both switches should have: every external address of a placed instance, and of the rack's services. */
export function desiredNat(snapshot: Snapshot, inventory: Inventory): NatEntry[] {
  const entries: NatEntry[] = []
  const primaries = new Map(
    placedNics(snapshot)
      .filter(({ nic }) => nic.is_primary)
      .map((placed) => [placed.instance.id, placed]),
  )
  for (const external of snapshot.externalIps) {
    const placed = primaries.get(external.instance_id ?? '')
    const host = placed === undefined ? undefined : underlayAddress(snapshot, placed.instance)
    if (placed === undefined || host === undefined) continue
    entries.push({
      external_address: external.ip,
      first_port: external.first_port,
      last_port: external.last_port,
      internal_ip: host,
      inner_mac: placed.nic.mac,
      vni: placed.vpc.vni,
      ...causesOf(external, placed.instance, placed.nic, placed.vpc),
    })
  }
  for (const { externalAddress, underlayAddress: host, mac, vni } of inventory.services ?? []) {
    const whole = { external_address: externalAddress, first_port: 0, last_port: 0xffff }
    entries.push({ ...whole, internal_ip: host, inner_mac: mac, vni })
  }
  return entries
}

/** The same for sleds: what goes to an address of the rack goes to its sled without a switch. */
export function desiredExternalAddresses(snapshot: Snapshot, inventory: Inventory): ExternalMapping[] {
  return desiredNat(snapshot, inventory).map(({ causes, ...entry }) => ({
    external_ip: entry.external_address,
    first_port: entry.first_port,
    last_port: entry.last_port,
    physical_host_ip: entry.internal_ip,
    virtual_mac: entry.inner_mac,
    vni: entry.vni,
    ...(causes === undefined ? {} : { causes }),
  }))
}

/** The firewall of each VPC that has an interface on the sled. */
export function desiredFirewalls(snapshot: Snapshot, sledId: string): { vpc: VpcRow; rules: FirewallRule[] }[] {
  const vpcs = new Map(nicsOnSled(snapshot, sledId).map(({ vpc }) => [vpc.id, vpc]))
  return [...vpcs.values()].map((vpc) => ({ vpc, rules: resolvedRules(snapshot, vpc) }))
}

/** The routes of each block of a subnet that has an interface on the sled. */
export function desiredRoutes(snapshot: Snapshot, sledId: string): VpcRouteSet[] {
  return routeSets(snapshot, nicsOnSled(snapshot, sledId))
}

function routeSets(snapshot: Snapshot, placed: readonly { nic: NetworkInterfaceRow; vpc: VpcRow }[]): VpcRouteSet[] {
  const sets = new Map<string, VpcRouteSet>()
  for (const { nic, vpc } of placed) {
    const subnet = snapshot.subnets.find((row) => row.id === nic.subnet_id)
    if (subnet === undefined) continue
    for (const block of [subnet.ipv4_block, subnet.ipv6_block]) {
      const key = `${vpc.vni} ${block}`
      if (!sets.has(key))
        sets.set(key, { vni: vpc.vni, subnet: block, routes: resolvedRoutes(snapshot, vpc, subnet, block) })
    }
  }
  return [...sets.values()]
}

export function desiredExternalIps(snapshot: Snapshot, instanceId: string): ExternalIps {
  const rows = snapshot.externalIps.filter((row) => row.instance_id === instanceId)
  const snat = rows.find((row) => row.kind === 'snat')
  const ephemeral = rows.find((row) => row.kind === 'ephemeral')
  return {
    ...(snat === undefined ? {} : { snat: { ip: snat.ip, first_port: snat.first_port, last_port: snat.last_port } }),
    ...(ephemeral === undefined ? {} : { ephemeral: ephemeral.ip }),
    floating: rows.filter((row) => row.kind === 'floating').map((row) => row.ip),
    internet_gateways: Object.fromEntries(rows.map((row) => [row.ip, gatewaysOf(snapshot, row)])),
    ...causesOf(...rows),
  }
}

/** The description of one instance for its sled, without the generation. */
export function desiredInstance(
  snapshot: Snapshot,
  instance: InstanceRow,
  dnsServers: readonly string[],
): Omit<InstanceEnsure, 'generation'> {
  const nics = snapshot.nics.filter((nic) => nic.instance_id === instance.id)
  const vpc = snapshot.vpcs.find((row) => row.id === nics[0]?.vpc_id)
  return {
    hostname: instance.hostname,
    ncpus: instance.ncpus,
    memory_bytes: Number(instance.memory_bytes),
    nics: vpc === undefined ? [] : nics.map((nic) => resolvedNic(snapshot, vpc, nic)),
    external_ips: desiredExternalIps(snapshot, instance.id),
    firewall_rules: vpc === undefined ? [] : resolvedRules(snapshot, vpc),
    routes:
      vpc === undefined
        ? []
        : routeSets(
            snapshot,
            nics.map((nic) => ({ nic, vpc })),
          ),
    dns_servers: [...dnsServers],
    user_data: instance.user_data,
  }
}

export function resolvedRules(snapshot: Snapshot, vpc: VpcRow): FirewallRule[] {
  return snapshot.rules.filter((rule) => rule.vpc_id === vpc.id).map((rule) => resolvedRule(snapshot, vpc, rule))
}

function resolvedRule(snapshot: Snapshot, vpc: VpcRow, rule: Snapshot['rules'][number]): FirewallRule {
  const { hosts, protocols, ports } = rule.filters
  const targets = resolvedTargets(snapshot, vpc, rule)
  return {
    id: rule.id,
    name: rule.name,
    status: rule.status,
    direction: rule.direction,
    action: rule.action,
    priority: rule.priority,
    ...(targets === undefined ? {} : { target_nics: targets }),
    ...(hosts == null ? {} : { hosts: hosts.flatMap((host) => resolvedHost(snapshot, vpc, host)) }),
    ...(protocols == null ? {} : { protocols: protocols.map(resolvedProtocol) }),
    ...(ports == null ? {} : { ports }),
    ...causesOf(rule),
  }
}

/** Undefined: every interface of the VPC, which is also what no targets at all mean. */
function resolvedTargets(snapshot: Snapshot, vpc: VpcRow, rule: FirewallRuleRow): string[] | undefined {
  if (rule.targets.length === 0 || rule.targets.some((target) => target.type === 'vpc')) return undefined
  const nics = snapshot.nics.filter((nic) => nic.vpc_id === vpc.id)
  const chosen = nics.filter((nic) =>
    rule.targets.some((target) => {
      switch (target.type) {
        case 'vpc':
          return true
        case 'subnet':
          return subnetNamed(snapshot, vpc, target.value)?.id === nic.subnet_id
        case 'instance':
          return instanceNamed(snapshot, vpc, target.value)?.id === nic.instance_id
        case 'ip':
          return target.value === nic.ipv4 || target.value === nic.ipv6
        case 'ip_net':
          return [nic.ipv4, nic.ipv6].some((ip) => ip !== null && Prefix.parse(target.value)?.contains(Ip.of(ip)))
        default: {
          const unreachable: never = target
          return unreachable
        }
      }
    }),
  )
  return chosen.map((nic) => nic.id)
}

type ResolvedHost = NonNullable<FirewallRule['hosts']>[number]

function resolvedHost(snapshot: Snapshot, vpc: VpcRow, host: VpcFirewallRuleHostFilter): ResolvedHost[] {
  switch (host.type) {
    case 'vpc':
      return [{ type: 'vpc', value: vpc.vni }] // rules that name another VPC are refused when they are written
    case 'subnet': {
      const subnet = subnetNamed(snapshot, vpc, host.value)
      return subnet === undefined ? [] : [subnet.ipv4_block, subnet.ipv6_block].map(ipFilter)
    }
    case 'instance': {
      const instance = instanceNamed(snapshot, vpc, host.value)
      return snapshot.nics
        .filter((nic) => nic.instance_id === instance?.id && nic.vpc_id === vpc.id)
        .flatMap((nic) => [nic.ipv4, nic.ipv6])
        .flatMap((ip) => (ip === null ? [] : [ipFilter(Prefix.host(Ip.of(ip)).toString())]))
    }
    case 'ip':
      return [ipFilter(Prefix.host(Ip.of(host.value)).toString())]
    case 'ip_net':
      return [ipFilter(host.value)]
    default: {
      const unreachable: never = host
      return unreachable
    }
  }
}

function ipFilter(value: string): ResolvedHost {
  return { type: 'ip', value }
}

function resolvedProtocol(protocol: VpcFirewallRuleProtocol): NonNullable<FirewallRule['protocols']>[number] {
  if (protocol.type === 'tcp' || protocol.type === 'udp') return { type: protocol.type }
  const { value } = protocol
  if (value === null) return { type: protocol.type }
  return { type: protocol.type, icmp_type: value.icmp_type, ...(value.code == null ? {} : { code: value.code }) }
}

function resolvedNic(snapshot: Snapshot, vpc: Snapshot['vpcs'][number], nic: Snapshot['nics'][number]): Nic {
  const subnet = snapshot.subnets.find((row) => row.id === nic.subnet_id)
  if (subnet === undefined) throw new Error(`network interface ${nic.id} is in no subnet`)
  return {
    id: nic.id,
    name: nic.name,
    slot: nic.slot,
    mac: nic.mac,
    vni: vpc.vni,
    ...(nic.ipv4 === null ? {} : { ipv4: { ip: nic.ipv4, subnet: subnet.ipv4_block } }),
    ...(nic.ipv6 === null ? {} : { ipv6: { ip: nic.ipv6, subnet: subnet.ipv6_block } }),
    primary: nic.is_primary,
    transit_ips: nic.transit_ips,
    ...causesOf(nic, vpc),
  }
}

interface PlacedNic {
  readonly instance: Snapshot['instances'][number]
  readonly nic: Snapshot['nics'][number]
  readonly vpc: Snapshot['vpcs'][number]
}

function placedNics(snapshot: Snapshot): PlacedNic[] {
  const instances = new Map(snapshot.instances.map((row) => [row.id, row]))
  const vpcs = new Map(snapshot.vpcs.map((row) => [row.id, row]))
  return snapshot.nics.flatMap((nic) => {
    const instance = instances.get(nic.instance_id)
    const vpc = vpcs.get(nic.vpc_id)
    return instance === undefined || vpc === undefined || instance.sled_id === null ? [] : [{ instance, nic, vpc }]
  })
}

function nicsOnSled(snapshot: Snapshot, sledId: string): PlacedNic[] {
  return placedNics(snapshot).filter(({ instance }) => instance.sled_id === sledId)
}

function underlayAddress({ sleds }: Snapshot, instance: InstanceRow): string | undefined {
  return sleds.find((sled) => sled.id === instance.sled_id)?.underlay_address
}

function subnetNamed(snapshot: Snapshot, vpc: VpcRow, name: string): Snapshot['subnets'][number] | undefined {
  return snapshot.subnets.find((subnet) => subnet.vpc_id === vpc.id && subnet.name === name)
}

function instanceNamed(snapshot: Snapshot, vpc: VpcRow, name: string): InstanceRow | undefined {
  return snapshot.instances.find((instance) => instance.project_id === vpc.project_id && instance.name === name)
}
