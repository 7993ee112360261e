/** Types of expressions (P4-16 §8), bottom-up; literals adapt afterwards through `coerce`. */
import type { BinaryExpression, Expression } from '../syntax/ast.ts'
import { checkCall } from './call.ts'
import { canCast, coerce, fits } from './coerce.ts'
import type { Context } from './context.ts'
import { evaluateInteger, evaluateUnconverted, MAX_SHIFT } from './evaluate.ts'
import { checkMember } from './member.ts'
import { resolveType } from './resolve-type.ts'
import { checkIndex, checkSlice } from './subscript.ts'
import { undeclared } from './include-fix.ts'
import type { Symbol } from './symbol.ts'
import { BOOL, INTEGER, isFixedWidth, isHeader, isUnion, showType, STRING, UNKNOWN, type Type } from './type.ts'

/** Checks once; a second call returns the recorded type. */
export function checkExpression(context: Context, expression: Expression): Type {
  const known = context.types.get(expression)
  if (known !== undefined) return known
  const type = check(context, expression)
  context.types.set(expression, type)
  return type
}

/** Checks and requires something that has a value at run time or compile time. */
export function checkValue(context: Context, expression: Expression): Type {
  const type = context.inference.prune(checkExpression(context, expression))
  switch (type.kind) {
    case 'typeName':
    case 'callable':
    case 'table':
    case 'state':
    case 'applyResult':
      context.error('P4C4020', expression.range, `${describe(type)} is not a value`)
      context.types.set(expression, UNKNOWN)
      return UNKNOWN
    case 'void':
      context.error('P4C4021', expression.range, 'the call returns nothing that could be used')
      context.types.set(expression, UNKNOWN)
      return UNKNOWN
    default:
      return type
  }
}

/** Checks an expression that must have this type. */
export function checkAs(context: Context, expression: Expression, target: Type): boolean {
  checkValue(context, expression)
  return coerce(context, expression, target)
}

function describe(type: Type): string {
  if (type.kind === 'typeName') return `type '${showType(type.type)}'`
  if (type.kind === 'callable') return type.what
  if (type.kind === 'applyResult') return 'the result of applying a table'
  return `a ${type.kind}`
}

function check(context: Context, expression: Expression): Type {
  switch (expression.kind) {
    case 'Integer':
      if (expression.width === undefined) return INTEGER
      checkLiteral(context, expression)
      return { kind: expression.isSigned ? 'int' : 'bit', width: expression.width }
    case 'Bool':
      return BOOL
    case 'String':
      return STRING
    case 'Name':
      return checkName(context, expression)
    case 'TypeExpression':
      return { kind: 'typeName', type: resolveType(context, expression.type) }
    case 'Member':
      return checkMember(context, expression)
    case 'Index':
      return checkIndex(context, expression.object, expression.index)
    case 'Slice':
      return checkSlice(context, expression)
    case 'Unary':
      return checkUnary(context, expression)
    case 'Binary':
      return checkBinary(context, expression)
    case 'Conditional':
      return checkConditional(context, expression)
    case 'Cast': {
      const target = resolveType(context, expression.type)
      checkValue(context, expression.operand)
      return checkCast(context, expression.operand, target)
    }
    case 'Call':
      return checkCall(context, expression)
    case 'List': {
      const elements = expression.elements.map((element) => checkValue(context, element))
      return { kind: 'listLiteral', elements, hasDots: expression.hasDots }
    }
    case 'Struct': {
      const seen = new Set<string>()
      const fields = expression.fields.map((field) => {
        if (seen.has(field.name.text)) {
          context.error('P4C3005', field.name.range, `field '${field.name.text}' is given twice`)
        }
        seen.add(field.name.text)
        return { name: field.name.text, type: checkValue(context, field.value) }
      })
      return { kind: 'structLiteral', fields, hasDots: expression.hasDots }
    }
    case 'Invalid':
      return { kind: 'invalidLiteral' }
    case 'Dots':
      return { kind: 'dots' }
    case 'Default':
    case 'DontCare':
      return { kind: 'set', element: context.inference.fresh() }
    case 'This': {
      const { thisType } = context.surroundings
      if (thisType === undefined) {
        context.error(
          'P4C4022',
          expression.range,
          "'this' can only be used in the implementation of an abstract method",
        )
      }
      return thisType ?? UNKNOWN
    }
    case 'BadExpression':
      return UNKNOWN
  }
}

