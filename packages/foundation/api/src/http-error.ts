/**
 * `ApiError` to HTTP: the only place where an error gets its status, code and text. The body is Dropshot's: an optional
 * machine-readable code, a message for people, and the request id to quote in a report.
 */
import { z } from 'zod'
import type { ApiError } from './api-error.ts'

export const ErrorBody = z
  .object({
    error_code: z.string().optional(),
    message: z.string(),
    request_id: z.string(),
  })
  .meta({ id: 'Error', description: 'Error information from a response.' })

export type ErrorBody = z.output<typeof ErrorBody>

interface HttpError {
  readonly status: number
  readonly code?: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

export function httpError(error: ApiError): HttpError {
  switch (error.kind) {
    case 'object-not-found': {
      const what = 'name' in error.lookup ? `name "${error.lookup.name}"` : `id "${error.lookup.id}"`
      return { status: 404, code: 'ObjectNotFound', message: `not found: ${error.type} with ${what}` }
    }
    case 'object-already-exists':
      return { status: 400, code: 'ObjectAlreadyExists', message: `already exists: ${error.type} "${error.name}"` }
    case 'unauthenticated':
      return { status: 401, code: 'Unauthorized', message: 'credentials missing or invalid' }
    case 'forbidden':
      return { status: 403, code: 'Forbidden', message: 'Forbidden' }
    case 'invalid-request':
      return { status: 400, code: 'InvalidRequest', message: error.message }
    case 'invalid-value':
      return { status: 400, code: 'InvalidValue', message: `unsupported value for "${error.label}": ${error.message}` }
    case 'conflict':
      return { status: 409, code: 'Conflict', message: error.message }
    case 'unavailable':
      return { status: 503, code: 'ServiceNotAvailable', message: `Service Unavailable: ${error.message}` }
    case 'insufficient-capacity':
      return { status: 507, code: 'InsufficientCapacity', message: `Insufficient capacity: ${error.message}` }
    case 'not-implemented':
      return { status: 501, code: 'NotImplemented', message: error.message }
    case 'internal':
      return { status: 500, code: 'Internal', message: 'Internal Server Error' }
    case 'protocol':
      return {
        status: error.status,
        message: error.message,
        ...(error.headers === undefined ? {} : { headers: error.headers }),
      }
    default: {
      const unreachable: never = error
      return unreachable
    }
  }
}

export function errorResponse(error: ApiError, requestId: string): Response {
  const { status, code, message, headers } = httpError(error)
  const body: ErrorBody = { ...(code === undefined ? {} : { error_code: code }), message, request_id: requestId }
  return Response.json(body, { status, headers: { ...headers, 'x-request-id': requestId } })
}
