/** Lines of a program that is being written, and what its parts share. */
import { Draw } from './draw.ts'
import { type ArchitectureName, ARCHITECTURES, type SourceArchitecture } from './source-architecture.ts'
import { sameType, SourceExpressions, type Type, type Variable } from './source-expressions.ts'

export class SourceWriter {
  readonly draw: Draw
  readonly architecture: SourceArchitecture
  readonly expressions: SourceExpressions
  readonly #lines: string[] = []
  #depth = 0
  #names = 0

  constructor(seed: number, architecture: ArchitectureName) {
    this.draw = new Draw(seed)
    this.architecture = ARCHITECTURES[architecture]
    this.expressions = new SourceExpressions(this.draw)
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  line(text: string): void {
    this.#lines.push(`${'  '.repeat(this.#depth)}${text}`)
  }

  block(body: () => void): void {
    this.line('{')
    this.#depth++
    body()
    this.#depth--
    this.line('}')
  }

  /** A name that nothing else has. */
  name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  /** So many different items at most. */
  some<Item>(items: readonly Item[], count: number): Item[] {
    const left = [...items]
    return Array.from({ length: Math.min(count, items.length) }, () => left.splice(this.draw.below(left.length), 1)[0]!)
  }

  value(type: Type, depth: number, scope: readonly Variable[]): string {
    return this.expressions.expression(type, depth, scope)
  }

  /** A place of exactly this type, if the scope has one. */
  place(type: Type, scope: readonly Variable[]): string | undefined {
    const fits = scope.filter((one) => one.isReadOnly !== true && sameType(one.type, type))
    return fits.length === 0 ? undefined : this.draw.pick(fits).text
  }
}
