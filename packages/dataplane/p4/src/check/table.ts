/** Tables (P4-16 §14.2): keys, actions, default action, entries, other properties. */
import type { Expression, TableDeclaration, TableEntryElement, TableProperty } from '../syntax/ast.ts'
import { checkKeyset } from './block.ts'
import { bindArguments } from './call.ts'
import type { BoundArgument, Context } from './context.ts'
import { declare } from './declaration.ts'
import { evaluate, evaluateInteger } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { suggestion } from './suggestion.ts'
import type { ActionSymbol } from './symbol.ts'
import { showType, type Type } from './type.ts'

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

function checkProperty(context: Context, property: PropertyOf<'OtherProperty'>): void {
  const type = context.inference.prune(checkExpression(context, property.value))
  if (property.name.text !== 'size' || type.kind === 'unknown') return
  const isNumber = type.kind === 'integer' || type.kind === 'bit'
  if (!isNumber)
    context.error('P4C4126', property.value.range, `the size of a table is a number, not ${showType(type)}`)
}
