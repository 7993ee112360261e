/** From a packet engine port's dump to the contract's port state. */
import type { PortDropGroup, PortExplanation, PortState, PortSummary } from '@lodestone/contract-sled-agent'
import type { DroppedPacket, Explanation, LayerDump, VirtualPort } from '@lodestone/vport'
import { DROP_REASONS } from '@lodestone/vport'

export function portSummary(instanceId: string, port: VirtualPort): PortSummary {
  const { config } = port
  return {
    id: config.id,
    instance_id: instanceId,
    name: config.name,
    mac: config.mac.toString(),
    vni: config.vni,
    addresses: [config.ip4, config.ip6].flatMap((ip) => (ip === undefined ? [] : [ip.address.toString()])),
    flows: port.dump().flows.length,
  }
}

export function portState(instanceId: string, port: VirtualPort, settingsGeneration: number): PortState {
  const { config } = port
  const dump = port.dump()
  const external = [config.externalIps4, config.externalIps6].flatMap((ips) => {
    if (ips === undefined) return []
    return [
      ...ips.floating.map((floating) => `floating ${floating.ip}`),
      ...(ips.ephemeral === undefined ? [] : [`ephemeral ${ips.ephemeral.ip}`]),
      ...(ips.snat === undefined ? [] : [`source NAT ${ips.snat.ip}:${ips.snat.firstPort}-${ips.snat.lastPort}`]),
    ]
  })
  return {
    port: portSummary(instanceId, port),
    settings_generation: settingsGeneration,
    epoch: dump.epoch,
    external_ips: external,
    layers: dump.layers.map(layerState),
    flows: dump.flows.map((flow) => ({
      direction: flow.initiator,
      flow: `${flow.protocol} ${flow.guest} ${flow.initiator === 'in' ? '←' : '→'} ${flow.remote}`,
      detail: [flow.external, flow.tcpState, `rule "${flow.firewallRule}"`]
        .filter((text) => text !== undefined)
        .join(', '),
      packets: flow.packetsIn + flow.packetsOut,
      bytes: flow.bytesIn + flow.bytesOut,
      ...(flow.tcpState === undefined ? {} : { tcp_state: flow.tcpState }),
      idle_ms: Math.round(flow.idleMs),
    })),
    drops: dump.drops.map(({ code, count }) => ({ code, count })),
    source_nat: dump.sourceNat.map(({ firstPort, lastPort, ip, tcp, udp, icmp }) => ({
      ip,
      first_port: firstPort,
      last_port: lastPort,
      tcp: { ...tcp },
      udp: { ...udp },
      icmp: { ...icmp },
    })),
    counters: { ...dump.counters, ...Object.fromEntries(dump.drops.map((drop) => [drop.code, drop.count])) },
  }
}

export function portExplanation(explanation: Explanation): PortExplanation {
  const { version, verdict, reason, detail, nearest, steps, frame } = explanation
  return {
    version,
    verdict,
    ...(reason === undefined ? {} : { reason: { ...reason } }),
    ...(detail === undefined ? {} : { detail }),
    ...(nearest === undefined ? {} : { nearest: nearest.map(nearMiss) }),
    steps: steps.map((step) => ({ ...step })),
    ...(frame === undefined ? {} : { frame: Buffer.from(frame).toString('base64') }),
  }
}

/** @param wallOffsetMs what to add to the engine's milliseconds for a date. */
export function portDrops(port: VirtualPort, wallOffsetMs: number): PortDropGroup[] {
  const samples = new Map<string, DroppedPacket[]>()
  for (const drop of port.recentDrops()) {
    const list = samples.get(drop.reason.code)
    if (list === undefined) samples.set(drop.reason.code, [drop])
    else list.push(drop)
  }
  return port
    .dump()
    .drops.toSorted((a, b) => b.count - a.count)
    .map(({ code, count }) => dropGroup(code, count, samples.get(code) ?? [], wallOffsetMs))
}

function dropGroup(
  code: string,
  count: number,
  samples: readonly DroppedPacket[],
  wallOffsetMs: number,
): PortDropGroup {
  const reason = DROP_REASONS.find((each) => each.code === code)
  const [first, last] = [samples[0], samples.at(-1)]
  return {
    code,
    sentence: reason?.sentence ?? '',
    ...(reason?.hint === undefined ? {} : { hint: reason.hint }),
    count,
    ...(first === undefined ? {} : { first_seen: new Date(wallOffsetMs + first.atMs).toISOString() }),
    ...(last === undefined
      ? {}
      : {
          last_seen: new Date(wallOffsetMs + last.atMs).toISOString(),
          sample: {
            direction: last.direction,
            summary: last.summary,
            detail: last.detail,
            nearest: last.nearest.map(nearMiss),
            frame: Buffer.from(last.sample).toString('base64'),
          },
        }),
  }
}

type ContractNearMiss = NonNullable<PortExplanation['nearest']>[number]

function nearMiss(miss: DroppedPacket['nearest'][number]): ContractNearMiss {
  return { rule: miss.rule, failed: miss.failed.map((failed) => ({ ...failed })) }
}

function layerState(layer: LayerDump): PortState['layers'][number] {
  const rules = (direction: 'in' | 'out'): PortState['layers'][number]['rules'] =>
    (direction === 'in' ? layer.rulesIn : layer.rulesOut).map((rule) => ({
      id: rule.id,
      direction,
      priority: rule.priority,
      predicates: [...rule.predicates],
      action: rule.name,
      hits: rule.hits,
    }))
  return {
    name: layer.name,
    default_in: `${layer.defaultHitsIn} hits`,
    default_out: `${layer.defaultHitsOut} hits`,
    rules: [...rules('in'), ...rules('out')],
  }
}
