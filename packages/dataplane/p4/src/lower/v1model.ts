/**
 * The architecture of `v1model.p4`. All blocks share headers, metadata and standard metadata; the traffic manager
 * between ingress and egress, and what clone, resubmit and recirculate do, is the target's. Calls that only the target
 * understands become `target` statements: `clone` (type, session), `resubmit`, `recirculate`, `truncate` (length).
 */
import type { Expression as Ast } from '../syntax/ast.ts'
import type { Expression, HashAlgorithm, SlotId } from '../ir/index.ts'
import { sizeInBits } from '../check/size.ts'
import type { ExternType, StructType, Type } from '../check/type.ts'
import { printExpression } from '../syntax/print.ts'
import type { Architecture, ExternCall, LoweredBlocks, TableAttributes } from './architecture.ts'
import { bindPlaces, blockEnvironment, lowerControl } from './block.ts'
import { writeTarget } from './target.ts'
import * as fold from './fold.ts'
import { hashInputs } from './hash.ts'
import type { BlockObject, ExternObject, Lowering } from './lowering.ts'
import { numberOf } from './number.ts'
import { lowerParser } from './parser.ts'
import { allocate, collectSlots, scalarShape, type Place } from './place.ts'
import { NONE, read, scalar, type Value } from './value.ts'

/** Egress port that means "drop" (simple_switch's default). */
export const DROP_PORT = 511n

const COUNTS = ['packets', 'bytes', 'both'] as const
const UNITS = ['packets', 'bytes'] as const
const HASHES: ReadonlyMap<string, HashAlgorithm> = new Map([
  ['crc32', 'crc32'],
  ['crc32_custom', 'crc32_custom'],
  ['crc16', 'crc16'],
  ['crc16_custom', 'crc16_custom'],
  ['identity', 'identity'],
  ['csum16', 'csum16'],
  ['xor16', 'xor16'],
])

export const v1model: Architecture = {
  name: 'v1model',
  packageName: 'V1Switch',
  lowerBlocks,
  construct,
  method,
  function: callFunction,
  property,
}

/** What calls need to know about the program's blocks; one lowering run at a time. */
interface Shared {
  readonly standard: Place
  readonly metadata: Place
  readonly metadataType: Type
}

const sharedOf = new WeakMap<Lowering, Shared>()

function lowerBlocks(lower: Lowering, blocks: ReadonlyMap<string, BlockObject>): LoweredBlocks {
  const ingress = blocks.get('ig')
  if (ingress === undefined) return { blocks: [], intrinsics: {} }
  const parameters = lower.context.parametersOf(ingress.type)
  const named = (index: number): Place => {
    const parameter = parameters[index]
    const type: Type = parameter?.type ?? { kind: 'unknown' }
    return lower.within(blockEnvironment(lower, ingress), () =>
      allocate(lower.builder, lower.context, lower.resolve(type), parameter?.name ?? `$${index}`),
    )
  }
  const headers = named(0)
  const metadata = named(1)
  const standard = named(2)
  sharedOf.set(lower, { standard, metadata, metadataType: lower.resolve(parameters[1]?.type ?? { kind: 'unknown' }) })
  const intrinsics = intrinsicsOf(standard)
  lower.packetLengthSlot = intrinsics['packet.length']
  const program: LoweredBlocks['blocks'][number][] = []
  const places = [headers, metadata, standard]
  const add = (name: string, key: string, bound: readonly (Place | undefined)[]): void => {
    const block = blocks.get(key)
    if (block === undefined) return
    const { declaration } = block
    const named = { ...block, path: declaration.name.text }
    if (declaration.kind === 'Parser') {
      program.push({ name, kind: 'parser', parser: lowerParser(lower, named, bindPlaces(lower, block, bound)) })
    } else {
      const procedure = lowerControl(lower, declaration, named, bindPlaces(lower, block, bound))
      program.push({ name, kind: 'control', procedure })
    }
  }
  add('parser', 'p', [undefined, ...places])
  add('verify', 'vr', places)
  add('ingress', 'ig', places)
  add('egress', 'eg', places)
  add('compute', 'ck', places)
  add('deparser', 'dep', [undefined, headers])
  return { blocks: program, intrinsics }
}

/** Every field of the standard metadata as `standard.<field>`, and the names that targets share. */
function intrinsicsOf(standard: Place): Record<string, SlotId> {
  const intrinsics: Record<string, SlotId> = {}
  if (standard.kind !== 'struct') return intrinsics
  for (const [name, field] of standard.fields) {
    if (field.kind !== 'scalar') continue
    intrinsics[`standard.${name}`] = field.slot
    if (name === 'packet_length') intrinsics['packet.length'] = field.slot
    if (name === 'parser_error') intrinsics['parser.error'] = field.slot
    if (name === 'ingress_port') intrinsics['ingress.port'] = field.slot
  }
  return intrinsics
}

