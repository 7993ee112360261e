/**
 * Parsers. States of a parser without cycles are laid out in topological order as nested blocks, so that every
 * transition is a forward branch. A parser with a cycle (header stacks, option loops) runs as a loop around a jump table
 * and gives up with error.ParserTimeout after `STEPS_MAX` states.
 */
import type { KeySet, Parser, ParserState, StateTarget } from '../ir/index.ts'
import type { Label } from '../wasm/index.ts'
import type { ExpressionCode, Word } from './expression-code.ts'
import { mask, STATE } from './value-class.ts'
import type { Generator } from './generator.ts'
import type { ValueSetLayout } from './layout.ts'
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
  const order = topologicalOrder(parser)
  f.block(undefined, (accept) => {
    const target = (states: ReadonlyMap<number, () => void>, next: StateTarget | 'noMatch'): void => {
      if (next === 'accept') return f.br(accept)
      if (next === 'reject' || next === 'noMatch') {
        f.i32(next === 'noMatch' ? ERROR_NO_MATCH : 0)
        return flow.reject()
      }
      states.get(next)!()
    }
    const state = (id: number, states: ReadonlyMap<number, () => void>): void => {
      generator.trace.constants(body.code, TRACE.state, [index, id])
      const one = parser.states[id]!
      f.scope(() => {
        body.statements(one.body, { ...flow, exit: () => f.br(accept) })
        writeSelect(body, one, (next) => target(states, next))
      })
    }
    if (order !== undefined) {
      const nest = (k: number, states: ReadonlyMap<number, () => void>): void => {
        if (k === 0) return state(order[0]!, states)
        f.block(undefined, (label) => {
          nest(
            k - 1,
            new Map(states).set(order[k]!, () => f.br(label)),
          )
        })
        state(order[k]!, states)
      }
      return nest(order.length - 1, new Map())
    }
    const current = f.temp('i32')
    const steps = f.temp('i32')
    f.i32(0)
    f.set(current)
    f.i32(STEPS_MAX)
    f.set(steps)
    f.loop((again) => {
      f.get(steps)
      f.op('i32.eqz')
      f.if(undefined, () => {
        f.i32(ERROR_TIMEOUT)
        flow.reject()
      })
      f.get(steps)
      f.i32(1)
      f.op('i32.sub')
      f.set(steps)
      const jumps = jumpsTo(parser, f, current, again)
      body.dispatch(
        () => f.get(current),
        parser.states.map((_, k) => k),
        parser.states.map((_, k) => () => state(k, jumps)),
        () => f.op('unreachable'),
      )
    })
  })
}

function jumpsTo(
  parser: Parser,
  f: StatementCode['f'],
  current: number,
  again: Label,
): ReadonlyMap<number, () => void> {
  return new Map(
    parser.states.map((_, k) => [
      k,
      () => {
        f.i32(k)
        f.set(current)
        f.br(again)
      },
    ]),
  )
}

function writeSelect(body: StatementCode, state: ParserState, go: (next: StateTarget | 'noMatch') => void): void {
  const { f, code, generator } = body
  const { keys, cases, otherwise } = state.select
  if (keys.length === 0) return go(otherwise)
  const values = keys.map((key) => code.words(key))
  for (const one of cases) {
    f.block(undefined, (next) => {
      if (one.valueSet === undefined) {
        one.keys.forEach((set, k) => {
          if (pushDiffers(code, values[k]!, keys[k]!.width, set)) f.brIf(next)
        })
      } else {
        f.scope(() => pushValueSetMatch(body, values, generator, one.valueSet!))
        f.op('i32.eqz')
        f.brIf(next)
      }
      go(one.next)
    })
  }
  go(otherwise)
}

/** Pushes whether the value is outside the set; nothing, and returns false, when the set holds everything. */
function pushDiffers(code: ExpressionCode, value: readonly Word[], width: number, set: KeySet): boolean {
  const { f } = code
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

function pushMaskedDiffers(code: ExpressionCode, value: readonly Word[], wanted: bigint, bits: bigint): void {
  const { f } = code
  let isFirst = true
  value.forEach((word, k) => {
    const part = (bits >> BigInt(64 * k)) & mask(64)
    if (part === 0n) return
    code.pushWord(word)
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
      code.pushWord(word)
      f.i64(part)
      f.op('i64.eq')
      f.op('i32.and')
    }
    code.pushWord(word)
    f.i64(part)
    f.op(op === 'lt' ? 'i64.lt_u' : 'i64.gt_u')
    if (k > 0) f.op('i32.or')
  })
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
          values[k]!.forEach((word, w) => {
            const cell = (second: boolean): void => {
              f.get(row)
              f.access('i64.load', STATE, offset + 8 * w + (second ? 8 * words : 0))
            }
            if (key.match === 'range') {
              // Ranges over 64 bits compare their lowest word only when the upper ones are equal; not supported.
              code.pushWord(word)
              cell(false)
              f.op('i64.lt_u')
              code.pushWord(word)
              cell(true)
              f.op('i64.gt_u')
              f.op('i32.or')
            } else {
              code.pushWord(word)
              cell(true)
              f.op('i64.and')
              cell(false)
              f.op('i64.ne')
            }
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

/** States reachable from 0 such that every transition goes forward; undefined when there is a cycle. */
function topologicalOrder(parser: Parser): number[] | undefined {
  const done = new Map<number, 'open' | 'closed'>()
  const order: number[] = []
  const visit = (id: number): boolean => {
    const known = done.get(id)
    if (known !== undefined) return known === 'closed'
    done.set(id, 'open')
    const { cases, otherwise } = parser.states[id]!.select
    for (const next of [...cases.map((one) => one.next), otherwise]) {
      if (typeof next === 'number' && !visit(next)) return false
    }
    done.set(id, 'closed')
    order.push(id)
    return true
  }
  return visit(0) ? order.reverse() : undefined
}
