/** Laboratories as YAML: what `export` writes and `import` reads. Fields at their defaults are left out. */
import { parse, stringify } from 'yaml'
import { type DocumentResult, type LabDocument, parseDocument } from './document.ts'

export function toYaml(document: LabDocument): string {
  return stringify(withoutEmpty(document), { lineWidth: 120 })
}

export function fromYaml(text: string): DocumentResult {
  try {
    return parseDocument(parse(text))
  } catch (error) {
    return { ok: false, problems: [(error as Error).message] }
  }
}

/** Fields that are empty lists or maps where nothing is said, wherever they stand. */
const EMPTY_BY_DEFAULT = new Set([
  ...['profiles', 'timeline', 'groups', 'addresses', 'loopbacks', 'routes', 'peers', 'originate', 'keys', 'args'],
  ...['ports', 'entries', 'defaults', 'multicast', 'uplinks', 'exec', 'daemons', 'files'],
])

/** Without fields that are at their defaults: reading puts them back. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (inner === undefined) return []
    if ((key === 'isUp' && inner === true) || (key === 'forwarding' && inner === false)) return []
    const isEmpty = typeof inner === 'object' && inner !== null && Object.keys(inner).length === 0
    return isEmpty && EMPTY_BY_DEFAULT.has(key) ? [] : [[key, withoutEmpty(inner)]]
  })
  return Object.fromEntries(kept)
}

/** Several documents in one file. */
export function toYamlDocuments(documents: readonly object[]): string {
  return documents.map((each) => `---\n${stringify(each, { lineWidth: 120 })}`).join('')
}
