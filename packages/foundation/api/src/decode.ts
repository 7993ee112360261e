/**
 * From the text of a request to typed values: path parameters, query string, body. Anything wrong becomes a tagged
 * result that names the field; nothing here throws on what a client sent.
 */
import { z } from 'zod'
import type { ApiError } from './api-error.ts'
import type { Endpoint } from './endpoint.ts'
import { LONG_CHARS, type Pause, readInPieces } from './json-pieces.ts'
import { findJsonError, findJsonPath } from './json-position.ts'

/** Issues carry the value that was refused. */
const REPORT = { reportInput: true } as const

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ApiError }

export function decodeParams(endpoint: Endpoint, params: Readonly<Record<string, string>>): Decoded<unknown> {
  if (endpoint.params === undefined) return { ok: true, value: {} }
  if (Object.values(params).some(hasNul)) return invalid(`bad parameter in URL path: ${NO_NUL}`)
  const text = new URLSearchParams(params)
  const result = endpoint.params.safeParse(scalarsFromText(endpoint.params, text), REPORT)
  if (result.success) return { ok: true, value: result.data }
  return invalid(`bad parameter in URL path: ${describeIssues(result.error.issues)}`)
}

export function decodeQuery(endpoint: Endpoint, search: URLSearchParams): Decoded<unknown> {
  if (endpoint.query === undefined) return { ok: true, value: {} }
  for (const text of search.values()) if (hasNul(text)) return invalid(`unable to parse query string: ${NO_NUL}`)
  const result = endpoint.query.safeParse(scalarsFromText(endpoint.query, search), REPORT)
  if (result.success) return { ok: true, value: result.data }
  return invalid(`unable to parse query string: ${describeIssues(result.error.issues)}`)
}

export interface BodyOptions {
  readonly maxBytes: number
  /** What is sent as JSON goes through it before it is checked. */
  readonly convert?: ((json: unknown) => unknown) | undefined
  /** Between the pieces in which long JSON is then read. */
  readonly pause?: Pause | undefined
}

export async function decodeBody(
  endpoint: Endpoint,
  request: Request,
  { maxBytes, convert, pause }: BodyOptions,
): Promise<Decoded<unknown>> {
  if (Number(request.headers.get('content-length') ?? 0) >= LONG_CHARS) await pause?.()
  const bytes = await readBody(request, maxBytes, pause)
  if (bytes === undefined) {
    const message = `request body exceeded maximum size of ${maxBytes} bytes`
    return { ok: false, error: { kind: 'protocol', status: 413, message } }
  }
  if (endpoint.body === undefined) return { ok: true, value: undefined }
  if (endpoint.bodyEncoding === 'binary') return { ok: true, value: bytes }
  const wanted = endpoint.bodyEncoding === 'form' ? 'application/x-www-form-urlencoded' : 'application/json'
  const type = request.headers.get('content-type')?.split(';')[0]!.trim().toLowerCase()
  if (type !== undefined && type !== '' && type !== wanted) {
    return invalid(`expected content type "${wanted}", got "${type}"`)
  }
  const isLong = pause !== undefined && bytes.length >= LONG_CHARS
  if (isLong) await pause()
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return invalid('unable to parse body: it is not UTF-8')
    throw error
  }
  if (endpoint.bodyEncoding === 'form') return decodeForm(endpoint.body, text)
  if (isLong && convert === undefined && !text.includes(NUL_ESCAPE)) {
    await pause()
    const read = await readInPieces(endpoint.body, text, pause)
    if (read !== undefined) return { ok: true, value: read.value }
  }
  return decodeJson(endpoint.body, text, convert ?? ((json) => json))
}

/** JSON can have the character as an escape only. */
const NUL_ESCAPE = '\\u0000'
/** Databases end texts with it, so none can have it inside. */
const NO_NUL = 'a text must not contain the character U+0000'

function hasNul(text: string): boolean {
  return text.includes('\u0000')
}

