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

/** Without empty lists and maps, and what says false: reading puts them back. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const isEmptyList = Array.isArray(inner) && inner.length === 0
    const isEmptyMap =
      typeof inner === 'object' && inner !== null && !Array.isArray(inner) && Object.keys(inner).length === 0
    if (
      inner === undefined ||
      isEmptyList ||
      (key === 'isUp' && inner === true) ||
      (key === 'forwarding' && inner === false)
    )
      return []
    if (isEmptyMap && key !== 'nodes' && key !== 'links' && key !== 'interfaces') return []
    return [[key, withoutEmpty(inner)]]
  })
  return Object.fromEntries(kept)
}

/** Several documents in one file. */
export function toYamlDocuments(documents: readonly object[]): string {
  return documents.map((each) => `---\n${stringify(each, { lineWidth: 120 })}`).join('')
}
