/** Arguments of calls, constructors and action lists against parameters (P4-16 §6.8, §8.21). */
import type { Argument, Expression, TypeParameter } from '../syntax/ast.ts'
import type { Range } from '../source/range.ts'
import { coerce } from './coerce.ts'
import type { BoundArgument, Context } from './context.ts'
import { evaluate } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { checkLvalue } from './lvalue.ts'
import { correction } from './suggestion.ts'
import type { ParameterInfo, Signature } from './symbol.ts'
import { type BlockType, type Type, UNKNOWN, VOID, showType, substitute } from './type.ts'

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

/** Overloads with equally many parameters are told apart by argument names only (§8.21). */
export function rejectAmbiguous<T extends { readonly range: Range }>(
  context: Context,
  call: { readonly args: readonly Argument[]; readonly range: Range },
  name: string,
  candidates: readonly T[],
  signatureOf: (candidate: T) => { readonly parameters: readonly ParameterInfo[] } | undefined,
): void {
  if (candidates.length < 2 || call.args.length === 0 || call.args.some((arg) => arg.name !== undefined)) return
  const equal = candidates.filter((candidate) => signatureOf(candidate)?.parameters.length === call.args.length)
  if (equal.length < 2) return
  const notes = equal.map((candidate) => ({ message: 'one is here', range: candidate.range }))
  const text = `'${name}' is declared ${equal.length} times with ${call.args.length} parameters; name the arguments`
  context.error('P4C4133', call.range, text, { notes })
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
    // The default block of a package decides the types that nothing else does.
    if (value === undefined && parameter.initializer?.kind === 'Call') {
      const given = context.types.get(parameter.initializer)
      if (given?.kind === 'block') context.inference.tryUnify(type, renewed(context, given))
    }
    // Nothing decides the type of an optional parameter that is left out.
    if (value === undefined && parameter.isOptional) context.inference.bind(context.inference.prune(type), VOID)
  }
  return bound
}

/** The type of a default argument with unknowns of its own in each call. */
function renewed(context: Context, type: BlockType): Type {
  return { ...type, args: type.args.map((arg) => (context.inference.isOpen(arg) ? context.inference.fresh() : arg)) }
}

export function matchArguments(
  context: Context,
  call: { readonly args: readonly Argument[]; readonly range: Expression['range'] },
  name: string,
  parameters: readonly ParameterInfo[],
  mode: BindMode,
): Map<ParameterInfo, Argument> {
  const given = new Map<ParameterInfo, Argument>()
  const named = call.args.filter((arg) => arg.name !== undefined)
  let isReported = false
  if (named.length > 0 && named.length < call.args.length) {
    context.error('P4C4068', call.range, 'either all arguments are named or none')
    isReported = true
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
        const { hint, detail } = correction(
          arg.name,
          parameters.map((candidate) => candidate.name),
        )
        context.error('P4C3004', arg.name.range, `'${name}' has no parameter '${wanted}'${hint}`, detail)
        checkLoose(context, [arg])
        isReported = true
        continue
      }
      if (given.has(parameter)) context.error('P4C3005', arg.name.range, `argument '${wanted}' is given twice`)
    }
    if (parameter === undefined) checkLoose(context, [arg])
    else given.set(parameter, arg)
  }
  const missing = parameters.filter((parameter) => !given.has(parameter) && !parameter.isOptional)
  if (!isReported && (position > parameters.length || missing.length > 0)) {
    const total = parameters.length
    const what = mode === 'constructor' ? `the constructor of '${name}'` : `'${name}'`
    const list = missing.map((parameter) => `'${parameter.name}'`).join(', ')
    const tail = missing.length > 0 && position <= total ? `; missing: ${list}` : ''
    const count = `${total} argument${total === 1 ? '' : 's'}`
    context.error('P4C4069', call.range, `${what} takes ${count}, not ${call.args.length}${tail}`)
  }
  return given
}

export function checkArgument(context: Context, argument: BoundArgument, mode: BindMode): void {
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
export function checkConstructorArgument(context: Context, value: Expression): void {
  const type = context.typeOf(value)
  const call = value.kind === 'Call' ? context.calls.get(value) : undefined
  if (call?.kind === 'function' && call.symbol.declaration.isExtern) {
    for (const { value: inner } of call.args) if (inner !== undefined) checkConstructorArgument(context, inner)
  }
  if (type.kind === 'extern' || type.kind === 'block' || type.kind === 'unknown') return
  if (evaluate(context, value) !== undefined || mentionsConstructorParameter(context, value)) return
  context.error('P4C5009', value.range, 'an argument of a constructor must be known at compile time')
}

export function mentionsConstructorParameter(context: Context, value: Expression): boolean {
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
