/** What the layers of a port may look at besides the packet. */
import type { Arena } from '@lodestone/frame'
import type { ExternalAddresses } from '../external-addresses.ts'
import type { FlowCache } from '../flow-cache.ts'
import type { JoinedGroups } from '../joined-groups.ts'
import type { MulticastGroups } from '../multicast-groups.ts'
import type { TunnelEndpoints } from '../tunnel-endpoints.ts'
import type { Versions } from '../versions.ts'
import type { VirtualToPhysical } from '../virtual-to-physical.ts'

export interface LayerContext {
  /** Underlay address of the sled, 16 bytes. */
  readonly underlaySource: Uint8Array
  readonly arena: Arena
  readonly virtualToPhysical: VirtualToPhysical
  readonly tunnelEndpoints: TunnelEndpoints
  readonly externalAddresses: ExternalAddresses
  readonly groups: MulticastGroups
  readonly versions: Versions
  readonly cache: FlowCache
  /** What the guest has joined itself. */
  readonly joined: JoinedGroups
  /** Grows with each change of the port's configuration that can change a verdict. */
  epoch: number
}
