/** Counters, registers, meters, random numbers and the events that go to the host. */
import type { Expression, Program, SlotId, Statement } from '../ir/index.ts'
import type { FunctionBuilder, FunctionRef } from '../wasm/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import { storeSlot, storeSlotWord } from './slot-code.ts'
import { pushWord } from './word-code.ts'
import { STATE } from './value-class.ts'
import { CELL, type ExternLayout, METER, wordsOf } from './layout.ts'
import type { Runtime } from './runtime-code.ts'
import { UNDO_RECORD_BYTES, writeUndo } from './undo-log.ts'

/** Host events, in the same record form as traces. */
export const EVENT = {
  /** extern id, values */
  digest: 1,
  /** index into `Generated.messages`, values */
  log: 2,
  /** index into `Generated.messages` (the name), values */
  target: 3,
} as const

/** Adds to a pair of u64 cells (packets, bytes) at pointer local + offset what `pushCounted` leaves: a vector of both. */
export function writeCount(f: FunctionBuilder, pointer: number, offset: number, pushCounted: () => void): void {
  f.get(pointer)
  f.get(pointer)
  f.loadVector(STATE, offset)
  pushCounted()
  f.add64x2()
  f.storeVector(STATE, offset)
}

/** Pushes the address of a cell into a new temp and runs `body` with it, if the index is inside. */
export function withCell(
  code: ExpressionCode,
  layout: ExternLayout,
  index: Expression,
  body: (pointer: number) => void,
  otherwise?: () => void,
): void {
  const { f } = code
  code.pushClamped32(index)
  const at = f.stash('i32')
  f.get(at)
  f.i32(layout.size)
  f.op('i32.lt_u')
  f.if(
    undefined,
    () => {
      f.get(at)
      f.i32(layout.cellBytes)
      f.op('i32.mul')
      f.i32(layout.address)
      f.op('i32.add')
      f.set(at)
      body(at)
    },
    otherwise,
  )
}

export function writeRegisterRead(
  code: ExpressionCode,
  program: Program,
  layout: ExternLayout,
  statement: Extract<Statement, { kind: 'registerRead' }>,
): void {
  const { slot } = statement
  const { width } = program.slots[slot]!
  withCell(
    code,
    layout,
    statement.index,
    (pointer) => loadSlot(code, slot, width, pointer, 0),
    () => code.assign(slot, { op: 'const', width, value: 0n }),
  )
}

/** slot = the cell at pointer + offset, laid out like every value cell. */
export function loadSlot(code: ExpressionCode, slot: SlotId, width: number, pointer: number, offset: number): void {
  const { f } = code
  if (width <= 64) {
    return storeSlot(code, slot, () => {
      f.get(pointer)
      f.access(width <= 32 ? 'i32.load' : 'i64.load', STATE, offset)
    })
  }
  for (let k = 0; k < wordsOf(width); k++) {
    storeSlotWord(code, slot, k, () => {
      f.get(pointer)
      f.access('i64.load', STATE, offset + 8 * k)
    })
  }
}

export function writeRegisterWrite(
  code: ExpressionCode,
  layout: ExternLayout,
  statement: Extract<Statement, { kind: 'registerWrite' }>,
): void {
  const { f } = code
  const { value } = statement
  const words = value.width > 64 ? code.words(value) : undefined
  withCell(code, layout, statement.index, (pointer) => {
    writeUndo(f, code.runtime, () => f.get(pointer))
    if (words === undefined) {
      f.get(pointer)
      code.push(value)
      return f.access(value.width <= 32 ? 'i32.store' : 'i64.store', STATE, 0)
    }
    words.forEach((word, k) => {
      if (k > 0) writeUndo(f, code.runtime, () => pushSum(f, pointer, 8 * k))
      f.get(pointer)
      pushWord(code, word)
      f.access('i64.store', STATE, 8 * k)
    })
  })
}

function pushSum(f: FunctionBuilder, local: number, offset: number): void {
  f.get(local)
  f.i32(offset)
  f.op('i32.add')
}

/**
 * (address of the meter, units, colour so far) → colour; RFC 2698 §3, tokens in millionths of a unit so that a rate per
 * second times microseconds needs no division. Colour-blind is the same with green.
 */
