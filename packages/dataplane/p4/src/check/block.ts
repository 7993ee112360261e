/** Controls, parsers and actions (P4-16 §13, §14). */
import type {
  ActionDeclaration,
  ControlDeclaration,
  Expression,
  ParserDeclaration,
  ParserStateDeclaration,
  SelectCaseNode,
  ValueSetDeclaration,
} from '../syntax/ast.ts'
import { mentionsConstructorParameter } from './argument.ts'
import { coerce } from './coerce.ts'
import type { Context } from './context.ts'
import {
  checkDeclaration,
  declare,
  declareParameters,
  declareTypeParameters,
  resolveParameters,
} from './declaration.ts'
import { evaluate } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { reachableStates } from './parser-graph.ts'
import { evaluateSize, resolveType } from './resolve-type.ts'
import { checkBlock, checkStatement } from './statement.ts'
import { correction } from './suggestion.ts'
import { checkTable } from './table.ts'
import { type BlockType, type Type, VOID, showType } from './type.ts'

export function checkAction(context: Context, declaration: ActionDeclaration): void {
  const parameters = resolveParameters(context, declaration.parameters, 'action')
  let hasControlPlane = false
  for (const parameter of parameters) {
    if (parameter.direction === 'none') hasControlPlane = true
    else if (hasControlPlane) {
      const text = `parameter '${parameter.name}' with a direction must come before those without`
      context.error('P4C4111', parameter.node.range, text)
    }
    const kind = context.inference.prune(parameter.type).kind
    if (kind === 'extern' || kind === 'block') {
      context.error(
        'P4C4101',
        parameter.node.type.range,
        `a parameter of an action cannot have type ${showType(parameter.type)}`,
      )
    }
  }
  context.inScope(() => {
    declareParameters(context, parameters, false)
    context.within({ body: 'action', returnType: VOID, loopDepth: 0 }, () => checkBlock(context, declaration.body))
  })
  const { text: name, range } = declaration.name
  const signature = { name, typeParameters: [], parameters, returnType: VOID }
  declare(context, { kind: 'action', name, range, declaration, signature }, declaration)
}

export function checkControl(context: Context, declaration: ControlDeclaration): void {
  const { typeParameters } = declaration
  const { text: name, range } = declaration.name
  const { apply } = declaration
  context.inScope(() => {
    declareTypeParameters(context, typeParameters)
    const parameters = resolveParameters(context, declaration.parameters, 'control')
    const constructorParameters = resolveParameters(context, declaration.constructorParameters, 'block constructor')
    context.setParameters(declaration, parameters)
    context.setConstructorParameters(declaration, constructorParameters)
    if (apply === undefined) return
    declareParameters(context, parameters, false)
    declareParameters(context, constructorParameters, true)
    context.within({ block: 'control', body: 'none', returnType: VOID }, () => {
      context.inScope(() => {
        for (const local of declaration.locals) {
          if (local.kind === 'Table') checkTable(context, local)
          else checkDeclaration(context, local)
        }
        context.within({ body: 'apply' }, () => checkBlock(context, apply))
      })
    })
  })
  const make = (args: readonly Type[]): BlockType => ({ kind: 'block', declaration, args })
  declare(context, { kind: 'type', name, range, declaration, typeParameters, make }, declaration, true)
}

export function checkParser(context: Context, declaration: ParserDeclaration): void {
  const { typeParameters } = declaration
  const { text: name, range } = declaration.name
  context.inScope(() => {
    declareTypeParameters(context, typeParameters)
    const parameters = resolveParameters(context, declaration.parameters, 'parser')
    const constructorParameters = resolveParameters(context, declaration.constructorParameters, 'block constructor')
    context.setParameters(declaration, parameters)
    context.setConstructorParameters(declaration, constructorParameters)
    if (declaration.isType) return
    declareParameters(context, parameters, false)
    declareParameters(context, constructorParameters, true)
    context.within({ block: 'parser', body: 'none', returnType: VOID }, () => {
      context.inScope(() => checkParserBody(context, declaration))
    })
  })
  const make = (args: readonly Type[]): BlockType => ({ kind: 'block', declaration, args })
  declare(context, { kind: 'type', name, range, declaration, typeParameters, make }, declaration, true)
}

