export type { PublishSpec } from './publish.ts'
export { ensureArchive } from '@lodestone/nexus'
export { causeOf, type CauseRecords, type CauseResult } from './cause/entry-cause.ts'
export { type KeptStory, StoryKeeper } from './cause/story-keeper.ts'
export { type CaptureOptions, type CapturePoint, captureStream } from './capture.ts'
export { Emulation, type EmulationOptions } from './emulation.ts'
export { applyFault, playFaults, type RackFault, type TimedFault } from './fault-timeline.ts'
export { HostNode } from './host-node.ts'
export { HttpProbes } from './http-probes.ts'
export { type RackNode, tablesOf, type TableSource } from './node-table.ts'
export { lockStateDirectory, type LockResult } from './os-state-directory.ts'
export { CurrentNetwork } from './current-network.ts'
export { compileSwitchProgram } from './os-switch-program.ts'
export { Rack } from './rack.ts'
export { type RackOptions, RackStartError } from './rack-options.ts'
export { parseRackConfig, type RackConfig, type RackConfigResult } from './rack-config.ts'
export { rackInventory } from './rack-inventory.ts'
export { rackNetwork } from './rack-network.ts'
export { rackProbes } from './rack-probes.ts'
export { ProbeStreams } from './probe-stream.ts'
export * as rackPlan from './rack-plan.ts'
export { DEFAULT_POOL_NAME, ensureDefaultPool, obtainToken, RECOVERY } from './rack-setup.ts'
export { rackTopology } from './rack-topology.ts'
export { rackChecks } from './readiness.ts'
export { storyStream } from './story-stream.ts'
export {
  type BgpPeerSpec,
  type BgpSpec,
  type ExternalSpec,
  type HostSpec,
  type InterfaceSpec,
  type LinkSpec,
  type NodeSpec,
  portsOf,
  type SledSpec,
  type SwitchPortSpec,
  type SwitchSpec,
  type Topology,
  topologyErrors,
} from './topology.ts'
export { World, type WorldOptions } from './world.ts'
