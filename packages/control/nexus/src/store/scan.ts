/**
 * Keyset pagination: a page starts after the last key of the one before, so it stays right while rows come and go.
 */
import { decodePageToken, encodePageToken, type Page, pageLimit } from '@lodestone/api'
import { type SelectQueryBuilder, sql } from 'kysely'
import { z } from 'zod'
import type { Database } from './schema.ts'

export type SortMode = 'name_ascending' | 'name_descending' | 'id_ascending'

export interface Scan {
  readonly sortBy: SortMode
  /** The last key of the page before. */
  readonly after: string | undefined
  readonly limit: number
}

const Position = z.object({
  sort_by: z.enum(['name_ascending', 'name_descending', 'id_ascending']),
  after: z.string(),
})

export interface PageQuery {
  readonly limit?: number | undefined
  readonly page_token?: string | undefined
  readonly sort_by?: SortMode | undefined
}

/** What a list query asks for. A token brings its own sort order. Throws an `ApiFailure` on a bad token. */
export function scanOf(query: PageQuery, defaultSort: SortMode = 'name_ascending'): Scan {
  const limit = pageLimit(query)
  if (query.page_token === undefined) return { sortBy: query.sort_by ?? defaultSort, after: undefined, limit }
  const position = decodePageToken(query.page_token, Position)
  return { sortBy: position.sort_by, after: position.after, limit }
}

/** Orders and cuts a query: one row more than the page holds, to know whether there is another. */
export function scanned<Tables extends keyof Database, Row>(
  query: SelectQueryBuilder<Database, Tables, Row>,
  table: string,
  scan: Scan,
): SelectQueryBuilder<Database, Tables, Row> {
  const column = sql.ref<string>(`${table}.${scan.sortBy === 'id_ascending' ? 'id' : 'name'}`)
  const descending = scan.sortBy === 'name_descending'
  const cut = query.orderBy(column, descending ? 'desc' : 'asc').limit(scan.limit + 1)
  return scan.after === undefined ? cut : cut.where(column, descending ? '<' : '>', scan.after)
}

/** The page of `rows` as `scanned` selected them. */
export function pageOfRows<Row extends { id: string }, T>(
  rows: readonly Row[],
  scan: Scan,
  convert: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, scan.limit)
  const last: (Row & { name?: string | null }) | undefined = shown.at(-1)
  const key = scan.sortBy === 'id_ascending' ? last?.id : last?.name
  const hasMore = rows.length > scan.limit && key !== undefined && key !== null
  return {
    items: shown.map(convert),
    next_page: hasMore ? encodePageToken({ sort_by: scan.sortBy, after: key }) : null,
  }
}

/** A row that was looked up by its id, with the project that it is in: whoever asks must be allowed to see that. */
export type Owned<Row> = Row & { readonly owning_project_id: string }

/** The condition that a name or id stands for. */
export function refColumn(ref: string): 'id' | 'name' {
  return isId(ref) ? 'id' : 'name'
}

export function isId(ref: string): boolean {
  return /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(ref)
}
