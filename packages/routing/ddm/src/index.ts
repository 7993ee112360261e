export {
  Ddm,
  type DdmOptions,
  type DdmPeer,
  type DdmPrefixes,
  type DdmStatus,
  type DdmTransition,
  type DdmTunnel,
  type InterfaceSelector,
  type TunnelWatcher,
} from './ddm.ts'
export { type PortCounter, type PortTransition } from './ddm-port.ts'
export {
  decodeDiscovery,
  DISCOVERY_GROUP,
  DISCOVERY_PORT,
  type DiscoveryPacket,
  encodeDiscovery,
  type RouterKind,
} from './discovery-packet.ts'
export { formatExactJson, parseExactJson } from './exact-json.ts'
export {
  type ExchangeSnapshot,
  type ExchangeUpdate,
  type ExchangeVersion,
  type PathVector,
  type TunnelOrigin,
} from './exchange-message.ts'
export { EXCHANGE_PORT } from './http-exchange.ts'
export { type MemoryLink, MemoryLinks, MemoryNode } from './memory-links.ts'
export { DEFAULT_TIMING, type Timing } from './timing.ts'
export { effectiveTunnels, type TunnelEndpoint } from './tunnel-set.ts'
export {
  type AnswerProblem,
  DelayDrivenPaths,
  type OwnQueues,
  type PathStatus,
} from './multipath/delay-driven-paths.ts'
export { FlowletTable } from './multipath/flowlet-table.ts'
export {
  DEFAULT_MULTIPATH,
  ELEMENT_COST_BYTES,
  type MultipathOptions,
  PROBE_COST_BYTES,
} from './multipath/multipath-options.ts'
export { pick, weightsOf } from './multipath/path-weights.ts'
export { STAMP_PERIOD_US, stampDifference, stampOf } from './multipath/timestamp.ts'
