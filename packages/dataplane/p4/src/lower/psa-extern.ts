/** Externs of psa: state is declared in the program; checksums are slots of the packet. */
import type { Expression, HashAlgorithm, SlotId, Statement } from '../ir/index.ts'
import type { ExternType } from '../check/type.ts'
import { printExpression } from '../syntax/print.ts'
import type { ExternCall } from './architecture.ts'
import * as fold from './fold.ts'
import { hashInputs } from './hash.ts'
import type { ExternObject, Lowering } from './lowering.ts'
import { numberExpression, numberOf } from './number.ts'
import { scalarShape } from './place.ts'
import { cellWidth, readCell, writeCell } from './register.ts'
import { digestFields } from './digest.ts'
import { leaves, NONE, scalar, type Value } from './value.ts'

/** A packet for this port begins ingress anew. */
export const PORT_RECIRCULATE = 0xffff_fffan

const COUNTS = ['packets', 'bytes', 'both'] as const
const UNITS = ['packets', 'bytes'] as const
/** By position in `PSA_HashAlgorithm_t`, whose last one is the target's default. */
const HASHES: readonly HashAlgorithm[] = ['identity', 'crc32', 'crc32_custom', 'crc16', 'crc16_custom', 'csum16']
/** `PSA_MeterColor_t` of the colours green, yellow, red. */
const COLOURS = [1n, 2n, 0n] as const

export function construct(
  lower: Lowering,
  type: ExternType,
  name: string,
  args: readonly Value[],
): ExternObject | undefined {
  const { builder } = lower
  const make = (id: number | undefined, data: ReadonlyMap<string, Value> = new Map()): ExternObject => ({
    kind: 'extern',
    type,
    name,
    id,
    data,
  })
  const size = numberOf(args[0])
  switch (type.declaration.name.text) {
    case 'Counter':
      return make(builder.extern({ kind: 'counter', name, size, counts: COUNTS[numberOf(args[1])] ?? 'both' }))
    case 'DirectCounter':
      return make(builder.extern({ kind: 'directCounter', name, counts: COUNTS[size] ?? 'both' }))
    case 'Meter':
      return make(builder.extern({ kind: 'meter', name, size, unit: UNITS[numberOf(args[1])] ?? 'packets' }))
    case 'DirectMeter':
      return make(builder.extern({ kind: 'directMeter', name, unit: UNITS[size] ?? 'packets' }))
    case 'Register': {
      const width = cellWidth(lower, type.args[0])
      const initial = args[1] === undefined ? 0n : joinedConstant(args[1])
      const start = initial === 0n ? {} : { initial }
      return make(builder.extern({ kind: 'register', name, size, width, ...start }))
    }
    case 'ActionProfile':
      return make(builder.extern({ kind: 'actionProfile', name, size }))
    case 'ActionSelector': {
      const maxGroupSize = 2 ** Math.min(numberOf(args[2]), 16)
      const algorithm = hashAlgorithm(lower, size)
      const entries = numberOf(args[1])
      return make(
        builder.extern({
          kind: 'actionSelector',
          name,
          size: entries,
          maxGroupSize,
          algorithm,
          outputWidth: numberOf(args[2]),
        }),
      )
    }
    case 'Digest': {
      const fields = type.args[0] === undefined ? [] : digestFields(lower, type.args[0])
      return make(builder.extern({ kind: 'digest', name, fields }))
    }
    case 'Hash':
      return make(undefined, new Map([['algorithm', args[0] ?? NONE]]))
    case 'Random':
      return make(undefined, new Map(args.map((arg, k) => [k === 0 ? 'low' : 'high', arg])))
    case 'Checksum':
    case 'InternetChecksum': {
      const algorithm = type.declaration.name.text === 'Checksum' ? hashAlgorithm(lower, size) : 'csum16'
      // BMv2's sum is the switch's, not the packet's, and is cleared by `clear` alone.
      if (lower.isBmv2 && algorithm === 'csum16') {
        return make(builder.extern({ kind: 'register', name, size: 1, width: 16 }), new Map([['state', NONE]]))
      }
      const state = builder.slot(`${name}.$state`, 'bit', algorithm === 'csum16' ? 16 : 32)
      // As if cleared whenever the block that declares it begins.
      lower.emit({ kind: 'assign', slot: state, value: fold.constant(0n, algorithm === 'csum16' ? 16 : 32) })
      return make(
        undefined,
        new Map<string, Value>([
          ['algorithm', args[0] ?? NONE],
          ['state', scalar(builder.load(state))],
        ]),
      )
    }
    case 'PacketReplicationEngine':
    case 'BufferingQueueingEngine':
      return make(undefined)
    default:
      return undefined
  }
}

