/**
 * The server half of a contract: `implement(api, handlers)` is a function from `Request` to `Response`. It needs no
 * socket, so a test calls it directly and a daemon hands it to `serveHttp`. It never rejects: whatever a handler
 * throws becomes a response with the request's id, and `onError` sees the details.
 */
import { ApiFailure, type ApiError } from './api-error.ts'
import { type Accept, upgradeResponse } from './channel.ts'
import { decodeBody, decodeParams, decodeQuery } from './decode.ts'
import type { Api, Call, Endpoint, OperationIds, OperationOf, ValueOf } from './endpoint.ts'
import { errorResponse, httpError } from './http-error.ts'
import type { Pause } from './json-pieces.ts'
import { querySearch, withSearch } from './pagination.ts'
import { Router } from './router.ts'

export type HttpHandler = (request: Request) => Promise<Response>

/** A value together with response headers, for the few operations that set some. */
export class Reply<T> {
  readonly value: T
  readonly headers: Readonly<Record<string, string>>

  constructor(value: T, headers: Readonly<Record<string, string>>) {
    this.value = value
    this.headers = headers
  }
}

type Outcome<T> = (undefined extends T ? T | void : T) | Reply<T> | Response

/** A handler answers with the declared value, a `Reply`, or (rarely) a `Response` of its own making. */
export type Handler<E, Context = undefined> = (
  call: Call<E, Context>,
) => Outcome<ValueOf<E>> | Promise<Outcome<ValueOf<E>>>

export type Handlers<A extends Api, Context = undefined> = {
  readonly [Id in OperationIds<A>]: Handler<OperationOf<A, Id>, Context>
}

export interface RequestFailure {
  readonly requestId: string
  /** Absent when no endpoint matched. */
  readonly operationId?: string
  readonly error: ApiError
  /** What was thrown, for errors that are not an `ApiFailure`. */
  readonly cause?: unknown
}

/** Between the JSON of a client of an older version of the interface and that of the declared one. */
export interface Conversion {
  /** From any JSON that was sent, before it is checked. */
  readonly body: (json: unknown) => unknown
  readonly response: (value: unknown) => unknown
}

export interface CompletedCall<Context> {
  readonly request: Request
  readonly endpoint: Endpoint
  readonly requestId: string
  /** Undefined when `before` refused the request. */
  readonly context: Context | undefined
  readonly status: number
  /** What the caller is told, when it failed. */
  readonly error?: { readonly code?: string; readonly message: string }
}

export interface ImplementOptions<Context> {
  /** Runs after routing and before anything of the request is parsed: authentication, versions. May throw. */
  readonly before?: (call: {
    readonly request: Request
    readonly endpoint: Endpoint
    readonly requestId: string
  }) => Context | Promise<Context>
  /** For clients of an older version; runs after `before`. */
  readonly convert?: (call: { readonly request: Request; readonly endpoint: Endpoint }) => Conversion | undefined
  /** Unique per request; the default counts, which is enough for tests. */
  readonly newRequestId?: () => string
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number
  /** Awaited between pieces of less than a millisecond, in which long JSON bodies are then read: for who shares a thread with packets. */
  readonly pause?: Pause
  readonly onError?: (failure: RequestFailure) => void
  /**
   * Runs when the answer to a request that matched an endpoint is known, and is awaited before it is given. What it
   * rejects with is the answer instead: an operation that must be recorded is not acknowledged when it is not.
   */
  readonly after?: (call: CompletedCall<Context>) => void | Promise<void>
  /** Answers requests that no endpoint matches; undefined means the usual 404. */
  readonly fallback?: (request: Request, requestId: string) => Promise<Response | undefined> | Response | undefined
  /** Parses every response with its schema, so that tests catch a handler that lies. */
  readonly checkResponses?: boolean
}

