/**
 * An HTTP interface as data: each endpoint is declared once, with the schemas of what goes in and comes out. The
 * server (`implement`), the OpenAPI document (`openApiDocument`) and the typed client (`client`) are all derived from
 * this value, so they cannot disagree.
 */
import type { z } from 'zod'
import type { Accept } from './channel.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** What success looks like. Failures have one shape everywhere: see `ErrorBody`. */
export type SuccessResponse =
  | { readonly status: 200 | 201 | 202; readonly schema: z.ZodType }
  /** No body. */
  | { readonly status: 204 }
  /** No body, and a `location` that the handler says. */
  | { readonly status: 303 }
  /** A body that is produced piece by piece; the value is its media type. */
  | { readonly status: 200; readonly stream: string }
  /** The connection becomes a WebSocket; the handler answers with what is done with it. `client` has no method for it, `channelClient` has. */
  | { readonly status: 101 }

export interface Endpoint {
  /** Unique in its API, snake_case; the name of the client's method. */
  readonly operationId: string
  readonly method: Method
  /** Starts with `/`; a segment `{name}` is a parameter and must be in `params`. */
  readonly path: string
  readonly tags?: readonly string[]
  readonly summary: string
  readonly params?: z.ZodObject
  /** Scalars and arrays of scalars; text is turned into numbers and booleans where the schema wants them. */
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** How the body travels; JSON unless said otherwise. `binary` is any media type, and gives the handler the bytes. */
  readonly bodyEncoding?: 'json' | 'form' | 'binary'
  readonly response: SuccessResponse
  /** Marks a list operation that takes `limit` and `page_token` and answers `{items, next_page}`. */
  readonly paginated?: boolean
}

export interface Api<E extends readonly Endpoint[] = readonly Endpoint[]> {
  readonly title: string
  readonly version: string
  readonly endpoints: E
}

type ParamsOf<E> = E extends { readonly params: infer S extends z.ZodType } ? z.output<S> : Record<never, never>
type QueryOf<E> = E extends { readonly query: infer S extends z.ZodType } ? z.output<S> : Record<never, never>
type BodyOf<E> = E extends { readonly body: infer S extends z.ZodType } ? z.output<S> : undefined

/** What a successful call yields: the schema's type, a byte stream, or nothing. */
export type ValueOf<E> = E extends { readonly response: { readonly schema: infer S extends z.ZodType } }
  ? z.output<S>
  : E extends { readonly response: { readonly stream: string } }
    ? ReadableStream<Uint8Array>
    : E extends { readonly response: { readonly status: 101 } }
      ? Accept
      : undefined

/** What a handler is given: validated input, and what `before` returned as `context`. */
export interface Call<E, Context> {
  readonly params: ParamsOf<E>
  readonly query: QueryOf<E>
  readonly body: BodyOf<E>
  readonly context: Context
  readonly request: Request
  readonly requestId: string
}

export type OperationOf<A extends Api, Id extends string> = Extract<A['endpoints'][number], { operationId: Id }>
export type OperationIds<A extends Api> = A['endpoints'][number]['operationId']

/** Declares an endpoint; the type keeps every literal and schema. */
export function endpoint<const E extends Endpoint>(declaration: E): E {
  const named = [...declaration.path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!)
  const declared = Object.keys(declaration.params?.shape ?? {})
  if (named.join() !== declared.join()) {
    throw new Error(`${declaration.operationId}: path names {${named}} but params are {${declared}}`)
  }
  return declaration
}

/** Declares an API. Throws when two endpoints share an operation id, or a method and path. */
export function api<const E extends readonly Endpoint[]>(declaration: Api<E>): Api<E> {
  const seen = new Set<string>()
  for (const { operationId, method, path } of declaration.endpoints) {
    const route = `${method} ${path.replace(/\{[^}]+\}/g, '{}')}`
    for (const key of [operationId, route]) {
      if (seen.has(key)) throw new Error(`${declaration.title}: ${key} is declared twice`)
      seen.add(key)
    }
  }
  return declaration
}
