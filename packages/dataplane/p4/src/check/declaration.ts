/** Declarations (P4-16 §7, §11): every one adds a symbol to the current scope after its own parts are checked. */
import type {
  ConstDeclaration,
  Declaration,
  EnumDeclaration,
  ExternDeclaration,
  FunctionDeclaration,
  InstantiationDeclaration,
  Name,
  PackageDeclaration,
  Parameter,
  StructDeclaration,
  TypedefDeclaration,
  TypeParameter,
  VariableDeclaration,
} from '../syntax/ast.ts'
import { checkAction, checkControl, checkParser } from './block.ts'
import { bindConstruction, constructionType, noteOpen } from './call.ts'
import { coerce } from './coerce.ts'
import { parameterInfo, type Context } from './context.ts'
import { evaluate } from './evaluate.ts'
import { checkExpression, checkValue } from './expression.ts'
import { resolveType } from './resolve-type.ts'
import { checkBlock } from './statement.ts'
import type { ParameterInfo, Signature, Symbol } from './symbol.ts'
import { isFixedWidth, isHeader, showType, UNKNOWN, type BlockType, type Type } from './type.ts'

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

export function checkDeclaration(context: Context, declaration: Declaration): void {
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
function checkStorable(context: Context, type: Type, range: Name['range'], what: string): void {
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
  const type = resolveType(context, declaration.type)
  checkValue(context, declaration.initializer)
  const isGood = coerce(context, declaration.initializer, type)
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
function mayBeConstant(context: Context, type: Type): boolean {
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
  const type = resolveType(context, declaration.type)
  checkStorable(context, type, declaration.type.range, 'a variable')
  if (declaration.initializer !== undefined) {
    checkValue(context, declaration.initializer)
    coerce(context, declaration.initializer, type)
  }
  const { text: name, range } = declaration.name
  const symbol = { kind: 'variable', name, range, type: context.inference.resolve(type), isReadOnly: false } as const
  declare(context, symbol, declaration)
}

export function checkInstantiation(context: Context, declaration: InstantiationDeclaration): void {
  const declared = context.inference.prune(constructionType(context, declaration.type, declaration.args))
  const call = { args: declaration.args, range: declaration.range, typeArgs: [] }
  const bound = bindConstruction(context, call, declared)
  if (bound === undefined) {
    for (const arg of declaration.args) checkExpression(context, arg.value)
    if (declared.kind !== 'unknown') {
      context.error('P4C4067', declaration.type.range, `${showType(declared)} cannot be instantiated`)
    }
  } else {
    context.constructions.set(declaration, { type: declared, args: bound })
    noteOpen(context, declaration.range, declared)
  }
  const type = bound === undefined ? UNKNOWN : context.inference.resolve(declared)
  if (declaration.body !== undefined && declared.kind === 'extern') checkImplementation(context, declaration)
  const { text: name, range } = declaration.name
  declare(context, { kind: 'instance', name, range, type, declaration }, declaration)
}

function checkImplementation(context: Context, declaration: InstantiationDeclaration): void {
  context.inScope(() => {
    for (const statement of declaration.body?.statements ?? []) {
      if (statement.kind === 'DeclarationStatement') checkDeclaration(context, statement.declaration)
    }
  })
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
    if ((kind === 'extern' || kind === 'block' || kind === 'string') && parameter.direction !== 'none') {
      context.error('P4C4102', parameter.range, `a parameter of type ${showType(type)} has no direction`)
    }
    if (parameter.initializer !== undefined) {
      checkValue(context, parameter.initializer)
      // A default block may leave the package's own type parameters open; the instantiation decides them.
      if (kind !== 'block') coerce(context, parameter.initializer, type)
      if (parameter.direction === 'out' || parameter.direction === 'inout') {
        context.error(
          'P4C4103',
          parameter.range,
          `a parameter of direction '${parameter.direction}' has no default value`,
        )
      }
    }
    if (what === 'constructor' && parameter.direction !== 'none') {
      context.error('P4C4104', parameter.range, 'constructor parameters have no direction')
    }
    return parameterInfo(parameter, type)
  })
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
    const parameters = resolveParameters(context, declaration.parameters, 'function')
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

function alwaysReturns(statement: import('../syntax/ast.ts').Statement): boolean {
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
    for (const constructor of declaration.constructors) {
      context.setParameters(constructor, resolveParameters(context, constructor.parameters, 'constructor'))
    }
    const seen = new Map<string, FunctionDeclaration>()
    for (const method of declaration.methods) {
      if (method.name.text === name) {
        context.error('P4C4106', method.name.range, `a method cannot have the extern's name '${name}'`)
      }
      resolveSignature(context, method)
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

function checkStruct(context: Context, declaration: StructDeclaration): void {
  const { typeParameters, form } = declaration
  const { text: name, range } = declaration.name
  const word = form.replace('_', ' ')
  const fields = context.inScope(() => {
    declareTypeParameters(context, typeParameters)
    const seen = new Map<string, Name['range']>()
    return declaration.fields.map((field) => {
      const type = context.inference.prune(resolveType(context, field.type))
      const before = seen.get(field.name.text)
      if (before !== undefined) {
        const notes = [{ message: 'the first is here', range: before }]
        context.error('P4C3005', field.name.range, `field '${field.name.text}' is declared twice`, { notes })
      }
      seen.set(field.name.text, field.name.range)
      checkFieldType(context, form, type, field.type.range, word)
      return { name: field.name.text, type }
    })
  })
  context.setFields(declaration, fields)
  const make = (args: readonly Type[]): Type => ({ kind: 'struct', form, declaration, args })
  declare(context, { kind: 'type', name, range, declaration, typeParameters, make }, declaration)
}

function checkFieldType(
  context: Context,
  form: StructDeclaration['form'],
  input: Type,
  range: Name['range'],
  word: string,
): void {
  const type = withoutNewtypes(context, input)
  if (type.kind === 'unknown' || type.kind === 'typeVariable') return
  if (form === 'header_union') {
    if (!isHeader(type))
      context.error('P4C4107', range, `a member of a header union is a header, not ${showType(type)}`)
    return
  }
  if (form === 'header') {
    const isGood =
      isFixedWidth(type) ||
      type.kind === 'varbit' ||
      type.kind === 'bool' ||
      (type.kind === 'stack' && !isHeader(context.inference.prune(type.element))) ||
      (type.kind === 'enum' && type.underlying !== undefined) ||
      (type.kind === 'struct' && type.form === 'struct')
    if (!isGood) context.error('P4C4107', range, `a field of a header cannot have type ${showType(input)}`)
    return
  }
  checkStorable(context, input, range, `a field of a ${word}`)
}

function withoutNewtypes(context: Context, input: Type): Type {
  const type = context.inference.prune(input)
  return type.kind === 'newtype' ? withoutNewtypes(context, type.target) : type
}

function checkEnum(context: Context, declaration: EnumDeclaration): void {
  const { text: name, range } = declaration.name
  let underlying: Type | undefined
  if (declaration.underlying !== undefined) {
    underlying = context.inference.prune(resolveType(context, declaration.underlying))
    const base = withoutNewtypes(context, underlying)
    if (!isFixedWidth(base) && base.kind !== 'unknown') {
      context.error(
        'P4C4108',
        declaration.underlying.range,
        `the type of an enum is bit<W> or int<W>, not ${showType(base)}`,
      )
      underlying = UNKNOWN
    }
  }
  const seen = new Map<string, Name['range']>()
  const enumType: Type = { kind: 'enum', declaration, underlying }
  context.inScope(() => {
    for (const member of declaration.members) checkEnumMember(context, declaration, enumType, member, seen)
  })
  const make = (): Type => enumType
  declare(context, { kind: 'type', name, range, declaration, typeParameters: [], make }, declaration)
}

function checkEnumMember(
  context: Context,
  declaration: EnumDeclaration,
  enumType: Extract<Type, { kind: 'enum' }>,
  member: EnumDeclaration['members'][number],
  seen: Map<string, Name['range']>,
): void {
  const { underlying } = enumType
  const enumName = declaration.name.text
  {
    const before = seen.get(member.name.text)
    if (before !== undefined) {
      const notes = [{ message: 'the first is here', range: before }]
      context.error('P4C3005', member.name.range, `member '${member.name.text}' is declared twice`, { notes })
    }
    seen.set(member.name.text, member.name.range)
    if (underlying === undefined) {
      if (member.value !== undefined) {
        context.error(
          'P4C4109',
          member.value.range,
          `members have values only in an enum with a type; write 'enum bit<8> ${enumName}'`,
        )
      }
    } else if (member.value === undefined) {
      context.error('P4C4109', member.name.range, `member '${member.name.text}' needs a value`)
    } else {
      checkValue(context, member.value)
      if (coerce(context, member.value, underlying) && evaluate(context, member.value) === undefined) {
        if (context.typeOf(member.value).kind !== 'unknown') {
          context.error('P4C5001', member.value.range, 'the value of an enum member must be a compile-time constant')
        }
      }
      declareMember(context, enumType, member)
    }
  }
}

/** Later members may refer to earlier ones by name alone. */
function declareMember(
  context: Context,
  type: Extract<Type, { kind: 'enum' }>,
  member: EnumDeclaration['members'][number],
): void {
  if (member.value === undefined) return
  const { text: name, range } = member.name
  const node = { kind: 'SimpleType', name: '_', range } as const
  const declaration = {
    kind: 'Const',
    annotations: [],
    name: member.name,
    type: node,
    initializer: member.value,
    range,
  } as const
  context.scope.add({ kind: 'constant', name, range, type, declaration })
}

function checkTypedef(context: Context, declaration: TypedefDeclaration): void {
  if (declaration.inner !== undefined) checkDeclaration(context, declaration.inner)
  const target = resolveType(context, declaration.type)
  const { text: name, range } = declaration.name
  const pruned = context.inference.prune(target)
  if (declaration.isNew) {
    const isGood =
      isFixedWidth(pruned) ||
      pruned.kind === 'bool' ||
      pruned.kind === 'newtype' ||
      pruned.kind === 'enum' ||
      pruned.kind === 'error' ||
      pruned.kind === 'unknown' ||
      pruned.kind === 'struct' ||
      pruned.kind === 'varbit'
    if (!isGood) context.error('P4C4110', declaration.type.range, `a new type cannot be made of ${showType(pruned)}`)
  }
  const make = (): Type => (declaration.isNew ? { kind: 'newtype', declaration, target } : target)
  declare(context, { kind: 'type', name, range, declaration, typeParameters: [], make }, declaration)
}

function checkMembers(context: Context, kind: 'Error' | 'MatchKind', members: readonly Name[]): void {
  for (const member of members) {
    const isKnown = kind === 'Error' ? context.errors.includes(member.text) : context.matchKinds.has(member.text)
    if (isKnown) {
      const what = kind === 'Error' ? 'error' : 'match kind'
      context.error('P4C3005', member.range, `${what} '${member.text}' is already declared`)
    } else if (kind === 'Error') context.errors.push(member.text)
    else context.matchKinds.add(member.text)
  }
}
