/** `packet_in` and `packet_out` of core.p4 (P4-16 §12.8, §15). */
import { sizeInBits } from '../check/size.ts'
import type { Expression } from '../ir/index.ts'
import type { ExternCall } from './architecture.ts'
import * as fold from './fold.ts'
import type { Expression as Ast } from '../syntax/ast.ts'
import type { Lowering } from './lowering.ts'
import { allocate, scalarShape, type HeaderPlace, type Place } from './place.ts'
import type { Type } from '../check/type.ts'
import { forEachAlternative, lowerTarget, singlePlace } from './target.ts'
import { NONE, scalar, write, type HeaderValue, type Value } from './value.ts'

/** Undefined: not a method of packets. */
export function packetMethod(lower: Lowering, call: ExternCall): Value | undefined {
  switch (call.name) {
    case 'extract':
      return extract(lower, call)
    case 'lookahead':
      return lookahead(lower, call)
    case 'advance':
      lower.emit({ kind: 'advance', bits: call.expression(0) })
      return NONE
    case 'length': {
      if (lower.packetLengthSlot !== undefined) return scalar(lower.builder.load(lower.packetLengthSlot))
      lower.error('P4C6006', call.range, `the length of a packet is not known to ${lower.architecture.name}`)
      return NONE
    }
    case 'emit':
      return emit(lower, call)
    default:
      return undefined
  }
}

function extract(lower: Lowering, call: ExternCall): Value {
  const argument = call.ast(0)
  if (argument === undefined || argument.kind === 'DontCare') {
    const type = call.args[0]?.type
    const bits = type === undefined ? undefined : sizeInBits(lower.context, lower.resolve(type), false)
    lower.emit({ kind: 'advance', bits: fold.constant(BigInt(bits ?? 0), 32) })
    return NONE
  }
  const varbitBits = call.args.length > 1 ? call.expression(1) : undefined
  const target = lowerTarget(lower, argument)
  forEachAlternative(lower, target, (place) => {
    if (place.kind === 'header') extractHeader(lower, place, varbitBits)
    else lower.error('P4C6003', call.range, 'only headers can be extracted')
  })
  advanceStack(lower, argument)
  return NONE
}

/** `stack.next`, or a member of it (a union's), moves the stack on. */
function advanceStack(lower: Lowering, argument: Ast): void {
  if (argument.kind === 'Index') advanceStack(lower, argument.object)
  if (argument.kind !== 'Member') return
  if (argument.member.text !== 'next' || lower.typeOf(argument.object).kind !== 'stack') {
    advanceStack(lower, argument.object)
    return
  }
  const stack = singlePlace(lowerTarget(lower, argument.object))
  if (stack?.kind !== 'stack') return
  const value = fold.arithmetic('add', lower.builder.load(stack.next), fold.constant(1n, 32))
  lower.emit({ kind: 'assign', slot: stack.next, value })
}

/** Packets are read and written in whole bytes. */
function checkWholeBytes(lower: Lowering, place: HeaderPlace): void {
  const { name, fields } = lower.builder.headers[place.header] ?? { name: '', fields: [] }
  const slots = fields.map((field) => lower.builder.slots[field])
  const bits = slots.reduce((sum, slot) => sum + (slot === undefined || slot.kind === 'varbit' ? 0 : slot.width), 0)
  if (bits % 8 === 0 || lower.range === undefined) return
  const message = `header '${name}' has ${bits} bits; only headers of whole bytes can be extracted and emitted`
  lower.error('P4C6008', lower.range, message)
}

function extractHeader(lower: Lowering, place: HeaderPlace, varbitBits: Expression | undefined): void {
  checkWholeBytes(lower, place)
  for (const rival of place.rivals) lower.emit({ kind: 'assign', slot: rival.valid, value: fold.FALSE })
  lower.emit({ kind: 'extract', header: place.header, ...(varbitBits === undefined ? {} : { varbitBits }) })
}

/** Reads all bits into one wide slot and takes it apart. */
function lookahead(lower: Lowering, call: ExternCall): Value {
  const type = call.returnType
  const bits = sizeInBits(lower.context, type, false) ?? 0
  if (bits === 0) return NONE
  const slot = lower.builder.temporary(lower.path, bits)
  lower.emit({ kind: 'lookahead', slot })
  return unpack(lower, lower.builder.load(slot), type, { at: bits })
}

/** Parts of `whole` from its high end downwards; `cursor.at` is the first bit above the next part. */
function unpack(lower: Lowering, whole: Expression, input: Type, cursor: { at: number }): Value {
  const type = lower.resolve(input)
  const shape = scalarShape(type)
  if (shape !== undefined) {
    cursor.at -= shape.width
    return scalar(fold.slice(whole, cursor.at + shape.width - 1, cursor.at))
  }
  switch (type.kind) {
    case 'struct': {
      const fields = new Map<string, Value>()
      for (const field of lower.context.fieldsOf(type)) fields.set(field.name, unpack(lower, whole, field.type, cursor))
      if (type.form === 'header') return { kind: 'header', valid: fold.TRUE, fields }
      if (type.form === 'struct') return { kind: 'struct', fields, hasDots: false }
      const members = new Map<string, HeaderValue>()
      for (const [name, field] of fields) if (field.kind === 'header') members.set(name, field)
      return { kind: 'union', fields: members }
    }
    case 'tuple':
      return {
        kind: 'tuple',
        elements: type.elements.map((item) => unpack(lower, whole, item, cursor)),
        hasDots: false,
      }
    case 'stack': {
      const elements = Array.from({ length: type.size }, () => unpack(lower, whole, type.element, cursor))
      return { kind: 'stack', elements, next: fold.constant(0n, 32) }
    }
    default:
      return NONE
  }
}

function emit(lower: Lowering, call: ExternCall): Value {
  const argument = call.ast(0)
  if (argument === undefined) return NONE
  const target = lowerTarget(lower, argument)
  if (target.alternatives.length > 0) {
    forEachAlternative(lower, target, (place) => emitPlace(lower, place))
    return NONE
  }
  // What is not a place (a struct expression, the result of a function) is copied into one first.
  const place = allocate(lower.builder, lower.context, lower.typeOf(argument), lower.qualified('$emitted'))
  write(lower, place, call.value(0))
  emitPlace(lower, place)
  return NONE
}

function emitPlace(lower: Lowering, place: Place): void {
  switch (place.kind) {
    case 'header':
      checkWholeBytes(lower, place)
      lower.emit({ kind: 'emit', header: place.header })
      return
    case 'struct':
    case 'union':
      for (const field of place.fields.values()) emitPlace(lower, field)
      return
    case 'stack':
    case 'tuple':
      for (const element of place.elements) emitPlace(lower, element)
      return
    default:
  }
}