export function implement<A extends Api, Context = undefined>(
  api: A,
  handlers: Handlers<A, Context>,
  options: ImplementOptions<Context> = {},
): HttpHandler {
  const router = new Router(api.endpoints)
  const newRequestId = options.newRequestId ?? countingIds()
  // because Handlers<A> has exactly one handler for each endpoint of A, which the index type cannot express
  const byId = handlers as unknown as Readonly<Record<string, Handler<Endpoint, Context>>>
  interface Seen {
    endpoint?: Endpoint
    context?: Context
  }
  const respond = async (request: Request, requestId: string, seen: Seen): Promise<Response> => {
    const url = new URL(request.url)
    const match = router.match(request.method, url.pathname)
    if (match.kind !== 'found') {
      const other = await options.fallback?.(request, requestId)
      if (other !== undefined) return other
      throw new ApiFailure(
        match.kind === 'no-path'
          ? { kind: 'protocol', status: 404, message: 'Not Found' }
          : {
              kind: 'protocol',
              status: 405,
              message: 'Method Not Allowed',
              headers: { allow: match.allowed.join(', ') },
            },
      )
    }
    const { endpoint } = match
    seen.endpoint = endpoint
    // because without `before` the context type is undefined
    const context = (await options.before?.({ request, endpoint, requestId })) as Context
    seen.context = context
    const params = valueOf(decodeParams(endpoint, match.params))
    const search = endpoint.paginated === true ? querySearch(url.searchParams) : url.searchParams
    const query = valueOf(decodeQuery(endpoint, search))
    const conversion = options.convert?.({ request, endpoint })
    const maxBytes = options.maxBodyBytes ?? 1 << 20
    const read = await decodeBody(endpoint, request, { maxBytes, convert: conversion?.body, pause: options.pause })
    const body = valueOf(read)
    // because the decoders parsed each part with this endpoint's schemas
    const call = { params, query, body, context, request, requestId } as Call<Endpoint, Context>
    const outcome: unknown = await byId[endpoint.operationId]!(call)
    const told = endpoint.paginated === true && !(outcome instanceof Response) ? withSearch(outcome, search) : outcome
    return toResponse(endpoint, told, requestId, options.checkResponses ?? false, conversion)
  }
  const failed = (thrown: unknown, requestId: string, { endpoint }: Seen): ApiError => {
    const error: ApiError = thrown instanceof ApiFailure ? thrown.error : { kind: 'internal', internal: String(thrown) }
    const operation = endpoint === undefined ? {} : { operationId: endpoint.operationId }
    const cause = thrown instanceof ApiFailure ? {} : { cause: thrown }
    options.onError?.({ requestId, ...operation, error, ...cause })
    return error
  }
  return async (request) => {
    const requestId = newRequestId()
    const seen: Seen = {}
    let response: Response
    let error: ApiError | undefined
    try {
      response = await respond(request, requestId, seen)
    } catch (thrown) {
      error = failed(thrown, requestId, seen)
      response = errorResponse(error, requestId)
    }
    const { endpoint, context } = seen
    if (options.after === undefined || endpoint === undefined) return response
    try {
      const { status } = response
      const outcome = error === undefined ? {} : { error: httpError(error) }
      await options.after({ request, endpoint, requestId, context, status, ...outcome })
      return response
    } catch (thrown) {
      return errorResponse(failed(thrown, requestId, seen), requestId)
    }
  }
}

function valueOf<T>(decoded: { ok: true; value: T } | { ok: false; error: ApiError }): T {
  if (!decoded.ok) throw new ApiFailure(decoded.error)
  return decoded.value
}

function toResponse(
  endpoint: Endpoint,
  outcome: unknown,
  requestId: string,
  check: boolean,
  conversion: Conversion | undefined,
): Response {
  if (outcome instanceof Response) {
    outcome.headers.set('x-request-id', requestId)
    return outcome
  }
  const value: unknown = outcome instanceof Reply ? outcome.value : outcome
  const headers = { 'x-request-id': requestId, ...(outcome instanceof Reply ? outcome.headers : {}) }
  const { response } = endpoint
  // because ValueOf such an endpoint is what to do with the connection
  if (response.status === 101) return upgradeResponse(value as Accept, headers)
  if ('stream' in response) {
    // because ValueOf of a streaming endpoint is a byte stream
    return new Response(value as ReadableStream<Uint8Array>, {
      status: response.status,
      headers: { ...headers, 'content-type': response.stream },
    })
  }
  if (!('schema' in response)) return new Response(null, { status: response.status, headers })
  if (check) response.schema.parse(value)
  return Response.json(conversion === undefined ? value : conversion.response(value), {
    status: response.status,
    headers,
  })
}

function countingIds(): () => string {
  let count = 0
  return () => `00000000-0000-4000-8000-${(++count).toString(16).padStart(12, '0')}`
}
