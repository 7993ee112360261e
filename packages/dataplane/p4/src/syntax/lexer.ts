/**
 * Source text to tokens, one at a time (P4-16 §6.4). Malformed text gives a `bad` token with a reason instead of an
 * error, because text that the preprocessor skips may be anything; whoever keeps the token reports it.
 */
import type { Range } from '../source/range.ts'
import { KEYWORDS, OPERATORS, type IntegerValue, type Token, type TokenKind } from './token.ts'

/** By the code of the first character, longest first. */
const OPERATORS_BY_FIRST: string[][] = Array.from({ length: 128 }, () => [])
for (const operator of OPERATORS) OPERATORS_BY_FIRST[operator.charCodeAt(0)]?.push(operator)
for (const list of OPERATORS_BY_FIRST) list.sort((a, b) => b.length - a.length)

/** What ASCII characters may begin or continue. The lexer runs once per character, mostly in code not yet compiled. */
const NAME_START = 1
const DIGIT = 2
const BLANK = 4
const CLASS = new Uint8Array(128)
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code)
  if (/[A-Za-z_]/.test(char)) CLASS[code] = NAME_START
  else if (/[0-9]/.test(char)) CLASS[code] = DIGIT
  else if (code === 32 || code === 9 || code === 11 || code === 12) CLASS[code] = BLANK
}
const NAME_PART = NAME_START | DIGIT

const MAX_STRING_LINES = 20
const NEWLINE = 10
const RETURN = 13
const BACKSLASH = 92
const SLASH = 47
const STAR = 42
const NO_BREAK_SPACE = 0xa0

export class Lexer {
  readonly file: string
  readonly #text: string
  #at = 0
  #line = 1
  #lineStart = 0
  /** What `#line` adds to the physical line number. */
  #lineOffset = 0
  #fileName: string

