/** Which external address a connection uses. Kept with the connection, so that answers come from where they went. */
import type { AddressWords } from './address-words.ts'
import type { SnatPool } from './snat-pool.ts'

export interface NatMapping {
  readonly kind: 'floating' | 'ephemeral' | 'snat'
  readonly family: 4 | 6
  readonly external: AddressWords
  readonly externalText: string
  /** The address and port as the guest knows itself. */
  readonly private: AddressWords
  /** The leased port or identifier; -1 for 1:1 translation. */
  readonly port: number
  /** Where the port goes back to. */
  readonly pool: SnatPool | undefined
  /** Rule name for stories. */
  readonly rule: string
}
