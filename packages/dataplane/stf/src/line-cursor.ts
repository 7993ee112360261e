/** Reads the tokens of one line of an STF file; the first thing that does not fit ends the line with a located error. */
import type { Comparison, StfAction, StfPosition } from './statement.ts'

/** Thrown inside the parser only, and caught there. */
export class LineError extends Error {
  readonly at: StfPosition
  constructor(at: StfPosition, message: string) {
    super(message)
    this.at = at
  }
}

const WORD = /[a-zA-Z_$][a-zA-Z_$0-9]*/y
const QUOTED = /"([^"]+)"/y
const NUMBER = /0[xX][0-9a-fA-F*]+|0[bB][01*]+|[0-9]+/y
const COMPARISON = /==|!=|<=|>=|<|>/y

export class LineCursor {
  readonly #text: string
  readonly #line: number
  #at = 0

  constructor(text: string, line: number) {
    this.#text = text
    this.#line = line
    this.#skip()
  }

  get position(): StfPosition {
    return { line: this.#line, column: this.#at + 1 }
  }

  get isEnd(): boolean {
    return this.#at >= this.#text.length
  }

  fail(message: string): never {
    throw new LineError(this.position, message)
  }

  end(): void {
    if (!this.isEnd) this.fail(`nothing more is expected here, but there is '${this.#text.slice(this.#at)}'`)
  }

  /** Everything up to the end of the line. */
  rest(): string {
    const text = this.#text.slice(this.#at)
    this.#at = this.#text.length
    return text
  }

  peekWord(): string | undefined {
    WORD.lastIndex = this.#at
    return WORD.exec(this.#text)?.[0]
  }

  /** Whether a number comes that is not part of a match. */
  get isNumberNext(): boolean {
    NUMBER.lastIndex = this.#at
    return NUMBER.test(this.#text)
  }

  is(symbol: string): boolean {
    return this.#text.startsWith(symbol, this.#at)
  }

  accept(symbol: string): boolean {
    if (!this.is(symbol)) return false
    this.#at += symbol.length
    this.#skip()
    return true
  }

  need(symbol: string): void {
    if (!this.accept(symbol)) this.fail(`'${symbol}' is expected here`)
  }

  word(what: string): string {
    return this.#take(QUOTED, 1) ?? this.#take(WORD, 0) ?? this.fail(`${what} is expected here`)
  }

  /** As written. */
  digits(what: string): string {
    return this.#take(NUMBER, 0) ?? this.fail(`${what} is expected here: a number`)
  }

  whole(what: string): number {
    const at = this.position
    const text = this.digits(what)
    const value = text.includes('*') ? undefined : Number(text)
    if (value === undefined || !Number.isSafeInteger(value)) {
      throw new LineError(at, `${text} is no usable number for ${what}`)
    }
    return value
  }

  wide(what: string): bigint {
    const at = this.position
    const text = this.digits(what)
    if (text.includes('*')) throw new LineError(at, `${what} cannot have "don't care" digits: ${text}`)
    return BigInt(text)
  }

  /** `12`, `0.5`, `0.000005`. */
  decimal(what: string): number {
    const whole = this.digits(what)
    return Number(this.accept('.') ? `${whole}.${this.digits(what)}` : whole)
  }

  comparison(): Comparison {
    const found = this.#take(COMPARISON, 0) ?? this.fail('a comparison (==, !=, <, <=, >, >=) is expected here')
    // because the pattern matches exactly the members of Comparison
    return found as Comparison
  }

  /** `a.b[0].c` */
  qualifiedName(what: string): string {
    let name = this.word(what) + this.#index()
    while (this.accept('.')) name += `.${this.word('a name after the dot')}${this.#index()}`
    return name
  }

  /** `name(parameter:value, …)`; `name` where it has been read already. */
  action(name = this.qualifiedName('the name of an action')): StfAction {
    this.need('(')
    const list: { name: string; value: bigint }[] = []
    while (!this.is(')')) {
      if (list.length > 0) this.need(',')
      const parameter = this.word('the name of a parameter')
      this.need(':')
      list.push({ name: parameter, value: this.wide(`the value of '${parameter}'`) })
    }
    this.need(')')
    return { name, arguments: list }
  }

  numbers(what: string): number[] {
    const list = [this.whole(what)]
    while (!this.isEnd) list.push(this.whole(what))
    return list
  }

  #index(): string {
    if (!this.accept('[')) return ''
    const index = this.whole('an index')
    this.need(']')
    return `[${index}]`
  }

  #take(pattern: RegExp, group: number): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#at += found[0].length
    this.#skip()
    return found[group]
  }

  #skip(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t' || this.#text[this.#at] === '\r') this.#at++
  }
}
