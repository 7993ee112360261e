/**
 * Is there a line of assembly that two instructions accept, or that one accepts in two ways? Both syntaxes are read as
 * finite automata, whose product is searched breadth first; the answer comes with a shortest such line. Ranges of numbers
 * are not considered: two instructions that differ only in how wide a number may be do overlap.
 */
import type { SyntaxElement } from './specification.ts'

/** Where an automaton stands. `isWord`: the last character was one of a word. `isGap`: a space of no blanks followed it. */
interface State {
  readonly element: number
  readonly sub: number
  readonly isWord: boolean
  readonly isGap: boolean
}

interface Step {
  /** Every character that takes this step. */
  readonly chars: string
  readonly next: State
  readonly element: number
}

interface Closure {
  readonly steps: readonly Step[]
  readonly isAccepting: boolean
}

interface Pair {
  readonly a: State
  readonly b: State
  readonly hasDiverged: boolean
  readonly parent: Pair | undefined
  readonly char: string
}

const HEX_DIGITS = '0123456789abcdefABCDEF'
const DIGITS = '0123456789'

/** Places within a number: before it, after a 0, within a decimal, after 0x, within a hexadecimal, after the dot. */
const START = 0
const ZERO = 1
const DECIMAL = 2
const PREFIX = 3
const HEX = 4
const DOTTED = 5

const MAX_PAIRS = 20_000

/** A line both accept; for a syntax and itself, one it accepts in two ways. Undefined when there is none. */
export function findAmbiguity(a: readonly SyntaxElement[], b: readonly SyntaxElement[]): string | undefined {
  const isSelf = a === b
  if (!isSelf && startsDiffer(a, b)) return undefined
  const start: State = { element: 0, sub: 0, isWord: false, isGap: false }
  const queue: Pair[] = [{ a: start, b: start, hasDiverged: false, parent: undefined, char: '' }]
  const seen = new Set<string>()
  const closuresA = new Map<string, Closure>()
  const closuresB = isSelf ? closuresA : new Map<string, Closure>()
  for (let head = 0; head < queue.length && head < MAX_PAIRS; head++) {
    const pair = queue[head]
    if (pair === undefined) break
    const fromA = closureOf(a, pair.a, closuresA)
    const fromB = closureOf(b, pair.b, closuresB)
    if (fromA.isAccepting && fromB.isAccepting && (!isSelf || pair.hasDiverged)) return line(pair)
    for (const stepA of fromA.steps) {
      for (const stepB of fromB.steps) {
        const char = firstCommon(stepA.chars, stepB.chars)
        if (char === undefined) continue
        const hasDiverged = pair.hasDiverged || (char !== ' ' && stepA.element !== stepB.element)
        const key = `${keyOf(stepA.next)}/${keyOf(stepB.next)}/${String(hasDiverged)}`
        if (seen.has(key)) continue
        seen.add(key)
        queue.push({ a: stepA.next, b: stepB.next, hasDiverged, parent: pair, char })
      }
    }
  }
  return undefined
}

/** The common case, answered without a search: both begin with text, and neither text begins the other. */
function startsDiffer(a: readonly SyntaxElement[], b: readonly SyntaxElement[]): boolean {
  const [first, second] = [a[0], b[0]]
  if (first?.kind !== 'literal' || second?.kind !== 'literal') return false
  return !first.text.startsWith(second.text) && !second.text.startsWith(first.text)
}

function firstCommon(a: string, b: string): string | undefined {
  for (const char of a) if (b.includes(char)) return char
  return undefined
}

function keyOf(state: State): string {
  return `${state.element}.${state.sub}.${state.isWord ? 1 : 0}${state.isGap ? 1 : 0}`
}

function line(pair: Pair): string {
  let text = ''
  for (let at: Pair | undefined = pair; at !== undefined; at = at.parent) text = at.char + text
  return text
}

function closureOf(syntax: readonly SyntaxElement[], state: State, cache: Map<string, Closure>): Closure {
  const key = keyOf(state)
  let closure = cache.get(key)
  if (closure === undefined) {
    const steps: Step[] = []
    const isAccepting = collect(syntax, state, steps)
    closure = { steps, isAccepting }
    cache.set(key, closure)
  }
  return closure
}

/** Adds the steps from here, through everything that may be left out; answers whether the line may end here. */
function collect(syntax: readonly SyntaxElement[], state: State, steps: Step[]): boolean {
  const element = syntax[state.element]
  if (element === undefined) return true
  const { sub } = state
  const skipped = { ...state, element: state.element + 1, sub: 0 }
  const push = (chars: string, next: State): void => {
    if (sub === 0 && state.isGap && state.isWord) chars = chars.replace(/\w/g, '')
    if (chars !== '') steps.push({ chars, next, element: state.element })
  }
  switch (element.kind) {
    case 'space':
      push(' ', { ...state, isWord: false, isGap: false })
      return collect(syntax, { ...skipped, isGap: true }, steps)
    case 'literal':
    case 'flag': {
      const char = element.text[sub] ?? ''
      const isWord = /\w/.test(char)
      const isLast = sub + 1 >= element.text.length
      const element_ = isLast ? state.element + 1 : state.element
      push(char, { element: element_, sub: isLast ? 0 : sub + 1, isWord, isGap: false })
      return element.kind === 'flag' && sub === 0 && collect(syntax, skipped, steps)
    }
    case 'field':
      pushNumber(state, push)
      break
    case 'optional':
      if (sub === START && element.hasDot) push('.', { ...state, sub: DOTTED, isWord: false, isGap: false })
      else pushNumber(state, push)
      if (sub === START) return collect(syntax, skipped, steps)
      break
  }
  return (sub === ZERO || sub === DECIMAL || sub === HEX) && collect(syntax, { ...skipped, isGap: false }, steps)
}

function pushNumber(state: State, push: (chars: string, next: State) => void): void {
  const to = (sub: number): State => ({ element: state.element, sub, isWord: true, isGap: false })
  switch (state.sub) {
    case START:
    case DOTTED:
      push('0', to(ZERO))
      push('123456789', to(DECIMAL))
      break
    case ZERO:
      push(DIGITS, to(DECIMAL))
      push('x', to(PREFIX))
      break
    case DECIMAL:
      push(DIGITS, to(DECIMAL))
      break
    case PREFIX:
    case HEX:
      push(HEX_DIGITS, to(HEX))
      break
  }
}
