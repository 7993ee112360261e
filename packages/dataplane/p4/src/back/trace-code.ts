/**
 * The traced variant's notes: records of 32-bit words appended to the trace area of memory 1. They hold what cannot be
 * told from the program and the packet alone: which entry a lookup found, what a register, a meter, a hash or the random
 * generator gave, and with what the run began. Everything else follows from these by going through the program again,
 * which is what explanations do (`@lodestone/npu`), so a packet costs some dozens of words.
 *
 * Word 0 of a record: kind in bits 0-5, length of the record in words in bits 6-15, a number that belongs to the kind in
 * bits 16-31. A value takes one word per 32 bits, the least significant first. The host sets the position back; a record
 * that does not fit puts the position past the end, where it stays, so that the reader knows of the gap.
 */
import type { Program, SlotId } from '../ir/index.ts'
import type { FunctionRef } from '../wasm/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import { slotWords } from './slot-code.ts'
import { type Word, pushWord } from './word-code.ts'
import { CELL } from './layout.ts'
import type { Runtime } from './runtime-code.ts'
import { ARENA, STATE } from './value-class.ts'

export const TRACE = {
  /**
   * A run begins. Number: `CELL.pass`, or `TRACE_COPY` for one that goes on with a saved state. Then the frame slot,
   * the port (of ingress or of the copy), the frame's length, the values of `enterSlots` in order, and the first bytes of
   * the frame (`TRACE_FRAME_BYTES`; what lies behind a shorter frame is undefined).
   */
  enter: 1,
  /** Number: the state. Then the parser. */
  state: 2,
  /** Number: the error's code. */
  parserError: 3,
  /** Number: the table. Then the entry's address (the default entry's on a miss) and its sequence number with the top bit set on a hit. */
  apply: 4,
  /** Number: the slot that an extern wrote. Then its value. */
  result: 5,
  /** Number: index into `Generated.messages` of an assertion that does not hold. */
  assertion: 6,
  /** The run is over. Then the verdict. */
  leave: 7,
  /** A block begins. Number: its index. */
  block: 8,
  /** A select looked into a value set. Number: 1 when the keys are in it. */
  member: 9,
  /**
   * Of a recording, written by the host before the `enter` of a further run. Number: what the run is. Then the run whose state it
   * begins with, the bytes that the parser had consumed, and the state as it lay saved, or nothing where it was too long.
   */
  begin: 10,
  /** Of a recording, written by the host: a copy was not made. Number: the reason. */
  lost: 11,
} as const

/** In an `enter` record: what follows replication, for one copy. */
export const TRACE_COPY = 8
/** Bytes of the frame in an `enter` record: more than any usual stack of headers. */
export const TRACE_FRAME_BYTES = 256

