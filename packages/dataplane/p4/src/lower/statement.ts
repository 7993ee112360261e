/** Statements to IR (P4-16 §12). Branches on constants disappear. */
import type {
  Declaration,
  BlockStatement,
  Expression as Ast,
  Statement,
  SwitchCase,
  SwitchStatement,
} from '../syntax/ast.ts'
import type { Type } from '../check/type.ts'
import type { Symbol } from '../check/symbol.ts'
import type { Expression, Statement as IrStatement } from '../ir/index.ts'
import { evaluate } from '../check/evaluate.ts'
import { declareInstance } from './block.ts'
import { invalidate } from './call.ts'
import { combine, lowerAll, lowerScalar, lowerValue, tableOf } from './expression.ts'
import { setValidity } from './header.ts'
import { forEachAlternative, lowerTarget, readTarget, writeTarget } from './target.ts'
import * as fold from './fold.ts'
import type { Lowering } from './lowering.ts'
import { allocate, scalarShape, type Place } from './place.ts'
import { convert, freeze, fromConstant, NONE, scalarOf, write, type Value } from './value.ts'

export function lowerBlock(lower: Lowering, block: BlockStatement): void {
  lower.inScope(() => {
    for (const statement of block.statements) lowerStatement(lower, statement)
  })
}

export function lowerStatement(lower: Lowering, statement: Statement): void {
  lower.located(statement.range, () => lowerOne(lower, statement))
}

function lowerOne(lower: Lowering, statement: Statement): void {
  switch (statement.kind) {
    case 'Block':
      lowerBlock(lower, statement)
      return
    case 'If':
      lowerIf(lower, statement)
      return
    case 'Assign':
      lowerAssignment(lower, statement)
      return
    case 'CallStatement':
      lowerValue(lower, statement.call)
      return
    case 'Switch':
      lowerSwitch(lower, statement)
      return
    case 'Return':
      if (statement.value !== undefined && lower.frame.result !== undefined) {
        write(lower, lower.frame.result, lowerValue(lower, statement.value))
      }
      if (lower.frame.isProcedure) lower.emit({ kind: 'return' })
      return
    case 'Exit':
      lowerExit(lower)
      return
    case 'Empty':
      return
    case 'Break':
      lower.emit({ kind: 'break' })
      return
    case 'Continue':
      lower.loops.at(-1)?.update()
      lower.emit({ kind: 'continue' })
      return
    case 'For':
      lowerFor(lower, statement)
      return
    case 'ForIn':
      lowerForIn(lower, statement)
      return
    case 'DeclarationStatement': {
      const { declaration } = statement
      if (declaration.kind === 'Variable') lowerVariable(lower, declaration)
      else if (declaration.kind === 'Instantiation') declareInstance(lower, declaration)
    }
  }
}

/**
 * All calls on the way out copy their results back (§12.4). Where one procedure serves several calls, which copies are
 * due is known to the callers only: a flag takes the `exit` to them.
 */
export function lowerExit(lower: Lowering): void {
  const { exit } = lower
  for (const copy of lower.pendingCopies.slice(exit?.copies ?? 0).reverse()) copy()
  if (exit === undefined) {
    lower.emit({ kind: 'exit' })
    return
  }
  exit.isUsed = true
  lower.emit({ kind: 'assign', slot: exit.flag, value: fold.TRUE })
  lower.emit({ kind: 'return' })
}

/** After a call inside code that takes `exit` to its callers by a flag. */
export function leaveIfExited(lower: Lowering): void {
  const { exit } = lower
  if (exit === undefined) return
  const then = lower.collect(() => {
    for (const copy of lower.pendingCopies.slice(exit.copies).reverse()) copy()
    lower.emit({ kind: 'return' })
  })
  lower.emit({ kind: 'if', condition: lower.builder.load(exit.flag), then, else: [] })
}

export function lowerVariable(lower: Lowering, declaration: Extract<Declaration, { kind: 'Variable' }>): void {
  const symbol = lower.context.symbols.get(declaration)
  if (symbol?.kind !== 'variable') return
  const place = allocate(lower.builder, lower.context, lower.resolve(symbol.type), lower.qualified(symbol.name))
  if (declaration.initializer === undefined) invalidate(lower, place)
  else write(lower, place, lowerValue(lower, declaration.initializer))
  lower.environment.bind(symbol, { kind: 'place', place })
}

function lowerIf(lower: Lowering, statement: Extract<Statement, { kind: 'If' }>): void {
  const condition = lowerScalar(lower, statement.condition)
  const branch = (part: Statement | undefined): IrStatement[] =>
    lower.collect(() => {
      if (part !== undefined) lower.inScope(() => lowerStatement(lower, part))
    })
  if (condition.op === 'const') {
    const taken = condition.value === 0n ? statement.else : statement.then
    if (taken !== undefined) lower.inScope(() => lowerStatement(lower, taken))
    return
  }
  const then = branch(statement.then)
  const otherwise = branch(statement.else)
  if (then.length > 0 || otherwise.length > 0) lower.emit({ kind: 'if', condition, then, else: otherwise })
}

