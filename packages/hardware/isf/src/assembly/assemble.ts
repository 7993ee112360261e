/**
 * A program's text → machine words. One instruction a line, after any labels (`name:`); comments from `;` or `//`.
 * Addresses count words. Directives: `.org N` (go on at word N), `.word N, …` (words as they are), `.equ name N` (a
 * name for a number). A label is the address of the word after it. Two passes: names may be used before they are defined.
 */
import { DiagnosticSink, type Diagnostic } from '../source/diagnostic.ts'
import type { Span } from '../source/span.ts'
import type { Word } from '../spec/specification.ts'
import { namesLike } from '../spec/suggestion.ts'
import { wordText, type InstructionSet } from './instruction-set.ts'
import { matchSyntaxes, valueOfMatch, type Match } from './match.ts'

export interface AssembleOptions {
  /**
   * What an instruction at `address` stores where the text names a label at `target`; both count words. By default the
   * target itself. A negative result, or one that does not fit the field, is reported.
   */
  readonly labelValue?: (target: number, address: number) => number
  /** Names for numbers, as `.equ` defines them. */
  readonly symbols?: ReadonlyMap<string, number | bigint>
}

/** One line of the source that made words. */
export interface ListingLine<W extends Word = Word> {
  /** 1-based. */
  readonly line: number
  readonly address: number
  readonly words: readonly W[]
  /** The source line without comments at its ends and blanks. */
  readonly source: string
}

export interface AssembleResult<I, W extends Word = Word> {
  /** From address 0; zero where `.org` left a gap, and where a line has an error. */
  readonly words: readonly W[]
  readonly listing: readonly ListingLine<W>[]
  /** By address; no entry where there is data or nothing. */
  readonly instructions: ReadonlyMap<number, I>
  readonly labels: ReadonlyMap<string, number>
  /** Spans are into the program's text. */
  readonly diagnostics: readonly Diagnostic[]
}

/** Programs end here, so that a wrong `.org` does not fill the memory. In words. */
const MAX_WORDS = 1 << 20

const LABEL = /\s*([A-Za-z_][A-Za-z0-9_]*)[ \t]*:/y
const NUMBER = /^(?:0x[0-9a-fA-F]+|[0-9]+)$/
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

type Statement = {
  readonly line: number
  readonly address: number
  readonly start: number
  readonly end: number
} & (
  | { readonly kind: 'instruction'; readonly match: Match | undefined }
  | { readonly kind: 'data'; readonly items: readonly Span[] }
)

/** Never throws, whatever the text is. */
export function assembleProgram<I extends { readonly kind: string }, W extends Word = Word>(
  set: InstructionSet<I, W>,
  text: string,
  options: AssembleOptions = {},
): AssembleResult<I, W> {
  const assembler = new Assembler(set, text, options)
  assembler.read()
  return assembler.emit()
}

class Assembler<I extends { readonly kind: string }, W extends Word> {
  readonly #set: InstructionSet<I, W>
  readonly #text: string
  readonly #sink = new DiagnosticSink()
  readonly #labelValue: (target: number, address: number) => number
  readonly #labels = new Map<string, number>()
  readonly #constants = new Map<string, bigint>()
  readonly #statements: Statement[] = []
  #address = 0

  constructor(set: InstructionSet<I, W>, text: string, options: AssembleOptions) {
    this.#set = set
    this.#text = text
    this.#labelValue = options.labelValue ?? ((target) => target)
    for (const [name, value] of options.symbols ?? []) this.#constants.set(name, BigInt(value))
  }

  /** The first pass: what stands at which address. */
  read(): void {
    let start = 0
    for (let line = 1; start <= this.#text.length; line++) {
      const newline = this.#text.indexOf('\n', start)
      const end = newline === -1 ? this.#text.length : newline
      this.#readLine(line, start, this.#codeEnd(start, end))
      if (this.#address > MAX_WORDS) {
        this.#sink.error('ISF7006', { start, end }, `the program is longer than ${MAX_WORDS} words`)
        return
      }
      start = end + 1
    }
  }

