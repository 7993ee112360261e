/**
 * The parser's place in the text. ISF has no separate tokens (blanks are meaningful in assembly syntax, examples are raw
 * text), so the parser reads characters through this. It records comments, and the extent of everything that may own
 * them; `attachComments` joins the two at the end. Never throws; always advances or stands at the end.
 */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import { LineMap, type Span } from '../source/span.ts'
import type { Doc, Name, NumberLiteral, StringLiteral, Trivia } from './ast.ts'

const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /0x[0-9a-fA-F]+|[0-9]+/y
const MAX_NUMBER = (1n << 64n) - 1n

interface Comment {
  readonly text: string
  readonly span: Span
}

interface Owner {
  readonly span: Span
  readonly trivia: Trivia
}

export class Scanner {
  readonly text: string
  readonly sink: DiagnosticSink
  at = 0
  /** End of the last thing that was not a blank or a comment. */
  end = 0
  readonly #comments: Comment[] = []
  readonly #owners: Owner[] = []
  #lastErrorAt = -1

  constructor(text: string, sink: DiagnosticSink) {
    this.text = text
    this.sink = sink
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length
  }

  get char(): string {
    return this.text[this.at] ?? ''
  }

  /** Passes over blanks and comments. A `///` here documents nothing: reported, and kept as a comment. */
  skip(): void {
    this.#skipTo(false)
  }

  /** The documentation lines here, with blanks and comments around them passed over. */
  docs(): Doc {
    const lines: string[] = []
    this.#skipTo(true)
    const start = this.at
    while (this.text.startsWith('///', this.at)) {
      const end = this.#lineEnd()
      lines.push(this.text.slice(this.at + 3, end).trim())
      this.at = end
      this.end = end
      this.#skipTo(true)
    }
    return { text: lines.join('\n'), span: { start, end: lines.length === 0 ? start : this.end } }
  }

  /** Whether this word, not a longer identifier, stands here. */
  isWord(word: string): boolean {
    return this.peekIdentifier() === word
  }

  /** Whether `word` and a colon stand here. */
  isSection(word: string): boolean {
    if (!this.isWord(word)) return false
    let at = this.at + word.length
    while (/\s/.test(this.text[at] ?? '')) at += 1
    return this.text[at] === ':'
  }

  accept(text: string): boolean {
    this.skip()
    if (!this.text.startsWith(text, this.at)) return false
    this.advance(text.length)
    return true
  }

  expect(text: string, context: string): boolean {
    if (this.accept(text)) return true
    this.unexpected(`'${text}' ${context}`)
    return false
  }

  advance(length: number): void {
    this.at = Math.min(this.at + length, this.text.length)
    this.end = this.at
  }

  peekIdentifier(): string | undefined {
    IDENTIFIER.lastIndex = this.at
    return IDENTIFIER.exec(this.text)?.[0]
  }

  identifier(): Name | undefined {
    const text = this.peekIdentifier()
    if (text === undefined) return undefined
    const span = { start: this.at, end: this.at + text.length }
    this.advance(text.length)
    return { text, span }
  }

  name(context: string): Name | undefined {
    this.skip()
    const name = this.identifier()
    if (name === undefined) this.unexpected(context)
    return name
  }

  /** A number here, or undefined with nothing consumed and nothing reported. */
  number(): NumberLiteral | undefined {
    NUMBER.lastIndex = this.at
    const text = NUMBER.exec(this.text)?.[0]
    if (text === undefined) return undefined
    const span = { start: this.at, end: this.at + text.length }
    this.advance(text.length)
    // Longer texts cannot fit, and converting them would cost more than it is worth.
    let value = text.length > 4096 ? MAX_NUMBER + 1n : BigInt(text)
    if (value > MAX_NUMBER) {
      this.sink.error('ISF1002', span, 'the number does not fit in 64 bits')
      value = MAX_NUMBER
    }
    if (/[A-Za-z0-9_]/.test(this.char)) {
      const rest = /[A-Za-z0-9_]+/y
      rest.lastIndex = this.at
      const tail = rest.exec(this.text)?.[0] ?? ''
      this.sink.error('ISF1003', { start: this.at, end: this.at + tail.length }, `'${tail}' is not part of a number`, [
        { message: 'numbers are decimal, or hexadecimal after 0x, without separators' },
      ])
      this.advance(tail.length)
    }
    return { value, text, span }
  }

