/**
 * Values while lowering: trees of IR expressions shaped like the type. Reading, writing, converting, comparing and
 * choosing aggregates is done part by part, so that the IR knows scalars only.
 */
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import { enumValue, type ConstantValue } from '../check/evaluate.ts'
import type { Type } from '../check/type.ts'
import * as fold from './fold.ts'
import { scalarShape, type HeaderPlace, type Place } from './place.ts'
import type { Lowering } from './lowering.ts'

export interface HeaderValue {
  readonly kind: 'header'
  readonly valid: Expression
  readonly fields: ReadonlyMap<string, Value>
}
export type Value =
  | { readonly kind: 'scalar'; readonly expression: Expression }
  /** Of type `int`, not yet of any width. */
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'varbit'; readonly slot: SlotId; readonly width: number }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, Value>; readonly hasDots: boolean }
  | HeaderValue
  | { readonly kind: 'union'; readonly fields: ReadonlyMap<string, HeaderValue> }
  | { readonly kind: 'stack'; readonly elements: readonly Value[]; readonly next: Expression }
  | { readonly kind: 'tuple'; readonly elements: readonly Value[]; readonly hasDots: boolean }
  /** `{#}`, and `...`: default values. */
  | { readonly kind: 'invalid' | 'dots' }
  | { readonly kind: 'none' }

export const NONE: Value = { kind: 'none' }

export function scalar(expression: Expression): Value {
  return { kind: 'scalar', expression }
}

function mapFields<A, B>(fields: ReadonlyMap<string, A>, convert: (item: A, name: string) => B): Map<string, B> {
  const out = new Map<string, B>()
  for (const [name, item] of fields) out.set(name, convert(item, name))
  return out
}

export function read(lower: Lowering, place: Place): Value {
  switch (place.kind) {
    case 'scalar':
      return scalar({ op: 'load', width: place.width, slot: place.slot })
    case 'varbit':
      return { kind: 'varbit', slot: place.slot, width: place.width }
    case 'struct':
      return { kind: 'struct', fields: mapFields(place.fields, (field) => read(lower, field)), hasDots: false }
    case 'header':
      return readHeader(lower, place)
    case 'union':
      return { kind: 'union', fields: mapFields(place.fields, (field) => readHeader(lower, field)) }
    case 'stack':
      return {
        kind: 'stack',
        elements: place.elements.map((item) => read(lower, item)),
        next: lower.builder.load(place.next),
      }
    case 'tuple':
      return { kind: 'tuple', elements: place.elements.map((item) => read(lower, item)), hasDots: false }
  }
}

function readHeader(lower: Lowering, place: HeaderPlace): HeaderValue {
  return {
    kind: 'header',
    valid: lower.builder.load(place.valid),
    fields: mapFields(place.fields, (field) => read(lower, field)),
  }
}

interface Write {
  readonly slot: SlotId
  readonly value: Expression
}

/** Assigns a whole value; parts that read what earlier parts write go through temporaries. */
export function write(lower: Lowering, place: Place, value: Value): void {
  const writes: Write[] = []
  const copies: Statement[] = []
  plan(lower, place, value, writes, copies)
  emitWrites(lower, writes)
  for (const copy of copies) lower.emit(copy)
}

