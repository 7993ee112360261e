/**
 * Which header an expression names, across calls: parameters stand for what was passed to them. Elements of stacks and
 * members of unions are not told apart, and headers that come from outside the program are not followed.
 */
import type { BoundArgument, CheckedProgram } from '../check/context.ts'
import { isHeader, isUnion, type Type } from '../check/type.ts'
import type { Expression, Parameter, VariableDeclaration } from '../syntax/ast.ts'

export class HeaderPaths {
  readonly #checked: CheckedProgram
  /** Symbol of a parameter or variable → path. */
  #roots = new Map<unknown, string>()
  readonly #bits = new Map<string, bigint>()
  /** Struct types whose headers some parser fills. */
  readonly #parsed = new Set<unknown>()
  /** Header types and field names of which `isValid()` is called. */
  readonly #tested = new Set<string>()
  #variables = 0

  constructor(checked: CheckedProgram) {
    this.#checked = checked
    for (const call of checked.calls.values()) {
      if (call.kind !== 'builtin' || call.name !== 'isValid') continue
      if (call.object.kind === 'Member') this.#tested.add(call.object.member.text)
      else if (call.object.kind === 'Name') this.#tested.add(call.object.name)
    }
  }

  /** At the start of a block of the package: parameters of one type are the same object in all blocks. */
  enter(parameters: readonly Parameter[], isParser: boolean): void {
    this.#roots = new Map()
    for (const parameter of parameters) {
      const symbol = this.#checked.symbols.get(parameter)
      if (symbol?.kind !== 'parameter') continue
      const type = this.#checked.context.inference.resolve(symbol.type)
      if (type.kind !== 'struct') continue
      if (isParser && parameter.direction === 'out') this.#parsed.add(type.declaration)
      if (this.#parsed.has(type.declaration)) this.#roots.set(symbol, type.declaration.name.text)
    }
  }

  /** A variable of a header or struct type; the bit of a header. */
  declare(declaration: VariableDeclaration): bigint | undefined {
    const symbol = this.#checked.symbols.get(declaration)
    if (symbol?.kind !== 'variable') return undefined
    const type = this.#checked.context.inference.resolve(symbol.type)
    if (type.kind !== 'struct') return undefined
    this.#variables += 1
    const path = `${declaration.name.text}#${this.#variables}`
    this.#roots.set(symbol, path)
    return isHeader(type) ? this.#bit(path) : undefined
  }

  /** Lets parameters stand for arguments; the function undoes it. */
  bind(args: readonly BoundArgument[]): () => void {
    const saved = this.#roots
    const next = new Map(saved)
    for (const { parameter, value } of args) {
      const symbol = this.#checked.symbols.get(parameter.node)
      if (symbol === undefined) continue
      const path = value === undefined ? undefined : this.#pathOf(value)
      if (path === undefined) next.delete(symbol)
      else next.set(symbol, path)
    }
    this.#roots = next
    return () => {
      this.#roots = saved
    }
  }

  /** The bit of the header that the expression names. */
  bitOf(expression: Expression): bigint | undefined {
    if (!isHeader(this.#checked.context.typeOf(expression))) return undefined
    const path = this.#pathOf(expression)
    return path === undefined ? undefined : this.#bit(path)
  }

  /** Whether writing the expression would write headers. */
  holdsHeaders(expression: Expression): boolean {
    return this.#hasHeaders(this.#checked.context.typeOf(expression)) && this.#pathOf(expression) !== undefined
  }

  #hasHeaders(type: Type): boolean {
    if (type.kind !== 'struct') return false
    if (type.form !== 'struct') return true
    return this.#checked.context
      .fieldsOf(type)
      .some((field) => this.#hasHeaders(this.#checked.context.inference.resolve(field.type)))
  }

  /** Whether the program tests the validity of a header of this name anywhere. */
  isTested(bit: bigint): boolean {
    for (const [path, candidate] of this.#bits) {
      if (candidate === bit) return this.#tested.has(path.slice(path.lastIndexOf('.') + 1).replace(/#.*/, ''))
    }
    return true
  }

  #bit(path: string): bigint {
    let bit = this.#bits.get(path)
    if (bit === undefined) {
      bit = 1n << BigInt(this.#bits.size)
      this.#bits.set(path, bit)
    }
    return bit
  }

  #pathOf(expression: Expression): string | undefined {
    if (expression.kind === 'Name') return this.#roots.get(this.#checked.references.get(expression))
    if (expression.kind !== 'Member') return undefined
    const type = this.#checked.context.typeOf(expression.object)
    if (type.kind !== 'struct' || isUnion(type)) return undefined
    const parent = this.#pathOf(expression.object)
    return parent === undefined ? undefined : `${parent}.${expression.member.text}`
  }
}
