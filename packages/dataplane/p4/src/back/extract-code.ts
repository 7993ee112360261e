/** Reading from the packet: extract, advance, lookahead, each with its bounds check (P4-16 §12.8). */
import { addHeaderToFlow } from './flow-memo.ts'
import { markStacks, storeSlot, storeSlotWord } from './slot-code.ts'
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import { ARENA, classOf, STATE } from './value-class.ts'
import type { Flow, StatementCode } from './statement-code.ts'
import { moveBytes } from './header-image.ts'
import { fromInsideByte } from './varbit-code.ts'
import { pushField } from './wire-code.ts'

const ERROR = { packetTooShort: 1, headerTooShort: 4, invalidArgument: 6 }

export function writeExtract(
  body: StatementCode,
  statement: Extract<Statement, { kind: 'extract' }>,
  flow: Flow,
): void {
  const { f, code, generator } = body
  const { program, layout } = generator
  const header = program.headers[statement.header]!
  const at = body.cursor!.at
  const slots = header.fields.map((id) => ({ id, ...program.slots[id]! }))
  const fixedBytes = slots.reduce((sum, slot) => sum + (slot.kind === 'varbit' ? 0 : slot.width), 0) >> 3
  let varbitBytes: number | undefined
  const varbit = slots.find((slot) => slot.kind === 'varbit')
  if (varbit !== undefined && statement.varbitBits !== undefined) {
    code.pushClamped32(statement.varbitBits)
    const bits = f.stash('i32')
    rejectUnlessBytes(body, bits, flow)
    f.get(bits)
    f.i32(3)
    f.op('i32.shr_u')
    varbitBytes = f.stash('i32')
  }
  rejectUnlessRoom(
    body,
    () => {
      f.i32(fixedBytes)
      if (varbitBytes === undefined) return
      f.get(varbitBytes)
      f.op('i32.add')
    },
    flow,
  )
  if (varbit !== undefined && varbitBytes !== undefined) {
    const bytes = varbitBytes
    const push = (): void => {
      f.get(bytes)
      f.i32(varbit.width >> 3)
      f.op('i32.gt_u')
    }
    rejectIf(body, push, ERROR.headerTooShort, flow)
  }
  const image = layout.images.addresses[statement.header]
  if (image !== undefined) {
    const to = { memory: STATE, pointer: undefined, offset: image }
    moveBytes(f, to, { memory: ARENA, pointer: at, offset: 0 }, fixedBytes)
    markStacks(code, image)
  }
  let bit = 0
  let afterVarbit: number | undefined
  for (const slot of image === undefined ? slots : []) {
    const pointer = afterVarbit ?? at
    if (slot.kind !== 'varbit') {
      readSlot(body, slot.id, slot.width, pointer, bit)
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
    if (bit % 8 === 0) f.memoryCopy(STATE, ARENA)
    else f.call(fromInsideByte(generator.runtime, bit % 8))
    f.get(at)
    f.get(varbitBytes)
    f.op('i32.add')
    afterVarbit = f.stash('i32')
  }
  code.assign(header.valid, { op: 'const', width: 1, value: 1n })
  addHeaderToFlow(body, statement.header)
  f.get(afterVarbit ?? at)
  f.i32(fixedBytes)
  f.op('i32.add')
  f.set(at)
}

function readSlot(body: StatementCode, slot: SlotId, width: number, pointer: number, bit: number): void {
  const { f, code } = body
  if (width <= 64) return storeSlot(code, slot, () => pushField(f, ARENA, pointer, bit, width))
  for (let k = 0; k < Math.ceil(width / 64); k++) {
    const piece = Math.min(64, width - 64 * k)
    storeSlotWord(code, slot, k, () => {
      pushField(f, ARENA, pointer, bit + width - 64 * k - piece, piece)
      if (classOf(piece) === 'i32') f.op('i64.extend_i32_u')
    })
  }
}

export function writeAdvance(body: StatementCode, bits: Expression, flow: Flow): void {
  const { f, code } = body
  const { at } = body.cursor!
  code.pushClamped32(bits)
  const amount = f.stash('i32')
  if (bits.op !== 'const' || bits.value % 8n !== 0n) rejectUnlessBytes(body, amount, flow)
  f.get(amount)
  f.i32(3)
  f.op('i32.shr_u')
  f.set(amount)
  rejectUnlessRoom(body, () => f.get(amount), flow)
  f.get(at)
  f.get(amount)
  f.op('i32.add')
  f.set(at)
}

export function writeLookahead(body: StatementCode, slot: SlotId, flow: Flow): void {
  const { width } = body.generator.program.slots[slot]!
  rejectUnlessRoom(body, () => body.f.i32(Math.ceil(width / 8)), flow)
  readSlot(body, slot, width, body.cursor!.at, 0)
}

function rejectUnlessRoom(body: StatementCode, pushBytes: () => void, flow: Flow): void {
  const { f } = body
  const { at, end } = body.cursor!
  rejectIf(
    body,
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

function rejectUnlessBytes(body: StatementCode, bits: number, flow: Flow): void {
  const { f } = body
  rejectIf(
    body,
    () => {
      f.get(bits)
      f.i32(7)
      f.op('i32.and')
    },
    ERROR.invalidArgument,
    flow,
  )
}

function rejectIf(body: StatementCode, push: () => void, error: number, flow: Flow): void {
  push()
  body.f.if(undefined, () => {
    body.f.i32(error)
    flow.reject!()
  })
}