function plan(lower: Lowering, place: Place, value: Value, writes: Write[], copies: Statement[]): void {
  switch (place.kind) {
    case 'scalar': {
      const expression = scalarOf(value, place.width)
      // A slot that keeps its value needs no statement.
      if (expression.op !== 'load' || expression.slot !== place.slot)
        writes.push({ slot: place.slot, value: expression })
      return
    }
    case 'varbit':
      if (value.kind === 'varbit' && value.slot !== place.slot) {
        copies.push({ kind: 'assignVarbit', slot: place.slot, from: value.slot })
      }
      return
    case 'struct':
      for (const [name, field] of place.fields) {
        plan(lower, field, value.kind === 'struct' ? (value.fields.get(name) ?? NONE) : NONE, writes, copies)
      }
      return
    case 'header':
      planHeader(lower, place, value, writes, copies)
      for (const rival of place.rivals) writes.push({ slot: rival.valid, value: rivalValidity(lower, rival, value) })
      return
    case 'union':
      for (const [name, field] of place.fields) {
        const member = value.kind === 'union' ? value.fields.get(name) : undefined
        planHeader(lower, field, member ?? { kind: 'invalid' }, writes, copies)
      }
      return
    case 'stack':
      for (const [index, element] of place.elements.entries()) {
        const part = value.kind === 'stack' ? value.elements[index] : undefined
        plan(lower, element, part ?? { kind: 'invalid' }, writes, copies)
      }
      writes.push({ slot: place.next, value: value.kind === 'stack' ? value.next : fold.constant(0n, 32) })
      return
    case 'tuple':
      for (const [index, element] of place.elements.entries()) {
        const part = value.kind === 'tuple' ? value.elements[index] : undefined
        plan(lower, element, part ?? NONE, writes, copies)
      }
  }
}

function planHeader(lower: Lowering, place: HeaderPlace, value: Value, writes: Write[], copies: Statement[]): void {
  if (value.kind !== 'header') {
    writes.push({ slot: place.valid, value: fold.FALSE })
    return
  }
  const isSame = value.valid.op === 'load' && value.valid.slot === place.valid
  if (!isSame) writes.push({ slot: place.valid, value: value.valid })
  const from = writes.length
  for (const [name, field] of place.fields) plan(lower, field, value.fields.get(name) ?? NONE, writes, copies)
  if (!lower.isBmv2 || value.valid.op === 'const') return
  // BMv2 copies no fields from a header that is not valid.
  for (const [k, { slot, value: field }] of writes.entries()) {
    if (k >= from) writes[k] = { slot, value: fold.mux(value.valid, field, lower.builder.load(slot)) }
  }
}

/** §8.20: whatever a member is assigned, no other stays valid; in BMv2 only a valid header pushes the others out. */
function rivalValidity(lower: Lowering, rival: HeaderPlace, value: Value): Expression {
  if (!lower.isBmv2 || value.kind === 'none') return fold.FALSE
  const isValid = value.kind === 'header' ? value.valid : fold.FALSE
  return fold.and(lower.builder.load(rival.valid), fold.logicalNot(isValid))
}

function emitWrites(lower: Lowering, writes: readonly Write[]): void {
  const written = new Set<SlotId>()
  let isHazardous = false
  for (const item of writes) {
    fold.forEachSlot(item.value, (slot) => {
      if (written.has(slot)) isHazardous = true
    })
    written.add(item.slot)
  }
  const ordered = isHazardous ? writes.map((item) => ({ slot: item.slot, value: lower.capture(item.value) })) : writes
  for (const item of ordered) lower.emit({ kind: 'assign', slot: item.slot, value: item.value })
}

/** The expression of a scalar value; anything else counts as zero, which happens only after an error. */
export function scalarOf(value: Value, width: number): Expression {
  if (value.kind === 'scalar') {
    return value.expression.width === width ? value.expression : fold.resize(value.expression, width, false)
  }
  if (value.kind === 'integer') return fold.constant(value.value, width)
  return fold.constant(0n, width)
}

/** A value read now, even if its slots change afterwards. */
export function freeze(lower: Lowering, value: Value): Value {
  switch (value.kind) {
    case 'scalar':
      return scalar(lower.capture(value.expression))
    case 'varbit': {
      const slot = lower.builder.temporary(lower.path, value.width, 'varbit')
      lower.emit({ kind: 'assignVarbit', slot, from: value.slot })
      return { ...value, slot }
    }
    case 'struct':
      return { ...value, fields: mapFields(value.fields, (field) => freeze(lower, field)) }
    case 'header':
      return freezeHeader(lower, value)
    case 'union':
      return { ...value, fields: mapFields(value.fields, (field) => freezeHeader(lower, field)) }
    case 'stack':
      return { ...value, elements: value.elements.map((item) => freeze(lower, item)), next: lower.capture(value.next) }
    case 'tuple':
      return { ...value, elements: value.elements.map((item) => freeze(lower, item)) }
    default:
      return value
  }
}

