/** Where routes are programmed. A target does what it is told, one prefix at a time, or says why it could not. */
import type { Ip, Prefix } from '@lodestone/net'

export interface NextHop {
  /** Absent: the destination itself is on the link. May be of the other family than the prefix. */
  readonly via: Ip | undefined
  readonly interface: string
}

export type WriteResult = { readonly ok: true } | { readonly ok: false; readonly reason: string }

export interface ProgrammedRoute {
  readonly prefix: Prefix
  readonly nextHops: readonly NextHop[]
}

export interface ForwardingTarget {
  readonly name: string
  /** Makes the prefix go to exactly these next hops (at least one), whatever it had before. Never rejects. */
  setRoute(prefix: Prefix, nextHops: readonly NextHop[]): Promise<WriteResult>
  /** Removes the prefix; one that is not there is removed successfully. Never rejects. */
  removeRoute(prefix: Prefix): Promise<WriteResult>
  /** The name under which `list` gives an interface back; absent: the one it was given. */
  canonicalInterface?(name: string): string
  /** Next hops that one route can have; absent: any number. */
  readonly maxNextHops?: number
  /** What is programmed; absent where the target cannot say. `undefined`: it could not be read just now. */
  list?(): Promise<readonly ProgrammedRoute[] | undefined>
}

/** Order does not matter to a target, so it does not matter here. */
export function nextHopsKey(nextHops: readonly NextHop[]): string {
  return nextHops
    .map(({ via, interface: name }) => `${via ?? ''}%${name}`)
    .toSorted()
    .join(' ')
}