function construct(lower: Lowering, type: ExternType, name: string, args: readonly Value[]): ExternObject | undefined {
  const make = (id: number | undefined): ExternObject => ({ kind: 'extern', type, name, id, data: new Map() })
  const size = numberOf(args[0])
  switch (type.declaration.name.text) {
    case 'counter':
      return make(lower.builder.extern({ kind: 'counter', name, size, counts: COUNTS[numberOf(args[1])] ?? 'both' }))
    case 'direct_counter':
      return make(lower.builder.extern({ kind: 'directCounter', name, counts: COUNTS[numberOf(args[0])] ?? 'both' }))
    case 'meter':
      return make(lower.builder.extern({ kind: 'meter', name, size, unit: UNITS[numberOf(args[1])] ?? 'packets' }))
    case 'direct_meter':
      return make(lower.builder.extern({ kind: 'directMeter', name, unit: UNITS[numberOf(args[0])] ?? 'packets' }))
    case 'register': {
      const [element] = type.args
      const width = element === undefined ? undefined : sizeInBits(lower.context, element, true)
      return make(lower.builder.extern({ kind: 'register', name, size, width: Math.max(1, width ?? 32) }))
    }
    case 'action_profile':
      return make(lower.builder.extern({ kind: 'actionProfile', name, size }))
    case 'action_selector': {
      const width = numberOf(args[2])
      const maxGroupSize = 2 ** Math.min(width, 16)
      return make(lower.builder.extern({ kind: 'actionSelector', name, size: numberOf(args[1]), maxGroupSize }))
    }
    case 'Checksum16':
      return make(undefined)
    default:
      return undefined
  }
}

function method(lower: Lowering, object: ExternObject, call: ExternCall): Value | undefined {
  const id = object.id ?? 0
  switch (`${object.type.declaration.name.text}.${call.name}`) {
    case 'counter.count':
      lower.emit({ kind: 'count', counter: id, index: call.expression(0) })
      return NONE
    case 'direct_counter.count':
      // The table counts every application by itself; see `property`.
      return NONE
    case 'meter.execute_meter': {
      const index = call.expression(0)
      output(lower, call, 1, (slot) => lower.emit({ kind: 'meter', meter: id, index, slot }))
      return NONE
    }
    case 'direct_meter.read':
      output(lower, call, 0, (slot) => lower.emit({ kind: 'meter', meter: id, slot }))
      return NONE
    case 'register.read': {
      const index = call.expression(1)
      readRegister(lower, call, id, index)
      return NONE
    }
    case 'register.write': {
      const index = call.expression(0)
      lower.emit({ kind: 'registerWrite', register: id, index, value: joined(hashInputs(call.value(1))) })
      return NONE
    }
    case 'Checksum16.get': {
      const result = call.result()
      const inputs = hashInputs(call.value(0))
      lower.emit({ kind: 'hash', algorithm: 'csum16', inputs, payload: false, slot: result.slot })
      return result.value
    }
    default:
      return undefined
  }
}

/** Runs `emit` with a slot of the out argument's width, then copies the slot to the argument. */
function output(lower: Lowering, call: ExternCall, index: number, emit: (slot: SlotId) => void): void {
  const type = call.args[index]?.type
  const shape = (type === undefined ? undefined : scalarShape(lower.resolve(type))) ?? { kind: 'bit', width: 32 }
  const target = call.target(index)
  const slot = lower.builder.temporary(lower.path, shape.width, shape.kind)
  emit(slot)
  if (target !== undefined) writeTarget(lower, target, scalar(lower.builder.load(slot)))
}

/** A register cell may hold a struct: it is one number in the program's state. */
function readRegister(lower: Lowering, call: ExternCall, register: number, index: Expression): void {
  const type = lower.resolve(call.args[0]?.type ?? { kind: 'unknown' })
  if (scalarShape(type) !== undefined) {
    output(lower, call, 0, (slot) => lower.emit({ kind: 'registerRead', register, index, slot }))
    return
  }
  const width = sizeInBits(lower.context, type, true) ?? 0
  const target = call.target(0)
  if (width === 0 || target === undefined) return
  const slot = lower.builder.temporary(lower.path, width)
  lower.emit({ kind: 'registerRead', register, index, slot })
  const place = allocate(lower.builder, lower.context, type, lower.qualified('$cell'))
  const slots: SlotId[] = []
  collectSlots(place, slots)
  let at = width
  for (const part of slots) {
    const partWidth = lower.builder.slots[part]?.width ?? 1
    at -= partWidth
    const value = fold.slice(lower.builder.load(slot), at + partWidth - 1, at)
    lower.emit({ kind: 'assign', slot: part, value })
  }
  writeTarget(lower, target, read(lower, place))
}

