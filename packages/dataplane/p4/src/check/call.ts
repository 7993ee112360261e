/** Calls: functions, methods, actions, table and block application, constructors (P4-16 §8.18, §8.21, §6.8). */
import type {
  Argument,
  CallExpression,
  Expression,
  FunctionDeclaration,
  TypeNode,
  TypeParameter,
} from '../syntax/ast.ts'
import { coerce, fits } from './coerce.ts'
import type { BoundArgument, BuiltinName, Context } from './context.ts'
import { evaluate, evaluateInteger } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { checkLvalue } from './lvalue.ts'
import { resolveType } from './resolve-type.ts'
import { suggestion } from './suggestion.ts'
import type { ParameterInfo, Signature, Symbol } from './symbol.ts'
import { BOOL, showType, substitute, substitutionOf, UNKNOWN, VOID, type ExternType, type Type } from './type.ts'

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
    if (context.surroundings.block === 'parser') {
      context.error('P4C4061', callee.range, 'actions cannot be called in a parser')
    }
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
  context.references.set(callee, symbol)
  context.types.set(callee, { kind: 'callable', what: `function '${symbol.name}'` })
  const { typeArgs, args, returnType } = instantiate(context, call, symbol.signature, 'all')
  context.calls.set(call, { kind: 'function', symbol, typeArgs, args })
  if (symbol.name === 'static_assert' && symbol.declaration.isExtern) checkStaticAssert(context, call)
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

/** Overloads differ in the number or the names of their parameters (§8.21). */
export function chooseOverload<T>(
  candidates: readonly T[],
  args: readonly Argument[],
  signatureOf: (candidate: T) => { readonly parameters: readonly ParameterInfo[] } | undefined,
): T | undefined {
  if (candidates.length <= 1) return candidates[0]
  const isFitting = (candidate: T): boolean => {
    const parameters = signatureOf(candidate)?.parameters ?? []
    const names = args.flatMap((arg) => (arg.name === undefined ? [] : [arg.name.text]))
    if (names.some((name) => !parameters.some((parameter) => parameter.name === name))) return false
    const required = parameters.filter((parameter) => !parameter.isOptional).length
    return args.length >= required && args.length <= parameters.length
  }
  // An exact count beats one that relies on defaults.
  return (
    candidates.find((candidate) => isFitting(candidate) && signatureOf(candidate)?.parameters.length === args.length) ??
    candidates.find(isFitting) ??
    candidates[0]
  )
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
  const outer = substitutionOf(type.declaration.typeParameters, type.args)
  const inner: Signature = {
    ...signature,
    parameters: signature.parameters.map((parameter) => ({ ...parameter, type: substitute(parameter.type, outer) })),
    returnType: substitute(signature.returnType, outer),
  }
  const { typeArgs, args, returnType } = instantiate(context, call, inner, 'all')
  context.calls.set(call, { kind: 'method', object, type, method, typeArgs, args })
  return returnType
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
  const bound = bindConstruction(context, call, type)
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
  if (node.kind !== 'NamedType') return resolveType(context, node)
  const scope = node.isAbsolute ? context.globals : context.scope
  const candidates = scope.lookup(node.name.text).filter((symbol) => symbol.kind === 'type')
  if (candidates.length < 2) return resolveType(context, node)
  const chosen = chooseOverload(candidates, args, ({ declaration }) => {
    if (declaration.kind === 'Package') return { parameters: context.declaredParameters(declaration) }
    if (declaration.kind !== 'Control' && declaration.kind !== 'Parser') return undefined
    return { parameters: context.constructorParameters(declaration) }
  })
  if (chosen === undefined) return resolveType(context, node)
  const given = node.args.map((arg) => resolveType(context, arg))
  const type = chosen.make(given.length > 0 ? given : chosen.typeParameters.map(() => context.inference.fresh()))
  context.typeNodes.set(node, type)
  return type
}

/** Remembers to complain when type arguments of an instantiation stay unknown. */
export function noteOpen(context: Context, range: Expression['range'], type: Type): void {
  if (type.kind === 'extern') {
    context.openCalls.push({ range, types: type.args, names: type.declaration.typeParameters.map((p) => p.name.text) })
  }
}