function hashAlgorithm(lower: Lowering, position: number): HashAlgorithm {
  return HASHES[position] ?? (lower.isBmv2 ? 'crc16' : 'crc32')
}

/** A compile-time value as one number, parts of a struct from the high end down. */
function joinedConstant(value: Value): bigint {
  if (value.kind === 'integer') return value.value
  const parts: Expression[] = []
  leaves(value, parts)
  return parts.reduce((whole, part) => (whole << BigInt(part.width)) | (fold.constantOf(part) ?? 0n), 0n)
}

export function method(lower: Lowering, object: ExternObject, call: ExternCall): Value | undefined {
  const id = object.id ?? 0
  switch (`${object.type.declaration.name.text}.${call.name}`) {
    case 'Counter.count':
      lower.emit({ kind: 'count', counter: id, index: call.expression(0) })
      return NONE
    case 'DirectCounter.count':
      lower.emit({ kind: 'count', counter: id })
      return NONE
    case 'Meter.execute':
      return meter(lower, call, id, call.expression(0), call.args.length > 1 ? call.expression(1) : undefined)
    case 'DirectMeter.execute':
      return meter(lower, call, id, undefined, call.args.length > 0 ? call.expression(0) : undefined)
    case 'Register.read':
      return readCell(lower, id, call.expression(0), call.returnType)
    case 'Register.write':
      writeCell(lower, id, call.expression(0), call.value(1))
      return NONE
    case 'Hash.get_hash':
      return hash(lower, object, call)
    case 'Random.read': {
      const result = call.result()
      const width = scalarShape(lower.resolve(call.returnType))?.width ?? 32
      const low = numberExpression(object.data.get('low'), width)
      lower.emit({ kind: 'random', slot: result.slot, low, high: numberExpression(object.data.get('high'), width) })
      return result.value
    }
    case 'Digest.pack':
      lower.emit({ kind: 'digest', digest: id, values: hashInputs(call.value(0)) })
      return NONE
    default:
      return object.data.has('state') ? checksum(lower, object, call) : undefined
  }
}

function meter(
  lower: Lowering,
  call: ExternCall,
  meterId: number,
  index: Expression | undefined,
  before: Expression | undefined,
): Value {
  const colour = lower.builder.temporary(lower.path, 2)
  // BMv2 does not look at the colour that a packet had.
  const known = before === undefined || lower.isBmv2 ? {} : { colour: fromPsa(before) }
  lower.emit({ kind: 'meter', meter: meterId, slot: colour, ...(index === undefined ? {} : { index }), ...known })
  const result = call.result()
  const { width } = lower.builder.slots[result.slot] ?? { width: 2 }
  const value = COLOURS.reduceRight<Expression>(
    (otherwise, member, k) => {
      const isIt = fold.equal(lower.builder.load(colour), fold.constant(BigInt(k), 2))
      return fold.mux(isIt, fold.constant(member, width), otherwise)
    },
    fold.constant(0n, width),
  )
  lower.emit({ kind: 'assign', slot: result.slot, value })
  return result.value
}

/** A member of `PSA_MeterColor_t` as the IR's colour. */
function fromPsa(colour: Expression): Expression {
  return COLOURS.reduceRight<Expression>(
    (otherwise, member, k) => {
      const isIt = fold.equal(colour, fold.constant(member, colour.width))
      return fold.mux(isIt, fold.constant(BigInt(k), 2), otherwise)
    },
    fold.constant(0n, 2),
  )
}

function hash(lower: Lowering, object: ExternObject, call: ExternCall): Value {
  const result = call.result()
  const algorithm = hashAlgorithm(lower, numberOf(object.data.get('algorithm')))
  const isRanged = call.args.length > 1
  const inputs = wholeBytes(hashInputs(call.value(isRanged ? 1 : 0)))
  const range = isRanged ? { base: call.expression(0), max: call.expression(2) } : {}
  lower.emit({ kind: 'hash', algorithm, inputs, payload: false, slot: result.slot, ...range })
  return result.value
}

/** psa_switch fills up to whole bytes in front. */
function wholeBytes(inputs: readonly Expression[]): Expression[] {
  const missing = (8 - (inputs.reduce((sum, input) => sum + input.width, 0) % 8)) % 8
  return missing === 0 ? [...inputs] : [fold.constant(0n, missing), ...inputs]
}

/** Checksum and InternetChecksum: their state is a slot. Sums are kept uncomplemented. */
function checksum(lower: Lowering, object: ExternObject, call: ExternCall): Value | undefined {
  const kept = object.data.get('state')
  if (kept?.kind === 'none') return sharedChecksum(lower, object, call)
  if (kept?.kind !== 'scalar' || kept.expression.op !== 'load') return undefined
  return checksumIn(lower, object, call, kept.expression)
}

