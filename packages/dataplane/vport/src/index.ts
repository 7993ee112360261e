export { checkPortConfig, type ConfigError } from './config-check.ts'
export { DROP_REASONS, dropReason } from './drop-reasons.ts'
export type { DroppedPacket } from './drop-ring.ts'
export { VportEngine } from './engine.ts'
export type { EngineStats, VportEngineOptions } from './engine-options.ts'
export { BOUNDARY_MAC, BOUNDARY_VNI, GATEWAY_LINK_LOCAL, GATEWAY_MAC } from './gateway/gateway-address.ts'
export {
  FLOW_LOG_VERSION,
  type FlowEntry,
  type FlowLogEntry,
  type FlowLogOptions,
  type RefusedEntry,
} from './flow-log.ts'
export type { PortGeneration } from './engine-past.ts'
export type { ShadowEngine } from './shadow-engine.ts'
export type { ShadowPort } from './shadow-port.ts'
export { FLOW_SNAPSHOT_VERSION, type FlowSnapshot, type RestoreResult, type SavedFlow } from './flow-snapshot.ts'
export type { ExternalMapping } from './external-addresses.ts'
export type { GroupSubscription, MulticastGroup } from './multicast-groups.ts'
export type { LayerDump, LayerName } from './layer.ts'
export type {
  DhcpConfig,
  ExternalIp,
  ExternalIps,
  FirewallRule,
  HostFilter,
  IpConfig,
  MulticastSubscription,
  NumberRange,
  PortConfig,
  RateLimit,
  RateLimits,
  ProtocolFilter,
  Route,
  RouteTarget,
  SourceNat,
  TransitIp,
} from './port-config.ts'
export type { FlowDump, PortDump } from './port-dump.ts'
export type { ApplyResult, ConfigSection } from './port-state.ts'
export type { RuleDump } from './rule-table.ts'
export type { PoolUsage } from './snat-pool.ts'
export type { SourceNatUsage } from './snat-pools.ts'
export type { TunnelEndpoint, TunnelRoute } from './tunnel-endpoints.ts'
export type { UnderlayPeerList } from './underlay-peers.ts'
export type { GuestSide, VirtualPort } from './virtual-port.ts'
export type { VirtualMapping } from './virtual-to-physical.ts'
export { type Direction, type Explanation, EXPLANATION_VERSION } from './walk.ts'
