/** Tables (P4-16 §14.2): keys, actions, default action, entries, other properties. */
import type { Argument, Expression, TableDeclaration, TableEntryElement, TableProperty } from '../syntax/ast.ts'
import { printExpression } from '../syntax/print.ts'
import { bindArguments } from './argument.ts'
import { checkKeyset } from './block.ts'
import { checkEntries } from './entries.ts'
import { checkKey } from './key.ts'
import type { BoundArgument, Context } from './context.ts'
import { declare, mayBeConstant } from './declaration.ts'
import { evaluate, evaluateInteger } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { undeclared } from './include-fix.ts'
import { correction } from './suggestion.ts'
import type { ActionSymbol } from './symbol.ts'
import { type Type, showType } from './type.ts'

export type PropertyOf<K extends TableProperty['kind']> = Extract<TableProperty, { kind: K }>

/** Properties whose value is an action of the table with its arguments. */
const ACTION_PROPERTIES: ReadonlySet<string> = new Set(['default_action', 'psa_empty_group_action'])

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
  const key = findProperty(table, 'KeyProperty')
  const types = (key?.elements ?? []).map((element) => {
    if (element.expression.kind === 'Name' && element.expression.name === table.name.text) {
      context.error(
        'P4C3009',
        element.expression.range,
        `inside table '${table.name.text}' this name is the table itself`,
      )
    }
    const type = context.inference.prune(
      context.within({ body: 'keys' }, () => checkValue(context, element.expression)),
    )
    if (!context.matchKinds.has(element.match.text)) {
      undeclared(context, element.match, 'match kind ', context.matchKinds, 'P4C3008')
    }
    checkKey(context, type, element)
    return type
  })
  const actions = checkActions(context, table)
  for (const property of table.properties) {
    if (property.kind === 'EntriesProperty') {
      if ((key === undefined || key.elements.length === 0) && property.entries.length > 0) {
        const notes = [{ message: 'the entries are here', range: property.range }]
        context.error('P4C4120', table.name.range, `table '${table.name.text}' has entries but no key`, { notes })
      }
      for (const entry of property.entries) checkEntry(context, entry, types, actions)
      checkEntries(context, table, property, key)
    } else if (property.kind === 'OtherProperty') {
      if (ACTION_PROPERTIES.has(property.name.text)) checkDefaultAction(context, table, property, actions)
      else checkProperty(context, property)
    }
  }
  const { text: name, range } = table.name
  declare(context, { kind: 'table', name, range, declaration: table }, table)
}

export function propertyName(property: TableProperty): string {
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

export function findProperty<K extends TableProperty['kind']>(
  table: TableDeclaration,
  kind: K,
): PropertyOf<K> | undefined {
  return table.properties.find((property): property is PropertyOf<K> => property.kind === kind)
}

interface ListedAction {
  readonly symbol: ActionSymbol
  readonly args: readonly BoundArgument[] | undefined
  readonly isDefaultOnly: boolean
}

function checkActions(context: Context, table: TableDeclaration): ReadonlyMap<string, ListedAction> {
  const listed = new Map<string, ListedAction>()
  const property = findProperty(table, 'ActionsProperty')
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
      if (symbol === undefined) undeclared(context, { text: name.name, range: name.range }, 'action ', actions)
      else context.error('P4C3001', name.range, `'${name.name}' is not an action`)
      continue
    }
    context.references.set(name, symbol)
    context.types.set(name, { kind: 'callable', what: `action '${symbol.name}'` })
    if (listed.has(name.name)) {
      context.error('P4C3005', name.range, `action '${name.name}' is listed twice`)
      continue
    }
    const call = { args: element.args ?? [], range: element.range }
    const args = context.within({ body: 'none' }, () =>
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
    const written = { text: callee.name, range: callee.range }
    const { hint, detail } = correction(written, actions.keys())
    if (symbol === undefined) undeclared(context, written, 'action ', actions.keys())
    else context.error('P4C4124', callee.range, `'${callee.name}' is not one of the table's actions${hint}`, detail)
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
    if (mayBeConstant(context, argument.type)) continue
    if (evaluate(context, argument.value) === undefined && context.typeOf(argument.value).kind !== 'unknown') {
      const symbol = argument.value.kind === 'Name' ? context.references.get(argument.value) : undefined
      if (symbol?.kind === 'parameter' && (symbol.isConstructor || symbol.direction === 'none')) continue
      context.error('P4C5001', argument.value.range, 'the argument must be a compile-time constant')
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
    if (canonical(repeated.value) === canonical(argument.value)) continue
    const notes = [{ message: 'the action list says', range: argument.value.range }]
    context.error('P4C4127', repeated.range, `the argument differs from the one in the table's action list`, { notes })
  }
}

/** As text; the fields of a struct expression may be in any order, but all other parts are compared word for word. */
function canonical(value: Expression): string {
  if (value.kind !== 'Struct') return printExpression(value)
  const fields = value.fields.map((field) => `${field.name.text} = ${canonical(field.value)}`)
  return `{${fields.sort().join(', ')}}`
}

function checkDefaultAction(
  context: Context,
  table: TableDeclaration,
  property: PropertyOf<'OtherProperty'>,
  actions: ReadonlyMap<string, ListedAction>,
): void {
  const listed = table.properties.findIndex((other) => other.kind === 'ActionsProperty')
  if (listed > table.properties.indexOf(property)) {
    const what = property.name.text === 'default_action' ? 'the default action' : property.name.text
    context.error('P4C4128', property.range, `${what} must come after the actions of the table`)
  }
  checkActionUse(context, property.value, actions)
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
  const used = checkActionUse(context, entry.action, actions)
  if (used?.isDefaultOnly === true) {
    const text = `action '${used.symbol.name}' is for the default only (@defaultonly)`
    context.error('P4C4125', entry.action.range, text)
  }
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
