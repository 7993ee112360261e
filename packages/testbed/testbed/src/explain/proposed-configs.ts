/** What engines and switches would be told if changes that somebody proposes were made: by the control plane's resolution and the agents' conversion. */
import type { ProposedInstance, ProposedNetwork, VpcChange } from '@lodestone/nexus'
import { Ip } from '@lodestone/net'
import { externalMappingFromContract } from '@lodestone/sled-agent'
import { natMapping } from '@lodestone/switchd'
import type { PortConfig } from '@lodestone/vport'
import type { Emulation } from '../emulation.ts'
import { placeOf } from './place.ts'
import { type Direction, parseProposedChange, PROPOSED_NAME } from './proposed-change.ts'
import type { Proposal } from './scene.ts'

/** What is asked of the control plane. */
export interface ChangeResolver {
  proposedNetwork(changes: readonly VpcChange[]): Promise<ProposedNetwork>
}

export type ProposedConfigs =
  | { readonly ok: true; readonly proposal: Proposal; readonly vpcs: readonly string[] }
  | { readonly ok: false; readonly message: string }

export async function proposedConfigs(
  emulation: Emulation,
  resolver: ChangeResolver,
  question: { readonly from: string; readonly to: string },
  texts: readonly string[],
): Promise<ProposedConfigs> {
  const changes: VpcChange[] = []
  for (const [i, text] of texts.entries()) {
    const parsed = parseProposedChange(text, i === 0 ? PROPOSED_NAME : `${PROPOSED_NAME}-${i + 1}`)
    if (!parsed.ok) return parsed
    const vni = vpcOf(emulation, question, parsed.direction)
    changes.push({ ...(vni === undefined ? {} : { vni }), change: parsed.change })
  }
  const resolved = await resolver.proposedNetwork(changes)
  if (!resolved.ok) return resolved
  const { instances, external, vpcs } = resolved
  const configs = new Map<string, PortConfig>()
  for (const { agent } of emulation.sleds()) {
    for (const [instanceId, instance] of agent.instances) {
      const parts = partsOf(instances.get(instanceId))
      if (parts === undefined) continue
      for (const { id } of instance.ports) {
        const config = instance.configWith(id, parts)
        if (typeof config === 'string') return { ok: false, message: config }
        if (config !== undefined) configs.set(id, config)
      }
    }
  }
  if (external === undefined) return { ok: true, proposal: { configs }, vpcs }
  const moved = { nat: external.nat.map(natMapping), mappings: external.mappings.map(externalMappingFromContract) }
  return { ok: true, proposal: { configs, external: moved }, vpcs }
}

function partsOf(proposed: ProposedInstance | undefined) {
  if (proposed === undefined) return undefined
  const { firewall, routes, externalIps } = proposed
  return {
    ...(firewall === undefined ? {} : { firewall_rules: [...firewall] }),
    ...(routes === undefined ? {} : { routes: [...routes] }),
    ...(externalIps === undefined ? {} : { external_ips: externalIps }),
  }
}

/** Of what is about packets to instances that of the instance that is asked about as the destination, else that of the source; or the other way round. */
function vpcOf(
  emulation: Emulation,
  { from, to }: { readonly from: string; readonly to: string },
  direction: Direction,
): number | undefined {
  const source = vniOf(emulation, from)
  const destination = vniOf(emulation, to, source)
  return direction === 'inbound' ? (destination ?? source) : (source ?? destination)
}

/** @param near the VPC whose private addresses are meant. */
function vniOf(emulation: Emulation, name: string, near?: number): number | undefined {
  const place = placeOf(emulation, name)
  if (place !== undefined) return place.kind === 'instance' ? place.port.config.vni : undefined
  const ip = Ip.parse(name)
  if (ip === undefined) return undefined
  const configs = emulation.sleds().flatMap(({ engine }) => engine.ports().map(({ config }) => config))
  const has = (config: PortConfig): boolean =>
    [config.externalIps4, config.externalIps6].some((external) =>
      [external?.ephemeral, external?.snat, ...(external?.floating ?? [])].some((each) => each?.ip.equals(ip) === true),
    )
  const inside = configs.find(
    ({ vni, ip4, ip6 }) => vni === near && [ip4, ip6].some((own) => own?.address.equals(ip) === true),
  )
  return (inside ?? configs.find(has))?.vni
}
