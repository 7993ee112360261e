/**
 * The parser's place in the token stream, and what parsing P4 needs besides: which names are types (a cast, a generic
 * call and a declaration cannot be told from expressions otherwise), speculation, and errors that are reported once per
 * place.
 */
import type { DiagnosticSink, DiagnosticDetail } from '../source/diagnostic.ts'
import { spanning, type Range } from '../source/range.ts'
import type { Name } from './ast.ts'
import type { Token } from './token.ts'

type NameUse = 'type' | 'value'

/** Nesting of expressions, statements and types that the recursive parser accepts. */
const MAX_DEPTH = 400

/** What is often forgotten, and can be put after the token before. */
const INSERTABLE: ReadonlySet<string> = new Set([';', ')', ']', '>'])

export class Cursor {
  readonly #tokens: readonly Token[]
  readonly #sink: DiagnosticSink
  readonly #scopes: Map<string, NameUse>[] = [new Map()]
  #at = 0
  #lastErrorAt = -1
  #depth = 0
  #speculations = 0
  #failed = false
  #hasGivenUp = false
  #isBetweenAngles = false

  constructor(tokens: readonly Token[], sink: DiagnosticSink) {
    this.#tokens = tokens
    this.#sink = sink
    this.#skipBad()
  }

  /** Malformed tokens are reported and skipped, except inside free-form annotations, which `skipTokens` passes over. */
  #skipBad(): void {
    while (this.#tokens[this.#at]?.kind === 'bad') {
      const token = this.#tokens[this.#at]
      if (token !== undefined && this.#speculations === 0) this.#sink.error('P4C1003', token.range, token.text)
      this.#at += 1
    }
  }

  /** Passes over `count` tokens, whatever they are. */
  skipTokens(count: number): void {
    this.#at = Math.min(this.#at + count, this.#tokens.length - 1)
    this.#skipBad()
  }

  get position(): number {
    return this.#at
  }

  get isAtEnd(): boolean {
    return this.token.kind === 'end'
  }

  get token(): Token {
    const token = this.#tokens[this.#at]
    return token === undefined ? this.#last() : token
  }

  peek(distance: number): Token {
    const token = this.#tokens[this.#at + distance]
    return token === undefined ? this.#last() : token
  }

