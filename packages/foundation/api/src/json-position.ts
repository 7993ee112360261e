/**
 * Where in a JSON text (RFC 8259) something is: the first syntax error, or the value at a path. `JSON.parse` does the
 * real work; this scanner runs only for bodies that were refused, so that the message can name a line and a column.
 */

export interface TextPosition {
  /** Both count from 1; the column counts UTF-16 code units. */
  readonly line: number
  readonly column: number
}

export interface JsonSyntaxError extends TextPosition {
  readonly message: string
}

const MAX_DEPTH = 128
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// eslint-disable-next-line no-control-regex
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const SPACE = /[ \t\n\r]*/y

/** The first syntax error, or undefined when the text is JSON nested at most 128 deep. */
export function findJsonError(text: string): JsonSyntaxError | undefined {
  const scan = new Scan(text, [])
  scan.document()
  return scan.error === undefined ? undefined : { message: scan.error, ...positionOf(text, scan.at) }
}

/** Where the value at `path` starts, or its nearest ancestor that exists. The text must be valid JSON. */
export function findJsonPath(text: string, path: readonly PropertyKey[]): TextPosition {
  const scan = new Scan(text, path)
  scan.document()
  return positionOf(text, scan.pathOffset)
}

function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

class Scan {
  at = 0
  error: string | undefined
  pathOffset = 0
  readonly #text: string
  readonly #path: readonly PropertyKey[]

  constructor(text: string, path: readonly PropertyKey[]) {
    this.#text = text
    this.#path = path
  }

  document(): void {
    this.#skip(SPACE)
    this.#value(0, 0)
    this.#skip(SPACE)
    if (this.error === undefined && this.at < this.#text.length) this.#fail('trailing characters')
  }

  /** @param matched how many segments of the path lead here, -1 when this value is beside the path. */
  #value(matched: number, depth: number): void {
    if (matched >= 0) this.pathOffset = this.at
    if (depth > MAX_DEPTH) return this.#fail('recursion limit exceeded')
    const c = this.#text[this.at]
    if (c === '{') this.#members('}', depth, (key) => this.#next(matched, key))
    else if (c === '[') this.#members(']', depth, (_key, i) => this.#next(matched, i))
    else if (c === '"') {
      if (!this.#skip(STRING)) this.#failInString()
    } else if (!this.#skip(LITERAL)) this.#fail(c === undefined ? 'unexpected end of input' : 'expected value')
  }

  #members(close: string, depth: number, step: (key: string, index: number) => number): void {
    this.at++
    this.#skip(SPACE)
    if (this.#text[this.at] === close) return void this.at++
    for (let index = 0; ; index++) {
      const key = close === '}' ? this.#key() : ''
      if (this.error !== undefined) return
      this.#value(step(key, index), depth + 1)
      if (this.error !== undefined) return
      this.#skip(SPACE)
      const c = this.#text[this.at]
      if (c === close) return void this.at++
      if (c !== ',') return this.#fail(c === undefined ? 'unexpected end of input' : `expected \`,\` or \`${close}\``)
      this.at++
      this.#skip(SPACE)
      if (this.#text[this.at] === close) return this.#fail('trailing comma')
    }
  }

  #key(): string {
    const start = this.at
    if (this.#text[start] !== '"') {
      this.#fail(start >= this.#text.length ? 'unexpected end of input' : 'key must be a string')
      return ''
    }
    if (!this.#skip(STRING)) {
      this.#failInString()
      return ''
    }
    const key: unknown = JSON.parse(this.#text.slice(start, this.at))
    this.#skip(SPACE)
    if (this.#text[this.at] !== ':') this.#fail('expected `:`')
    else this.at++
    this.#skip(SPACE)
    return String(key)
  }

  #next(matched: number, key: string | number): number {
    return matched >= 0 && String(this.#path[matched]) === String(key) && matched < this.#path.length ? matched + 1 : -1
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    const match = pattern.exec(this.#text)
    if (match === null) return false
    this.at += match[0].length
    return true
  }

  #failInString(): void {
    this.#fail(this.#text.indexOf('"', this.at + 1) < 0 ? 'unexpected end of input in a string' : 'invalid string')
  }

  #fail(message: string): void {
    this.error ??= message
  }
}