/** Arguments of `Type(…)` bound to the constructor's parameters; undefined when the type has no constructors. */
export function bindConstruction(
  context: Context,
  call: Pick<CallExpression, 'args' | 'range' | 'typeArgs'>,
  type: Type,
): readonly BoundArgument[] | undefined {
  if (type.kind === 'extern') {
    const { declaration } = type
    const map = substitutionOf(declaration.typeParameters, type.args)
    const candidates = declaration.constructors
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
  if (typeArgs.length > 0) {
    context.openCalls.push({ range: call.range, types: typeArgs, names: typeParameters.map((p) => p.name.text) })
  }
  return { typeArgs, args, returnType: substitute(signature.returnType, map) }
}

/**
 * `all`: a call. `constructor`: compile-time arguments. `actionList`: an action in a table's list, whose directionless
 * parameters the control plane gives.
 */
export type BindMode = 'all' | 'constructor' | 'actionList'

/** Matches arguments with parameters by position or name and checks types and directions (§6.8). */
export function bindArguments(
  context: Context,
  call: { readonly args: readonly Argument[]; readonly range: Expression['range'] },
  signature: Signature,
  map: ReadonlyMap<TypeParameter, Type>,
  mode: BindMode,
): readonly BoundArgument[] {
  const parameters =
    mode === 'actionList'
      ? signature.parameters.filter((parameter) => parameter.direction !== 'none')
      : signature.parameters
  const given = matchArguments(context, call, signature.name, parameters, mode)
  const bound: BoundArgument[] = parameters.map((parameter) => {
    const type = substitute(parameter.type, map)
    return { parameter: { ...parameter, type }, type, value: given.get(parameter)?.value }
  })
  for (const argument of bound) {
    if (argument.value !== undefined) {
      if (argument.parameter.direction === 'none') checkExpression(context, argument.value)
      else checkValue(context, argument.value)
    }
  }
  // Typed arguments decide the unknowns before literals adapt to them.
  const isWeak = (argument: BoundArgument): boolean => {
    const kind = argument.value === undefined ? 'unknown' : context.typeOf(argument.value).kind
    return kind === 'integer' || kind === 'listLiteral' || kind === 'structLiteral' || kind === 'invalidLiteral'
  }
  for (const argument of bound) if (!isWeak(argument)) checkArgument(context, argument, mode)
  for (const argument of bound) if (isWeak(argument)) checkArgument(context, argument, mode)
  for (const { value, type, parameter } of bound) {
    // Nothing decides the type of an optional parameter that is left out.
    if (value === undefined && parameter.isOptional) context.inference.bind(context.inference.prune(type), VOID)
  }
  return bound
}

function matchArguments(
  context: Context,
  call: { readonly args: readonly Argument[]; readonly range: Expression['range'] },
  name: string,
  parameters: readonly ParameterInfo[],
  mode: BindMode,
): Map<ParameterInfo, Argument> {
  const given = new Map<ParameterInfo, Argument>()
  const named = call.args.filter((arg) => arg.name !== undefined)
  if (named.length > 0 && named.length < call.args.length) {
    context.error('P4C4068', call.range, 'either all arguments are named or none')
  }
  let position = 0
  for (const arg of call.args) {
    let parameter: ParameterInfo | undefined
    if (arg.name === undefined) {
      parameter = parameters[position]
      position += 1
    } else {
      const wanted = arg.name.text
      parameter = parameters.find((candidate) => candidate.name === wanted)
      if (parameter === undefined) {
        const hint = suggestion(
          wanted,
          parameters.map((candidate) => candidate.name),
        )
        context.error('P4C3004', arg.name.range, `'${name}' has no parameter '${wanted}'${hint}`)
        checkLoose(context, [arg])
        continue
      }
      if (given.has(parameter)) context.error('P4C3005', arg.name.range, `argument '${wanted}' is given twice`)
    }
    if (parameter === undefined) checkLoose(context, [arg])
    else given.set(parameter, arg)
  }
  const missing = parameters.filter((parameter) => !given.has(parameter) && !parameter.isOptional)
  if (position > parameters.length || missing.length > 0) {
    const total = parameters.length
    const what = mode === 'constructor' ? `the constructor of '${name}'` : `'${name}'`
    const list = missing.map((parameter) => `'${parameter.name}'`).join(', ')
    const tail = missing.length > 0 && position <= total ? `; missing: ${list}` : ''
    const count = `${total} argument${total === 1 ? '' : 's'}`
    context.error('P4C4069', call.range, `${what} takes ${count}, not ${call.args.length}${tail}`)
  }
  return given
}

function checkArgument(context: Context, argument: BoundArgument, mode: BindMode): void {
  const { parameter, value } = argument
  if (value === undefined) return
  if (value.kind === 'DontCare') {
    if (parameter.direction !== 'out' && mode !== 'constructor') {
      context.error('P4C4070', value.range, `'_' can only be passed for an out parameter`)
    } else if (mode === 'constructor' && !parameter.isOptional) {
      context.types.set(value, UNKNOWN)
    }
    return
  }
  if (parameter.direction === 'out' || parameter.direction === 'inout') {
    if (!checkLvalue(context, value)) return
    const type = context.typeOf(value)
    if (!context.inference.tryUnify(argument.type, type)) {
      const wanted = showType(context.inference.resolve(argument.type))
      context.error('P4C4010', value.range, `expected ${wanted}, found ${showType(type)}`)
    }
    return
  }
  const type = context.typeOf(value)
  if (type.kind === 'typeName' && type.type.kind === 'block' && mode === 'constructor') {
    context.error('P4C4071', value.range, `a package needs an instance; write ${showType(type.type)}()`)
    return
  }
  coerce(context, value, argument.type)
  if (mode === 'constructor') checkConstructorArgument(context, value)
}

/** Constructor arguments are compile-time values: constants, instances or constructor parameters (§14.1). */
function checkConstructorArgument(context: Context, value: Expression): void {
  const type = context.typeOf(value)
  if (type.kind === 'extern' || type.kind === 'block' || type.kind === 'unknown') return
  if (evaluate(context, value) !== undefined || mentionsConstructorParameter(context, value)) return
  context.error('P4C5009', value.range, 'an argument of a constructor must be known at compile time')
}

function mentionsConstructorParameter(context: Context, value: Expression): boolean {
  switch (value.kind) {
    case 'Name': {
      const symbol = context.references.get(value)
      return symbol?.kind === 'parameter'
        ? symbol.isConstructor || symbol.direction === 'none'
        : symbol?.kind === 'constant'
    }
    case 'Binary':
      return mentionsConstructorParameter(context, value.left) || mentionsConstructorParameter(context, value.right)
    case 'Unary':
    case 'Cast':
      return mentionsConstructorParameter(context, value.operand)
    case 'Conditional':
      return (
        mentionsConstructorParameter(context, value.whenTrue) && mentionsConstructorParameter(context, value.whenFalse)
      )
    case 'Member':
      return mentionsConstructorParameter(context, value.object)
    case 'List':
    case 'Struct':
    case 'Invalid':
    case 'Call':
      return true
    default:
      return false
  }
}

/** Checks arguments for their own errors where the callee is not known. */
export function checkLoose(context: Context, args: readonly Argument[]): void {
  for (const arg of args) checkExpression(context, arg.value)
}

export { fits }
