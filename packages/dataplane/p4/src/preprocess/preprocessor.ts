/**
 * The C preprocessor as P4 programs use it (P4-16 §6.2): includes, object- and function-like macros, conditionals,
 * `#line`, `#error`. It works on tokens, so every token that comes out knows where it was written; what a macro expands
 * to is placed at the macro's use. NOT IMPLEMENTED: `#` stringification of anything but one argument, `#pragma once`
 * for two spellings of one path.
 */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { Range } from '../source/range.ts'
import type { ReadFile } from '../source/render.ts'
import { Lexer } from '../syntax/lexer.ts'
import type { Token } from '../syntax/token.ts'
import { evaluateCondition } from './condition.ts'
import { expandTokens, type Macro } from './macro.ts'

export interface PreprocessOptions {
  readonly fileName: string
  readonly readFile: ReadFile
  readonly includePaths: readonly string[]
  readonly defines: Readonly<Record<string, string>>
}

export interface PreprocessResult {
  /** Ends with one `end` token. */
  readonly tokens: readonly Token[]
  /** Every file that was read, in order of first use. */
  readonly files: readonly string[]
}

const MAX_INCLUDE_DEPTH = 64
const MAX_TOKENS = 4_000_000

/** One `#if` … `#endif`: whether its current branch is taken, whether one was, and whether `#else` has passed. */
interface Conditional {
  readonly range: Range
  readonly isParentActive: boolean
  isActive: boolean
  wasTaken: boolean
  hasElse: boolean
}

export function preprocess(options: PreprocessOptions, sink: DiagnosticSink): PreprocessResult {
  const run = new Preprocessor(options, sink)
  for (const [name, value] of Object.entries(options.defines)) run.define(name, value)
  run.file(options.fileName, undefined, 0)
  return run.finish()
}

class Preprocessor {
  readonly #options: PreprocessOptions
  readonly #sink: DiagnosticSink
  readonly #macros = new Map<string, Macro>()
  readonly #once = new Set<string>()
  readonly #tokens: Token[] = []
  readonly #files: string[] = []
  #last: Range = { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 }

  constructor(options: PreprocessOptions, sink: DiagnosticSink) {
    this.#options = options
    this.#sink = sink
  }

  define(name: string, value: string): void {
    const lexer = new Lexer('<command line>', value)
    const body: Token[] = []
    for (let token = lexer.next(); token.kind !== 'end'; token = lexer.next()) body.push(token)
    this.#macros.set(name, { name, parameters: undefined, body })
  }