function checkLiteral(context: Context, expression: Extract<Expression, { kind: 'Integer' }>): void {
  const width = BigInt(expression.width ?? 0)
  if (expression.width === 0) {
    context.error('P4C5003', expression.range, 'a literal has at least 1 bit')
  } else if (expression.value >= 1n << width) {
    const kept = BigInt.asUintN(Number(width), expression.value)
    context.sink.warning('P4C4011', expression.range, `the literal needs more than ${width} bits; its value is ${kept}`)
  }
}

function checkName(context: Context, expression: Extract<Expression, { kind: 'Name' }>): Type {
  const scope = expression.isAbsolute ? context.globals : context.scope
  const symbols = scope.lookup(expression.name)
  const symbol = symbols[0]
  if (symbol === undefined) {
    if (context.matchKinds.has(expression.name)) return { kind: 'matchKind' }
    if (expression.name !== '') {
      undeclared(context, { text: expression.name, range: expression.range }, '', scope.names())
    }
    return UNKNOWN
  }
  context.references.set(expression, symbol)
  return symbolType(context, symbol)
}

export function symbolType(context: Context, symbol: Symbol): Type {
  switch (symbol.kind) {
    case 'action':
      return { kind: 'callable', what: `action '${symbol.name}'` }
    case 'function':
      return { kind: 'callable', what: `function '${symbol.name}'` }
    case 'table':
      return { kind: 'table' }
    case 'state':
      return { kind: 'state' }
    case 'valueSet':
      return { kind: 'set', element: symbol.type }
    case 'type':
      return { kind: 'typeName', type: symbol.make(symbol.typeParameters.map(() => context.inference.fresh())) }
    default:
      return symbol.type
  }
}

function checkUnary(context: Context, expression: Extract<Expression, { kind: 'Unary' }>): Type {
  let type = context.inference.prune(checkValue(context, expression.operand))
  if (type.kind === 'unknown') return UNKNOWN
  if (expression.operator === '!') {
    if (type.kind === 'bool') return BOOL
  } else {
    if (type.kind === 'enum' && type.underlying !== undefined) {
      context.conversions.set(expression.operand, type.underlying)
      type = type.underlying
    }
    if (isFixedWidth(type)) return type
    if (type.kind === 'integer' && expression.operator !== '~') return type
  }
  context.error('P4C4040', expression.range, `'${expression.operator}' does not apply to ${showType(type)}`)
  return UNKNOWN
}

/** Brings two operands to one type; undefined when there is none. Records what must be converted. */
export function unifyOperands(context: Context, left: Expression, right: Expression): Type | undefined {
  const a = context.typeOf(left)
  const b = context.typeOf(right)
  if (a.kind === 'unknown' || b.kind === 'unknown') return UNKNOWN
  const isLiteral = (type: Type): boolean =>
    type.kind === 'integer' ||
    type.kind === 'listLiteral' ||
    type.kind === 'structLiteral' ||
    type.kind === 'invalidLiteral'
  if (isLiteral(b) && fits(context, right, b, a)) {
    coerce(context, right, a)
    return a
  }
  if (isLiteral(a) && fits(context, left, a, b)) {
    coerce(context, left, b)
    return b
  }
  if (context.inference.tryUnify(a, b)) return context.inference.resolve(a)
  if (a.kind === 'enum' && a.underlying !== undefined && fits(context, left, a, b)) {
    coerce(context, left, b)
    return b
  }
  if (b.kind === 'enum' && b.underlying !== undefined && fits(context, right, b, a)) {
    coerce(context, right, a)
    return a
  }
  return unifyEnumerators(context, left, right, a, b)
}

/** Enumerators of different enums, or one and a literal, meet in their numbers. */
function unifyEnumerators(context: Context, left: Expression, right: Expression, a: Type, b: Type): Type | undefined {
  const numeric = (type: Type): Type => (type.kind === 'enum' && type.underlying !== undefined ? type.underlying : type)
  const x = numeric(a)
  const y = numeric(b)
  if (x === a && y === b) return undefined
  const type = x.kind === 'integer' ? y : x
  if (!isFixedWidth(type) || !(fits(context, left, x, type) && fits(context, right, y, type))) return undefined
  context.conversions.set(left, type)
  context.conversions.set(right, type)
  return type
}

