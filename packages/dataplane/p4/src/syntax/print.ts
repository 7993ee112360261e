/** Expressions as source text, for the names of table keys and for assertions. */
import type { Expression, TypeNode } from './ast.ts'

export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'Integer': {
      const prefix = expression.width === undefined ? '' : `${expression.width}${expression.isSigned ? 's' : 'w'}`
      return prefix + String(expression.value)
    }
    case 'Bool':
      return String(expression.value)
    case 'String':
      return JSON.stringify(expression.value)
    case 'Name':
      return (expression.isAbsolute ? '.' : '') + expression.name
    case 'This':
      return 'this'
    case 'TypeExpression':
      return printType(expression.type)
    case 'Member':
      return `${printExpression(expression.object)}.${expression.member.text}`
    case 'Index':
      return `${printExpression(expression.object)}[${printExpression(expression.index)}]`
    case 'Slice': {
      const [first, second] = expression.isPlus ? [expression.low, expression.high] : [expression.high, expression.low]
      const sign = expression.isPlus ? '+:' : ':'
      return `${printExpression(expression.object)}[${printExpression(first)}${sign}${printExpression(second)}]`
    }
    case 'Unary':
      return expression.operator + printOperand(expression.operand)
    case 'Binary':
      return `${printOperand(expression.left)} ${expression.operator} ${printOperand(expression.right)}`
    case 'Conditional': {
      const parts = [expression.condition, expression.whenTrue, expression.whenFalse].map(printOperand)
      return `${parts[0] ?? ''} ? ${parts[1] ?? ''} : ${parts[2] ?? ''}`
    }
    case 'Cast':
      return `(${printType(expression.type)})${printOperand(expression.operand)}`
    case 'Call':
      return `${printExpression(expression.callee)}(${expression.args.map((arg) => printExpression(arg.value)).join(', ')})`
    case 'List':
      return `{${expression.elements.map(printExpression).join(', ')}}`
    case 'Struct':
      return `{${expression.fields.map((field) => `${field.name.text} = ${printExpression(field.value)}`).join(', ')}}`
    case 'Invalid':
      return '{#}'
    case 'Dots':
      return '...'
    case 'Default':
      return 'default'
    case 'DontCare':
    case 'BadExpression':
      return '_'
  }
}

function printOperand(expression: Expression): string {
  const text = printExpression(expression)
  return expression.kind === 'Binary' || expression.kind === 'Conditional' ? `(${text})` : text
}

function printType(type: TypeNode): string {
  switch (type.kind) {
    case 'SimpleType':
      return type.name
    case 'BitType': {
      const word = type.isSigned ? 'int' : 'bit'
      return type.width === undefined ? word : `${word}<${printExpression(type.width)}>`
    }
    case 'VarbitType':
      return `varbit<${printExpression(type.width)}>`
    case 'NamedType':
      return type.name.text + (type.args.length === 0 ? '' : `<${type.args.map(printType).join(', ')}>`)
    case 'StackType':
      return `${printType(type.element)}[${printExpression(type.size)}]`
    case 'TupleType':
      return `tuple<${type.args.map(printType).join(', ')}>`
    case 'ListType':
      return `list<${printType(type.element)}>`
  }
}
