/**
 * State of one lowering run: where statements go, what names stand for here, and which copies an `exit` must still make.
 */
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import type { BoundArgument, CheckedProgram, Context } from '../check/context.ts'
import type { ActionSymbol, Symbol } from '../check/symbol.ts'
import { substitute, type BlockType, type ExternType, type Substitution, type Type } from '../check/type.ts'
import type { Range } from '../source/range.ts'
import type { Expression as AstExpression, ParserDeclaration, ControlDeclaration } from '../syntax/ast.ts'
import type { Architecture } from './architecture.ts'
import type { LoweredControl } from './block.ts'
import { ProgramBuilder } from './builder.ts'
import { type Place, ERROR_WIDTH } from './place.ts'
import type { Value } from './value.ts'

/** A place, or one of several by conditions that exclude each other: an element of a stack by a run-time index. */
export interface Target {
  readonly alternatives: readonly { readonly condition: Expression | undefined; readonly place: Place }[]
  readonly slice: { readonly high: number; readonly low: number } | undefined
  /** Where the slice starts, when that is known at run time only; `slice` then gives its width. */
  readonly moving?: Expression
}

/** An extern instance; `data` is what the architecture keeps about it. */
export interface ExternObject {
  readonly kind: 'extern'
  readonly type: ExternType
  readonly name: string
  readonly data: ReadonlyMap<string, Value>
  /** Index into `Program.externs`, for those that have state. */
  readonly id: number | undefined
}

/** An instance of a parser or control: its declaration, and its constructor arguments by symbol. */
export interface BlockObject {
  readonly kind: 'block'
  readonly type: BlockType
  readonly declaration: ParserDeclaration | ControlDeclaration
  readonly path: string
  readonly bindings: ReadonlyMap<Symbol, Binding>
  readonly typeArgs: Substitution
}

export interface TableObject {
  readonly kind: 'table'
  readonly id: number
  /** Computes keys that are not plain reads; runs before every apply. */
  readonly prelude: readonly Statement[]
  /** Action symbols in the order of the table's action list. */
  readonly actions: readonly Symbol[]
  /** Set by actions that ended by `exit` but have results to copy out first. */
  readonly exitFlags: readonly SlotId[]
}

export type Binding =
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'object'; readonly object: ExternObject | BlockObject | TableObject }
  /** An array of extern instances. */
  | { readonly kind: 'instances'; readonly objects: readonly ExternObject[] }
  | { readonly kind: 'valueSet'; readonly id: number }

export class Environment {
  readonly parent: Environment | undefined
  readonly typeArgs: Substitution
  readonly #bindings = new Map<Symbol, Binding>()

  constructor(parent: Environment | undefined, typeArgs: Substitution = parent?.typeArgs ?? new Map()) {
    this.parent = parent
    this.typeArgs = typeArgs
  }

  bind(symbol: Symbol, binding: Binding): void {
    this.#bindings.set(symbol, binding)
  }

  lookup(symbol: Symbol): Binding | undefined {
    return this.#bindings.get(symbol) ?? this.parent?.lookup(symbol)
  }
}

/** The function or action whose body is being lowered. */
export interface Frame {
  /** Where `return e` puts its value. */
  readonly result: Place | undefined
  /** Whether `return` may be an IR return; otherwise it stands at the end and needs none. */
  readonly isProcedure: boolean
}

export interface ExitFlag {
  readonly flag: SlotId
  /** How many of the pending copies belong to the callers. */
  readonly copies: number
  isUsed: boolean
}

/** What `break` and `continue` mean here. */
export interface LoopFrame {
  /** Runs before the body starts anew. */
  readonly update: () => void
}

