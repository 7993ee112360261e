/** What the layers of a port may look at besides the packet. */
import type { Arena } from '@lodestone/frame'
import type { FlowCache } from '../flow-cache.ts'
import type { TunnelEndpoints } from '../tunnel-endpoints.ts'
import type { VirtualToPhysical } from '../virtual-to-physical.ts'

export interface LayerContext {
  readonly arena: Arena
  readonly virtualToPhysical: VirtualToPhysical
  readonly tunnelEndpoints: TunnelEndpoints
  readonly cache: FlowCache
  /** Grows with each change of the port's configuration that can change a verdict. */
  epoch: number
}
