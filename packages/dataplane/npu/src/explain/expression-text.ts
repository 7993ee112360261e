/**
 * Expressions of the intermediate representation as text. A temporary of the compiler stands for what was last assigned
 * to it, so that text comes close to the source.
 */
import type { Expression, Program, SlotId } from '@lodestone/p4'
import { formatOf, formatValue } from '../value-format.ts'
import type { RunEvent } from './run-event.ts'

const DEPTH_MAX = 6
const INFIX: Readonly<Record<string, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  and: '&',
  or: '|',
  xor: '^',
  addSaturating: '|+|',
  subSaturating: '|-|',
  shl: '<<',
  shr: '>>',
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  land: '&&',
  lor: '||',
  concat: '++',
}

const temporaries = new WeakMap<Program, Uint8Array>()

/** Whether the compiler made the slot, not the program. */
export function isTemporary(program: Program, slot: SlotId): boolean {
  let known = temporaries.get(program)
  if (known === undefined) {
    const isMade = (name: string): boolean => /(^|\.)\$[^.]*$/.test(name) && !name.endsWith('$valid')
    known = Uint8Array.from(program.slots, ({ name }) => (isMade(name) ? 1 : 0))
    temporaries.set(program, known)
  }
  return known[slot] === 1
}

/** @param reads what the expression was computed from. */
export function expressionText(
  program: Program,
  expression: Expression,
  events: readonly RunEvent[],
  reads: readonly number[],
): string {
  const text = (e: Expression, from: readonly number[], depth: number): string => {
    const inner = (operand: Expression): string => {
      const part = text(operand, from, depth)
      return /^[\w.[\]$]+(\(\))?$/.test(part) || part.startsWith('0x') ? part : `(${part})`
    }
    switch (e.op) {
      case 'const':
        return constantText(e)
      case 'load':
        return slotText(e.slot, from, depth)
      case 'not':
        return `~${inner(e.operand)}`
      case 'neg':
        return `-${inner(e.operand)}`
      case 'lnot':
        return `!${inner(e.operand)}`
      case 'slice':
        return `${inner(e.operand)}[${e.low + e.width - 1}:${e.low}]`
      case 'cast':
        return e.width === e.operand.width || (!e.signed && e.width > e.operand.width)
          ? text(e.operand, from, depth)
          : `(bit<${e.width}>)${inner(e.operand)}`
      case 'mux':
        return `${inner(e.condition)} ? ${inner(e.whenTrue)} : ${inner(e.whenFalse)}`
      default:
        return `${side(e.left, e.right)} ${INFIX[e.op] ?? e.op} ${side(e.right, e.left)}`
    }
    /** An operand; a constant is read as the other side is. */
    function side(own: Expression, other: Expression): string {
      if (own.op !== 'const') return inner(own)
      return formatValue(own.value, own.width, formatOf(program, other))
    }
  }
  const slotText = (slot: SlotId, from: readonly number[], depth: number): string => {
    const { name } = program.slots[slot]!
    if (!isTemporary(program, slot) || depth >= DEPTH_MAX) return name.replace(/\.\$valid$/, '.isValid()')
    for (let k = from.length - 1; k >= 0; k--) {
      const writer = from[k]! < 0 ? undefined : events[from[k]!]
      if (writer?.kind === 'apply') {
        const table = program.tables[writer.table]!
        if (table.hitSlot === slot) return `${table.name}.hit`
        if (table.actionSlot === slot) return `${table.name}.action_run`
      }
      if (writer === undefined || !('write' in writer) || writer.write.slot !== slot) continue
      const { statement } = writer
      if (statement.kind === 'assign') return text(statement.value, writer.reads, depth + 1)
      return statement.kind
    }
    return name
  }
  return text(expression, reads, 0)
}

function constantText(e: Extract<Expression, { op: 'const' }>): string {
  if (e.width === 1) return e.value === 1n ? 'true' : 'false'
  return e.value > 9n && e.width > 32 ? `0x${e.value.toString(16)}` : e.value.toString()
}