function freezeHeader(lower: Lowering, value: HeaderValue): HeaderValue {
  return {
    kind: 'header',
    valid: lower.capture(value.valid),
    fields: mapFields(value.fields, (field) => freeze(lower, field)),
  }
}

/** Leaves of a value in order, for hashing, comparing keys and the like; a header gives its fields. */
export function leaves(value: Value, into: Expression[]): void {
  switch (value.kind) {
    case 'scalar':
      into.push(value.expression)
      return
    case 'varbit':
      into.push({ op: 'load', width: value.width, slot: value.slot })
      return
    case 'struct':
    case 'header':
    case 'union':
      for (const field of value.fields.values()) leaves(field, into)
      return
    case 'stack':
    case 'tuple':
      for (const element of value.elements) leaves(element, into)
      return
    default:
  }
}

/** The value that a variable of the type has by default (P4-16 §7.3): zeros, invalid headers. */
export function defaultValue(lower: Lowering, input: Type): Value {
  const type = lower.resolve(input)
  const shape = scalarShape(type)
  if (shape !== undefined) return scalar(fold.constant(0n, shape.width))
  switch (type.kind) {
    case 'struct': {
      const fields = new Map<string, Value>()
      for (const field of lower.context.fieldsOf(type)) fields.set(field.name, defaultValue(lower, field.type))
      if (type.form === 'header') return { kind: 'header', valid: fold.FALSE, fields }
      if (type.form === 'struct') return { kind: 'struct', fields, hasDots: false }
      const members = new Map<string, HeaderValue>()
      for (const [name, field] of fields) if (field.kind === 'header') members.set(name, field)
      return { kind: 'union', fields: members }
    }
    case 'stack':
      return {
        kind: 'stack',
        elements: Array.from({ length: type.size }, () => defaultValue(lower, type.element)),
        next: fold.constant(0n, 32),
      }
    case 'tuple':
      return { kind: 'tuple', elements: type.elements.map((element) => defaultValue(lower, element)), hasDots: false }
    default:
      return NONE
  }
}

/** Implicit and explicit conversion; `from` says how the bits of a scalar are read. */
export function convert(lower: Lowering, value: Value, from: Type, input: Type): Value {
  const to = lower.resolve(input)
  if (value.kind === 'dots') return defaultValue(lower, to)
  if (value.kind === 'invalid') return to.kind === 'struct' || to.kind === 'stack' ? defaultValue(lower, to) : value
  const shape = scalarShape(to)
  if (shape !== undefined) {
    if (value.kind === 'integer') return scalar(fold.constant(value.value, shape.width))
    if (value.kind !== 'scalar') return value
    const base = baseType(lower.resolve(from))
    return scalar(fold.resize(value.expression, shape.width, base.kind === 'int'))
  }
  if (to.kind === 'integer' && value.kind === 'scalar') {
    const constant = fold.constantOf(value.expression)
    const isSigned = baseType(lower.resolve(from)).kind === 'int'
    if (constant === undefined) return value
    return { kind: 'integer', value: isSigned ? BigInt.asIntN(value.expression.width, constant) : constant }
  }
  switch (to.kind) {
    case 'struct':
      return convertToStruct(lower, value, lower.resolve(from), to)
    case 'stack':
    case 'tuple':
    case 'list':
      return convertToSequence(lower, value, lower.resolve(from), to)
    default:
      return value
  }
}

export function baseType(type: Type): Type {
  if (type.kind === 'newtype') return baseType(type.target)
  if (type.kind === 'enum' && type.underlying !== undefined) return baseType(type.underlying)
  return type
}

