export { KernelTarget, type KernelRoutes } from './kernel-target.ts'
export {
  type FailingRoute,
  type ForwardingPath,
  LowerHalf,
  type LowerHalfCounter,
  type LowerHalfOptions,
  type LowerHalfStatus,
  type RouteState,
} from './lower-half.ts'
export { MemoryTarget } from './memory-target.ts'
export {
  type RouteCalls,
  SwitchdTarget,
  type SwitchdTargetOptions,
  type SwitchPortName,
  tfportOf,
} from './switchd-target.ts'
export { NetlinkTarget, type NetlinkTargetOptions } from './netlink-target.ts'
export {
  type ForeignChange,
  type ForwardingTarget,
  type NextHop,
  type ProgrammedRoute,
  type RouteWrite,
  type WriteResult,
} from './target.ts'
export {
  BOUNDARY_VNI,
  DEFAULT_TUNNEL_METRIC,
  type TunnelOriginLike,
  TunnelOrigins,
  type TunnelOriginsOptions,
} from './tunnel-origins.ts'
