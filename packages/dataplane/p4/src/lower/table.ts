/** Tables and the actions that they run (P4-16 §14.2). */
import type {
  Expression,
  Action,
  ActionRef,
  BoundAction,
  KeySet,
  MatchKind,
  Statement,
  Table,
  TableEntry,
  TableKey,
} from '../ir/index.ts'
import { evaluateInteger } from '../check/evaluate.ts'
import type { ActionSymbol, Symbol } from '../check/symbol.ts'
import type { Type } from '../check/type.ts'
import type { Expression as Ast, TableActionElement, TableDeclaration, TableProperty } from '../syntax/ast.ts'
import { printExpression } from '../syntax/print.ts'
import type { TableAttributes } from './architecture.ts'
import { controlPlaneName, lowerObject } from './block.ts'
import { invalidate } from './call.ts'
import { lowerScalar, lowerValue } from './expression.ts'
import { lowerTarget, readTarget, writeTarget } from './target.ts'
import { constant, constantOf, FALSE, mux } from './fold.ts'
import { emitHash, validityOf } from './hash.ts'
import { flattenKeyset, keyset, type KeySetResult } from './keyset.ts'
import { Environment, type Lowering } from './lowering.ts'
import { allocate, collectSlots, type Place } from './place.ts'
import { lowerBlock } from './statement.ts'
import { convert, leaves, read, write } from './value.ts'

type PropertyOf<K extends TableProperty['kind']> = Extract<TableProperty, { kind: K }>

function find<K extends TableProperty['kind']>(table: TableDeclaration, kind: K): PropertyOf<K> | undefined {
  return table.properties.find((property): property is PropertyOf<K> => property.kind === kind)
}

function other(table: TableDeclaration, name: string): PropertyOf<'OtherProperty'> | undefined {
  return table.properties.find(
    (property): property is PropertyOf<'OtherProperty'> =>
      property.kind === 'OtherProperty' && property.name.text === name,
  )
}

const MATCH_KINDS: ReadonlySet<string> = new Set(['exact', 'lpm', 'ternary', 'range', 'optional', 'selector'])

export function declareTable(lower: Lowering, declaration: TableDeclaration): void {
  const symbol = lower.context.symbols.get(declaration)
  if (symbol === undefined) return
  const name = controlPlaneName(lower, declaration.name.text, declaration.annotations)
  const { keys, prelude } = lowerKeys(lower, declaration)
  const { refs, symbols } = lowerActions(lower, declaration)
  const { defaultAction, isDefaultConst } = lowerDefault(lower, declaration, refs, symbols)
  const emptyGroupAction = lowerEmptyGroupAction(lower, declaration, refs, symbols)
  const attributes: TableAttributes = {}
  let supportsTimeout = false
  for (const property of declaration.properties) {
    if (property.kind !== 'OtherProperty') continue
    if (asksForTimeout(property)) supportsTimeout = true
    const object = lowerObject(lower, property.value, `${name}.${property.name.text}`)
    if (object?.kind === 'extern') lower.architecture.property(lower, property.name.text, object, attributes)
  }
  const { doesCountAlways, onHit = [], ...references } = attributes
  const { directCounter } = references
  const hitSlot = lower.builder.slot(`${name}.$hit`, 'bool', 1)
  const first: Statement[] = []
  if (doesCountAlways === true && directCounter !== undefined) first.push({ kind: 'count', counter: directCounter })
  if (onHit.length > 0) first.push({ kind: 'if', condition: lower.builder.load(hitSlot), then: onHit, else: [] })
  const prepared = first.length === 0 ? refs : refs.map((ref) => ({ ...ref, before: [...first, ...ref.before] }))
  const actionSlot = lower.builder.slot(`${name}.$action`, 'bit', 16)
  lower.builder.valueNames.set(actionSlot, new Map(symbols.map((action, index) => [BigInt(index), action.name])))
  const entries = lowerEntries(lower, declaration, keys, refs, symbols)
  const table: Table = {
    name,
    keys,
    actions: prepared,
    defaultAction,
    isDefaultConst,
    ...(emptyGroupAction === undefined ? {} : { emptyGroupAction }),
    size: tableSize(lower, declaration),
    entries,
    areEntriesConst: find(declaration, 'EntriesProperty')?.isConst ?? false,
    hitSlot,
    actionSlot,
    ...references,
    ...selector(lower, name, keys, references.implementation, prelude),
    ...(supportsTimeout ? { supportsTimeout } : {}),
    at: lower.builder.at(declaration.name.range),
  }
  lower.builder.tables.push(table)
  const id = lower.builder.tables.length - 1
  const exitFlags = refs.flatMap((ref) => lower.actionExits.get(ref.action) ?? [])
  lower.environment.bind(symbol, {
    kind: 'object',
    object: { kind: 'table', id, prelude, actions: symbols, exitFlags },
  })
}

