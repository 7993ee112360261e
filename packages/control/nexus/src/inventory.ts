/** The hardware that the control plane is told it has. */
import type { SwitchSlot } from '@lodestone/contract-nexus'

export interface InventorySled {
  readonly id: string
  readonly name: string
  /** Where its agent listens: `http://[fd00:1122:3344:101::1]:12345`. */
  readonly baseUrl: string
  /** IPv6 address of its packet engine on the underlay: where tunnels to its instances end. */
  readonly underlayAddress: string
}

export interface InventorySwitch {
  readonly id: string
  readonly name: string
  /** Which of the rack's switches it is. */
  readonly slot: SwitchSlot
  /** Where its switchd listens: `http://[fd00:1122:3344:101::2]:12224`. */
  readonly baseUrl: string
  /** Where its routed listens: `http://[fd00:1122:3344:101::2]:4676`. */
  readonly routedUrl: string
  /** The ports that face the world, as they are called: `qsfp0`. */
  readonly ports: readonly string[]
}

export interface Inventory {
  readonly rackId: string
  readonly sleds: readonly InventorySled[]
  readonly switches: readonly InventorySwitch[]
}
