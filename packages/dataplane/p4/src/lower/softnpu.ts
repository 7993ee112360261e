/** The architecture of `softnpu.p4`: one set of headers and metadata that all four blocks share, so nothing is copied. */
import type { HashAlgorithm, SlotId } from '../ir/index.ts'
import { sizeInBits } from '../check/size.ts'
import type { ExternType, Type } from '../check/type.ts'
import type { Architecture, ExternCall, LoweredBlocks, TableAttributes } from './architecture.ts'
import { bindPlaces, blockEnvironment, lowerControl } from './block.ts'
import { hashInputs } from './hash.ts'
import type { BlockObject, ExternObject, Lowering } from './lowering.ts'
import { numberExpression, numberOf } from './number.ts'
import { lowerParser } from './parser.ts'
import { allocate, scalarShape, type Place } from './place.ts'
import { NONE, type Value } from './value.ts'

const COUNTS = ['packets', 'bytes', 'both'] as const
const UNITS = ['packets', 'bytes'] as const
const HASHES: readonly HashAlgorithm[] = ['crc8', 'crc16', 'crc32', 'identity', 'csum16', 'xor16', 'mix']

export const softnpu: Architecture = {
  name: 'softnpu',
  packageName: 'SoftNPU',
  lowerBlocks,
  construct,
  method,
  function: () => undefined,
  property,
}

/** What a block's parameter stands for: by its type, or by its position for headers and metadata. */
interface Shared {
  readonly headers: Place
  readonly metadata: Place
  readonly ingress: Place
  readonly egress: Place
}

function lowerBlocks(lower: Lowering, blocks: ReadonlyMap<string, BlockObject>): LoweredBlocks {
  const parser = blocks.get('p')
  const ingress = blocks.get('i')
  const egress = blocks.get('e')
  const deparser = blocks.get('d')
  if (parser === undefined || ingress === undefined || egress === undefined || deparser === undefined) {
    return { blocks: [], intrinsics: {} }
  }
  const named = (index: number): Place => {
    const parameter = lower.context.parametersOf(ingress.type)[index]
    const type: Type = parameter?.type ?? { kind: 'unknown' }
    return lower.within(blockEnvironment(lower, ingress), () =>
      allocate(lower.builder, lower.context, lower.resolve(type), parameter?.name ?? `$${index}`),
    )
  }
  const shared: Shared = { headers: named(0), metadata: named(1), ingress: named(2), egress: named(3) }
  const intrinsics = intrinsicsOf(shared)
  lower.packetLengthSlot = intrinsics['packet.length']
  const parserId = lowerParser(
    lower,
    { ...parser, path: 'parser' },
    bindPlaces(lower, parser, [undefined, shared.headers, shared.metadata, shared.ingress]),
  )
  const places = [shared.headers, shared.metadata, shared.ingress, shared.egress]
  const control = (block: BlockObject, path: string, bound: readonly (Place | undefined)[]): number => {
    const { declaration } = block
    if (declaration.kind !== 'Control') return 0
    return lowerControl(lower, declaration, { ...block, path }, bindPlaces(lower, block, bound))
  }
  const ingressId = control(ingress, 'ingress', places)
  const egressId = control(egress, 'egress', places)
  const deparserId = control(deparser, 'deparser', [undefined, shared.headers])
  return {
    blocks: [
      { name: 'parser', kind: 'parser', parser: parserId },
      { name: 'ingress', kind: 'control', procedure: ingressId },
      { name: 'egress', kind: 'control', procedure: egressId },
      { name: 'deparser', kind: 'control', procedure: deparserId },
    ],
    intrinsics,
  }
}

function intrinsicsOf(shared: Shared): Record<string, SlotId> {
  const intrinsics: Record<string, SlotId> = {}
  const add = (name: string, place: Place, field: string): void => {
    const part = place.kind === 'struct' ? place.fields.get(field) : undefined
    if (part?.kind === 'scalar') intrinsics[name] = part.slot
  }
  add('ingress.port', shared.ingress, 'port')
  add('packet.length', shared.ingress, 'packet_length')
  add('packet.timestamp', shared.ingress, 'timestamp')
  add('parser.error', shared.ingress, 'parser_error')
  add('egress.port', shared.egress, 'port')
  add('egress.drop', shared.egress, 'drop')
  add('egress.dropReason', shared.egress, 'drop_reason')
  add('egress.broadcast', shared.egress, 'broadcast')
  add('egress.multicastGroup', shared.egress, 'multicast_group')
  return intrinsics
}