function checkParserBody(context: Context, declaration: ParserDeclaration): void {
  for (const local of declaration.locals) {
    if (local.kind === 'ValueSet') checkValueSet(context, local)
    else checkDeclaration(context, local)
  }
  // States may be used before they are declared.
  for (const word of ['accept', 'reject']) {
    context.scope.add({ kind: 'state', name: word, range: declaration.range, declaration: undefined })
  }
  for (const state of declaration.states) {
    const { text: name, range } = state.name
    if (name === 'accept' || name === 'reject') {
      context.error('P4C3006', range, `state '${name}' is built in and cannot be declared`)
    } else declare(context, { kind: 'state', name, range, declaration: state }, state)
  }
  if (!declaration.states.some((state) => state.name.text === 'start')) {
    context.error('P4C4112', declaration.name.range, `parser '${declaration.name.text}' has no state 'start'`)
  }
  for (const state of declaration.states) checkState(context, declaration, state)
  const reached = reachableStates(declaration)
  const isKnown = [...reached].every((name) => context.scope.lookup(name)[0]?.kind === 'state')
  if (isKnown && !reached.has('accept') && !reached.has('reject')) {
    const text = `parser '${declaration.name.text}' never reaches accept or reject`
    context.error('P4C4112', declaration.name.range, text)
  }
}

function checkValueSet(context: Context, declaration: ValueSetDeclaration): void {
  const type = resolveType(context, declaration.type)
  const kind = context.inference.prune(type).kind
  if (kind === 'integer' || kind === 'string' || kind === 'void') {
    context.error('P4C4101', declaration.type.range, `a value set cannot hold ${showType(type)}`)
  }
  checkValue(context, declaration.size)
  const { text: name, range } = declaration.name
  // The size may come from a parameter of the parser's constructor.
  if (evaluate(context, declaration.size) !== undefined || !mentionsConstructorParameter(context, declaration.size)) {
    evaluateSize(context, declaration.size, 'size of a value set', 0, 1 << 24)
  }
  declare(context, { kind: 'valueSet', name, range, type, declaration }, declaration)
}

function checkState(context: Context, parser: ParserDeclaration, state: ParserStateDeclaration): void {
  context.inScope(() => {
    context.within({ body: 'state' }, () => {
      for (const statement of state.statements) checkStatement(context, statement)
      const { transition } = state
      if (transition === undefined) return
      if (transition.kind === 'Goto') {
        checkStateName(context, parser, transition.next)
        return
      }
      const types = transition.keys.map((key) => checkSelectKey(context, key))
      for (const item of transition.cases) {
        checkSelectCase(context, item, types)
        for (const key of item.keys) requireConstantSet(context, key)
        checkStateName(context, parser, item.next)
      }
    })
  })
}

function checkStateName(
  context: Context,
  parser: ParserDeclaration,
  name: { text: string; range: Expression['range'] },
): void {
  if (name.text === '') return
  const symbol = context.scope.lookup(name.text)[0]
  if (symbol?.kind === 'state') return
  const states = [...parser.states.map((state) => state.name.text), 'accept', 'reject']
  const { hint, detail } = correction(name, states)
  context.error('P4C3007', name.range, `state '${name.text}' is not declared${hint}`, detail)
}

/** Scalars, and lists and tuples of them. */
function isSelectable(context: Context, input: Type): boolean {
  const type = context.inference.prune(input)
  switch (type.kind) {
    case 'bit':
    case 'int':
    case 'bool':
    case 'enum':
    case 'error':
    case 'newtype':
    case 'unknown':
    case 'typeVariable':
    case 'inferred':
      return true
    case 'tuple':
    case 'listLiteral':
      return type.elements.every((element) => isSelectable(context, element))
    default:
      return false
  }
}

function checkSelectKey(context: Context, key: Expression): Type {
  const type = context.inference.prune(checkValue(context, key))
  if (isSelectable(context, type)) return type
  context.error('P4C4113', key.range, `a select cannot use ${showType(type)} as a key`)
  return { kind: 'unknown' }
}

function checkSelectCase(context: Context, item: SelectCaseNode, types: readonly Type[]): void {
  checkKeyset(context, item.keys, types, item.range)
}

