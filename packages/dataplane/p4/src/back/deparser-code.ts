/**
 * The deparser: emitted headers are written in front of the unparsed payload, and the frame's start moves there.
 *
 * A deparser that only emits, under conditions, is run backwards: the last header is written first, right in front of the
 * payload, and each further one in front of what is there, so that nothing has to be measured or moved. One that returns
 * early is run twice, first adding up lengths, then writing each header to its final place. One that also computes is run
 * once into the scratch area, which is then copied in front of the payload.
 */
import { pushCondition } from './condition-code.ts'
import { flagBit } from './slot-code.ts'
import type { Block, Expression, HeaderId, ProcedureId, Program, Statement } from '../ir/index.ts'
import { DESCRIPTOR } from './arena-layout.ts'
import { ARENA, STATE } from './value-class.ts'
import { imageBytes, moveBytes } from './header-image.ts'
import { CELL, headerBytes, RESERVED_DROP, VERDICT } from './layout.ts'
import type { Flow, StatementCode } from './statement-code.ts'
import { storeChunk } from './raw-code.ts'
import { pushVarbitBytes, storeBits } from './varbit-code.ts'
import { wideChunksOf } from './wire-code.ts'

/** What emits is one; and by its place, one that emits nothing: the packet then is what the parser left. */
export function isDeparser(program: Program, block: Extract<Block, { kind: 'control' }>): boolean {
  if (program.architecture !== 'softnpu' && /deparser$/i.test(block.name)) return true
  return contains(program, program.procedures[block.procedure]!.body, (statement) => statement.kind === 'emit')
}

export function writeDeparser(body: StatementCode, procedure: ProcedureId, flow: Flow): void {
  const { f, generator } = body
  const { program, layout } = generator
  const cursor = body.cursor!
  const statements = program.procedures[procedure]!.body
  const only = (kinds: readonly string[]): boolean => !contains(program, statements, (one) => !kinds.includes(one.kind))
  if (only(['emit', 'if', 'call'])) return writeBackwards(body, statements)
  const isPure = only(['emit', 'if', 'call', 'return'])
  const to = f.temp('i32')
  const total = f.temp('i32')
  const run = (emit: (header: HeaderId) => void): void => {
    f.block(undefined, (end) => {
      body.inlineUnit(`procedure:${procedure}`, { ...flow, exit: () => f.br(end), emit })
    })
  }
  if (isPure) {
    f.i32(0)
    f.set(total)
    run((header) => whenValid(body, header, () => addLength(body, header, total)))
    placeStart(body, total, to)
    run((header) => whenValid(body, header, () => writeHeader(body, header, ARENA, to)))
  } else {
    const limit = layout.scratch + layout.scratchBytes
    f.i32(layout.scratch)
    f.set(to)
    run((header) =>
      whenValid(body, header, () => {
        // An emit in a loop may ask for more than there is; the frame could not hold it either.
        f.get(to)
        f.i32(limit - headerBytes(program, program.headers[header]!.fields))
        f.op('i32.gt_u')
        f.if(undefined, () => drop(body, RESERVED_DROP.noHeadRoom))
        writeHeader(body, header, STATE, to)
      }),
    )
    f.get(to)
    f.i32(layout.scratch)
    f.op('i32.sub')
    f.set(total)
    placeStart(body, total, to)
    f.get(to)
    f.i32(layout.scratch)
    f.get(total)
    f.memoryCopy(ARENA, STATE)
  }
  f.get(cursor.at)
  f.get(total)
  f.op('i32.sub')
  f.set(to)
  writeDescriptor(body, to)
}

/** The frame begins at `start` now; its end stays. */
function writeDescriptor(body: StatementCode, start: number): void {
  const { f } = body
  const { frameSlot, end } = body.cursor!
  const descriptor = f.temp('i32')
  f.get(frameSlot)
  f.i32(4)
  f.op('i32.shl')
  f.tee(descriptor)
  f.get(start)
  f.access('i32.store', ARENA, DESCRIPTOR.start)
  f.get(descriptor)
  f.get(end)
  f.get(start)
  f.op('i32.sub')
  f.access('i32.store', ARENA, DESCRIPTOR.length)
}

