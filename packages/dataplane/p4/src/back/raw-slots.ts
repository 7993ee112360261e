/**
 * Which variables are kept in network order (`raw-code.ts`): those that are copied from or to fields of header images, or
 * compared with them, directly or by way of other such variables, and that no arithmetic is done with. An address from a
 * table's entry to a header, or from a header to a table's key, then is nowhere swapped.
 */
import type { Expression, KeySet, Program, SlotId, Statement } from '../ir/index.ts'

/**
 * @param localSlots only these: cells in memory are read by others, too.
 * @param imageSlots fields of header images.
 */
export function rawSlots(
  program: Program,
  localSlots: ReadonlySet<SlotId>,
  imageSlots: ReadonlySet<SlotId>,
): ReadonlySet<SlotId> {
  const uses = new Uses(imageSlots)
  for (const parser of program.parsers) {
    for (const { body, select } of parser.states) {
      uses.statements(body)
      select.keys.forEach((key, k) =>
        uses.expression(
          key,
          select.cases.every((one) => one.valueSet === undefined && isEquality(one.keys[k]!)),
        ),
      )
    }
  }
  for (const { body } of program.procedures) uses.statements(body)
  for (const { body } of program.actions) uses.statements(body)
  for (const table of program.tables) {
    for (const { expression, match } of table.keys) {
      uses.expression(expression, expression.op === 'load' && match !== 'range' && match !== 'selector')
    }
    for (const { before, after } of table.actions) {
      uses.statements(before)
      uses.statements(after)
    }
  }
  const intrinsics = new Set(Object.values(program.intrinsics))
  const mayBe = (slot: SlotId): boolean => {
    const { kind, width } = program.slots[slot]!
    const isWhole = width <= 64 ? width % 8 === 0 && width > 8 : width % 64 === 0
    return localSlots.has(slot) && kind !== 'varbit' && isWhole && !intrinsics.has(slot) && !uses.numbers.has(slot)
  }
  const found = new Set([...uses.anchored].filter(mayBe))
  for (const slot of found) for (const other of uses.partners.get(slot) ?? []) if (mayBe(other)) found.add(other)
  return found
}

function isEquality(set: KeySet): boolean {
  return set.kind === 'exact' || set.kind === 'any'
}

class Uses {
  /** Slots whose value is used as a number. */
  readonly numbers = new Set<SlotId>()
  /** Slots that are copied from or to a field of an image, or compared with one. */
  readonly anchored = new Set<SlotId>()
  /** Slots that are copied to each other, or compared. */
  readonly partners = new Map<SlotId, Set<SlotId>>()
  readonly #imageSlots: ReadonlySet<SlotId>

  constructor(imageSlots: ReadonlySet<SlotId>) {
    this.#imageSlots = imageSlots
  }

  statements(body: readonly Statement[]): void {
    for (const statement of body) this.#statement(statement)
  }

  #statement(statement: Statement): void {
    if (statement.kind === 'assign') {
      const { slot, value } = statement
      if (value.op === 'load') this.#meet(slot, value.slot)
      // Into a slot that is a number, a copy is swapped; anything more is computed as numbers.
      else this.expression(value, this.#imageSlots.has(slot))
      return
    }
    const isBytewise =
      statement.kind === 'hash' &&
      (statement.algorithm === 'mix' || statement.algorithm === 'crc32' || statement.algorithm === 'crc16') &&
      !statement.payload &&
      statement.from === undefined
    for (const [name, value] of Object.entries(statement) as [string, unknown][]) {
      if (name === 'then' || name === 'else' || name === 'body' || name === 'default') {
        this.statements(value as readonly Statement[])
      } else if (name === 'cases') {
        for (const one of value as readonly { readonly body: readonly Statement[] }[]) this.statements(one.body)
      } else if (Array.isArray(value)) {
        for (const one of value as readonly unknown[])
          if (isExpression(one)) this.expression(one, isBytewise && name === 'inputs')
      } else if (isExpression(value)) this.expression(value, false)
    }
  }

  /** @param isRaw whether the value is as welcome in network order. */
  expression(e: Expression, isRaw: boolean): void {
    switch (e.op) {
      case 'const':
        return
      case 'load':
        if (!isRaw) this.numbers.add(e.slot)
        return
      case 'eq':
      case 'ne':
        if (e.left.op === 'load' && e.right.op === 'load') this.#meet(e.left.slot, e.right.slot)
        this.expression(e.left, true)
        return this.expression(e.right, true)
      case 'not':
        return this.expression(e.operand, isRaw)
      case 'and':
      case 'or':
      case 'xor':
        this.expression(e.left, isRaw && e.width <= 64)
        return this.expression(e.right, isRaw && e.width <= 64)
      case 'concat':
        this.expression(e.left, isRaw && e.left.width % 8 === 0)
        return this.expression(e.right, isRaw && e.right.width % 8 === 0)
      case 'slice':
        return this.expression(e.operand, isRaw && e.low % 64 === 0 && e.width === 64)
      case 'cast':
        return this.expression(e.operand, isRaw && !e.signed && e.operand.width < e.width)
      case 'lnot':
        return this.expression(e.operand, false)
      default:
        for (const value of Object.values(e) as unknown[]) if (isExpression(value)) this.expression(value, false)
    }
  }

  #meet(one: SlotId, other: SlotId): void {
    if (this.#imageSlots.has(one)) this.anchored.add(other)
    else if (this.#imageSlots.has(other)) this.anchored.add(one)
    else {
      for (const [a, b] of [
        [one, other],
        [other, one],
      ] as const) {
        const known = this.partners.get(a) ?? new Set()
        this.partners.set(a, known.add(b))
      }
    }
  }
}

function isExpression(value: unknown): value is Expression {
  return typeof value === 'object' && value !== null && 'op' in value
}
