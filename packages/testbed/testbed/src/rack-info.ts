/** A running rack as the control socket describes it: its nodes with their addresses, and its links with their counts. */
import type { RackInfo } from '@lodestone/contract-testbed'
import type { Link } from '@lodestone/link'
import type { Ip } from '@lodestone/net'
import type { Emulation } from './emulation.ts'
import type { SledNode } from './sled-node.ts'
import type { HostSpec, NodeSpec } from './topology.ts'

const SHELL_COMMANDS = ['help', 'ip', 'ping', 'curl']

type NodeInfo = RackInfo['nodes'][number]

/** Nodes of the topology, and the instances that run on its sleds. */
export function nodeInfos(emulation: Emulation): NodeInfo[] {
  const nodes = emulation.topology.nodes.map((spec) => ({
    name: spec.name,
    kind: kindOf(spec),
    addresses: addressesOf(spec).map(String),
    commands: emulation.nodes.has(spec.name) ? SHELL_COMMANDS : [],
  }))
  return [...nodes, ...emulation.sleds().flatMap(instanceInfos)]
}

export function linkInfo(link: Link): RackInfo['links'][number] {
  const forth = link.counters('a-to-b')
  const back = link.counters('b-to-a')
  const { delayMs, rateBps, loss } = link.impairments('a-to-b')
  const lost = (counters: typeof forth): number => Object.values(counters.drops).reduce((sum, count) => sum + count, 0)
  return {
    name: link.name,
    a: link.a.name,
    b: link.b.name,
    up: link.isUp,
    delay_ms: delayMs,
    rate_bps: Number.isFinite(rateBps) ? rateBps : 0,
    loss,
    frames: forth.framesIn + back.framesIn,
    bytes: forth.bytesIn + back.bytesIn,
    lost: lost(forth) + lost(back),
  }
}

function instanceInfos(sled: SledNode): NodeInfo[] {
  return [...sled.agent.instances.values()].map((instance) => ({
    name: instance.desired.hostname,
    kind: 'instance' as const,
    addresses: instance.desired.nics.flatMap((nic) => [nic.ipv4?.ip, nic.ipv6?.ip].filter((ip) => ip !== undefined)),
    commands: instance.guest?.exec === undefined ? [] : SHELL_COMMANDS,
  }))
}

function kindOf(spec: NodeSpec): NodeInfo['kind'] {
  if (spec.kind === 'external') return 'other'
  if (spec.kind !== 'host') return spec.kind
  return spec.forwarding ? 'router' : 'client'
}

function addressesOf(spec: NodeSpec): readonly Ip[] {
  switch (spec.kind) {
    case 'host': {
      const own: HostSpec = spec
      return [...own.loopbacks, ...own.interfaces.flatMap((each) => each.addresses.map((prefix) => prefix.address))]
    }
    case 'sled':
      return [spec.address]
    case 'switch':
      return [spec.zoneAddress, spec.tunnelEndpoint]
    case 'external':
      return []
  }
}
