/** What names stand for, and the scopes that hold them (P4-16 §6.7 and §18.3). */
import type { Range } from '../source/range.ts'
import type {
  ActionDeclaration,
  ConstDeclaration,
  Declaration,
  Direction,
  Expression,
  FunctionDeclaration,
  InstantiationDeclaration,
  Parameter,
  ParserStateDeclaration,
  TableDeclaration,
  TypeParameter,
  ValueSetDeclaration,
} from '../syntax/ast.ts'
import type { Type } from './type.ts'

export interface ParameterInfo {
  readonly name: string
  readonly direction: Direction
  readonly type: Type
  readonly isOptional: boolean
  readonly initializer: Expression | undefined
  readonly node: Parameter
}

export interface Signature {
  readonly name: string
  readonly typeParameters: readonly TypeParameter[]
  readonly parameters: readonly ParameterInfo[]
  readonly returnType: Type
}

interface SymbolBase {
  readonly name: string
  readonly range: Range
}

export interface VariableSymbol extends SymbolBase {
  readonly kind: 'variable'
  readonly type: Type
}
export interface ParameterSymbol extends SymbolBase {
  readonly kind: 'parameter'
  readonly type: Type
  readonly direction: Direction
  /** Constructor parameters are compile-time values. */
  readonly isConstructor: boolean
  readonly node: Parameter
}
export interface ConstantSymbol extends SymbolBase {
  readonly kind: 'constant'
  readonly type: Type
  readonly declaration: ConstDeclaration
}
export interface InstanceSymbol extends SymbolBase {
  readonly kind: 'instance'
  readonly type: Type
  readonly declaration: InstantiationDeclaration
}
export interface ActionSymbol extends SymbolBase {
  readonly kind: 'action'
  readonly declaration: ActionDeclaration
  readonly signature: Signature
}
export interface TableSymbol extends SymbolBase {
  readonly kind: 'table'
  readonly declaration: TableDeclaration
}
export interface FunctionSymbol extends SymbolBase {
  readonly kind: 'function'
  readonly declaration: FunctionDeclaration
  readonly signature: Signature
}
export interface StateSymbol extends SymbolBase {
  readonly kind: 'state'
  readonly declaration: ParserStateDeclaration | undefined
}
export interface ValueSetSymbol extends SymbolBase {
  readonly kind: 'valueSet'
  readonly type: Type
  readonly declaration: ValueSetDeclaration
}
export interface TypeSymbol extends SymbolBase {
  readonly kind: 'type'
  readonly declaration: Declaration | TypeParameter
  readonly typeParameters: readonly TypeParameter[]
  /** The type with these arguments in place of its parameters. */
  readonly make: (args: readonly Type[]) => Type
}

export type Symbol =
  | VariableSymbol
  | ParameterSymbol
  | ConstantSymbol
  | InstanceSymbol
  | ActionSymbol
  | TableSymbol
  | FunctionSymbol
  | StateSymbol
  | ValueSetSymbol
  | TypeSymbol

export class Scope {
  readonly parent: Scope | undefined
  readonly #symbols = new Map<string, Symbol[]>()

  constructor(parent: Scope | undefined) {
    this.parent = parent
  }

  get root(): Scope {
    return this.parent === undefined ? this : this.parent.root
  }

  /** Overloads in one scope, in order of declaration. */
  own(name: string): readonly Symbol[] {
    return this.#symbols.get(name) ?? []
  }

  add(symbol: Symbol): void {
    const list = this.#symbols.get(symbol.name)
    if (list === undefined) this.#symbols.set(symbol.name, [symbol])
    else list.push(symbol)
  }

  lookup(name: string): readonly Symbol[] {
    const own = this.#symbols.get(name)
    if (own !== undefined) return own
    return this.parent === undefined ? [] : this.parent.lookup(name)
  }

  /** Every visible name, for suggestions. */
  names(): string[] {
    return [...this.#symbols.keys(), ...(this.parent?.names() ?? [])]
  }
}
