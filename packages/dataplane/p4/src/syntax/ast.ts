/**
 * The syntax tree of P4-16 (v1.2.5, appendix G): plain readonly data discriminated by `kind`, every node with its range.
 * The parser always returns a tree; what it could not read is a `BadExpression` or missing, with a diagnostic.
 */
import type { Range } from '../source/range.ts'

export interface Name {
  readonly text: string
  readonly range: Range
}

interface Node {
  readonly range: Range
}

export interface Annotation extends Node {
  readonly name: Name
  /** `@name(…)` and `@name[…]` as far as they are expressions or `key = expression`. */
  readonly values: readonly Expression[]
  readonly pairs: readonly { readonly name: Name; readonly value: Expression }[]
  /** Source text of the parenthesised body, for annotations without structure. */
  readonly text: string
  readonly isStructured: boolean
}

// Types

export type TypeNode =
  | (Node & { readonly kind: 'BitType'; readonly isSigned: boolean; readonly width: Expression | undefined })
  | (Node & { readonly kind: 'VarbitType'; readonly width: Expression })
  | (Node & {
      readonly kind: 'SimpleType'
      readonly name: 'bool' | 'int' | 'string' | 'error' | 'match_kind' | 'void' | '_'
    })
  | (Node & {
      readonly kind: 'NamedType'
      readonly name: Name
      /** Written with a leading dot. */
      readonly isAbsolute: boolean
      readonly args: readonly TypeNode[]
    })
  | (Node & { readonly kind: 'StackType'; readonly element: TypeNode; readonly size: Expression })
  | (Node & { readonly kind: 'TupleType'; readonly args: readonly TypeNode[] })
  | (Node & { readonly kind: 'ListType'; readonly element: TypeNode })

// Expressions

export interface Argument extends Node {
  readonly name: Name | undefined
  /** `DontCare` for `_`. */
  readonly value: Expression
}

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '|+|'
  | '|-|'
  | '<<'
  | '>>'
  | '&'
  | '|'
  | '^'
  | '++'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '&&'
  | '||'
  | '&&&'
  | '..'

export type UnaryOperator = '!' | '~' | '-' | '+'

export type Expression =
  | IntegerExpression
  | (Node & { readonly kind: 'Bool'; readonly value: boolean })
  | (Node & { readonly kind: 'String'; readonly value: string })
  | NameExpression
  | (Node & { readonly kind: 'This' })
  | TypeExpression
  | MemberExpression
  | IndexExpression
  | SliceExpression
  | UnaryExpression
  | BinaryExpression
  | ConditionalExpression
  | CastExpression
  | CallExpression
  | ListExpression
  | StructExpression
  | (Node & { readonly kind: 'Invalid' })
  | (Node & { readonly kind: 'Dots' })
  | (Node & { readonly kind: 'Default' })
  | (Node & { readonly kind: 'DontCare' })
  | (Node & { readonly kind: 'BadExpression' })

export interface IntegerExpression extends Node {
  readonly kind: 'Integer'
  readonly value: bigint
  readonly width: number | undefined
  readonly isSigned: boolean
}
export interface NameExpression extends Node {
  readonly kind: 'Name'
  readonly name: string
  readonly isAbsolute: boolean
}
/** A type where an expression may stand: `error.NoMatch`, `bit<8>`, `Pair<bit<8>>(…)`. */
export interface TypeExpression extends Node {
  readonly kind: 'TypeExpression'
  readonly type: TypeNode
}
export interface MemberExpression extends Node {
  readonly kind: 'Member'
  readonly object: Expression
  readonly member: Name
}
export interface IndexExpression extends Node {
  readonly kind: 'Index'
  readonly object: Expression
  readonly index: Expression
}
export interface SliceExpression extends Node {
  readonly kind: 'Slice'
  readonly object: Expression
  readonly high: Expression
  readonly low: Expression
  /** `[low +: width]`: `high` holds the width. */
  readonly isPlus: boolean
}
export interface UnaryExpression extends Node {
  readonly kind: 'Unary'
  readonly operator: UnaryOperator
  readonly operand: Expression
}
export interface BinaryExpression extends Node {
  readonly kind: 'Binary'
  readonly operator: BinaryOperator
  readonly left: Expression
  readonly right: Expression
}
export interface ConditionalExpression extends Node {
  readonly kind: 'Conditional'
  readonly condition: Expression
  readonly whenTrue: Expression
  readonly whenFalse: Expression
}
export interface CastExpression extends Node {
  readonly kind: 'Cast'
  readonly type: TypeNode
  readonly operand: Expression
}
export interface CallExpression extends Node {
  readonly kind: 'Call'
  readonly callee: Expression
  readonly typeArgs: readonly TypeNode[]
  readonly args: readonly Argument[]
}
export interface ListExpression extends Node {
  readonly kind: 'List'
  readonly elements: readonly Expression[]
  /** Ends with `...`: the remaining members take their default values. */
  readonly hasDots: boolean
}
export interface StructExpression extends Node {
  readonly kind: 'Struct'
  readonly fields: readonly { readonly name: Name; readonly value: Expression }[]
  readonly hasDots: boolean
}

