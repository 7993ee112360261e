/**
 * Runs of assignments to fields of one header image. Programs copy headers whole and fill new ones field by field; written
 * one by one, every field would be swapped and every part of a byte read back, so what adjoins is moved or stored together.
 */
import { imageBit, markStacks } from './slot-code.ts'
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import { moveBytes } from './header-image.ts'
import type { StatementCode } from './statement-code.ts'
import { STATE } from './value-class.ts'
import { storeChunk } from './raw-code.ts'
import { type Chunk, wideChunksOf } from './wire-code.ts'

interface Field {
  /** From address 0. */
  readonly bit: number
  readonly value: Expression
}

/** Writes the run of assignments that begins with `body[from]`; @returns how many statements that were, 0 for none. */
export function writeAssignments(body: StatementCode, statements: readonly Statement[], from: number): number {
  const { f, code } = body
  const fields: Field[] = []
  const written = new Set<SlotId>()
  let count = 0
  for (; from + count < statements.length; count++) {
    const statement = statements[from + count]!
    const bit = statement.kind === 'assign' ? imageBit(code, statement.slot) : undefined
    if (statement.kind !== 'assign' || bit === undefined) break
    // None may see what another of the run writes, because they are not written in their order.
    const own = new Set([statement.slot])
    if (written.has(statement.slot) || reads(statement.value, written)) break
    if (fields.some(({ value }) => reads(value, own))) break
    written.add(statement.slot)
    fields.push({ bit, value: statement.value })
  }
  if (count < 2) return 0
  const parts = adjoining(fields)
  if (parts.some((part) => part[0]!.bit % 8 !== 0 || endOf(part) % 8 !== 0)) return 0
  const stores = parts.map((part) => {
    const source = sourceBit(body, part)
    return { part, source, chunks: source === undefined ? wideChunksOf(part.map(({ value }) => value)) : [] }
  })
  if (stores.some(({ part, chunks }) => part.some((field) => isTorn(body, field, part[0]!.bit, chunks)))) return 0
  for (const { part, source, chunks } of stores) {
    const { bit } = part[0]!
    if (source !== undefined) {
      const place = (at: number) => ({ memory: STATE, pointer: undefined, offset: at >> 3 })
      moveBytes(f, place(bit), place(source), (endOf(part) - bit) >> 3)
    }
    for (const chunk of chunks) f.scope(() => storeChunk(code, STATE, undefined, bit >> 3, chunk))
    markStacks(code, (endOf(part) - 1) >> 3)
  }
  return count
}

/** Whether a field whose new value depends on its old one is stored in pieces, of which a later one would see the new value. */
function isTorn(body: StatementCode, { bit, value }: Field, start: number, chunks: readonly Chunk[]): boolean {
  const pieces = chunks.filter(({ offset, bytes }) => {
    const first = start + 8 * offset
    return first < bit + value.width && bit < first + 8 * bytes
  })
  if (pieces.length < 2) return false
  return readsAny(value, (slot) => imageBit(body.code, slot) === bit)
}

/** In ascending order, cut where bits are missing. */
function adjoining(fields: readonly Field[]): Field[][] {
  const parts: Field[][] = []
  let end = -1
  for (const field of [...fields].sort((a, b) => a.bit - b.bit)) {
    if (field.bit === end) parts.at(-1)!.push(field)
    else parts.push([field])
    end = field.bit + field.value.width
  }
  return parts
}

function endOf(part: readonly Field[]): number {
  const { bit, value } = part.at(-1)!
  return bit + value.width
}

/** Where a part is copied from, if its values are fields of another image that lie the same way. */
function sourceBit(body: StatementCode, part: readonly Field[]): number | undefined {
  let first: number | undefined
  for (const { bit, value } of part) {
    const source = value.op === 'load' ? imageBit(body.code, value.slot) : undefined
    if (source === undefined) return undefined
    first ??= source
    if (source - first !== bit - part[0]!.bit) return undefined
  }
  return first !== undefined && first % 8 === 0 ? first : undefined
}

function reads(expression: Expression, slots: ReadonlySet<SlotId>): boolean {
  return readsAny(expression, (slot) => slots.has(slot))
}

function readsAny(expression: Expression, isMeant: (slot: SlotId) => boolean): boolean {
  if (expression.op === 'load') return isMeant(expression.slot)
  return Object.values(expression).some(
    (value: unknown) => typeof value === 'object' && value !== null && readsAny(value as Expression, isMeant),
  )
}
