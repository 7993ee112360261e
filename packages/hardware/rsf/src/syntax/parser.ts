/**
 * Tokens to tree, one method per production. Keywords are words in their place only, so that a field may be called
 * `reset` and a type `rotation`. A mistake gives one diagnostic, and parsing goes on at the next member or item.
 *
 * Invariant: every loop consumes at least one token, and a tree comes back whatever the text is.
 */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import { spanOf, type Range } from '../source/range.ts'
import { numberValue, tokenize } from './lexer.ts'
import type {
  Alternative,
  Attribute,
  BlockItem,
  Element,
  EnumItem,
  Field,
  FieldMode,
  FieldTypeSyntax,
  Identifier,
  Item,
  NumberLiteral,
  Path,
  RegisterItem,
  Surroundings,
  SyntaxTree,
  UseItem,
} from './syntax-tree.ts'
import type { Token } from './token.ts'

const ITEM_WORDS: ReadonlySet<string> = new Set(['use', 'enum', 'register', 'block', 'sram'])
const MODES: ReadonlySet<string> = new Set<FieldMode>(['ro', 'wo', 'rw', 'reserved'])
const BITS = /^b(0x[0-9a-fA-F]+|0b[01]+|[0-9]+)$/

/** Parses one file. Problems go to `sink`; what could be understood is in the tree. */
export function parse(file: string, text: string, sink: DiagnosticSink): SyntaxTree {
  return new Parser(file, tokenize(file, text, sink), sink).file()
}

interface Heading {
  readonly doc: readonly string[]
  readonly attributes: readonly Attribute[]
  readonly first: Token
}

class Parser {
  readonly #file: string
  readonly #tokens: readonly Token[]
  readonly #sink: DiagnosticSink
  #at = 0
  /** Comments of consumed tokens that no node has taken yet. */
  #pending: string[] = []
  #trailing: string | undefined

  constructor(file: string, tokens: readonly Token[], sink: DiagnosticSink) {
    this.#file = file
    this.#tokens = tokens
    this.#sink = sink
  }

  file(): SyntaxTree {
    const items: Item[] = []
    while (this.#current.kind !== 'end') {
      const start = this.#at
      const item = this.#item()
      if (item !== undefined) items.push(item)
      else this.#skipToItem(start)
    }
    this.#advance()
    if (items.length === 0) this.#error('RSF2001', this.#current.range, 'the file declares nothing')
    return { file: this.#file, items, closing: withoutLastBlank(this.#takeComments()) }
  }

  #item(): Item | undefined {
    const heading = this.#heading()
    const isSram = this.#isWord('sram') && this.#advance() !== undefined
    const keyword = this.#current
    if (keyword.kind === 'identifier') {
      if (keyword.text === 'register') return this.#register(heading, isSram)
      if (keyword.text === 'block') return this.#block(heading, isSram)
      if (isSram) return this.#expected('register or block after sram')
      if (keyword.text === 'enum') return this.#enum(heading)
      if (keyword.text === 'use') return this.#use(heading)
    }
    return this.#expected('use, enum, register or block')
  }

