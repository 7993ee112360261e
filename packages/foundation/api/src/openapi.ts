/**
 * The OpenAPI 3.0.3 document of a contract. Schemas with an id (`.meta({ id: 'Vpc' })`) become named components; a
 * schema used for input and output under one name must look the same in both.
 */
import { z } from 'zod'
import type { Api, Endpoint } from './endpoint.ts'
import { ErrorBody } from './http-error.ts'

type Json = { [key: string]: unknown }

export function openApiDocument(api: Api): Json {
  const components = new Components()
  const paths: Record<string, Json> = {}
  for (const endpoint of [...api.endpoints].sort(byPathAndMethod)) {
    const item = (paths[endpoint.path] ??= {})
    item[endpoint.method.toLowerCase()] = operation(endpoint, components)
  }
  const error = {
    description: 'Error',
    content: { 'application/json': { schema: components.of(ErrorBody, 'output') } },
  }
  return {
    openapi: '3.0.3',
    info: { title: api.title, version: api.version },
    paths,
    components: { responses: { Error: error }, schemas: components.sorted() },
  }
}

/** The text that is checked in as `openapi.json`. */
export function openApiText(api: Api): string {
  return `${JSON.stringify(openApiDocument(api), null, 2)}\n`
}

const MEDIA_TYPES = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  binary: 'application/octet-stream',
} as const

function operation(endpoint: Endpoint, components: Components): Json {
  const parameters = [
    ...parametersOf(endpoint.params, 'path', components),
    ...parametersOf(endpoint.query, 'query', components, endpoint.paginated),
  ]
  const { response } = endpoint
  const success: Json = { description: 'successful operation' }
  if ('stream' in response) success['content'] = { [response.stream]: { schema: {} } }
  else if ('schema' in response) {
    success['content'] = { 'application/json': { schema: components.of(response.schema, 'output') } }
  }
  const mediaType = MEDIA_TYPES[endpoint.bodyEncoding ?? 'json']
  return {
    ...(endpoint.tags === undefined ? {} : { tags: endpoint.tags }),
    summary: endpoint.summary,
    operationId: endpoint.operationId,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(endpoint.body === undefined
      ? {}
      : {
          requestBody: {
            content: {
              [mediaType]: {
                schema:
                  endpoint.bodyEncoding === 'binary'
                    ? { type: 'string', format: 'binary' }
                    : components.of(endpoint.body, 'input'),
              },
            },
            required: true,
          },
        }),
    responses:
      response.status === 101
        ? { default: { description: '', content: { '*/*': { schema: {} } } } }
        : {
            [response.status]: success,
            '4XX': { $ref: '#/components/responses/Error' },
            '5XX': { $ref: '#/components/responses/Error' },
          },
    ...(response.status === 101 ? { 'x-dropshot-websocket': {} } : {}),
    ...(endpoint.paginated === true ? { 'x-dropshot-pagination': { required: firstPageOf(endpoint) } } : {}),
  }
}

/** What a request for the first page must say; the token of a later one says it. */
function firstPageOf({ query }: Endpoint): string[] {
  return Object.entries(query?.shape ?? {}).flatMap(([name, schema]) =>
    schema.safeParse(undefined).success ? [] : name,
  )
}

function parametersOf(
  schema: z.ZodObject | undefined,
  where: 'path' | 'query',
  components: Components,
  isPaginated = false,
): Json[] {
  if (schema === undefined) return []
  const whole = components.of(schema, 'input')
  const required = new Set((whole['required'] as string[] | undefined) ?? [])
  // because the JSON schema of a zod object lists its properties
  const properties = whole['properties'] as Record<string, Json>
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    in: where,
    name,
    ...(description === undefined ? {} : { description }),
    ...(required.has(name) && !isPaginated ? { required: true } : {}),
    schema: rest,
  }))
}

/** Collects the named schemas while the operations are written. */
class Components {
  readonly #byName = new Map<string, string>()

  of(schema: z.ZodType, io: 'input' | 'output'): Json {
    const raw = z.toJSONSchema(schema, { target: 'openapi-3.0', io }) as Json
    const { definitions, ...root } = raw
    for (const [name, definition] of Object.entries((definitions ?? {}) as Record<string, Json>)) {
      this.#define(name, definition)
    }
    const id = root['id']
    if (typeof id !== 'string') return clean(root)
    this.#define(id, root)
    return { $ref: `#/components/schemas/${id}` }
  }

  sorted(): Json {
    const names = [...this.#byName.keys()].sort()
    return Object.fromEntries(names.map((name) => [name, JSON.parse(this.#byName.get(name)!)]))
  }

  #define(name: string, definition: Json): void {
    const text = JSON.stringify(clean(definition))
    const known = this.#byName.get(name)
    if (known !== undefined && known !== text) {
      throw new Error(`two schemas are called ${name}:\n${known}\n${text}`)
    }
    this.#byName.set(name, text)
  }
}

/** Formats that say more than zod's regular expression for them. */
const SELF_EXPLAINING = new Set(['uuid', 'date-time', 'ipv4', 'ipv6'])

function clean(value: Json): Json {
  const out: Json = {}
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'id' && typeof inner === 'string') continue
    if (key === 'additionalProperties' && inner === false) continue
    if (key === 'pattern' && SELF_EXPLAINING.has(String(value['format']))) continue
    if ((key === 'maximum' || key === 'minimum') && Math.abs(Number(inner)) === Number.MAX_SAFE_INTEGER) continue
    if (key === '$ref') out[key] = String(inner).replace('#/definitions/', '#/components/schemas/')
    else if (key === 'properties') {
      const properties = Object.entries(inner as Record<string, Json>)
      out[key] = Object.fromEntries(properties.map(([name, property]) => [name, clean(property)]))
    } else out[key] = cleanAny(inner)
  }
  return out
}

function cleanAny(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleanAny)
  return typeof value === 'object' && value !== null ? clean(value as Json) : value
}

function byPathAndMethod(a: Endpoint, b: Endpoint): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1
  return a.method < b.method ? -1 : 1
}
