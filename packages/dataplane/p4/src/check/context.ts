/** State of one checking run: scopes, results by syntax node, and what the checking functions share. */
import type { DiagnosticDetail, DiagnosticSink } from '../source/diagnostic.ts'
import type { Range } from '../source/range.ts'
import type {
  CallExpression,
  ControlDeclaration,
  Expression,
  FunctionDeclaration,
  ConstructorDeclaration,
  Name,
  PackageDeclaration,
  Parameter,
  ParserDeclaration,
  StructDeclaration,
  SyntaxTree,
  TypeNode,
} from '../syntax/ast.ts'
import { Inference, isOptional } from './inference.ts'
import {
  Scope,
  type ActionSymbol,
  type FunctionSymbol,
  type ParameterInfo,
  type Signature,
  type Symbol,
} from './symbol.ts'
import {
  substitute,
  substitutionOf,
  UNKNOWN,
  type BlockType,
  type ExternType,
  type StructType,
  type Type,
} from './type.ts'

export interface FieldInfo {
  readonly name: string
  readonly type: Type
}

export interface BoundArgument {
  /** With the call's type arguments in place. */
  readonly parameter: ParameterInfo
  readonly type: Type
  /** Absent: `_`, or omitted (optional, or with a default in `parameter.initializer`). */
  readonly value: Expression | undefined
}

export type BuiltinName =
  | 'isValid'
  | 'setValid'
  | 'setInvalid'
  | 'push_front'
  | 'pop_front'
  | 'minSizeInBits'
  | 'minSizeInBytes'
  | 'maxSizeInBits'
  | 'maxSizeInBytes'

/** What a call means, decided once by the checker. */
export type CallInfo =
  | {
      readonly kind: 'function'
      readonly symbol: FunctionSymbol
      readonly typeArgs: readonly Type[]
      readonly args: readonly BoundArgument[]
    }
  | { readonly kind: 'action'; readonly symbol: ActionSymbol; readonly args: readonly BoundArgument[] }
  | {
      readonly kind: 'method'
      readonly object: Expression
      readonly type: ExternType
      readonly method: FunctionDeclaration
      readonly typeArgs: readonly Type[]
      readonly args: readonly BoundArgument[]
    }
  | {
      readonly kind: 'builtin'
      readonly name: BuiltinName
      readonly object: Expression
      readonly type: Type
      readonly args: readonly Expression[]
    }
  | { readonly kind: 'tableApply'; readonly table: Expression }
  /** `object` absent: applied by its type, which makes an anonymous instance. */
  | {
      readonly kind: 'blockApply'
      readonly object: Expression | undefined
      readonly type: BlockType
      readonly args: readonly BoundArgument[]
    }
  | { readonly kind: 'constructor'; readonly type: Type; readonly args: readonly BoundArgument[] }

/** What surrounds the code being checked. */
export interface Surroundings {
  readonly block: 'none' | 'parser' | 'control' | 'package'
  readonly body: 'none' | 'action' | 'function' | 'apply' | 'state' | 'keys'
  /** Of the function; void elsewhere. */
  readonly returnType: Type
  readonly loopDepth: number
  /** The extern whose abstract methods are being implemented; `this` is an instance of it. */
  readonly thisType?: ExternType | undefined
}

/** What the checker found out; all later phases read the tree through it. */
export interface CheckedProgram {
  readonly tree: SyntaxTree
  readonly globals: Scope
  /** Of every expression, before the implicit conversion that its place asks for. */
  readonly types: ReadonlyMap<Expression, Type>
  /** Implicit conversions: the type that the expression's value takes. */
  readonly conversions: ReadonlyMap<Expression, Type>
  readonly references: ReadonlyMap<Expression | Name, Symbol>
  readonly calls: ReadonlyMap<CallExpression, CallInfo>
  readonly typeNodes: ReadonlyMap<TypeNode, Type>
  readonly symbols: ReadonlyMap<object, Symbol>
  /** Of instantiations, keyed by the declaration. */
  readonly constructions: ReadonlyMap<object, { readonly type: Type; readonly args: readonly BoundArgument[] }>
  readonly errors: readonly string[]
  readonly context: Context
}

type Callable =
  | FunctionDeclaration
  | ConstructorDeclaration
  | ControlDeclaration
  | ParserDeclaration
  | PackageDeclaration

export class Context {
  readonly sink: DiagnosticSink
  readonly inference: Inference
  readonly globals = new Scope(undefined)
  scope: Scope
  surroundings: Surroundings = { block: 'none', body: 'none', returnType: UNKNOWN, loopDepth: 0 }

