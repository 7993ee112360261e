/** What may stand on the left of an assignment or be passed for `out` (P4-16 §6.6). */
import type { Expression } from '../syntax/ast.ts'
import type { Context } from './context.ts'

/** Reports and returns false when the expression cannot be written to. */
export function checkLvalue(context: Context, expression: Expression): boolean {
  switch (expression.kind) {
    case 'Name': {
      const symbol = context.references.get(expression)
      if (symbol === undefined) return context.typeOf(expression).kind === 'unknown'
      if (symbol.kind === 'variable') return true
      if (symbol.kind === 'parameter') {
        if (symbol.direction === 'out' || symbol.direction === 'inout') return true
        const direction = symbol.direction === 'in' ? "an 'in' parameter" : 'a parameter without direction'
        const notes = [{ message: `declared here; only 'out' and 'inout' can be written`, range: symbol.range }]
        if (context.typeOf(expression).kind === 'extern') return true
        context.error('P4C4082', expression.range, `'${symbol.name}' is ${direction} and cannot be written`, { notes })
        return false
      }
      const what =
        symbol.kind === 'constant' ? 'a constant' : `a${/^[aei]/.test(symbol.kind) ? 'n' : ''} ${symbol.kind}`
      context.error('P4C4080', expression.range, `'${symbol.name}' is ${what} and cannot be written`)
      return false
    }
    case 'Member': {
      const type = context.typeOf(expression.object)
      if (type.kind === 'unknown') return true
      if (type.kind === 'stack' && (expression.member.text === 'size' || expression.member.text === 'lastIndex')) break
      if (type.kind === 'struct' || type.kind === 'stack') return checkLvalue(context, expression.object)
      break
    }
    case 'Index': {
      const type = context.typeOf(expression.object)
      if (type.kind === 'unknown') return true
      if (type.kind === 'stack' || type.kind === 'tuple') return checkLvalue(context, expression.object)
      break
    }
    case 'Slice':
      return checkLvalue(context, expression.object)
    case 'DontCare':
    case 'BadExpression':
      return true
    default:
      break
  }
  context.error('P4C4080', expression.range, 'this is not a place that can be written')
  return false
}
