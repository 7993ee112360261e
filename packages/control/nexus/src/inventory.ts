/** The hardware that the control plane is told it has. */

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
  /** Where its switchd listens: `http://[fd00:1122:3344:101::2]:12224`. */
  readonly baseUrl: string
}

export interface Inventory {
  readonly rackId: string
  readonly sleds: readonly InventorySled[]
  readonly switches: readonly InventorySwitch[]
}