  #last(): Token {
    const token = this.#tokens[this.#tokens.length - 1]
    if (token === undefined) throw new Error('the token list must end with an end token')
    return token
  }

  next(): Token {
    const token = this.token
    if (token.kind !== 'end') {
      this.#at += 1
      this.#skipBad()
    }
    return token
  }

  /** Whether the token at `distance` is this keyword, operator or contextual word. */
  is(text: string, distance = 0): boolean {
    const token = this.peek(distance)
    return token.text === text && token.kind !== 'string' && token.kind !== 'end'
  }

  accept(text: string): boolean {
    if (!this.is(text)) return false
    this.next()
    return true
  }

  expect(text: string, context: string): boolean {
    if (this.accept(text)) return true
    this.unexpected(`'${text}' ${context}`, this.#insertion(text))
    return false
  }

  isName(distance = 0): boolean {
    return this.peek(distance).kind === 'identifier'
  }

  /** A name, or a placeholder with an error. Nothing is consumed on failure. */
  name(context: string): Name {
    const token = this.token
    if (token.kind === 'identifier') {
      this.next()
      return { text: token.text, range: token.range }
    }
    if (token.kind === 'keyword' && token.text !== '_') {
      this.error('P4C2002', token.range, `'${token.text}' is a keyword and cannot be ${context}`)
      this.next()
      return { text: token.text, range: token.range }
    }
    this.unexpected(context)
    return { text: '', range: token.range }
  }

  /** The range from `first` to the last consumed token. */
  since(first: Range): Range {
    const previous = this.#tokens[this.#at - 1]
    return previous === undefined ? first : spanning(first, previous.range)
  }

  unexpected(wanted: string, detail: DiagnosticDetail = {}): void {
    const token = this.token
    const found =
      token.kind === 'end' ? 'the end of the file' : token.kind === 'string' ? 'a string' : `'${token.text}'`
    this.error('P4C2001', token.range, `expected ${wanted}, found ${found}`, detail)
  }

  /** One syntax error per token: what follows the first is usually its consequence. */
  error(code: string, range: Range, message: string, detail: DiagnosticDetail = {}): void {
    this.#failed = true
    if (this.#speculations > 0 || this.#hasGivenUp) return
    if (this.#lastErrorAt === this.#at) return
    this.#lastErrorAt = this.#at
    this.#sink.error(code, range, message, detail)
  }

  /** Tries `parse`; when it returns undefined or meets a syntax error, everything is as before. */
  speculate<T>(parse: () => T | undefined): T | undefined {
    const at = this.#at
    const failed = this.#failed
    this.#failed = false
    this.#speculations += 1
    const result = parse()
    this.#speculations -= 1
    const isGood = result !== undefined && !this.#failed
    this.#failed = failed
    if (!isGood && !this.#hasGivenUp) this.#at = at
    return isGood ? result : undefined
  }

  /** Whether `parse` would succeed here; consumes nothing. */
  looksLike(parse: () => boolean): boolean {
    const at = this.#at
    const result = this.speculate(() => (parse() ? true : undefined))
    if (!this.#hasGivenUp) this.#at = at
    return result === true
  }

  /** Guards recursion: beyond the limit reports once, skips a token and returns `fallback`. */
  nested<T>(parse: () => T, fallback: () => T): T {
    if (this.#depth >= MAX_DEPTH) {
      this.giveUp('the program is nested too deeply here to be read')
      return fallback()
    }
    this.#depth += 1
    const result = parse()
    this.#depth -= 1
    return result
  }

  /** Whether a `>` closes the type being read rather than comparing. */
  get isBetweenAngles(): boolean {
    return this.#isBetweenAngles
  }

  betweenAngles<T>(isBetween: boolean, parse: () => T): T {
    const saved = this.#isBetweenAngles
    this.#isBetweenAngles = isBetween
    const result = parse()
    this.#isBetweenAngles = saved
    return result
  }

  /** Reports that a limit is reached, and goes to the end of the program: what follows would be read wrongly. */
  giveUp(message: string): void {
    if (!this.#hasGivenUp) this.#sink.error('P4C2003', this.token.range, message)
    this.#hasGivenUp = true
    this.#failed = true
    this.#at = this.#tokens.length - 1
  }

  pushScope(): void {
    this.#scopes.push(new Map())
  }

  popScope(): void {
    this.#scopes.pop()
  }

  declare(name: string, use: NameUse): void {
    this.#scopes.at(-1)?.set(name, use)
  }

  isTypeName(name: string): boolean {
    return this.#useOf(name) === 'type'
  }

  isValueName(name: string): boolean {
    return this.#useOf(name) === 'value'
  }

  #useOf(name: string): NameUse | undefined {
    for (let at = this.#scopes.length - 1; at >= 0; at--) {
      const use = this.#scopes[at]?.get(name)
      if (use !== undefined) return use
    }
    return undefined
  }

  /** Skips to just after a `;`, or before a `}` that closes the enclosing block. Balanced braces are skipped whole. */
  skipStatement(): void {
    let depth = 0
    while (!this.isAtEnd) {
      if (this.is('{') || this.is('{#}')) depth += this.is('{') ? 1 : 0
      else if (this.is('}')) {
        if (depth === 0) return
        depth -= 1
        if (depth === 0) {
          this.next()
          return
        }
      } else if (this.is(';') && depth === 0) {
        this.next()
        return
      }
      this.next()
    }
  }

  /** The token distance just after the bracket that closes the one at `distance`, or undefined. */
  afterMatching(distance: number): number | undefined {
    const pairs: Record<string, string> = { '(': ')', '[': ']', '{': '}' }
    const open: string[] = []
    for (let at = distance; ; at++) {
      const token = this.peek(at)
      if (token.kind === 'end') return undefined
      if (token.kind !== 'operator') continue
      const closing = pairs[token.text]
      if (closing !== undefined) open.push(closing)
      else if (token.text === open.at(-1)) {
        open.pop()
        if (open.length === 0) return at + 1
      }
    }
  }

  #insertion(text: string): DiagnosticDetail {
    const previous = this.#tokens[this.#at - 1]
    if (!INSERTABLE.has(text) || previous === undefined) return {}
    const { file, endLine, endColumn } = previous.range
    const range = { file, line: endLine, column: endColumn, endLine, endColumn }
    return { fix: { title: `insert '${text}'`, range, text } }
  }
}