/** Serialisable enumerators are numbers in arithmetic. */
function arithmeticOperand(context: Context, expression: Expression): Type {
  const type = context.typeOf(expression)
  if (type.kind !== 'enum' || type.underlying === undefined) return type
  context.conversions.set(expression, type.underlying)
  context.types.set(expression, type)
  return type.underlying
}

function checkBinary(context: Context, expression: BinaryExpression): Type {
  checkValue(context, expression.left)
  checkValue(context, expression.right)
  const { left, right, operator } = expression
  const a = context.typeOf(left)
  const b = context.typeOf(right)
  if (a.kind === 'unknown' || b.kind === 'unknown') {
    return ['==', '!=', '<', '<=', '>', '>=', '&&', '||'].includes(operator) ? BOOL : UNKNOWN
  }
  switch (operator) {
    case '&&':
    case '||':
      if (a.kind === 'bool' && b.kind === 'bool') return BOOL
      return mismatch(context, expression, BOOL)
    case '==':
    case '!=': {
      const type = unifyOperands(context, left, right)
      if (type === undefined || !isComparable(context, type)) return mismatch(context, expression, BOOL)
      return BOOL
    }
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const type = arithmeticType(context, expression)
      return type === undefined ? mismatch(context, expression, BOOL) : BOOL
    }
    case '<<':
    case '>>':
      return checkShift(context, expression)
    case '++':
      return checkConcatenation(context, expression)
    case '&&&':
    case '..': {
      const type = unifyOperands(context, left, right)
      if (
        type === undefined ||
        !(isFixedWidth(type) || type.kind === 'integer' || type.kind === 'enum' || type.kind === 'newtype')
      ) {
        return mismatch(context, expression, UNKNOWN)
      }
      return { kind: 'set', element: type }
    }
    default: {
      const type = arithmeticType(context, expression)
      if (type === undefined) return mismatch(context, expression, UNKNOWN)
      if ((operator === '/' || operator === '%') && !checkDivision(context, expression, type)) return UNKNOWN
      if (type.kind === 'integer' && (operator === '|+|' || operator === '|-|')) {
        return mismatch(context, expression, UNKNOWN)
      }
      return type
    }
  }
}

function mismatch(context: Context, expression: BinaryExpression, result: Type): Type {
  const a = showType(context.typeOf(expression.left))
  const b = showType(context.typeOf(expression.right))
  const operands = a === b ? `two operands of type ${a}` : `${a} and ${b}`
  context.error('P4C4041', expression.range, `'${expression.operator}' does not apply to ${operands}`)
  return result
}

/** The common numeric type of both operands, or undefined. */
function arithmeticType(context: Context, expression: BinaryExpression): Type | undefined {
  const { left, right } = expression
  const a = arithmeticOperand(context, left)
  const b = arithmeticOperand(context, right)
  if (a.kind === 'integer' && b.kind === 'integer') return INTEGER
  if (a.kind === 'integer' && isFixedWidth(b)) {
    coerce(context, left, b)
    return b
  }
  if (b.kind === 'integer' && isFixedWidth(a)) {
    coerce(context, right, a)
    return a
  }
  return isFixedWidth(a) && isFixedWidth(b) && a.kind === b.kind && a.width === b.width ? a : undefined
}

/** The value before a literal is brought to the width of the other operand. */
function literalValue(context: Context, expression: Expression): bigint | undefined {
  const value = evaluateUnconverted(context, expression)
  return value?.kind === 'number' ? value.value : undefined
}

function checkDivision(context: Context, expression: BinaryExpression, type: Type): boolean {
  if (type.kind === 'int') {
    context.error('P4C4042', expression.range, `'${expression.operator}' is not defined for signed ${showType(type)}`)
    return false
  }
  const divisor = literalValue(context, expression.right)
  if (divisor === 0n) {
    context.error('P4C5004', expression.right.range, 'division by zero')
    return false
  }
  const dividend = literalValue(context, expression.left)
  if ((divisor ?? 1n) < 0n || (dividend ?? 0n) < 0n) {
    context.error('P4C5005', expression.range, `'${expression.operator}' is not defined for negative numbers`)
    return false
  }
  return true
}

