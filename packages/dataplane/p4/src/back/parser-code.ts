/**
 * Parsers. States that cannot reach themselves are laid out in topological order as nested blocks, so that every
 * transition between them is a forward branch. States that reach each other (header stacks, option loops) form a group
 * that runs as a loop around a jump table, in its place in that order: what stands outside pays nothing for it. A parser
 * that has made `STEPS_MAX` transitions within such groups gives up with error.ParserTimeout.
 */
import type { Expression, KeySet, Parser, ParserState, StateTarget, Statement } from '../ir/index.ts'
import type { Label } from '../wasm/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import { storeSlot } from './slot-code.ts'
import { type Word, pushWord } from './word-code.ts'
import { mask, STATE } from './value-class.ts'
import type { Generator } from './generator.ts'
import type { ValueSetLayout } from './layout.ts'
import { pushImageCompare } from './raw-code.ts'
import type { Flow, StatementCode } from './statement-code.ts'
import { TRACE } from './trace-code.ts'

const STEPS_MAX = 1024
const ERROR_NO_MATCH = 2
const ERROR_TIMEOUT = 5

/**
 * @param reject ends the parser; the i32 error code is on the stack (NoError for an explicit reject).
 * Falls through on accept.
 */
export function writeParser(body: StatementCode, index: number, flow: Flow & { readonly reject: () => void }): void {
  const { f, generator } = body
  const parser = generator.program.parsers[index]!
  const groups = orderedGroups(parser)
  const current = f.temp('i32')
  const steps = f.temp('i32')
  if (groups.some((group) => group.isLoop)) {
    f.i32(STEPS_MAX)
    f.set(steps)
  }
  f.block(undefined, (accept) => {
    type Jumps = ReadonlyMap<number, () => void>
    const target = (jumps: Jumps, next: StateTarget | 'noMatch'): void => {
      if (next === 'accept') return f.br(accept)
      if (next === 'reject' || next === 'noMatch') {
        f.i32(next === 'noMatch' ? ERROR_NO_MATCH : 0)
        return flow.reject()
      }
      jumps.get(next)!()
    }
    const state = (id: number, jumps: Jumps): void => {
      generator.trace.constants(body.code, TRACE.state, id, [index])
      const one = parser.states[id]!
      f.scope(() => {
        body.statements(one.body, { ...flow, exit: () => f.br(accept) })
        writeSelect(body, one, (next) => target(jumps, next))
      })
    }
    const group = (k: number, jumps: Jumps): void => {
      const { states, isLoop } = groups[k]!
      if (!isLoop) return state(states[0]!, jumps)
      f.loop((again) => {
        const inner = new Map(jumps)
        states.forEach((id, entry) =>
          inner.set(id, () => {
            writeStep(body, steps, flow.reject)
            jump(f, states.length, current, entry, again)
          }),
        )
        if (states.length === 1) return state(states[0]!, inner)
        body.dispatch(
          () => f.get(current),
          states.map((_, entry) => entry),
          states.map((id) => () => state(id, inner)),
          () => f.op('unreachable'),
        )
      })
    }
    // Group 0 is innermost; a branch out of the block around groups 0 … k - 1 lands in front of group k.
    const nest = (k: number, jumps: Jumps): void => {
      if (k > 0) {
        f.block(undefined, (label) => {
          const { states } = groups[k]!
          const outer = new Map(jumps)
          states.forEach((id, entry) => outer.set(id, () => jump(f, states.length, current, entry, label)))
          nest(k - 1, outer)
        })
      } else if (groups[0]!.states.length > 1) {
        f.i32(groups[0]!.states.indexOf(0))
        f.set(current)
      }
      group(k, jumps)
    }
    nest(groups.length - 1, new Map())
  })
}

/** Goes to the state with this number in its group. */
function jump(f: StatementCode['f'], groupSize: number, current: number, entry: number, label: Label): void {
  if (groupSize > 1) {
    f.i32(entry)
    f.set(current)
  }
  f.br(label)
}

/** Counts a transition inside a loop; `reject` gives up when there were too many. */
function writeStep(body: StatementCode, steps: number, reject: () => void): void {
  const { f } = body
  f.get(steps)
  f.op('i32.eqz')
  f.if(undefined, () => {
    f.i32(ERROR_TIMEOUT)
    reject()
  })
  f.get(steps)
  f.i32(1)
  f.op('i32.sub')
  f.set(steps)
}