/** v1model's `support_timeout = true`, psa's `psa_idle_timeout = PSA_IdleTimeout_t.NOTIFY_CONTROL`. */
function asksForTimeout({ name, value }: PropertyOf<'OtherProperty'>): boolean {
  if (name.text === 'support_timeout') return value.kind === 'Bool' && value.value
  return name.text === 'psa_idle_timeout' && value.kind === 'Member' && value.member.text === 'NOTIFY_CONTROL'
}

/** The hash of the selector keys, which the table's prelude computes. */
function selector(
  lower: Lowering,
  name: string,
  keys: readonly TableKey[],
  implementation: number | undefined,
  prelude: Statement[],
): { readonly selectorSlot?: number } {
  const extern = implementation === undefined ? undefined : lower.builder.externs[implementation]
  const inputs = keys.filter((key) => key.match === 'selector').map((key) => key.expression)
  if (extern?.kind !== 'actionSelector' || inputs.length === 0) return {}
  const slot = lower.builder.slot(`${name}.$selector`, 'bit', 32)
  const { algorithm = 'crc32', outputWidth = 32 } = extern
  prelude.push(...lower.collect(() => emitHash(lower, { kind: 'hash', algorithm, inputs, payload: false, slot })))
  if (outputWidth > 0 && outputWidth < 32 && !lower.isBmv2) {
    const mask = { op: 'const', width: 32, value: (1n << BigInt(outputWidth)) - 1n } as const
    const value = { op: 'and', width: 32, left: lower.builder.load(slot), right: mask } as const
    prelude.push({ kind: 'assign', slot, value })
  }
  return { selectorSlot: slot }
}

function lowerKeys(lower: Lowering, declaration: TableDeclaration): { keys: TableKey[]; prelude: Statement[] } {
  const keys: TableKey[] = []
  const prelude = lower.collect(() => {
    for (const element of find(declaration, 'KeyProperty')?.elements ?? []) {
      const given = element.annotations.find((annotation) => annotation.name.text === 'name')?.values[0]
      const name = given?.kind === 'String' ? given.value : printExpression(element.expression)
      const before = lower.out.length
      const expression = lookupKey(lower, lowerScalar(lower, element.expression))
      // A key computed by statements is read from where they left it.
      const kept = lower.out.length > before ? lower.capture(expression) : expression
      if (!MATCH_KINDS.has(element.match.text)) {
        lower.error(
          'P4C6010',
          element.match.range,
          `match kind '${element.match.text}' is not known to ${lower.architecture.name}`,
        )
      }
      // because MATCH_KINDS holds exactly the members of MatchKind, and others were reported
      keys.push({ name, match: element.match.text as MatchKind, expression: kept })
    }
  })
  return { keys, prelude }
}

/** BMv2 looks up zeros in place of the fields of a header that is not valid; the specification leaves the value open. */
function lookupKey(lower: Lowering, expression: Expression): Expression {
  if (!lower.isBmv2) return expression
  const valid = validityOf(lower, withoutMask(expression))
  return valid === undefined ? expression : mux(lower.builder.load(valid), expression, constant(0n, expression.width))
}

function withoutMask(expression: Expression): Expression {
  if (expression.op !== 'and') return expression
  if (constantOf(expression.right) !== undefined) return expression.left
  return constantOf(expression.left) === undefined ? expression : expression.right
}

function tableSize(lower: Lowering, declaration: TableDeclaration): number | undefined {
  const property = other(declaration, 'size')
  if (property === undefined) return undefined
  const value = lowerValue(lower, property.value)
  const number =
    value.kind === 'integer' ? value.value : value.kind === 'scalar' ? constantOf(value.expression) : undefined
  return number === undefined ? undefined : Number(number)
}

