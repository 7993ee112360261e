/** Statements → instructions, for both variants. Parser states and emission order are in `parser-code` and `deparser-code`. */
import type { Expression, HeaderId, SlotId, Statement } from '../ir/index.ts'
import type { FunctionBuilder, Label } from '../wasm/index.ts'
import { ARENA, classOf, ExpressionCode, mask, STATE } from './expression-code.ts'
import {
  EVENT,
  loadSlot,
  meterFunction,
  randomFunction,
  withCell,
  writeCount,
  writeEvent,
  writeRegisterRead,
  writeRegisterWrite,
} from './extern-code.ts'
import type { Generator } from './generator.ts'
import { writeHashStatement } from './hash-code.ts'
import { CELL, ENTRY, TABLE_HEADER } from './layout.ts'
import { TRACE } from './trace-code.ts'
import { pushField } from './wire-code.ts'

/** Where control goes; the callbacks write a branch. */
export interface Flow {
  readonly exit: () => void
  readonly return?: Label
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
  /** First byte that the parser has not consumed. */
  readonly at: number
}

const ERROR = { packetTooShort: 1, headerTooShort: 4, invalidArgument: 6 }

export class StatementCode {
  readonly generator: Generator
  readonly f: FunctionBuilder
  readonly code: ExpressionCode
  readonly cursor: Cursor | undefined

  constructor(
    generator: Generator,
    f: FunctionBuilder,
    locals: ReadonlyMap<SlotId, readonly number[]>,
    cursor: Cursor | undefined,
  ) {
    this.generator = generator
    this.f = f
    this.code = new ExpressionCode(f, generator.program, generator.layout, generator.runtime, locals)
    this.cursor = cursor
  }

