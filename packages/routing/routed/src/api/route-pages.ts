/**
 * Pages through a routing table of any size. Routes come in the order of the table's slots, which costs nothing to find
 * again: a page token is the slot to go on at. Routes that come and go between two pages may be missed or seen; others not.
 */
import { decodePageToken, encodePageToken, type Page, pageLimit } from '@lodestone/api'
import { Prefix } from '@lodestone/net'
import type { Rib, Route } from '@lodestone/rib'
import { z } from 'zod'

/** Slots looked at for one page: a filter that lets little through gives short pages, not long silences. */
const MAX_SLOTS = 50_000

export interface RouteIterator {
  /** The first route at or after `slot` and the slot behind it; undefined at the end. Slots without routes are skipped, at most `max`. */
  next(slot: number, max: number): { readonly route: Route | undefined; readonly slot: number } | undefined
}

/** @param within only routes of this prefix and those inside it. */
export function routeIterator(rib: Rib, within?: string): RouteIterator {
  const outer = within === undefined ? undefined : Prefix.of(within).masked()
  const { store } = rib
  return {
    next(slot, max) {
      const { v4, v6 } = store
      // IPv4 first, then IPv6: a slot is an index into one after the other.
      const v4Slots = v4.end
      const end = v4Slots + v6.end
      const limit = Math.min(end, slot + max)
      for (let at = slot; at < limit; at++) {
        const table = at < v4Slots ? v4 : v6
        const index = at < v4Slots ? at : at - v4Slots
        if (table.flags[index] === 0 || table.firstPath[index]! < 0) continue
        if (outer !== undefined && outer.family !== table.family) continue
        const ref = index * 2 + (table.family === 6 ? 1 : 0)
        if (outer !== undefined && !outer.covers(store.prefix(ref))) continue
        return { route: store.route(ref), slot: at + 1 }
      }
      return limit >= end ? undefined : { route: undefined, slot: limit }
    },
  }
}

/** @param itemsOf what of a route is listed: nothing, or several items, which always come on one page. */
export function pageRoutes<Item>(
  query: { readonly limit?: number | undefined; readonly page_token?: string | undefined },
  routes: RouteIterator,
  itemsOf: (route: Route) => readonly Item[],
): Page<Item> {
  const limit = pageLimit(query)
  let slot = query.page_token === undefined ? 0 : decodePageToken(query.page_token, z.int().min(0))
  const items: Item[] = []
  let left = MAX_SLOTS
  while (items.length < limit && left > 0) {
    const found = routes.next(slot, left)
    if (found === undefined) return { items, next_page: null }
    left -= found.slot - slot
    slot = found.slot
    if (found.route !== undefined) items.push(...itemsOf(found.route))
  }
  return { items, next_page: encodePageToken(slot) }
}