function lowerActions(lower: Lowering, declaration: TableDeclaration): { refs: ActionRef[]; symbols: ActionSymbol[] } {
  const refs: ActionRef[] = []
  const symbols: ActionSymbol[] = []
  for (const element of find(declaration, 'ActionsProperty')?.actions ?? []) {
    const symbol = lower.context.references.get(element.name)
    if (symbol?.kind !== 'action') continue
    refs.push(actionRef(lower, element, symbol))
    symbols.push(symbol)
  }
  return { refs, symbols }
}

function actionRef(lower: Lowering, element: TableActionElement, symbol: ActionSymbol): ActionRef {
  const has = (name: string): boolean => element.annotations.some((annotation) => annotation.name.text === name)
  const { id, places } = loweredAction(lower, symbol)
  const bound = lower.context.constructions.get(element)?.args ?? []
  const after: Statement[] = []
  const exitFlag = lower.actionExits.get(id)
  const before = lower.collect(() => {
    if (exitFlag !== undefined) lower.emit({ kind: 'assign', slot: exitFlag, value: FALSE })
    for (const argument of bound) {
      const place = places.get(argument.parameter.name)
      const { value, parameter } = argument
      if (place === undefined || value === undefined) continue
      if (parameter.direction === 'in') {
        write(lower, place, convert(lower, lowerValue(lower, value), lower.typeOf(value), lower.resolve(argument.type)))
        continue
      }
      if (value.kind === 'DontCare') continue
      const target = lowerTarget(lower, value)
      if (parameter.direction === 'inout') write(lower, place, readTarget(lower, target))
      else invalidate(lower, place)
      after.push(...lower.collect(() => writeTarget(lower, target, read(lower, place))))
    }
  })
  return { action: id, isDefaultOnly: has('defaultonly'), isTableOnly: has('tableonly'), before, after }
}

interface LoweredAction {
  readonly id: number
  /** Storage of the parameters that the program gives, by name. */
  readonly places: ReadonlyMap<string, Place>
}

/** Lowers an action once for each control instance that declares it. */
function loweredAction(lower: Lowering, symbol: ActionSymbol): LoweredAction {
  const isGlobal = lower.context.globals.own(symbol.name).includes(symbol)
  const table = isGlobal ? lower.globalActions : lower.control.actions
  const known = table.get(symbol)
  if (known !== undefined) return { id: known, places: lower.actionPlaces.get(known) ?? new Map() }
  const { declaration, signature } = symbol
  const environment = new Environment(isGlobal ? lower.globals : lower.control.environment)
  const name = isGlobal
    ? lower.atPath('', () => controlPlaneName(lower, symbol.name, declaration.annotations))
    : controlPlaneName(lower, symbol.name, declaration.annotations)
  const parameters: Action['parameters'][number][] = []
  const places = new Map<string, Place>()
  for (const parameter of signature.parameters) {
    const parameterSymbol = lower.context.symbols.get(parameter.node)
    const place = allocate(lower.builder, lower.context, lower.resolve(parameter.type), `${name}.${parameter.name}`)
    if (parameterSymbol !== undefined) environment.bind(parameterSymbol, { kind: 'place', place })
    if (parameter.direction === 'none') parameters.push(...actionParameters(lower, name, place))
    else places.set(parameter.name, place)
  }
  const id = lower.builder.actions.length
  lower.builder.actions.push({ name, parameters, body: [], at: lower.builder.at(declaration.name.range) })
  table.set(symbol, id)
  lower.actionPlaces.set(id, places)
  const saved = { frame: lower.frame, loops: lower.loops }
  lower.frame = { result: undefined, isProcedure: true }
  lower.loops = []
  const savedExit = lower.exit
  // What an `exit` must copy out is known where the table binds the action's parameters.
  const copiesOut = signature.parameters.some(({ direction }) => direction === 'out' || direction === 'inout')
  const exit = copiesOut
    ? { flag: lower.builder.slot(`${name}.$exit`, 'bool', 1), copies: lower.pendingCopies.length, isUsed: false }
    : savedExit
  lower.exit = exit
  const body = lower.atPath(name, () =>
    lower.within(environment, () => lower.collect(() => lowerBlock(lower, declaration.body))),
  )
  lower.frame = saved.frame
  lower.loops = saved.loops
  lower.exit = savedExit
  if (copiesOut && exit?.isUsed === true) lower.actionExits.set(id, exit.flag)
  lower.builder.actions[id] = { name, parameters, body, at: lower.builder.at(declaration.name.range) }
  return { id, places }
}

