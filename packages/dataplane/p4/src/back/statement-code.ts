/** Statements → instructions, for both variants. Parser states and emission order are in `parser-code` and `deparser-code`. */
import type { HeaderId, SlotId, Statement } from '../ir/index.ts'
import type { FunctionBuilder, Label } from '../wasm/index.ts'
import { unknowing, writeIf } from './condition-code.ts'
import { ExpressionCode } from './expression-code.ts'
import { type SlotLocals, storeSlot, storeSlotWord } from './slot-code.ts'
import { pushBits, pushWord } from './word-code.ts'
import { mask, STATE } from './value-class.ts'
import {
  EVENT,
  meterFunction,
  randomFunction,
  withCell,
  writeCount,
  writeEvent,
  writeRegisterRead,
  writeRegisterWrite,
} from './extern-code.ts'
import { writeAssignments } from './assignment-code.ts'
import { writeApply } from './apply-code.ts'
import { writeExternCall } from './extern-call-code.ts'
import { writeAdvance, writeExtract, writeLookahead } from './extract-code.ts'
import type { Generator } from './generator.ts'
import { writeValueSetMatch } from './parser-code.ts'
import {
  factsOf,
  type Guard,
  guardBehind,
  leaveFor,
  leaveIfSet,
  limitFacts,
  restoreFacts,
  runAt,
  type Tail,
} from './guard-code.ts'
import { type MemoPlaces, noPlaces } from './flow-memo.ts'
import { writeHashStatement } from './hash-code.ts'
import { CELL, ITERATIONS_MAX, RESERVED_DROP, VERDICT } from './layout.ts'
import { TRACE } from './trace-code.ts'

/** Where control goes; the callbacks write a branch. */
export interface Flow {
  readonly exit: () => void
  readonly return?: Label
  /** What comes next: behind the statements that are written, and behind a `return`. */
  readonly tail?: Tail
  readonly returnTail?: Tail
  readonly break?: Label
  readonly continue?: Label
  /** Parser only: ends it with the i32 error code that is on the stack. */
  readonly reject?: () => void
  /** Deparser only. */
  readonly emit?: (header: HeaderId) => void
}

/** Locals of the packet function. */
export interface Cursor {
  readonly frameSlot: number
  readonly start: number
  readonly end: number
  readonly length: number
  /** A vector: what this packet adds to a counter of packets, and to one of bytes. */
  readonly counted: number
  /** First byte that the parser has not consumed. */
  readonly at: number
  /** How often loop statements went round. */
  readonly iterations: number
  /** The hash of the packet's flow, and its line in the memo, once it is parsed. */
  readonly flow?: number
  readonly memoLine?: number
}

export class StatementCode {
  readonly generator: Generator
  readonly f: FunctionBuilder
  readonly code: ExpressionCode
  readonly cursor: Cursor | undefined
  /** Where in a line of the memo the next record goes. */
  readonly memo: MemoPlaces = noPlaces()

  constructor(generator: Generator, f: FunctionBuilder, locals: SlotLocals, cursor: Cursor | undefined) {
    this.generator = generator
    this.f = f
    this.code = new ExpressionCode(f, generator.program, generator.layout, generator.runtime, locals)
    this.cursor = cursor
  }

  statements(body: readonly Statement[], flow: Flow): void {
    const { code } = this
    const before = factsOf(code)
    const returns = body.at(-1)?.kind === 'return'
    const guard = guardBehind(code, body, returns ? flow.returnTail : flow.tail)
    const end = guard !== undefined && returns ? body.length - 1 : body.length
    for (let k = 0; k < end;) {
      const run = runAt(code, body, k)
      if (run === undefined) {
        this.f.scope(() => {
          const count = writeAssignments(this, body, k)
          if (count === 0) this.#statement(body[k]!, withTail(flow, tailAt(body, k, flow)))
          k += Math.max(1, count)
        })
      } else {
        this.#guarded(body.slice(k, run.end), run.flags, flow, tailAt(body, run.end - 1, flow))
        k = run.end
      }
    }
    if (guard === undefined) return limitFacts(code, before)
    leaveFor(code, guard, before)
    restoreFacts(code, before)
  }