/** The slots whose values an `enter` record holds: what the target may have set, and what a copy may have kept. */
export function enterSlots(program: Program): readonly SlotId[] {
  const found = new Set<SlotId>([...Object.values(program.intrinsics), ...(program.fieldLists ?? []).flat()])
  return [...found].filter((slot) => program.slots[slot]!.kind !== 'varbit').sort((a, b) => a - b)
}

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

  /** A record whose words are known when the program is compiled. */
  constants(code: ExpressionCode, kind: number, number: number, values: readonly number[] = []): void {
    if (!this.#isOn) return
    this.#record(
      code,
      kind,
      () => code.f.i32(number),
      values.map((value) => () => code.f.i32(value)),
    )
  }

  /** A record without further words whose number `push` leaves. */
  number(code: ExpressionCode, kind: number, push: () => void): void {
    if (this.#isOn) this.#record(code, kind, push, [])
  }

  /** One further word, which `push` leaves. */
  value(code: ExpressionCode, kind: number, push: () => void): void {
    if (this.#isOn) this.#record(code, kind, () => code.f.i32(0), [push])
  }

  /** `record` has the action: the entry, or a member of its group. */
  apply(
    code: ExpressionCode,
    index: number,
    { entry, record, hit }: { readonly entry: number; readonly record: number; readonly hit: number },
    sequenceOffset: number,
  ): void {
    if (!this.#isOn) return
    const { f } = code
    const identity = (): void => {
      f.get(entry)
      f.access('i32.load', STATE, sequenceOffset)
      f.get(hit)
      f.i32(31)
      f.op('i32.shl')
      f.op('i32.or')
    }
    const words = [() => f.get(entry), identity]
    if (record !== entry) words.push(() => f.get(record))
    this.#record(code, TRACE.apply, () => f.i32(index), words)
  }

  /** After an extern wrote a slot. */
  result(code: ExpressionCode, program: Program, slot: SlotId): void {
    if (!this.#isOn) return
    this.#record(code, TRACE.result, () => code.f.i32(slot), slotHalves(code, program, slot))
  }

  /** What a run begins with. `start` is the local that holds the frame's first byte. */
  enter(
    code: ExpressionCode,
    program: Program,
    isCopy: boolean,
    frame: { readonly frameSlot: number; readonly port: number; readonly start: number; readonly length: number },
  ): void {
    if (!this.#isOn) return
    const { f } = code
    const values = enterSlots(program).flatMap((slot) => slotHalves(code, program, slot))
    const head = [frame.frameSlot, frame.port, frame.length].map((local) => () => f.get(local))
    const copyBytes = (at: number, offset: number): void => {
      f.get(at)
      f.i32(offset)
      f.op('i32.add')
      f.get(frame.start)
      f.get(frame.length)
      f.i32(TRACE_FRAME_BYTES)
      f.get(frame.length)
      f.i32(TRACE_FRAME_BYTES)
      f.op('i32.lt_u')
      f.op('select')
      f.memoryCopy(STATE, ARENA)
    }
    const pass = (): void => {
      if (isCopy) return f.i32(TRACE_COPY)
      f.i32(0)
      f.access('i32.load', STATE, CELL.pass)
    }
    this.#record(code, TRACE.enter, pass, [...head, ...values], TRACE_FRAME_BYTES / 4, copyBytes)
  }

  #record(
    code: ExpressionCode,
    kind: number,
    pushNumber: () => void,
    values: readonly (() => void)[],
    more = 0,
    writeMore?: (at: number, offset: number) => void,
  ): void {
    const { f } = code
    const words = values.length + 1 + more
    if (words > 1023) throw new Error('a trace record of more than 1023 words')
    f.scope(() => {
      const at = f.temp('i32')
      f.i32(4 * words)
      f.call(this.#reserve())
      f.tee(at)
      f.if(undefined, () => {
        f.get(at)
        pushNumber()
        f.i32(16)
        f.op('i32.shl')
        f.i32(kind | (words << 6))
        f.op('i32.or')
        f.access('i32.store', STATE, 0)
        values.forEach((push, k) => {
          f.get(at)
          push()
          f.access('i32.store', STATE, 4 * (k + 1))
        })
        writeMore?.(at, 4 * (values.length + 1))
      })
    })
  }

  /** (bytes) → address of a new record, or 0 when the trace area is full, which then stays so. */
  #reserve(): FunctionRef {
    return this.#runtime.once('traceRecord', ['i32'], ['i32'], (f) => {
      const at = f.local('i32', 'at')
      f.i32(0)
      f.i32(0)
      f.access('i32.load', STATE, CELL.tracePosition)
      f.tee(at)
      f.get(0)
      f.op('i32.add')
      f.tee(0)
      f.access('i32.store', STATE, CELL.tracePosition)
      f.get(0)
      f.i32(0)
      f.access('i32.load', STATE, CELL.traceEnd)
      f.op('i32.gt_u')
      f.if(undefined, () => {
        f.i32(0)
        f.i32(0)
        f.access('i32.load', STATE, CELL.traceEnd)
        f.i32(1)
        f.op('i32.add')
        f.access('i32.store', STATE, CELL.tracePosition)
        f.i32(0)
        f.return()
      })
      f.get(at)
    })
  }
}

/** Closures that push a slot's value, 32 bits each. */
function slotHalves(code: ExpressionCode, program: Program, slot: SlotId): (() => void)[] {
  const { width } = program.slots[slot]!
  if (width <= 32) return [() => code.push({ op: 'load', width, slot })]
  return slotWords(code, slot).flatMap((word, k) => halves(code, word, width - 64 * k))
}

function halves(code: ExpressionCode, word: Word, bits: number): (() => void)[] {
  const { f } = code
  const low = (): void => {
    pushWord(code, word)
    f.op('i32.wrap_i64')
  }
  const high = (): void => {
    pushWord(code, word)
    f.i64(32n)
    f.op('i64.shr_u')
    f.op('i32.wrap_i64')
  }
  return bits <= 32 ? [low] : [low, high]
}
