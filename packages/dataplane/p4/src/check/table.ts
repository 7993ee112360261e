/** Tables (P4-16 §14.2): keys, actions, default action, entries, other properties. */
import type { Argument, Expression, TableDeclaration, TableEntryElement, TableProperty } from '../syntax/ast.ts'
import { printExpression } from '../syntax/print.ts'
import { bindArguments } from './argument.ts'
import { checkKeyset } from './block.ts'
import type { BoundArgument, Context } from './context.ts'
import { declare } from './declaration.ts'
import { evaluate, evaluateInteger } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { suggestion } from './suggestion.ts'
import type { ActionSymbol } from './symbol.ts'
import { type Type, showType } from './type.ts'

type PropertyOf<K extends TableProperty['kind']> = Extract<TableProperty, { kind: K }>

export function checkTable(context: Context, table: TableDeclaration): void {
  const seen = new Map<string, Expression['range']>()
  for (const property of table.properties) {
    const name = propertyName(property)
    const before = seen.get(name)
    if (before !== undefined) {
      const notes = [{ message: 'the first is here', range: before }]
      context.error('P4C3005', property.range, `table property '${name}' is given twice`, { notes })
    }
    seen.set(name, property.range)
  }
  const key = find(table, 'KeyProperty')
  const types = (key?.elements ?? []).map((element) => {
    const type = context.inference.prune(
      context.within({ body: 'keys' }, () => checkValue(context, element.expression)),
    )
    if (!context.matchKinds.has(element.match.text)) {
      const hint = suggestion(element.match.text, context.matchKinds)
      context.error('P4C3008', element.match.range, `match kind '${element.match.text}' is not declared${hint}`)
    }
    checkKeyType(context, type, element.expression)
    return type
  })
  const actions = checkActions(context, table)
  for (const property of table.properties) {
    if (property.kind === 'EntriesProperty') {
      if ((key === undefined || key.elements.length === 0) && property.entries.length > 0) {
        context.error('P4C4120', property.range, 'a table without keys has no entries')
      }
      for (const entry of property.entries) checkEntry(context, entry, types, actions)
      checkEntries(context, table, property, key)
    } else if (property.kind === 'OtherProperty') {
      if (property.name.text === 'default_action') checkDefaultAction(context, property.value, actions)
      else checkProperty(context, property)
    }
  }
  const { text: name, range } = table.name
  declare(context, { kind: 'table', name, range, declaration: table }, table)
}

function propertyName(property: TableProperty): string {
  switch (property.kind) {
    case 'KeyProperty':
      return 'key'
    case 'ActionsProperty':
      return 'actions'
    case 'EntriesProperty':
      return 'entries'
    case 'OtherProperty':
      return property.name.text
  }
}

function find<K extends TableProperty['kind']>(table: TableDeclaration, kind: K): PropertyOf<K> | undefined {
  return table.properties.find((property): property is PropertyOf<K> => property.kind === kind)
}

function checkKeyType(context: Context, type: Type, expression: Expression): void {
  switch (type.kind) {
    case 'bit':
    case 'int':
    case 'bool':
    case 'enum':
    case 'error':
    case 'newtype':
    case 'unknown':
    case 'typeVariable':
      return
    default:
      context.error('P4C4121', expression.range, `a table key cannot have type ${showType(type)}`)
  }
}

interface ListedAction {
  readonly symbol: ActionSymbol
  readonly args: readonly BoundArgument[] | undefined
  readonly isDefaultOnly: boolean
}