  /** A run of statements of which all but the first do nothing once one of the flags is set. */
  #guarded(run: readonly Statement[], flags: ReadonlySet<SlotId>, flow: Flow, tail: Tail | undefined): void {
    const { f, code } = this
    const before = factsOf(code)
    const lost = new Set<SlotId>()
    let isUsed = false
    f.block(undefined, (out) => {
      const guard: Guard = { out, flags, lost, isUsed: false }
      const guards = [guard, ...(tail ?? [])]
      run.forEach((statement, k) => {
        if (k > 0) leaveIfSet(code, flags, guards)
        f.scope(() => this.#statement(statement, withTail(flow, k === run.length - 1 ? tail : guards)))
      })
      isUsed = guard.isUsed
    })
    if (!isUsed) return
    limitFacts(code, before)
    for (const slot of flags) code.clear.delete(slot)
    for (const slot of lost) {
      code.known.delete(slot)
      code.clear.delete(slot)
    }
  }

  /** A procedure, action or apply: in place, or as a call. */
  unit(unit: `${'procedure' | 'action' | 'apply'}:${number}`, flow: Flow): void {
    const { f } = this
    const { plan } = this.generator
    if (!plan.isInline(unit)) {
      f.call(this.generator.functionOf(unit))
      if (plan.mayExit(unit)) f.if(undefined, flow.exit)
      return
    }
    this.inlineUnit(unit, flow)
  }

  inlineUnit(unit: `${'procedure' | 'action' | 'apply'}:${number}`, flow: Flow): void {
    const [kind, number] = unit.split(':')
    const id = Number(number)
    if (kind === 'apply') return writeApply(this, id, flow)
    const { program } = this.generator
    const body = kind === 'procedure' ? program.procedures[id]!.body : program.actions[id]!.body
    this.f.block(undefined, (end) => this.statements(body, calleeFlow(flow, end)))
  }

  /** Pushes the frame's length as i32. */
  pushLength(): void {
    const { f } = this
    if (this.cursor !== undefined) return f.get(this.cursor.length)
    f.i32(0)
    f.access('i32.load', STATE, CELL.frameEnd)
    f.i32(0)
    f.access('i32.load', STATE, CELL.frameStart)
    f.op('i32.sub')
  }

