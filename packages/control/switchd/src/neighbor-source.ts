/** What the switch needs of the TCP/IP stack of its zone: next hops' MAC addresses. The stack is adapted to this. */
import type { Ip, Mac } from '@lodestone/net'

export interface NeighborSource {
  /** Asks for a MAC address on an interface (`tfportqsfp0`). The answer, if any, comes by `onNeighbor`, also when it was known before. */
  resolve(interfaceName: string, ip: Ip): void
  /** Called when an address becomes known, changes or is confirmed, and with undefined when it is forgotten. @returns unsubscribe. */
  onNeighbor(fn: (interfaceName: string, ip: Ip, mac: Mac | undefined) => void): () => void
  /** Everything known now. */
  neighbors(): Iterable<{ readonly interfaceName: string; readonly ip: Ip; readonly mac: Mac }>
}
