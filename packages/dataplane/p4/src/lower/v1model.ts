/**
 * The architecture of `v1model.p4`. All blocks share headers, metadata and standard metadata. Between the program's blocks
 * stand those of `v1model-path`, which decide what becomes of the packet; externs are in `v1model-extern`.
 */
import type { SlotId, Statement } from '../ir/index.ts'
import type { Type } from '../check/type.ts'
import type { Architecture, LoweredBlocks, TableAttributes } from './architecture.ts'
import { bindPlaces, blockEnvironment, lowerControl } from './block.ts'
import type { BlockObject, ExternObject, Lowering } from './lowering.ts'
import { lowerParser } from './parser.ts'
import { allocate, type Place } from './place.ts'
import { callFunction, construct, enterProgram, meterRead, method } from './v1model-extern.ts'
import { PacketPath } from './v1model-path.ts'

export const v1model: Architecture = {
  name: 'v1model',
  packageName: 'V1Switch',
  lowerBlocks,
  construct,
  method,
  function: callFunction,
  property,
}

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
  const path = new PacketPath(lower, standard)
  const metadataType = lower.resolve(parameters[1]?.type ?? { kind: 'unknown' })
  enterProgram(lower, { standard, metadata, metadataType, path, meterReads: new Map() })
  const standardSlots = intrinsicsOf(standard)
  lower.packetLengthSlot = standardSlots['packet.length']
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
  const between = (name: string, statements: readonly Statement[]): void => {
    const procedure = lower.builder.procedure({ name: `$${name}`, body: statements })
    program.push({ name, kind: 'control', procedure })
  }
  between('arrival', path.arrival())
  add('parser', 'p', [undefined, ...places])
  add('verify', 'vr', places)
  add('ingress', 'ig', places)
  const decision = lower.builder.procedure({ name: '$decision', body: [] })
  program.push({ name: 'decision', kind: 'control', procedure: decision })
  between('departure', path.departure())
  add('egress', 'eg', places)
  const egressDecision = lower.builder.procedure({ name: '$egressDecision', body: [] })
  program.push({ name: 'egressDecision', kind: 'control', procedure: egressDecision })
  add('compute', 'ck', places)
  add('deparser', 'dep', [undefined, headers])
  // What a packet may ask for is known when all blocks are lowered.
  lower.builder.procedures[decision] = { name: '$decision', body: path.decision() }
  lower.builder.procedures[egressDecision] = { name: '$egressDecision', body: path.egressDecision() }
  return { blocks: program, intrinsics: { ...standardSlots, ...path.intrinsics() }, fieldLists: path.fieldLists }
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
    if (name === 'egress_port') intrinsics['egress.port'] = field.slot
    if (name === 'ingress_global_timestamp') intrinsics['packet.timestamp'] = field.slot
  }
  return intrinsics
}

function property(lower: Lowering, name: string, value: ExternObject, attributes: TableAttributes): void {
  if (value.id === undefined) return
  if (name === 'counters') {
    attributes.directCounter = value.id
    attributes.doesCountAlways = true
  }
  if (name === 'meters') {
    attributes.directMeter = value.id
    attributes.onHit = meterRead(lower, value.id)
  }
  if (name === 'implementation') attributes.implementation = value.id
}