  #statement(statement: Statement, flow: Flow): void {
    const { f, code, generator } = this
    switch (statement.kind) {
      case 'assign':
        return code.assign(statement.slot, statement.value)
      case 'assignSlice':
        return this.#assignSlice(statement)
      case 'if':
        return this.#alternatives((one) =>
          writeIf(
            code,
            statement.condition,
            () => one(() => this.statements(statement.then, flow)),
            statement.else.length === 0 ? undefined : () => one(() => this.statements(statement.else, flow)),
          ),
        )
      case 'switch':
        return this.#alternatives((one) => this.#switch(statement, flow, one))
      case 'loop':
        return f.block(undefined, (end) => {
          f.loop((start) => {
            this.#countIteration()
            unknowing(code, () => {
              const { tail: _, returnTail: _2, ...rest } = flow
              this.statements(statement.body, { ...rest, break: end, continue: start })
            })
            f.br(start)
          })
        })
      case 'break':
        return f.br(flow.break!)
      case 'continue':
        return f.br(flow.continue!)
      case 'call':
        return this.unit(`procedure:${statement.procedure}`, flow)
      case 'return':
        return f.br(flow.return!)
      case 'exit':
        return flow.exit()
      case 'apply':
        return this.unit(`apply:${statement.table}`, flow)
      case 'extract':
        return writeExtract(this, statement, flow)
      case 'advance':
        return writeAdvance(this, statement.bits, flow)
      case 'lookahead':
        return writeLookahead(this, statement.slot, flow)
      case 'verify':
        code.push(statement.condition)
        f.op('i32.eqz')
        return f.if(undefined, () => {
          code.push(statement.error)
          flow.reject!()
        })
      case 'emit':
        return flow.emit!(statement.header)
      case 'assignVarbit':
        f.i32(generator.layout.slotAddresses[statement.slot]!)
        f.i32(generator.layout.slotAddresses[statement.from]!)
        f.i32(8 + 8 * Math.ceil(generator.program.slots[statement.slot]!.width / 64))
        return f.memoryCopy(STATE, STATE)
      case 'measureVarbit':
        return this.#measureVarbit(statement)
      case 'count':
        return this.#count(statement)
      case 'registerRead':
        writeRegisterRead(code, generator.program, generator.layout.externs[statement.register]!, statement)
        return generator.trace.result(code, generator.program, statement.slot)
      case 'registerWrite':
        return writeRegisterWrite(code, generator.layout.externs[statement.register]!, statement)
      case 'meter':
        this.#meter(statement)
        return generator.trace.result(code, generator.program, statement.slot)
      case 'hash':
        writeHashStatement(code, generator.program, generator.layout, generator.runtime, statement, () =>
          f.get(this.cursor!.at),
        )
        return generator.trace.result(code, generator.program, statement.slot)
      case 'random':
        this.#random(statement)
        return generator.trace.result(code, generator.program, statement.slot)
      case 'digest':
        return writeEvent(code, EVENT.digest, statement.digest, statement.values)
      case 'log':
        return writeEvent(code, EVENT.log, generator.message(statement.message), statement.values)
      case 'target':
        return writeExternCall(this, statement)
      case 'valueSetMatch':
        return writeValueSetMatch(this, statement)
      case 'assert':
        return this.#assert(statement)
    }
  }

  /** Drops the packet when its loops never end. */
  #countIteration(): void {
    const { f } = this
    const { iterations } = this.cursor!
    f.get(iterations)
    f.i32(1)
    f.op('i32.add')
    f.tee(iterations)
    f.i32(ITERATIONS_MAX)
    f.op('i32.gt_u')
    f.if(undefined, () => {
      f.i32((VERDICT.drop << 24) | RESERVED_DROP.endlessLoop)
      f.return()
    })
  }

  #assignSlice({ slot, low, value }: Extract<Statement, { kind: 'assignSlice' }>): void {
    const { width } = this.generator.program.slots[slot]!
    const rest = mask(width) ^ (mask(value.width) << BigInt(low))
    this.code.assign(slot, {
      op: 'or',
      width,
      left: {
        op: 'and',
        width,
        left: { op: 'load', width, slot },
        right: { op: 'const', width, value: rest },
      },
      right: {
        op: 'shl',
        width,
        left: { op: 'cast', width, signed: false, operand: value },
        right: { op: 'const', width: 32, value: BigInt(low) },
      },
    })
  }

  /** Of code of which only one part runs, every part begins with the same place in the memo. */
  #alternatives(write: (one: (body: () => void) => void) => void): void {
    const { memo } = this
    const { end, before } = memo
    let last = end
    let all = before
    write((body) => {
      memo.end = end
      memo.before = before
      body()
      last = Math.max(last, memo.end)
      all |= memo.before
    })
    memo.end = last
    memo.before = all
  }

  #switch(
    statement: Extract<Statement, { kind: 'switch' }>,
    flow: Flow,
    alternative: (body: () => void) => void,
  ): void {
    const { f, code } = this
    const { selector, cases } = statement
    const { width } = selector
    const values = cases.flatMap((one) => one.values)
    if (width <= 32 && values.length > 3 && values.every((value) => value < 256n)) {
      const byValue = new Map(
        cases.flatMap((one, k) => one.values.map((value) => [Number(value), k] as const)).reverse(),
      )
      const table = Array.from({ length: Math.max(...byValue.keys()) + 1 }, (_, value) => byValue.get(value))
      return this.dispatch(
        () => code.push(selector),
        table,
        cases.map((one) => () => alternative(() => this.statements(one.body, flow))),
        () => alternative(() => this.statements(statement.default, flow)),
      )
    }
    const words = code.words(selector)
    f.block(undefined, (end) => {
      for (const one of cases) {
        f.block(undefined, (next) => {
          one.values.forEach((value, k) => {
            words.forEach((word, w) => {
              pushWord(code, word)
              f.i64((value >> BigInt(64 * w)) & mask(64))
              f.op('i64.eq')
              if (w > 0) f.op('i32.and')
            })
            if (k > 0) f.op('i32.or')
          })
          if (one.values.length === 0) f.i32(0)
          f.op('i32.eqz')
          f.brIf(next)
          alternative(() => this.statements(one.body, flow))
          f.br(end)
        })
      }
      alternative(() => this.statements(statement.default, flow))
    })
  }

  /** Jumps by the i32 that `push` leaves: `table[i]` names a body; undefined and numbers past the end take `otherwise`. */
  dispatch(
    push: () => void,
    table: readonly (number | undefined)[],
    bodies: readonly (() => void)[],
    otherwise: () => void,
  ): void {
    const { f } = this
    f.block(undefined, (end) => {
      f.block(undefined, (defaultLabel) => {
        // Blocks nest with body 0 innermost; a branch out of block k lands in front of body k.
        const nest = (k: number, labels: readonly Label[]): void => {
          if (k < 0) {
            push()
            f.brTable(
              table.map((body) => (body === undefined ? defaultLabel : labels[bodies.length - 1 - body]!)),
              defaultLabel,
            )
            return
          }
          f.block(undefined, (label) => nest(k - 1, [...labels, label]))
          bodies[k]!()
          f.br(end)
        }
        nest(bodies.length - 1, [])
      })
      otherwise()
    })
  }

  #measureVarbit({ slot, from, isCleared }: Extract<Statement, { kind: 'measureVarbit' }>): void {
    const { f, code, generator } = this
    const address = generator.layout.slotAddresses[from]!
    storeSlot(code, slot, () => {
      f.i32(0)
      f.access('i32.load', STATE, address)
      f.i32(3)
      f.op('i32.shr_u')
    })
    if (!isCleared) return
    f.i32(address + 8)
    f.i32(0)
    f.i32(8 * Math.ceil(generator.program.slots[from]!.width / 64))
    f.memoryFill(STATE)
  }

  #count(statement: Extract<Statement, { kind: 'count' }>): void {
    const { f, code, generator } = this
    if (statement.index !== undefined) {
      return withCell(code, generator.layout.externs[statement.counter]!, statement.index, (pointer) =>
        this.#addPacket(pointer, 0),
      )
    }
    const table = generator.program.tables.findIndex((one) => one.directCounter === statement.counter)
    const offset = generator.layout.tables[table]?.directCounterOffset
    if (offset === undefined) return
    f.i32(0)
    f.access('i32.load', STATE, CELL.currentEntry)
    this.#addPacket(f.stash('i32'), offset)
  }

  /** Counts this packet in a pair of cells; an explanation adds nothing. */
  #addPacket(pointer: number, offset: number): void {
    writeCount(this.f, pointer, offset, () => this.pushCounted())
  }

  /** Pushes what this packet adds to a counter: 1, or 0 in an explanation. */
  pushOne(): void {
    const { f } = this
    if (!this.generator.trace.isOn) return f.i32(1)
    f.i32(0)
    f.access('i32.load', STATE, CELL.countOne)
  }

  /** Pushes what it adds to a pair of counters, packets and bytes, as a vector. */
  pushCounted(): void {
    const { f } = this
    if (this.cursor !== undefined) return f.get(this.cursor.counted)
    this.makeCounted()
  }

  /** The same, made anew. */
  makeCounted(): void {
    const { f } = this
    this.pushOne()
    f.op('i64.extend_i32_u')
    f.splat64()
    this.pushLength()
    if (this.generator.trace.isOn) {
      this.pushOne()
      f.op('i32.mul')
    }
    f.op('i64.extend_i32_u')
    f.replaceLane64(1)
  }

  #meter(statement: Extract<Statement, { kind: 'meter' }>): void {
    const { f, code, generator } = this
    const { slot } = statement
    const { width } = generator.program.slots[slot]!
    const extern = generator.program.externs[statement.meter]!
    const run = (pushAddress: () => void): void => {
      pushAddress()
      if ('unit' in extern && extern.unit === 'bytes') {
        this.pushLength()
        f.op('i64.extend_i32_u')
      } else {
        f.i64(1n)
      }
      if (statement.colour === undefined) f.i32(0)
      else code.push(statement.colour)
      f.call(meterFunction(generator.runtime))
      const colour = f.stash('i32')
      storeSlot(code, slot, () => {
        f.get(colour)
        if (width > 32) f.op('i64.extend_i32_u')
      })
    }
    if (statement.index !== undefined) {
      const green = (): void => code.assign(slot, { op: 'const', width, value: 0n })
      return withCell(
        code,
        generator.layout.externs[statement.meter]!,
        statement.index,
        (pointer) => run(() => f.get(pointer)),
        green,
      )
    }
    const table = generator.program.tables.findIndex((one) => one.directMeter === statement.meter)
    const offset = generator.layout.tables[table]?.directMeterOffset
    if (offset === undefined) return
    run(() => {
      f.i32(0)
      f.access('i32.load', STATE, CELL.currentEntry)
      f.i32(offset)
      f.op('i32.add')
    })
  }

  #random(statement: Extract<Statement, { kind: 'random' }>): void {
    const { f, code, generator } = this
    const { width } = generator.program.slots[statement.slot]!
    pushWord(code, code.words(statement.low)[0]!)
    pushWord(code, code.words(statement.high)[0]!)
    f.call(randomFunction(generator.runtime))
    const value = f.stash('i64')
    for (let k = 0; width > 64 && 64 * k < width; k++) {
      storeSlotWord(code, statement.slot, k, () => (k === 0 ? f.get(value) : f.i64(0n)))
    }
    if (width > 64) return
    storeSlot(code, statement.slot, () => {
      pushBits(code, [{ kind: 'local', local: value }], 0, width)
      if (width <= 32) f.op('i32.wrap_i64')
    })
  }

  #assert(statement: Extract<Statement, { kind: 'assert' }>): void {
    const { f, code, generator } = this
    code.push(statement.condition)
    f.op('i32.eqz')
    f.if(undefined, () => {
      f.i32(0)
      f.i32(0)
      f.access('i32.load', STATE, CELL.assertions)
      this.pushOne()
      f.op('i32.add')
      f.access('i32.store', STATE, CELL.assertions)
      generator.trace.constants(code, TRACE.assertion, generator.message(statement.text))
    })
  }
}

/** The guards that follow a statement of a list at once. */
function tailAt(body: readonly Statement[], k: number, flow: Flow): Tail | undefined {
  if (k === body.length - 1) return flow.tail
  return k === body.length - 2 && body[k + 1]!.kind === 'return' ? flow.returnTail : undefined
}

function withTail(flow: Flow, tail: Tail | undefined): Flow {
  if (flow.tail === tail) return flow
  const { tail: _, ...rest } = flow
  return tail === undefined ? rest : { ...rest, tail }
}

/** Inside a procedure, `return` ends it and loops outside are out of reach. */
function calleeFlow(flow: Flow, end: Label): Flow {
  return {
    exit: flow.exit,
    return: end,
    ...(flow.tail === undefined ? {} : { tail: flow.tail, returnTail: flow.tail }),
    ...(flow.reject === undefined ? {} : { reject: flow.reject }),
    ...(flow.emit === undefined ? {} : { emit: flow.emit }),
  }
}