  finish(): PreprocessResult {
    const at = this.#last
    const range = {
      file: at.file,
      line: at.endLine,
      column: at.endColumn,
      endLine: at.endLine,
      endColumn: at.endColumn,
    }
    this.#tokens.push({ kind: 'end', text: '', range, startsLine: true, hasSpaceBefore: true })
    return { tokens: this.#tokens, files: this.#files }
  }

  file(path: string, from: Range | undefined, depth: number): void {
    const text = this.#options.readFile(path)
    const range = from ?? { file: path, line: 1, column: 1, endLine: 1, endColumn: 1 }
    if (text === undefined) {
      this.#sink.error('P4C1001', range, `cannot read file '${path}'`)
      return
    }
    // Every other character of such a file would be an error of its own.
    if (text.includes('\0')) {
      this.#sink.error('P4C1001', range, `'${path}' is not a text file: it contains zero bytes`)
      return
    }
    if (!this.#files.includes(path)) this.#files.push(path)
    const lexer = new Lexer(path, text)
    const conditionals: Conditional[] = []
    let token = lexer.next()
    while (token.kind !== 'end' && this.#tokens.length < MAX_TOKENS) {
      if (token.startsLine && token.kind === 'operator' && token.text === '#') {
        token = this.#directive(lexer, token, conditionals, depth)
      } else if (conditionals.length > 0 && conditionals.at(-1)?.isActive === false) {
        token = lexer.next()
      } else if (this.#isMacro(token)) {
        token = this.#macroUse(lexer, token)
      } else {
        this.#tokens.push(token)
        token = lexer.next()
      }
    }
    this.#last = token.range
    const open = conditionals.at(-1)
    if (open !== undefined) this.#sink.error('P4C1002', open.range, 'conditional without #endif')
  }

  #isMacro(token: Token): boolean {
    if (token.kind !== 'identifier' && token.kind !== 'keyword') return false
    return this.#macros.has(token.text) || token.text === '__LINE__' || token.text === '__FILE__'
  }

  /** Expands a macro, with its arguments when it takes some, which may span lines. Returns the first token after it. */
  #macroUse(lexer: Lexer, name: Token): Token {
    const use = [name]
    let token = lexer.next()
    const isCall = this.#macros.get(name.text)?.parameters !== undefined
    if (isCall && token.kind === 'operator' && token.text === '(') {
      let depth = 0
      while (token.kind !== 'end') {
        use.push(token)
        const isOperator = token.kind === 'operator'
        if (isOperator && token.text === '(') depth += 1
        else if (isOperator && token.text === ')') depth -= 1
        token = lexer.next()
        if (depth === 0 || (token.startsLine && token.kind === 'operator' && token.text === '#')) break
      }
    }
    for (const expanded of expandTokens(use, this.#macros, this.#sink)) this.#tokens.push(expanded)
    return token
  }

  /** Consumes one directive, whose `#` was read; returns the first token after it. */
  #directive(lexer: Lexer, hash: Token, conditionals: Conditional[], depth: number): Token {
    const name = lexer.next()
    if (name.startsLine || name.kind === 'end') return name
    const isActive = conditionals.at(-1)?.isActive ?? true
    if (name.text === 'include' && isActive) {
      this.#include(lexer.restOfLine(), hash, lexer, depth)
      return lexer.next()
    }
    if ((name.text === 'error' || name.text === 'warning') && isActive) {
      const message = lexer.restOfLine()
      if (name.text === 'error') this.#sink.error('P4C1004', name.range, `#error ${message}`)
      else this.#sink.warning('P4C1005', name.range, `#warning ${message}`)
      return lexer.next()
    }
    const line: Token[] = []
    let token = lexer.next()
    while (!token.startsLine && token.kind !== 'end') {
      line.push(token)
      token = lexer.next()
    }
    const delta = this.#lineDirective(name, line, conditionals, isActive, lexer)
    if (delta === 0 && lexer.fileName === token.range.file) return token
    const range = { ...token.range, file: lexer.fileName }
    return { ...token, range: { ...range, line: range.line + delta, endLine: range.endLine + delta } }
  }

  #lineDirective(
    name: Token,
    line: readonly Token[],
    conditionals: Conditional[],
    isActive: boolean,
    lexer: Lexer,
  ): number {
    const current = conditionals.at(-1)
    switch (name.text) {
      case 'if':
      case 'ifdef':
      case 'ifndef': {
        const taken = isActive && this.#condition(name, line)
        conditionals.push({
          range: name.range,
          isParentActive: isActive,
          isActive: taken,
          wasTaken: taken,
          hasElse: false,
        })
        return 0
      }
      case 'elif':
      case 'else': {
        if (current === undefined || current.hasElse) {
          this.#sink.error('P4C1006', name.range, `#${name.text} without #if`)
          return 0
        }
        current.hasElse = name.text === 'else'
        const isOpen = current.isParentActive && !current.wasTaken
        current.isActive = isOpen && (name.text === 'else' || this.#condition(name, line))
        current.wasTaken ||= current.isActive
        return 0
      }
      case 'endif':
        if (conditionals.pop() === undefined) this.#sink.error('P4C1006', name.range, '#endif without #if')
        return 0
      default:
        break
    }
    if (!isActive) return 0
    switch (name.text) {
      case 'define':
        this.#define(name, line)
        return 0
      case 'undef':
        if (line[0] === undefined) this.#sink.error('P4C1007', name.range, '#undef needs a name')
        else this.#macros.delete(line[0].text)
        return 0
      case 'line':
        return this.#line(name, line, lexer)
      case 'pragma':
        if (line[0]?.text === 'once') this.#once.add(lexer.file)
        return 0
      default:
        if (name.kind === 'integer') return this.#line(name, [name, ...line], lexer)
        this.#sink.error('P4C1008', name.range, `unknown preprocessor directive #${name.text}`)
        return 0
    }
  }

  /** How much later lines move; the first token after the directive has been read already, and moves with them. */
  #line(name: Token, line: readonly Token[], lexer: Lexer): number {
    const number = line[0]?.integer?.value
    if (number === undefined || number > 1_000_000_000n) {
      this.#sink.error('P4C1009', name.range, '#line needs a line number')
      return 0
    }
    const file = line[1]?.kind === 'string' ? line[1].text : undefined
    const delta = Number(number) - (name.range.line + 1)
    lexer.renumber(delta, file)
    return delta
  }