/** A struct parameter is given part by part. */
function actionParameters(lower: Lowering, action: string, place: Place): Action['parameters'][number][] {
  const slots: number[] = []
  collectSlots(place, slots)
  return slots.map((slot) => {
    const { name, width } = lower.builder.slots[slot] ?? { name: '', width: 1 }
    return { name: name.slice(action.length + 1), width, slot }
  })
}

function lowerDefault(
  lower: Lowering,
  declaration: TableDeclaration,
  refs: ActionRef[],
  symbols: ActionSymbol[],
): { defaultAction: BoundAction; isDefaultConst: boolean } {
  const property = other(declaration, 'default_action')
  if (property !== undefined) {
    const bound = boundAction(lower, property.value, symbols)
    return { defaultAction: bound ?? { action: 0, parameters: [] }, isDefaultConst: property.isConst }
  }
  // Without one it is NoAction (§14.2.1.3).
  return { defaultAction: noAction(lower, refs, symbols), isDefaultConst: false }
}

/** NoAction, which the table need not list. */
function noAction(lower: Lowering, refs: ActionRef[], symbols: ActionSymbol[]): BoundAction {
  const listed = symbols.findIndex((symbol) => symbol.name === 'NoAction')
  if (listed !== -1) return { action: listed, parameters: [] }
  const symbol = lower.context.globals.own('NoAction').find((candidate: Symbol) => candidate.kind === 'action')
  const action = symbol?.kind === 'action' ? loweredAction(lower, symbol).id : lower.emptyAction()
  if (symbol?.kind === 'action') symbols.push(symbol)
  refs.push({ action, isDefaultOnly: true, isTableOnly: false, before: [], after: [] })
  return { action: refs.length - 1, parameters: [] }
}

/** psa: what the program says, or else NoAction. BMv2 does nothing in either architecture, whatever the program says. */
function lowerEmptyGroupAction(
  lower: Lowering,
  declaration: TableDeclaration,
  refs: ActionRef[],
  symbols: ActionSymbol[],
): BoundAction | undefined {
  const hasSelector = find(declaration, 'KeyProperty')?.elements.some(({ match }) => match.text === 'selector') === true
  if (!hasSelector || (lower.architecture.name !== 'psa' && !lower.isBmv2)) return undefined
  const property = lower.isBmv2 ? undefined : other(declaration, 'psa_empty_group_action')
  const bound = property === undefined ? undefined : boundAction(lower, property.value, symbols)
  return bound ?? noAction(lower, refs, symbols)
}

/** An action of the table with constant arguments. */
function boundAction(lower: Lowering, expression: Ast, symbols: readonly ActionSymbol[]): BoundAction | undefined {
  const callee = expression.kind === 'Call' ? expression.callee : expression
  const symbol = lower.context.references.get(callee)
  const action = symbols.findIndex((candidate) => candidate === symbol)
  if (action === -1) return undefined
  const parameters: bigint[] = []
  const info = expression.kind === 'Call' ? lower.context.calls.get(expression) : undefined
  if (info?.kind !== 'action') return { action, parameters }
  for (const argument of info.args) {
    if (argument.parameter.direction !== 'none') continue
    const source = argument.value ?? argument.parameter.initializer
    if (source === undefined) continue
    const type = lower.resolve(argument.type)
    const parts: Expression[] = []
    const value = convert(lower, lowerValue(lower, source), lower.typeOf(source), type)
    leaves(value, parts)
    for (const part of parts) parameters.push(constantOf(part) ?? 0n)
  }
  return { action, parameters }
}

