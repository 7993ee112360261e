/** Keys of tables (P4-16 §14.2.1.1): types, match kinds, and the names under which the control plane gives values. */
import type { Expression, TableKeyElement } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { evaluate } from './evaluate.ts'
import { showType, type Type } from './type.ts'

export function checkKey(context: Context, type: Type, element: TableKeyElement): void {
  checkKeyType(context, type, element.expression)
  checkKeyName(context, element)
  checkMatchedType(context, type, element)
}

function checkKeyType(context: Context, type: Type, expression: Expression): void {
  switch (type.kind) {
    case 'bit':
    case 'int':
    case 'bool':
    case 'enum':
    case 'error':
    case 'newtype':
    case 'unknown':
    case 'typeVariable':
      return
    default:
      context.error('P4C4121', expression.range, `a table key cannot have type ${showType(type)}`)
  }
}

/** What the control plane calls a key is derived from its expression, or given with @name (§18.3.2, §20.3). */
function checkKeyName(context: Context, element: TableKeyElement): void {
  if (element.annotations.some((annotation) => annotation.name.text === 'name')) return
  if (hasControlPlaneName(context, element.expression)) return
  const text = 'a computed key needs a name for the control plane'
  const { endLine, endColumn, file } = element.match.range
  const range = { file, line: endLine, column: endColumn, endLine, endColumn }
  const fix = { title: `write @name("...") after '${element.match.text}'`, range, text: ' @name("key")' }
  context.error('P4C4135', element.expression.range, text, { fix })
}

/** Paths, elements and slices with constant bounds, validity, masks with constants. */
export function hasControlPlaneName(context: Context, expression: Expression): boolean {
  switch (expression.kind) {
    case 'Name':
    case 'Integer':
    case 'Bool':
    case 'BadExpression':
    case 'TypeExpression':
      return true
    case 'Member':
      return hasControlPlaneName(context, expression.object)
    case 'Index':
      return hasControlPlaneName(context, expression.object)
    case 'Slice':
      return hasControlPlaneName(context, expression.object)
    case 'Call': {
      const { callee } = expression
      return callee.kind === 'Member' && callee.member.text === 'isValid' && hasControlPlaneName(context, callee.object)
    }
    case 'Binary':
      return (
        expression.operator === '&' &&
        (hasControlPlaneName(context, expression.left) || hasControlPlaneName(context, expression.right)) &&
        (evaluate(context, expression.left) !== undefined || evaluate(context, expression.right) !== undefined)
      )
    default:
      return false
  }
}

/** Prefixes and ranges need numbers: a bool, an error or an enumerator without value has no order (§14.2.1.1). */
function checkMatchedType(context: Context, type: Type, element: TableKeyElement): void {
  const kind = element.match.text
  if (kind !== 'lpm' && kind !== 'range') return
  const base = withoutNewtypes(type)
  if (base.kind !== 'bool' && base.kind !== 'error' && !(base.kind === 'enum' && base.underlying === undefined)) return
  context.error('P4C4121', element.expression.range, `a key of type ${showType(type)} cannot be matched ${kind}`)
}

export function withoutNewtypes(type: Type): Type {
  return type.kind === 'newtype' ? withoutNewtypes(type.target) : type
}
