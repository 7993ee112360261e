/**
 * Pages of a list. The token that asks for the next page is opaque to clients: base64url of a small JSON value that
 * remembers what is listed, in which order, and where the page stopped, so a page can be fetched from any server at any time.
 */
import { z } from 'zod'
import { ApiFailure } from './api-error.ts'

export const DEFAULT_PAGE_LIMIT = 100
export const MAX_PAGE_LIMIT = 10_000
const MAX_TOKEN_BYTES = 512

/** The query fields that every list operation takes; spread into its `query` schema. */
export const pageFields = {
  limit: z.int().min(1).max(0xffff_ffff).optional().describe('Maximum number of items to return'),
  page_token: z.string().optional().describe('Token from the previous page, to get the next one'),
} as const

/** Items per page: 100 unless asked, at most 10 000. */
export function pageLimit(query: { readonly limit?: number | undefined }): number {
  return Math.min(query.limit ?? DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT)
}

export interface Page<T> {
  readonly items: T[]
  readonly next_page: string | null
}

/** The schema of a page of `item`. */
export function pageOf<S extends z.ZodType>(
  item: S,
): z.ZodObject<{ items: z.ZodArray<S>; next_page: z.ZodNullable<z.ZodString> }> {
  return z.object({ items: z.array(item), next_page: z.string().nullable() })
}

export function encodePageToken(position: unknown): string {
  return Buffer.from(JSON.stringify({ v: 'v1', page_start: position })).toString('base64url')
}

/** Throws an `ApiFailure` (400) on a token this server did not make. */
export function decodePageToken<S extends z.ZodType>(token: string, position: S): z.output<S> {
  const parsed = position.safeParse(openToken(token).page_start)
  if (!parsed.success) throw badToken('corrupted token')
  return parsed.data
}

/**
 * The query of a request for a page. A token brings that of the first page along, all but the limit: whoever follows it need not say
 * again what is listed, and cannot say otherwise. Throws an `ApiFailure` (400) on a token that is none.
 */
export function querySearch(search: URLSearchParams): URLSearchParams {
  const token = search.get('page_token')
  if (token === null) return search
  const { scan } = openToken(token)
  if (scan === undefined) return search
  const whole = new URLSearchParams(scan)
  whole.set('page_token', token)
  const limit = search.get('limit')
  if (limit !== null) whole.set('limit', limit)
  return whole
}

/** A page whose token, if there is one, brings `search` along. */
export function withSearch(page: unknown, search: URLSearchParams): unknown {
  const next = z.object({ next_page: z.string() }).safeParse(page)
  if (!next.success) return page
  const scan = new URLSearchParams(search)
  scan.delete('page_token')
  scan.delete('limit')
  const token = Buffer.from(JSON.stringify({ ...openToken(next.data.next_page), scan: scan.toString() }))
  // because it is a page
  return { ...(page as object), next_page: token.toString('base64url') }
}

const Envelope = z.object({ v: z.literal('v1'), page_start: z.unknown(), scan: z.string().optional() })

function openToken(token: string): z.output<typeof Envelope> {
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length > MAX_TOKEN_BYTES) throw badToken('too large')
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw badToken('corrupted token')
    throw error
  }
  const envelope = Envelope.safeParse(json)
  if (!envelope.success) throw badToken('corrupted token')
  return envelope.data
}

/** One page of a list that is in memory. `key` must be unique; items are sorted by it, as text. */
export function pageInMemory<T>(
  items: readonly T[],
  query: { readonly limit?: number | undefined; readonly page_token?: string | undefined },
  key: (item: T) => string,
): Page<T> {
  const after = query.page_token === undefined ? undefined : decodePageToken(query.page_token, z.string())
  const limit = pageLimit(query)
  const rest = items
    .map((item) => ({ item, key: key(item) }))
    .filter((entry) => after === undefined || entry.key > after)
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  return {
    items: page.map((entry) => entry.item),
    next_page: rest.length > limit && last !== undefined ? encodePageToken(last.key) : null,
  }
}

function badToken(reason: string): ApiFailure {
  const message = `unable to parse query string: failed to parse pagination token: ${reason}`
  return new ApiFailure({ kind: 'protocol', status: 400, message })
}
