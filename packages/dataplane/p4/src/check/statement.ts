/** Statements (P4-16 §12): types of assignments and conditions, scopes, what is allowed where. */
import type { BlockStatement, Expression, Statement, SwitchStatement, TableDeclaration } from '../syntax/ast.ts'
import { coerce } from './coerce.ts'
import type { Context } from './context.ts'
import { checkConstant, checkVariable } from './declaration.ts'
import { evaluate } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { checkInstantiation } from './instance.ts'
import { checkLvalue } from './lvalue.ts'
import { resolveType } from './resolve-type.ts'
import { undeclared } from './include-fix.ts'
import { comparison } from './mismatch.ts'
import { correction } from './suggestion.ts'
import { type Type, isFixedWidth, showType } from './type.ts'

export function checkBlock(context: Context, block: BlockStatement): void {
  context.inScope(() => {
    for (const statement of block.statements) checkStatement(context, statement)
  })
}

export function checkStatement(context: Context, statement: Statement): void {
  switch (statement.kind) {
    case 'Block':
      checkBlock(context, statement)
      return
    case 'If':
      checkCondition(context, statement.condition)
      context.inScope(() => checkStatement(context, statement.then))
      if (statement.else !== undefined) {
        const otherwise = statement.else
        context.inScope(() => checkStatement(context, otherwise))
      }
      return
    case 'Assign':
      checkAssignment(context, statement)
      return
    case 'CallStatement':
      checkExpression(context, statement.call)
      return
    case 'Switch':
      checkSwitch(context, statement)
      return
    case 'Return':
      checkReturn(context, statement)
      return
    case 'Exit':
      if (context.surroundings.block === 'parser') {
        context.error('P4C4090', statement.range, "'exit' cannot be used in a parser")
      }
      return
    case 'Empty':
      return
    case 'Break':
    case 'Continue':
      if (context.surroundings.loopDepth === 0) {
        context.error('P4C4091', statement.range, `'${statement.kind.toLowerCase()}' outside a loop`)
      }
      return
    case 'For':
      context.inScope(() => {
        for (const init of statement.init) checkStatement(context, init)
        checkCondition(context, statement.condition)
        for (const update of statement.update) checkStatement(context, update)
        context.within({ loopDepth: context.surroundings.loopDepth + 1 }, () => {
          context.inScope(() => checkStatement(context, statement.body))
        })
      })
      return
    case 'ForIn':
      checkForIn(context, statement)
      return
    case 'DeclarationStatement': {
      const { declaration } = statement
      if (declaration.kind === 'Const') checkConstant(context, declaration)
      else if (declaration.kind === 'Variable') checkVariable(context, declaration)
      else if (declaration.kind === 'Instantiation') {
        if (context.surroundings.body !== 'none') {
          context.error('P4C4092', declaration.range, 'instances can only be declared outside of statements')
        }
        checkInstantiation(context, declaration)
      }
    }
  }
}

export function checkCondition(context: Context, condition: Expression): void {
  const type = context.inference.prune(checkValue(context, condition))
  if (type.kind === 'bool' || type.kind === 'unknown') return
  const text = `the condition must be bool, not ${showType(type)}`
  context.error('P4C4045', condition.range, text, comparison(condition, type))
}

function checkAssignment(context: Context, statement: Extract<Statement, { kind: 'Assign' }>): void {
  const { target, operator, value } = statement
  if (target.kind === 'DontCare') {
    checkValue(context, value)
    return
  }
  const type = checkValue(context, target)
  checkValue(context, value)
  if (type.kind !== 'unknown' && !checkLvalue(context, target)) return
  if (operator === undefined) {
    coerce(context, value, type)
    return
  }
  // Typed as `target operator value`, without losing the operands' own types.
  const binary = { kind: 'Binary', operator, left: target, right: value, range: statement.range } as const
  const result = context.inference.prune(checkExpression(context, binary))
  context.conversions.delete(target)
  if (result.kind !== 'unknown' && !context.inference.tryUnify(type, result)) {
    context.error('P4C4010', value.range, `expected ${showType(type)}, found ${showType(result)}`)
  }
}

function checkReturn(context: Context, statement: Extract<Statement, { kind: 'Return' }>): void {
  const { body, returnType, block } = context.surroundings
  if (block === 'parser' && body === 'state') {
    context.error('P4C4090', statement.range, "'return' cannot be used in a parser state")
    return
  }
  const { value } = statement
  if (value === undefined) {
    if (body === 'function' && returnType.kind !== 'void' && returnType.kind !== 'unknown') {
      context.error('P4C4093', statement.range, `the function returns ${showType(returnType)}; a value is missing`)
    }
    return
  }
  checkValue(context, value)
  if (body !== 'function' || returnType.kind === 'void') {
    context.error('P4C4094', value.range, 'nothing can be returned here')
    return
  }
  coerce(context, value, returnType)
}

