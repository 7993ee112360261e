/**
 * A terminal line editor for a serial console: bytes in, echo out, whole lines up. Knows backspace, ^C, ^D, ^U, the
 * arrow keys for history, and nothing else. Everything it keeps is bounded.
 */

const LINE_LIMIT = 1024
const HISTORY_LIMIT = 50

export type LineEvent =
  | { readonly kind: 'line'; readonly text: string }
  /** ^C. */
  | { readonly kind: 'interrupt' }
  /** ^D on an empty line. */
  | { readonly kind: 'end' }

export class LineEditor {
  readonly #echo: (text: string) => void
  readonly #prompt: string
  readonly #history: string[] = []
  #line = ''
  #recalled = 0
  /** Bytes of an escape sequence so far. */
  #escape = ''
  #wasReturn = false

  constructor(prompt: string, echo: (text: string) => void) {
    this.#prompt = prompt
    this.#echo = echo
  }

  prompt(): void {
    this.#echo(this.#prompt + this.#line)
  }

  /** Takes one byte. @returns what it completed, if anything. */
  input(byte: number): LineEvent | undefined {
    const wasReturn = this.#wasReturn
    this.#wasReturn = byte === 0x0d
    if (this.#escape !== '' || byte === 0x1b) return this.#inEscape(byte)
    switch (byte) {
      case 0x0d:
        return this.#enter()
      case 0x0a:
        return wasReturn ? undefined : this.#enter() // CR LF is one line end
      case 0x08:
      case 0x7f:
        if (this.#line.length > 0) {
          this.#line = this.#line.slice(0, -1)
          this.#echo('\b \b')
        }
        return undefined
      case 0x03:
        this.#line = ''
        this.#echo('^C\r\n')
        return { kind: 'interrupt' }
      case 0x04:
        return this.#line === '' ? { kind: 'end' } : undefined
      case 0x15:
        this.#replace('')
        return undefined
    }
    if (byte >= 0x20 && byte < 0x7f && this.#line.length < LINE_LIMIT) {
      const character = String.fromCharCode(byte)
      this.#line += character
      this.#echo(character)
    }
    return undefined
  }

  #enter(): LineEvent {
    const text = this.#line
    this.#line = ''
    this.#echo('\r\n')
    if (text.trim() !== '' && this.#history.at(-1) !== text) {
      this.#history.push(text)
      if (this.#history.length > HISTORY_LIMIT) this.#history.shift()
    }
    this.#recalled = this.#history.length
    return { kind: 'line', text }
  }

  /** ESC [ A and ESC [ B walk the history; other sequences are swallowed. */
  #inEscape(byte: number): undefined {
    this.#escape += String.fromCharCode(byte)
    const isOpen = this.#escape === '\u001b' || this.#escape === '\u001b[' || this.#escape === '\u001bO'
    const isParameter = byte >= 0x20 && byte < 0x40 && this.#escape.length < 16
    if (isOpen || isParameter) return
    const last = this.#escape.at(-1)
    this.#escape = ''
    if (last === 'A') this.#recall(-1)
    if (last === 'B') this.#recall(1)
  }

  #recall(by: -1 | 1): void {
    const to = this.#recalled + by
    if (to < 0 || to > this.#history.length) return
    this.#recalled = to
    this.#replace(this.#history[to] ?? '')
  }

  #replace(text: string): void {
    this.#echo('\b \b'.repeat(this.#line.length) + text)
    this.#line = text
  }
}