export function meterFunction(runtime: Runtime): FunctionRef {
  return runtime.once('meter', ['i32', 'i64', 'i32'], ['i32'], (f) => {
    const scale = 1_000_000n
    /** Up to so long a pause, rate × time is below 2^63. */
    const pauseMaxUs = 100_000_000n
    const load = (offset: number) => {
      f.get(0)
      f.access('i64.load', STATE, offset)
    }
    const cost = f.local('i64', 'cost')
    const elapsed = f.local('i64', 'elapsed')
    const full = f.local('i64', 'full')
    const committed = f.local('i64', 'committed')
    const peak = f.local('i64', 'peak')
    const now = f.local('i64', 'now')
    const colour = f.local('i32', 'colour')
    load(METER.committedBurst)
    load(METER.peakBurst)
    f.op('i64.or')
    f.op('i64.eqz')
    f.if(undefined, () => {
      f.get(2)
      f.return()
    })
    f.get(1)
    f.i64(scale)
    f.op('i64.mul')
    f.set(cost)
    f.i32(0)
    f.access('i64.load', STATE, CELL.nowUs)
    f.tee(now)
    load(METER.filledUs)
    f.op('i64.sub')
    f.set(elapsed)
    for (const [bucket, tokens, rate, burst] of [
      [committed, METER.committedTokens, METER.committedRate, METER.committedBurst],
      [peak, METER.peakTokens, METER.peakRate, METER.peakBurst],
    ] as const) {
      load(burst)
      f.i64(scale)
      f.op('i64.mul')
      f.set(full)
      const pushFilled = (): void => {
        load(tokens)
        load(rate)
        f.get(elapsed)
        f.op('i64.mul')
        f.op('i64.add')
      }
      // After a longer one, it is asked first how long the bucket takes to be full.
      const pushAfterPause = (): void => {
        load(rate)
        f.op('i64.eqz')
        f.if(
          'i64',
          () => load(tokens),
          () => {
            f.get(elapsed)
            f.get(full)
            load(tokens)
            f.op('i64.sub')
            load(rate)
            f.op('i64.div_u')
            f.op('i64.gt_u')
            f.if('i64', () => f.get(full), pushFilled)
          },
        )
      }
      f.get(elapsed)
      f.i64(pauseMaxUs)
      f.op('i64.gt_u')
      f.if('i64', pushAfterPause, pushFilled)
      f.tee(bucket)
      f.get(full)
      f.get(bucket)
      f.get(full)
      f.op('i64.lt_u')
      f.op('select')
      f.set(bucket)
    }
    const spend = (bucket: number) => {
      f.get(bucket)
      f.get(cost)
      f.op('i64.sub')
      f.set(bucket)
    }
    f.get(peak)
    f.get(cost)
    f.op('i64.lt_u')
    f.get(2)
    f.i32(2)
    f.op('i32.eq')
    f.op('i32.or')
    f.if(
      undefined,
      () => {
        f.i32(2)
        f.set(colour)
      },
      () => {
        f.get(committed)
        f.get(cost)
        f.op('i64.lt_u')
        f.get(2)
        f.op('i32.or')
        f.if(
          undefined,
          () => {
            f.i32(1)
            f.set(colour)
          },
          () => spend(committed),
        )
        spend(peak)
      },
    )
    // A frame that is only tried out spends tokens too, as a later measurement of the same frame sees; the undo log gives them
    // back, where it has room.
    f.i32(0)
    f.access('i32.load', STATE, CELL.isDryRun)
    f.op('i32.eqz')
    f.i32(0)
    f.access('i32.load', STATE, CELL.undoPosition)
    f.i32(3 * UNDO_RECORD_BYTES)
    f.op('i32.add')
    f.i32(0)
    f.access('i32.load', STATE, CELL.undoEnd)
    f.op('i32.le_u')
    f.op('i32.or')
    f.if(undefined, () => {
      for (const [offset, local] of [
        [METER.committedTokens, committed],
        [METER.peakTokens, peak],
        [METER.filledUs, now],
      ] as const) {
        writeUndo(f, runtime, () => pushSum(f, 0, offset))
        f.get(0)
        f.get(local)
        f.access('i64.store', STATE, offset)
      }
    })
    f.get(colour)
  })
}

/** (low, high) → uniform value between them, both included; advances the xorshift64 state. */
export function randomFunction(runtime: Runtime): FunctionRef {
  return runtime.once('random', ['i64', 'i64'], ['i64'], (f) => {
    const state = f.local('i64', 'state')
    const range = f.local('i64', 'range')
    f.i32(0)
    f.access('i64.load', STATE, CELL.random)
    f.set(state)
    for (const [operator, amount] of [
      ['i64.shl', 13n],
      ['i64.shr_u', 7n],
      ['i64.shl', 17n],
    ] as const) {
      f.get(state)
      f.get(state)
      f.i64(amount)
      f.op(operator)
      f.op('i64.xor')
      f.set(state)
    }
    writeUndo(f, runtime, () => f.i32(CELL.random))
    f.i32(0)
    f.get(state)
    f.access('i64.store', STATE, CELL.random)
    f.get(1)
    f.get(0)
    f.op('i64.sub')
    f.i64(1n)
    f.op('i64.add')
    f.tee(range)
    f.op('i64.eqz')
    f.if(
      'i64',
      () => f.get(state),
      () => {
        f.get(0)
        f.get(state)
        f.get(range)
        f.op('i64.rem_u')
        f.op('i64.add')
      },
    )
  })
}

/** Appends a record for the host. Its values take ⌈width/64⌉ pairs of words each. */
export function writeEvent(code: ExpressionCode, kind: number, id: number, values: readonly Expression[]): void {
  const { f } = code
  const words = values.flatMap((value) => code.words(value))
  const bytes = 8 + 8 * words.length
  f.i32(0)
  f.access('i32.load', STATE, CELL.eventPosition)
  const at = f.stash('i32')
  f.get(at)
  f.i32(bytes)
  f.op('i32.add')
  f.i32(0)
  f.access('i32.load', STATE, CELL.eventEnd)
  f.op('i32.le_u')
  f.if(
    undefined,
    () => {
      f.get(at)
      f.i32(kind | ((bytes / 4) << 8))
      f.access('i32.store', STATE, 0)
      f.get(at)
      f.i32(id)
      f.access('i32.store', STATE, 4)
      words.forEach((word, k) => {
        f.get(at)
        pushWord(code, word)
        f.access('i64.store', STATE, 8 + 8 * k)
      })
      f.i32(0)
      f.get(at)
      f.i32(bytes)
      f.op('i32.add')
      f.access('i32.store', STATE, CELL.eventPosition)
    },
    () => {
      f.i32(0)
      f.i32(0)
      f.access('i32.load', STATE, CELL.eventsLost)
      f.i32(1)
      f.op('i32.add')
      f.access('i32.store', STATE, CELL.eventsLost)
    },
  )
}
