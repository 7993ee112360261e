/** From a packet engine port's dump to the contract's port state. */
import type { PortState, PortSummary } from '@lodestone/contract-sled-agent'
import type { LayerDump, VirtualPort } from '@lodestone/vport'

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

export function portState(instanceId: string, port: VirtualPort): PortState {
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
    })),
    counters: { ...dump.counters, ...Object.fromEntries(dump.drops.map((drop) => [drop.code, drop.count])) },
  }
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
