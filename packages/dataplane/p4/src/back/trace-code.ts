/**
 * The traced variant's notes: records of 32-bit words appended to the trace area of memory 1. Word 0 of a record is its
 * kind and, from bit 8 on, its length in words. Values take two words per 64 bits, low word first.
 * The host sets the position back before each packet; what does not fit is left out.
 */
import type { Expression, SlotId } from '../ir/index.ts'
import type { FunctionRef } from '../wasm/index.ts'
import type { ExpressionCode, Word } from './expression-code.ts'
import { STATE } from './value-class.ts'
import { CELL, type TableLayout } from './layout.ts'
import type { Runtime } from './runtime-code.ts'

export const TRACE = {
  /** parser, state */
  state: 1,
  /** error code */
  parserError: 2,
  /** table, entry address (the default entry's on a miss), hit, key values in declared order */
  apply: 3,
  /** slot, value before, value after */
  assign: 4,
  /** index into `Generated.messages` */
  assertion: 5,
  /** header */
  extract: 6,
  emit: 7,
} as const

export class TraceCode {
  readonly #isOn: boolean
  readonly #runtime: Runtime

  constructor(isOn: boolean, runtime: Runtime) {
    this.#isOn = isOn
    this.#runtime = runtime
  }

  get isOn(): boolean {
    return this.#isOn
  }

  constants(code: ExpressionCode, kind: number, values: readonly number[]): void {
    if (!this.#isOn) return
    this.#record(
      code,
      kind,
      values.map((value) => () => code.f.i32(value)),
    )
  }

  /** One value of up to 32 bits. */
  value(code: ExpressionCode, kind: number, push: () => void): void {
    if (this.#isOn) this.#record(code, kind, [push])
  }

  apply(
    code: ExpressionCode,
    index: number,
    table: TableLayout,
    entry: number,
    hit: number,
    keys: readonly (readonly Word[])[],
  ): void {
    if (!this.#isOn) return
    const { f } = code
    const values = keys.slice(0, table.keys.length).flatMap((words) => words.flatMap((word) => halves(code, word)))
    this.#record(code, TRACE.apply, [() => f.i32(index), () => f.get(entry), () => f.get(hit), ...values])
  }

  /** Runs `write` and records what it did to the slot. */
  assignment(code: ExpressionCode, slot: SlotId, width: number, write: () => void): void {
    if (!this.#isOn) return write()
    const load: Expression = { op: 'load', width, slot }
    const before = copies(code, code.words(load))
    write()
    const after = code.words(load)
    const words = [...before, ...after].flatMap((word) => halves(code, word))
    this.#record(code, TRACE.assign, [() => code.f.i32(slot), ...words])
  }

  #record(code: ExpressionCode, kind: number, values: readonly (() => void)[]): void {
    const { f } = code
    f.scope(() => {
      const at = f.temp('i32')
      f.i32(4 * (values.length + 1))
      f.call(this.#reserve())
      f.tee(at)
      f.if(undefined, () => {
        f.get(at)
        f.i32(kind | ((values.length + 1) << 8))
        f.access('i32.store', STATE, 0)
        values.forEach((push, k) => {
          f.get(at)
          push()
          f.access('i32.store', STATE, 4 * (k + 1))
        })
      })
    })
  }

  /** (bytes) → address of a new record, or 0 when the trace area is full. */
  #reserve(): FunctionRef {
    return this.#runtime.once('traceRecord', ['i32'], ['i32'], (f) => {
      const at = f.local('i32', 'at')
      f.i32(0)
      f.access('i32.load', STATE, CELL.tracePosition)
      f.tee(at)
      f.get(0)
      f.op('i32.add')
      f.tee(0)
      f.i32(0)
      f.access('i32.load', STATE, CELL.traceEnd)
      f.op('i32.gt_u')
      f.if(undefined, () => {
        f.i32(0)
        f.return()
      })
      f.i32(0)
      f.get(0)
      f.access('i32.store', STATE, CELL.tracePosition)
      f.get(at)
    })
  }
}

function halves(code: ExpressionCode, word: Word): (() => void)[] {
  const { f } = code
  return [
    () => {
      code.pushWord(word)
      f.op('i32.wrap_i64')
    },
    () => {
      code.pushWord(word)
      f.i64(32n)
      f.op('i64.shr_u')
      f.op('i32.wrap_i64')
    },
  ]
}

/** Values that outlive a write to the slot they came from. */
function copies(code: ExpressionCode, words: readonly Word[]): Word[] {
  return words.map((word) => {
    code.pushWord(word)
    return { kind: 'local', local: code.f.stash('i64') }
  })
}