  expectNumber(context: string): NumberLiteral | undefined {
    this.skip()
    const number = this.number()
    if (number === undefined) this.unexpected(context)
    return number
  }

  /** The string whose opening quote stands here; one that its line does not close ends with the line. */
  string(): StringLiteral {
    const start = this.at
    const newline = this.#lineEnd()
    const close = this.text.indexOf("'", start + 1)
    if (close === -1 || close > newline) {
      this.sink.error('ISF1001', { start, end: newline }, "the string is not closed by a ' on its line")
      this.advance(newline - start)
      return { value: this.text.slice(start + 1, newline).trimEnd(), span: { start, end: newline } }
    }
    this.advance(close + 1 - start)
    return { value: this.text.slice(start + 1, close), span: { start, end: close + 1 } }
  }

  /** One syntax error per place: what follows the first is usually its consequence. */
  unexpected(wanted: string): void {
    if (this.#lastErrorAt === this.at) return
    this.#lastErrorAt = this.at
    const word = this.peekIdentifier() ?? (this.char.codePointAt(0) === undefined ? '' : this.char)
    const found = word === '' ? 'the end of the file' : `'${word}'`
    this.sink.error(
      'ISF2001',
      { start: this.at, end: this.at + Math.max(1, word.length) },
      `expected ${wanted}, found ${found}`,
    )
  }

  /** Comments near this extent will belong to the returned trivia. */
  own(start: number, end: number = this.end): Trivia {
    const trivia: Trivia = { leading: [], trailing: [] }
    this.#owners.push({ span: { start, end }, trivia })
    return trivia
  }

  /** Gives every comment an owner: what it stands in or after on the line, else what comes next. */
  attachComments(): void {
    const lines = new LineMap(this.text)
    const owners = this.#owners.toSorted((a, b) => a.span.start - b.span.start || a.span.end - b.span.end)
    let next = 0
    for (const comment of this.#comments) {
      while (next < owners.length - 1 && (owners[next]?.span.start ?? 0) < comment.span.start) next += 1
      // Owners do not nest, so the one that starts last before the comment is the only one that can hold it.
      const previous =
        next > 0 && (owners[next]?.span.start ?? 0) >= comment.span.start ? owners[next - 1] : owners[next]
      if (previous !== undefined && previous.span.start < comment.span.start) {
        const isInside = comment.span.start < previous.span.end
        const isSameLine = lines.position(previous.span.end).line === lines.position(comment.span.start).line
        if (isInside || isSameLine) {
          if (isInside || previous.trivia.trailing.length > 0) previous.trivia.leading.push(comment.text)
          else previous.trivia.trailing.push(comment.text)
          continue
        }
      }
      // A blank line after a comment keeps it apart from what follows.
      const isApart = /^\r?\n[ \t\r]*\n/.test(this.text.slice(comment.span.end, comment.span.end + 200))
      owners[next]?.trivia.leading.push(comment.text, ...(isApart ? [''] : []))
    }
  }

  #skipTo(isDocAllowed: boolean): void {
    for (;;) {
      while (/\s/.test(this.char)) this.at += 1
      if (!this.text.startsWith('//', this.at)) return
      const end = this.#lineEnd()
      const span = { start: this.at, end }
      if (this.text.startsWith('///', this.at)) {
        if (isDocAllowed) return
        this.sink.error('ISF2002', span, 'a documentation comment (///) is not expected here')
      }
      this.#comments.push({ text: this.text.slice(this.at, end).trimEnd(), span })
      this.at = end
    }
  }

  #lineEnd(): number {
    const newline = this.text.indexOf('\n', this.at)
    return newline === -1 ? this.text.length : newline
  }
}