// Statements

export type Statement =
  | BlockStatement
  | (Node & {
      readonly kind: 'If'
      readonly condition: Expression
      readonly then: Statement
      readonly else: Statement | undefined
    })
  | AssignStatement
  | (Node & { readonly kind: 'CallStatement'; readonly call: Expression })
  | SwitchStatement
  | (Node & { readonly kind: 'Return'; readonly value: Expression | undefined })
  | (Node & { readonly kind: 'Exit' | 'Empty' | 'Break' | 'Continue' })
  | ForStatement
  | ForInStatement
  | (Node & { readonly kind: 'DeclarationStatement'; readonly declaration: Declaration })

export interface BlockStatement extends Node {
  readonly kind: 'Block'
  readonly annotations: readonly Annotation[]
  readonly statements: readonly Statement[]
}
export interface AssignStatement extends Node {
  readonly kind: 'Assign'
  readonly target: Expression
  /** Of `+=` and the like. */
  readonly operator: BinaryOperator | undefined
  readonly value: Expression
}
export interface SwitchCase extends Node {
  /** `Default` for the default label. */
  readonly label: Expression
  /** Absent: falls through to the next label's body. */
  readonly body: BlockStatement | undefined
}
export interface SwitchStatement extends Node {
  readonly kind: 'Switch'
  readonly selector: Expression
  readonly cases: readonly SwitchCase[]
}
export interface ForStatement extends Node {
  readonly kind: 'For'
  readonly init: readonly Statement[]
  readonly condition: Expression
  readonly update: readonly Statement[]
  readonly body: Statement
}
export interface ForInStatement extends Node {
  readonly kind: 'ForIn'
  /** Absent type: an existing variable. */
  readonly type: TypeNode | undefined
  readonly variable: Name
  readonly collection: Expression
  readonly body: Statement
}

// Declarations

export type Direction = 'none' | 'in' | 'out' | 'inout'

export interface Parameter extends Node {
  readonly kind: 'Parameter'
  readonly annotations: readonly Annotation[]
  readonly direction: Direction
  readonly type: TypeNode
  readonly name: Name
  readonly initializer: Expression | undefined
}

export interface TypeParameter extends Node {
  readonly kind: 'TypeParameter'
  readonly name: Name
}

interface DeclarationBase extends Node {
  readonly annotations: readonly Annotation[]
  readonly name: Name
}

export interface ConstDeclaration extends DeclarationBase {
  readonly kind: 'Const'
  readonly type: TypeNode
  readonly initializer: Expression
}
export interface VariableDeclaration extends DeclarationBase {
  readonly kind: 'Variable'
  readonly type: TypeNode
  readonly initializer: Expression | undefined
}
export interface InstantiationDeclaration extends DeclarationBase {
  readonly kind: 'Instantiation'
  readonly type: TypeNode
  readonly args: readonly Argument[]
  /** `T(a) x[size];`: an array of instances. */
  readonly size: Expression | undefined
  /** `= { … }`: implementations of abstract methods. */
  readonly body: BlockStatement | undefined
}
export interface ActionDeclaration extends DeclarationBase {
  readonly kind: 'Action'
  readonly parameters: readonly Parameter[]
  readonly body: BlockStatement
}
export interface TableKeyElement extends Node {
  readonly annotations: readonly Annotation[]
  readonly expression: Expression
  readonly match: Name
}
export interface TableActionElement extends Node {
  readonly annotations: readonly Annotation[]
  readonly name: NameExpression
  readonly args: readonly Argument[] | undefined
}
export interface TableEntryElement extends Node {
  readonly annotations: readonly Annotation[]
  readonly isConst: boolean
  readonly priority: Expression | undefined
  readonly keys: readonly Expression[]
  readonly action: Expression
}
export type TableProperty =
  | (Node & { readonly kind: 'KeyProperty'; readonly elements: readonly TableKeyElement[] })
  | (Node & { readonly kind: 'ActionsProperty'; readonly actions: readonly TableActionElement[] })
  | (Node & {
      readonly kind: 'EntriesProperty'
      readonly isConst: boolean
      readonly entries: readonly TableEntryElement[]
    })
  | (Node & {
      readonly kind: 'OtherProperty'
      readonly annotations: readonly Annotation[]
      readonly isConst: boolean
      readonly name: Name
      readonly value: Expression
    })
