/** Entries written in the program (P4-16 §14.2.1.4): sets that suit their keys, priorities, entries that can never match. */
import type { Expression, TableDeclaration, TableEntryElement } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { evaluate, evaluateInteger } from './evaluate.ts'
import { withoutNewtypes } from './key.ts'
import { findProperty, type PropertyOf } from './table.ts'

const MAX_PRIORITY = (1n << 31n) - 1n

/** Order of the properties, priorities, and sets that do not suit their match kind (§14.2.1.4). */
export function checkEntries(
  context: Context,
  table: TableDeclaration,
  entries: PropertyOf<'EntriesProperty'>,
  key: PropertyOf<'KeyProperty'> | undefined,
): void {
  const before = table.properties.slice(0, table.properties.indexOf(entries))
  if (entries.entries.length > 0) {
    for (const wanted of ['KeyProperty', 'ActionsProperty'] as const) {
      if (findProperty(table, wanted) === undefined || before.some((property) => property.kind === wanted)) continue
      const what = wanted === 'KeyProperty' ? 'key' : 'actions'
      context.error('P4C4128', entries.range, `the entries must come after the ${what} of the table`)
    }
  }
  const kinds = (key?.elements ?? []).map((element) => element.match.text)
  const needsPriority = kinds.some((kind) => kind === 'ternary' || kind === 'range' || kind === 'optional')
  if (needsPriority && !entries.isConst) checkPriorities(context, table, entries.entries)
  checkRepeatedEntries(context, entries.entries, kinds)
  for (const entry of entries.entries) {
    if (entry.priority !== undefined && (entries.isConst || !needsPriority)) {
      const why = entries.isConst ? 'const entries are ordered by position' : 'keys of these kinds need none'
      context.error('P4C4128', entry.priority.range, `the entry cannot have a priority: ${why}`)
    }
    if (entry.keys.length === kinds.length) {
      for (const [index, set] of entry.keys.entries())
        checkSet(context, set, kinds[index] ?? '', key?.elements[index]?.expression)
    }
  }
}

/** The first entry names a priority when any does; the others follow from the one before, and none may be negative. */
function checkPriorities(context: Context, table: TableDeclaration, entries: readonly TableEntryElement[]): void {
  const [first] = entries
  const given = entries.find((entry) => entry.priority !== undefined)
  if (first === undefined || given === undefined) return
  if (first.priority === undefined) {
    const notes = [{ message: 'a later entry has one', range: given.range }]
    context.error('P4C4128', first.range, 'the first entry must have a priority when another has one', { notes })
    return
  }
  const other = (name: string): Expression | undefined =>
    table.properties.find(
      (property): property is PropertyOf<'OtherProperty'> =>
        property.kind === 'OtherProperty' && property.name.text === name,
    )?.value
  const order = other('largest_priority_wins')
  const isDescending = !(order?.kind === 'Bool' && !order.value)
  const deltaValue = other('priority_delta')
  const delta = (deltaValue === undefined ? undefined : evaluateInteger(context, deltaValue)) ?? 1n
  let priority = 0n
  for (const entry of entries) {
    const own = entry.priority === undefined ? undefined : evaluateInteger(context, entry.priority)
    priority = own ?? (isDescending ? priority - delta : priority + delta)
    if (priority >= 0n && priority <= MAX_PRIORITY) continue
    const text = `the priority of this entry would be ${priority}; it must be between 0 and ${MAX_PRIORITY}`
    context.error('P4C4128', entry.range, text)
    return
  }
}

/** Two entries with the same exact or prefix key: the second could never match. */
function checkRepeatedEntries(context: Context, entries: readonly TableEntryElement[], kinds: readonly string[]): void {
  if (!kinds.every((kind) => kind === 'exact')) return
  const seen = new Map<string, TableEntryElement>()
  for (const entry of entries) {
    const values = entry.keys.map((key) => evaluate(context, key))
    if (!values.every((value) => value?.kind === 'number')) continue
    const key = values.map((value) => (value.kind === 'number' ? String(value.value) : '')).join(',')
    const before = seen.get(key)
    if (before === undefined) seen.set(key, entry)
    else {
      const notes = [{ message: 'the first is here', range: before.range }]
      context.error('P4C3005', entry.range, 'another entry has the same key', { notes })
    }
  }
}

function checkSet(context: Context, set: Expression, kind: string, key: Expression | undefined): void {
  const isMask = set.kind === 'Binary' && set.operator === '&&&'
  const isRange = set.kind === 'Binary' && set.operator === '..'
  const type = key === undefined ? undefined : withoutNewtypes(context.typeOf(key))
  if (isRange && kind !== 'range' && MATCH_KINDS.has(kind)) {
    context.error('P4C4129', set.range, `a range does not suit a key that is matched ${kind}`)
  } else if (isMask && (kind === 'optional' || kind === 'range')) {
    context.error('P4C4129', set.range, `a mask does not suit a key that is matched ${kind}`)
  } else if (isMask && kind === 'lpm' && type?.kind === 'bit') {
    const mask = evaluateInteger(context, set.right)
    const inverse = mask === undefined ? 0n : BigInt.asUintN(type.width, ~mask)
    // The zeros of a prefix mask are all at its low end.
    if ((inverse & (inverse + 1n)) !== 0n) {
      context.error('P4C6012', set.range, 'the mask of an lpm key must be a prefix: ones, then zeros')
    }
  }
}

const MATCH_KINDS: ReadonlySet<string> = new Set(['exact', 'lpm', 'ternary', 'optional'])