/** Masks, ranges and labels of a select are fixed when the parser is built (§13.6). */
function requireConstantSet(context: Context, key: Expression): void {
  if (key.kind === 'Binary' && (key.operator === '&&&' || key.operator === '..')) {
    for (const bound of [key.left, key.right]) {
      if (evaluate(context, bound) !== undefined || context.typeOf(bound).kind === 'unknown') continue
      if (mentionsConstructorParameter(context, bound)) continue
      const what = key.operator === '..' ? 'the bounds of a range' : 'both sides of a mask'
      context.error('P4C5001', bound.range, `${what} must be compile-time constants`)
    }
  } else if (key.kind === 'Call' && context.calls.get(key)?.kind !== 'builtin') {
    if (context.typeOf(key).kind !== 'unknown') {
      context.error('P4C4115', key.range, 'a select case cannot call a function')
    }
  }
}

function isFlat(context: Context, type: Type | undefined): boolean {
  const kind = type === undefined ? 'unknown' : context.inference.prune(type).kind
  return kind !== 'struct' && kind !== 'tuple' && kind !== 'listLiteral'
}

function isValueSet(context: Context, name: Expression): boolean {
  checkExpression(context, name)
  return context.references.get(name)?.kind === 'valueSet'
}

/** A value set stands for all keys together; a struct or tuple gives one key per field. */
function checkValueSetUse(context: Context, name: Expression, types: readonly Type[]): void {
  const symbol = context.references.get(name)
  if (symbol?.kind !== 'valueSet') return
  const own = flatten(context, symbol.type)
  const keys = types.flatMap((type) => flatten(context, type))
  if (own.length === keys.length && own.every((type, index) => context.inference.tryUnify(type, keys[index] ?? type)))
    return
  const wanted = keys.map(showType).join(', ')
  context.error('P4C4114', name.range, `the value set holds ${showType(symbol.type)}, the keys are ${wanted}`)
}

function flatten(context: Context, input: Type): Type[] {
  const type = context.inference.resolve(input)
  if (type.kind === 'struct') return context.fieldsOf(type).flatMap((field) => flatten(context, field.type))
  if (type.kind === 'tuple' || type.kind === 'listLiteral')
    return type.elements.flatMap((item) => flatten(context, item))
  return [type]
}

/** Sets of a select case or table entry against the types of the keys. */
export function checkKeyset(
  context: Context,
  keys: readonly Expression[],
  types: readonly Type[],
  range: Expression['range'],
): void {
  const [only] = keys
  if (keys.length === 1 && only?.kind === 'Name' && isValueSet(context, only)) {
    checkValueSetUse(context, only, types)
    return
  }
  if (keys.length === 1 && only?.kind === 'List' && types.length === 1 && isFlat(context, types[0])) {
    checkKeyset(context, only.elements, types, range)
    return
  }
  if (keys.length === 1 && only !== undefined && types.length !== 1) {
    if (only.kind === 'Default' || only.kind === 'DontCare') {
      checkExpression(context, only)
      return
    }
    const type = context.inference.prune(checkExpression(context, only))
    const whole: Type = { kind: 'tuple', elements: types }
    if (type.kind === 'set' && context.inference.prune(type.element).kind !== 'bit') {
      coerce(context, only, { kind: 'set', element: whole }, 'P4C4114')
      return
    }
    if (type.kind === 'listLiteral' || type.kind === 'tuple') {
      coerce(context, only, whole, 'P4C4114')
      return
    }
  }
  if (keys.length !== types.length) {
    for (const key of keys) checkExpression(context, key)
    const wanted = `${types.length} key${types.length === 1 ? '' : 's'}`
    context.error('P4C4115', range, `expected ${wanted}, found ${keys.length}`)
    return
  }
  for (const [index, key] of keys.entries()) {
    const type = types[index] ?? { kind: 'unknown' }
    const keyType = context.inference.prune(checkExpression(context, key))
    if (keyType.kind === 'unknown') continue
    if (keyType.kind === 'set' || keyType.kind === 'dots')
      coerce(context, key, { kind: 'set', element: type }, 'P4C4114')
    else {
      checkValue(context, key)
      coerce(context, key, type, 'P4C4114')
    }
  }
}
