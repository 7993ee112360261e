/** Calls: functions, methods, actions, table and block application, constructors (P4-16 §8.18, §8.21, §6.8). */
import type { Argument, CallExpression, Expression, FunctionDeclaration, TypeNode } from '../syntax/ast.ts'
import { type BindMode, bindArguments, checkLoose, chooseOverload, rejectAmbiguous } from './argument.ts'
import { fits } from './coerce.ts'
import type { BoundArgument, BuiltinName, Context } from './context.ts'
import { evaluate, evaluateInteger } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { checkLvalue } from './lvalue.ts'
import { resolveConstructed, resolveType } from './resolve-type.ts'
import type { Signature, Symbol } from './symbol.ts'
import {
  BOOL,
  type ExternType,
  type Type,
  UNKNOWN,
  VOID,
  isHeader,
  showType,
  substitute,
  substitutionOf,
} from './type.ts'

export function checkCall(context: Context, call: CallExpression): Type {
  const { callee } = call
  if (callee.kind === 'Member') return checkMemberCall(context, call, callee)
  if (callee.kind === 'Name') {
    const scope = callee.isAbsolute ? context.globals : context.scope
    const symbols = scope.lookup(callee.name)
    const symbol = symbols[0]
    if (symbol !== undefined) return checkNamedCall(context, call, callee, symbols, symbol)
  }
  const type = context.inference.prune(checkExpression(context, callee))
  if (type.kind === 'typeName') return checkConstructor(context, call, type.type)
  checkLoose(context, call.args)
  if (type.kind !== 'unknown') context.error('P4C4060', callee.range, `${showType(type)} cannot be called`)
  return UNKNOWN
}

function checkNamedCall(
  context: Context,
  call: CallExpression,
  callee: Extract<Expression, { kind: 'Name' }>,
  symbols: readonly Symbol[],
  first: Symbol,
): Type {
  if (first.kind === 'type') {
    const node = {
      kind: 'NamedType',
      name: { text: callee.name, range: callee.range },
      isAbsolute: callee.isAbsolute,
      args: call.typeArgs,
      range: callee.range,
    } as const
    const type = constructionType(context, node, call.args)
    context.references.set(callee, first)
    return checkConstructor(context, call, type)
  }
  if (first.kind === 'action') {
    context.references.set(callee, first)
    context.types.set(callee, { kind: 'callable', what: `action '${first.name}'` })
    const bound = bindArguments(context, call, first.signature, new Map(), 'all')
    context.calls.set(call, { kind: 'action', symbol: first, args: bound })
    const { block, body } = context.surroundings
    if (block === 'parser' || body === 'function') {
      context.error('P4C4061', callee.range, `actions cannot be called in a ${block === 'parser' ? block : body}`)
    }
    if (call.typeArgs.length > 0) context.error('P4C4003', call.range, 'actions have no type arguments')
    return VOID
  }
  const functions = symbols.filter((symbol) => symbol.kind === 'function')
  const symbol = chooseOverload(functions, call.args, (candidate) => candidate.signature)
  if (symbol === undefined) {
    const type = checkExpression(context, callee)
    checkLoose(context, call.args)
    if (type.kind !== 'unknown') context.error('P4C4060', callee.range, `'${callee.name}' cannot be called`)
    return UNKNOWN
  }
  rejectAmbiguous(context, call, callee.name, functions, (candidate) => candidate.signature)
  context.references.set(callee, symbol)
  context.types.set(callee, { kind: 'callable', what: `function '${symbol.name}'` })
  const { typeArgs, args, returnType } = instantiate(
    context,
    call,
    symbol.signature,
    'all',
    symbol.declaration.body !== undefined,
  )
  context.calls.set(call, { kind: 'function', symbol, typeArgs, args })
  if (symbol.name === 'static_assert' && symbol.declaration.isExtern) checkStaticAssert(context, call)
  if (symbol.name === 'verify' && symbol.declaration.isExtern && context.surroundings.block === 'control') {
    context.error('P4C4063', call.range, 'verify() can only be called in a parser')
  }
  return returnType
}

function checkStaticAssert(context: Context, call: CallExpression): void {
  const condition = call.args[0]?.value
  if (condition === undefined) return
  const value = evaluate(context, condition)
  if (value === undefined) {
    context.error('P4C5007', condition.range, 'static_assert needs a condition known at compile time')
  } else if (value.kind === 'bool' && !value.value) {
    const message = call.args[1] === undefined ? undefined : evaluate(context, call.args[1].value)
    const text = message?.kind === 'string' ? `: ${message.value}` : ''
    context.error('P4C5008', call.range, `static_assert failed${text}`)
  }
}

