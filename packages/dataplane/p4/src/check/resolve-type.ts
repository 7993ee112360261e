/** Type syntax to types: names, arguments, widths and sizes (P4-16 §7.2). */
import type { Expression, TypeNode } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { evaluateInteger } from './evaluate.ts'
import { checkExpression } from './expression.ts'
import { includeFix, undeclared } from './include-fix.ts'
import type { TypeSymbol } from './symbol.ts'
import { isFieldType } from './type-declaration.ts'
import { BOOL, ERROR, INTEGER, isFixedWidth, MATCH_KIND, showType, STRING, UNKNOWN, VOID, type Type } from './type.ts'

/** Larger widths are certainly mistakes, and would exhaust memory. */
const MAX_WIDTH = 1 << 16
const MAX_STACK_SIZE = 1 << 12

/** Kinds of types that no variable can have. */
const NOT_ELEMENTS: ReadonlySet<string> = new Set(['void', 'matchKind', 'integer', 'string', 'extern', 'block', 'set'])

export function resolveType(context: Context, node: TypeNode): Type {
  if (node.kind === 'SimpleType' && node.name === '_') {
    context.error('P4C4004', node.range, "'_' stands for a type only between < and >")
    return UNKNOWN
  }
  return resolveArgument(context, node)
}

/** Where `_` stands for "infer this". */
function resolveArgument(context: Context, node: TypeNode): Type {
  const type = resolve(context, node)
  context.typeNodes.set(node, type)
  return type
}

/** The type of something that is being instantiated: its type arguments may be inferred from the others. */
export function resolveConstructed(context: Context, node: TypeNode): Type {
  if (node.kind !== 'NamedType' || node.args.length > 0) return resolveType(context, node)
  const symbol = lookupType(context, node)
  if (symbol === undefined || symbol.declaration.kind === 'Struct') return resolveType(context, node)
  const type = symbol.make(symbol.typeParameters.map(() => context.inference.fresh()))
  context.typeNodes.set(node, type)
  return type
}

function resolve(context: Context, node: TypeNode): Type {
  switch (node.kind) {
    case 'SimpleType':
      if (node.name === 'error') requireErrors(context, node)
      return simple(context, node.name)
    case 'BitType': {
      if (node.width === undefined) return { kind: 'bit', width: 1 }
      const width = evaluateSize(context, node.width, 'width', node.isSigned ? 1 : 0, MAX_WIDTH)
      if (width === undefined) return UNKNOWN
      return { kind: node.isSigned ? 'int' : 'bit', width }
    }
    case 'VarbitType': {
      const width = evaluateSize(context, node.width, 'width', 0, MAX_WIDTH)
      return width === undefined ? UNKNOWN : { kind: 'varbit', width }
    }
    case 'StackType': {
      const element = resolveType(context, node.element)
      const size = evaluateSize(context, node.size, 'size of a header stack', 0, MAX_STACK_SIZE)
      const inner = context.inference.prune(element)
      if (NOT_ELEMENTS.has(inner.kind)) {
        context.error('P4C4001', node.element.range, `a stack cannot hold ${showType(inner)}`)
        return UNKNOWN
      }
      return size === undefined ? UNKNOWN : { kind: 'stack', element, size }
    }
    case 'TupleType':
      return { kind: 'tuple', elements: node.args.map((arg) => resolveElement(context, arg)) }
    case 'ListType':
      return { kind: 'list', element: resolveArgument(context, node.element) }
    case 'NamedType':
      return resolveNamed(context, node)
  }
}

/** The type `error` exists from its first declaration on, which is usually the one of core.p4 (§7.1.2). */
function requireErrors(context: Context, node: TypeNode): void {
  if (context.errors.length > 0) return
  context.error(
    'P4C3001',
    node.range,
    "type 'error' is not declared; core.p4 declares it",
    includeFix(context, 'core.p4'),
  )
}

function simple(context: Context, name: Extract<TypeNode, { kind: 'SimpleType' }>['name']): Type {
  switch (name) {
    case 'bool':
      return BOOL
    case 'int':
      return INTEGER
    case 'string':
      return STRING
    case 'error':
      return ERROR
    case 'match_kind':
      return MATCH_KIND
    case 'void':
      return VOID
    case '_':
      return context.inference.fresh()
  }
}

/** The type symbol that a name stands for, with an error when there is none. */
export function lookupType(context: Context, node: Extract<TypeNode, { kind: 'NamedType' }>): TypeSymbol | undefined {
  const scope = node.isAbsolute ? context.globals : context.scope
  const found = scope.lookup(node.name.text)
  const symbol = found.find((candidate) => candidate.kind === 'type')
  if (symbol !== undefined) {
    context.references.set(node.name, symbol)
    return symbol
  }
  const other = found[0]
  if (other !== undefined) {
    const notes = [{ message: `'${other.name}' is declared here`, range: other.range }]
    context.error('P4C3002', node.name.range, `'${node.name.text}' is not a type`, { notes })
  } else if (node.name.text !== '') {
    undeclared(context, node.name, 'type ', typeNames(context))
  }
  return undefined
}