function writeSelect(body: StatementCode, state: ParserState, go: (next: StateTarget | 'noMatch') => void): void {
  const { f, code, generator } = body
  const { keys, cases, otherwise } = state.select
  if (keys.length === 0) return go(otherwise)
  // What takes an instruction or two to read is read where it is compared; a later key may never be.
  const isPlain = (key: Expression): boolean =>
    (key.op === 'load' || (key.op === 'slice' && isPlain(key.operand))) && key.width <= 64
  const values = keys.map((key) =>
    isPlain(key) && cases.every((one) => one.valueSet === undefined) ? undefined : code.words(key),
  )
  for (const one of cases) {
    f.block(undefined, (next) => {
      if (one.valueSet === undefined) {
        one.keys.forEach((set, k) => {
          if (pushDiffers(code, keys[k]!, values[k], set)) f.brIf(next)
        })
      } else {
        f.scope(() => {
          pushValueSetMatch(body, values as Word[][], generator, one.valueSet!)
          const isIn = f.stash('i32')
          generator.trace.number(code, TRACE.member, () => f.get(isIn))
          f.get(isIn)
        })
        f.op('i32.eqz')
        f.brIf(next)
      }
      go(one.next)
    })
  }
  go(otherwise)
}

/** Pushes whether the value is outside the set; nothing, and returns false, when the set holds everything. */
function pushDiffers(code: ExpressionCode, key: Expression, words: readonly Word[] | undefined, set: KeySet): boolean {
  const { f } = code
  const { width } = key
  if (words === undefined) return pushPlainDiffers(code, key, set)
  const value = words
  switch (set.kind) {
    case 'any':
      return false
    case 'range': {
      const load = (bound: bigint, op: 'lt' | 'gt'): void => pushOrder(code, value, bound, op)
      load(set.low, 'lt')
      load(set.high, 'gt')
      f.op('i32.or')
      return true
    }
    case 'exact':
      pushMaskedDiffers(code, value, set.value, mask(width))
      return true
    case 'ternary':
    case 'lpm': {
      const bits = set.kind === 'ternary' ? set.mask : mask(width) ^ mask(width - set.length)
      if (bits === 0n) return false
      pushMaskedDiffers(code, value, set.value, bits)
      return true
    }
  }
}

/** The same for a key that is a slot, or a slice of one. */
function pushPlainDiffers(code: ExpressionCode, key: Expression, set: KeySet): boolean {
  const { width } = key
  const constant = (value: bigint): Expression => ({ op: 'const', width, value })
  const compare = (op: 'lt' | 'gt', bound: bigint): Expression => {
    return { op, width: 1, signed: false, left: key, right: constant(bound) }
  }
  if (set.kind === 'any') return false
  if (set.kind === 'range') {
    code.push(compare('lt', set.low))
    code.push(compare('gt', set.high))
    code.f.op('i32.or')
    return true
  }
  const bits =
    set.kind === 'exact' ? mask(width) : set.kind === 'ternary' ? set.mask : mask(width) ^ mask(width - set.length)
  if (bits === 0n) return false
  if (pushImageCompare(code, key, set.value, bits, 'ne')) return true
  const left: Expression = bits === mask(width) ? key : { op: 'and', width, left: key, right: constant(bits) }
  code.push({ op: 'ne', width: 1, left, right: constant(set.value & bits) })
  return true
}

function pushMaskedDiffers(code: ExpressionCode, value: readonly Word[], wanted: bigint, bits: bigint): void {
  const { f } = code
  let isFirst = true
  value.forEach((word, k) => {
    const part = (bits >> BigInt(64 * k)) & mask(64)
    if (part === 0n) return
    pushWord(code, word)
    if (part !== mask(64)) {
      f.i64(part)
      f.op('i64.and')
    }
    f.i64((wanted >> BigInt(64 * k)) & part)
    f.op('i64.ne')
    if (!isFirst) f.op('i32.or')
    isFirst = false
  })
  if (isFirst) f.i32(0)
}

/** Pushes value < bound or value > bound, unsigned. */
function pushOrder(code: ExpressionCode, value: readonly Word[], bound: bigint, op: 'lt' | 'gt'): void {
  const { f } = code
  value.forEach((word, k) => {
    const part = (bound >> BigInt(64 * k)) & mask(64)
    if (k > 0) {
      pushWord(code, word)
      f.i64(part)
      f.op('i64.eq')
      f.op('i32.and')
    }
    pushWord(code, word)
    f.i64(part)
    f.op(op === 'lt' ? 'i64.lt_u' : 'i64.gt_u')
    if (k > 0) f.op('i32.or')
  })
}

