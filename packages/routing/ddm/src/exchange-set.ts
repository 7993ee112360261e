/** A set of path vectors and tunnel endpoints, keyed by identity, with the differences that pushes are made of. */
import {
  type Announcements,
  type ExchangeSnapshot,
  type ExchangeUpdate,
  type PathVector,
  type TunnelOrigin,
  tunnelKey,
  vectorKey,
} from './exchange-message.ts'

export interface ExchangeSet {
  readonly underlay: Map<string, PathVector>
  readonly tunnel: Map<string, TunnelOrigin>
}

export function emptySet(): ExchangeSet {
  return { underlay: new Map(), tunnel: new Map() }
}

export function setOf(snapshot: ExchangeSnapshot): ExchangeSet {
  return {
    underlay: new Map(snapshot.underlay.map((vector) => [vectorKey(vector), vector])),
    tunnel: new Map(snapshot.tunnel.map((origin) => [tunnelKey(origin), origin])),
  }
}

export function snapshotOf(set: ExchangeSet): ExchangeSnapshot {
  return { underlay: [...set.underlay.values()], tunnel: [...set.tunnel.values()] }
}

/** Withdrawals first: what an update both withdraws and announces is there afterwards. */
export function applyUpdate(set: ExchangeSet, update: ExchangeUpdate): void {
  for (const vector of update.underlay?.withdraw ?? []) set.underlay.delete(vectorKey(vector))
  for (const vector of update.underlay?.announce ?? []) set.underlay.set(vectorKey(vector), vector)
  for (const origin of update.tunnel?.withdraw ?? []) set.tunnel.delete(tunnelKey(origin))
  for (const origin of update.tunnel?.announce ?? []) set.tunnel.set(tunnelKey(origin), origin)
}

/**
 * What must be said to someone who holds `told`, and may hold `maybe`, so that they hold `desired`.
 * @param limit items at most; saying these and asking again gives the rest.
 * @returns `undefined` when there is nothing to say.
 */
export function differenceOf(
  told: ExchangeSet,
  maybe: ExchangeSet,
  desired: ExchangeSet,
  limit = Infinity,
): ExchangeUpdate | undefined {
  const underlay = listsOf(told.underlay, maybe.underlay, desired.underlay, limit)
  const left = limit - (underlay === undefined ? 0 : underlay.announce.length + underlay.withdraw.length)
  const tunnel = listsOf(told.tunnel, maybe.tunnel, desired.tunnel, left)
  return underlay === undefined && tunnel === undefined ? undefined : { underlay, tunnel }
}

function listsOf<Item>(
  told: ReadonlyMap<string, Item>,
  maybe: ReadonlyMap<string, Item>,
  desired: ReadonlyMap<string, Item>,
  limit: number,
): Announcements<Item> | undefined {
  const announce: Item[] = []
  const withdraw: Item[] = []
  for (const [key, item] of desired) {
    if (announce.length >= limit) break
    if (!told.has(key)) announce.push(item)
  }
  const room = limit - announce.length
  for (const [key, item] of told) if (withdraw.length < room && !desired.has(key)) withdraw.push(item)
  for (const [key, item] of maybe) {
    if (withdraw.length < room && !desired.has(key) && !told.has(key)) withdraw.push(item)
  }
  return announce.length === 0 && withdraw.length === 0 ? undefined : { announce, withdraw }
}

export function isSameSet(a: ExchangeSet, b: ExchangeSet): boolean {
  return isSameKeys(a.underlay, b.underlay) && isSameKeys(a.tunnel, b.tunnel)
}

function isSameKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a.size !== b.size) return false
  for (const key of a.keys()) if (!b.has(key)) return false
  return true
}
