export {
  Ddm,
  type DdmOptions,
  type DdmPeer,
  type DdmPrefixes,
  type DdmStatus,
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