function partType(type: Type, index: number, name: string | undefined, lower: Lowering): Type {
  const unknown: Type = { kind: 'unknown' }
  switch (type.kind) {
    case 'listLiteral':
    case 'tuple':
      return type.elements[index] ?? unknown
    case 'structLiteral':
      return type.fields.find((field) => field.name === name)?.type ?? unknown
    case 'struct': {
      const fields = lower.context.fieldsOf(type)
      return (name === undefined ? fields[index] : fields.find((field) => field.name === name))?.type ?? unknown
    }
    case 'stack':
    case 'list':
      return type.element
    default:
      return unknown
  }
}

function convertToStruct(lower: Lowering, value: Value, from: Type, to: Extract<Type, { kind: 'struct' }>): Value {
  if (value.kind !== 'struct' && value.kind !== 'tuple') return value
  if (from.kind === 'struct' && from.declaration === to.declaration) return value
  const fields = new Map<string, Value>()
  for (const [index, field] of lower.context.fieldsOf(to).entries()) {
    const part = value.kind === 'struct' ? value.fields.get(field.name) : value.elements[index]
    const type = partType(from, index, value.kind === 'struct' ? field.name : undefined, lower)
    fields.set(
      field.name,
      part === undefined ? defaultValue(lower, field.type) : convert(lower, part, type, field.type),
    )
  }
  if (to.form === 'struct') return { kind: 'struct', fields, hasDots: false }
  if (to.form === 'header') return { kind: 'header', valid: fold.TRUE, fields }
  const members = new Map<string, HeaderValue>()
  for (const [name, field] of fields) if (field.kind === 'header') members.set(name, field)
  return { kind: 'union', fields: members }
}

function convertToSequence(
  lower: Lowering,
  value: Value,
  from: Type,
  to: Extract<Type, { kind: 'stack' | 'tuple' | 'list' }>,
): Value {
  if (value.kind !== 'tuple') return value
  const count = to.kind === 'stack' ? to.size : to.kind === 'tuple' ? to.elements.length : value.elements.length
  const elements: Value[] = []
  for (let index = 0; index < count; index++) {
    const wanted = partType(to, index, undefined, lower)
    const part = value.elements[index]
    elements.push(
      part === undefined
        ? defaultValue(lower, wanted)
        : convert(lower, part, partType(from, index, undefined, lower), wanted),
    )
  }
  if (to.kind === 'stack') return { kind: 'stack', elements, next: fold.constant(0n, 32) }
  return { kind: 'tuple', elements, hasDots: false }
}

/** `==` on any two values of one type: headers are equal when both are invalid, or valid with equal fields (§8.17). */
export function equalValues(a: Value, b: Value): Expression {
  if (a.kind === 'header' || b.kind === 'header') {
    const left = headerParts(a)
    const right = headerParts(b)
    const bothInvalid = fold.and(fold.logicalNot(left.valid), fold.logicalNot(right.valid))
    let fields: Expression = fold.and(left.valid, right.valid)
    if (fields.op === 'const' && fields.value === 0n) return bothInvalid
    for (const [name, field] of left.fields) {
      const other = right.fields.get(name)
      if (other !== undefined) fields = fold.and(fields, equalValues(field, other))
    }
    return fold.or(bothInvalid, fields)
  }
  if ((a.kind === 'struct' || a.kind === 'union') && (b.kind === 'struct' || b.kind === 'union')) {
    let result = fold.TRUE
    for (const [name, field] of a.fields) {
      const other = b.fields.get(name)
      if (other !== undefined) result = fold.and(result, equalValues(field, other))
    }
    return result
  }
  if ((a.kind === 'tuple' || a.kind === 'stack') && (b.kind === 'tuple' || b.kind === 'stack')) {
    let result = fold.TRUE
    for (const [index, element] of a.elements.entries()) {
      const other = b.elements[index]
      if (other !== undefined) result = fold.and(result, equalValues(element, other))
    }
    return result
  }
  if (a.kind === 'integer' && b.kind === 'integer') return fold.flag(a.value === b.value)
  if (a.kind === 'string' && b.kind === 'string') return fold.flag(a.value === b.value)
  if (a.kind === 'varbit' && b.kind === 'varbit') {
    const left = { op: 'load', width: a.width, slot: a.slot } as const
    return fold.equal(left, { op: 'load', width: b.width, slot: b.slot })
  }
  const width = a.kind === 'scalar' ? a.expression.width : b.kind === 'scalar' ? b.expression.width : 1
  return fold.equal(scalarOf(a, width), scalarOf(b, width))
}

