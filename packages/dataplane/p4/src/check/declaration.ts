/** Declarations (P4-16 §7, §11): every one adds a symbol to the current scope after its own parts are checked. */
import type {
  Statement,
  ConstDeclaration,
  Declaration,
  Expression,
  ExternDeclaration,
  FunctionDeclaration,
  Name,
  PackageDeclaration,
  Parameter,
  TypeParameter,
  VariableDeclaration,
} from '../syntax/ast.ts'
import { checkAction, checkControl, checkParser } from './block.ts'
import { forEachExpression } from '../syntax/walk.ts'
import { checkAnnotations } from './annotation.ts'
import { coerce } from './coerce.ts'
import { type Context, parameterInfo } from './context.ts'
import { evaluate } from './evaluate.ts'
import { checkValue } from './expression.ts'
import { checkInstantiation } from './instance.ts'
import { resolveType, resolveWhole } from './resolve-type.ts'
import { checkBlock } from './statement.ts'
import type { ParameterInfo, Signature, Symbol } from './symbol.ts'
import { checkEnum, checkMembers, checkStruct, checkTypedef } from './type-declaration.ts'
import { type BlockType, type Type, showType } from './type.ts'

/** Adds a symbol; names are unique within a scope, except for overloads. */
export function declare(context: Context, symbol: Symbol, node: object, mayOverload = false): void {
  context.symbols.set(node, symbol)
  if (symbol.name === '') return
  const before = context.scope.own(symbol.name)[0]
  if (before !== undefined && !(mayOverload && before.kind === symbol.kind && isSameKind(before, symbol))) {
    const notes = [{ message: 'the first is here', range: before.range }]
    context.error('P4C3005', symbol.range, `'${symbol.name}' is already declared in this scope`, { notes })
    return
  }
  context.scope.add(symbol)
}

function isSameKind(a: Symbol, b: Symbol): boolean {
  return a.kind !== 'type' || b.kind !== 'type' || a.declaration.kind === b.declaration.kind
}

/** `main` is the package that runs, `NoAction` what a table without a default action does (§14.2.1.3, §17). */
function checkReserved(context: Context, declaration: Declaration): void {
  const { text, range } = declaration.name
  if (text === 'main' && (declaration.kind === 'Extern' || declaration.kind === 'Package')) {
    context.error('P4C4113', range, "'main' must be an instance of a package")
  }
  if (text === 'NoAction' && (declaration.kind !== 'Action' || declaration.parameters.length > 0)) {
    context.error('P4C4132', range, "'NoAction' must be an action without parameters, as core.p4 declares it")
  }
}

export function checkDeclaration(context: Context, declaration: Declaration): void {
  if (context.scope === context.globals) checkReserved(context, declaration)
  if (declaration.annotations.length > 0) checkAnnotations(context, declaration.annotations)
  switch (declaration.kind) {
    case 'Const':
      checkConstant(context, declaration)
      return
    case 'Variable':
      if (context.scope === context.globals) {
        context.error('P4C4100', declaration.range, 'variables cannot be declared at the top level')
      }
      checkVariable(context, declaration)
      return
    case 'Instantiation':
      checkInstantiation(context, declaration)
      return
    case 'Action':
      checkAction(context, declaration)
      return
    case 'Function':
      checkFunction(context, declaration)
      return
    case 'Extern':
      checkExtern(context, declaration)
      return
    case 'Control':
      checkControl(context, declaration)
      return
    case 'Parser':
      checkParser(context, declaration)
      return
    case 'Package':
      checkPackage(context, declaration)
      return
    case 'Struct':
      checkStruct(context, declaration)
      return
    case 'Enum':
      checkEnum(context, declaration)
      return
    case 'Typedef':
      checkTypedef(context, declaration)
      return
    case 'Error':
    case 'MatchKind':
      checkMembers(context, declaration.kind, declaration.members)
      return
    case 'Table':
    case 'State':
    case 'ValueSet':
    case 'Constructor':
      return
  }
}

/** Types a variable, field or parameter may have. */
export function checkStorable(context: Context, type: Type, range: Name['range'], what: string): void {
  const pruned = context.inference.prune(type)
  switch (pruned.kind) {
    case 'void':
    case 'matchKind':
    case 'set':
    case 'extern':
    case 'block':
      context.error('P4C4101', range, `${what} cannot have type ${showType(pruned)}`)
      return
    case 'integer':
    case 'string':
      context.error('P4C4101', range, `${what} cannot have type ${showType(pruned)}, which exists at compile time only`)
      return
    default:
  }
}

