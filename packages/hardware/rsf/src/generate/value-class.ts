/**
 * The class that holds a register's bits. The driver's has getters where it may read and never changes; the device's
 * (`Simulated…`) has getters and setters for every field. Reserved bits have neither and stay as they are.
 *
 * Invariant: up to 32 bits the bits are kept as a signed 32-bit number, which the engine stores without allocation.
 */
import type { EnumType, RegisterField, RegisterType } from '../specification/model.ts'
import { camelCase, memberNames, type SourceNames } from './source-names.ts'
import { comment, hex, maskOf, rawLiteral } from './source-text.ts'

/** Enums of so few alternatives are encoded where they are written. */
const IN_PLACE_ALTERNATIVES = 8

export type Side = 'driver' | 'device'

export function renderValueClass(register: RegisterType, names: SourceNames, side: Side): readonly string[] {
  // Because every register has a name.
  const base = names.registers.get(register)!
  const name = side === 'driver' ? base : `Simulated${base}`
  const isWide = register.width > 32
  const doc = side === 'driver' ? register.doc : [`What a simulated device sees of ${base}: every field, both ways.`]
  const raw = isWide ? 'bigint' : 'number'
  const members = memberNames(register.fields)
  const lines = [
    ...comment(doc),
    `export class ${name} {`,
    '/** After a reset. */',
    `static readonly RESET = ${rawLiteral(register.reset, register.width)}`,
  ]
  if (side === 'driver') lines.push(...renderAttributes(register))
  const modifier = side === 'driver' ? 'readonly ' : ''
  lines.push(
    `${modifier}#raw: ${raw}`,
    '',
    `constructor(raw: ${raw} = ${name}.RESET) {`,
    `this.#raw = ${keep(register)}`,
    '}',
    '',
  )
  lines.push('/** All bits, reserved ones too. */', `get raw(): ${raw} {`, `return this.#raw${unsigned(register)}`, '}')
  for (const field of register.fields) {
    if (field.mode === 'reserved') continue
    // Because the map was made from these fields.
    const rendered = renderField(field, members.get(field.name)!, { register, name, names, side })
    if (rendered.length > 0) lines.push('', ...rendered)
  }
  lines.push('', ...renderText(register, name, members, side), '}')
  return lines
}

/** The constant that holds the class named `name`. */
export function constructorName(name: string): string {
  return `${camelCase(name)}Class`
}

export function isReadable(field: RegisterField): boolean {
  return field.mode === 'ro' || field.mode === 'rw'
}

export function isWritable(field: RegisterField): boolean {
  return field.mode === 'wo' || field.mode === 'rw'
}

export function fieldComment({ access, doc }: RegisterField): readonly string[] {
  return comment(access === 'plain' ? doc : [...doc, `(Access: ${access}.)`])
}

interface FieldContext {
  readonly register: RegisterType
  readonly name: string
  readonly names: SourceNames
  readonly side: Side
}

function renderField(field: RegisterField, member: string, context: FieldContext): readonly string[] {
  const { side } = context
  const lines: string[] = []
  if (side === 'device' || isReadable(field))
    lines.push(...fieldComment(field), ...renderGetter(field, member, context))
  if (side === 'device') lines.push('', ...renderSetter(field, member, context))
  return lines
}

function renderGetter(field: RegisterField, member: string, context: FieldContext): readonly string[] {
  const { register, names } = context
  const { type, width } = field
  if (type.kind === 'bool') {
    const zero = register.width > 32 ? '0n' : '0'
    const mask = rawLiteral(maskOf(field), register.width)
    return [`get ${member}(): boolean {`, `return (this.#raw & ${mask}) !== ${zero}`, '}']
  }
  const bits = extract(field, register)
  if (type.kind === 'bits') return [`get ${member}(): Bits<${width}> {`, `return (${bits}) as Bits<${width}>`, '}']
  const enumName = names.enums.get(type.type)
  if (type.type.isExhaustive) return [`get ${member}(): ${enumName} {`, `return decode${enumName}(${bits})`, '}']
  return [
    `get ${member}(): ${enumName} | undefined {`,
    `return decode${enumName}(${bits})`,
    '}',
    '',
    `/** The bits of ${member}, declared or not. */`,
    `get ${member}Raw(): Bits<${width}> {`,
    `return (${bits}) as Bits<${width}>`,
    '}',
  ]
}

function renderSetter(field: RegisterField, member: string, context: FieldContext): readonly string[] {
  const { register, name, names } = context
  return [
    `set ${member}(value: ${parameterType(field, names)}) {`,
    ...assignment(field, { register, names, what: `'${name}.${member}'`, target: 'this.#raw', value: 'value' }),
    '}',
  ]
}

