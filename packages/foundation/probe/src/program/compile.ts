/**
 * Checks a program against the probes that there are and turns expressions into functions. A field that no probe of its clause
 * has is a mistake, told with the fields that exist; a field that this event happens not to have makes a comparison false.
 */
import { Ip, Prefix } from '@lodestone/net'
import { COMMON_FIELDS, type ProbeEvent, type ProbePoint, type ProbeValue } from '../probe-event.ts'
import type { BinaryOperator, Clause, Expression, ProbePattern, ProbeProgram, ProgramProblem } from './program.ts'

/** Variables of a program: `name`, or `name` and keys joined. Bounded: what does not fit is not remembered. */
export class Variables {
  readonly #values = new Map<string, ProbeValue>()
  readonly #limit: number
  lost = 0

  constructor(limit = 65_536) {
    this.#limit = limit
  }

  get(key: string): ProbeValue | undefined {
    return this.#values.get(key)
  }

  /** Setting to 0 forgets, as in D. */
  set(key: string, value: ProbeValue | undefined): void {
    if (value === undefined || value === 0) this.#values.delete(key)
    else if (this.#values.has(key) || this.#values.size < this.#limit) this.#values.set(key, value)
    else this.lost++
  }
}

export type Evaluate = (event: ProbeEvent, variables: Variables) => ProbeValue | undefined

export type CheckResult =
  | { readonly ok: true; readonly points: readonly ProbePoint[] }
  | { readonly ok: false; readonly problems: readonly ProgramProblem[] }

/** @returns the points that the program watches. */
export function checkProgram(program: ProbeProgram, points: readonly ProbePoint[]): CheckResult {
  const problems: ProgramProblem[] = []
  const watched = new Set<ProbePoint>()
  const variables = new Set(
    program.clauses.flatMap(({ statements }) =>
      statements.flatMap((each) => (each.kind === 'assign' ? [each.name] : [])),
    ),
  )
  const aggregators = new Map<string, string>()
  for (const clause of program.clauses) {
    const matched: ProbePoint[] = []
    let isTimed = false
    for (const probe of clause.probes) {
      if (probe.kind !== 'match') {
        isTimed = true
        continue
      }
      const found = points.filter((each) => matchesPoint(probe, each))
      if (found.length === 0) problems.push({ span: probe.span, message: noSuchProbe(probe, points) })
      matched.push(...found)
    }
    for (const each of matched) watched.add(each)
    const known = new Set([...Object.keys(COMMON_FIELDS), ...matched.flatMap(({ fields }) => Object.keys(fields))])
    const hasField = (name: string): boolean =>
      known.has(name) || [...known].some((each) => each.endsWith('*') && name.startsWith(each.slice(0, -1)))
    for (const expression of expressionsOf(clause)) {
      walk(expression, (each) => {
        if (each.kind === 'in' && Prefix.parse(each.prefix) === undefined) {
          problems.push({ span: each.span, message: `${each.prefix} is no prefix of IPv4 or IPv6` })
        }
        if (each.kind === 'binary' && each.operator === '=~') {
          const pattern = each.right
          const isText = pattern.kind === 'value' && typeof pattern.value === 'string'
          if (!isText || regularExpression(String(pattern.value)) === undefined) {
            problems.push({ span: pattern.span, message: 'a regular expression in quotes is expected after =~' })
          }
        }
        if (each.kind !== 'name' || variables.has(each.name)) return
        if (each.keys.length > 0) {
          problems.push({ span: each.span, message: `nothing is ever assigned to ${each.name}[…]` })
        } else if ((matched.length > 0 || isTimed) && !hasField(each.name)) {
          const fields = [...known].toSorted().join(', ')
          problems.push({
            span: each.span,
            message: `no probe of this clause has a field ${each.name}; there are ${fields}`,
          })
        }
      })
    }
    for (const statement of clause.statements) {
      if (statement.kind === 'aggregate') {
        const before = aggregators.get(statement.name)
        if (before !== undefined && before !== statement.aggregator) {
          const message = `@${statement.name} is ${before}() elsewhere: give one of them another name`
          problems.push({ span: statement.span, message })
        }
        aggregators.set(statement.name, statement.aggregator)
      }
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, points: [...watched] }
}

function noSuchProbe(probe: ProbePattern & { kind: 'match' }, points: readonly ProbePoint[]): string {
  const providers = [...new Set(points.map(({ provider }) => provider))].toSorted()
  const ofProvider = points.filter(({ provider }) => glob(probe.provider).test(provider))
  return ofProvider.length === 0
    ? `no provider matches ${probe.provider}; there are ${providers.join(', ')}`
    : `${probe.provider} has no probe ${probe.name}; there are ${[...new Set(ofProvider.map(({ name }) => name))].join(', ')}`
}

function expressionsOf(clause: Clause): Expression[] {
  const found = clause.predicate === undefined ? [] : [clause.predicate]
  for (const statement of clause.statements) {
    if (statement.kind === 'aggregate') found.push(...statement.keys, ...statement.of)
    else if (statement.kind === 'assign') found.push(...statement.keys, statement.value)
    else if (statement.kind === 'print' || statement.kind === 'printf') found.push(...statement.values)
  }
  return found
}

function walk(expression: Expression, visit: (each: Expression) => void): void {
  visit(expression)
  if (expression.kind === 'not' || expression.kind === 'minus') walk(expression.of, visit)
  else if (expression.kind === 'in') walk(expression.left, visit)
  else if (expression.kind === 'name') for (const key of expression.keys) walk(key, visit)
  else if (expression.kind === 'binary') {
    walk(expression.left, visit)
    walk(expression.right, visit)
  }
}

/** Whether events of the point can match. */
export function matchesPoint(probe: ProbePattern, point: ProbePoint): boolean {
  return probe.kind === 'match' && glob(probe.provider).test(point.provider) && glob(probe.name).test(point.name)
}

/** `*` any text, `?` any character. */
export function glob(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .replace(/[.[\]-]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  )
}

export function variableKey(name: string, keys: readonly Evaluate[], event: ProbeEvent, variables: Variables): string {
  let key = name
  for (const each of keys) key += `\0${each(event, variables)}`
  return key
}

/** A checked expression as a function. */
export function compileExpression(expression: Expression, isVariable: (name: string) => boolean): Evaluate {
  const compile = (each: Expression): Evaluate => compileExpression(each, isVariable)
  switch (expression.kind) {
    case 'value': {
      const { value } = expression
      return () => value
    }
    case 'name': {
      const { name } = expression
      const keys = expression.keys.map(compile)
      if (isVariable(name)) return (event, variables) => variables.get(variableKey(name, keys, event, variables)) ?? 0
      return fieldOf(name)
    }
    case 'not': {
      const of = compile(expression.of)
      return (event, variables) => !truth(of(event, variables))
    }
    case 'minus': {
      const of = compile(expression.of)
      return (event, variables) => -Number(of(event, variables) ?? Number.NaN)
    }
    case 'in': {
      const left = compile(expression.left)
      const prefix = Prefix.parse(expression.prefix)!
      return (event, variables) => {
        const ip = Ip.parse(String(left(event, variables)))
        return ip !== undefined && prefix.contains(ip)
      }
    }
    case 'binary':
      return binary(expression.operator, compile(expression.left), compile(expression.right), expression.right)
  }
}

function fieldOf(name: string): Evaluate {
  switch (name) {
    case 'provider':
      return (event) => event.provider
    case 'node':
      return (event) => event.node
    case 'unit':
      return (event) => event.unit
    case 'probe':
      return (event) => event.name
    case 'packet':
      return (event) => event.packet
    case 'timestamp':
      return (event) => Math.round(event.atMs * 1e6)
    default:
      return (event) => (Object.hasOwn(event.fields, name) ? event.fields[name] : undefined)
  }
}

export function truth(value: ProbeValue | undefined): boolean {
  return value !== undefined && value !== false && value !== 0 && value !== ''
}

function binary(operator: BinaryOperator, left: Evaluate, right: Evaluate, rightTree: Expression): Evaluate {
  switch (operator) {
    case '||':
      return (event, variables) => truth(left(event, variables)) || truth(right(event, variables))
    case '&&':
      return (event, variables) => truth(left(event, variables)) && truth(right(event, variables))
    case '=~': {
      const pattern = regularExpression(rightTree.kind === 'value' ? String(rightTree.value) : '')!
      return (event, variables) => pattern.test(String(left(event, variables) ?? ''))
    }
    case '==':
      return (event, variables) => isEqual(left(event, variables), right(event, variables))
    case '!=':
      return (event, variables) => {
        const [a, b] = [left(event, variables), right(event, variables)]
        return a !== undefined && b !== undefined && !isEqual(a, b)
      }
    case '<':
    case '>':
    case '<=':
    case '>=':
      return (event, variables) => compare(operator, left(event, variables), right(event, variables))
    default:
      return (event, variables) => {
        const a = Number(left(event, variables) ?? Number.NaN)
        const b = Number(right(event, variables) ?? Number.NaN)
        const value =
          operator === '+'
            ? a + b
            : operator === '-'
              ? a - b
              : operator === '*'
                ? a * b
                : operator === '/'
                  ? a / b
                  : a % b
        return Number.isNaN(value) ? undefined : value
      }
  }
}

/** A number equals its text: fields of packets are formatted for people. */
function isEqual(a: ProbeValue | undefined, b: ProbeValue | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a === b || String(a) === String(b) || (typeof a !== typeof b && Number(a) === Number(b))
}

function compare(operator: '<' | '>' | '<=' | '>=', a: ProbeValue | undefined, b: ProbeValue | undefined): boolean {
  const x = Number(a ?? Number.NaN)
  const y = Number(b ?? Number.NaN)
  return operator === '<' ? x < y : operator === '>' ? x > y : operator === '<=' ? x <= y : x >= y
}

function regularExpression(text: string): RegExp | undefined {
  try {
    return new RegExp(text)
  } catch {
    return undefined
  }
}