function lowerAssignment(lower: Lowering, statement: Extract<Statement, { kind: 'Assign' }>): void {
  if (statement.target.kind === 'DontCare') {
    lowerValue(lower, statement.value)
    return
  }
  const target = lowerTarget(lower, statement.target)
  if (statement.operator === undefined) {
    const value = lowerValue(lower, statement.value)
    if (lower.isBmv2) forEachAlternative(lower, target, (place) => makeValid(lower, place, statement.value))
    writeTarget(lower, target, value)
    return
  }
  const type = lower.typeOf(statement.target)
  const values = lowerAll(lower, [() => readTarget(lower, target), () => lowerValue(lower, statement.value)])
  const [left = NONE, right = NONE] = values
  writeTarget(lower, target, combine(lower, statement.operator, left, right, type))
}

/** For BMv2, a header that is assigned a list or structure expression is made valid as by `setValid`. */
function makeValid(lower: Lowering, place: Place, value: Ast): void {
  if (value.kind !== 'List' && value.kind !== 'Struct') return
  if (place.kind === 'header') setValidity(lower, place, true)
  if (place.kind !== 'struct') return
  for (const [index, [name, field]] of [...place.fields].entries()) {
    const part =
      value.kind === 'List' ? value.elements[index] : value.fields.find((one) => one.name.text === name)?.value
    if (part !== undefined) makeValid(lower, field, part)
  }
}

interface CaseGroup {
  readonly labels: readonly Ast[]
  readonly body: BlockStatement | undefined
}

/** Labels without a body share the next one's. */
function groupCases(cases: readonly SwitchCase[]): CaseGroup[] {
  const groups: CaseGroup[] = []
  let labels: Ast[] = []
  for (const item of cases) {
    labels.push(item.label)
    if (item.body === undefined) continue
    groups.push({ labels, body: item.body })
    labels = []
  }
  if (labels.length > 0) groups.push({ labels, body: undefined })
  return groups
}

function lowerSwitch(lower: Lowering, statement: SwitchStatement): void {
  const type = lower.typeOf(statement.selector)
  const actions = type.kind === 'actionRun' ? actionsOf(lower, statement.selector) : undefined
  const selector =
    type.kind === 'actionRun' ? actionSelector(lower, statement.selector) : lowerScalar(lower, statement.selector)
  const cases: { values: bigint[]; body: IrStatement[] }[] = []
  let otherwise: IrStatement[] = []
  for (const group of groupCases(statement.cases)) {
    const { body } = group
    const lowered = body === undefined ? [] : lower.collect(() => lowerBlock(lower, body))
    const values: bigint[] = []
    for (const label of group.labels) {
      if (label.kind === 'Default') otherwise = lowered
      else {
        const value =
          actions === undefined ? labelValue(lower, label, statement.selector) : actionLabel(lower, label, actions)
        if (value !== undefined) values.push(value)
      }
    }
    if (values.length > 0) cases.push({ values, body: lowered })
  }
  if (selector.op === 'const') {
    const taken = cases.find((item) => item.values.includes(selector.value))?.body ?? otherwise
    for (const part of taken) lower.emit(part)
    return
  }
  lower.emit({ kind: 'switch', selector, cases, default: otherwise })
}

function actionSelector(lower: Lowering, selector: Ast): Expression {
  const value = lowerValue(lower, selector)
  return value.kind === 'scalar' ? value.expression : fold.constant(0n, 16)
}

function actionsOf(lower: Lowering, selector: Ast): readonly Symbol[] {
  if (selector.kind !== 'Member' || selector.object.kind !== 'Call') return []
  const call = lower.context.calls.get(selector.object)
  return call?.kind === 'tableApply' ? (tableOf(lower, call.table)?.actions ?? []) : []
}

function actionLabel(lower: Lowering, label: Ast, actions: readonly Symbol[]): bigint | undefined {
  if (label.kind !== 'Name') return undefined
  const index = actions.findIndex((action) => action.name === label.name)
  return index === -1 ? undefined : BigInt(index)
}

function labelValue(lower: Lowering, label: Ast, selector: Ast): bigint | undefined {
  const value = evaluate(lower.context, label)
  if (value === undefined) return undefined
  const type = lower.typeOf(selector)
  const width = scalarShape(type)?.width ?? 1
  const expression = scalarOf(fromConstant(lower, value, type), width)
  return fold.constantOf(expression)
}

