/** Lints of entries that are written in the program: those that never match, and those whose order nobody has said. */
import { evaluateInteger } from '../check/evaluate.ts'
import type { Expression, TableDeclaration, TableEntryElement } from '../syntax/ast.ts'
import { printExpression } from '../syntax/print.ts'
import type { Linter } from './linter.ts'

/** One key of an entry as an interval, or value and mask; absent where it cannot be said. */
type KeySet =
  | { readonly kind: 'mask'; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'range'; readonly low: bigint; readonly high: bigint }

/** Comparing all pairs of more entries than this would take longer than the warning is worth. */
const MAX_ENTRIES = 500

export function lintEntries(linter: Linter): void {
  for (const declaration of linter.checked.tree.declarations) {
    if (declaration.kind !== 'Control') continue
    for (const local of declaration.locals) if (local.kind === 'Table') lintTable(linter, local)
  }
}

function lintTable(linter: Linter, table: TableDeclaration): void {
  const key = table.properties.find((property) => property.kind === 'KeyProperty')
  const property = table.properties.find((item) => item.kind === 'EntriesProperty')
  if (key?.kind !== 'KeyProperty' || property?.kind !== 'EntriesProperty') return
  const kinds = key.elements.map((element) => element.match.text)
  const isOrdered = kinds.some((kind) => kind === 'ternary' || kind === 'range' || kind === 'optional')
  if (!isOrdered || property.entries.length > MAX_ENTRIES) return
  const widths = key.elements.map((element) => widthOf(linter, element.expression))
  const entries = property.entries.map((entry) => ({ entry, sets: setsOf(linter, entry, widths) }))
  if (property.entries.some(hasPriority)) return lintPriorities(linter, entries)
  for (const [index, later] of entries.entries()) {
    for (const earlier of entries.slice(0, index)) {
      if (later.sets === undefined || earlier.sets === undefined) continue
      const notes = [{ message: 'the earlier entry is here', range: earlier.entry.range }]
      if (covers(earlier.sets, later.sets)) {
        linter.warn('P4C7010', later.entry.range, 'an earlier entry matches everything that this one does', { notes })
        break
      }
      const isPartial = overlaps(earlier.sets, later.sets) && !covers(later.sets, earlier.sets)
      const isSame = printExpression(earlier.entry.action) === printExpression(later.entry.action)
      if (isPartial && !isSame && !property.isConst) {
        const text = 'this entry and an earlier one overlap, and neither has a priority; the earlier one wins'
        linter.warn('P4C7011', later.entry.range, text, { notes })
        break
      }
    }
  }
}

/** Of entries whose priorities the program gives, those that share one and may match the same packet. */
function lintPriorities(
  linter: Linter,
  entries: readonly { readonly entry: TableEntryElement; readonly sets: readonly KeySet[] | undefined }[],
): void {
  const { context } = linter.checked
  const priorities = entries.map(({ entry }) =>
    entry.priority === undefined ? undefined : evaluateInteger(context, entry.priority),
  )
  for (const [index, later] of entries.entries()) {
    const priority = priorities[index]
    if (priority === undefined || later.sets === undefined) continue
    const { sets } = later
    const rival = entries.slice(0, index).find((earlier, k) => {
      const isSame = printExpression(earlier.entry.action) === printExpression(later.entry.action)
      return priorities[k] === priority && !isSame && earlier.sets !== undefined && overlaps(earlier.sets, sets)
    })
    if (rival === undefined) continue
    const notes = [{ message: 'the earlier entry is here', range: rival.entry.range }]
    const text = `this entry and an earlier one overlap, and both have priority ${priority}; the earlier one wins`
    linter.warn('P4C7011', later.entry.range, text, { notes })
  }
}

function hasPriority(entry: TableEntryElement): boolean {
  return entry.priority !== undefined || entry.annotations.some((annotation) => annotation.name.text === 'priority')
}

function widthOf(linter: Linter, expression: Expression): number | undefined {
  let type = linter.checked.context.typeOf(expression)
  while (type.kind === 'newtype') type = linter.checked.context.inference.resolve(type.target)
  if (type.kind === 'enum' && type.underlying !== undefined) type = type.underlying
  return type.kind === 'bit' ? type.width : type.kind === 'bool' ? 1 : undefined
}

function setsOf(
  linter: Linter,
  entry: TableEntryElement,
  widths: readonly (number | undefined)[],
): readonly KeySet[] | undefined {
  const { context } = linter.checked
  const [only] = entry.keys
  if (entry.keys.length === 1 && widths.length > 1 && (only?.kind === 'Default' || only?.kind === 'DontCare')) {
    return widths.map(() => ({ kind: 'mask', value: 0n, mask: 0n }))
  }
  if (entry.keys.length !== widths.length) return undefined
  const sets: KeySet[] = []
  for (const [index, key] of entry.keys.entries()) {
    const width = widths[index]
    if (key.kind === 'Default' || key.kind === 'DontCare' || key.kind === 'Dots') {
      sets.push({ kind: 'mask', value: 0n, mask: 0n })
      continue
    }
    if (width === undefined) return undefined
    const ones = (1n << BigInt(width)) - 1n
    if (key.kind === 'Binary' && (key.operator === '&&&' || key.operator === '..')) {
      const left = evaluateInteger(context, key.left)
      const right = evaluateInteger(context, key.right)
      if (left === undefined || right === undefined) return undefined
      sets.push(
        key.operator === '..'
          ? { kind: 'range', low: left, high: right }
          : { kind: 'mask', value: left & right & ones, mask: right & ones },
      )
      continue
    }
    const value = key.kind === 'Bool' ? (key.value ? 1n : 0n) : evaluateInteger(context, key)
    if (value === undefined) return undefined
    sets.push({ kind: 'mask', value: BigInt.asUintN(width, value), mask: ones })
  }
  return sets
}

function covers(wide: readonly KeySet[], narrow: readonly KeySet[]): boolean {
  return wide.every((set, index) => {
    const other = narrow[index]
    if (other === undefined) return false
    if (set.kind === 'mask') {
      if (set.mask === 0n) return true
      return other.kind === 'mask' && (set.mask & ~other.mask) === 0n && (other.value & set.mask) === set.value
    }
    return other.kind === 'range' && set.low <= other.low && other.high <= set.high
  })
}

function overlaps(a: readonly KeySet[], b: readonly KeySet[]): boolean {
  return a.every((set, index) => {
    const other = b[index]
    if (other === undefined) return false
    if (set.kind === 'mask' && other.kind === 'mask') return ((set.value ^ other.value) & set.mask & other.mask) === 0n
    if (set.kind === 'range' && other.kind === 'range') return set.low <= other.high && other.low <= set.high
    return false
  })
}