function checkActions(context: Context, table: TableDeclaration): ReadonlyMap<string, ListedAction> {
  const listed = new Map<string, ListedAction>()
  const property = find(table, 'ActionsProperty')
  if (property === undefined) {
    context.error('P4C4122', table.name.range, `table '${table.name.text}' has no actions`)
    return listed
  }
  for (const element of property.actions) {
    const { name } = element
    const scope = name.isAbsolute ? context.globals : context.scope
    const symbol = scope.lookup(name.name)[0]
    if (symbol?.kind !== 'action') {
      const actions = scope.names().filter((candidate) => scope.lookup(candidate)[0]?.kind === 'action')
      const what = symbol === undefined ? 'is not declared' : 'is not an action'
      const hint = name.name === 'NoAction' ? '; it is declared in core.p4' : suggestion(name.name, actions)
      if (name.name !== '') context.error('P4C3001', name.range, `action '${name.name}' ${what}${hint}`)
      continue
    }
    context.references.set(name, symbol)
    context.types.set(name, { kind: 'callable', what: `action '${symbol.name}'` })
    if (listed.has(name.name)) {
      context.error('P4C3005', name.range, `action '${name.name}' is listed twice`)
      continue
    }
    const call = { args: element.args ?? [], range: element.range }
    const args = context.within({ body: 'keys' }, () =>
      bindArguments(context, call, symbol.signature, new Map(), 'actionList'),
    )
    context.constructions.set(element, { type: { kind: 'void' }, args })
    const isDefaultOnly = element.annotations.some((annotation) => annotation.name.text === 'defaultonly')
    listed.set(name.name, { symbol, args, isDefaultOnly })
  }
  return listed
}

/** `action` or `action(args)`, whose arguments are compile-time values for the control-plane parameters. */
function checkActionUse(
  context: Context,
  expression: Expression,
  actions: ReadonlyMap<string, ListedAction>,
  mode: 'default' | 'entry',
): ListedAction | undefined {
  const callee = expression.kind === 'Call' ? expression.callee : expression
  const args = expression.kind === 'Call' ? expression.args : []
  if (callee.kind !== 'Name') {
    context.error('P4C4123', expression.range, 'expected an action of the table')
    return undefined
  }
  const listed = actions.get(callee.name)
  const named = (callee.isAbsolute ? context.globals : context.scope).lookup(callee.name)[0]
  if (listed !== undefined && named?.kind === 'action' && named !== listed.symbol) {
    const notes = [{ message: 'the listed one is here', range: listed.symbol.range }]
    context.error('P4C4124', callee.range, `this '${callee.name}' is not the one of the table's actions`, { notes })
    return undefined
  }
  if (listed === undefined) {
    for (const arg of args) checkExpression(context, arg.value)
    const scope = callee.isAbsolute ? context.globals : context.scope
    const symbol = scope.lookup(callee.name)[0]
    const hint = suggestion(callee.name, actions.keys())
    if (symbol === undefined) context.error('P4C3001', callee.range, `action '${callee.name}' is not declared${hint}`)
    else context.error('P4C4124', callee.range, `'${callee.name}' is not one of the table's actions${hint}`)
    return undefined
  }
  context.references.set(callee, listed.symbol)
  context.types.set(callee, { kind: 'callable', what: `action '${listed.symbol.name}'` })
  checkRepeated(context, args, listed)
  // Arguments for directional parameters may be repeated here (§14.2.1.3); they are those of the action list.
  const { parameters } = listed.symbol.signature
  const free = parameters.filter((parameter) => parameter.direction === 'none')
  const isWhole = args.length > free.length
  const signature = { ...listed.symbol.signature, parameters: isWhole ? parameters : free }
  const bound = bindArguments(context, { args, range: expression.range }, signature, new Map(), 'all')
  for (const argument of bound) {
    if (argument.parameter.direction !== 'none' || argument.value === undefined) continue
    if (evaluate(context, argument.value) === undefined && context.typeOf(argument.value).kind !== 'unknown') {
      const symbol = argument.value.kind === 'Name' ? context.references.get(argument.value) : undefined
      if (symbol?.kind === 'parameter' && (symbol.isConstructor || symbol.direction === 'none')) continue
      if (mode === 'entry' || symbol !== undefined) {
        context.error('P4C5001', argument.value.range, 'the argument must be a compile-time constant')
      }
    }
  }
  if (expression.kind === 'Call') {
    context.types.set(expression, { kind: 'void' })
    context.calls.set(expression, { kind: 'action', symbol: listed.symbol, args: bound })
  }
  return listed
}