function headerParts(value: Value): { valid: Expression; fields: ReadonlyMap<string, Value> } {
  if (value.kind === 'header') return value
  // A struct expression compared with a header counts as a valid one.
  if (value.kind === 'struct') return { valid: fold.TRUE, fields: value.fields }
  return { valid: fold.FALSE, fields: new Map() }
}

/** `condition ? a : b` for any two values of one shape. */
export function choose(condition: Expression, a: Value, b: Value): Value {
  if (condition.op === 'const') return condition.value === 0n ? b : a
  if (a.kind === 'scalar' || b.kind === 'scalar') {
    const width = a.kind === 'scalar' ? a.expression.width : b.kind === 'scalar' ? b.expression.width : 1
    return scalar(fold.mux(condition, scalarOf(a, width), scalarOf(b, width)))
  }
  if (a.kind === 'header' && b.kind === 'header') {
    return {
      kind: 'header',
      valid: fold.mux(condition, a.valid, b.valid),
      fields: mapFields(a.fields, (field, name) => choose(condition, field, b.fields.get(name) ?? field)),
    }
  }
  if (a.kind === 'struct' && b.kind === 'struct') {
    return { ...a, fields: mapFields(a.fields, (field, name) => choose(condition, field, b.fields.get(name) ?? field)) }
  }
  if (a.kind === 'union' && b.kind === 'union') {
    const fields = new Map<string, HeaderValue>()
    for (const [name, field] of a.fields) {
      const chosen = choose(condition, field, b.fields.get(name) ?? field)
      if (chosen.kind === 'header') fields.set(name, chosen)
    }
    return { kind: 'union', fields }
  }
  if ((a.kind === 'tuple' && b.kind === 'tuple') || (a.kind === 'stack' && b.kind === 'stack')) {
    const elements = a.elements.map((element, index) => choose(condition, element, b.elements[index] ?? element))
    if (a.kind === 'tuple') return { ...a, elements }
    return { kind: 'stack', elements, next: fold.mux(condition, a.next, b.kind === 'stack' ? b.next : a.next) }
  }
  return a
}

/** A compile-time value as a value of its type. */
export function fromConstant(lower: Lowering, value: ConstantValue, input: Type): Value {
  const type = lower.resolve(input)
  const shape = scalarShape(type)
  switch (value.kind) {
    case 'number':
      return shape === undefined
        ? { kind: 'integer', value: value.value }
        : scalar(fold.constant(value.value, shape.width))
    case 'bool':
      return scalar(fold.flag(value.value))
    case 'string':
      return { kind: 'string', value: value.value }
    case 'error':
      return scalar(fold.constant(BigInt(Math.max(0, lower.errorCode(value.name))), 16))
    case 'enum': {
      const index = value.declaration.members.findIndex((member) => member.name.text === value.member)
      const known =
        value.declaration.underlying === undefined
          ? undefined
          : enumValue(lower.context, value.declaration, value.member)
      const number = known?.kind === 'number' ? known.value : BigInt(Math.max(0, index))
      return scalar(fold.constant(number, shape?.width ?? 1))
    }
    case 'tuple': {
      const elements = value.elements.map((element, index) =>
        fromConstant(lower, element, partType(type, index, undefined, lower)),
      )
      return convert(lower, { kind: 'tuple', elements, hasDots: false }, { kind: 'unknown' }, type)
    }
    case 'struct': {
      const fields = new Map<string, Value>()
      for (const [name, field] of value.fields)
        fields.set(name, fromConstant(lower, field, partType(type, 0, name, lower)))
      if (type.kind === 'struct' && type.form === 'header') return { kind: 'header', valid: fold.TRUE, fields }
      return { kind: 'struct', fields, hasDots: false }
    }
  }
}
