/**
 * Text to tokens. `//` and `//!` are comments, `///` is documentation (kept as written after the slashes).
 * Numbers are decimal, `0x` or `0b`, at most 128 bits. Malformed input gives a diagnostic and a token that lets the
 * parser go on, never an exception.
 */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { Range } from '../source/range.ts'
import type { Token, TokenKind } from './token.ts'

const BLANK = /[ \t\r\n]*/y
const LINE = /[^\n]*/y
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /[0-9][A-Za-z0-9_]*/y
const NUMBER_FORM = /^(0x[0-9a-fA-F]+|0b[01]+|[0-9]+)$/
const STRING = /"((?:[^"\\\n]|\\.)*)"/y
const UNKNOWN = /[^ \t\r\n/A-Za-z0-9_"#[\](){}<>:;,@=]+/y
const MAX_NUMBER = (1n << 128n) - 1n

/** All tokens of `text`; the last has kind `end`. */
export function tokenize(file: string, text: string, sink: DiagnosticSink): readonly Token[] {
  return new Lexer(file, text, sink).run()
}

/** The value of well-formed number text, or `undefined` when it needs more than 128 bits. */
export function numberValue(text: string): bigint | undefined {
  // Long text is not converted at all, so that its cost stays bounded: 128 bits are at most 128 digits.
  if (text.replace(/^0[xb]/, '').replace(/^0+/, '').length > 128) return undefined
  const value = BigInt(text)
  return value > MAX_NUMBER ? undefined : value
}

class Lexer {
  readonly #file: string
  readonly #text: string
  readonly #sink: DiagnosticSink
  readonly #tokens: Token[] = []
  #at = 0
  #line = 1
  #lineStart = 0
  #comments: string[] = []
  #isAfterBlank = false

  constructor(file: string, text: string, sink: DiagnosticSink) {
    this.#file = file
    this.#text = text
    this.#sink = sink
  }

  run(): readonly Token[] {
    for (;;) {
      this.#skipBlank()
      if (this.#at >= this.#text.length) break
      this.#lexOne()
    }
    this.#push('end', '', this.#range(this.#at), 0n)
    return this.#tokens
  }

  #lexOne(): void {
    const start = this.#at
    if (this.#text.startsWith('///', start)) {
      const text = this.#match(LINE).slice(3)
      this.#push('doc', text.endsWith('\r') ? text.slice(0, -1) : text, this.#range(start), 0n)
      return
    }
    if (this.#text.startsWith('//', start)) return this.#comment()
    const word = this.#match(WORD)
    if (word !== '') return this.#push('identifier', word, this.#range(start), 0n)
    const number = this.#match(NUMBER)
    if (number !== '') return this.#number(number, this.#range(start))
    if (this.#text[start] === '"') return this.#string(start)
    if ('#[](){}<>:;,@='.includes(this.#text.charAt(start))) {
      this.#at += this.#text.startsWith('::', start) ? 2 : 1
      return this.#push('punctuation', this.#text.slice(start, this.#at), this.#range(start), 0n)
    }
    const unknown = this.#match(UNKNOWN)
    if (unknown === '') this.#at += 1
    this.#sink.error('RSF1001', this.#range(start), `unexpected ${JSON.stringify(unknown === '' ? '/' : unknown)}`)
  }

  #comment(): void {
    const before = this.#at
    const comment = this.#match(LINE).trimEnd()
    const previous = this.#tokens.at(-1)
    const isTrailing =
      previous !== undefined &&
      previous.kind !== 'doc' &&
      previous.range.endLine === this.#line &&
      this.#comments.length === 0 &&
      this.#text.slice(this.#lineStart, before).trim() !== ''
    if (isTrailing) previous.trailing = comment
    else this.#comments.push(comment)
  }

  #number(text: string, range: Range): void {
    if (!NUMBER_FORM.test(text)) {
      this.#sink.error('RSF1002', range, `${text} is not a number (decimal, 0x or 0b)`)
      return this.#push('number', '0', range, 0n)
    }
    const value = numberValue(text)
    if (value === undefined) {
      this.#sink.error('RSF1003', range, 'number does not fit in 128 bits')
      return this.#push('number', '0', range, 0n)
    }
    this.#push('number', text, range, value)
  }

  #string(start: number): void {
    const text = this.#match(STRING)
    if (text === '') {
      this.#match(LINE)
      this.#sink.error('RSF1004', this.#range(start), 'string does not end on its line')
      return this.#push('string', '', this.#range(start), 0n)
    }
    this.#push('string', text.slice(1, -1).replace(/\\(["\\])/g, '$1'), this.#range(start), 0n)
  }

  #push(kind: TokenKind, text: string, range: Range, value: bigint): void {
    const isAfterBlank = this.#isAfterBlank
    this.#tokens.push({ kind, text, value, range, comments: this.#comments, trailing: undefined, isAfterBlank })
    this.#comments = []
    this.#isAfterBlank = false
  }

  #skipBlank(): void {
    const start = this.#at
    const blank = this.#match(BLANK)
    let newlines = 0
    for (let i = 0; i < blank.length; i++) {
      if (blank[i] !== '\n') continue
      newlines += 1
      this.#line += 1
      this.#lineStart = start + i + 1
    }
    if (newlines < 2) return
    if (this.#comments.length === 0) this.#isAfterBlank = true
    // An empty line between comments, or between a comment and what follows, is kept as an empty comment.
    else if (this.#comments.at(-1) !== '') this.#comments.push('')
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += text.length
    return text
  }

  #range(start: number): Range {
    const column = start - this.#lineStart + 1
    const endColumn = this.#at - this.#lineStart + 1
    return { file: this.#file, line: this.#line, column, endLine: this.#line, endColumn }
  }
}