/** slot = whether the keys are in the set. */
export function writeValueSetMatch(
  body: StatementCode,
  statement: Extract<Statement, { kind: 'valueSetMatch' }>,
): void {
  const { f, code, generator } = body
  const values = statement.keys.map((key) => code.words(key))
  pushValueSetMatch(body, values, generator, statement.valueSet)
  const isIn = f.stash('i32')
  storeSlot(code, statement.slot, () => f.get(isIn))
  generator.trace.result(code, generator.program, statement.slot)
}

/** Pushes whether one of the set's rows matches: per key (value, mask) words, or (low, high) for a range. */
function pushValueSetMatch(
  body: StatementCode,
  values: readonly (readonly Word[])[],
  generator: Generator,
  id: number,
): void {
  const { f, code } = body
  const set = generator.program.valueSets[id]!
  const layout: ValueSetLayout = generator.layout.valueSets[id]!
  const row = f.temp('i32')
  const left = f.temp('i32')
  f.i32(layout.address + 8)
  f.set(row)
  f.i32(0)
  f.access('i32.load', STATE, layout.address)
  f.set(left)
  f.block('i32', (found) => {
    f.loop((again) => {
      f.block(undefined, (differs) => {
        f.i32(0)
        f.get(left)
        f.op('i32.eqz')
        f.brIf(found)
        f.op('drop')
        set.keys.forEach((key, k) => {
          const { offset, words } = layout.keys[k]!
          const cell = (w: number, isSecond: boolean): void => {
            f.get(row)
            f.access('i64.load', STATE, offset + 8 * w + (isSecond ? 8 * words : 0))
          }
          if (key.match === 'range') {
            pushOutside(code, values[k]!, false, (w) => cell(w, false))
            pushOutside(code, values[k]!, true, (w) => cell(w, true))
            f.op('i32.or')
            return f.brIf(differs)
          }
          values[k]!.forEach((word, w) => {
            pushWord(code, word)
            cell(w, true)
            f.op('i64.and')
            cell(w, false)
            f.op('i64.ne')
            f.brIf(differs)
          })
        })
        f.i32(1)
        f.br(found)
      })
      f.get(row)
      f.i32(layout.rowBytes)
      f.op('i32.add')
      f.set(row)
      f.get(left)
      f.i32(1)
      f.op('i32.sub')
      f.set(left)
      f.br(again)
    })
    f.op('unreachable')
  })
}

/** Pushes value < bound, or value > bound, unsigned; `pushBound` pushes a word of the bound. */
function pushOutside(
  code: ExpressionCode,
  value: readonly Word[],
  isAbove: boolean,
  pushBound: (word: number) => void,
): void {
  const { f } = code
  value.forEach((word, k) => {
    if (k > 0) {
      pushWord(code, word)
      pushBound(k)
      f.op('i64.eq')
      f.op('i32.and')
    }
    pushWord(code, word)
    pushBound(k)
    f.op(isAbove ? 'i64.gt_u' : 'i64.lt_u')
    if (k > 0) f.op('i32.or')
  })
}

interface StateGroup {
  readonly states: readonly number[]
  /** Whether a state of the group can be reached from itself. */
  readonly isLoop: boolean
}

/**
 * The states reachable from 0, in groups of those that reach each other, every transition between groups going forward:
 * Tarjan's algorithm finds them in the opposite order.
 */
function orderedGroups(parser: Parser): StateGroup[] {
  const indices = new Map<number, number>()
  const lowest = new Map<number, number>()
  const stack: number[] = []
  const open = new Set<number>()
  const found: StateGroup[] = []
  const successors = (id: number): number[] => {
    const { cases, otherwise } = parser.states[id]!.select
    return [...cases.map((one) => one.next), otherwise].filter((next) => typeof next === 'number')
  }
  const visit = (id: number): void => {
    indices.set(id, indices.size)
    lowest.set(id, indices.get(id)!)
    stack.push(id)
    open.add(id)
    for (const next of successors(id)) {
      if (!indices.has(next)) {
        visit(next)
        lowest.set(id, Math.min(lowest.get(id)!, lowest.get(next)!))
      } else if (open.has(next)) {
        lowest.set(id, Math.min(lowest.get(id)!, indices.get(next)!))
      }
    }
    if (lowest.get(id) !== indices.get(id)) return
    const states = stack.splice(stack.indexOf(id))
    for (const one of states) open.delete(one)
    found.push({ states, isLoop: states.length > 1 || successors(id).includes(id) })
  }
  visit(0)
  return found.reverse()
}