function joined(parts: readonly Expression[]): Expression {
  const [first, ...rest] = parts
  return rest.reduce(fold.concat, first ?? fold.FALSE)
}

function callFunction(lower: Lowering, call: ExternCall): Value | undefined {
  switch (call.name) {
    case 'mark_to_drop':
      return markToDrop(lower, call)
    case 'hash':
      return hash(lower, call)
    case 'random': {
      const low = call.expression(1)
      const high = call.expression(2)
      output(lower, call, 0, (slot) => lower.emit({ kind: 'random', slot, low, high }))
      return NONE
    }
    case 'verify_checksum':
    case 'verify_checksum_with_payload':
      return verifyChecksum(lower, call)
    case 'update_checksum':
    case 'update_checksum_with_payload':
      return updateChecksum(lower, call)
    case 'digest':
      return digest(lower, call)
    case 'clone':
    case 'clone3':
    case 'clone_preserving_field_list':
      return target(lower, call, 'clone', [call.expression(0), call.expression(1)], 2)
    case 'resubmit':
    case 'resubmit_preserving_field_list':
      return target(lower, call, 'resubmit', [], 0)
    case 'recirculate':
    case 'recirculate_preserving_field_list':
      return target(lower, call, 'recirculate', [], 0)
    case 'truncate':
      lower.emit({ kind: 'target', name: 'truncate', inputs: [call.expression(0)], outputs: [] })
      return NONE
    case 'assert':
    case 'assume': {
      const argument = call.ast(0)
      const text = `${call.name}(${argument === undefined ? '' : printExpression(argument)})`
      lower.emit({ kind: 'assert', condition: call.expression(0), text })
      return NONE
    }
    case 'log_msg': {
      const message = call.value(0)
      const values = call.args.length > 1 ? hashInputs(call.value(1)) : []
      lower.emit({ kind: 'log', message: message.kind === 'string' ? message.value : '', values })
      return NONE
    }
    default:
      return undefined
  }
}

function standardField(lower: Lowering, name: string): Place | undefined {
  const standard = sharedOf.get(lower)?.standard
  return standard?.kind === 'struct' ? standard.fields.get(name) : undefined
}

function markToDrop(lower: Lowering, call: ExternCall): Value {
  const set = (place: Place | undefined, value: bigint): void => {
    if (place?.kind === 'scalar')
      lower.emit({ kind: 'assign', slot: place.slot, value: fold.constant(value, place.width) })
  }
  const passed = call.target(0)
  const place = passed?.alternatives[0]?.place
  const field = (name: string): Place | undefined =>
    place?.kind === 'struct' ? place.fields.get(name) : standardField(lower, name)
  set(field('egress_spec'), DROP_PORT)
  set(field('mcast_grp'), 0n)
  return NONE
}

function algorithmOf(lower: Lowering, call: ExternCall, index: number): HashAlgorithm {
  const name = call.enumerator(index)
  const algorithm = name === undefined ? undefined : HASHES.get(name)
  if (algorithm === undefined) {
    lower.error(
      'P4C6040',
      call.ast(index)?.range ?? call.range,
      'the hash algorithm must be a constant other than random',
    )
  }
  return algorithm ?? 'crc32'
}

function hash(lower: Lowering, call: ExternCall): Value {
  const algorithm = algorithmOf(lower, call, 1)
  const base = call.expression(2)
  const inputs = hashInputs(call.value(3))
  const max = call.expression(4)
  output(lower, call, 0, (slot) => lower.emit({ kind: 'hash', algorithm, inputs, payload: false, slot, base, max }))
  return NONE
}

/** The checksum of the data in a slot as wide as the checksum argument. */
function checksum(lower: Lowering, call: ExternCall): Expression {
  const algorithm = algorithmOf(lower, call, 3)
  const inputs = hashInputs(call.value(1))
  const type = call.args[2]?.type
  const width = (type === undefined ? undefined : scalarShape(lower.resolve(type))?.width) ?? 16
  const slot = lower.builder.temporary(lower.path, width)
  lower.emit({ kind: 'hash', algorithm, inputs, payload: call.name.endsWith('payload'), slot })
  return lower.builder.load(slot)
}