export interface AssignmentPlace {
  readonly register: RegisterType
  readonly names: SourceNames
  /** What an error names, a literal. */
  readonly what: string
  /** Holds the register's bits: a variable or a private member. */
  readonly target: string
  /** A variable. */
  readonly value: string
}

/** Statements that check a field's value and put it into the register's bits. */
export function assignment(field: RegisterField, place: AssignmentPlace): readonly string[] {
  const { register, names, what, target, value } = place
  const { type, width, offset } = field
  const isWide = register.width > 32
  const mask = rawLiteral(maskOf(field), register.width)
  if (type.kind === 'bool') return [`${target} = ${value} ? ${target} | ${mask} : ${target} & ~${mask}`]
  const lines: string[] = []
  // Written out: a call here costs more than the access.
  if (type.kind === 'bits') lines.push(`if (${misfit(value, width)}) throw outOfRange(${value}, ${width}, ${what})`)
  let bits = type.kind === 'enum' ? encoded(type.type, value, names) : value
  if (isWide && width <= 32) bits = `BigInt(${bits})`
  const shifted = offset === 0 ? bits : `(${bits} << ${offset}${isWide ? 'n' : ''})`
  lines.push(`${target} = (${target} & ~${mask}) | ${shifted}`)
  return lines
}

/**
 * An enum's bits as an expression. Small enums are compared with in place: a call to the encoder costs as much as the access
 * wherever the engine does not inline it, and the encoder stays as the last resort that throws.
 */
function encoded(type: EnumType, value: string, names: SourceNames): string {
  // Because every enum has a name.
  const name = names.enums.get(type)!
  const call = `encode${name}(${value})`
  if (type.alternatives.length > IN_PLACE_ALTERNATIVES) return call
  const arms = type.alternatives.map((each) => `${value} === '${name}.${each.name}' ? ${hex(each.value)} : `)
  return `(${arms.join('')}${call})`
}

/** What a setter of the field takes. */
export function parameterType({ type, width }: RegisterField, names: SourceNames): string {
  if (type.kind === 'bool') return 'boolean'
  // Because every enum has a name.
  return type.kind === 'enum' ? names.enums.get(type.type)! : `BitsInput<${width}>`
}

/** True when `value` is not a whole number of `width` bits; NaN and fractions equal no result of `&`. */
function misfit(value: string, width: number): string {
  if (width > 32) return `BigInt.asUintN(${width}, ${value}) !== ${value}`
  return width === 32 ? `${value} >>> 0 !== ${value}` : `(${value} & ${hex((1n << BigInt(width)) - 1n)}) !== ${value}`
}

/** An expression for the field's bits as an unsigned number or, above 32 bits, a bigint. */
function extract({ offset, width }: RegisterField, register: RegisterType): string {
  const mask = hex((1n << BigInt(width)) - 1n)
  if (register.width > 32) {
    const shifted = offset === 0 ? 'this.#raw' : `(this.#raw >> ${offset}n)`
    return width > 32 ? `${shifted} & ${mask}n` : `Number(${shifted} & ${mask}n)`
  }
  if (width === 32) return 'this.#raw >>> 0'
  return `${offset === 0 ? 'this.#raw' : `(this.#raw >>> ${offset})`} & ${mask}`
}

function keep({ width }: RegisterType): string {
  if (width === 32) return 'raw | 0'
  return width < 32 ? `raw & ${hex((1n << BigInt(width)) - 1n)}` : `BigInt.asUintN(${width}, raw)`
}

function unsigned({ width }: RegisterType): string {
  return width === 32 ? ' >>> 0' : ''
}

/** Attributes of the register (empty field name) and its fields, as they stand in the specification. */
function renderAttributes(register: RegisterType): readonly string[] {
  const rows = [
    ...register.attributes.map(({ name, value }) => ['', name, value]),
    ...register.fields.flatMap((field) => field.attributes.map(({ name, value }) => [field.name, name, value])),
  ]
  if (rows.length === 0) return []
  const literals = rows.map((row) => `[${row.map((text) => JSON.stringify(text)).join(', ')}],`)
  return ['/** [field or empty, attribute, value] */', 'static readonly ATTRIBUTES = [', ...literals, '] as const']
}

function renderText(
  register: RegisterType,
  name: string,
  members: ReadonlyMap<string, string>,
  side: Side,
): readonly string[] {
  const shown = register.fields.filter((field) => isReadable(field) || (side === 'device' && field.mode !== 'reserved'))
  const fields = shown.map((field) => ` ${members.get(field.name)}=\${this.${members.get(field.name)}}`)
  const raw = '0x${this.raw.toString(16)}'
  return ['toString(): string {', `return \`${name}(${raw})${fields.join('')}\``, '}']
}