/** Directional arguments that are given again must be those of the action list, word for word. */
function checkRepeated(context: Context, args: readonly Argument[], listed: ListedAction): void {
  const { parameters } = listed.symbol.signature
  const bound = listed.args ?? []
  if (args.length !== parameters.length) return
  for (const [index, argument] of bound.entries()) {
    const repeated = args[index]
    if (repeated === undefined || repeated.name !== undefined || argument.value === undefined) continue
    // The parts of a struct expression may be in any order, which is not compared here.
    if (repeated.value.kind === 'Struct' || printExpression(repeated.value) === printExpression(argument.value))
      continue
    const notes = [{ message: 'the action list says', range: argument.value.range }]
    context.error('P4C4127', repeated.range, `the argument differs from the one in the table's action list`, { notes })
  }
}

function checkDefaultAction(context: Context, value: Expression, actions: ReadonlyMap<string, ListedAction>): void {
  checkActionUse(context, value, actions, 'default')
}

function checkEntry(
  context: Context,
  entry: TableEntryElement,
  types: readonly Type[],
  actions: ReadonlyMap<string, ListedAction>,
): void {
  if (entry.priority !== undefined) {
    checkValue(context, entry.priority)
    if (evaluateInteger(context, entry.priority) === undefined && context.typeOf(entry.priority).kind !== 'unknown') {
      context.error('P4C5001', entry.priority.range, 'the priority must be a compile-time constant')
    }
  }
  if (types.length > 0) checkKeyset(context, entry.keys, types, entry.range)
  const used = checkActionUse(context, entry.action, actions, 'entry')
  if (used?.isDefaultOnly === true) {
    const text = `action '${used.symbol.name}' is for the default only (@defaultonly)`
    context.error('P4C4125', entry.action.range, text)
  }
}

/** Order of the properties, priorities, and sets that do not suit their match kind (§14.2.1.4). */
function checkEntries(
  context: Context,
  table: TableDeclaration,
  entries: PropertyOf<'EntriesProperty'>,
  key: PropertyOf<'KeyProperty'> | undefined,
): void {
  const before = table.properties.slice(0, table.properties.indexOf(entries))
  if (entries.entries.length > 0) {
    for (const wanted of ['KeyProperty', 'ActionsProperty'] as const) {
      if (find(table, wanted) === undefined || before.some((property) => property.kind === wanted)) continue
      const what = wanted === 'KeyProperty' ? 'key' : 'actions'
      context.error('P4C4128', entries.range, `the entries must come after the ${what} of the table`)
    }
  }
  const kinds = (key?.elements ?? []).map((element) => element.match.text)
  const needsPriority = kinds.some((kind) => kind === 'ternary' || kind === 'range' || kind === 'optional')
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

function withoutNewtypes(type: Type): Type {
  return type.kind === 'newtype' ? withoutNewtypes(type.target) : type
}

function checkProperty(context: Context, property: PropertyOf<'OtherProperty'>): void {
  const type = context.inference.prune(checkExpression(context, property.value))
  if (type.kind === 'unknown') return
  if (property.name.text === 'largest_priority_wins' && type.kind !== 'bool') {
    context.error('P4C4126', property.value.range, `largest_priority_wins is a bool, not ${showType(type)}`)
  }
  if (property.name.text === 'priority_delta' && (evaluateInteger(context, property.value) ?? 0n) <= 0n) {
    context.error('P4C4126', property.value.range, 'priority_delta is a positive number')
  }
  if (property.name.text !== 'size') return
  const isNumber = type.kind === 'integer' || type.kind === 'bit'
  if (!isNumber)
    context.error('P4C4126', property.value.range, `the size of a table is a number, not ${showType(type)}`)
}