function checkMemberCall(
  context: Context,
  call: CallExpression,
  callee: Extract<Expression, { kind: 'Member' }>,
): Type {
  const memberType = context.inference.prune(checkExpression(context, callee))
  const object = context.inference.prune(checkExpression(context, callee.object))
  const name = callee.member.text
  if (memberType.kind === 'unknown') {
    checkLoose(context, call.args)
    return UNKNOWN
  }
  if (object.kind === 'extern') {
    const method = checkMethod(context, call, callee.object, object, name)
    if (method !== undefined) return method
  }
  if (object.kind === 'table') {
    checkLoose(context, call.args)
    if (call.args.length > 0) context.error('P4C4062', call.range, 'apply() of a table takes no arguments')
    const { body } = context.surroundings
    if (body !== 'apply' && body !== 'keys') {
      context.error('P4C4063', call.range, 'tables can only be applied in the apply block of a control')
    }
    context.calls.set(call, { kind: 'tableApply', table: callee.object })
    return { kind: 'applyResult' }
  }
  const applied = object.kind === 'typeName' ? context.inference.prune(object.type) : object
  if (applied.kind === 'block' && name === 'apply') {
    return checkBlockApply(context, call, object.kind === 'typeName' ? undefined : callee.object, applied)
  }
  // A header may have fields that are called like its methods.
  const isHeaderMethod = object.kind === 'struct' && object.form !== 'struct' && isBuiltinName(name)
  if (memberType.kind === 'callable' || isHeaderMethod) return checkBuiltin(context, call, callee.object, object, name)
  checkLoose(context, call.args)
  context.error('P4C4060', callee.range, `'${name}' cannot be called`)
  return UNKNOWN
}

function checkMethod(
  context: Context,
  call: CallExpression,
  object: Expression,
  type: ExternType,
  name: string,
): Type | undefined {
  const candidates = type.declaration.methods.filter((method) => method.name.text === name)
  const method = chooseOverload(candidates, call.args, (candidate: FunctionDeclaration) =>
    context.signatureOf(candidate),
  )
  const signature = method === undefined ? undefined : context.signatureOf(method)
  if (method === undefined || signature === undefined) return undefined
  rejectAmbiguous(context, call, name, candidates, (candidate) => context.signatureOf(candidate))
  const outer = substitutionOf(type.declaration.typeParameters, type.args)
  const inner: Signature = {
    ...signature,
    parameters: signature.parameters.map((parameter) => ({ ...parameter, type: substitute(parameter.type, outer) })),
    returnType: substitute(signature.returnType, outer),
  }
  const { typeArgs, args, returnType } = instantiate(context, call, inner, 'all')
  context.calls.set(call, { kind: 'method', object, type, method, typeArgs, args })
  if (type.declaration.name.text === 'packet_in') checkPacketMethod(context, call, name, args, typeArgs)
  return returnType
}

/** What core.p4 says in words about extract and lookahead (§12.8). */
function checkPacketMethod(
  context: Context,
  call: CallExpression,
  name: string,
  args: readonly BoundArgument[],
  typeArgs: readonly Type[],
): void {
  const subject = name === 'extract' ? args[0]?.type : name === 'lookahead' ? typeArgs[0] : undefined
  if (subject === undefined) return
  const type = context.inference.resolve(subject)
  if (type.kind === 'unknown' || type.kind === 'inferred' || type.kind === 'typeVariable') return
  const range = call.args[0]?.range ?? call.range
  const varbits = countVarbits(context, type)
  if (name === 'lookahead') {
    if (type.kind === 'void' || varbits > 0) {
      context.error('P4C4073', call.range, `lookahead needs a type of fixed size, not ${showType(type)}`)
    }
    return
  }
  if (!isHeader(type)) context.error('P4C4073', range, `only headers can be extracted, not ${showType(type)}`)
  else if (args.length === 1 && varbits > 0) {
    context.error('P4C4073', range, `${showType(type)} has a varbit field; extract needs its length as second argument`)
  } else if (varbits > 1) {
    context.error('P4C4073', range, `${showType(type)} has several varbit fields; only one can be extracted`)
  } else if (args.length === 2 && varbits === 0) {
    context.error('P4C4073', range, `${showType(type)} has no varbit field; extract takes no length`)
  }
}

export function countVarbits(context: Context, input: Type): number {
  const type = context.inference.resolve(input)
  if (type.kind === 'varbit') return type.width > 0 ? 1 : 0
  if (type.kind === 'newtype') return countVarbits(context, type.target)
  if (type.kind !== 'struct') return 0
  return context.fieldsOf(type).reduce((sum, field) => sum + countVarbits(context, field.type), 0)
}

