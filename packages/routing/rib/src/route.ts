/** Everything known about one prefix: an entry of the RIB. */
import type { Prefix } from '@lodestone/net'
import type { Path } from './path.ts'

export interface Route {
  readonly prefix: Prefix
  /** All received paths, usable or not, in no particular order. */
  readonly paths: readonly Path[]
  /** Best path first; empty when none is usable. */
  readonly selected: readonly Path[]
}

/** The same as the RIB and its adjacencies edit it. */
export interface MutableRoute extends Route {
  paths: Path[]
  selected: readonly Path[]
}
