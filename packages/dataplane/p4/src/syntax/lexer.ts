/**
 * Source text to tokens, one at a time (P4-16 §6.4). Malformed text gives a `bad` token with a reason instead of an
 * error, because text that the preprocessor skips may be anything; whoever keeps the token reports it.
 */
import type { Range } from '../source/range.ts'
import { KEYWORDS, OPERATORS, type IntegerValue, type Token, type TokenKind } from './token.ts'

const OPERATORS_BY_FIRST = new Map<string, readonly string[]>()
for (const operator of OPERATORS) {
  const first = operator.charAt(0)
  const list = [...(OPERATORS_BY_FIRST.get(first) ?? []), operator]
  list.sort((a, b) => b.length - a.length)
  OPERATORS_BY_FIRST.set(first, list)
}

const MAX_STRING_LINES = 20
const NEWLINE = 10
const RETURN = 13

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
    const startAt = this.#at
    let startsLine = this.#at === 0
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (Number.isNaN(code)) return this.#finish('end', '', this.#at, this.#line, this.#column(), startsLine, true)
      if (code === NEWLINE || code === RETURN) {
        this.#skipNewline()
        startsLine = true
      } else if (code === 32 || code === 9 || code === 11 || code === 12 || code === 0xa0) {
        this.#at += 1
      } else if (code === 92 && this.#skipContinuation()) {
        continue
      } else if (code === 47 && this.#text.charCodeAt(this.#at + 1) === 47) {
        this.#skipLineComment()
      } else if (code === 47 && this.#text.charCodeAt(this.#at + 1) === 42) {
        const line = this.#line
        const column = this.#column()
        if (!this.#skipBlockComment()) {
          return this.#finish('bad', 'unterminated comment', this.#at, line, column, startsLine, true)
        }
      } else {
        break
      }
    }
    return this.#token(startsLine, this.#at > startAt)
  }

  #token(startsLine: boolean, hasSpaceBefore: boolean): Token {
    const at = this.#at
    const line = this.#line
    const column = this.#column()
    const char = this.#text.charAt(at)
    if (isNameStart(char)) {
      while (isNamePart(this.#text.charAt(this.#at))) this.#at += 1
      const word = this.#text.slice(at, this.#at)
      const kind = KEYWORDS.has(word) ? 'keyword' : 'identifier'
      return this.#finish(kind, word, at, line, column, startsLine, hasSpaceBefore)
    }
    if (char >= '0' && char <= '9') return this.#number(at, line, column, startsLine, hasSpaceBefore)
    if (char === '"') return this.#string(line, column, startsLine, hasSpaceBefore)
    for (const operator of OPERATORS_BY_FIRST.get(char) ?? []) {
      if (this.#text.startsWith(operator, at)) {
        this.#at += operator.length
        return this.#finish('operator', operator, at, line, column, startsLine, hasSpaceBefore)
      }
    }
    this.#at += (this.#text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
    const shown = JSON.stringify(this.#text.slice(at, this.#at))
    return this.#finish('bad', `unexpected character ${shown}`, at, line, column, startsLine, hasSpaceBefore)
  }

  #number(at: number, line: number, column: number, startsLine: boolean, hasSpaceBefore: boolean): Token {
    while (/[0-9A-Za-z_]/.test(this.#text.charAt(this.#at))) this.#at += 1
    const word = this.#text.slice(at, this.#at)
    const parsed = parseInteger(word)
    if (typeof parsed === 'string') return this.#finish('bad', parsed, at, line, column, startsLine, hasSpaceBefore)
    const token = this.#finish('integer', word, at, line, column, startsLine, hasSpaceBefore)
    return { ...token, integer: parsed }
  }

  #string(line: number, column: number, startsLine: boolean, hasSpaceBefore: boolean): Token {
    const at = this.#at
    let out = ''
    this.#at += 1
    for (;;) {
      const char = this.#text.charAt(this.#at)
      const isNewline = char === '\n' || char === '\r'
      if (char === '' || (isNewline && !this.#closesSoon())) {
        return this.#finish('bad', 'unterminated string', at, line, column, startsLine, hasSpaceBefore)
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
    return this.#finish('string', out, at, line, column, startsLine, hasSpaceBefore)
  }

  /** A string may span lines; but one that never closes should not swallow the rest of the file. */
  #closesSoon(): boolean {
    const end = this.#text.indexOf('"', this.#at)
    return end !== -1 && this.#text.slice(this.#at, end).split('\n').length <= MAX_STRING_LINES
  }

  #finish(
    kind: TokenKind,
    text: string,
    _at: number,
    line: number,
    column: number,
    startsLine: boolean,
    hasSpaceBefore: boolean,
  ): Token {
    const range: Range = {
      file: this.#fileName,
      line: line + this.#lineOffset,
      column,
      endLine: this.#line + this.#lineOffset,
      endColumn: this.#column(),
    }
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
      const code = this.#text.charCodeAt(this.#at)
      if (Number.isNaN(code) || code === NEWLINE || code === RETURN) return
      if (!this.#skipContinuation()) this.#at += 1
    }
  }

  #skipBlockComment(): boolean {
    this.#at += 2
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (Number.isNaN(code)) return false
      if (code === 42 && this.#text.charCodeAt(this.#at + 1) === 47) {
        this.#at += 2
        return true
      }
      if (code === NEWLINE || code === RETURN) this.#skipNewline()
      else this.#at += 1
    }
  }
}

function isNameStart(char: string): boolean {
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_'
}

function isNamePart(char: string): boolean {
  return isNameStart(char) || (char >= '0' && char <= '9')
}

/** The largest width that a literal may name; guards against `1000000000000w0`. */
const MAX_LITERAL_WIDTH = 1 << 20

/** Literal text to value, or the reason why it is none (§6.4.3.1): `10`, `0xff_ff`, `8w0b101`, `4s-…` has no sign. */
export function parseInteger(word: string): IntegerValue | string {
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
