/** Instances of externs, controls, parsers and packages (P4-16 §11.3), and implementations of abstract methods. */
import type { Annotation, Expression, FunctionDeclaration, InstantiationDeclaration } from '../syntax/ast.ts'
import { bindConstruction, constructionType, noteOpen } from './call.ts'
import type { Context } from './context.ts'
import { checkDeclaration, declare } from './declaration.ts'
import { checkExpression } from './expression.ts'
import { evaluateSize } from './resolve-type.ts'
import { type ExternType, type Type, UNKNOWN, showType, substitute, substitutionOf } from './type.ts'

export function checkInstantiation(context: Context, declaration: InstantiationDeclaration): void {
  const declared = context.inference.prune(constructionType(context, declaration.type, declaration.args))
  const call = { args: declaration.args, range: declaration.range, typeArgs: [] }
  const bound = bindConstruction(context, call, declared, false)
  if (bound === undefined) {
    for (const arg of declaration.args) checkExpression(context, arg.value)
    if (declared.kind !== 'unknown') {
      context.error('P4C4067', declaration.type.range, `${showType(declared)} cannot be instantiated`)
    }
  } else {
    context.constructions.set(declaration, { type: declared, args: bound })
    noteOpen(context, declaration.range, declared)
  }
  const single = bound === undefined ? UNKNOWN : context.inference.resolve(declared)
  const type = declaration.size === undefined ? single : arrayType(context, declaration.size, single)
  checkInstance(context, declaration, declared)
  const { text: name, range } = declaration.name
  declare(context, { kind: 'instance', name, range, type, declaration }, declaration)
}

/** Instances in an array are used by index, like the elements of a stack. */
function arrayType(context: Context, size: Expression, element: Type): Type {
  if (element.kind !== 'extern' && element.kind !== 'unknown') {
    context.error('P4C4067', size.range, `only instances of externs can form an array, not of ${showType(element)}`)
    return UNKNOWN
  }
  const count = evaluateSize(context, size, 'size of an array', 1, 1 << 20)
  return count === undefined || element.kind === 'unknown' ? UNKNOWN : { kind: 'stack', element, size: count }
}

/** Where instances may stand, and whether abstract methods are implemented (§7.2.9.3, §11.3). */
export function checkInstance(context: Context, declaration: InstantiationDeclaration, type: Type): void {
  const isTop = context.scope === context.globals
  const isBlock = type.kind === 'block'
  if (isTop && isBlock && type.declaration.kind !== 'Package') {
    const text = `a ${type.declaration.kind.toLowerCase()} cannot be instantiated at the top level`
    context.error('P4C4092', declaration.range, text)
  }
  const { block } = context.surroundings
  if (isBlock && (block === 'parser' || block === 'control')) {
    const word = type.declaration.kind.toLowerCase()
    if (word !== block) {
      context.error('P4C4092', declaration.range, `a ${word} cannot be instantiated in a ${block}`)
    }
  }
  if (
    isTop &&
    declaration.name.text === 'main' &&
    type.kind !== 'unknown' &&
    !(isBlock && type.declaration.kind === 'Package')
  ) {
    context.error('P4C4113', declaration.type.range, `'main' must be a package, not ${showType(type)}`)
  }
  if (type.kind === 'extern') checkImplementation(context, declaration, type)
  else if (declaration.body !== undefined && type.kind !== 'unknown') {
    context.error('P4C4074', declaration.body.range, 'only externs with abstract methods are implemented in place')
  }
}

export function checkImplementation(context: Context, declaration: InstantiationDeclaration, type: ExternType): void {
  const wanted = type.declaration.methods.filter((method) => method.isAbstract)
  const given: FunctionDeclaration[] = []
  context.inScope(() => {
    for (const statement of declaration.body?.statements ?? []) {
      if (statement.kind !== 'DeclarationStatement') continue
      context.within({ thisType: type }, () => checkDeclaration(context, statement.declaration))
      if (statement.declaration.kind === 'Function') given.push(statement.declaration)
    }
  })
  const isOptional = (node: { readonly annotations: readonly Annotation[] }): boolean =>
    node.annotations.some((annotation) => annotation.name.text === 'optional')
  // Optional parameters of the abstract method may be left out.
  const isSame = (abstract: FunctionDeclaration, method: FunctionDeclaration): boolean =>
    abstract.name.text === method.name.text &&
    (method.parameters.length === abstract.parameters.length ||
      abstract.parameters.every(
        (parameter) =>
          isOptional(parameter) || method.parameters.some((other) => other.name.text === parameter.name.text),
      ))
  for (const method of given) {
    const abstract = wanted.find((candidate) => isSame(candidate, method))
    if (abstract === undefined) {
      const text = `'${type.declaration.name.text}' has no abstract method '${method.name.text}' with these parameters`
      context.error('P4C4074', method.name.range, text)
    } else checkOverride(context, type, abstract, method)
  }
  const missing = wanted.filter(
    (method) => !isOptional(method) && !given.some((candidate) => isSame(method, candidate)),
  )
  for (const method of missing) {
    const notes = [{ message: 'declared here', range: method.name.range }]
    context.error('P4C4074', declaration.name.range, `abstract method '${method.name.text}' is not implemented`, {
      notes,
    })
  }
  if (declaration.body !== undefined && wanted.length === 0) {
    context.error('P4C4074', declaration.body.range, `'${type.declaration.name.text}' has no abstract methods`)
  }
}

export function checkOverride(
  context: Context,
  type: ExternType,
  abstract: FunctionDeclaration,
  method: FunctionDeclaration,
): void {
  const expected = context.signatureOf(abstract)
  const found = context.signatureOf(method)
  if (expected === undefined || found === undefined) return
  const map = substitutionOf(type.declaration.typeParameters, type.args)
  const isFitting =
    context.inference.tryUnify(substitute(expected.returnType, map), found.returnType) &&
    found.parameters.every((parameter, index) => {
      const isWhole = found.parameters.length === expected.parameters.length
      const other = isWhole
        ? expected.parameters[index]
        : expected.parameters.find((candidate) => candidate.name === parameter.name)
      return (
        other !== undefined &&
        parameter.direction === other.direction &&
        context.inference.tryUnify(substitute(other.type, map), parameter.type)
      )
    })
  if (isFitting) return
  const notes = [{ message: 'declared here', range: abstract.name.range }]
  context.error('P4C4074', method.name.range, `'${method.name.text}' differs from the abstract method`, { notes })
}
