/** Method and path to endpoint: a tree over path segments, where a literal segment wins over a parameter. */
import type { Endpoint } from './endpoint.ts'

interface Node {
  readonly literals: Map<string, Node>
  parameter: Node | undefined
  readonly methods: Map<string, Endpoint>
}

export type Match =
  | { readonly kind: 'found'; readonly endpoint: Endpoint; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'no-path' }
  | { readonly kind: 'no-method'; readonly allowed: readonly string[] }

export class Router {
  readonly #root: Node = makeNode()

  constructor(endpoints: readonly Endpoint[]) {
    for (const endpoint of endpoints) {
      let node = this.#root
      for (const segment of segmentsOf(endpoint.path)) {
        if (segment.startsWith('{')) node = node.parameter ??= makeNode()
        else {
          let next = node.literals.get(segment)
          if (next === undefined) node.literals.set(segment, (next = makeNode()))
          node = next
        }
      }
      node.methods.set(endpoint.method, endpoint)
    }
  }

  /** @param path still percent-encoded, so that a `%2F` inside a parameter does not split it. */
  match(method: string, path: string): Match {
    const segments = segmentsOf(path).map(decodeSegment)
    if (segments.includes(undefined)) return { kind: 'no-path' }
    // because undefined was excluded above
    const values = segments as string[]
    const node = find(this.#root, values, 0)
    if (node === undefined) return { kind: 'no-path' }
    const endpoint = node.methods.get(method)
    if (endpoint === undefined) return { kind: 'no-method', allowed: [...node.methods.keys()] }
    const params: Record<string, string> = {}
    segmentsOf(endpoint.path).forEach((segment, i) => {
      if (segment.startsWith('{')) params[segment.slice(1, -1)] = values[i]!
    })
    return { kind: 'found', endpoint, params }
  }
}

function find(node: Node, segments: readonly string[], at: number): Node | undefined {
  if (at === segments.length) return node.methods.size > 0 ? node : undefined
  const literal = node.literals.get(segments[at]!)
  const found = literal === undefined ? undefined : find(literal, segments, at + 1)
  if (found !== undefined) return found
  if (node.parameter === undefined || segments[at] === '') return undefined
  return find(node.parameter, segments, at + 1)
}

function makeNode(): Node {
  return { literals: new Map(), parameter: undefined, methods: new Map() }
}

function segmentsOf(path: string): string[] {
  return path.split('/').slice(1)
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}
