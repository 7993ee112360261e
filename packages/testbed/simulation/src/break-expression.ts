/**
 * Where a replay is to stop: comparisons of what is known at each event, joined by `&&`, `||`, `!` and parentheses.
 *
 *     frame.link == "sled0-switch0" && frame.bytes > 1000
 *     node.switch1 == "off" || nexus == "down"
 */

export type Value = string | number | boolean | undefined
export type Lookup = (name: string) => Value

export type Condition =
  | { readonly ok: true; readonly holds: (lookup: Lookup) => boolean }
  | { readonly ok: false; readonly reason: string }

type Evaluate = (lookup: Lookup) => Value

const TOKEN = /\s*(?:(&&|\|\||==|!=|<=|>=|<|>|!|\(|\))|"([^"]*)"|(\d+(?:\.\d+)?)|([A-Za-z_][\w.-]*))/y

interface Token {
  readonly at: number
  readonly symbol?: string
  readonly value?: Value
  readonly name?: string
}

class Mistake extends Error {}

export function parseCondition(text: string): Condition {
  try {
    const parser = new Parser(tokens(text), text.length)
    const evaluate = parser.either()
    parser.end()
    return { ok: true, holds: (lookup) => Boolean(evaluate(lookup)) }
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    return { ok: false, reason: error.message }
  }
}

function tokens(text: string): Token[] {
  const found: Token[] = []
  TOKEN.lastIndex = 0
  for (let at = 0; text.slice(at).trim() !== '';) {
    const match = TOKEN.exec(text)
    if (match === null) throw new Mistake(`column ${at + 1}: ${text.slice(at).trim()[0]} means nothing here`)
    const [, symbol, string, number, name] = match
    if (symbol !== undefined) found.push({ at, symbol })
    else if (name !== undefined) found.push({ at, name })
    else found.push({ at, value: string ?? Number(number) })
    at = TOKEN.lastIndex
  }
  return found
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #length: number
  #next = 0

  constructor(all: readonly Token[], length: number) {
    this.#tokens = all
    this.#length = length
  }

  either(): Evaluate {
    let left = this.#both()
    while (this.#take('||')) {
      const [first, second] = [left, this.#both()]
      left = (lookup) => Boolean(first(lookup)) || Boolean(second(lookup))
    }
    return left
  }

  end(): void {
    const rest = this.#tokens[this.#next]
    if (rest !== undefined) throw new Mistake(`column ${rest.at + 1}: the expression should end here`)
  }

  #both(): Evaluate {
    let left = this.#comparison()
    while (this.#take('&&')) {
      const [first, second] = [left, this.#comparison()]
      left = (lookup) => Boolean(first(lookup)) && Boolean(second(lookup))
    }
    return left
  }

  #comparison(): Evaluate {
    const left = this.#operand()
    for (const [symbol, compare] of Object.entries(COMPARISONS)) {
      if (!this.#take(symbol)) continue
      const right = this.#operand()
      return (lookup) => {
        const [a, b] = [left(lookup), right(lookup)]
        return a !== undefined && b !== undefined && compare(a, b)
      }
    }
    return left
  }

  #operand(): Evaluate {
    if (this.#take('!')) {
      const inner = this.#operand()
      return (lookup) => !inner(lookup)
    }
    if (this.#take('(')) {
      const inner = this.either()
      if (!this.#take(')')) throw new Mistake('a parenthesis is not closed')
      return inner
    }
    const token = this.#tokens[this.#next++]
    if (token === undefined) throw new Mistake(`column ${this.#length + 1}: a name, number or "text" is missing`)
    if (token.symbol !== undefined) throw new Mistake(`column ${token.at + 1}: a name, number or "text" is missing`)
    const { name, value } = token
    return name === undefined ? () => value : (lookup) => lookup(name)
  }

  #take(symbol: string): boolean {
    if (this.#tokens[this.#next]?.symbol !== symbol) return false
    this.#next++
    return true
  }
}

type Comparable = string | number | boolean

const COMPARISONS: Readonly<Record<string, (a: Comparable, b: Comparable) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
}