function writeBackwards(body: StatementCode, statements: readonly Statement[]): void {
  const { f } = body
  const { at, frameSlot } = body.cursor!
  const to = f.temp('i32')
  const limit = f.temp('i32')
  f.i32(0)
  f.access('i32.load', STATE, CELL.arenaDataOffset)
  f.i32(0)
  f.access('i32.load', STATE, CELL.arenaSlotBytes)
  f.get(frameSlot)
  f.op('i32.mul')
  f.op('i32.add')
  f.set(limit)
  f.get(at)
  f.set(to)
  emitBackwards(body, statements, to, limit)
  writeDescriptor(body, to)
}

function emitBackwards(body: StatementCode, statements: readonly Statement[], to: number, limit: number): void {
  const { f, code, generator } = body
  const { program } = generator
  for (let k = statements.length - 1; k >= 0; k--) {
    const statement = statements[k]!
    if (statement.kind === 'call') {
      emitBackwards(body, program.procedures[statement.procedure]!.body, to, limit)
    } else if (statement.kind === 'if') {
      f.scope(() => {
        pushCondition(code, statement.condition)
        f.if(
          undefined,
          () => emitBackwards(body, statement.then, to, limit),
          () => emitBackwards(body, statement.else, to, limit),
        )
      })
    } else if (statement.kind === 'emit') {
      const headers = [statement.header]
      while (k > 0 && isSameStack(program, statements[k - 1]!, statement.header)) {
        headers.push((statements[--k] as Extract<Statement, { kind: 'emit' }>).header)
      }
      whenAnyValid(body, headers, () => {
        for (const header of headers) whenValid(body, header, () => writeInFront(body, header, to, limit))
      })
    }
  }
}

/** Whether a statement emits an element of the same header stack. */
function isSameStack(program: Program, statement: Statement, header: HeaderId): boolean {
  const stackOf = (id: HeaderId): string => program.headers[id]!.name.replace(/\[\d+\]$/, '')
  return statement.kind === 'emit' && stackOf(statement.header) === stackOf(header)
}

/** One test for several headers whose validity is in the same word; most packets have none of a stack. */
function whenAnyValid(body: StatementCode, headers: readonly HeaderId[], then: () => void): void {
  const { f, code, generator } = body
  const flags = headers.map((header) => flagBit(code, generator.program.headers[header]!.valid))
  const local = flags[0]?.local
  if (headers.length < 3 || local === undefined || flags.some((flag) => flag?.local !== local)) return then()
  f.get(local)
  f.i64(
    BigInt.asIntN(
      64,
      flags.reduce((word, flag) => word | (1n << BigInt(flag!.bit)), 0n),
    ),
  )
  f.op('i64.and')
  f.op('i64.eqz')
  f.op('i32.eqz')
  f.if(undefined, then)
}

/** Writes a header in front of `to`, which moves there; drops the packet when that is outside its slot. */
function writeInFront(body: StatementCode, header: HeaderId, to: number, limit: number): void {
  const { f, code, generator } = body
  const { program } = generator
  const { fields } = program.headers[header]!
  const length = f.temp('i32')
  f.i32(0)
  f.set(length)
  const hasVarbit = fields.some((slot) => program.slots[slot]!.kind === 'varbit')
  f.get(to)
  if (hasVarbit) {
    addLength(body, header, length)
    f.get(length)
  } else {
    f.i32(headerBytes(program, fields))
  }
  f.op('i32.sub')
  f.tee(to)
  f.get(limit)
  f.op('i32.lt_s')
  f.if(undefined, () => drop(body, RESERVED_DROP.noHeadRoom))
  if (hasVarbit) {
    f.get(to)
    const end = f.stash('i32')
    return writeHeader(body, header, ARENA, end)
  }
  if (moveImage(body, header, ARENA, to)) return
  const run = fields.map((slot): Expression => ({ op: 'load', width: program.slots[slot]!.width, slot }))
  for (const chunk of wideChunksOf(run)) f.scope(() => storeChunk(code, ARENA, to, 0, chunk))
}

