/** What a schema says of a wrong value, in words that say what would have been right. */
import { z } from 'zod'
import type { PathProblem } from './config-problem.ts'
import type { PathSegment } from './located-yaml.ts'
import { RoutedFile } from './schema.ts'

/** Every key of the schema, to guess what a mistyped one was meant to be. */
let knownKeys: readonly string[] | undefined

export function schemaProblems(error: z.ZodError, value: unknown): readonly PathProblem[] {
  return error.issues.flatMap((issue) => problemsOf(issue, value))
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown): readonly PathProblem[] {
  // because YAML has no other keys than texts and positions
  const path = issue.path as readonly PathSegment[]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const guess = closest(key)
        return { path, key, message: `unknown key "${key}"${guess === undefined ? '' : `; did you mean ${guess}?`}` }
      })
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? issue.message }]
    case 'invalid_type': {
      const got = at(value, path)
      const parent = path.slice(0, -1)
      if (got === undefined) return [{ path: parent, message: `${path.at(-1) ?? 'the document'} is missing` }]
      const expected = issue.message.startsWith('Invalid input')
        ? `expected ${EXPECTED[issue.expected] ?? issue.expected}`
        : issue.message
      return [{ path, message: `${expected}, not ${describe(got)}` }]
    }
    case 'too_small':
      return [{ path, message: issue.origin === 'array' ? 'must not be empty' : `must be at least ${issue.minimum}` }]
    case 'too_big':
      return [{ path, message: `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}` }]
    case 'invalid_value':
      return [{ path, message: `expected ${issue.values.join(' or ')}, not ${describe(at(value, path))}` }]
    default: {
      const got = at(value, path)
      return [{ path, message: typeof got === 'object' ? issue.message : `${issue.message}, not ${describe(got)}` }]
    }
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  object: 'keys and values',
  record: 'keys and values',
  array: 'a list',
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
}

function at(value: unknown, path: readonly PathSegment[]): unknown {
  let found = value
  for (const segment of path) {
    if (typeof found !== 'object' || found === null) return undefined
    found = (found as Readonly<Record<PathSegment, unknown>>)[segment] // because parsed YAML is plain objects and arrays
  }
  return found
}

function describe(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'keys and values'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function closest(key: string): string | undefined {
  knownKeys ??= [...new Set(keysOf(z.toJSONSchema(RoutedFile, { io: 'input' })))]
  const near = knownKeys.map((known) => ({ known, distance: editDistance(key, known) }))
  const best = near.toSorted((a, b) => a.distance - b.distance)[0]
  return best !== undefined && best.distance <= Math.max(1, Math.floor(key.length / 3)) ? best.known : undefined
}

function keysOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  return Object.entries(schema).flatMap(([name, value]) =>
    name === 'properties'
      ? [...Object.keys(value as object), ...Object.values(value as object).flatMap(keysOf)]
      : keysOf(value),
  )
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + Number(a[i - 1] !== b[j - 1])
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