function verifyChecksum(lower: Lowering, call: ExternCall): Value {
  const condition = call.expression(0)
  const then = lower.collect(() => {
    const computed = checksum(lower, call)
    const field = standardField(lower, 'checksum_error')
    if (field?.kind !== 'scalar') return
    const isWrong = fold.notEqual(computed, call.expression(2))
    const failed = { kind: 'assign', slot: field.slot, value: fold.TRUE } as const
    lower.emit({ kind: 'if', condition: isWrong, then: [failed], else: [] })
  })
  emitIf(lower, condition, then)
  return NONE
}

function updateChecksum(lower: Lowering, call: ExternCall): Value {
  const condition = call.expression(0)
  const then = lower.collect(() => {
    const computed = checksum(lower, call)
    const destination = call.target(2)
    if (destination !== undefined) writeTarget(lower, destination, scalar(computed))
  })
  emitIf(lower, condition, then)
  return NONE
}

function emitIf(lower: Lowering, condition: Expression, then: ReturnType<Lowering['collect']>): void {
  if (condition.op !== 'const') lower.emit({ kind: 'if', condition, then, else: [] })
  else if (condition.value !== 0n) for (const statement of then) lower.emit(statement)
}

function digest(lower: Lowering, call: ExternCall): Value {
  const data = call.ast(1)
  const type = data === undefined ? undefined : lower.typeOf(data)
  const values = hashInputs(call.value(1))
  const names = fieldNames(lower, type)
  const fields = values.map((value, index) => ({ name: names[index] ?? `field${index}`, width: value.width }))
  const name = type?.kind === 'struct' ? type.declaration.name.text : `digest_${lower.builder.externs.length}`
  const known = lower.builder.externs.findIndex((extern) => extern.kind === 'digest' && extern.name === name)
  const id = known === -1 ? lower.builder.extern({ kind: 'digest', name, fields }) : known
  lower.emit({ kind: 'digest', digest: id, values })
  return NONE
}

function fieldNames(lower: Lowering, type: Type | undefined): string[] {
  if (type?.kind === 'structLiteral') return type.fields.map((field) => field.name)
  return type?.kind === 'struct' ? lower.context.fieldsOf(type).map((field) => field.name) : []
}

/** `index`: of the argument that says what the copy keeps: a field list's number, or (deprecated) the data itself. */
function target(lower: Lowering, call: ExternCall, name: string, inputs: readonly Expression[], index: number): Value {
  const slots: SlotId[] = []
  if (call.name.endsWith('_preserving_field_list')) {
    const list = fold.constantOf(call.expression(index))
    const shared = sharedOf.get(lower)
    if (list !== undefined && shared !== undefined && shared.metadataType.kind === 'struct') {
      fieldListSlots(lower, shared.metadataType, shared.metadata, list, slots)
    }
  } else if (call.args.length > index) {
    for (const part of hashInputs(call.value(index))) if (part.op === 'load') slots.push(part.slot)
  }
  lower.emit({ kind: 'target', name, inputs, outputs: [], fieldList: slots })
  return NONE
}

/** Fields annotated `@field_list(n, …)` with this number, at any depth. */
function fieldListSlots(lower: Lowering, type: StructType, place: Place, list: bigint, into: SlotId[]): void {
  if (place.kind !== 'struct') return
  for (const field of type.declaration.fields) {
    const part = place.fields.get(field.name.text)
    if (part === undefined) continue
    const isListed = field.annotations.some(
      (annotation) =>
        annotation.name.text === 'field_list' &&
        annotation.values.some((value) => annotationNumber(lower, value) === list),
    )
    const fieldType = lower.context.fieldsOf(type).find((candidate) => candidate.name === field.name.text)?.type
    const resolved = fieldType === undefined ? undefined : lower.resolve(fieldType)
    if (isListed) collectSlots(part, into)
    else if (resolved?.kind === 'struct' && resolved.form === 'struct')
      fieldListSlots(lower, resolved, part, list, into)
  }
}

/** Annotations are not checked, so only literals and names of top-level constants are understood. */
function annotationNumber(lower: Lowering, value: Ast): bigint | undefined {
  if (value.kind === 'Integer') return value.value
  if (value.kind !== 'Name') return undefined
  const symbol = lower.context.globals.own(value.name)[0]
  return symbol?.kind === 'constant' ? annotationNumber(lower, symbol.declaration.initializer) : undefined
}

function property(_lower: Lowering, name: string, value: ExternObject, attributes: TableAttributes): void {
  if (value.id === undefined) return
  if (name === 'counters') {
    attributes.directCounter = value.id
    attributes.doesCountAlways = true
  }
  if (name === 'meters') attributes.directMeter = value.id
  if (name === 'implementation') attributes.implementation = value.id
}
