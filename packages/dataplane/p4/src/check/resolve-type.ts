/** Type syntax to types: names, arguments, widths and sizes (P4-16 §7.2). */
import type { Expression, TypeNode } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { evaluateInteger } from './evaluate.ts'
import { checkExpression } from './expression.ts'
import { suggestion } from './suggestion.ts'
import type { TypeSymbol } from './symbol.ts'
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
      for (const arg of node.args) rejectBlocks(context, arg)
      return { kind: 'tuple', elements: node.args.map((arg) => resolveArgument(context, arg)) }
    case 'ListType':
      return { kind: 'list', element: resolveArgument(context, node.element) }
    case 'NamedType':
      return resolveNamed(context, node)
  }
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
    const hint = suggestion(node.name.text, typeNames(context))
    context.error('P4C3001', node.name.range, `type '${node.name.text}' is not declared${hint}`)
  }
  return undefined
}

function typeNames(context: Context): string[] {
  return context.scope.names().filter((name) => context.scope.lookup(name)[0]?.kind === 'type')
}

/** Controls and the like are no values that a tuple could hold. */
function rejectBlocks(context: Context, node: TypeNode): void {
  const type = context.inference.prune(resolveArgument(context, node))
  if (type.kind !== 'block' && type.kind !== 'extern') return
  context.error('P4C4101', node.range, `a tuple cannot hold ${showType(type)}`)
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
      if (kind === 'set') {
        context.error('P4C4002', range, `${showType(arg)} cannot be a type argument`)
      }
    }
    return symbol.make(args)
  }
  const notes = [{ message: `'${symbol.name}' is declared here`, range: symbol.range }]
  const count = `${wanted} type argument${wanted === 1 ? '' : 's'}`
  context.error('P4C4003', node.range, `'${symbol.name}' takes ${count}, not ${args.length}`, { notes })
  return UNKNOWN
}

/** A compile-time number within bounds, or undefined with an error. */
export function evaluateSize(
  context: Context,
  expression: Expression,
  what: string,
  low: number,
  high: number,
): number | undefined {
  const type = context.inference.prune(checkExpression(context, expression))
  if (type.kind === 'unknown') return undefined
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