  constructor(file: string, text: string) {
    this.file = file
    this.#fileName = file
    // A byte order mark is not part of the program.
    this.#text = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  }

  /** `#line`: from here on lines are reported `delta` higher, and as of `file`. */
  renumber(delta: number, file: string | undefined): void {
    this.#lineOffset += delta
    if (file !== undefined) this.#fileName = file
  }

  get fileName(): string {
    return this.#fileName
  }

  /** The raw rest of the line, comments removed, without consuming the newline; for `#include <…>` and `#error`. */
  restOfLine(): string {
    const newline = this.#text.indexOf('\n', this.#at)
    const plain = this.#text.slice(this.#at, newline === -1 ? undefined : newline)
    if (!/[\\\r]|\/[/*]/.test(plain)) {
      this.#at += plain.length
      return plain.trim()
    }
    let out = ''
    while (this.#at < this.#text.length) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === NEWLINE || code === RETURN) break
      if (this.#skipContinuation()) continue
      if (this.#text.startsWith('//', this.#at)) {
        this.#skipLineComment()
        break
      }
      if (this.#text.startsWith('/*', this.#at)) {
        this.#skipBlockComment()
        out += ' '
        continue
      }
      out += this.#text[this.#at]
      this.#at += 1
    }
    return out.trim()
  }

  next(): Token {
    const text = this.#text
    const startAt = this.#at
    let startsLine = startAt === 0
    for (;;) {
      const code = text.charCodeAt(this.#at)
      if (code === NEWLINE || code === RETURN) {
        this.#skipNewline()
        startsLine = true
      } else if (code < 128 ? CLASS[code] === BLANK : code === NO_BREAK_SPACE) {
        this.#at += 1
      } else if (code === SLASH && text.charCodeAt(this.#at + 1) === SLASH) {
        this.#skipLineComment()
      } else if (code === SLASH && text.charCodeAt(this.#at + 1) === STAR) {
        const line = this.#line
        const column = this.#column()
        if (!this.#skipBlockComment())
          return this.#finish('bad', 'unterminated comment', line, column, startsLine, true)
      } else if (Number.isNaN(code)) {
        return this.#finish('end', '', this.#line, this.#column(), startsLine, true)
      } else if (code !== BACKSLASH || !this.#skipContinuation()) {
        return this.#token(code, startsLine, this.#at > startAt)
      }
    }
  }

  #token(code: number, startsLine: boolean, hasSpaceBefore: boolean): Token {
    const text = this.#text
    const at = this.#at
    const line = this.#line
    const column = this.#column()
    const kind = code < 128 ? CLASS[code] : 0
    if (kind === NAME_START) {
      this.#at = this.#nameEnd(at + 1)
      const word = text.slice(at, this.#at)
      return this.#finish(KEYWORDS.has(word) ? 'keyword' : 'identifier', word, line, column, startsLine, hasSpaceBefore)
    }
    if (kind === DIGIT) return this.#number(at, line, column, startsLine, hasSpaceBefore)
    if (code === 34) return this.#string(line, column, startsLine, hasSpaceBefore)
    const operators = code < 128 ? OPERATORS_BY_FIRST[code] : undefined
    if (operators !== undefined) {
      for (let index = 0; index < operators.length; index++) {
        const operator = operators[index] ?? ''
        if (operator.length === 1 || text.startsWith(operator, at)) {
          this.#at += operator.length
          return this.#finish('operator', operator, line, column, startsLine, hasSpaceBefore)
        }
      }
    }
    this.#at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
    const shown = JSON.stringify(text.slice(at, this.#at))
    return this.#finish('bad', `unexpected character ${shown}`, line, column, startsLine, hasSpaceBefore)
  }

  #nameEnd(from: number): number {
    const text = this.#text
    let at = from
    for (;;) {
      const code = text.charCodeAt(at)
      if (!(code < 128) || ((CLASS[code] ?? 0) & NAME_PART) === 0) return at
      at += 1
    }
  }

  #number(at: number, line: number, column: number, startsLine: boolean, hasSpaceBefore: boolean): Token {
    this.#at = this.#nameEnd(at)
    const word = this.#text.slice(at, this.#at)
    const parsed = parseInteger(word)
    if (typeof parsed === 'string') return this.#finish('bad', parsed, line, column, startsLine, hasSpaceBefore)
    return this.#finish('integer', word, line, column, startsLine, hasSpaceBefore, parsed)
  }

  #string(line: number, column: number, startsLine: boolean, hasSpaceBefore: boolean): Token {
    let out = ''
    this.#at += 1
    for (;;) {
      const char = this.#text.charAt(this.#at)
      const isNewline = char === '\n' || char === '\r'
      if (char === '' || (isNewline && !this.#closesSoon())) {
        return this.#finish('bad', 'unterminated string', line, column, startsLine, hasSpaceBefore)
      }
      if (isNewline) {
        this.#skipNewline()
        out += '\n'
        continue
      }
      this.#at += 1
      if (char === '"') break
      if (char === '\\') {
        const escaped = this.#text.charAt(this.#at)
        if (escaped === '\n') {
          this.#skipNewline()
          continue
        }
        this.#at += 1
        out += escaped === 'n' ? '\n' : escaped === 't' ? '\t' : escaped === 'r' ? '\r' : escaped
      } else {
        out += char
      }
    }
    return this.#finish('string', out, line, column, startsLine, hasSpaceBefore)
  }

  /** A string may span lines; but one that never closes should not swallow the rest of the file. */
  #closesSoon(): boolean {
    const end = this.#text.indexOf('"', this.#at)
    return end !== -1 && this.#text.slice(this.#at, end).split('\n').length <= MAX_STRING_LINES
  }

  #finish(
    kind: TokenKind,
    text: string,
    line: number,
    column: number,
    startsLine: boolean,
    hasSpaceBefore: boolean,
    integer?: IntegerValue,
  ): Token {
    const range: Range = {
      file: this.#fileName,
      line: line + this.#lineOffset,
      column,
      endLine: this.#line + this.#lineOffset,
      endColumn: this.#column(),
    }
    if (integer !== undefined) return { kind, text, range, startsLine, hasSpaceBefore, integer }
    return { kind, text, range, startsLine, hasSpaceBefore }
  }

  #column(): number {
    return this.#at - this.#lineStart + 1
  }

  #skipNewline(): void {
    if (this.#text.charCodeAt(this.#at) === RETURN && this.#text.charCodeAt(this.#at + 1) === NEWLINE) this.#at += 1
    this.#at += 1
    this.#line += 1
    this.#lineStart = this.#at
  }

  #skipContinuation(): boolean {
    if (this.#text.charCodeAt(this.#at) !== 92) return false
    let end = this.#at + 1
    // Blanks after the backslash are tolerated, as C preprocessors do.
    while (this.#text.charCodeAt(end) === 32 || this.#text.charCodeAt(end) === 9) end += 1
    const code = this.#text.charCodeAt(end)
    if (code !== NEWLINE && code !== RETURN) return false
    this.#at = end
    this.#skipNewline()
    return true
  }

  #skipLineComment(): void {
    for (;;) {
      const newline = this.#text.indexOf('\n', this.#at)
      const end = newline === -1 ? this.#text.length : newline
      const backslash = this.#text.indexOf('\\', this.#at)
      const comment = backslash !== -1 && backslash < end ? backslash : end
      const turn = this.#text.indexOf('\r', this.#at)
      if (turn !== -1 && turn < comment) {
        this.#at = turn
        return
      }
      this.#at = comment
      if (comment === end) return
      // A backslash at the end of the line continues the comment.
      if (!this.#skipContinuation()) this.#at += 1
    }
  }

  #skipBlockComment(): boolean {
    const close = this.#text.indexOf('*/', this.#at + 2)
    const end = close === -1 ? this.#text.length : close
    for (let at = this.#at; at < end; at++) {
      const code = this.#text.charCodeAt(at)
      if (code !== NEWLINE && code !== RETURN) continue
      this.#at = at
      this.#skipNewline()
      at = this.#at - 1
    }
    this.#at = close === -1 ? end : end + 2
    return close !== -1
  }
}

/** The largest width that a literal may name; guards against `1000000000000w0`. */
const MAX_LITERAL_WIDTH = 1 << 20

const PLAIN = /^[0-9]{1,15}$/

/** Literal text to value, or the reason why it is none (§6.4.3.1): `10`, `0xff_ff`, `8w0b101`, `4s-…` has no sign. */
export function parseInteger(word: string): IntegerValue | string {
  if (PLAIN.test(word)) return { value: BigInt(word), signed: false }
  const prefix = /^([0-9]+)([ws])(.*)$/.exec(word)
  let width: number | undefined
  let signed = false
  let digits = word
  if (prefix !== null) {
    const [, size = '', letter, rest = ''] = prefix
    if (!/^0[xXbBoOdD]/.test(word)) {
      width = size.length > 7 ? MAX_LITERAL_WIDTH + 1 : Number(size)
      signed = letter === 's'
      digits = rest
      if (width > MAX_LITERAL_WIDTH) return `width ${size} of the literal is too large`
    }
  }
  const value = parseDigits(digits)
  if (value === undefined) return `malformed number '${word}'`
  return width === undefined ? { value, signed: false } : { value, width, signed }
}

function parseDigits(text: string): bigint | undefined {
  const based = /^0([xXbBoOdD])([0-9a-fA-F_]+)$/.exec(text)
  if (based !== null) {
    const letter = (based[1] ?? '').toLowerCase()
    const digits = (based[2] ?? '').replaceAll('_', '')
    if (digits === '') return undefined
    const allowed =
      letter === 'x' ? /^[0-9a-fA-F]+$/ : letter === 'b' ? /^[01]+$/ : letter === 'o' ? /^[0-7]+$/ : /^\d+$/
    if (!allowed.test(digits)) return undefined
    return BigInt(letter === 'd' ? digits : `0${letter}${digits}`)
  }
  if (!/^[0-9][0-9_]*$/.test(text)) return undefined
  return BigInt(text.replaceAll('_', ''))
}