  #use(heading: Heading): UseItem | undefined {
    const keyword = this.#advance()
    if (heading.doc.length > 0 || heading.attributes.length > 0) {
      this.#error('RSF2003', keyword.range, 'use takes neither documentation nor attributes')
    }
    const path = this.#path()
    if (path === undefined || !this.#expect(';')) return undefined
    return { kind: 'use', path, range: this.#spanFrom(heading.first), around: this.#surroundings(heading, true) }
  }

  #enum(heading: Heading): EnumItem | undefined {
    this.#advance()
    const width = this.#angled()
    const name = width && this.#identifier('the name of the enum')
    if (width === undefined || name === undefined || !this.#expect('{')) return undefined
    this.#requireDoc(heading, name, 'enum')
    const comments = this.#takeComments()
    const members = this.#members(() => this.#alternative())
    if (members.length === 0) this.#error('RSF2005', name.range, `enum ${name.name} has no alternatives`)
    const body = this.#body(heading, comments)
    return { kind: 'enum', doc: heading.doc, attributes: heading.attributes, width, name, members, ...body }
  }

  #register(heading: Heading, isSram: boolean): RegisterItem | undefined {
    this.#advance()
    const width = this.#angled()
    const name = width && this.#identifier('the name of the register')
    if (width === undefined || name === undefined) return undefined
    let reset: NumberLiteral | undefined
    if (this.#isWord('reset')) {
      this.#advance()
      reset = this.#angled()
      if (reset === undefined) return undefined
    }
    if (!this.#expect('{')) return undefined
    this.#requireDoc(heading, name, 'register')
    const comments = this.#takeComments()
    const members = this.#members(() => this.#field())
    const { doc, attributes } = heading
    const body = this.#body(heading, comments)
    return { kind: 'register', doc, attributes, isSram, width, name, reset, members, ...body }
  }

  #block(heading: Heading, isSram: boolean): BlockItem | undefined {
    this.#advance()
    const name = this.#identifier('the name of the block')
    if (name === undefined || !this.#expect('{')) return undefined
    this.#requireDoc(heading, name, 'block')
    const comments = this.#takeComments()
    const members = this.#members(() => this.#element())
    const { doc, attributes } = heading
    return { kind: 'block', doc, attributes, isSram, name, members, ...this.#body(heading, comments) }
  }

  #alternative(): Alternative | undefined {
    const heading = this.#heading()
    const name = this.#identifier('the name of an alternative')
    if (name === undefined || !this.#expect('=')) return undefined
    const value = this.#number('the value')
    if (value === undefined) return undefined
    this.#requireDoc(heading, name, 'alternative')
    const attribute = heading.attributes[0]
    if (attribute !== undefined) this.#error('RSF2003', attribute.range, 'alternatives take no attributes')
    const range = this.#spanFrom(heading.first)
    if (!this.#isPunctuation('}')) this.#expect(',')
    return { doc: heading.doc, name, value, range, around: this.#surroundings(heading, false) }
  }

  #field(): Field | undefined {
    const heading = this.#heading()
    const name = this.#identifier('the name of a field')
    if (name === undefined || !this.#expect(':')) return undefined
    const mode = this.#mode()
    const type = mode && this.#fieldType()
    if (mode === undefined || type === undefined || !this.#expect('@')) return undefined
    const offset = this.#number('the offset in bits')
    if (offset === undefined) return undefined
    this.#requireDoc(heading, name, 'field')
    const range = this.#spanFrom(heading.first)
    if (this.#isPunctuation(',')) this.#advance()
    const { doc, attributes } = heading
    return { doc, attributes, name, mode, type, offset, range, around: this.#surroundings(heading, false) }
  }

  #element(): Element | undefined {
    const heading = this.#heading()
    const name = this.#identifier('the name of an element')
    if (name === undefined || !this.#expect(':')) return undefined
    const type = this.#path()
    if (type === undefined) return undefined
    let array: Element['array']
    if (this.#isPunctuation('[')) {
      this.#advance()
      const length = this.#number('the number of elements')
      if (length === undefined || !this.#expect(';')) return undefined
      const stride = this.#number('the distance of two elements in bytes')
      if (stride === undefined || !this.#expect(']')) return undefined
      array = { length, stride }
    }
    if (!this.#expect('@')) return undefined
    const offset = this.#number('the offset in bytes')
    if (offset === undefined) return undefined
    this.#requireDoc(heading, name, 'element')
    const range = this.#spanFrom(heading.first)
    if (this.#isPunctuation(',')) this.#advance()
    const { doc, attributes } = heading
    return { doc, attributes, name, type, array, offset, range, around: this.#surroundings(heading, false) }
  }

  #mode(): FieldMode | undefined {
    const token = this.#current
    if (token.kind !== 'identifier' || !MODES.has(token.text)) return this.#expected('ro, wo, rw or reserved')
    this.#advance()
    // Because the set holds exactly the modes.
    return token.text as FieldMode
  }

  #fieldType(): FieldTypeSyntax | undefined {
    const path = this.#path()
    const only = path?.segments.length === 1 ? path.segments[0] : undefined
    if (path === undefined) return undefined
    if (only?.name === 'bool') return { kind: 'bool', range: only.range }
    const text = only === undefined ? undefined : BITS.exec(only.name)?.[1]
    if (only === undefined || text === undefined) return { kind: 'named', path, range: path.range }
    const value = numberValue(text) ?? this.#tooLarge(only.range)
    return { kind: 'bits', width: { value, text, range: only.range }, range: only.range }
  }

  #tooLarge(range: Range): bigint {
    this.#error('RSF1003', range, 'number does not fit in 128 bits')
    return 1n
  }

  /** Documentation and attributes before an item or member. */
  #heading(): Heading {
    const first = this.#current
    const doc: string[] = []
    while (this.#current.kind === 'doc') doc.push(this.#advance().text)
    const attributes: Attribute[] = []
    while (this.#isPunctuation('#')) {
      const attribute = this.#attribute()
      if (attribute === undefined) break
      attributes.push(attribute)
    }
    return { doc, attributes, first }
  }

  #attribute(): Attribute | undefined {
    const first = this.#advance()
    if (!this.#expect('[')) return undefined
    if (!this.#isWord('attr')) return this.#expected('attr')
    this.#advance()
    if (!this.#expect('(')) return undefined
    const name = this.#identifier('the name of the attribute')
    if (name === undefined || !this.#expect('=')) return undefined
    if (this.#current.kind !== 'string') return this.#expected('a string')
    const value = this.#advance().text
    if (!this.#expect(')') || !this.#expect(']')) return undefined
    return { name, value, range: this.#spanFrom(first) }
  }

  #members<T extends { readonly around: Surroundings }>(member: () => T | undefined): readonly T[] {
    const members: T[] = []
    while (!this.#isPunctuation('}') && this.#current.kind !== 'end' && !this.#isItemAhead()) {
      const start = this.#at
      const node = member()
      if (node === undefined) this.#skipToMember(start)
      else if (members.length > 0) members.push(node)
      // An empty line after the opening brace says nothing.
      else members.push({ ...node, around: { ...node.around, isAfterBlank: false } })
    }
    return members
  }

  #body(heading: Heading, comments: readonly string[]): Pick<BlockItem, 'closing' | 'range' | 'around'> {
    this.#expect('}')
    const closing = withoutLastBlank(this.#takeComments())
    const around: Surroundings = { comments, trailing: this.#takeTrailing(), isAfterBlank: false }
    return { closing, range: this.#spanFrom(heading.first), around }
  }

  /** Whether documentation, attributes and then an item stand where a member should: the brace before is missing. */
  #isItemAhead(): boolean {
    let at = this.#at
    while (this.#tokens[at]?.kind === 'doc') at += 1
    while (this.#tokens[at]?.text === '#') {
      while (this.#tokens[at]?.kind !== 'end' && this.#tokens[at]?.text !== ']') at += 1
      if (this.#tokens[at]?.text === ']') at += 1
    }
    const token = this.#tokens[at]
    const next = this.#tokens[at + 1]
    return token?.kind === 'identifier' && ITEM_WORDS.has(token.text) && next?.text !== ':' && next?.text !== '='
  }

  #skipToMember(start: number): void {
    if (this.#at === start && this.#current.kind !== 'end') this.#advance()
    while (this.#current.kind !== 'end' && this.#current.kind !== 'doc' && !this.#isPunctuation('}')) {
      if (this.#isItemAhead() || this.#advance().text === ',') return
    }
  }

  #skipToItem(start: number): void {
    if (this.#at === start) this.#advance()
    while (this.#current.kind !== 'end' && this.#current.kind !== 'doc') {
      if (this.#isItemAhead()) return
      this.#advance()
    }
  }

  #path(): Path | undefined {
    const first = this.#identifier('a name')
    if (first === undefined) return undefined
    const segments = [first]
    while (this.#isPunctuation('::')) {
      this.#advance()
      const next = this.#identifier('a name')
      if (next === undefined) return undefined
      segments.push(next)
    }
    return { segments, range: spanOf(first.range, segments.at(-1)?.range ?? first.range) }
  }

  #angled(): NumberLiteral | undefined {
    if (!this.#expect('<')) return undefined
    const number = this.#number('a number')
    return number !== undefined && this.#expect('>') ? number : undefined
  }

  #number(what: string): NumberLiteral | undefined {
    if (this.#current.kind !== 'number') return this.#expected(what)
    const { value, text, range } = this.#advance()
    return { value, text, range }
  }

  #identifier(what: string): Identifier | undefined {
    if (this.#current.kind !== 'identifier') return this.#expected(what)
    const { text, range } = this.#advance()
    return { name: text, range }
  }

  #requireDoc(heading: Heading, name: Identifier, what: string): void {
    if (heading.doc.length > 0) return
    this.#error('RSF2002', name.range, `${what} ${name.name} has no documentation (a line with ///)`)
  }

  #expect(text: string): boolean {
    if (!this.#isPunctuation(text)) {
      this.#expected(JSON.stringify(text))
      return false
    }
    this.#advance()
    return true
  }

  #expected(what: string): undefined {
    const token = this.#current
    const found = token.kind === 'end' ? 'the end of the file' : token.kind === 'doc' ? 'documentation' : token.text
    this.#error('RSF2004', token.range, `expected ${what}, found ${found}`)
  }

  #error(code: string, range: Range, message: string): void {
    this.#sink.error(code, range, message)
  }

  get #current(): Token {
    // Because the list ends with an end token, past which nothing advances.
    return this.#tokens[this.#at]!
  }

  #isWord(text: string): boolean {
    return this.#current.kind === 'identifier' && this.#current.text === text
  }

  #isPunctuation(text: string): boolean {
    return this.#current.kind === 'punctuation' && this.#current.text === text
  }

  #advance(): Token {
    const token = this.#current
    if (this.#trailing !== undefined) this.#pending.push(this.#trailing)
    this.#pending.push(...token.comments)
    this.#trailing = token.trailing
    if (token.kind !== 'end') this.#at += 1
    return token
  }

  #spanFrom(first: Token): Range {
    return spanOf(first.range, (this.#tokens[this.#at - 1] ?? first).range)
  }

  #surroundings(heading: Heading, isItem: boolean): Surroundings {
    const comments = this.#takeComments()
    return { comments, trailing: this.#takeTrailing(), isAfterBlank: !isItem && heading.first.isAfterBlank }
  }

  #takeComments(): readonly string[] {
    const comments = this.#pending
    this.#pending = []
    return comments
  }

  #takeTrailing(): string | undefined {
    const trailing = this.#trailing
    this.#trailing = undefined
    return trailing
  }
}

function withoutLastBlank(comments: readonly string[]): readonly string[] {
  return comments.at(-1) === '' ? comments.slice(0, -1) : comments
}
