/**
 * What a packet's writes to registers, meters and the random state replaced, so that the state from before the packet can be
 * put back for a moment: when an explanation runs, and when a dropped packet is replayed. Records of 16 bytes in memory 1:
 * address u32, unused u32, the 8 bytes that were at that address. Only the logged and the traced variant write it; it
 * begins anew with every packet. What does not fit puts the position past the end, where it stays.
 */
import type { Program, Statement } from '../ir/index.ts'
import type { FunctionBuilder } from '../wasm/index.ts'
import { CELL } from './layout.ts'
import type { Runtime } from './runtime-code.ts'
import { STATE } from './value-class.ts'

export const UNDO_RECORD_BYTES = 16

/** Notes the 8 bytes around an address, which `push` leaves, before they are written. Nothing in the fast variant. */
export function writeUndo(f: FunctionBuilder, runtime: Runtime, push: () => void): void {
  if (!runtime.isLogged) return
  push()
  f.call(
    runtime.once('undo', ['i32'], [], (undo) => {
      const at = undo.local('i32', 'at')
      undo.i32(0)
      undo.access('i32.load', STATE, CELL.undoPosition)
      undo.tee(at)
      undo.i32(0)
      undo.access('i32.load', STATE, CELL.undoEnd)
      undo.op('i32.lt_u')
      undo.if(
        undefined,
        () => {
          undo.get(at)
          undo.get(0)
          undo.i32(-8)
          undo.op('i32.and')
          undo.tee(0)
          undo.access('i32.store', STATE, 0)
          undo.get(at)
          undo.get(0)
          undo.access('i64.load', STATE, 0)
          undo.access('i64.store', STATE, 8)
          undo.i32(0)
          undo.get(at)
          undo.i32(UNDO_RECORD_BYTES)
          undo.op('i32.add')
          undo.access('i32.store', STATE, CELL.undoPosition)
        },
        () => {
          undo.i32(0)
          undo.i32(0)
          undo.access('i32.load', STATE, CELL.undoEnd)
          undo.i32(1)
          undo.op('i32.add')
          undo.access('i32.store', STATE, CELL.undoPosition)
        },
      )
    }),
  )
}

/** A packet begins: the log is empty. */
export function writeUndoReset(f: FunctionBuilder, runtime: Runtime, start: number): void {
  if (!runtime.isLogged) return
  f.i32(0)
  f.i32(start)
  f.access('i32.store', STATE, CELL.undoPosition)
}

/** Whether a packet may leave something behind that the next one sees: registers, meters, the random state. */
export function isStateful(program: Program): boolean {
  const visit = (body: readonly Statement[]): boolean =>
    body.some((statement) => {
      switch (statement.kind) {
        case 'registerWrite':
        case 'meter':
        case 'random':
        case 'target':
          return true
        case 'if':
          return visit(statement.then) || visit(statement.else)
        case 'switch':
          return statement.cases.some((one) => visit(one.body)) || visit(statement.default)
        case 'loop':
          return visit(statement.body)
        default:
          return false
      }
    })
  return [
    ...program.procedures.map(({ body }) => body),
    ...program.actions.map(({ body }) => body),
    ...program.parsers.flatMap(({ states }) => states.map(({ body }) => body)),
  ].some(visit)
}
