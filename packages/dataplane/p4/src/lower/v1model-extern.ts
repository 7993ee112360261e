/** Externs of v1model: state is declared in the program, requests to the target go through `PacketPath`. */
import type { Expression as Ast } from '../syntax/ast.ts'
import type { Expression, HashAlgorithm, SlotId, Statement } from '../ir/index.ts'
import type { ExternType, StructType, Type } from '../check/type.ts'
import { printExpression } from '../syntax/print.ts'
import type { ExternCall } from './architecture.ts'
import { writeTarget } from './target.ts'
import { digestFields } from './digest.ts'
import * as fold from './fold.ts'
import { emitHash, hashInputs, validityOf } from './hash.ts'
import type { ExternObject, Lowering } from './lowering.ts'
import { numberOf } from './number.ts'
import { cellWidth, isInside, readCell, writeCell } from './register.ts'
import { collectSlots, scalarShape, type Place } from './place.ts'
import { DROP_PORT, type PacketPath } from './v1model-path.ts'
import { NONE, scalar, type Value } from './value.ts'

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

/** By position in `HashAlgorithm`; for `random`, which a selector cannot mean, the usual one. */
const SELECTOR_HASHES: readonly HashAlgorithm[] = [
  'crc32',
  'crc32_custom',
  'crc16',
  'crc16_custom',
  'crc32',
  'identity',
  'csum16',
  'xor16',
]

/** What calls need to know about the program's blocks; one lowering run at a time. */
interface Shared {
  readonly standard: Place
  readonly metadata: Place
  readonly metadataType: Type
  readonly path: PacketPath
  /** BMv2: what reads a direct meter, by the meter. */
  readonly meterReads: Map<number, readonly Statement[]>
}

const sharedOf = new WeakMap<Lowering, Shared>()

export function enterProgram(lower: Lowering, shared: Shared): void {
  sharedOf.set(lower, shared)
}

/** BMv2: what a table with this direct meter does on a hit; nothing where no action reads the meter. */
export function meterRead(lower: Lowering, meter: number): readonly Statement[] {
  return sharedOf.get(lower)?.meterReads.get(meter) ?? []
}

export function construct(
  lower: Lowering,
  type: ExternType,
  name: string,
  args: readonly Value[],
): ExternObject | undefined {
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
      return make(lower.builder.extern({ kind: 'register', name, size, width: cellWidth(lower, type.args[0]) }))
    }
    case 'action_profile':
      return make(lower.builder.extern({ kind: 'actionProfile', name, size }))
    case 'action_selector': {
      const outputWidth = numberOf(args[2])
      const maxGroupSize = 2 ** Math.min(outputWidth, 16)
      const algorithm = SELECTOR_HASHES[numberOf(args[0])] ?? 'crc32'
      const entries = numberOf(args[1])
      return make(
        lower.builder.extern({ kind: 'actionSelector', name, size: entries, maxGroupSize, algorithm, outputWidth }),
      )
    }
    case 'Checksum16':
      return make(undefined)
    default:
      return undefined
  }
}

export function method(lower: Lowering, object: ExternObject, call: ExternCall): Value | undefined {
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
      whenInside(lower, id, index, () => {
        output(lower, call, 1, (slot) => lower.emit({ kind: 'meter', meter: id, index, slot }))
      })
      return NONE
    }
    case 'direct_meter.read': {
      const measure = (): void => output(lower, call, 0, (slot) => lower.emit({ kind: 'meter', meter: id, slot }))
      // BMv2's table measures whatever it hits, before the action runs; see `property` of v1model.
      if (lower.isBmv2) sharedOf.get(lower)?.meterReads.set(id, lower.collect(measure))
      else measure()
      return NONE
    }
    case 'register.read': {
      const index = call.expression(1)
      whenInside(lower, id, index, () => {
        const type = call.args[0]?.type ?? { kind: 'unknown' }
        const value = readCell(lower, id, index, type)
        const destination = call.target(0)
        if (destination !== undefined) writeTarget(lower, destination, value)
      })
      return NONE
    }
    case 'register.write':
      writeCell(lower, id, call.expression(0), call.value(1))
      return NONE
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