function checkBlockApply(
  context: Context,
  call: CallExpression,
  object: Expression | undefined,
  type: Extract<Type, { kind: 'block' }>,
): Type {
  const { declaration } = type
  if (declaration.kind === 'Package') {
    checkLoose(context, call.args)
    context.error('P4C4060', call.range, 'a package cannot be applied')
    return UNKNOWN
  }
  const word = declaration.kind === 'Parser' ? 'parser' : 'control'
  if (
    context.surroundings.block !== word ||
    context.surroundings.body === 'action' ||
    context.surroundings.body === 'function'
  ) {
    const where = declaration.kind === 'Parser' ? 'a state of a parser' : 'the apply block of a control'
    context.error('P4C4063', call.range, `a ${word} can only be applied in ${where}`)
  }
  if (object === undefined && context.constructorParameters(declaration).some((parameter) => !parameter.isOptional)) {
    context.error('P4C4064', call.range, `'${declaration.name.text}' needs constructor arguments; instantiate it first`)
  }
  const signature: Signature = {
    name: declaration.name.text,
    typeParameters: [],
    parameters: context.parametersOf(type),
    returnType: VOID,
  }
  const args = bindArguments(context, call, signature, new Map(), 'all')
  context.calls.set(call, { kind: 'blockApply', object, type, args })
  return VOID
}

function isBuiltinName(name: string): name is BuiltinName {
  return (
    name === 'isValid' || name === 'setValid' || name === 'setInvalid' || /^(min|max)SizeIn(Bits|Bytes)$/.test(name)
  )
}

function checkBuiltin(context: Context, call: CallExpression, object: Expression, type: Type, name: string): Type {
  // because checkMember accepts no other methods on these types
  const builtin = name as BuiltinName
  const args = call.args.map((arg) => arg.value)
  for (const arg of args) checkValue(context, arg)
  context.calls.set(call, { kind: 'builtin', name: builtin, object, type, args })
  if (call.typeArgs.length > 0) context.error('P4C4003', call.range, `${name}() has no type arguments`)
  const isStackMethod = builtin === 'push_front' || builtin === 'pop_front'
  if (args.length !== (isStackMethod ? 1 : 0)) {
    context.error('P4C4065', call.range, `${name}() takes ${isStackMethod ? '1 argument' : 'no arguments'}`)
  }
  if (isStackMethod) {
    checkLvalue(context, object)
    const [count] = args
    if (
      count !== undefined &&
      evaluateInteger(context, count) === undefined &&
      context.typeOf(count).kind !== 'unknown'
    ) {
      context.error('P4C5001', count.range, `the argument of ${name}() must be a compile-time constant`)
    }
    return VOID
  }
  if (name === 'setValid' || name === 'setInvalid') {
    if (type.kind === 'struct' && type.form === 'header_union') {
      context.error('P4C4066', call.range, `${name}() applies to a member of a header union, not to the union`)
    }
    checkLvalue(context, object)
    return VOID
  }
  return name === 'isValid' ? BOOL : { kind: 'integer' }
}

export function checkConstructor(context: Context, call: CallExpression, input: Type): Type {
  const type = context.inference.prune(input)
  const bound = bindConstruction(context, call, type, true)
  if (bound === undefined) {
    checkLoose(context, call.args)
    if (type.kind !== 'unknown') context.error('P4C4067', call.range, `${showType(type)} cannot be instantiated`)
    return UNKNOWN
  }
  context.calls.set(call, { kind: 'constructor', type, args: bound })
  noteOpen(context, call.range, type)
  return type
}

/** The type that `Type(args)` instantiates; blocks of one name may differ in their constructor's parameters. */
export function constructionType(context: Context, node: TypeNode, args: readonly Argument[]): Type {
  if (node.kind !== 'NamedType') return resolveConstructed(context, node)
  const scope = node.isAbsolute ? context.globals : context.scope
  const candidates = scope.lookup(node.name.text).filter((symbol) => symbol.kind === 'type')
  if (candidates.length < 2) return resolveConstructed(context, node)
  const chosen = chooseOverload(candidates, args, ({ declaration }) => {
    if (declaration.kind === 'Package') return { parameters: context.declaredParameters(declaration) }
    if (declaration.kind !== 'Control' && declaration.kind !== 'Parser') return undefined
    return { parameters: context.constructorParameters(declaration) }
  })
  if (chosen === undefined) return resolveConstructed(context, node)
  const given = node.args.map((arg) => resolveType(context, arg))
  const type = chosen.make(given.length > 0 ? given : chosen.typeParameters.map(() => context.inference.fresh()))
  context.typeNodes.set(node, type)
  return type
}

