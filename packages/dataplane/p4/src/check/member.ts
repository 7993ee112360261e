/** `object.member` (P4-16 §8.10, §8.16 to §8.18): fields, enumerators, errors, stack and table members, methods. */
import type { MemberExpression } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { checkExpression } from './expression.ts'
import { correction } from './suggestion.ts'
import { BOOL, bits, showType, UNKNOWN, type Type } from './type.ts'

const HEADER_METHODS = [
  'isValid',
  'setValid',
  'setInvalid',
  'minSizeInBits',
  'minSizeInBytes',
  'maxSizeInBits',
  'maxSizeInBytes',
]
const STACK_MEMBERS = ['next', 'last', 'lastIndex', 'size', 'push_front', 'pop_front']
const SIZE_METHODS = new Set(['minSizeInBits', 'minSizeInBytes', 'maxSizeInBits', 'maxSizeInBytes'])

export function checkMember(context: Context, expression: MemberExpression): Type {
  const type = context.inference.prune(checkExpression(context, expression.object))
  const name = expression.member.text
  if (type.kind === 'unknown' || name === '') return UNKNOWN
  const found = memberType(context, expression, type, name)
  if (found !== undefined) return found
  if (SIZE_METHODS.has(name)) return { kind: 'callable', what: `method '${name}'` }
  const { hint, detail } = correction(expression.member, memberNames(context, type))
  const subject = type.kind === 'typeName' ? showType(type.type) : showType(type)
  context.error('P4C3003', expression.member.range, `${subject} has no member '${name}'${hint}`, detail)
  return UNKNOWN
}

function memberType(context: Context, expression: MemberExpression, type: Type, name: string): Type | undefined {
  switch (type.kind) {
    case 'struct': {
      const field = context.fieldsOf(type).find((candidate) => candidate.name === name)
      if (field !== undefined) return field.type
      return type.form !== 'struct' && HEADER_METHODS.includes(name) ? callable(name) : undefined
    }
    case 'stack':
      return stackMember(context, expression, type, name)
    case 'typeName':
      return typeMember(context, type.type, name)
    case 'extern':
      return type.declaration.methods.some((method) => method.name.text === name) ? callable(name) : undefined
    case 'block':
      return name === 'apply' ? callable(name) : undefined
    case 'table':
      return name === 'apply' ? callable(name) : undefined
    case 'applyResult':
      if (name === 'hit' || name === 'miss') return BOOL
      return name === 'action_run' ? { kind: 'actionRun' } : undefined
    case 'tuple':
    case 'list':
      return name === 'size' ? { kind: 'integer' } : undefined
    default:
      return undefined
  }
}

function callable(name: string): Type {
  return { kind: 'callable', what: `method '${name}'` }
}

function stackMember(
  context: Context,
  expression: MemberExpression,
  type: Extract<Type, { kind: 'stack' }>,
  name: string,
): Type | undefined {
  if (context.inference.prune(type.element).kind === 'extern') return undefined
  switch (name) {
    case 'next':
    case 'last':
      requireParser(context, expression, name)
      return type.element
    case 'lastIndex':
      requireParser(context, expression, name)
      return bits(32)
    case 'size':
      return bits(32)
    case 'push_front':
    case 'pop_front':
      return callable(name)
    default:
      return undefined
  }
}

function requireParser(context: Context, expression: MemberExpression, name: string): void {
  const { block, body } = context.surroundings
  if (block !== 'control' && body !== 'action') return
  context.error('P4C4050', expression.range, `'${name}' of a header stack can only be used in a parser`)
}

function typeMember(context: Context, input: Type, name: string): Type | undefined {
  const type = context.inference.prune(input)
  if (type.kind === 'error') return context.errors.includes(name) ? type : undefined
  if (type.kind === 'matchKind') return context.matchKinds.has(name) ? type : undefined
  if (type.kind === 'enum')
    return type.declaration.members.some((member) => member.name.text === name) ? type : undefined
  if (type.kind === 'block' && name === 'apply') return callable(name)
  return undefined
}

function memberNames(context: Context, input: Type): string[] {
  const type = input.kind === 'typeName' ? context.inference.prune(input.type) : input
  switch (type.kind) {
    case 'struct': {
      const fields = context.fieldsOf(type).map((field) => field.name)
      return type.form === 'struct' ? fields : [...fields, ...HEADER_METHODS]
    }
    case 'stack':
      return STACK_MEMBERS
    case 'enum':
      return type.declaration.members.map((member) => member.name.text)
    case 'error':
      return context.errors
    case 'extern':
      return type.declaration.methods.map((method) => method.name.text)
    case 'table':
    case 'block':
      return ['apply']
    case 'applyResult':
      return ['hit', 'miss', 'action_run']
    default:
      return []
  }
}
