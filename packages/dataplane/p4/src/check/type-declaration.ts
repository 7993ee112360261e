/** Declarations of types: structs, headers, unions, enums, aliases, errors and match kinds (P4-16 §7.2). */
import type { EnumDeclaration, Name, StructDeclaration, TypedefDeclaration } from '../syntax/ast.ts'
import { checkAnnotations } from './annotation.ts'
import { coerce } from './coerce.ts'
import type { Context } from './context.ts'
import { checkDeclaration, checkStorable, declare, declareTypeParameters } from './declaration.ts'
import { evaluate } from './evaluate.ts'
import { checkValue } from './expression.ts'
import { resolveType } from './resolve-type.ts'
import { type Type, UNKNOWN, isFixedWidth, isHeader, showType } from './type.ts'

export function checkStruct(context: Context, declaration: StructDeclaration): void {
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
      if (field.annotations.length > 0) checkAnnotations(context, field.annotations)
      return { name: field.name.text, type }
    })
  })
  context.setFields(declaration, fields)
  const make = (args: readonly Type[]): Type => ({ kind: 'struct', form, declaration, args })
  declare(context, { kind: 'type', name, range, declaration, typeParameters, make }, declaration)
}

export function checkFieldType(
  context: Context,
  form: StructDeclaration['form'],
  input: Type,
  range: Name['range'],
  word: string,
): void {
  if (form === 'struct') checkStorable(context, input, range, `a field of a ${word}`)
  else if (!isFieldType(context, form, input)) {
    const what =
      form === 'header' ? 'a field of a header cannot have type' : 'a member of a header union is a header, not'
    context.error('P4C4107', range, `${what} ${showType(input)}`)
  }
}

/** Whether a header or union may have a member of this type (§7.2.2, §7.2.4). */
export function isFieldType(context: Context, form: 'header' | 'header_union', input: Type): boolean {
  const type = withoutNewtypes(context, input)
  switch (type.kind) {
    case 'unknown':
    case 'typeVariable':
    case 'inferred':
      return true
    case 'bit':
    case 'int':
    case 'varbit':
    case 'bool':
      return form === 'header'
    case 'enum':
      return form === 'header' && type.underlying !== undefined
    case 'stack':
      return form === 'header' && !isHeader(context.inference.prune(type.element))
    case 'struct':
      if (form === 'header_union') return type.form === 'header'
      return (
        type.form === 'struct' &&
        context.fieldsOf(type).every((field) => {
          const inner = context.inference.prune(field.type)
          return inner.kind !== 'stack' || !isHeader(context.inference.prune(inner.element))
        })
      )
    default:
      return false
  }
}

export function withoutNewtypes(context: Context, input: Type): Type {
  const type = context.inference.prune(input)
  return type.kind === 'newtype' ? withoutNewtypes(context, type.target) : type
}

export function checkEnum(context: Context, declaration: EnumDeclaration): void {
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

export function checkEnumMember(
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
export function declareMember(
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

export function checkTypedef(context: Context, declaration: TypedefDeclaration): void {
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
      pruned.kind === 'varbit'
    if (!isGood) context.error('P4C4110', declaration.type.range, `a new type cannot be made of ${showType(pruned)}`)
  }
  const make = (): Type => (declaration.isNew ? { kind: 'newtype', declaration, target } : target)
  declare(context, { kind: 'type', name, range, declaration, typeParameters: [], make }, declaration)
}

export function checkMembers(context: Context, kind: 'Error' | 'MatchKind', members: readonly Name[]): void {
  for (const member of members) {
    const isKnown = kind === 'Error' ? context.errors.includes(member.text) : context.matchKinds.has(member.text)
    if (isKnown) {
      const what = kind === 'Error' ? 'error' : 'match kind'
      context.error('P4C3005', member.range, `${what} '${member.text}' is already declared`)
    } else if (kind === 'Error') context.errors.push(member.text)
    else context.matchKinds.add(member.text)
  }
}