/** to = payload - total, or the packet is dropped because that is in front of the slot. */
function placeStart(body: StatementCode, total: number, to: number): void {
  const { f } = body
  const { at, start, frameSlot } = body.cursor!
  f.get(at)
  f.get(total)
  f.op('i32.sub')
  f.tee(to)
  f.get(start)
  f.op('i32.lt_s')
  f.if(undefined, () => {
    f.get(to)
    f.i32(0)
    f.access('i32.load', STATE, CELL.arenaDataOffset)
    f.i32(0)
    f.access('i32.load', STATE, CELL.arenaSlotBytes)
    f.get(frameSlot)
    f.op('i32.mul')
    f.op('i32.add')
    f.op('i32.lt_s')
    f.if(undefined, () => drop(body, RESERVED_DROP.noHeadRoom))
  })
}

function drop(body: StatementCode, reason: number): void {
  body.f.i32((VERDICT.drop << 24) | reason)
  body.f.return()
}

function whenValid(body: StatementCode, header: HeaderId, then: () => void): void {
  const { valid } = body.generator.program.headers[header]!
  pushCondition(body.code, { op: 'load', width: 1, slot: valid })
  body.f.if(undefined, () => body.f.scope(then))
}

function addLength(body: StatementCode, header: HeaderId, total: number): void {
  const { f, generator } = body
  const { program, layout } = generator
  const { fields } = program.headers[header]!
  const varbit = fields.find((slot) => program.slots[slot]!.kind === 'varbit')
  f.get(total)
  f.i32(
    headerBytes(
      program,
      fields.filter((slot) => slot !== varbit),
    ),
  )
  f.op('i32.add')
  if (varbit !== undefined) {
    pushVarbitBytes(body.code, layout.slotAddresses[varbit]!)
    f.op('i32.add')
  }
  f.set(total)
}

/** Copies a header's image to `to`; false when it has none. */
function moveImage(body: StatementCode, header: HeaderId, memory: number, to: number): boolean {
  const { program, layout } = body.generator
  const image = layout.images.addresses[header]
  if (image === undefined) return false
  const from = { memory: STATE, pointer: undefined, offset: image }
  moveBytes(body.f, { memory, pointer: to, offset: 0 }, from, imageBytes(program, header))
  return true
}

/** Writes a header at `to` and moves `to` behind it. */
function writeHeader(body: StatementCode, header: HeaderId, memory: number, to: number): void {
  const { f, code, generator } = body
  const { program, layout } = generator
  if (moveImage(body, header, memory, to)) {
    f.get(to)
    f.i32(imageBytes(program, header))
    f.op('i32.add')
    return f.set(to)
  }
  const fields = program.headers[header]!.fields
  const items = fields.map((slot): Expression => ({ op: 'load', width: program.slots[slot]!.width, slot }))
  storeBits(code, layout, generator.runtime, items, memory, to)
}

/** Whether a statement that the predicate holds for is reachable, through calls too. */
function contains(program: Program, body: readonly Statement[], is: (statement: Statement) => boolean): boolean {
  return body.some((statement) => {
    if (is(statement)) return true
    switch (statement.kind) {
      case 'if':
        return contains(program, statement.then, is) || contains(program, statement.else, is)
      case 'switch':
        return (
          statement.cases.some((one) => contains(program, one.body, is)) || contains(program, statement.default, is)
        )
      case 'loop':
        return contains(program, statement.body, is)
      case 'call':
        return contains(program, program.procedures[statement.procedure]!.body, is)
      default:
        return false
    }
  })
}