function typeNames(context: Context): string[] {
  return context.scope.names().filter((name) => context.scope.lookup(name)[0]?.kind === 'type')
}

/** Controls, nothing at all, and types that are left open are no values that a tuple could hold. */
function resolveElement(context: Context, node: TypeNode): Type {
  const type = context.inference.prune(resolveArgument(context, node))
  if (type.kind !== 'block' && type.kind !== 'extern' && type.kind !== 'void' && type.kind !== 'inferred') return type
  context.error('P4C4101', node.range, `a tuple cannot hold ${showType(type)}`)
  return UNKNOWN
}

/** The type of a variable or constant, in which no `_` may be left. */
export function resolveWhole(context: Context, node: TypeNode): Type {
  const type = resolveType(context, node)
  if (!context.inference.isOpen(type)) return type
  context.error('P4C4004', node.range, `the type ${showType(type)} is not complete; write its arguments`)
  return UNKNOWN
}

function resolveNamed(context: Context, node: Extract<TypeNode, { kind: 'NamedType' }>): Type {
  const symbol = lookupType(context, node)
  const args = node.args.map((arg) => resolveArgument(context, arg))
  if (symbol === undefined) return UNKNOWN
  const wanted = symbol.typeParameters.length
  if (args.length === wanted) {
    for (const [index, arg] of args.entries()) {
      const kind = context.inference.prune(arg).kind
      const range = node.args[index]?.range ?? node.range
      if (kind === 'set' || (kind === 'block' && symbol.declaration.kind === 'Struct')) {
        context.error('P4C4002', range, `${showType(arg)} cannot be a type argument`)
        return UNKNOWN
      }
      if (mentions(context, arg, symbol.declaration)) {
        context.error('P4C4002', range, `'${symbol.name}' cannot be a type argument of itself`)
        return UNKNOWN
      }
    }
    const type = symbol.make(args)
    return checkSpecialized(context, node, type) ? type : UNKNOWN
  }
  const notes = [{ message: `'${symbol.name}' is declared here`, range: symbol.range }]
  const count = `${wanted} type argument${wanted === 1 ? '' : 's'}`
  context.error('P4C4003', node.range, `'${symbol.name}' takes ${count}, not ${args.length}`, { notes })
  return UNKNOWN
}

/** Whether a type is, or has among its arguments, the one that `declaration` declares. */
function mentions(context: Context, input: Type, declaration: TypeSymbol['declaration']): boolean {
  const type = context.inference.prune(input)
  switch (type.kind) {
    case 'struct':
    case 'extern':
      return type.declaration === declaration || type.args.some((arg) => mentions(context, arg, declaration))
    case 'stack':
    case 'list':
      return mentions(context, type.element, declaration)
    case 'tuple':
      return type.elements.some((element) => mentions(context, element, declaration))
    default:
      return false
  }
}

/** The fields of a generic header or union must still be allowed with these arguments (§7.2.10). */
function checkSpecialized(context: Context, node: TypeNode, type: Type): boolean {
  if (type.kind !== 'struct' || type.args.length === 0 || type.form === 'struct') return true
  const { declaration } = type
  for (const [index, field] of context.fieldsOf(type).entries()) {
    if (isFieldType(context, type.form, field.type)) continue
    const declared = declaration.fields[index]
    const notes = declared === undefined ? [] : [{ message: 'the field is here', range: declared.range }]
    const text = `with these arguments, field '${field.name}' of ${declaration.name.text} has type ${showType(field.type)}`
    context.error('P4C4107', node.range, `${text}, which a ${type.form.replace('_', ' ')} cannot hold`, { notes })
    return false
  }
  return true
}

/** A compile-time number within bounds, or undefined with an error. */
export function evaluateSize(
  context: Context,
  expression: Expression,
  what: string,
  low: number,
  high: number,
): number | undefined {
  const errors = context.sink.errorCount
  const type = context.inference.prune(checkExpression(context, expression))
  if (type.kind === 'unknown' || context.sink.errorCount > errors) return undefined
  const value = evaluateInteger(context, expression)
  if (value === undefined) {
    const message =
      type.kind === 'integer' || isFixedWidth(type) || type.kind === 'enum'
        ? `the ${what} must be a compile-time constant`
        : `the ${what} must be a number, not ${showType(type)}`
    context.error('P4C5001', expression.range, message)
    return undefined
  }
  if (value < BigInt(low) || value > BigInt(high)) {
    context.error('P4C5002', expression.range, `the ${what} must be between ${low} and ${high}, not ${value}`)
    return undefined
  }
  return Number(value)
}
