/** Text to tree by recursive descent. The first thing that is wrong ends it: programs are a line or two long. */
import {
  AGGREGATORS,
  type AggregatorName,
  type BinaryOperator,
  type Clause,
  type Expression,
  type ProbePattern,
  type ProbeProgram,
  type ProgramProblem,
  type Span,
  type Statement,
} from './program.ts'

export type ParseResult =
  | { readonly ok: true; readonly program: ProbeProgram }
  | { readonly ok: false; readonly problem: ProgramProblem }

export function parseProbeProgram(text: string): ParseResult {
  try {
    return { ok: true, program: new Parser(text).program() }
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    return { ok: false, problem: error.problem }
  }
}

/** Thrown and caught in this file only. */
class Wrong extends Error {
  readonly problem: ProgramProblem

  constructor(span: Span, message: string) {
    super(message)
    this.problem = { span, message }
  }
}

const DEPTH_MAX = 100
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }
/** Binary operators, weakest first; those of a row bind alike. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['==', '!=', '<=', '>=', '<', '>', '=~'],
  ['+', '-'],
  ['*', '/', '%'],
]
const PROBE_TEXT = /[A-Za-z0-9_*?.:[\]-]+/y
const NAME_TEXT = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*/y
const NUMBER_TEXT = /0x[0-9a-fA-F]+|\d+(?:\.\d+)?/y
const STRING_TEXT = /"((?:[^"\\\n]|\\.)*)"/y
const PREFIX_TEXT = /[0-9a-fA-F:.]+\/\d+/y
const BLANK = /(?:\s|#[^\n]*|\/\*[\s\S]*?\*\/)*/y

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0
  /** Inside a predicate and outside its parentheses a slash ends it. */
  #slashEnds = false

  constructor(text: string) {
    this.#text = text
    this.#blank()
  }

  program(): ProbeProgram {
    const clauses: Clause[] = []
    while (this.#at < this.#text.length) clauses.push(this.#clause())
    if (clauses.length === 0) throw this.#wrong('the program is empty; the shortest one is link:drop { @ = count() }')
    return { text: this.#text, clauses }
  }

  #clause(): Clause {
    const probes = [this.#probe()]
    while (this.#take(',')) probes.push(this.#probe())
    let predicate: Expression | undefined
    if (this.#take('/')) {
      this.#slashEnds = true
      predicate = this.#expression()
      this.#slashEnds = false
      this.#need('/', 'the end of the predicate')
    }
    this.#need('{', 'a predicate between slashes, or {')
    const statements: Statement[] = []
    while (!this.#take('}')) {
      statements.push(this.#statement())
      if (this.#take(';')) continue
      this.#need('}', '; or }')
      break
    }
    return { probes, predicate, statements }
  }

  #probe(): ProbePattern {
    const start = this.#at
    const text = this.#match(PROBE_TEXT)
    if (text === undefined) throw this.#wrong('a probe is expected here, such as link:*:drop, BEGIN or tick-1s')
    const span = { start, end: start + text.length }
    if (text === 'BEGIN') return { kind: 'begin', span }
    if (text === 'END') return { kind: 'end', span }
    const tick = /^tick-(\d+)(ms|s|m)$/.exec(text)
    if (tick !== null && Number(tick[1]) > 0) return { kind: 'tick', everyMs: Number(tick[1]) * MS[tick[2]!]!, span }
    if (text.startsWith('tick-')) throw new Wrong(span, 'a tick is tick-500ms, tick-1s or tick-2m')
    const parts = text.split(':')
    if (parts.length < 2 || parts.length > 4 || parts.includes('')) {
      throw new Wrong(span, 'a probe is provider:name, provider:node:name or provider:node:unit:name')
    }
    const [node = '*', unit = '*'] = parts.slice(1, -1)
    return { kind: 'match', provider: parts[0]!, node, unit, name: parts.at(-1)!, span }
  }

  #statement(): Statement {
    const start = this.#at
    if (this.#take('@')) {
      const name = this.#match(NAME_TEXT) ?? ''
      const keys = this.#keys()
      this.#need('=', '= and a function such as count()')
      const functionAt = this.#at
      const aggregator = this.#match(NAME_TEXT) ?? ''
      if (!isAggregator(aggregator)) {
        const span = { start: functionAt, end: functionAt + Math.max(1, aggregator.length) }
        throw new Wrong(
          span,
          `no aggregation is called ${JSON.stringify(aggregator)}; there are ${AGGREGATORS.join(', ')}`,
        )
      }
      const of = this.#arguments()
      this.#checkCount(aggregator, of, { start, end: this.#at })
      return { kind: 'aggregate', name, keys, aggregator, of, span: { start, end: this.#at } }
    }
    const name = this.#match(NAME_TEXT)
    if (name === undefined)
      throw this.#wrong('a statement is expected here, such as @[node] = count() or print(summary)')
    if (this.#peek('(')) return this.#call(name, start)
    const keys = this.#keys()
    this.#need('=', '= or (')
    const value = this.#expression()
    return { kind: 'assign', name, keys, value, span: { start, end: this.#at } }
  }

  #call(name: string, start: number): Statement {
    const span = (): Span => ({ start, end: this.#at })
    switch (name) {
      case 'print':
        return { kind: 'print', values: this.#arguments(), span: span() }
      case 'printf': {
        const [format, ...values] = this.#arguments()
        if (format?.kind !== 'value' || typeof format.value !== 'string') {
          throw new Wrong(span(), 'printf wants its format as a string: printf("%s\\n", node)')
        }
        return { kind: 'printf', format: format.value, values, span: span() }
      }
      case 'exit':
        if (this.#arguments().length > 0) throw new Wrong(span(), 'exit takes nothing: exit()')
        return { kind: 'exit', span: span() }
      case 'printa':
      case 'clear':
      case 'trunc': {
        this.#need('(', '(')
        const target = this.#take('@') ? this.#match(NAME_TEXT) : undefined
        const count = this.#take(',') ? Number(this.#match(NUMBER_TEXT) ?? Number.NaN) : 0
        this.#need(')', ')')
        if (!Number.isInteger(count)) throw new Wrong(span(), 'trunc wants a whole number of rows: trunc(@, 5)')
        return { kind: name, name: target, count, span: span() }
      }
      default:
        throw new Wrong(
          { start, end: start + name.length },
          `nothing is called ${name}(); there are print, printf, printa, clear, trunc, exit`,
        )
    }
  }

  #checkCount(aggregator: AggregatorName, of: readonly Expression[], span: Span): void {
    const wanted = aggregator === 'count' ? 0 : aggregator === 'lquantize' ? 4 : aggregator === 'topk' ? 2 : 1
    if (of.length === wanted) return
    const forms: Partial<Record<AggregatorName, string>> = {
      count: 'count()',
      lquantize: 'lquantize(value, low, high, step)',
      topk: 'topk(value, how_many)',
    }
    throw new Wrong(span, `the form is ${forms[aggregator] ?? `${aggregator}(value)`}`)
  }

  #keys(): Expression[] {
    return this.#peek('[') ? this.#list('[', ']') : []
  }

  #arguments(): Expression[] {
    return this.#list('(', ')')
  }

  /** In brackets a slash divides. */
  #list(open: string, close: string): Expression[] {
    this.#need(open, open)
    const before = this.#slashEnds
    this.#slashEnds = false
    const found: Expression[] = []
    if (!this.#peek(close)) {
      do found.push(this.#expression())
      while (this.#take(','))
    }
    this.#slashEnds = before
    this.#need(close, `, or ${close}`)
    return found
  }

  #expression(level = 0): Expression {
    if (level === LEVELS.length) return this.#unary()
    if (++this.#depth > DEPTH_MAX) throw this.#wrong('the expression is nested too deeply')
    let left = this.#expression(level + 1)
    for (;;) {
      if (level === 2 && this.#word('in')) {
        const prefix = this.#match(PREFIX_TEXT)
        if (prefix === undefined) throw this.#wrong('a prefix is expected after "in", such as 10.0.0.0/8 or fd00::/8')
        left = { kind: 'in', left, prefix, span: { start: left.span.start, end: this.#at } }
        continue
      }
      const operator = LEVELS[level]!.find((each) => !(each === '/' && this.#slashEnds) && this.#peek(each))
      if (operator === undefined) break
      this.#take(operator)
      const right = this.#expression(level + 1)
      left = { kind: 'binary', operator, left, right, span: { start: left.span.start, end: right.span.end } }
    }
    this.#depth--
    return left
  }

  #unary(): Expression {
    const start = this.#at
    const isNot = this.#peek('!') && !this.#peek('!=')
    if (isNot || this.#peek('-')) {
      if (++this.#depth > DEPTH_MAX) throw this.#wrong('the expression is nested too deeply')
      this.#take(isNot ? '!' : '-')
      const of = this.#unary()
      this.#depth--
      return { kind: isNot ? 'not' : 'minus', of, span: { start, end: of.span.end } }
    }
    if (this.#peek('(')) {
      const inner = this.#list('(', ')')
      if (inner.length !== 1) throw new Wrong({ start, end: this.#at }, 'one expression is expected between ( and )')
      return inner[0]!
    }
    const number = this.#match(NUMBER_TEXT)
    if (number !== undefined)
      return { kind: 'value', value: Number(number), span: { start, end: start + number.length } }
    const text = this.#match(STRING_TEXT)
    if (text !== undefined) {
      return { kind: 'value', value: unescape(text.slice(1, -1)), span: { start, end: start + text.length } }
    }
    const name = this.#match(NAME_TEXT)
    if (name === undefined) throw this.#wrong('a value is expected here: a field, a number or a "text"')
    if (name === 'true' || name === 'false') {
      return { kind: 'value', value: name === 'true', span: { start, end: start + name.length } }
    }
    const keys = this.#keys()
    return { kind: 'name', name, keys, span: { start, end: keys.length > 0 ? this.#at : start + name.length } }
  }

  #word(word: string): boolean {
    NAME_TEXT.lastIndex = this.#at
    if (NAME_TEXT.exec(this.#text)?.[0] !== word) return false
    this.#at += word.length
    this.#blank()
    return true
  }

  #peek(symbol: string): boolean {
    return this.#text.startsWith(symbol, this.#at)
  }

  #take(symbol: string): boolean {
    if (!this.#peek(symbol)) return false
    this.#at += symbol.length
    this.#blank()
    return true
  }

  #need(symbol: string, expected: string): void {
    if (!this.#take(symbol)) throw this.#wrong(`expected ${expected}`)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found === undefined) return undefined
    this.#at += found.length
    this.#blank()
    return found
  }

  #blank(): void {
    BLANK.lastIndex = this.#at
    this.#at += BLANK.exec(this.#text)![0].length
  }

  #wrong(message: string): Wrong {
    const start = this.#at
    return new Wrong({ start, end: Math.min(this.#text.length, start + 1) }, message)
  }
}

function isAggregator(name: string): name is AggregatorName {
  return (AGGREGATORS as readonly string[]).includes(name)
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter === 't' ? '\t' : letter))
}