  #define(directive: Token, line: readonly Token[]): void {
    const name = line[0]
    if (name === undefined || (name.kind !== 'identifier' && name.kind !== 'keyword')) {
      this.#sink.error('P4C1007', directive.range, '#define needs a name')
      return
    }
    let parameters: string[] | undefined
    let at = 1
    if (line[1]?.text === '(' && line[1].kind === 'operator' && !line[1].hasSpaceBefore) {
      parameters = []
      at = 2
      while (line[at] !== undefined && line[at]?.text !== ')') {
        const parameter = line[at]
        if (parameter !== undefined && parameter.text !== ',') parameters.push(parameter.text)
        at += 1
      }
      if (line[at] === undefined) {
        this.#sink.error('P4C1010', name.range, `parameters of macro '${name.text}' lack a ')'`)
        return
      }
      at += 1
    }
    this.#macros.set(name.text, { name: name.text, parameters, body: line.slice(at) })
  }

  #condition(name: Token, line: readonly Token[]): boolean {
    if (name.text === 'ifdef' || name.text === 'ifndef') {
      const macro = line[0]
      if (macro === undefined) {
        this.#sink.error('P4C1007', name.range, `#${name.text} needs a name`)
        return false
      }
      return this.#macros.has(macro.text) === (name.text === 'ifdef')
    }
    const expanded = expandTokens(this.#replaceDefined(line), this.#macros, this.#sink)
    const result = evaluateCondition(expanded)
    if (result.ok) return result.value !== 0n
    this.#sink.error('P4C1011', name.range, `bad #${name.text}: ${result.message}`)
    return false
  }

  #replaceDefined(line: readonly Token[]): Token[] {
    const out: Token[] = []
    for (let at = 0; at < line.length; at++) {
      const token = line[at]
      if (token === undefined) continue
      if (token.text !== 'defined') {
        out.push(token)
        continue
      }
      const isParenthesized = line[at + 1]?.text === '('
      const operand = line[at + (isParenthesized ? 2 : 1)]
      at += isParenthesized ? 3 : 1
      const value = operand !== undefined && this.#macros.has(operand.text) ? 1n : 0n
      out.push({ ...token, kind: 'integer', text: String(value), integer: { value, signed: false } })
    }
    return out
  }

  #include(operand: string, hash: Token, lexer: Lexer, depth: number): void {
    let text = operand
    if (!text.startsWith('"') && !text.startsWith('<')) {
      const inner = new Lexer(lexer.file, text)
      const tokens: Token[] = []
      for (let token = inner.next(); token.kind !== 'end'; token = inner.next()) tokens.push(token)
      const expanded = expandTokens(tokens, this.#macros, this.#sink)
      text = expanded.map((token) => (token.kind === 'string' ? `"${token.text}"` : token.text)).join('')
    }
    const match = /^(?:"([^"]+)"|<([^>]+)>)/.exec(text)
    const range = { ...hash.range, endColumn: hash.range.column + '#include '.length + operand.length }
    if (match === null) {
      this.#sink.error('P4C1012', range, '#include needs "file" or <file>')
      return
    }
    if (depth >= MAX_INCLUDE_DEPTH) {
      this.#sink.error('P4C1013', range, 'includes are nested too deeply; does a file include itself?')
      return
    }
    const wanted = match[1] ?? match[2] ?? ''
    const folders = [...(match[1] === undefined ? [] : [folderOf(lexer.file)]), ...this.#options.includePaths]
    const candidates = wanted.startsWith('/') ? [wanted] : folders.map((folder) => joinPath(folder, wanted))
    const found = candidates.find((path) => this.#options.readFile(path) !== undefined)
    if (found === undefined) {
      const notes = candidates.length === 0 ? [] : [{ message: `looked for ${candidates.join(', ')}` }]
      this.#sink.error('P4C1014', range, `cannot find include file '${wanted}'`, { notes })
      return
    }
    if (!this.#once.has(found)) this.file(found, range, depth + 1)
  }
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}

/** Joins and removes `.` and `..` steps; the preprocessor runs where no path library may exist. */
export function joinPath(folder: string, path: string): string {
  const isAbsolute = folder.startsWith('/')
  const parts: string[] = []
  for (const part of `${folder}/${path}`.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return (isAbsolute ? '/' : '') + parts.join('/')
}
