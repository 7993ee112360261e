/** The protobuf text format, as far as P4Info needs it: messages, numbers, strings, enumerators, booleans. */

export class TextWriter {
  readonly #lines: string[] = []
  #depth = 0

  /** `name { … }`; nothing at all when the body writes nothing and `isOptional`. */
  message(name: string, body: () => void, isOptional = false): void {
    const at = this.#lines.length
    this.#line(`${name} {`)
    this.#depth += 1
    body()
    this.#depth -= 1
    if (isOptional && this.#lines.length === at + 1) this.#lines.pop()
    else this.#line('}')
  }

  number(name: string, value: number | bigint | undefined): void {
    if (value !== undefined) this.#line(`${name}: ${value}`)
  }

  /** An enumerator, or `true`. */
  word(name: string, value: string | undefined): void {
    if (value !== undefined) this.#line(`${name}: ${value}`)
  }

  text(name: string, value: string | undefined): void {
    if (value !== undefined) this.#line(`${name}: ${quoted(value)}`)
  }

  /** Bytes in network order, as protobuf writes them: octal escapes for what is not printable. */
  bytes(name: string, value: bigint): void {
    let hex = value.toString(16)
    if (hex.length % 2 === 1) hex = `0${hex}`
    const codes = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))
    this.#line(`${name}: "${codes.map(escapedByte).join('')}"`)
  }

  finish(): string {
    return this.#lines.map((line) => `${line}\n`).join('')
  }

  #line(text: string): void {
    this.#lines.push('  '.repeat(this.#depth) + text)
  }
}

function quoted(text: string): string {
  return `"${[...new TextEncoder().encode(text)].map(escapedByte).join('')}"`
}

function escapedByte(code: number): string {
  if (code === 10) return '\\n'
  if (code === 34) return '\\"'
  if (code === 92) return '\\\\'
  return code >= 32 && code < 127 ? String.fromCharCode(code) : `\\${code.toString(8).padStart(3, '0')}`
}