function lowerFor(lower: Lowering, statement: Extract<Statement, { kind: 'For' }>): void {
  lower.inScope(() => {
    for (const init of statement.init) lowerStatement(lower, init)
    const update = (): void => {
      for (const part of statement.update) lowerStatement(lower, part)
    }
    const body = lower.collect(() => {
      const condition = lowerScalar(lower, statement.condition)
      lower.emit({ kind: 'if', condition: fold.logicalNot(condition), then: [{ kind: 'break' }], else: [] })
      lowerLoopBody(lower, statement.body, update)
      update()
    })
    lower.emit({ kind: 'loop', body })
  })
}

function lowerLoopBody(lower: Lowering, body: Statement, update: () => void): void {
  lower.loops.push({ update })
  lower.inScope(() => lowerStatement(lower, body))
  lower.loops.pop()
}

/** Over a range, a list or a stack; the collection is evaluated once. */
function lowerForIn(lower: Lowering, statement: Extract<Statement, { kind: 'ForIn' }>): void {
  const symbol = lower.context.symbols.get(statement)
  if (symbol?.kind !== 'variable' && symbol?.kind !== 'parameter') return
  lower.inScope(() => {
    const type = lower.resolve(symbol.type)
    const existing = lower.environment.lookup(symbol)
    const place =
      statement.type === undefined && existing?.kind === 'place'
        ? existing.place
        : allocate(lower.builder, lower.context, type, lower.qualified(symbol.name))
    lower.environment.bind(symbol, { kind: 'place', place })
    const { collection } = statement
    if (collection.kind === 'Binary' && collection.operator === '..') {
      lowerRangeLoop(lower, statement, place, type)
      return
    }
    const value = freeze(lower, lowerValue(lower, collection))
    if (value.kind === 'tuple' || value.kind === 'stack') lowerListLoop(lower, statement, place, type, value.elements)
  })
}

function lowerRangeLoop(
  lower: Lowering,
  statement: Extract<Statement, { kind: 'ForIn' }>,
  place: Place,
  type: Type,
): void {
  const { collection } = statement
  if (collection.kind !== 'Binary' || place.kind !== 'scalar') return
  const bound = (part: Ast): Expression =>
    scalarOf(convert(lower, lowerValue(lower, part), lower.typeOf(part), type), place.width)
  const first = lower.capture(bound(collection.left))
  const last = lower.capture(bound(collection.right))
  const signed = type.kind === 'int'
  // A counter of its own: the body may change the loop variable.
  const counter = lower.builder.temporary(lower.path, place.width, signed ? 'int' : 'bit')
  lower.emit({ kind: 'assign', slot: counter, value: first })
  const current = lower.builder.load(counter)
  const next = fold.arithmetic('add', current, fold.constant(1n, place.width))
  const update = (): void => {
    // The last value may be the largest of its type, so the test comes before the addition.
    lower.emit({ kind: 'if', condition: fold.equal(current, last), then: [{ kind: 'break' }], else: [] })
    lower.emit({ kind: 'assign', slot: counter, value: next })
  }
  const body = lower.collect(() => {
    lower.emit({ kind: 'assign', slot: place.slot, value: current })
    lowerLoopBody(lower, statement.body, update)
    update()
  })
  const condition = fold.compare('le', signed, first, last)
  if (condition.op === 'const') {
    if (condition.value !== 0n) lower.emit({ kind: 'loop', body })
  } else lower.emit({ kind: 'if', condition, then: [{ kind: 'loop', body }], else: [] })
}

function lowerListLoop(
  lower: Lowering,
  statement: Extract<Statement, { kind: 'ForIn' }>,
  place: Place,
  type: Type,
  elements: readonly Value[],
): void {
  if (elements.length === 0) return
  const counter = lower.builder.temporary(lower.path, 32)
  lower.emit({ kind: 'assign', slot: counter, value: fold.constant(0n, 32) })
  const current = lower.builder.load(counter)
  const update = (): void => {
    lower.emit({ kind: 'assign', slot: counter, value: fold.arithmetic('add', current, fold.constant(1n, 32)) })
  }
  const body = lower.collect(() => {
    const end = fold.compare('ge', false, current, fold.constant(BigInt(elements.length), 32))
    lower.emit({ kind: 'if', condition: end, then: [{ kind: 'break' }], else: [] })
    const cases = elements.map((element, index) => ({
      values: [BigInt(index)],
      body: lower.collect(() => write(lower, place, convert(lower, element, { kind: 'unknown' }, type))),
    }))
    lower.emit({ kind: 'switch', selector: current, cases, default: [] })
    lowerLoopBody(lower, statement.body, update)
    update()
  })
  lower.emit({ kind: 'loop', body })
}
