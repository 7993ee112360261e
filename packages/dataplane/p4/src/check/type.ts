/**
 * Types as the checker sees them (P4-16 §7): aliases resolved, widths evaluated. Structs, enums, externs and blocks are
 * equal by declaration and arguments. `inferred` types are unknowns of generic calls, resolved through `Inference`.
 */
import type {
  ControlDeclaration,
  EnumDeclaration,
  ExternDeclaration,
  PackageDeclaration,
  ParserDeclaration,
  StructDeclaration,
  TypedefDeclaration,
  TypeParameter,
} from '../syntax/ast.ts'

export type Type =
  | { readonly kind: 'bit' | 'int' | 'varbit'; readonly width: number }
  /** `int`: compile-time integers of any size. */
  | { readonly kind: 'integer' }
  | { readonly kind: 'bool' | 'string' | 'error' | 'matchKind' | 'void' }
  | StructType
  | { readonly kind: 'stack'; readonly element: Type; readonly size: number }
  | { readonly kind: 'tuple'; readonly elements: readonly Type[] }
  | { readonly kind: 'list'; readonly element: Type }
  | EnumType
  | { readonly kind: 'newtype'; readonly declaration: TypedefDeclaration; readonly target: Type }
  | ExternType
  | BlockType
  | { readonly kind: 'typeVariable'; readonly declaration: TypeParameter }
  | { readonly kind: 'inferred'; readonly id: number }
  /** A set of values: `a &&& b`, `a .. b`, `default`. */
  | { readonly kind: 'set'; readonly element: Type }
  // Literals that take their type from where they are used
  | { readonly kind: 'listLiteral'; readonly elements: readonly Type[]; readonly hasDots: boolean }
  | {
      readonly kind: 'structLiteral'
      readonly fields: readonly { readonly name: string; readonly type: Type }[]
      readonly hasDots: boolean
    }
  | { readonly kind: 'invalidLiteral' | 'dots' }
  // What an expression may name besides a value
  | { readonly kind: 'typeName'; readonly type: Type }
  | { readonly kind: 'callable'; readonly what: string }
  | { readonly kind: 'table' }
  | { readonly kind: 'applyResult' }
  | { readonly kind: 'actionRun' }
  | { readonly kind: 'state' }
  /** After an error: fits everything and causes no further messages. */
  | { readonly kind: 'unknown' }

export interface StructType {
  readonly kind: 'struct'
  readonly form: 'struct' | 'header' | 'header_union'
  readonly declaration: StructDeclaration
  readonly args: readonly Type[]
}
export interface EnumType {
  readonly kind: 'enum'
  readonly declaration: EnumDeclaration
  readonly underlying: Type | undefined
}
export interface ExternType {
  readonly kind: 'extern'
  readonly declaration: ExternDeclaration
  readonly args: readonly Type[]
}
export interface BlockType {
  readonly kind: 'block'
  readonly declaration: ControlDeclaration | ParserDeclaration | PackageDeclaration
  readonly args: readonly Type[]
}

export const UNKNOWN: Type = { kind: 'unknown' }
export const BOOL: Type = { kind: 'bool' }
export const INTEGER: Type = { kind: 'integer' }
export const STRING: Type = { kind: 'string' }
export const ERROR: Type = { kind: 'error' }
export const VOID: Type = { kind: 'void' }
export const MATCH_KIND: Type = { kind: 'matchKind' }

export function bits(width: number): Type {
  return { kind: 'bit', width }
}

/** As the source would write it. */
export function showType(type: Type): string {
  const args = (list: readonly Type[]): string => (list.length === 0 ? '' : `<${list.map(showType).join(', ')}>`)
  switch (type.kind) {
    case 'bit':
    case 'int':
    case 'varbit':
      return `${type.kind}<${type.width}>`
    case 'integer':
      return 'int'
    case 'matchKind':
      return 'match_kind'
    case 'struct':
    case 'extern':
    case 'block':
      return type.declaration.name.text + args(type.args)
    case 'stack':
      return `${showType(type.element)}[${type.size}]`
    case 'tuple':
      return `tuple<${type.elements.map(showType).join(', ')}>`
    case 'list':
      return `list<${showType(type.element)}>`
    case 'enum':
    case 'newtype':
    case 'typeVariable':
      return type.declaration.name.text
    case 'inferred':
      return '_'
    case 'set':
      return `set<${showType(type.element)}>`
    case 'listLiteral':
      return `{${type.elements.map(showType).join(', ')}}`
    case 'structLiteral':
      return `{${type.fields.map((field) => `${field.name} = ${showType(field.type)}`).join(', ')}}`
    case 'invalidLiteral':
      return '{#}'
    case 'dots':
      return '...'
    case 'typeName':
      return `type ${showType(type.type)}`
    case 'callable':
      return type.what
    case 'applyResult':
      return 'result of apply'
    case 'actionRun':
      return 'action_run'
    default:
      return type.kind
  }
}

export type Substitution = ReadonlyMap<TypeParameter, Type>

export function substitute(type: Type, map: Substitution): Type {
  if (map.size === 0) return type
  const each = (list: readonly Type[]): Type[] => list.map((item) => substitute(item, map))
  switch (type.kind) {
    case 'typeVariable':
      return map.get(type.declaration) ?? type
    case 'struct':
    case 'extern':
    case 'block':
      return type.args.length === 0 ? type : { ...type, args: each(type.args) }
    case 'stack':
    case 'list':
    case 'set':
      return { ...type, element: substitute(type.element, map) }
    case 'tuple':
    case 'listLiteral':
      return { ...type, elements: each(type.elements) }
    case 'structLiteral':
      return { ...type, fields: type.fields.map((field) => ({ ...field, type: substitute(field.type, map) })) }
    case 'newtype':
      return { ...type, target: substitute(type.target, map) }
    case 'typeName':
      return { ...type, type: substitute(type.type, map) }
    default:
      return type
  }
}

export function substitutionOf(parameters: readonly TypeParameter[], args: readonly Type[]): Substitution {
  const map = new Map<TypeParameter, Type>()
  parameters.forEach((parameter, index) => map.set(parameter, args[index] ?? UNKNOWN))
  return map
}

/** Types whose values a variable may have a fixed number of bits of. */
export function isFixedWidth(type: Type): type is { readonly kind: 'bit' | 'int'; readonly width: number } {
  return type.kind === 'bit' || type.kind === 'int'
}

export function isHeader(type: Type): type is StructType {
  return type.kind === 'struct' && type.form === 'header'
}

export function isUnion(type: Type): type is StructType {
  return type.kind === 'struct' && type.form === 'header_union'
}