  #codeEnd(start: number, end: number): number {
    const comment = this.#text.slice(start, end).search(/;|\/\//)
    let stop = comment === -1 ? end : start + comment
    while (stop > start && /\s/.test(this.#text[stop - 1] ?? '')) stop -= 1
    return stop
  }

  #readLine(line: number, start: number, end: number): void {
    for (;;) {
      LABEL.lastIndex = start
      const match = LABEL.exec(this.#text)
      if (match === null || match.index + match[0].length > end) break
      const name = match[1] ?? ''
      const nameStart = start + match[0].indexOf(name)
      this.#define(name, { start: nameStart, end: nameStart + name.length }, this.#address)
      start += match[0].length
    }
    while (start < end && /\s/.test(this.#text[start] ?? '')) start += 1
    if (start >= end) return
    const directive = /^\.(org|word|equ)\b/.exec(this.#text.slice(start, end))
    if (directive !== null) {
      this.#directive(directive[1] ?? '', line, start, end)
      return
    }
    const match = matchSyntaxes(this.#set.syntaxes, this.#text, start, end, true)
    if ('problem' in match) this.#sink.error('ISF7001', { start: match.start, end: match.end }, match.problem)
    const found = 'problem' in match ? undefined : match
    this.#statements.push({ kind: 'instruction', line, address: this.#address, start, end, match: found })
    this.#address += 1
  }

  #define(name: string, span: Span, address: number): void {
    if (this.#labels.has(name) || this.#constants.has(name)) {
      this.#sink.error('ISF7002', span, `'${name}' is defined twice`)
    } else {
      this.#labels.set(name, address)
    }
  }

  #directive(name: string, line: number, start: number, end: number): void {
    const from = start + name.length + 1
    if (name === 'equ') {
      const parts = this.#split(from, end, /[\s,]+/)
      const [what, number] = parts
      const value = number === undefined ? undefined : this.#value(number)
      const text = what === undefined ? '' : this.#slice(what)
      if (what === undefined || parts.length !== 2 || !NAME.test(text)) {
        this.#sink.error('ISF7003', { start, end }, '.equ takes a name and a number')
      } else if (value === undefined) {
        return
      } else if (this.#labels.has(text) || this.#constants.has(text)) {
        this.#sink.error('ISF7002', what, `'${text}' is defined twice`)
      } else {
        this.#constants.set(text, value)
      }
      return
    }
    const items = this.#split(from, end, /[\s,]+/)
    if (name === 'word') {
      if (items.length === 0) this.#sink.error('ISF7003', { start, end }, '.word takes one number or more')
      this.#statements.push({ kind: 'data', line, address: this.#address, start, end, items })
      this.#address += items.length
      return
    }
    const [item] = items
    const value = item === undefined ? undefined : this.#value(item)
    if (item === undefined || items.length !== 1) {
      this.#sink.error('ISF7003', { start, end }, '.org takes an address')
    } else if (value !== undefined && value < BigInt(this.#address)) {
      this.#sink.error('ISF7005', item, `address ${value} is before this place, ${this.#address}`)
    } else if (value !== undefined && value >= BigInt(MAX_WORDS)) {
      this.#sink.error('ISF7006', item, `a program has at most ${MAX_WORDS} words`)
    } else if (value !== undefined) {
      this.#address = Number(value)
    }
  }

  /** The parts of the text between separators. */
  #split(start: number, end: number, separator: RegExp): Span[] {
    const spans: Span[] = []
    let at = start
    for (const part of this.#text.slice(start, end).split(separator)) {
      const found = this.#text.indexOf(part, at)
      if (part !== '') spans.push({ start: found, end: found + part.length })
      at = found + part.length
    }
    return spans
  }

  #slice(span: Span): string {
    return this.#text.slice(span.start, span.end)
  }

  /** A number or a name for one; undefined with a diagnostic. */
  #value(span: Span): bigint | undefined {
    const text = this.#slice(span)
    // Longer texts cannot fit a word.
    if (NUMBER.test(text) && text.length <= 128) return BigInt(text)
    const value = NAME.test(text) ? this.#lookup(text, undefined) : undefined
    if (value === undefined) this.#undefined(span, text)
    return value
  }

  #undefined(span: Span, name: string): void {
    if (!NAME.test(name)) {
      this.#sink.error('ISF7003', span, `'${name.slice(0, 40)}' is no number`)
      return
    }
    const like = namesLike(name, [...this.#labels.keys(), ...this.#constants.keys()])
    this.#sink.error('ISF7004', span, `'${name}' is not defined${like}`)
  }

  /** `address` is the instruction's that uses the name; undefined in data. */
  #lookup(name: string, address: number | undefined): bigint | undefined {
    const constant = this.#constants.get(name)
    if (constant !== undefined) return constant
    const target = this.#labels.get(name)
    if (target === undefined) return undefined
    const value = address === undefined ? target : this.#labelValue(target, address)
    return BigInt(Math.trunc(value))
  }

  /** The second pass: words. */
  emit(): AssembleResult<I, W> {
    const zero = this.#word(0n)
    const words: W[] = new Array<W>(Math.min(this.#address, MAX_WORDS)).fill(zero)
    const listing: ListingLine<W>[] = []
    const instructions = new Map<number, I>()
    for (const statement of this.#statements) {
      const { line, address, start, end } = statement
      const made = statement.kind === 'data' ? this.#data(statement.items, zero) : [zero]
      if (statement.kind === 'instruction' && statement.match !== undefined) {
        const instruction = this.#instruction(statement.match, address)
        if (instruction !== undefined) {
          instructions.set(address, instruction)
          made[0] = this.#set.encode(instruction)
        }
      }
      for (const [index, word] of made.entries()) words[address + index] = word
      listing.push({ line, address, words: made, source: this.#text.slice(start, end) })
    }
    return { words, listing, instructions, labels: this.#labels, diagnostics: this.#sink.diagnostics }
  }

  #word(value: bigint): W {
    const word: Word = this.#set.wordBits <= 32 ? Number(value) : value
    // Because W is the type of this set's words, which its width decides.
    return word as W
  }

  #data(items: readonly Span[], zero: W): W[] {
    return items.map((item) => {
      const value = this.#value(item)
      if (value === undefined) return zero
      if (value < 0n || value >> BigInt(this.#set.wordBits) !== 0n) {
        this.#sink.error('ISF7007', item, `${value} does not fit in a word of ${this.#set.wordBits} bits`)
        return zero
      }
      return this.#word(value)
    })
  }

  #instruction(match: Match, address: number): I | undefined {
    for (const { symbol, start, end } of match.operands) {
      if (symbol === undefined || this.#lookup(symbol, address) !== undefined) continue
      this.#undefined({ start, end }, symbol)
      return undefined
    }
    const result = valueOfMatch(match, (symbol) => this.#lookup(symbol, address))
    if (!result.isOk) {
      this.#sink.error('ISF7007', { start: result.start, end: result.end }, result.problem)
      return undefined
    }
    // Because the set's syntaxes describe exactly the members of I, and every field was checked against them.
    return result.value as { readonly kind: string } as I
  }
}

/** Address, words and source of every line that made words; long data is cut. */
export function formatListing(result: AssembleResult<unknown>, wordBits: number): string {
  const digits = Math.max(4, result.words.length.toString(16).length)
  const lines = result.listing.map(({ address, words, source }) => {
    const shown = words.slice(0, 4).map((word) => wordText(word, wordBits))
    if (words.length > 4) shown.push('…')
    return `${address.toString(16).padStart(digits, '0')}: ${shown.join(' ')}  ${source}`
  })
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}
