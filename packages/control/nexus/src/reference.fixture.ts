/**
 * Checks responses against the published interface. Tests read its document from beside the repository, when it is
 * there; nothing of it is copied into the repository.
 */
import { existsSync, readFileSync } from 'node:fs'
import { acceptOf, type FetchLike } from '@lodestone/api'
import { nexusApi } from '@lodestone/contract-nexus'
import { Ajv, type ValidateFunction } from 'ajv'
import { conversionFor } from './api/version.ts'

/** Relative to this folder: the repository's root is four levels up. */
export const REFERENCE_URL = new URL('../../../../../shared/data/nexus-openapi.json', import.meta.url)
export const REFERENCE_MISSING = 'the reference document is not beside the repository'

/** The reference document; undefined where it is not. */
export function readReference(): string | undefined {
  return existsSync(REFERENCE_URL) ? readFileSync(REFERENCE_URL, 'utf8') : undefined
}

type Json = { [key: string]: unknown }

export interface ReferenceCheck {
  /** Wraps a handler; every response that passes through is compared. */
  watch(handler: FetchLike): FetchLike
  /** How many requests of which operation were answered, and how many of them with success. */
  readonly checked: Map<string, number>
  readonly succeeded: Map<string, number>
  readonly problems: string[]
}

type Compare = (operationId: string, where: string, response: Response, body: unknown) => void

/** @param text the reference document; undefined: responses are counted and not compared. */
export function referenceCheck(text: string | undefined): ReferenceCheck {
  const checked = new Map<string, number>()
  const succeeded = new Map<string, number>()
  const problems: string[] = []
  const compare: Compare = text === undefined ? () => {} : comparison(text, problems)
  const watch = (handler: FetchLike): FetchLike => {
    return async (request) => {
      const response = await handler(request)
      const endpoint = nexusApi.endpoints.find((e) => e.method === request.method && matches(e.path, request.url))
      if (endpoint === undefined) return response
      const { operationId } = endpoint
      checked.set(operationId, (checked.get(operationId) ?? 0) + 1)
      const isUpgrade = acceptOf(response) !== undefined
      if (response.status < 400 || isUpgrade) succeeded.set(operationId, (succeeded.get(operationId) ?? 0) + 1)
      // What a client of an older version gets is not what the document says.
      if (conversionFor(request.headers.get('api-version'), operationId) !== undefined) return response
      if (isUpgrade) return response // what follows is no HTTP
      const body = await response.clone().text()
      const where = `${endpoint.path} ${endpoint.method.toLowerCase()}`
      compare(operationId, where, response, body === '' ? undefined : JSON.parse(body))
      return response
    }
  }
  return { watch, checked, succeeded, problems }
}

function comparison(text: string, problems: string[]): Compare {
  // because an OpenAPI document is an object
  const document = withoutNullable(JSON.parse(text)) as Json
  // Each validator is used a few times: code that is made quickly is worth more than code that runs quickly.
  const quickly = { code: { optimize: false }, inlineRefs: false } as const
  const ajv = new Ajv({ strict: false, allErrors: true, formats: FORMATS, ...quickly })
  ajv.addSchema(document, 'reference')
  const validators = new Map<string, ValidateFunction>()
  const validator = (pointer: string): ValidateFunction => {
    const known = validators.get(pointer) ?? ajv.compile({ $ref: `reference#${pointer}` })
    validators.set(pointer, known)
    return known
  }
  return (operationId, where, response, body) => {
    const [path, method] = where.split(' ')
    const declared = (document['paths'] as Json)[path!] as Json | undefined
    const operation = declared?.[method!] as Json | undefined
    if (operation === undefined) return void problems.push(`${operationId}: no such operation`)
    const responses = operation['responses'] as Json
    const status = String(response.status)
    if (responses['default'] !== undefined) return // free form
    if (response.status >= 400) {
      if (!validator('/components/schemas/Error')(body)) problems.push(`${operationId} ${status}: no error body`)
      return
    }
    const answer = responses[status] as Json | undefined
    if (answer === undefined) return void problems.push(`${operationId}: status ${status} is not declared`)
    if (answer['content'] === undefined) return
    const pointer = `/paths/${escape(path!)}/${method}/responses/${status}/content/${escape('application/json')}/schema`
    const validate = validator(pointer)
    if (!validate(body)) problems.push(`${operationId}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(body)}`)
  }
}

/** `METHOD path operation_id` of everything in the reference. */
export function referenceOperations(text: string): string[] {
  const document = JSON.parse(text) as { paths: Record<string, Record<string, Json>> }
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => `${method.toUpperCase()} ${path} ${operation['operationId']}`),
  )
}

const ANY_INTEGER = { type: 'number' as const, validate: Number.isInteger }
const FORMATS = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  ipv4: /^\d+(\.\d+){3}$/,
  ipv6: /^(?=.*:)[0-9a-f:.]+$/i,
  ip: /^[0-9a-f:.]+$/i,
  byte: true as const,
  double: true as const,
  float: true as const,
  uint8: ANY_INTEGER,
  uint16: ANY_INTEGER,
  uint32: ANY_INTEGER,
  uint64: ANY_INTEGER,
  uint: ANY_INTEGER,
  int8: ANY_INTEGER,
  int16: ANY_INTEGER,
  int32: ANY_INTEGER,
  int64: ANY_INTEGER,
}

/** OpenAPI 3.0's `nullable` as JSON Schema has it. */
function withoutNullable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNullable)
  if (typeof value !== 'object' || value === null) return value
  const { nullable, ...rest } = value as Json
  const out = Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, withoutNullable(inner)]))
  return nullable === true ? { anyOf: [out, { type: 'null' }] } : out
}

function matches(template: string, url: string): boolean {
  const segments = template.split('/')
  const actual = new URL(url).pathname.split('/')
  if (segments.length !== actual.length) return false
  return segments.every((segment, i) => segment.startsWith('{') || segment === actual[i])
}

function escape(text: string): string {
  return encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'))
}
