/** Why two types do not fit, and what to write instead: a cast, a comparison, the fields or parameters that differ. */
import type { DiagnosticDetail, DiagnosticNote } from '../source/diagnostic.ts'
import type { Expression } from '../syntax/ast.ts'
import { canCast } from './coerce.ts'
import type { Context } from './context.ts'
import { type BlockType, isFixedWidth, showType, type StructType, type Type } from './type.ts'

export function explainMismatch(context: Context, expression: Expression, from: Type, to: Type): DiagnosticDetail {
  if (from.kind === 'block' && to.kind === 'block') return { notes: blockNotes(context, from, to) }
  if (from.kind === 'listLiteral' && to.kind === 'struct') return { notes: listNotes(context, from.elements, to) }
  if (from.kind === 'structLiteral' && to.kind === 'struct') return { notes: fieldNotes(context, from, to) }
  if (from.kind === 'bool' && to.kind === 'bit' && to.width > 1) {
    return { notes: [{ message: `write (${showType(to)}) (bit<1>) before it to convert explicitly` }] }
  }
  const isNumber = isFixedWidth(from) || from.kind === 'newtype' || from.kind === 'enum' || from.kind === 'bool'
  const isWanted = isFixedWidth(to) || to.kind === 'newtype' || to.kind === 'enum' || to.kind === 'bool'
  if (!isNumber || !isWanted) return {}
  if (to.kind === 'bool') return comparison(expression, from)
  return castDetail(context, expression, to)
}

/** `x != 0` in place of `x`. */
export function comparison(expression: Expression, from: Type): DiagnosticDetail {
  if (!isFixedWidth(from)) return {}
  const { file, endLine, endColumn } = expression.range
  const range = { file, line: endLine, column: endColumn, endLine, endColumn }
  return { fix: { title: 'compare it with 0', range, text: ' != 0' } }
}

function castDetail(context: Context, expression: Expression, to: Type): DiagnosticDetail {
  if (!canCast(context, expression, to)) {
    const from = context.typeOf(expression)
    const sameWidth = isFixedWidth(from) && isFixedWidth(to) ? `${from.kind}<${to.width}>` : undefined
    return sameWidth === undefined || from.kind === to.kind
      ? {}
      : { notes: [{ message: `write (${showType(to)}) (${sameWidth}) before it: first the width, then the sign` }] }
  }
  const notes = [{ message: `write (${showType(to)}) before it to convert explicitly` }]
  // Only operands that bind more tightly than a cast can take one without parentheses.
  if (expression.kind === 'Binary' || expression.kind === 'Conditional') return { notes }
  const { file, line, column } = expression.range
  const range = { file, line, column, endLine: line, endColumn: column }
  return { notes, fix: { title: `cast to ${showType(to)}`, range, text: `(${showType(to)}) ` } }
}

function listNotes(context: Context, elements: readonly Type[], to: StructType): DiagnosticNote[] {
  const fields = context.fieldsOf(to)
  const range = to.declaration.name.range
  if (elements.length !== fields.length) {
    const names = fields.map((field) => field.name).join(', ')
    return [
      { message: `${to.declaration.name.text} has ${fields.length} fields (${names}), not ${elements.length}`, range },
    ]
  }
  const index = elements.findIndex((element, at) => {
    const field = fields[at]
    return field !== undefined && isFixedWidth(element) && !context.inference.tryUnify(element, field.type)
  })
  const field = fields[index]
  const element = elements[index]
  if (field === undefined || element === undefined) return []
  const text = `field '${field.name}' is ${showType(context.inference.resolve(field.type))}, not ${showType(element)}`
  return [{ message: text, range: to.declaration.fields[index]?.range ?? range }]
}

function fieldNotes(
  context: Context,
  from: Extract<Type, { kind: 'structLiteral' }>,
  to: StructType,
): DiagnosticNote[] {
  const fields = context.fieldsOf(to)
  const range = to.declaration.name.range
  const unknown = from.fields.filter((given) => !fields.some((field) => field.name === given.name))
  const missing = fields.filter((field) => !from.fields.some((given) => given.name === field.name))
  const list = (items: readonly { readonly name: string }[]): string => items.map((item) => `'${item.name}'`).join(', ')
  const notes: DiagnosticNote[] = []
  if (unknown.length > 0) notes.push({ message: `${to.declaration.name.text} has no field ${list(unknown)}`, range })
  if (missing.length > 0 && !from.hasDots) notes.push({ message: `missing: ${list(missing)}`, range })
  return notes
}

/** Which parameter of a parser or control is not as the package wants it. */
function blockNotes(context: Context, from: BlockType, to: BlockType): DiagnosticNote[] {
  const found = from.declaration.name
  const wanted = to.declaration.name
  const kind = from.declaration.kind.toLowerCase()
  if (from.declaration.kind !== to.declaration.kind) {
    const other = to.declaration.kind.toLowerCase()
    return [{ message: `'${found.text}' is a ${kind}, '${wanted.text}' a ${other}`, range: found.range }]
  }
  const have = context.parametersOf(from)
  const want = context.parametersOf(to)
  if (have.length !== want.length) {
    const count = `${have.length} parameter${have.length === 1 ? '' : 's'}`
    const message = `'${found.text}' has ${count}, '${wanted.text}' wants ${want.length}; is it for another architecture?`
    return [
      { message, range: found.range },
      { message: 'declared here', range: wanted.range },
    ]
  }
  for (const [index, parameter] of have.entries()) {
    const other = want[index]
    if (other === undefined) continue
    const show = (item: typeof parameter): string => {
      const direction = item.direction === 'none' ? '' : `${item.direction} `
      return direction + showType(context.inference.resolve(item.type))
    }
    const isSame = parameter.direction === other.direction && context.inference.tryUnify(parameter.type, other.type)
    if (isSame) continue
    const message = `parameter '${parameter.name}' is ${show(parameter)}, but ${show(other)} is wanted here`
    return [{ message, range: parameter.node.range }]
  }
  return []
}
