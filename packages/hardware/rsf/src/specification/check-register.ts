/** Registers: width, fields that lie inside and apart, types of fields, reset values, access attributes. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { Field, RegisterItem } from '../syntax/syntax-tree.ts'
import { attributesOf, docOf } from './documentation.ts'
import {
  ACCESS_MODES,
  type EnumType,
  type FieldAccess,
  type FieldType,
  type RegisterField,
  type RegisterType,
} from './model.ts'
import type { Module } from './module.ts'
import { checkDistinct, type DefinitionItem, type Names } from './names.ts'

/** Wide enough for descriptors that hardware fetches itself. */
const MAX_REGISTER_BITS = 4096

export interface RegisterContext {
  readonly module: Module
  readonly names: Names
  /** Enums are checked before registers. */
  readonly enums: ReadonlyMap<DefinitionItem, EnumType>
  readonly sink: DiagnosticSink
}

export function checkRegister(item: RegisterItem, context: RegisterContext): RegisterType {
  const { sink, module } = context
  checkDistinct(item.members, 'field', sink)
  const width = registerWidth(item, sink)
  const placed: { readonly syntax: Field; readonly field: RegisterField }[] = []
  for (const syntax of item.members) {
    const field = checkField(syntax, width, context)
    if (field !== undefined) placed.push({ syntax, field })
  }
  placed.sort((a, b) => a.field.offset - b.field.offset)
  let last: (typeof placed)[number] | undefined
  for (const each of placed) {
    if (last !== undefined && each.field.offset < last.field.offset + last.field.width) {
      const notes = [{ message: `${last.field.name} has ${bitsText(last.field)}`, range: last.syntax.name.range }]
      const message = `field ${each.field.name} (${bitsText(each.field)}) overlaps ${last.field.name}`
      sink.error('RSF4002', each.syntax.name.range, message, notes)
    }
    if (last === undefined || each.field.offset + each.field.width > last.field.offset + last.field.width) last = each
  }
  const fields = placed.map(({ field }) => field)
  return {
    kind: 'register',
    name: item.name.name,
    module: module.name,
    doc: docOf(item.doc),
    attributes: attributesOf(item.attributes),
    range: item.name.range,
    width,
    reset: checkReset(item, width, fields, sink),
    isSram: item.isSram,
    fields,
  }
}

/** `bit 3` or `bits 7:4`. */
export function bitsText(field: { readonly offset: number; readonly width: number }): string {
  return field.width === 1 ? `bit ${field.offset}` : `bits ${field.offset + field.width - 1}:${field.offset}`
}

function registerWidth(item: RegisterItem, sink: DiagnosticSink): number {
  const { value, range } = item.width
  if (value < 1n || value > MAX_REGISTER_BITS) {
    sink.error('RSF4005', range, `a register has 8 to ${MAX_REGISTER_BITS} bits, not ${value}`)
    return value < 1n ? 8 : MAX_REGISTER_BITS
  }
  const width = Number(value)
  if (width % 8 === 0) return width
  sink.error('RSF4006', range, `the width of a register is a multiple of 8 bits, not ${width}`)
  return width + 8 - (width % 8)
}

function checkField(syntax: Field, registerBits: number, context: RegisterContext): RegisterField | undefined {
  const { sink } = context
  const resolved = fieldType(syntax, context)
  if (resolved === undefined) return undefined
  const { type, width } = resolved
  if (width === 0n) {
    sink.error('RSF4005', syntax.type.range, `field ${syntax.name.name} has no bits`)
    return undefined
  }
  const end = syntax.offset.value + width
  if (end > registerBits) {
    const message = `field ${syntax.name.name} ends at bit ${end - 1n}, the register at bit ${registerBits - 1}`
    sink.error('RSF4001', syntax.offset.range, message)
    return undefined
  }
  return {
    name: syntax.name.name,
    doc: docOf(syntax.doc),
    attributes: attributesOf(syntax.attributes),
    mode: syntax.mode,
    access: checkAccess(syntax, sink),
    type,
    offset: Number(syntax.offset.value),
    width: Number(width),
  }
}

function fieldType(
  syntax: Field,
  context: RegisterContext,
): { readonly type: FieldType; readonly width: bigint } | undefined {
  if (syntax.type.kind === 'bool') return { type: { kind: 'bool' }, width: 1n }
  if (syntax.type.kind === 'bits') return { type: { kind: 'bits' }, width: syntax.type.width.value }
  const declared = context.names.resolve(syntax.type.path, context.module)
  if (declared === undefined) return undefined
  const type = context.enums.get(declared.item)
  if (type !== undefined) return { type: { kind: 'enum', type }, width: BigInt(type.width) }
  const message = `${declared.item.name.name} is a ${declared.item.kind}; a field has bits, bool or an enum`
  context.sink.error('RSF3007', syntax.type.range, message)
  return undefined
}

function checkAccess(syntax: Field, sink: DiagnosticSink): FieldAccess {
  let access: FieldAccess = 'plain'
  for (const { name, value, range } of syntax.attributes) {
    if (name.name !== 'access') continue
    if (!isAccess(value)) {
      sink.error('RSF5001', range, `unknown access "${value}"; known are ${Object.keys(ACCESS_MODES).join(', ')}`)
    } else if (!ACCESS_MODES[value].includes(syntax.mode)) {
      const message = `access "${value}" needs a field that is ${ACCESS_MODES[value].join(' or ')}, not ${syntax.mode}`
      sink.error('RSF5002', range, message)
    } else if (access !== 'plain') {
      sink.error('RSF5003', range, 'a field has one access attribute')
    } else {
      access = value
    }
  }
  return access
}

function isAccess(value: string): value is keyof typeof ACCESS_MODES {
  return Object.hasOwn(ACCESS_MODES, value)
}

function checkReset(item: RegisterItem, width: number, fields: readonly RegisterField[], sink: DiagnosticSink): bigint {
  if (item.reset === undefined) return 0n
  const { value, range, text } = item.reset
  if (value >> BigInt(width) !== 0n) {
    sink.error('RSF4007', range, `the reset value ${text} does not fit in ${width} bits`)
    return 0n
  }
  for (const { name, type, offset, width: bits } of fields) {
    if (type.kind !== 'enum') continue
    const held = Number(BigInt.asUintN(bits, value >> BigInt(offset)))
    if (type.type.alternatives.some((alternative) => alternative.value === held)) continue
    sink.warning(
      'RSF4008',
      range,
      `the reset value gives ${name} the value ${held}, which ${type.type.name} does not declare`,
    )
  }
  return value
}
