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

export interface RouteWrite {
  readonly prefix: Prefix
  /** Empty: the prefix is removed. */
  readonly nextHops: readonly NextHop[]
}

/** Prefixes whose routes somebody else changed, or that anything may have changed. */
export type ForeignChange = readonly ProgrammedRoute[] | 'anything'

export interface ForwardingTarget {
  readonly name: string
  /** Makes the prefix go to exactly these next hops (at least one), whatever it had before. Never rejects. */
  setRoute(prefix: Prefix, nextHops: readonly NextHop[]): Promise<WriteResult>
  /** Removes the prefix; one that is not there is removed successfully. Never rejects. */
  removeRoute(prefix: Prefix): Promise<WriteResult>
  /** The name under which `list` gives an interface back; absent: the one it was given. */
  canonicalInterface?(name: string): string
  /** Whether it finds the interface to a next hop that comes with none (`''`). */
  readonly resolvesInterfaces?: boolean
  /** Two next hops are the same to this target when their keys are; default: address and interface. */
  keyOf?(nextHop: NextHop): string
  /** Many writes at once, at most `batchSize`, in this order; results in the same order. Never rejects. */
  writeBatch?(writes: readonly RouteWrite[]): Promise<readonly WriteResult[]>
  readonly batchSize?: number
  /**
   * Calls `fn` with what others did to routes like ours: next hops as they are now, none for removed ones. With 'anything'
   * it is time to compare everything and to try again what failed. @returns unsubscribe.
   */
  watch?(fn: (change: ForeignChange) => void): () => void
  /** How often everything is compared; default: 30 s, and ten times that where `watch` tells of every change. */
  readonly auditMs?: number
  /** Next hops that one route can have; absent: any number. */
  readonly maxNextHops?: number
  /** What is programmed; absent where the target cannot say. `undefined`: it could not be read just now. */
  list?(): Promise<readonly ProgrammedRoute[] | undefined>
}

/** Order does not matter to a target, so it does not matter here. */
export function nextHopsKey(nextHops: readonly NextHop[], keyOf: (nextHop: NextHop) => string = nextHopKey): string {
  if (nextHops.length === 1) return keyOf(nextHops[0]!)
  return nextHops.map(keyOf).toSorted().join(' ')
}

function nextHopKey({ via, interface: name }: NextHop): string {
  return `${via ?? ''}%${name}`
}