function lowerEntries(
  lower: Lowering,
  declaration: TableDeclaration,
  keys: readonly TableKey[],
  refs: readonly ActionRef[],
  symbols: readonly ActionSymbol[],
): TableEntry[] {
  const property = find(declaration, 'EntriesProperty')
  if (property === undefined) return []
  const types = (find(declaration, 'KeyProperty')?.elements ?? []).map((element) => lower.typeOf(element.expression))
  const priorities = entryPriorities(lower, declaration, property)
  return property.entries.flatMap((entry, index) => {
    const action = boundAction(lower, entry.action, symbols)
    const sets = flattenKeyset(lower, entry.keys, types)
    if (action === undefined || sets === undefined || refs.length === 0) return []
    const converted = sets.map((set, position) => entryKey(lower, set, keys[position], types[position], entry.range))
    return [{ keys: converted, action, priority: priorities[index] ?? 0 }]
  })
}

/** By match kind: an exact value may stand for a full mask, a mask for a prefix. */
function entryKey(
  lower: Lowering,
  set: KeySetResult,
  key: TableKey | undefined,
  type: Type | undefined,
  range: Ast['range'],
): KeySet {
  const width = key?.expression.width ?? 1
  const result = keyset(lower, set, type ?? { kind: 'unknown' }, width)
  if (result === undefined) {
    lower.error('P4C6011', range, 'the keys of an entry must be compile-time constants')
    return { kind: 'any' }
  }
  const full = (1n << BigInt(width)) - 1n
  switch (key?.match) {
    case 'lpm': {
      if (result.kind === 'exact') return { kind: 'lpm', value: result.value, length: width }
      if (result.kind === 'any') return { kind: 'lpm', value: 0n, length: 0 }
      if (result.kind === 'ternary') {
        const length = prefixLength(result.mask, width)
        if (length !== undefined) return { kind: 'lpm', value: result.value & result.mask, length }
      }
      lower.error('P4C6012', range, 'the mask of an lpm key must be a prefix: ones, then zeros')
      return { kind: 'lpm', value: 0n, length: 0 }
    }
    case 'ternary':
      if (result.kind === 'exact') return { kind: 'ternary', value: result.value, mask: full }
      return result.kind === 'any' ? { kind: 'ternary', value: 0n, mask: 0n } : result
    case 'range':
      if (result.kind === 'exact') return { kind: 'range', low: result.value, high: result.value }
      return result.kind === 'any' ? { kind: 'range', low: 0n, high: full } : result
    case 'exact':
      if (result.kind !== 'exact') lower.error('P4C6013', range, 'an exact key takes a single value')
      return result
    default:
      return result
  }
}

export function prefixLength(mask: bigint, width: number): number | undefined {
  let length = 0
  while (length < width && ((mask >> BigInt(width - 1 - length)) & 1n) === 1n) length += 1
  const rest = (1n << BigInt(width - length)) - 1n
  return (mask & rest) === 0n ? length : undefined
}

/** The first entry wins unless priorities say otherwise (§14.2.1.4); in the result the larger number wins. */
function entryPriorities(
  lower: Lowering,
  declaration: TableDeclaration,
  property: PropertyOf<'EntriesProperty'>,
): number[] {
  const count = property.entries.length
  const isAnyGiven = property.entries.some((entry) => entry.priority !== undefined)
  if (!isAnyGiven) {
    // `@priority(n)` predates the language's own priorities; there the smaller number wins, and an entry without one
    // has its position.
    const ranks = property.entries.map((entry, index) => {
      const given = entry.annotations.find((annotation) => annotation.name.text === 'priority')?.values[0]
      return given?.kind === 'Integer' ? Number(given.value) : index + 1
    })
    const last = Math.max(count, ...ranks)
    return ranks.map((rank) => last - rank + 1)
  }
  const largestWins = other(declaration, 'largest_priority_wins')?.value
  const isLargest = !(largestWins?.kind === 'Bool' && !largestWins.value)
  const deltaValue = other(declaration, 'priority_delta')?.value
  const delta = deltaValue === undefined ? 1 : Number(evaluateInteger(lower.context, deltaValue) ?? 1n)
  const given: number[] = []
  let next = isLargest ? (count - 1) * delta + 1 : 1
  for (const [index, entry] of property.entries.entries()) {
    const own = entry.priority === undefined ? undefined : evaluateInteger(lower.context, entry.priority)
    const previous = given[index - 1]
    if (own !== undefined) next = Number(own)
    else if (previous !== undefined) next = isLargest ? previous - delta : previous + delta
    given.push(next)
  }
  if (isLargest) return given
  const largest = Math.max(...given)
  return given.map((priority) => largest - priority + 1)
}