/** BMv2: around every call the sum is read from and written to a register. */
function sharedChecksum(lower: Lowering, object: ExternObject, call: ExternCall): Value | undefined {
  const slot = lower.builder.temporary(lower.path, 16)
  const index = fold.constant(0n, 1)
  const register = object.id ?? 0
  const state = { op: 'load', width: 16, slot } as const
  lower.emit({ kind: 'registerRead', register, index, slot })
  const result = checksumIn(lower, object, call, state)
  const isRead = call.name === 'get' || call.name === 'get_state'
  if (!isRead) lower.emit({ kind: 'registerWrite', register, index, value: state })
  return result
}

function checksumIn(
  lower: Lowering,
  object: ExternObject,
  call: ExternCall,
  state: Extract<Expression, { op: 'load' }>,
): Value | undefined {
  const { slot, width } = state
  const isSum = width === 16
  const algorithm = isSum ? 'csum16' : hashAlgorithm(lower, numberOf(object.data.get('algorithm')))
  const set = (value: Expression): Value => {
    lower.emit({ kind: 'assign', slot, value })
    return NONE
  }
  switch (call.name) {
    case 'clear':
      return set(fold.constant(0n, width))
    case 'add':
    case 'update': {
      const inputs = wholeBytes(hashInputs(call.value(0)))
      if (!isSum) {
        lower.emit({ kind: 'hash', algorithm, inputs, payload: false, slot, from: state })
        return NONE
      }
      const part = lower.builder.temporary(lower.path, 16)
      lower.emit({ kind: 'hash', algorithm, inputs, payload: false, slot: part })
      return set(onesAdd(state, fold.not(lower.builder.load(part))))
    }
    case 'subtract':
      subtract(lower, slot, hashInputs(call.value(0)))
      return NONE
    case 'get_state':
      return scalar(state)
    case 'set_state':
      return set(call.expression(0))
    case 'get': {
      const wanted = scalarShape(lower.resolve(call.returnType))?.width ?? 16
      // A copy: the state may move on before the result is used.
      const result = lower.capture(isSum ? fold.not(state) : state)
      return scalar(fold.resize(result, wanted, false))
    }
    default:
      return undefined
  }
}

/** Adds the complement of each 16-bit word, from the last word on; zeros in front of the first other one count nothing. */
function subtract(lower: Lowering, slot: SlotId, inputs: readonly Expression[]): void {
  const [first, ...rest] = inputs
  if (first === undefined) return
  const whole = lower.capture(rest.reduce(fold.concat, first))
  const state = lower.builder.load(slot)
  for (let at = 0; at < whole.width; at += 16) {
    const high = Math.min(at + 15, whole.width - 1)
    const word = fold.resize(fold.slice(whole, high, at), 16, false)
    const left = fold.slice(whole, whole.width - 1, at)
    const then: Statement[] = [{ kind: 'assign', slot, value: onesAdd(state, fold.not(word)) }]
    lower.emit({ kind: 'if', condition: fold.notEqual(left, fold.constant(0n, left.width)), then, else: [] })
  }
}

/** One's complement addition of 16 bits. */
function onesAdd(left: Expression, right: Expression): Expression {
  const sum = fold.arithmetic('add', fold.resize(left, 17, false), fold.resize(right, 17, false))
  return fold.arithmetic('add', fold.slice(sum, 15, 0), fold.resize(fold.slice(sum, 16, 16), 16, false))
}

export function callFunction(lower: Lowering, call: ExternCall): Value | undefined {
  const field = (index: number, name: string): Expression => {
    const value = call.value(index)
    const part = value.kind === 'struct' ? value.fields.get(name) : undefined
    return part?.kind === 'scalar' ? part.expression : fold.FALSE
  }
  const isKept = (): Expression => fold.logicalNot(field(0, 'drop'))
  switch (call.name) {
    case 'psa_clone_i2e':
    case 'psa_clone_e2e':
      return scalar(field(0, 'clone'))
    case 'psa_resubmit':
      return scalar(fold.and(isKept(), field(0, 'resubmit')))
    case 'psa_normal':
      return scalar(fold.and(isKept(), fold.logicalNot(field(0, 'resubmit'))))
    case 'psa_recirculate': {
      const port = field(1, 'egress_port')
      return scalar(fold.and(isKept(), fold.equal(port, fold.constant(PORT_RECIRCULATE, port.width))))
    }
    case 'assert':
    case 'assume': {
      const argument = call.ast(0)
      const text = `${call.name}(${argument === undefined ? '' : printExpression(argument)})`
      lower.emit({ kind: 'assert', condition: call.expression(0), text })
      return NONE
    }
    default:
      return undefined
  }
}
