/**
 * For tests: the control plane's part, played through the contracts. It states instances, V2P, firewall rules and NAT to the sled
 * agents and switches over HTTP on the emulated underlay, from the first sled, as nexus does; it stores nothing but what it wants.
 */
import { type CallResult, client, httpFetch } from '@lodestone/api'
import {
  type FirewallRule,
  type InstanceEnsure,
  SLED_AGENT_PORT,
  sledAgentApi,
  type SledAgentClient,
  type V2pMapping,
} from '@lodestone/contract-sled-agent'
import { type NatEntry, SWITCHD_PORT, switchdApi, type SwitchdClient } from '@lodestone/contract-switchd'
import { Mac, Prefix } from '@lodestone/net'
import type { Emulation } from './emulation.ts'

export interface VpcSpec {
  readonly vni: number
  readonly subnet: string
  readonly subnet6?: string
}

export interface InstanceSpec {
  readonly name: string
  readonly sled: number
  readonly vpc: VpcSpec
  readonly ip: string
  readonly ip6?: string
  readonly mac?: string
  readonly floating?: readonly string[]
  readonly ephemeral?: string
  /** A shared address and our quarter of its ports, or whatever range. */
  readonly snat?: { readonly ip: string; readonly first_port: number; readonly last_port: number }
}

export interface LabInstance {
  readonly spec: InstanceSpec
  readonly id: string
  readonly nicId: string
  readonly mac: string
}

/** The rules that every VPC begins with, and which tests add to. */
export function defaultRules(vni: number): FirewallRule[] {
  const base = { status: 'enabled', direction: 'inbound', action: 'allow', priority: 65534 } as const
  return [
    { ...base, id: ruleId(vni, 1), name: 'allow-internal-inbound', hosts: [{ type: 'vpc', value: vni }] },
    { ...base, id: ruleId(vni, 2), name: 'allow-ssh', protocols: [{ type: 'tcp' }], ports: ['22'] },
    { ...base, id: ruleId(vni, 3), name: 'allow-icmp', protocols: [{ type: 'icmp' }] },
  ]
}

export function allowTcp(vni: number, port: number): FirewallRule {
  return {
    id: ruleId(vni, 100 + port),
    name: `allow-tcp-${port}`,
    status: 'enabled',
    direction: 'inbound',
    action: 'allow',
    priority: 100,
    protocols: [{ type: 'tcp' }],
    ports: [String(port)],
  }
}

/** Answers pass all the same. */
export function denyAllOut(vni: number): FirewallRule {
  const rule = { status: 'enabled', direction: 'outbound', action: 'deny', priority: 100 } as const
  return { id: ruleId(vni, 99), name: 'deny-all-out', ...rule }
}

export class ControlPlaneFixture {
  readonly sleds: readonly SledAgentClient[]
  readonly switches: readonly SwitchdClient[]
  readonly instances: LabInstance[] = []
  readonly #emulation: Emulation
  readonly #rules = new Map<number, readonly FirewallRule[]>()
  #generation = 0

  constructor(emulation: Emulation) {
    this.#emulation = emulation
    const from = emulation.sleds()[0]!
    const fetch = httpFetch(from.stack, {
      clock: emulation.world.clock,
      timeoutMs: 2000,
      localAddress: from.spec.address.toString(),
    })
    this.sleds = emulation
      .specs('sled')
      .map(({ address }) => client(sledAgentApi, fetch, `http://[${address}]:${SLED_AGENT_PORT}`))
    this.switches = emulation
      .specs('switch')
      .map(({ zoneAddress }) => client(switchdApi, fetch, `http://[${zoneAddress}]:${SWITCHD_PORT}`))
  }

  /** Makes the instance and everything that leads to it. It is stopped until `run`. */
  async createInstance(spec: InstanceSpec): Promise<LabInstance> {
    const number = this.instances.length + 1
    const instance: LabInstance = {
      spec,
      id: uuid(0x1000 + number),
      nicId: uuid(0x2000 + number),
      mac: spec.mac ?? Mac.fromNumber(0xa84025_f00000 + number).toString(),
    }
    this.instances.push(instance)
    must(
      await this.sleds[spec.sled]!.instance_ensure({
        params: { instance_id: instance.id },
        body: this.#description(instance),
      }),
    )
    await this.pushMappings()
    await this.pushNat()
    return instance
  }

  async run(instance: LabInstance): Promise<void> {
    const params = { instance_id: instance.id }
    must(await this.sleds[instance.spec.sled]!.instance_state_set({ params, body: { state: 'running' } }))
  }

