/**
 * A YAML document (1.2) that knows where each value stands, so that a complaint about a value can name its line.
 *
 * Positions are 1-based, as editors count them. What is not YAML is a value (`syntaxProblems`), never an exception.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'

export interface Position {
  readonly line: number
  readonly column: number
}

export type PathSegment = string | number

export interface SyntaxProblem extends Position {
  readonly message: string
}

export class LocatedYaml {
  readonly value: unknown
  readonly syntaxProblems: readonly SyntaxProblem[]
  readonly #document: Document
  readonly #lines = new LineCounter()

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, version: '1.2' })
    const problems = this.#document.errors.map((error): SyntaxProblem => ({
      ...this.#at(error.pos[0]),
      message: firstLine(error.message),
    }))
    let value: unknown
    if (problems.length === 0) {
      try {
        value = this.#document.toJS({ maxAliasCount: 1000 })
      } catch (error) {
        if (!(error instanceof Error)) throw error
        problems.push({ line: 1, column: 1, message: firstLine(error.message) }) // too many aliases
      }
    }
    this.value = value
    this.syntaxProblems = problems
  }

  /**
   * Where the value at `path` stands; where there is none, its nearest ancestor.
   * @param key of the mapping at `path`: its position instead.
   */
  positionOf(path: readonly PathSegment[], key?: string): Position {
    let node: Node | null = this.#document.contents
    let found = offsetOf(node) ?? 0
    for (const segment of path) {
      node = this.#child(node, segment)
      if (node === null) return this.#at(found)
      found = offsetOf(node) ?? found
    }
    if (key === undefined) return this.#at(found)
    const map = this.#resolved(node)
    const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined
    // because the keys of a parsed document are nodes
    return this.#at(offsetOf((pair?.key ?? null) as Node | null) ?? found)
  }

  #child(parent: Node | null, segment: PathSegment): Node | null {
    const node = this.#resolved(parent)
    if (!isMap(node) && !isSeq(node)) return null
    const child: unknown = node.get(segment, true)
    // because `get` with keepScalar gives nodes of a parsed document, or undefined
    return (child ?? null) as Node | null
  }

  #resolved(node: Node | null): Node | null {
    return isAlias(node) ? (node.resolve(this.#document) ?? null) : node
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
}

function offsetOf(node: Node | null): number | undefined {
  return node?.range?.[0]
}

function firstLine(text: string): string {
  return text.split('\n')[0]!
}