function decodeForm(schema: z.ZodType, text: string): Decoded<unknown> {
  const fields = new URLSearchParams(text)
  for (const value of fields.values()) if (hasNul(value)) return invalid(`unable to parse URL-encoded body: ${NO_NUL}`)
  const result = schema.safeParse(
    schema instanceof z.ZodObject ? scalarsFromText(schema, fields) : Object.fromEntries(fields),
    REPORT,
  )
  if (result.success) return { ok: true, value: result.data }
  return invalid(`unable to parse URL-encoded body: ${describeIssues(result.error.issues)}`)
}

function decodeJson(schema: z.ZodType, text: string, convert: (json: unknown) => unknown): Decoded<unknown> {
  let json: unknown
  try {
    json = JSON.parse(text)
    if (text.includes(NUL_ESCAPE) && hasNulInside(json)) return invalid(`unable to parse JSON body: ${NO_NUL}`)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const found = findJsonError(text) ?? { message: 'syntax error', line: 1, column: 1 }
    return invalid(`unable to parse JSON body: ${found.message} at line ${found.line} column ${found.column}`)
  }
  const result = schema.safeParse(convert(json), REPORT)
  if (result.success) return { ok: true, value: result.data }
  const issue = deepest(result.error.issues)
  const { line, column } = findJsonPath(text, issue.path)
  return invalid(`unable to parse JSON body: ${describeIssue(issue)} at line ${line} column ${column}`)
}

function hasNulInside(json: unknown): boolean {
  if (typeof json === 'string') return hasNul(json)
  if (typeof json !== 'object' || json === null) return false
  return Object.entries(json).some(([key, value]) => hasNul(key) || hasNulInside(value))
}

function invalid(message: string): Decoded<never> {
  // Parse errors carry no machine-readable code, as in Dropshot.
  return { ok: false, error: { kind: 'protocol', status: 400, message } }
}

/** Undefined when the body is longer than `maxBytes`; the rest is not read. */
async function readBody(request: Request, maxBytes: number, pause?: Pause): Promise<Uint8Array | undefined> {
  if (request.body === null) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = request.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > maxBytes) {
      await reader.cancel()
      return undefined
    }
    chunks.push(value)
    // A chunk is up to 64 kB.
    if (length >= LONG_CHARS) await pause?.()
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Text fields as the numbers, booleans and arrays that the schema asks for; what does not convert stays text. */
function scalarsFromText(schema: z.ZodObject, fields: URLSearchParams): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(schema.shape)) {
    const texts = fields.getAll(name)
    if (texts.length === 0) continue
    const inner = unwrap(field)
    if (inner instanceof z.ZodArray) {
      const element = unwrap(inner.element)
      out[name] = texts.map((text) => scalarFromText(element, text))
    } else {
      out[name] = scalarFromText(inner, texts[0]!)
    }
  }
  return out
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodDefault) {
    inner = inner.unwrap()
  }
  return inner
}

function scalarFromText(schema: z.core.$ZodType, text: string): unknown {
  if (schema instanceof z.ZodNumber && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (schema instanceof z.ZodBoolean && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

type Issue = z.core.$ZodIssue

/** The issue that says most: inside a union, the one that went furthest into the value. */
function deepest(issues: readonly Issue[]): Issue {
  const first = issues[0]!
  if (first.code !== 'invalid_union' || first.errors.length === 0) return first
  const inner = first.errors
    .filter((alternative) => alternative.length > 0)
    .map((alternative) => deepest(alternative))
    .sort((a, b) => b.path.length - a.path.length)[0]
  if (inner === undefined || inner.path.length === 0) return first
  return { ...inner, path: [...first.path, ...inner.path] }
}

function describeIssues(issues: readonly Issue[]): string {
  return describeIssue(deepest(issues))
}

function describeIssue(issue: Issue): string {
  // No text holds `undefined`: a value that is, is a field that is not there.
  if (issue.path.length > 0 && 'input' in issue && issue.input === undefined) {
    const parent = pathText(issue.path.slice(0, -1))
    return `${parent === '' ? '' : `${parent}: `}missing field \`${String(issue.path.at(-1))}\``
  }
  const path = pathText(issue.path)
  return `${path === '' ? '' : `${path}: `}${issue.message.replace(/^Invalid input: /, '').replace(/^[A-Z]/, (c) => c.toLowerCase())}`
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`))
    .join('')
}