export class Lowering {
  readonly checked: CheckedProgram
  readonly context: Context
  readonly builder = new ProgramBuilder()
  readonly architecture: Architecture
  readonly globals = new Environment(undefined)
  environment: Environment = this.globals
  /** Qualified name of the instance being lowered. */
  path = ''
  out: Statement[] = []
  range: Range | undefined
  frame: Frame = { result: undefined, isProcedure: true }
  loops: LoopFrame[] = []
  /** Copy-out of the calls around this place, innermost last. */
  pendingCopies: (() => void)[] = []
  /** Set while a parser is lowered: splits the current state around a sub-parser. */
  applySubParser: ((object: BlockObject, args: readonly BoundArgument[]) => void) | undefined
  /** Controls that are lowered already. */
  readonly controls = new Map<BlockObject, LoweredControl>()
  /** Paths of instances that are applied to different storage in different places; found in a first run. */
  readonly shared: ReadonlySet<string>
  readonly foundShared = new Set<string>()
  /** Inside a procedure that serves several calls: how an `exit` reaches them. */
  exit: ExitFlag | undefined
  /** The control being lowered, and its actions that tables use. */
  control: { readonly environment: Environment; readonly actions: Map<ActionSymbol, number> } = {
    environment: this.globals,
    actions: new Map(),
  }
  readonly globalActions = new Map<ActionSymbol, number>()
  /** Action index → storage of its directional parameters by name. */
  readonly actionPlaces = new Map<number, ReadonlyMap<string, Place>>()
  /** Action index → its flag in `TableObject.exitFlags`. */
  readonly actionExits = new Map<number, SlotId>()
  #emptyAction: number | undefined
  /** Where the architecture keeps the length of the packet in bytes. */
  packetLengthSlot: SlotId | undefined
  /** BMv2's idea of that length, which changes with the validity of headers. */
  lengthSlot: SlotId | undefined
  /** Whether to follow BMv2 where it departs from the language specification. */
  readonly isBmv2: boolean

  constructor(
    checked: CheckedProgram,
    architecture: Architecture,
    shared: ReadonlySet<string> = new Set(),
    isBmv2 = false,
  ) {
    this.shared = shared
    this.isBmv2 = isBmv2
    this.checked = checked
    this.context = checked.context
    this.architecture = architecture
  }

  error(code: string, range: Range, message: string): void {
    this.context.error(code, range, message)
  }

  emit(statement: Statement): void {
    const at = this.range === undefined ? undefined : this.builder.at(this.range)
    this.out.push(at === undefined || statement.at !== undefined ? statement : { ...statement, at })
  }

  /** Statements that `body` emits, instead of emitting them here. */
  collect(body: () => void): Statement[] {
    const saved = this.out
    const list: Statement[] = []
    this.out = list
    body()
    this.out = saved
    return list
  }

  /** Like `collect`, for code that yields a value too. */
  collectWith<T>(body: () => T): { readonly result: T; readonly statements: Statement[] } {
    const saved = this.out
    const statements: Statement[] = []
    this.out = statements
    const result = body()
    this.out = saved
    return { result, statements }
  }

  within<T>(environment: Environment, body: () => T): T {
    const saved = this.environment
    this.environment = environment
    const result = body()
    this.environment = saved
    return result
  }

  inScope<T>(body: () => T): T {
    return this.within(new Environment(this.environment), body)
  }

  atPath<T>(path: string, body: () => T): T {
    const saved = this.path
    this.path = path
    const result = body()
    this.path = saved
    return result
  }

  located<T>(range: Range, body: () => T): T {
    const saved = this.range
    this.range = range
    const result = body()
    this.range = saved
    return result
  }

  qualified(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }

  /** The current value in a temporary, unless it cannot change. */
  capture(expression: Expression): Expression {
    if (expression.op === 'const') return expression
    const slot = this.builder.temporary(this.path, expression.width)
    this.emit({ kind: 'assign', slot, value: expression })
    return this.builder.load(slot)
  }

  /** With type parameters replaced by what they stand for here. */
  resolve(type: Type): Type {
    const resolved = this.context.inference.resolve(type)
    return this.environment.typeArgs.size === 0
      ? resolved
      : this.context.inference.resolve(substitute(resolved, this.environment.typeArgs))
  }

  typeOf(expression: AstExpression): Type {
    return this.resolve(this.context.typeOf(expression))
  }

  /** Stands for NoAction where core.p4 is not included. */
  emptyAction(): number {
    if (this.#emptyAction === undefined) {
      this.#emptyAction = this.builder.actions.length
      this.builder.actions.push({ name: 'NoAction', parameters: [], body: [] })
    }
    return this.#emptyAction
  }

  errorCode(name: string): number {
    return this.errors.indexOf(name)
  }

  /** Names of the errors by code: the seven of core.p4 first, in the IR's order. */
  get errors(): readonly string[] {
    const first = [
      'NoError',
      'PacketTooShort',
      'NoMatch',
      'StackOutOfBounds',
      'HeaderTooShort',
      'ParserTimeout',
      'ParserInvalidArgument',
    ]
    return [...first, ...this.checked.errors.filter((name) => !first.includes(name))]
  }

  errorConstant(name: string): Expression {
    return { op: 'const', width: ERROR_WIDTH, value: BigInt(Math.max(0, this.errorCode(name))) }
  }
}