export function checkConstant(context: Context, declaration: ConstDeclaration): void {
  const type = resolveWhole(context, declaration.type)
  const errors = context.sink.errorCount
  checkValue(context, declaration.initializer)
  const isGood = coerce(context, declaration.initializer, type) && context.sink.errorCount === errors
  const initial = context.typeOf(declaration.initializer)
  if (isGood && initial.kind !== 'unknown' && evaluate(context, declaration.initializer) === undefined) {
    const text = `the value of constant '${declaration.name.text}' is not known at compile time`
    const hasDefaults = 'hasDots' in declaration.initializer && declaration.initializer.hasDots
    if (!mayBeConstant(context, type) && !hasDefaults && declaration.initializer.kind !== 'Dots')
      context.error('P4C5010', declaration.initializer.range, text)
  }
  const { text: name, range } = declaration.name
  declare(context, { kind: 'constant', name, range, type: context.inference.resolve(type), declaration }, declaration)
}

/** Kinds of values that `evaluate` does not represent, so nothing can be said about them. */
export function mayBeConstant(context: Context, type: Type): boolean {
  const pruned = context.inference.prune(type)
  if (pruned.kind === 'struct') return true
  return (
    pruned.kind === 'list' ||
    pruned.kind === 'stack' ||
    pruned.kind === 'unknown' ||
    pruned.kind === 'tuple' ||
    pruned.kind === 'matchKind'
  )
}

export function checkVariable(context: Context, declaration: VariableDeclaration): void {
  const type = resolveWhole(context, declaration.type)
  const hidden = context.scope.lookup(declaration.name.text)[0]
  const isOwnValue =
    declaration.initializer !== undefined && mentionsName(declaration.initializer, declaration.name.text)
  if (hidden?.kind === 'parameter' && isOwnValue) {
    const notes = [{ message: 'the parameter is here', range: hidden.range }]
    const text = `variable '${declaration.name.text}' hides the parameter that its value is made of`
    context.error('P4C3010', declaration.name.range, text, { notes })
  }
  checkStorable(context, type, declaration.type.range, 'a variable')
  if (declaration.initializer !== undefined) {
    checkValue(context, declaration.initializer)
    coerce(context, declaration.initializer, type)
  }
  const { text: name, range } = declaration.name
  const symbol = { kind: 'variable', name, range, type: context.inference.resolve(type) } as const
  declare(context, symbol, declaration)
}

function mentionsName(value: Expression, name: string): boolean {
  let isFound = false
  forEachExpression(value, (part) => {
    if (part.kind === 'Name' && part.name === name && !part.isAbsolute) isFound = true
  })
  return isFound
}

export function declareTypeParameters(context: Context, parameters: readonly TypeParameter[]): void {
  for (const parameter of parameters) {
    const { text: name, range } = parameter.name
    const make = (): Type => ({ kind: 'typeVariable', declaration: parameter })
    declare(context, { kind: 'type', name, range, declaration: parameter, typeParameters: [], make }, parameter)
  }
}

