/** Connections of a port between the contract's form and the packet engine's. */
import type { SavedFlows } from '@lodestone/contract-sled-agent'
import type { FlowSnapshot, SavedFlow } from '@lodestone/vport'
import { FLOW_SNAPSHOT_VERSION } from '@lodestone/vport'

type ContractFlow = SavedFlows['flows'][number]

export function savedFlows({ version, portId, flows }: FlowSnapshot): SavedFlows {
  return { version, port_id: portId, flows: flows.map(savedFlow) }
}

function savedFlow(flow: SavedFlow): ContractFlow {
  const { family, protocol, initiator, nat, finAck } = flow
  return {
    family,
    protocol,
    initiator,
    age_ms: flow.ageMs,
    idle_ms: flow.idleMs,
    remote_vni: flow.remoteVni,
    guest_port: flow.guestPort,
    firewall_rule: flow.firewallRule,
    tcp_state: flow.tcpState,
    ...(finAck === undefined ? {} : { fin_ack: finAck }),
    out_key: [...flow.outKey],
    in_key: [...flow.inKey],
    ...(nat === undefined ? {} : { nat: { ...nat } }),
  }
}

/** @returns what the engine takes, or why it cannot be taken. */
export function flowSnapshot(saved: SavedFlows, portId: string): FlowSnapshot | string {
  const { version } = saved
  if (version !== FLOW_SNAPSHOT_VERSION) {
    return `flows are of version ${version}, and version ${FLOW_SNAPSHOT_VERSION} is understood here`
  }
  if (saved.port_id !== portId) return `these are the flows of port ${saved.port_id}`
  return { version, portId, flows: saved.flows.map(engineFlow) }
}

function engineFlow(flow: ContractFlow): SavedFlow {
  const { family, protocol, initiator, nat } = flow
  return {
    family,
    protocol,
    initiator,
    ageMs: flow.age_ms,
    idleMs: flow.idle_ms,
    remoteVni: flow.remote_vni,
    guestPort: flow.guest_port,
    firewallRule: flow.firewall_rule,
    tcpState: flow.tcp_state,
    ...(flow.fin_ack === undefined ? {} : { finAck: flow.fin_ack }),
    outKey: flow.out_key,
    inKey: flow.in_key,
    ...(nat === undefined ? {} : { nat }),
  }
}