  statements(body: readonly Statement[], flow: Flow): void {
    for (const statement of body) this.f.scope(() => this.#statement(statement, flow))
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
    if (kind === 'apply') return this.#apply(id, flow)
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
        return this.#traced(statement.slot, () => code.assign(statement.slot, statement.value))
      case 'assignSlice':
        return this.#traced(statement.slot, () => this.#assignSlice(statement))
      case 'if':
        code.push(statement.condition)
        return f.if(
          undefined,
          () => this.statements(statement.then, flow),
          statement.else.length === 0 ? undefined : () => this.statements(statement.else, flow),
        )
      case 'switch':
        return this.#switch(statement, flow)
      case 'loop':
        return f.block(undefined, (end) => {
          f.loop((start) => {
            this.statements(statement.body, { ...flow, break: end, continue: start })
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
        return this.#extract(statement, flow)
      case 'advance':
        return this.#advance(statement.bits, flow)
      case 'lookahead':
        return this.#lookahead(statement.slot, flow)
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
      case 'count':
        return this.#count(statement)
      case 'registerRead':
        return writeRegisterRead(code, generator.program, generator.layout.externs[statement.register]!, statement)
      case 'registerWrite':
        return writeRegisterWrite(code, generator.layout.externs[statement.register]!, statement)
      case 'meter':
        return this.#meter(statement)
      case 'hash':
        return writeHashStatement(code, generator.program, generator.layout, generator.runtime, statement)
      case 'random':
        return this.#random(statement)
      case 'digest':
        return writeEvent(code, EVENT.digest, statement.digest, statement.values)
      case 'log':
        return writeEvent(code, EVENT.log, generator.message(statement.message), statement.values)
      case 'target':
        return writeEvent(code, EVENT.target, generator.message(statement.name), [
          ...statement.inputs,
          ...(statement.fieldList ?? []).map((slot): Expression => ({
            op: 'load',
            width: generator.program.slots[slot]!.width,
            slot,
          })),
        ])
      case 'assert':
        return this.#assert(statement)
    }
  }

  #traced(slot: SlotId, write: () => void): void {
    const { generator } = this
    if (!generator.isTold(slot)) return write()
    generator.trace.assignment(this.code, slot, generator.program.slots[slot]!.width, write)
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

  #switch(statement: Extract<Statement, { kind: 'switch' }>, flow: Flow): void {
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
        cases.map((one) => () => this.statements(one.body, flow)),
        () => this.statements(statement.default, flow),
      )
    }
    const words = code.words(selector)
    f.block(undefined, (end) => {
      for (const one of cases) {
        f.block(undefined, (next) => {
          one.values.forEach((value, k) => {
            words.forEach((word, w) => {
              code.pushWord(word)
              f.i64((value >> BigInt(64 * w)) & mask(64))
              f.op('i64.eq')
              if (w > 0) f.op('i32.and')
            })
            if (k > 0) f.op('i32.or')
          })
          if (one.values.length === 0) f.i32(0)
          f.op('i32.eqz')
          f.brIf(next)
          this.statements(one.body, flow)
          f.br(end)
        })
      }
      this.statements(statement.default, flow)
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

  #extract(statement: Extract<Statement, { kind: 'extract' }>, flow: Flow): void {
    const { f, code, generator } = this
    const { program, layout } = generator
    const header = program.headers[statement.header]!
    const at = this.cursor!.at
    const slots = header.fields.map((id) => ({ id, ...program.slots[id]! }))
    const fixedBytes = slots.reduce((sum, slot) => sum + (slot.kind === 'varbit' ? 0 : slot.width), 0) >> 3
    let varbitBytes: number | undefined
    const varbit = slots.find((slot) => slot.kind === 'varbit')
    if (varbit !== undefined && statement.varbitBits !== undefined) {
      code.pushClamped32(statement.varbitBits)
      const bits = f.stash('i32')
      this.#rejectIf(
        () => {
          f.get(bits)
          f.i32(varbit.width)
          f.op('i32.gt_u')
        },
        ERROR.headerTooShort,
        flow,
      )
      this.#rejectUnlessBytes(bits, flow)
      f.get(bits)
      f.i32(3)
      f.op('i32.shr_u')
      varbitBytes = f.stash('i32')
    }
    this.#rejectUnlessRoom(() => {
      f.i32(fixedBytes)
      if (varbitBytes === undefined) return
      f.get(varbitBytes)
      f.op('i32.add')
    }, flow)
    generator.trace.constants(code, TRACE.extract, [statement.header])
    let bit = 0
    let afterVarbit: number | undefined
    for (const slot of slots) {
      const pointer = afterVarbit ?? at
      if (slot.kind !== 'varbit') {
        this.#readSlot(slot.id, slot.width, pointer, bit)
        bit += slot.width
        continue
      }
      // What follows the varbit is read relative to a pointer moved by its length.
      const address = layout.slotAddresses[slot.id]!
      f.i32(0)
      if (varbitBytes === undefined) f.i32(0)
      else {
        f.get(varbitBytes)
        f.i32(3)
        f.op('i32.shl')
      }
      f.access('i32.store', STATE, address)
      if (varbitBytes === undefined) continue
      f.i32(address + 8)
      f.i32(0)
      f.i32(8 * Math.ceil(slot.width / 64))
      f.memoryFill(STATE)
      f.i32(address + 8)
      f.get(at)
      f.i32(bit >> 3)
      f.op('i32.add')
      f.get(varbitBytes)
      f.memoryCopy(STATE, ARENA)
      f.get(at)
      f.get(varbitBytes)
      f.op('i32.add')
      afterVarbit = f.stash('i32')
    }
    code.assign(header.valid, { op: 'const', width: 1, value: 1n })
    f.get(afterVarbit ?? at)
    f.i32(fixedBytes)
    f.op('i32.add')
    f.set(at)
  }

