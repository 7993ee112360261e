/** Values of `#if` and `#elif`: C integer expressions over expanded tokens; an unknown name is 0. */
import type { Token } from '../syntax/token.ts'

export type ConditionResult =
  | { readonly ok: true; readonly value: bigint }
  | { readonly ok: false; readonly message: string }

const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ['||', 1],
  ['&&', 2],
  ['|', 3],
  ['^', 4],
  ['&', 5],
  ['==', 6],
  ['!=', 6],
  ['<', 7],
  ['>', 7],
  ['<=', 7],
  ['>=', 7],
  ['<<', 8],
  ['>>', 8],
  ['+', 9],
  ['-', 9],
  ['*', 10],
  ['/', 10],
  ['%', 10],
])

/** `defined X` must already be replaced by 0 or 1. */
export function evaluateCondition(tokens: readonly Token[]): ConditionResult {
  let at = 0
  let problem: string | undefined

  const text = (): string => tokens[at]?.text ?? ''
  const isOperator = (symbol: string): boolean => tokens[at]?.kind === 'operator' && text() === symbol
  const fail = (message: string): bigint => {
    problem ??= message
    return 0n
  }

  // `>>` arrives as two tokens.
  const binaryOperator = (): string => {
    const token = tokens[at]
    if (token?.kind !== 'operator') return ''
    const following = tokens[at + 1]
    if (token.text === '>' && following?.text === '>' && !following.hasSpaceBefore) return '>>'
    return token.text
  }

  const unary = (depth: number): bigint => {
    const token = tokens[at]
    if (token === undefined || depth > 200) return fail('the expression is incomplete')
    at += 1
    if (token.kind === 'integer') return token.integer?.value ?? 0n
    if (token.kind === 'identifier' || token.kind === 'keyword') return token.text === 'true' ? 1n : 0n
    if (token.text === '!') return unary(depth + 1) === 0n ? 1n : 0n
    if (token.text === '-') return -unary(depth + 1)
    if (token.text === '+') return unary(depth + 1)
    if (token.text === '~') return ~unary(depth + 1)
    if (token.text === '(') {
      const value = ternary(depth + 1)
      if (!isOperator(')')) return fail("expected ')'")
      at += 1
      return value
    }
    return fail(`unexpected '${token.text}'`)
  }

  const binary = (minimum: number, depth: number): bigint => {
    let left = unary(depth)
    for (;;) {
      const operator = binaryOperator()
      const precedence = PRECEDENCE.get(operator)
      if (precedence === undefined || precedence < minimum || problem !== undefined) return left
      at += operator === '>>' ? 2 : 1
      const right = binary(precedence + 1, depth + 1)
      left = apply(operator, left, right, fail)
    }
  }

  const ternary = (depth: number): bigint => {
    const condition = binary(1, depth)
    if (!isOperator('?')) return condition
    at += 1
    const whenTrue = ternary(depth + 1)
    if (!isOperator(':')) return fail("expected ':'")
    at += 1
    const whenFalse = ternary(depth + 1)
    return condition !== 0n ? whenTrue : whenFalse
  }

  if (tokens.length === 0) return { ok: false, message: 'the expression is missing' }
  const value = ternary(0)
  if (problem === undefined && at < tokens.length) problem = `unexpected '${text()}'`
  return problem === undefined ? { ok: true, value } : { ok: false, message: problem }
}

function apply(operator: string, left: bigint, right: bigint, fail: (message: string) => bigint): bigint {
  const flag = (condition: boolean): bigint => (condition ? 1n : 0n)
  switch (operator) {
    case '||':
      return flag(left !== 0n || right !== 0n)
    case '&&':
      return flag(left !== 0n && right !== 0n)
    case '|':
      return left | right
    case '^':
      return left ^ right
    case '&':
      return left & right
    case '==':
      return flag(left === right)
    case '!=':
      return flag(left !== right)
    case '<':
      return flag(left < right)
    case '>':
      return flag(left > right)
    case '<=':
      return flag(left <= right)
    case '>=':
      return flag(left >= right)
    case '<<':
    case '>>':
      if (right < 0n || right > 4096n) return fail('shift amount out of range')
      return operator === '<<' ? left << right : left >> right
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    default:
      if (right === 0n) return fail('division by zero')
      return operator === '/' ? left / right : left % right
  }
}
