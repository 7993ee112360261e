/** Everything known about one prefix: a view of an entry of the RIB, made when somebody looks. */
import type { Prefix } from '@lodestone/net'
import type { Path } from './path.ts'

export interface Route {
  readonly prefix: Prefix
  /** All received paths, usable or not, in no particular order. */
  readonly paths: readonly Path[]
  /** Best path first; empty when none is usable. */
  readonly selected: readonly Path[]
}