export function resolveParameters(context: Context, parameters: readonly Parameter[], what: string): ParameterInfo[] {
  const seen = new Map<string, Name['range']>()
  return parameters.map((parameter) => {
    const type = resolveType(context, parameter.type)
    const before = seen.get(parameter.name.text)
    if (before !== undefined) {
      const notes = [{ message: 'the first is here', range: before }]
      context.error('P4C3005', parameter.name.range, `parameter '${parameter.name.text}' is declared twice`, { notes })
    }
    seen.set(parameter.name.text, parameter.name.range)
    const kind = context.inference.prune(type).kind
    if (kind === 'void') {
      context.error('P4C4101', parameter.type.range, `a parameter cannot have type ${showType(type)}`)
    }
    if (kind === 'block' && (what === 'control' || what === 'parser' || what === 'action' || what === 'function')) {
      context.error(
        'P4C4101',
        parameter.type.range,
        `a parameter of ${article(what)} cannot have type ${showType(type)}`,
      )
    }
    rejectBlockParameter(context, type, parameter, what)
    if (kind === 'integer' && what === 'action') {
      context.error('P4C4101', parameter.type.range, `a parameter of an action cannot have type ${showType(type)}`)
    }
    if (
      (what === 'action' || what === 'function' || what === 'block constructor') &&
      parameter.annotations.some((item) => item.name.text === 'optional')
    ) {
      context.error('P4C4104', parameter.range, `a parameter of ${article(what)} cannot be optional`)
    }
    const isTimeless = kind === 'extern' || kind === 'block' || kind === 'string' || kind === 'integer'
    if (isTimeless && parameter.direction !== 'none') {
      context.error('P4C4102', parameter.range, `a parameter of type ${showType(type)} has no direction`)
    }
    if (parameter.initializer !== undefined) {
      checkValue(context, parameter.initializer)
      // A default block may leave the package's own type parameters open; the instantiation decides them.
      if (kind !== 'block' && coerce(context, parameter.initializer, type)) {
        requireConstant(context, parameter.initializer, type)
      }
      if (parameter.direction === 'out' || parameter.direction === 'inout') {
        context.error(
          'P4C4103',
          parameter.range,
          `a parameter of direction '${parameter.direction}' has no default value`,
        )
      }
    }
    if (what.endsWith('constructor') && parameter.direction !== 'none') {
      context.error('P4C4104', parameter.range, 'constructor parameters have no direction')
    }
    return parameterInfo(parameter, type)
  })
}

/** A default value is evaluated where the parameter is declared (§6.8). */
function requireConstant(context: Context, value: Expression, type: Type): void {
  if (value.kind !== 'Call' || context.calls.get(value)?.kind === 'constructor') return
  if (mayBeConstant(context, type) || evaluate(context, value) !== undefined) return
  context.error('P4C5001', value.range, 'the default value of a parameter must be a compile-time constant')
}

function article(what: string): string {
  return what === 'action' ? 'an action' : what === 'block constructor' ? 'a control or parser' : `a ${what}`
}

/** Constructors take instances of control and parser types, but neither packages nor given controls (§6.8, §14.1). */
function rejectBlockParameter(context: Context, input: Type, parameter: Parameter, what: string): void {
  const type = context.inference.prune(input)
  if (type.kind !== 'block' || !what.endsWith('constructor')) return
  const { declaration } = type
  const isType =
    declaration.kind === 'Control'
      ? declaration.apply === undefined
      : declaration.kind === 'Parser' && declaration.isType
  if (isType && what === 'block constructor') return
  const word = declaration.kind.toLowerCase()
  const text =
    what === 'constructor'
      ? `a parameter of an extern's constructor cannot be a ${word}`
      : declaration.kind === 'Package'
        ? `a parameter cannot be a package`
        : `a parameter cannot have type ${showType(type)}, which is a ${word} with a body; use a ${word} type`
  context.error('P4C4101', parameter.type.range, text)
}

export function declareParameters(
  context: Context,
  parameters: readonly ParameterInfo[],
  isConstructor: boolean,
): void {
  for (const parameter of parameters) {
    const { node, type, direction } = parameter
    const { text: name, range } = node.name
    declare(context, { kind: 'parameter', name, range, type, direction, isConstructor, node }, node)
  }
}

function checkFunction(context: Context, declaration: FunctionDeclaration): void {
  const signature = resolveSignature(context, declaration)
  const { text: name, range } = declaration.name
  declare(context, { kind: 'function', name, range, declaration, signature }, declaration, true)
}

/** Signature, and body where there is one. */
function resolveSignature(context: Context, declaration: FunctionDeclaration): Signature {
  return context.inScope(() => {
    declareTypeParameters(context, declaration.typeParameters)
    const returnType = resolveType(context, declaration.returnType)
    const parameters = resolveParameters(
      context,
      declaration.parameters,
      declaration.body === undefined ? 'extern' : 'function',
    )
    rejectReturnType(context, returnType, declaration)
    const { typeParameters, body } = declaration
    const signature: Signature = { name: declaration.name.text, typeParameters, parameters, returnType }
    context.setSignature(declaration, signature)
    if (body !== undefined) {
      declareParameters(context, parameters, false)
      context.within({ body: 'function', returnType }, () => checkBlock(context, body))
      if (returnType.kind !== 'void' && returnType.kind !== 'unknown' && !alwaysReturns(body)) {
        const text = `function '${declaration.name.text}' can end without returning ${showType(returnType)}`
        context.error('P4C4105', declaration.name.range, text)
      }
    }
    return signature
  })
}

