/**
 * What switchd needs of the switch zone's TCP/IP stack, so that an address on a port is an address of the interface that
 * stands for it. Without one, addresses are only in the tables of the pipeline.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { LldpPort } from './lldp/lldp-port.ts'

export interface SwitchZone {
  /** Makes these the addresses of an interface, its link-local ones aside, each with the subnet that is on its link. */
  setAddresses(interfaceName: string, addresses: readonly Prefix[]): void
  addLoopback(address: Ip): void
  removeLoopback(address: Ip): void
  /** Who speaks LLDP on an interface, if anybody does. */
  lldp(interfaceName: string): LldpPort | undefined
}
