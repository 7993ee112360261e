/** What all ports of one engine share. */
import type { Arena } from '@lodestone/frame'
import type { Clock } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { Tracer } from '@lodestone/probe'
import type { ConfigJournal } from './config-journal.ts'
import type { ExternalAddresses } from './external-addresses.ts'
import type { FlowTable } from './flow-table.ts'
import type { MulticastGroups } from './multicast-groups.ts'
import type { PortState } from './port-state.ts'
import type { TunnelEndpoints } from './tunnel-endpoints.ts'
import type { UnderlayPeers } from './underlay-peers.ts'
import type { Versions } from './versions.ts'
import type { VirtualToPhysical } from './virtual-to-physical.ts'

export interface EngineScope {
  /** Name of the sled in stories. */
  readonly node: string
  readonly arena: Arena
  readonly clock: Clock
  readonly tracer: Tracer
  readonly underlayAddress: Ip
  readonly virtualToPhysical: VirtualToPhysical
  readonly tunnelEndpoints: TunnelEndpoints
  readonly externalAddresses: ExternalAddresses
  readonly groups: MulticastGroups<PortState>
  readonly versions: Versions
  readonly flows: FlowTable
  readonly peers: UnderlayPeers
  /** Largest IP packet on the underlay, outer header included. */
  readonly underlayMtuBytes: number
  /** Largest IP packet that leaves for the internet. */
  readonly externalMtuBytes: number
  readonly connectionsPerPort: number
  /** Told what a port was configured to before. */
  readonly journal: ConfigJournal
}
