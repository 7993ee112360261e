/** The hardware that the control plane is told it has. */
import type { SwitchSlot } from '@lodestone/contract-nexus'

/** A sled that the rack is built with; those that come later are found. */
export interface InventorySled {
  readonly id: string
  /** Its place in the rack. */
  readonly slot: number
  readonly baseboard: { readonly serial: string; readonly part: string; readonly revision: number }
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
  /** Where the management gateway beside it listens; without one, sleds that come later are not found. */
  readonly gatewayUrl?: string
  /** The ports that face the world, as they are called: `qsfp0`. */
  readonly ports: readonly string[]
}

/**
 * A service of the rack that the world reaches: an instance of the operator's on a sled, with a port of the packet engine and a whole
 * external address. It is not in the store; the rack is built with it.
 */
interface InventoryServicePort {
  /** `dns0`. */
  readonly name: string
  readonly externalAddress: string
  /** Of its sled's packet engine. */
  readonly underlayAddress: string
  readonly mac: string
  readonly vni: number
}

export type InventoryService =
  | (InventoryServicePort & {
      readonly kind: 'dns'
      /** Where it is told its zones: `http://[fd00:1122:3344:101::1]:5353`. */
      readonly configUrl: string
    })
  | (InventoryServicePort & { readonly kind: 'api' })

export interface Inventory {
  readonly rackId: string
  readonly sleds: readonly InventorySled[]
  readonly switches: readonly InventorySwitch[]
  readonly services?: readonly InventoryService[]
  /** Underlay addresses of the name servers for the rack's own services; they are told their zone on the port of their contract. */
  readonly internalDns?: readonly string[]
  /** Sleds that come later are used when an operator has added them to the rack's membership; else by themselves. */
  readonly areSledsApproved?: boolean
  /** The resolvers that guests are told of by DHCP. */
  readonly dnsServers?: readonly string[]
  /** The zone that is delegated to the rack: `oxide.test`. */
  readonly dnsZone?: string
}
