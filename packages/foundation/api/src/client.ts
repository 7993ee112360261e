/**
 * The client half of a contract: one typed method per endpoint over anything that turns a `Request` into a
 * `Response`: `httpFetch(network)`, or the server's handler itself in a test. Answers are parsed with the declared
 * schemas. Failures are values, and each has a `message` fit for a log.
 */
import type { z } from 'zod'
import type { Api, Endpoint, OperationIds, OperationOf, ValueOf } from './endpoint.ts'
import { ErrorBody } from './http-error.ts'

export type FetchLike = (request: Request) => Promise<Response>

export type CallFailure =
  /** The server answered with an error status. */
  | {
      readonly ok: false
      readonly kind: 'refused'
      readonly status: number
      readonly message: string
      readonly errorCode?: string
      readonly requestId?: string
    }
  /** No answer: connection refused, reset, timed out. */
  | { readonly ok: false; readonly kind: 'unreachable'; readonly message: string; readonly cause: unknown }
  /** An answer that is not what the contract says. */
  | { readonly ok: false; readonly kind: 'bad-answer'; readonly status: number; readonly message: string }

export type CallResult<T> =
  | { readonly ok: true; readonly status: number; readonly value: T; readonly headers: Headers }
  | CallFailure

type Input<E, Key extends string> = E extends { readonly [K in Key]: infer S extends z.ZodType }
  ? Record<never, never> extends z.input<S>
    ? { readonly [K in Key]?: z.input<S> }
    : { readonly [K in Key]: z.input<S> }
  : Record<never, never>

export type CallInput<E> = Input<E, 'params'> &
  Input<E, 'query'> &
  Input<E, 'body'> & { readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal }

export type ClientMethod<E> =
  Record<never, never> extends CallInput<E>
    ? (input?: CallInput<E>) => Promise<CallResult<ValueOf<E>>>
    : (input: CallInput<E>) => Promise<CallResult<ValueOf<E>>>

/** One method for each operation that is a request and an answer. */
export type Client<A extends Api> = {
  readonly [
    Id in OperationIds<A> as OperationOf<A, Id> extends { readonly response: { readonly status: 101 } } ? never : Id
  ]: ClientMethod<OperationOf<A, Id>>
}

interface AnyInput {
  readonly params?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** @param baseUrl `http://[fd00::1]:12224`, without a slash at its end; may carry a path prefix. */
export function client<A extends Api>(api: A, fetchLike: FetchLike, baseUrl: string): Client<A> {
  const methods: Record<string, (input?: AnyInput) => Promise<CallResult<unknown>>> = {}
  for (const endpoint of api.endpoints) {
    if (endpoint.response.status === 101) continue
    methods[endpoint.operationId] = async (input = {}) => {
      let response: Response
      try {
        response = await fetchLike(makeRequest(endpoint, input, baseUrl))
      } catch (cause) {
        return { ok: false, kind: 'unreachable', message: `${baseUrl}: ${messageOf(cause)}`, cause }
      }
      return readAnswer(endpoint, response)
    }
  }
  // because there is one method for each endpoint of A, and makeRequest sends what CallInput<E> describes
  return methods as unknown as Client<A>
}

export function makeRequest(endpoint: Endpoint, input: AnyInput, baseUrl: string): Request {
  const path = endpoint.path.replace(/\{([^}]+)\}/g, (_, name: string) =>
    encodeURIComponent(String(input.params?.[name])),
  )
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value === undefined || value === null) continue
    for (const item of Array.isArray(value) ? value : [value]) search.append(name, String(item))
  }
  const query = search.size === 0 ? '' : `?${search}`
  const headers = new Headers(input.headers)
  let body: string | undefined
  if (input.body !== undefined) {
    if (endpoint.bodyEncoding === 'form') {
      // because a form body is declared as an object of scalars
      body = new URLSearchParams(input.body as Record<string, string>).toString()
      headers.set('content-type', 'application/x-www-form-urlencoded')
    } else {
      body = JSON.stringify(input.body)
      headers.set('content-type', 'application/json')
    }
  }
  return new Request(`${baseUrl}${path}${query}`, {
    method: endpoint.method,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  })
}

export async function readAnswer(endpoint: Endpoint, response: Response): Promise<CallResult<unknown>> {
  const { status, headers } = response
  const declared = endpoint.response
  if (status === declared.status && 'stream' in declared) {
    return { ok: true, status, value: response.body ?? new ReadableStream(), headers }
  }
  let text: string
  try {
    text = await response.text()
  } catch (cause) {
    return { ok: false, kind: 'unreachable', message: `the answer broke off: ${messageOf(cause)}`, cause }
  }
  const json = parseJson(text)
  if (status >= 400) {
    const error = ErrorBody.safeParse(json)
    if (!error.success) return { ok: false, kind: 'refused', status, message: text.slice(0, 500) || `status ${status}` }
    const { error_code: errorCode, message, request_id: requestId } = error.data
    return { ok: false, kind: 'refused', status, message, requestId, ...(errorCode === undefined ? {} : { errorCode }) }
  }
  if (status !== declared.status) {
    const message = `${endpoint.operationId}: status ${status} instead of ${declared.status}`
    return { ok: false, kind: 'bad-answer', status, message }
  }
  if (!('schema' in declared)) return { ok: true, status, value: undefined, headers }
  const value = declared.schema.safeParse(json)
  if (value.success) return { ok: true, status, value: value.data, headers }
  const issue = value.error.issues[0]
  const message = `${endpoint.operationId}: bad answer at ${issue?.path.join('.')}: ${issue?.message}`
  return { ok: false, kind: 'bad-answer', status, message }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