function checkShift(context: Context, expression: BinaryExpression): Type {
  const left = arithmeticOperand(context, expression.left)
  const right = arithmeticOperand(context, expression.right)
  if (!isFixedWidth(left) && left.kind !== 'integer') return mismatch(context, expression, UNKNOWN)
  const amount = evaluateInteger(context, expression.right)
  // A signed amount must be known, so that it is known not to be negative.
  const isAmount = right.kind === 'bit' || right.kind === 'integer' || (right.kind === 'int' && amount !== undefined)
  if (!isAmount) return mismatch(context, expression, UNKNOWN)
  if (amount !== undefined && amount < 0n) {
    context.error('P4C5006', expression.right.range, 'the shift amount is negative')
    return UNKNOWN
  }
  if (left.kind === 'integer' && amount !== undefined && expression.operator === '<<' && amount > MAX_SHIFT) {
    context.error('P4C5006', expression.right.range, `the shift amount is larger than ${MAX_SHIFT}`)
    return UNKNOWN
  }
  if (left.kind === 'integer' && right.kind !== 'integer' && evaluateInteger(context, expression.left) === undefined) {
    context.error('P4C4043', expression.left.range, 'the width of the shifted number is not known; write e.g. 32w1')
    return UNKNOWN
  }
  if (left.kind === 'integer' && amount === undefined) {
    context.error('P4C4043', expression.left.range, 'the width of the shifted number is not known; write e.g. 32w1')
    return UNKNOWN
  }
  if (amount !== undefined && isFixedWidth(left) && amount >= BigInt(left.width)) {
    context.sink.warning('P4C4044', expression.range, `shifting ${showType(left)} by ${amount} moves all its bits out`)
  }
  return left
}

function checkConcatenation(context: Context, expression: BinaryExpression): Type {
  const a = arithmeticOperand(context, expression.left)
  const b = arithmeticOperand(context, expression.right)
  if (a.kind === 'string' && b.kind === 'string') return STRING
  if (!isFixedWidth(a) || !isFixedWidth(b)) return mismatch(context, expression, UNKNOWN)
  return { kind: a.kind, width: a.width + b.width }
}

/** Types with `==`: everything but sets, externs and blocks (§8.4 to §8.20). */
function isComparable(context: Context, input: Type): boolean {
  const type = context.inference.prune(input)
  switch (type.kind) {
    case 'set':
    case 'extern':
    case 'block':
    case 'list':
    case 'matchKind':
    case 'listLiteral':
    case 'structLiteral':
    case 'invalidLiteral':
    case 'dots':
    case 'void':
    case 'actionRun':
    case 'typeVariable':
      return false
    case 'struct':
      return context.fieldsOf(type).every((field) => isComparable(context, field.type))
    case 'tuple':
      return type.elements.every((element) => isComparable(context, element))
    case 'stack':
      return isHeader(type.element) || isUnion(type.element)
    default:
      return true
  }
}

function checkConditional(context: Context, expression: Extract<Expression, { kind: 'Conditional' }>): Type {
  const condition = context.inference.prune(checkValue(context, expression.condition))
  checkValue(context, expression.whenTrue)
  checkValue(context, expression.whenFalse)
  if (condition.kind !== 'bool' && condition.kind !== 'unknown') {
    context.error('P4C4045', expression.condition.range, `the condition must be bool, not ${showType(condition)}`)
  }
  const type = unifyOperands(context, expression.whenTrue, expression.whenFalse)
  if (type === undefined) {
    const a = showType(context.typeOf(expression.whenTrue))
    const b = showType(context.typeOf(expression.whenFalse))
    context.error('P4C4046', expression.range, `the branches of '?' have different types: ${a} and ${b}`)
    return UNKNOWN
  }
  return type
}

function checkCast(context: Context, operand: Expression, target: Type): Type {
  const from = context.typeOf(operand)
  const to = context.inference.resolve(target)
  if (from.kind === 'unknown' || to.kind === 'unknown') return to
  if (to.kind === 'set' || to.kind === 'void' || !canCast(context, operand, to)) {
    context.error('P4C4047', operand.range, `${showType(from)} cannot be cast to ${showType(to)}`)
    return to
  }
  return to
}