  /** All rules of a VPC, on every sled. */
  async setRules(vni: number, rules: readonly FirewallRule[]): Promise<void> {
    this.#rules.set(vni, rules)
    const body = { generation: ++this.#generation, rules: [...rules] }
    for (const sled of this.sleds) must(await sled.vpc_firewall_rules_set({ params: { vni }, body }))
  }

  async pushMappings(): Promise<void> {
    const body = { generation: ++this.#generation, mappings: this.instances.flatMap((each) => this.#mappings(each)) }
    for (const sled of this.sleds) must(await sled.v2p_set({ body }))
  }

  /** States all translations to the switches that are on. */
  async pushNat(): Promise<void> {
    const body = { generation: ++this.#generation, entries: this.instances.flatMap((each) => this.#natEntries(each)) }
    for (const [index, spec] of this.#emulation.specs('switch').entries()) {
      if (!this.#emulation.nodes.has(spec.name)) continue
      const { results } = must(await this.switches[index]!.nat_desired_set({ body }))
      const failed = results.filter((result) => result.outcome === 'failed')
      if (failed.length > 0) throw new Error(`${spec.name} could not translate ${JSON.stringify(failed)}`)
    }
  }

  #description({ spec, nicId, mac }: LabInstance): InstanceEnsure {
    const { vpc } = spec
    const subnets = [vpc.subnet, ...(vpc.subnet6 === undefined ? [] : [vpc.subnet6])]
    return {
      generation: 1,
      hostname: spec.name,
      ncpus: 1,
      memory_bytes: 1 << 30,
      nics: [
        {
          id: nicId,
          name: 'net0',
          slot: 0,
          mac,
          vni: vpc.vni,
          ipv4: { ip: spec.ip, subnet: vpc.subnet },
          ...(spec.ip6 === undefined || vpc.subnet6 === undefined
            ? {}
            : { ipv6: { ip: spec.ip6, subnet: vpc.subnet6 } }),
          primary: true,
          transit_ips: [],
        },
      ],
      external_ips: {
        ...(spec.snat === undefined ? {} : { snat: spec.snat }),
        ...(spec.ephemeral === undefined ? {} : { ephemeral: spec.ephemeral }),
        floating: [...(spec.floating ?? [])],
      },
      firewall_rules: [...(this.#rules.get(vpc.vni) ?? defaultRules(vpc.vni))],
      routes: subnets.map((subnet) => ({
        vni: vpc.vni,
        subnet,
        routes: [
          {
            dest: Prefix.of(subnet).family === 4 ? '0.0.0.0/0' : '::/0',
            target: { type: 'internet_gateway' },
            router: 'system',
          },
          { dest: subnet, target: { type: 'vpc_subnet', value: subnet }, router: 'system' },
        ],
      })),
      user_data: '',
    }
  }

  #mappings({ spec, mac }: LabInstance): V2pMapping[] {
    const rest = { virtual_mac: mac, physical_host_ip: this.#address(spec.sled), vni: spec.vpc.vni }
    const ips = [spec.ip, ...(spec.ip6 === undefined ? [] : [spec.ip6])]
    return ips.map((virtual_ip) => ({ virtual_ip, ...rest }))
  }

  #natEntries({ spec, mac }: LabInstance): NatEntry[] {
    const inside = { internal_ip: this.#address(spec.sled), inner_mac: mac, vni: spec.vpc.vni }
    const whole = [...(spec.floating ?? []), ...(spec.ephemeral === undefined ? [] : [spec.ephemeral])]
    const entries = whole.map((ip) => ({ external_address: ip, first_port: 0, last_port: 65535, ...inside }))
    if (spec.snat === undefined) return entries
    const { ip, first_port, last_port } = spec.snat
    return [...entries, { external_address: ip, first_port, last_port, ...inside }]
  }

  #address(sled: number): string {
    return this.#emulation.specs('sled')[sled]!.address.toString()
  }
}

/** The first address of a subnet, which the gateway has. */
export function gatewayOf(subnet: string): string {
  return Prefix.of(subnet).masked().nth(1).toString()
}

export function must<T>(result: CallResult<T>): T {
  if (result.ok) return result.value
  throw new Error(result.message)
}

function ruleId(vni: number, rule: number): string {
  return uuid(0x10_0000_0000 + vni * 0x1_0000 + rule)
}

function uuid(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`
}