function checkForIn(context: Context, statement: Extract<Statement, { kind: 'ForIn' }>): void {
  const collection = context.inference.prune(checkExpression(context, statement.collection))
  context.inScope(() => {
    let element: Type = context.inference.fresh()
    if (statement.type !== undefined) {
      element = resolveType(context, statement.type)
      const { text: name, range } = statement.variable
      const symbol = { kind: 'variable', name, range, type: element } as const
      context.scope.add(symbol)
      context.symbols.set(statement, symbol)
    } else {
      const symbol = context.scope.lookup(statement.variable.text)[0]
      if (symbol?.kind === 'variable' || symbol?.kind === 'parameter') {
        element = symbol.type
        context.symbols.set(statement, symbol)
      } else {
        undeclared(context, statement.variable, '', context.scope.names())
      }
    }
    if (collection.kind === 'set') coerce(context, statement.collection, { kind: 'set', element })
    else if (collection.kind === 'list' || collection.kind === 'listLiteral')
      coerce(context, statement.collection, { kind: 'list', element })
    else if (collection.kind === 'stack') context.inference.tryUnify(element, collection.element)
    else if (collection.kind !== 'unknown') {
      context.error('P4C4095', statement.collection.range, `cannot loop over ${showType(collection)}`)
    }
    context.within({ loopDepth: context.surroundings.loopDepth + 1 }, () => checkStatement(context, statement.body))
  })
}

function checkSwitch(context: Context, statement: SwitchStatement): void {
  const type = context.inference.prune(checkExpression(context, statement.selector))
  if (context.surroundings.block === 'parser' && type.kind === 'actionRun') {
    context.error('P4C4063', statement.range, 'tables cannot be applied in a parser')
  }
  if (['bool', 'dots', 'invalidLiteral', 'void'].includes(type.kind)) {
    context.error('P4C4098', statement.selector.range, `a switch cannot select on ${showType(type)}`)
  }
  const table = type.kind === 'actionRun' ? appliedTable(context, statement.selector) : undefined
  const seen = new Map<string, Expression['range']>()
  let hasDefault = false
  for (const [index, item] of statement.cases.entries()) {
    const { label } = item
    if (label.kind === 'Default') {
      if (hasDefault) context.error('P4C3005', label.range, 'the switch has two default labels')
      else if (index !== statement.cases.length - 1) {
        context.error('P4C4096', label.range, 'the default label must be the last')
      }
      hasDefault = true
    } else {
      const key =
        type.kind === 'actionRun' ? checkActionLabel(context, label, table) : checkValueLabel(context, label, type)
      const before = key === undefined ? undefined : seen.get(key)
      if (before !== undefined) {
        const notes = [{ message: 'the first is here', range: before }]
        context.error('P4C3005', label.range, 'the switch has two equal labels', { notes })
      }
      if (key !== undefined) seen.set(key, label.range)
    }
    if (item.body !== undefined) checkBlock(context, item.body)
  }
}

function appliedTable(context: Context, selector: Expression): TableDeclaration | undefined {
  if (selector.kind !== 'Member' || selector.object.kind !== 'Call') return undefined
  const call = context.calls.get(selector.object)
  if (call?.kind !== 'tableApply') return undefined
  const symbol = context.references.get(call.table)
  return symbol?.kind === 'table' ? symbol.declaration : undefined
}

function checkActionLabel(
  context: Context,
  label: Expression,
  table: TableDeclaration | undefined,
): string | undefined {
  if (label.kind !== 'Name') {
    context.error('P4C4097', label.range, 'a label of a switch on action_run names an action of the table')
    return undefined
  }
  const actions = (table?.properties ?? []).flatMap((property) =>
    property.kind === 'ActionsProperty' ? property.actions.map((action) => action.name.name) : [],
  )
  if (table !== undefined && !actions.includes(label.name)) {
    const { hint, detail } = correction({ text: label.name, range: label.range }, actions)
    context.error('P4C4097', label.range, `table '${table.name.text}' has no action '${label.name}'${hint}`, detail)
  }
  return label.name
}

function checkValueLabel(context: Context, label: Expression, selector: Type): string | undefined {
  checkValue(context, label)
  const isGood =
    isFixedWidth(selector) ||
    selector.kind === 'enum' ||
    selector.kind === 'error' ||
    selector.kind === 'newtype' ||
    selector.kind === 'integer'
  if (!isGood) {
    // Of a bool the selector has been told already.
    if (selector.kind !== 'unknown' && selector.kind !== 'bool') {
      context.error('P4C4098', label.range, `a switch cannot select on ${showType(selector)}`)
    }
    return undefined
  }
  if (!coerce(context, label, selector)) return undefined
  const value = evaluate(context, label)
  if (value === undefined) {
    if (context.typeOf(label).kind !== 'unknown') {
      context.error('P4C5001', label.range, 'a switch label must be a compile-time constant')
    }
    return undefined
  }
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))
}