  #readSlot(slot: SlotId, width: number, pointer: number, bit: number): void {
    const { f, code } = this
    if (width <= 64) return code.storeSlot(slot, () => pushField(f, ARENA, pointer, bit, width))
    for (let k = 0; k < Math.ceil(width / 64); k++) {
      const piece = Math.min(64, width - 64 * k)
      code.storeSlotWord(slot, k, () => {
        pushField(f, ARENA, pointer, bit + width - 64 * k - piece, piece)
        if (classOf(piece) === 'i32') f.op('i64.extend_i32_u')
      })
    }
  }

  #advance(bits: Expression, flow: Flow): void {
    const { f, code } = this
    const { at } = this.cursor!
    code.pushClamped32(bits)
    const amount = f.stash('i32')
    if (bits.op !== 'const' || bits.value % 8n !== 0n) this.#rejectUnlessBytes(amount, flow)
    f.get(amount)
    f.i32(3)
    f.op('i32.shr_u')
    f.set(amount)
    this.#rejectUnlessRoom(() => f.get(amount), flow)
    f.get(at)
    f.get(amount)
    f.op('i32.add')
    f.set(at)
  }

  #lookahead(slot: SlotId, flow: Flow): void {
    const { width } = this.generator.program.slots[slot]!
    this.#rejectUnlessRoom(() => this.f.i32(Math.ceil(width / 8)), flow)
    this.#readSlot(slot, width, this.cursor!.at, 0)
  }

  #rejectUnlessRoom(pushBytes: () => void, flow: Flow): void {
    const { f } = this
    const { at, end } = this.cursor!
    this.#rejectIf(
      () => {
        pushBytes()
        f.get(end)
        f.get(at)
        f.op('i32.sub')
        f.op('i32.gt_u')
      },
      ERROR.packetTooShort,
      flow,
    )
  }

  #rejectUnlessBytes(bits: number, flow: Flow): void {
    const { f } = this
    this.#rejectIf(
      () => {
        f.get(bits)
        f.i32(7)
        f.op('i32.and')
      },
      ERROR.invalidArgument,
      flow,
    )
  }

  #rejectIf(push: () => void, error: number, flow: Flow): void {
    push()
    this.f.if(undefined, () => {
      this.f.i32(error)
      flow.reject!()
    })
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
    writeCount(
      this.code,
      pointer,
      offset,
      () => this.#pushOne(),
      () => this.#pushCountedBytes(),
    )
  }

  #pushOne(): void {
    const { f } = this
    if (!this.generator.trace.isOn) return f.i32(1)
    f.i32(0)
    f.access('i32.load', STATE, CELL.countOne)
  }

  #pushCountedBytes(): void {
    this.pushLength()
    if (!this.generator.trace.isOn) return
    this.#pushOne()
    this.f.op('i32.mul')
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
      f.call(meterFunction(generator.runtime))
      const colour = f.stash('i32')
      code.storeSlot(slot, () => {
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
    code.pushWord(code.words(statement.low)[0]!)
    code.pushWord(code.words(statement.high)[0]!)
    f.call(randomFunction(generator.runtime))
    const value = f.stash('i64')
    if (width > 64) throw new Error('random: results over 64 bits are not supported')
    code.storeSlot(statement.slot, () => {
      code.pushBits([{ kind: 'local', local: value }], 0, width)
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
      this.#pushOne()
      f.op('i32.add')
      f.access('i32.store', STATE, CELL.assertions)
      generator.trace.constants(code, TRACE.assertion, [generator.message(statement.text)])
    })
  }

  #apply(index: number, flow: Flow): void {
    const { f, code, generator } = this
    const table = generator.program.tables[index]!
    const layout = generator.layout.tables[index]!
    const entry = f.temp('i32')
    const hit = f.temp('i32')
    f.scope(() => {
      const keys = table.keys.map((key) => key.expression)
      const traced = generator.trace.isOn ? keys.map((key) => code.words(key)) : []
      if (layout.shape === 'always') {
        f.i32(0)
      } else {
        this.#pushKeys(index)
        f.call(generator.lookups[index]!)
      }
      f.tee(entry)
      f.i32(0)
      f.op('i32.ne')
      f.set(hit)
      f.get(hit)
      f.if(
        undefined,
        () => {
          this.#bump(layout.header + TABLE_HEADER.hits)
          writeCount(
            code,
            entry,
            ENTRY.packets,
            () => this.#pushOne(),
            () => this.#pushCountedBytes(),
          )
        },
        () => {
          this.#bump(layout.header + TABLE_HEADER.misses)
          f.i32(layout.defaultEntry)
          f.set(entry)
        },
      )
      generator.trace.apply(code, index, layout, entry, hit, traced)
    })
    const store = (slot: SlotId, push: () => void): void => {
      code.storeSlot(slot, () => {
        push()
        if (generator.program.slots[slot]!.width > 32) f.op('i64.extend_i32_u')
      })
    }
    const action = f.temp('i32')
    f.get(entry)
    f.access('i32.load', STATE, ENTRY.action)
    f.set(action)
    store(table.hitSlot, () => f.get(hit))
    store(table.actionSlot, () => f.get(action))
    if (table.directCounter !== undefined || table.directMeter !== undefined) {
      f.i32(0)
      f.get(entry)
      f.access('i32.store', STATE, CELL.currentEntry)
    }
    const bodies = table.actions.map((reference, k) => () => {
      const parameters = generator.program.actions[reference.action]!.parameters
      parameters.forEach(({ slot, width }, p) => {
        loadSlot(code, slot, width, entry, layout.parameters[k]![p]!.offset)
      })
      this.statements(reference.before, flow)
      this.unit(`action:${reference.action}`, flow)
      this.statements(reference.after, flow)
    })
    if (bodies.length === 0) return
    if (bodies.length === 1) return bodies[0]!()
    if (bodies.length === 2) {
      f.get(action)
      return f.if(undefined, bodies[1]!, bodies[0]!)
    }
    const last = bodies.length - 1
    this.dispatch(
      () => f.get(action),
      bodies.slice(0, last).map((_, k) => k),
      bodies.slice(0, last),
      bodies[last]!,
    )
  }

  /** table.hits or table.misses += 1. */
  #bump(address: number): void {
    const { f } = this
    f.i32(0)
    f.i32(0)
    f.access('i64.load', STATE, address)
    this.#pushOne()
    f.op('i64.extend_i32_u')
    f.op('i64.add')
    f.access('i64.store', STATE, address)
  }

  /** Pushes the packed key words, then the range words, each as i64. */
  #pushKeys(index: number): void {
    const { f, code, generator } = this
    const table = generator.program.tables[index]!
    const layout = generator.layout.tables[index]!
    const wide = layout.keys.map((key, k) => (key.width > 64 ? code.words(table.keys[k]!.expression) : undefined))
    const pushOf = (isRange: boolean, word: number): void => {
      let isFirst = true
      layout.keys.forEach((key, k) => {
        if (key.match === 'selector' || (key.match === 'range') !== isRange) return
        const words = wide[k]
        if (words !== undefined) {
          if (word >= key.word && word < key.word + words.length) code.pushWord(words[word - key.word]!)
          return
        }
        if (key.word !== word) return
        code.push64(table.keys[k]!.expression)
        if (key.shift > 0) {
          f.i64(BigInt(key.shift))
          f.op('i64.shl')
        }
        if (!isFirst) f.op('i64.or')
        isFirst = false
      })
    }
    for (let word = 0; word < layout.words; word++) pushOf(false, word)
    for (let word = 0; word < layout.rangeWords; word++) pushOf(true, word)
  }
}

/** Inside a procedure, `return` ends it and loops outside are out of reach. */
function calleeFlow(flow: Flow, end: Label): Flow {
  return {
    exit: flow.exit,
    return: end,
    ...(flow.reject === undefined ? {} : { reject: flow.reject }),
    ...(flow.emit === undefined ? {} : { emit: flow.emit }),
  }
}