export interface TableDeclaration extends DeclarationBase {
  readonly kind: 'Table'
  readonly properties: readonly TableProperty[]
}
export interface FunctionDeclaration extends DeclarationBase {
  /** Without body: of an extern. */
  readonly kind: 'Function'
  readonly isAbstract: boolean
  readonly isExtern: boolean
  readonly returnType: TypeNode
  readonly typeParameters: readonly TypeParameter[]
  readonly parameters: readonly Parameter[]
  readonly body: BlockStatement | undefined
}
export interface ConstructorDeclaration extends DeclarationBase {
  readonly kind: 'Constructor'
  readonly parameters: readonly Parameter[]
}
export interface ExternDeclaration extends DeclarationBase {
  readonly kind: 'Extern'
  readonly typeParameters: readonly TypeParameter[]
  readonly constructors: readonly ConstructorDeclaration[]
  readonly methods: readonly FunctionDeclaration[]
}
export interface ControlDeclaration extends DeclarationBase {
  /** Without `apply`: a control type. */
  readonly kind: 'Control'
  readonly typeParameters: readonly TypeParameter[]
  readonly parameters: readonly Parameter[]
  readonly constructorParameters: readonly Parameter[]
  readonly locals: readonly Declaration[]
  readonly apply: BlockStatement | undefined
}
export interface SelectCaseNode extends Node {
  readonly keys: readonly Expression[]
  readonly next: Name
}
export type Transition =
  | (Node & { readonly kind: 'Goto'; readonly next: Name })
  | (Node & {
      readonly kind: 'Select'
      readonly keys: readonly Expression[]
      readonly cases: readonly SelectCaseNode[]
    })
export interface ParserStateDeclaration extends DeclarationBase {
  readonly kind: 'State'
  readonly statements: readonly Statement[]
  /** Absent: goes to reject (§13.4). */
  readonly transition: Transition | undefined
}
export interface ParserDeclaration extends DeclarationBase {
  /** Without states and with `isType`: a parser type. */
  readonly kind: 'Parser'
  readonly isType: boolean
  readonly typeParameters: readonly TypeParameter[]
  readonly parameters: readonly Parameter[]
  readonly constructorParameters: readonly Parameter[]
  readonly locals: readonly Declaration[]
  readonly states: readonly ParserStateDeclaration[]
}
export interface ValueSetDeclaration extends DeclarationBase {
  readonly kind: 'ValueSet'
  readonly type: TypeNode
  readonly size: Expression
}
export interface PackageDeclaration extends DeclarationBase {
  readonly kind: 'Package'
  readonly typeParameters: readonly TypeParameter[]
  readonly parameters: readonly Parameter[]
}
export interface StructField extends Node {
  readonly annotations: readonly Annotation[]
  readonly type: TypeNode
  readonly name: Name
}
export interface StructDeclaration extends DeclarationBase {
  readonly kind: 'Struct'
  readonly form: 'struct' | 'header' | 'header_union'
  readonly typeParameters: readonly TypeParameter[]
  readonly fields: readonly StructField[]
}
export interface EnumDeclaration extends DeclarationBase {
  readonly kind: 'Enum'
  /** Of a serialisable enum. */
  readonly underlying: TypeNode | undefined
  readonly members: readonly {
    readonly name: Name
    readonly value: Expression | undefined
    readonly annotations: readonly Annotation[]
  }[]
}
export interface TypedefDeclaration extends DeclarationBase {
  readonly kind: 'Typedef'
  /** Declared with `type`: a distinct type. */
  readonly isNew: boolean
  /** A struct, header or enum declared in place. */
  readonly inner: Declaration | undefined
  readonly type: TypeNode
}
/** `error { … }` and `match_kind { … }`. */
export interface MembersDeclaration extends DeclarationBase {
  readonly kind: 'Error' | 'MatchKind'
  readonly members: readonly Name[]
}

export type Declaration =
  | ConstDeclaration
  | VariableDeclaration
  | InstantiationDeclaration
  | ActionDeclaration
  | TableDeclaration
  | FunctionDeclaration
  | ConstructorDeclaration
  | ExternDeclaration
  | ControlDeclaration
  | ParserDeclaration
  | ParserStateDeclaration
  | ValueSetDeclaration
  | PackageDeclaration
  | StructDeclaration
  | EnumDeclaration
  | TypedefDeclaration
  | MembersDeclaration

export interface SyntaxTree {
  readonly declarations: readonly Declaration[]
}
