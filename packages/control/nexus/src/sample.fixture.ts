/** A value that a schema takes, made from its JSON Schema: for tests that then do one thing wrong with it. */
import { z } from 'zod'

type Json = { readonly [key: string]: unknown }

/** Texts of every kind that the interface knows; the first that a pattern or format takes is used. */
const TEXTS = [
  'sample',
  '6c6f6465-7374-4f6e-8500-000000000001',
  '192.0.2.1',
  '192.0.2.0/24',
  'fd00:1122:3344::/48',
  'fd00::1',
  '2026-01-01T00:00:00.000Z',
  '80',
  'c2FtcGxl',
  'a8:40:25:f0:00:01',
]

/** Undefined when none is found. */
export function sampleOf(schema: z.ZodType): unknown {
  const document = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json
  const definitions = (document['$defs'] ?? {}) as Record<string, Json>
  // What a schema checks beside its JSON Schema decides between the texts.
  for (const text of TEXTS) {
    const value = sample(document, definitions, text)
    if (schema.safeParse(value).success) return value
  }
  return undefined
}

function sample(schema: Json, definitions: Record<string, Json>, text: string): unknown {
  const inner = (other: unknown): unknown => sample(other as Json, definitions, text)
  const { $ref: ref, anyOf, oneOf, allOf } = schema as { $ref?: string; anyOf?: Json[]; oneOf?: Json[]; allOf?: Json[] }
  if (ref !== undefined) {
    const name = ref.split('/').at(-1)!
    return KNOWN[name] ?? inner(definitions[name])
  }
  const [alternative] = anyOf ?? oneOf ?? allOf ?? []
  if (alternative !== undefined) return inner(alternative)
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  switch (schema['type']) {
    case 'object': {
      const properties = (schema['properties'] ?? {}) as Record<string, Json>
      const required = (schema['required'] ?? []) as string[]
      return Object.fromEntries(required.map((key) => [key, BY_KEY[key] ?? inner(properties[key])]))
    }
    case 'array':
      return []
    case 'integer':
    case 'number':
      return Math.max(1, Number(schema['minimum'] ?? 1))
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return textFor(schema, text)
  }
}

function textFor(schema: Json, preferred: string): string {
  const pattern = typeof schema['pattern'] === 'string' ? new RegExp(schema['pattern'], 'u') : undefined
  if (pattern === undefined) return preferred
  return [preferred, ...TEXTS].find((text) => pattern.test(text)) ?? preferred
}

/** Values of definitions and fields that their JSON Schema does not describe well enough. */
const KNOWN: Record<string, unknown> = {
  IpNet: '192.0.2.0/24',
  IpRange: { first: '192.0.2.1', last: '192.0.2.9' },
}
const BY_KEY: Record<string, unknown> = {
  first: '192.0.2.1',
  last: '192.0.2.9',
  remote: '192.0.2.1',
  address: '192.0.2.1',
  network: '192.0.2.0/24',
}
