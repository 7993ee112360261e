/**
 * One line of assembly against the syntax of instructions. Parts that may be absent are tried present first and given up
 * when the rest does not fit, so `add r0 r1 2` is read right where an optional number comes before a required one. A space
 * of the syntax is any number of blanks, but at least one between two characters of words: `addr1` is not `add r1`.
 */
import { namesLike } from '../spec/suggestion.ts'
import type { InstructionSyntax, InstructionValue } from '../spec/specification.ts'
import { fieldProblem, fieldValue, instructionValue } from './field-value.ts'

/** A number in a line, or a name for one. Offsets are into the line. */
export interface Operand {
  readonly field: number
  readonly start: number
  readonly end: number
  readonly value: bigint
  readonly symbol?: string
}

export interface Match {
  readonly syntax: InstructionSyntax
  readonly operands: readonly Operand[]
}

export interface MatchProblem {
  readonly isOk: false
  readonly problem: string
  readonly start: number
  readonly end: number
}

/** Numbers longer than this are too large for any field; converting them would be wasted. */
const MAX_NUMBER_TEXT = 64

/** Reads a line that has no labels; for examples and single instructions. */
export function matchLine(
  syntaxes: readonly InstructionSyntax[],
  text: string,
): { readonly isOk: true; readonly value: InstructionValue } | MatchProblem {
  const match = matchSyntaxes(syntaxes, text, 0, text.length, false)
  if ('problem' in match) return match
  return valueOfMatch(match, () => undefined)
}

/** The instruction a match stands for. `lookup` gives the value of a symbol. */
export function valueOfMatch(
  match: Match,
  lookup: (symbol: string) => bigint | undefined,
): { readonly isOk: true; readonly value: InstructionValue } | MatchProblem {
  const values: (bigint | undefined)[] = match.syntax.fields.map(() => undefined)
  for (const { field, start, end, value, symbol } of match.operands) {
    const number = symbol === undefined ? value : lookup(symbol)
    if (number === undefined) return { isOk: false, problem: `'${symbol ?? ''}' is not defined`, start, end }
    const shape = match.syntax.fields[field]
    if (shape === undefined) continue
    const isOneBit = shape.type === 'boolean'
    const problem = isOneBit && number > 1n ? `'${shape.name}' is 0 or 1 (1 bit), not ${number}` : undefined
    const unfit = problem ?? fieldProblem(shape, fieldValue(shape, number))
    if (unfit !== undefined) return { isOk: false, problem: unfit, start, end }
    values[field] = number
  }
  return { isOk: true, value: instructionValue(match.syntax, values) }
}

/** The instruction whose syntax the text from `start` to `end` has, or what was wrong at the farthest place reached. */
export function matchSyntaxes(
  syntaxes: readonly InstructionSyntax[],
  text: string,
  start: number,
  end: number,
  hasSymbols: boolean,
): Match | MatchProblem {
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  let best: Match | undefined
  let bestSymbols = Infinity
  let farthest = start
  const wanted = new Set<string>()
  for (const syntax of syntaxes) {
    const first = syntax.syntax[0]
    if (first?.kind === 'literal' && !text.startsWith(first.text, start)) continue
    const matcher = new Matcher(syntax, text, start, end, hasSymbols)
    if (matcher.run()) {
      const symbols = matcher.operands.filter((operand) => operand.symbol !== undefined).length
      // A register is not taken for a label of the same name.
      if (symbols < bestSymbols) {
        best = { syntax, operands: matcher.operands.slice() }
        bestSymbols = symbols
      }
    } else if (matcher.farthest >= farthest) {
      if (matcher.farthest > farthest) wanted.clear()
      farthest = matcher.farthest
      for (const what of matcher.wanted) wanted.add(what)
    }
  }
  if (best !== undefined) return best
  return describeFailure(syntaxes, text, start, end, farthest, wanted)
}

function describeFailure(
  syntaxes: readonly InstructionSyntax[],
  text: string,
  start: number,
  end: number,
  farthest: number,
  wanted: ReadonlySet<string>,
): MatchProblem {
  while (farthest < end && isBlank(text.charCodeAt(farthest))) farthest += 1
  const word = /^\w+|^\S/.exec(text.slice(farthest, end))?.[0] ?? ''
  const found = word === '' ? 'the end of the line' : `'${word}'`
  if (farthest === start) {
    const mnemonics = syntaxes.flatMap(({ syntax }) => (syntax[0]?.kind === 'literal' ? [syntax[0].text] : []))
    return {
      isOk: false,
      problem: `no instruction begins with ${found}${namesLike(word, mnemonics)}`,
      start: farthest,
      end: farthest + word.length,
    }
  }
  const list = [...wanted].slice(0, 6).join(' or ')
  return { isOk: false, problem: `expected ${list}, found ${found}`, start: farthest, end: farthest + word.length }
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 13
}