  readonly types = new Map<Expression, Type>()
  readonly conversions = new Map<Expression, Type>()
  readonly references = new Map<Expression | Name, Symbol>()
  readonly calls = new Map<CallExpression, CallInfo>()
  readonly typeNodes = new Map<TypeNode, Type>()
  /** Declaration or parameter node → the symbol it declares. */
  readonly symbols = new Map<object, Symbol>()
  readonly constructions = new Map<object, { type: Type; args: readonly BoundArgument[] }>()
  readonly errors: string[] = []
  /** The file that the compiler was given; an include would be added there. */
  programFile: string | undefined
  readonly matchKinds = new Set<string>()
  /** Calls whose type arguments must be known in the end. */
  readonly openCalls: {
    readonly range: Range
    readonly types: readonly Type[]
    readonly names: readonly string[]
    /** Whether values of these types are passed at run time. */
    readonly isRunTime: boolean
  }[] = []

  readonly #fields = new Map<StructDeclaration, FieldInfo[]>()
  readonly #parameters = new Map<Callable, ParameterInfo[]>()
  readonly #constructorParameters = new Map<ControlDeclaration | ParserDeclaration, ParameterInfo[]>()
  readonly #signatures = new Map<FunctionDeclaration, Signature>()

  constructor(sink: DiagnosticSink) {
    this.sink = sink
    this.scope = this.globals
    this.inference = new Inference((block) =>
      this.parametersOf(block).map((parameter) => ({ node: parameter.node, type: parameter.type })),
    )
  }

  error(code: string, range: Range, message: string, detail: DiagnosticDetail = {}): void {
    this.sink.error(code, range, message, detail)
  }

  within<T>(surroundings: Partial<Surroundings>, body: () => T): T {
    const saved = this.surroundings
    this.surroundings = { ...saved, ...surroundings }
    const result = body()
    this.surroundings = saved
    return result
  }

  inScope<T>(body: () => T): T {
    const saved = this.scope
    this.scope = new Scope(saved)
    const result = body()
    this.scope = saved
    return result
  }

  /** Type of a checked expression as it stands now, unknowns resolved. */
  typeOf(expression: Expression): Type {
    return this.inference.resolve(this.types.get(expression) ?? UNKNOWN)
  }

  setFields(declaration: StructDeclaration, fields: FieldInfo[]): void {
    this.#fields.set(declaration, fields)
  }

  fieldsOf(type: StructType): readonly FieldInfo[] {
    const fields = this.#fields.get(type.declaration) ?? []
    if (type.args.length === 0) return fields
    const map = substitutionOf(type.declaration.typeParameters, type.args)
    return fields.map((field) => ({ name: field.name, type: substitute(field.type, map) }))
  }

  setParameters(declaration: Callable, parameters: ParameterInfo[]): void {
    this.#parameters.set(declaration, parameters)
  }

  setConstructorParameters(declaration: ControlDeclaration | ParserDeclaration, parameters: ParameterInfo[]): void {
    this.#constructorParameters.set(declaration, parameters)
  }

  declaredParameters(declaration: Callable): readonly ParameterInfo[] {
    return this.#parameters.get(declaration) ?? []
  }

  constructorParameters(declaration: ControlDeclaration | ParserDeclaration): readonly ParameterInfo[] {
    return this.#constructorParameters.get(declaration) ?? []
  }

  parametersOf(type: BlockType): readonly ParameterInfo[] {
    const map = substitutionOf(type.declaration.typeParameters, type.args)
    return this.declaredParameters(type.declaration).map((parameter) => ({
      ...parameter,
      type: substitute(parameter.type, map),
    }))
  }

  setSignature(declaration: FunctionDeclaration, signature: Signature): void {
    this.#signatures.set(declaration, signature)
  }

  signatureOf(declaration: FunctionDeclaration): Signature | undefined {
    return this.#signatures.get(declaration)
  }

  result(tree: SyntaxTree): CheckedProgram {
    const { globals, types, conversions, references, calls, typeNodes, symbols, constructions, errors } = this
    return {
      tree,
      globals,
      types,
      conversions,
      references,
      calls,
      typeNodes,
      symbols,
      constructions,
      errors,
      context: this,
    }
  }
}

export function parameterInfo(node: Parameter, type: Type): ParameterInfo {
  return {
    name: node.name.text,
    direction: node.direction,
    type,
    isOptional: isOptional(node),
    initializer: node.initializer,
    node,
  }
}