function rejectReturnType(context: Context, input: Type, declaration: FunctionDeclaration): void {
  const type = context.inference.prune(input)
  const isTimeless = type.kind === 'integer' && (declaration.body !== undefined || declaration.isAbstract)
  if (!isTimeless && type.kind !== 'block' && type.kind !== 'matchKind' && type.kind !== 'set') return
  context.error('P4C4101', declaration.returnType.range, `a function cannot return ${showType(type)}`)
}

function alwaysReturns(statement: Statement): boolean {
  switch (statement.kind) {
    case 'Return':
    case 'Exit':
      return true
    case 'Block':
      return statement.statements.some(alwaysReturns)
    case 'If':
      return statement.else !== undefined && alwaysReturns(statement.then) && alwaysReturns(statement.else)
    case 'Switch': {
      const bodies = statement.cases.flatMap((item) => (item.body === undefined ? [] : [item.body]))
      return statement.cases.some((item) => item.label.kind === 'Default') && bodies.every(alwaysReturns)
    }
    default:
      return false
  }
}

function checkExtern(context: Context, declaration: ExternDeclaration): void {
  const { typeParameters } = declaration
  const { text: name, range } = declaration.name
  const make = (args: readonly Type[]): Type => ({ kind: 'extern', declaration, args })
  declare(context, { kind: 'type', name, range, declaration, typeParameters, make }, declaration)
  context.inScope(() => {
    declareTypeParameters(context, typeParameters)
    const constructors = new Map<string, Name['range']>()
    for (const constructor of declaration.constructors) {
      const key = constructor.parameters.map((parameter) => parameter.name.text).join(',')
      const before = constructors.get(key)
      if (before !== undefined) {
        const notes = [{ message: 'the first is here', range: before }]
        context.error('P4C3005', constructor.range, `the constructor of '${name}' is declared twice`, { notes })
      }
      constructors.set(key, constructor.range)
      context.setParameters(constructor, resolveParameters(context, constructor.parameters, 'constructor'))
    }
    const seen = new Map<string, FunctionDeclaration>()
    for (const method of declaration.methods) {
      if (method.name.text === name) {
        context.error('P4C4106', method.name.range, `a method cannot have the extern's name '${name}'`)
      }
      const signature = resolveSignature(context, method)
      for (const parameter of signature.parameters) rejectSelf(context, declaration, parameter)
      const key = `${method.name.text}/${method.parameters.length}`
      const before = seen.get(key)
      if (before !== undefined && hasSameParameters(before, method)) {
        const notes = [{ message: 'the first is here', range: before.name.range }]
        context.error('P4C3005', method.name.range, `method '${method.name.text}' is declared twice`, { notes })
      }
      seen.set(key, method)
    }
  })
}

/** An extern that takes instances of itself would be a recursive type. */
function rejectSelf(context: Context, declaration: ExternDeclaration, parameter: ParameterInfo): void {
  const type = context.inference.prune(parameter.type)
  if (type.kind !== 'extern' || type.declaration !== declaration) return
  const text = `a method of '${declaration.name.text}' cannot take an instance of '${declaration.name.text}'`
  context.error('P4C4101', parameter.node.type.range, text)
}

function hasSameParameters(a: FunctionDeclaration, b: FunctionDeclaration): boolean {
  const names = (f: FunctionDeclaration): string => f.parameters.map((parameter) => parameter.name.text).join(',')
  return names(a) === names(b)
}

function checkPackage(context: Context, declaration: PackageDeclaration): void {
  const { typeParameters } = declaration
  const { text: name, range } = declaration.name
  context.inScope(() => {
    declareTypeParameters(context, typeParameters)
    context.setParameters(declaration, resolveParameters(context, declaration.parameters, 'package'))
  })
  const make = (args: readonly Type[]): BlockType => ({ kind: 'block', declaration, args })
  declare(context, { kind: 'type', name, range, declaration, typeParameters, make }, declaration, true)
}