function construct(lower: Lowering, type: ExternType, name: string, args: readonly Value[]): ExternObject | undefined {
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
      return make(lower.builder.extern({ kind: 'counter', name, size, counts: COUNTS[numberOf(args[1])] ?? 'both' }))
    case 'DirectCounter':
      return make(lower.builder.extern({ kind: 'directCounter', name, counts: COUNTS[numberOf(args[0])] ?? 'both' }))
    case 'Meter':
      return make(lower.builder.extern({ kind: 'meter', name, size, unit: UNITS[numberOf(args[1])] ?? 'packets' }))
    case 'DirectMeter':
      return make(lower.builder.extern({ kind: 'directMeter', name, unit: UNITS[numberOf(args[0])] ?? 'packets' }))
    case 'Register': {
      const [element] = type.args
      const width = element === undefined ? 32 : (sizeInBits(lower.context, element, true) ?? 32)
      return make(lower.builder.extern({ kind: 'register', name, size, width }))
    }
    case 'Hash':
      return make(undefined, new Map([['algorithm', args[0] ?? NONE]]))
    case 'Checksum':
      return make(undefined)
    case 'Random':
      return make(
        undefined,
        new Map([
          ['low', args[0] ?? NONE],
          ['high', args[1] ?? NONE],
        ]),
      )
    default:
      return undefined
  }
}

function method(lower: Lowering, object: ExternObject, call: ExternCall): Value | undefined {
  const id = object.id ?? 0
  switch (`${object.type.declaration.name.text}.${call.name}`) {
    case 'Counter.count':
      lower.emit({ kind: 'count', counter: id, index: call.expression(0) })
      return NONE
    case 'DirectCounter.count':
      lower.emit({ kind: 'count', counter: id })
      return NONE
    case 'Meter.execute': {
      const result = call.result()
      lower.emit({ kind: 'meter', meter: id, index: call.expression(0), slot: result.slot })
      return result.value
    }
    case 'DirectMeter.execute': {
      const result = call.result()
      lower.emit({ kind: 'meter', meter: id, slot: result.slot })
      return result.value
    }
    case 'Register.read': {
      const result = call.result()
      lower.emit({ kind: 'registerRead', register: id, index: call.expression(0), slot: result.slot })
      return result.value
    }
    case 'Register.write':
      lower.emit({ kind: 'registerWrite', register: id, index: call.expression(0), value: call.expression(1) })
      return NONE
    case 'Hash.get':
      return hash(lower, object, call)
    case 'Checksum.run': {
      const result = call.result()
      const inputs = hashInputs(call.value(0))
      lower.emit({ kind: 'hash', algorithm: 'csum16', inputs, payload: false, slot: result.slot })
      return result.value
    }
    case 'Random.read': {
      const result = call.result()
      const width = scalarShape(lower.resolve(call.returnType))?.width ?? 32
      const bound = (name: string): ReturnType<typeof numberExpression> =>
        numberExpression(object.data.get(name), width)
      lower.emit({ kind: 'random', slot: result.slot, low: bound('low'), high: bound('high') })
      return result.value
    }
    default:
      return undefined
  }
}

function hash(lower: Lowering, object: ExternObject, call: ExternCall): Value {
  const result = call.result()
  const algorithm = HASHES[numberOf(object.data.get('algorithm'))] ?? 'crc32'
  const isRanged = call.args.length > 1
  const inputs = hashInputs(call.value(isRanged ? 1 : 0))
  const range = isRanged ? { base: call.expression(0), max: call.expression(2) } : {}
  lower.emit({ kind: 'hash', algorithm, inputs, payload: false, slot: result.slot, ...range })
  return result.value
}

function property(_lower: Lowering, name: string, value: ExternObject, attributes: TableAttributes): void {
  if (value.id === undefined) return
  if (name === 'counters') attributes.directCounter = value.id
  if (name === 'meters') attributes.directMeter = value.id
}
