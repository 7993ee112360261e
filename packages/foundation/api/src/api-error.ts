/**
 * Everything that can go wrong in a request, as one union. What the caller may read and what only the log may say are
 * kept apart: fields called `internal` never leave the process. The mapping to HTTP is in `http-error.ts` only.
 */

export type ApiError =
  /** Also the answer when the caller may not know that the object exists. */
  | { readonly kind: 'object-not-found'; readonly type: string; readonly lookup: { name: string } | { id: string } }
  | { readonly kind: 'object-already-exists'; readonly type: string; readonly name: string }
  /** Who the caller is could not be established. */
  | { readonly kind: 'unauthenticated'; readonly internal: string }
  | { readonly kind: 'forbidden'; readonly internal?: string }
  | { readonly kind: 'invalid-request'; readonly message: string }
  | { readonly kind: 'invalid-value'; readonly label: string; readonly message: string }
  /** The request is fine but not in the present state of the object. */
  | { readonly kind: 'conflict'; readonly message: string }
  /** Try again later. */
  | { readonly kind: 'unavailable'; readonly message: string; readonly internal?: string }
  /** No address, sled or quota left. */
  | { readonly kind: 'insufficient-capacity'; readonly message: string; readonly internal?: string }
  | { readonly kind: 'not-implemented'; readonly message: string }
  | { readonly kind: 'internal'; readonly internal: string }
  /** A failure of HTTP itself: no such path, wrong method, body too large. */
  | {
      readonly kind: 'protocol'
      readonly status: number
      readonly message: string
      readonly headers?: Readonly<Record<string, string>>
    }

/** Carries an `ApiError` out of a handler, through any transaction that has to roll back on the way. */
export class ApiFailure extends Error {
  readonly error: ApiError

  constructor(error: ApiError, options?: ErrorOptions) {
    super(`${error.kind}: ${describe(error)}`, options)
    this.name = 'ApiFailure'
    this.error = error
  }
}

export function objectNotFound(type: string, lookup: { name: string } | { id: string }): ApiFailure {
  return new ApiFailure({ kind: 'object-not-found', type, lookup })
}

export function invalidRequest(message: string): ApiFailure {
  return new ApiFailure({ kind: 'invalid-request', message })
}

function describe(error: ApiError): string {
  if ('message' in error) return error.message
  if ('internal' in error) return error.internal ?? ''
  return JSON.stringify(error)
}