function isWordChar(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95
}

const NUMBER = /0x[0-9a-fA-F]+|[0-9]+/y
const SYMBOL = /[A-Za-z_][A-Za-z0-9_]*/y

class Matcher {
  readonly operands: Operand[] = []
  readonly wanted = new Set<string>()
  farthest = 0
  readonly #shape: InstructionSyntax
  readonly #text: string
  readonly #start: number
  readonly #end: number
  readonly #hasSymbols: boolean
  /** Where the rest of the syntax is known not to fit; keeps backtracking from repeating itself. */
  readonly #failed = new Set<number>()

  constructor(shape: InstructionSyntax, text: string, start: number, end: number, hasSymbols: boolean) {
    this.#shape = shape
    this.#text = text
    this.#start = start
    this.#end = end
    this.#hasSymbols = hasSymbols
  }

  run(): boolean {
    return this.#rest(0, this.#start, false)
  }

  #rest(index: number, at: number, isGap: boolean): boolean {
    const key = (index * (this.#end + 1) + at) * 2 + (isGap ? 1 : 0)
    if (this.#failed.has(key)) return false
    const count = this.operands.length
    if (this.#element(index, at, isGap)) return true
    this.operands.length = count
    this.#failed.add(key)
    return false
  }

  #element(index: number, at: number, isGap: boolean): boolean {
    const element = this.#shape.syntax[index]
    if (element === undefined) return at === this.#end || this.#want(at, 'the end of the line')
    switch (element.kind) {
      case 'space': {
        let next = at
        while (next < this.#end && isBlank(this.#text.charCodeAt(next))) next += 1
        return this.#rest(index + 1, next, isGap || next === at)
      }
      case 'literal': {
        const end = this.#literal(element.text, at, isGap)
        return end !== -1 && this.#rest(index + 1, end, false)
      }
      case 'flag': {
        const end = this.#literal(element.text, at, isGap)
        if (end !== -1) {
          this.operands.push({ field: element.field, start: at, end, value: 1n })
          if (this.#rest(index + 1, end, false)) return true
          this.operands.pop()
        }
        return this.#rest(index + 1, at, isGap)
      }
      case 'field':
        return this.#number(element.field, at, isGap, index, this.#hasSymbols)
      case 'optional': {
        const start = element.hasDot ? this.#literal('.', at, isGap) : at
        if (start !== -1 && this.#number(element.field, start, isGap && !element.hasDot, index, false)) return true
        return this.#rest(index + 1, at, isGap)
      }
    }
  }

  /** The end of the literal, or -1. */
  #literal(text: string, at: number, isGap: boolean): number {
    const isThere = this.#text.startsWith(text, at) && at + text.length <= this.#end && !(isGap && this.#joinsWords(at))
    if (isThere) return at + text.length
    this.#want(at, `'${text}'`)
    return -1
  }

  #number(field: number, at: number, isGap: boolean, index: number, hasSymbols: boolean): boolean {
    const name = this.#shape.fields[field]?.name ?? ''
    if (isGap && this.#joinsWords(at)) return this.#want(at, `a number for ${name}`)
    NUMBER.lastIndex = at
    const number = NUMBER.exec(this.#text)?.[0]
    if (number !== undefined && at + number.length <= this.#end) {
      const end = at + number.length
      // One that is too long still has a value that fits nowhere.
      const value = number.length > MAX_NUMBER_TEXT ? 1n << 256n : BigInt(number)
      this.operands.push({ field, start: at, end, value })
      if (this.#rest(index + 1, end, false)) return true
      this.operands.pop()
      return false
    }
    if (hasSymbols && !(at > this.#start && isWordChar(this.#text.charCodeAt(at - 1)))) {
      SYMBOL.lastIndex = at
      const symbol = SYMBOL.exec(this.#text)?.[0]
      if (symbol !== undefined && at + symbol.length <= this.#end) {
        const end = at + symbol.length
        this.operands.push({ field, start: at, end, value: 0n, symbol })
        if (this.#rest(index + 1, end, false)) return true
        this.operands.pop()
        return false
      }
    }
    return this.#want(at, `a number for ${name}`)
  }

  #joinsWords(at: number): boolean {
    return at > this.#start && isWordChar(this.#text.charCodeAt(at - 1)) && isWordChar(this.#text.charCodeAt(at))
  }

  #want(at: number, what: string): false {
    if (at >= this.farthest) {
      if (at > this.farthest) this.wanted.clear()
      this.farthest = at
      this.wanted.add(what)
    }
    return false
  }
}