/** Remembers to complain when type arguments of an instantiation stay unknown. */
export function noteOpen(context: Context, range: Expression['range'], type: Type): void {
  if (type.kind === 'extern') {
    const names = type.declaration.typeParameters.map((p) => p.name.text)
    context.openCalls.push({ range, types: type.args, names, isRunTime: false })
  }
}

/** Arguments of `Type(…)` bound to the constructor's parameters; undefined when the type has no constructors. */
export function bindConstruction(
  context: Context,
  call: Pick<CallExpression, 'args' | 'range' | 'typeArgs'>,
  type: Type,
  isCall: boolean,
): readonly BoundArgument[] | undefined {
  if (type.kind === 'extern') {
    const { declaration } = type
    const map = substitutionOf(declaration.typeParameters, type.args)
    const candidates = declaration.constructors
    if (isCall && declaration.methods.some((method) => method.isAbstract)) {
      const text = `'${declaration.name.text}' has abstract methods; declare an instance that implements them`
      context.error('P4C4072', call.range, text)
    }
    const chosen = chooseOverload(candidates, call.args, (candidate) => ({
      parameters: context.declaredParameters(candidate),
    }))
    if (chosen === undefined) return undefined
    const parameters = context.declaredParameters(chosen)
    const signature: Signature = { name: declaration.name.text, typeParameters: [], parameters, returnType: VOID }
    return bindArguments(context, call, signature, map, 'constructor')
  }
  if (type.kind !== 'block') return undefined
  const { declaration } = type
  if (declaration.kind === 'Package') {
    const signature: Signature = {
      name: declaration.name.text,
      typeParameters: [],
      parameters: context.parametersOf(type),
      returnType: VOID,
    }
    return bindArguments(context, call, signature, new Map(), 'constructor')
  }
  const isType = declaration.kind === 'Control' ? declaration.apply === undefined : declaration.isType
  if (isType) return undefined
  const parameters = context.constructorParameters(declaration)
  const signature: Signature = { name: declaration.name.text, typeParameters: [], parameters, returnType: VOID }
  return bindArguments(context, call, signature, substitutionOf(declaration.typeParameters, type.args), 'constructor')
}

function instantiate(
  context: Context,
  call: CallExpression,
  signature: Signature,
  mode: BindMode,
  hasBody = false,
): { typeArgs: readonly Type[]; args: readonly BoundArgument[]; returnType: Type } {
  const { typeParameters } = signature
  let typeArgs: Type[]
  if (call.typeArgs.length > 0 && call.typeArgs.length === typeParameters.length) {
    typeArgs = call.typeArgs.map((arg) => resolveType(context, arg))
  } else {
    if (call.typeArgs.length > 0) {
      const wanted = `${typeParameters.length} type argument${typeParameters.length === 1 ? '' : 's'}`
      context.error('P4C4003', call.range, `'${signature.name}' takes ${wanted}, not ${call.typeArgs.length}`)
    }
    typeArgs = typeParameters.map(() => context.inference.fresh())
  }
  const map = substitutionOf(typeParameters, typeArgs)
  const args = bindArguments(context, call, signature, map, mode)
  for (const arg of args) rejectBoundType(context, arg)
  if (typeArgs.length > 0) {
    const isRunTime = hasBody || signature.parameters.some((parameter) => parameter.direction !== 'none')
    const names = typeParameters.map((p) => p.name.text)
    context.openCalls.push({ range: call.range, types: typeArgs, names, isRunTime })
  }
  return { typeArgs, args, returnType: substitute(signature.returnType, map) }
}

/** Types that a type parameter may not stand for in a parameter of a call. */
function rejectBoundType(context: Context, { value, type, parameter }: BoundArgument): void {
  if (value === undefined) return
  const bound = context.inference.resolve(type)
  const isGeneric = bound !== parameter.type || context.inference.prune(type) !== type
  if (!isGeneric) return
  if (bound.kind === 'block') {
    context.error('P4C4134', value.range, `an argument cannot be a ${bound.declaration.kind.toLowerCase()}`)
  } else if (bound.kind === 'string' && parameter.direction !== 'none') {
    const notes = [{ message: 'the parameter is here', range: parameter.node.range }]
    context.error('P4C4102', value.range, 'a string cannot be passed to a parameter with a direction', { notes })
  }
}

export { fits }