/** An index beyond the last cell changes nothing, not the destination either. */
function whenInside(lower: Lowering, id: number, index: Expression, body: () => void): void {
  const extern = lower.builder.externs[id]
  const size = extern !== undefined && 'size' in extern ? extern.size : 0
  emitIf(lower, isInside(index, size), lower.collect(body))
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

export function callFunction(lower: Lowering, call: ExternCall): Value | undefined {
  switch (call.name) {
    case 'mark_to_drop':
      return markToDrop(lower, call)
    case 'hash':
      return hash(lower, call)
    case 'random': {
      const low = call.expression(1)
      const high = call.expression(2)
      // Bounds the wrong way round leave the destination as it is.
      const body = (): void => output(lower, call, 0, (slot) => lower.emit({ kind: 'random', slot, low, high }))
      emitIf(lower, fold.compare('le', false, low, high), lower.collect(body))
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
      pathOf(lower)?.clone(call.expression(1), keptSlots(lower, call, 2))
      return NONE
    case 'resubmit':
    case 'resubmit_preserving_field_list':
      pathOf(lower)?.resubmit(keptSlots(lower, call, 0))
      return NONE
    case 'recirculate':
    case 'recirculate_preserving_field_list':
      pathOf(lower)?.recirculate(keptSlots(lower, call, 0))
      return NONE
    case 'truncate':
      pathOf(lower)?.truncate(call.expression(0))
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

function pathOf(lower: Lowering): PacketPath | undefined {
  return sharedOf.get(lower)?.path
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
  const inputs = variables(lower, call.value(3))
  const max = call.expression(4)
  output(lower, call, 0, (slot) =>
    emitHash(lower, { kind: 'hash', algorithm, inputs, payload: false, slot, base, max }),
  )
  return NONE
}

/** p4c copies the data to variables first: a field of a header counts whether that is valid or not, a header is still one. */
function variables(lower: Lowering, value: Value): Expression[] {
  if (!lower.isBmv2) return hashInputs(value)
  if (value.kind === 'tuple') return value.elements.flatMap((element) => variables(lower, element))
  if (value.kind === 'struct') return [...value.fields.values()].flatMap((field) => variables(lower, field))
  if (value.kind !== 'scalar' || validityOf(lower, value.expression) === undefined) return hashInputs(value)
  const slot = lower.builder.temporary(lower.path, value.expression.width)
  lower.emit({ kind: 'assign', slot, value: value.expression })
  return [lower.builder.load(slot)]
}

function checksumWidth(lower: Lowering, call: ExternCall): number {
  const type = call.args[2]?.type
  return (type === undefined ? undefined : scalarShape(lower.resolve(type))?.width) ?? 16
}

/** The checksum of the data in a slot of this width. */
function checksum(lower: Lowering, call: ExternCall, width: number): Expression {
  const algorithm = algorithmOf(lower, call, 3)
  const inputs = hashInputs(call.value(1))
  const slot = lower.builder.temporary(lower.path, width)
  emitHash(lower, { kind: 'hash', algorithm, inputs, payload: call.name.endsWith('payload'), slot })
  return lower.builder.load(slot)
}

function verifyChecksum(lower: Lowering, call: ExternCall): Value {
  const condition = call.expression(0)
  const then = lower.collect(() => {
    // BMv2 compares all that the algorithm gives, 64 bits at most.
    const width = lower.isBmv2 ? 64 : checksumWidth(lower, call)
    const computed = checksum(lower, call, width)
    const field = standardField(lower, 'checksum_error')
    if (field?.kind !== 'scalar') return
    const isWrong = fold.notEqual(computed, fold.resize(call.expression(2), width, false))
    const failed = { kind: 'assign', slot: field.slot, value: fold.TRUE } as const
    lower.emit({ kind: 'if', condition: isWrong, then: [failed], else: [] })
  })
  // BMv2 finds nothing wrong with the checksum of a header that is not there.
  const valid = lower.isBmv2 ? validityOf(lower, call.expression(2)) : undefined
  emitIf(lower, valid === undefined ? condition : fold.and(lower.builder.load(valid), condition), then)
  return NONE
}

function updateChecksum(lower: Lowering, call: ExternCall): Value {
  const condition = call.expression(0)
  const then = lower.collect(() => {
    const computed = checksum(lower, call, checksumWidth(lower, call))
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
  const given = call.typeArgs[0]
  const type = given ?? (data === undefined ? undefined : lower.typeOf(data))
  const values = hashInputs(call.value(1))
  const named = type === undefined ? [] : digestFields(lower, type)
  const fields = values.map((value, k) => ({ name: named[k]?.name ?? `field${k}`, width: value.width }))
  const name = type?.kind === 'struct' ? type.declaration.name.text : `digest_${lower.builder.externs.length}`
  const known = lower.builder.externs.findIndex((extern) => extern.kind === 'digest' && extern.name === name)
  const id = known === -1 ? lower.builder.extern({ kind: 'digest', name, fields }) : known
  pathOf(lower)?.digest(id, values)
  return NONE
}

/** What the copy keeps; `index` is the argument with a field list's number, or (deprecated) the data itself. */
function keptSlots(lower: Lowering, call: ExternCall, index: number): SlotId[] {
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
  return slots
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
