/** Which external address a connection uses. Kept with the connection, so that answers come from where they went. */
import type { AddressWords } from './address-words.ts'
import type { SnatPool } from './snat-pool.ts'

export interface NatMapping {
  readonly kind: 'floating' | 'ephemeral' | 'snat'
  readonly family: 4 | 6
  readonly external: AddressWords
  readonly externalText: string
  /** The address as the guest knows itself. */
  readonly private: AddressWords
  /** Where leased ports go back to; `undefined` for 1:1 translation. */
  readonly pool: SnatPool | undefined
  /** Rule name for stories. */
  readonly rule: string
}

export function isSameMapping(a: NatMapping, b: NatMapping): boolean {
  return (
    a.kind === b.kind &&
    a.pool === b.pool &&
    a.rule === b.rule &&
    a.externalText === b.externalText &&
    a.private.every((word, i) => word === b.private[i])
  )
}
