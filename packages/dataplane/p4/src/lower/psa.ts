/**
 * The architecture of `psa.p4`. Ingress and egress have headers and metadata of their own; between them the packet is
 * bytes. What the deparsers hand on (`normal_meta`, `clone_i2e_meta`, …) are places that both sides share. Blocks between
 * the program's fill in what each is told, and decide what becomes of the packet; `packet-path` rules are the npu's.
 */
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import type { Type } from '../check/type.ts'
import type { Architecture, LoweredBlocks, TableAttributes } from './architecture.ts'
import { bindPlaces, blockEnvironment, lowerControl } from './block.ts'
import * as fold from './fold.ts'
import type { BlockObject, ExternObject, Lowering } from './lowering.ts'
import { lowerParser } from './parser.ts'
import { allocate, allSlots, type Place } from './place.ts'
import { callFunction, construct, method, PORT_RECIRCULATE } from './psa-extern.ts'

export const psa: Architecture = {
  name: 'psa',
  packageName: 'PSA_Switch',
  lowerBlocks,
  construct,
  method,
  function: callFunction,
  property,
}

/** Of `PSA_PacketPath_t`. */
const PATH_UNICAST = 1n
/** Ports behind it leave by no port of the switch; the CPU port's low 16 bits are one. */
const PORT_MAX = 0xffffn
const PORT_CPU = 0xffff_fffdn
/** `RESERVED_DROP.unknownPort` of the back end. */
const UNKNOWN_PORT = 0xf2n

function lowerBlocks(lower: Lowering, blocks: ReadonlyMap<string, BlockObject>): LoweredBlocks {
  const ip = blocks.get('ip')
  const ig = blocks.get('ig')
  const id = blocks.get('id')
  const ep = blocks.get('ep')
  const eg = blocks.get('eg')
  const ed = blocks.get('ed')
  if (ip === undefined || ig === undefined || id === undefined) return { blocks: [], intrinsics: {} }
  if (ep === undefined || eg === undefined || ed === undefined) return { blocks: [], intrinsics: {} }
  const { builder } = lower
  const now = builder.slot('$now', 'bit', 64)
  const parserError = builder.slot('$parser_error', 'error', 16)
  const drop = builder.slot('$drop', 'bool', 1)
  const dropReason = builder.slot('$drop_reason', 'bit', 8)
  const special = builder.slot('$special', 'bool', 1)
  const endSpecial = builder.slot('$end_special', 'bool', 1)
  const places = placesOf(lower, { ip, ig, id, ep, eg, ed })
  const field = (place: keyof typeof places, name: string): SlotId => fieldSlot(lower, places[place], name)
  const load = (slot: SlotId): Expression => builder.load(slot)
  const is = (slot: SlotId): Expression => fold.notEqual(load(slot), fold.constant(0n, load(slot).width))
  const assign = (slot: SlotId, value: Expression | bigint): Statement => ({
    kind: 'assign',
    slot,
    value:
      typeof value === 'bigint'
        ? fold.constant(value, load(slot).width)
        : // A program may bring an architecture file of its own, with other widths.
          fold.resize(value, load(slot).width, false),
  })

  const program: LoweredBlocks['blocks'][number][] = []
  const between = (name: string, body: readonly Statement[]): number => {
    const procedure = builder.procedure({ name: `$${name}`, body })
    program.push({ name, kind: 'control', procedure })
    return procedure
  }
  const add = (name: string, block: BlockObject, bound: readonly (Place | undefined)[]): void => {
    const { declaration } = block
    const named = { ...block, path: declaration.name.text }
    const environment = bindPlaces(lower, block, bound)
    if (declaration.kind === 'Parser') {
      program.push({ name, kind: 'parser', parser: lowerParser(lower, named, environment) })
    } else program.push({ name, kind: 'control', procedure: lowerControl(lower, declaration, named, environment) })
  }
  const { ih, im, eh, em } = places
  add('ingressParser', ip, [undefined, ih, im, places.ipIn, places.resubmit, places.recirculate])
  between('ingressInput', [
    assign(field('igIn', 'ingress_port'), load(field('ipIn', 'ingress_port'))),
    assign(field('igIn', 'packet_path'), load(field('ipIn', 'packet_path'))),
    assign(field('igIn', 'ingress_timestamp'), load(now)),
    assign(field('igIn', 'parser_error'), load(parserError)),
    ...['class_of_service', 'clone', 'resubmit', 'multicast_group'].map((name) => assign(field('igOut', name), 0n)),
    assign(field('igOut', 'drop'), fold.TRUE),
  ])
  add('ingress', ig, [ih, im, places.igIn, places.igOut])
  const isKept = fold.logicalNot(load(drop))
  const isElsewhere = fold.or(is(field('igOut', 'resubmit')), is(field('igOut', 'multicast_group')))
  between('decision', [
    assign(drop, load(field('igOut', 'drop'))),
    assign(special, fold.or(is(field('igOut', 'clone')), fold.and(isKept, isElsewhere))),
    assign(field('epIn', 'egress_port'), load(field('igOut', 'egress_port'))),
    assign(field('epIn', 'packet_path'), PATH_UNICAST),
    assign(field('egIn', 'class_of_service'), load(field('igOut', 'class_of_service'))),
    assign(field('egIn', 'instance'), 0n),
  ])
  add('ingressDeparser', id, [undefined, places.cloneI2e, places.resubmit, places.normal, ih, im, places.igOut])
  const departure = between('departure', [])
  add('egressParser', ep, [undefined, eh, em, places.epIn, places.normal, places.cloneI2e, places.cloneE2e])
  between('egressInput', [
    assign(field('egIn', 'egress_port'), load(field('epIn', 'egress_port'))),
    assign(field('egIn', 'packet_path'), load(field('epIn', 'packet_path'))),
    assign(field('egIn', 'egress_timestamp'), load(now)),
    assign(field('egIn', 'parser_error'), load(parserError)),
    assign(field('egOut', 'clone'), 0n),
    assign(field('egOut', 'drop'), 0n),
    assign(field('edIn', 'egress_port'), load(field('epIn', 'egress_port'))),
  ])
  add('egress', eg, [eh, em, places.egIn, places.egOut])
  add('egressDeparser', ed, [undefined, places.cloneE2e, places.recirculate, eh, em, places.egOut, places.edIn])
  const port = load(field('epIn', 'egress_port'))
  const isPort = (number: bigint): Expression => fold.equal(port, fold.constant(number, port.width))
  const isRound = fold.and(isKept, isPort(PORT_RECIRCULATE))
  const isFar = fold.compare('gt', false, port, fold.constant(PORT_MAX, port.width))
  const isNowhere = fold.and(isFar, fold.logicalNot(fold.or(isPort(PORT_RECIRCULATE), isPort(PORT_CPU))))
  between('egressDecision', [
    assign(drop, load(field('egOut', 'drop'))),
    assign(endSpecial, fold.or(is(field('egOut', 'clone')), isRound)),
    {
      kind: 'if',
      condition: fold.and(isKept, isNowhere),
      then: [assign(dropReason, UNKNOWN_PORT), assign(drop, fold.TRUE)],
      else: [],
    },
  ])
  // Which headers there are is known when all blocks are lowered.
  const invalidated = lower.isBmv2 ? invalidateAll(lower) : []
  builder.procedures[departure] = { name: '$departure', body: [assign(parserError, 0n), ...invalidated] }
  return {
    blocks: program,
    intrinsics: {
      'ingress.port': field('ipIn', 'ingress_port'),
      'egress.port': field('epIn', 'egress_port'),
      'egress.drop': drop,
      'egress.dropReason': dropReason,
      'parser.error': parserError,
      'clock.now': now,
      'target.special': special,
      'target.endSpecial': endSpecial,
      'psa.ingressPath': field('ipIn', 'packet_path'),
      'psa.ingressClass': field('igOut', 'class_of_service'),
      'psa.clone': field('igOut', 'clone'),
      'psa.cloneSession': field('igOut', 'clone_session_id'),
      'psa.resubmit': field('igOut', 'resubmit'),
      'psa.multicastGroup': field('igOut', 'multicast_group'),
      'psa.egressPort': field('igOut', 'egress_port'),
      'psa.egressPath': field('epIn', 'packet_path'),
      'psa.classOfService': field('egIn', 'class_of_service'),
      'psa.instance': field('egIn', 'instance'),
      'psa.egressClone': field('egOut', 'clone'),
      'psa.egressCloneSession': field('egOut', 'clone_session_id'),
    },
    fieldLists: [places.cloneI2e, places.resubmit, places.cloneE2e, places.recirculate].map(carriedSlots),
  }
}

interface PsaBlocks {
  readonly ip: BlockObject
  readonly ig: BlockObject
  readonly id: BlockObject
  readonly ep: BlockObject
  readonly eg: BlockObject
  readonly ed: BlockObject
}

/** Storage of everything that blocks share, shaped by the parameters that name it first. */
function placesOf(lower: Lowering, { ip, id, ep, ed, ig, eg }: PsaBlocks): Record<PlaceName, Place> {
  const shared = new Map<unknown, Place>()
  const make = (block: BlockObject, index: number, name?: string): Place => {
    const parameter = lower.context.parametersOf(block.type)[index]
    const type: Type = parameter?.type ?? { kind: 'unknown' }
    const place = name ?? parameter?.name ?? `$${index}`
    return lower.within(blockEnvironment(lower, block), () =>
      lower.isBmv2
        ? allocateShared(lower, lower.resolve(type), place, shared)
        : allocate(lower.builder, lower.context, lower.resolve(type), place),
    )
  }
  return {
    ih: make(ip, 1),
    im: make(ip, 2),
    ipIn: make(ip, 3, 'ingress_parser.istd'),
    resubmit: make(ip, 4, 'resubmit_meta'),
    recirculate: make(ip, 5, 'recirculate_meta'),
    igIn: make(ig, 2, 'ingress.istd'),
    igOut: make(ig, 3, 'ingress.ostd'),
    cloneI2e: make(id, 1, 'clone_i2e_meta'),
    normal: make(id, 3, 'normal_meta'),
    eh: make(ep, 1, 'egress.hdr'),
    em: make(ep, 2, 'egress.user_meta'),
    epIn: make(ep, 3, 'egress_parser.istd'),
    egIn: make(eg, 2, 'egress.istd'),
    egOut: make(eg, 3, 'egress.ostd'),
    cloneE2e: make(ed, 1, 'clone_e2e_meta'),
    edIn: make(ed, 6, 'egress_deparser.istd'),
  }
}

/**
 * In BMv2 all parameters of one structure are one variable, and so are headers of one name and type in several: egress
 * finds in its own what ingress left there.
 */
function allocateShared(lower: Lowering, type: Type, name: string, shared: Map<unknown, Place>): Place {
  const { builder, context } = lower
  if (type.kind !== 'struct' || type.form !== 'struct') return allocate(builder, context, type, name)
  const known = shared.get(type.declaration)
  if (known !== undefined) return known
  const fields = new Map<string, Place>()
  for (const field of context.fieldsOf(type)) {
    const own = lower.resolve(field.type)
    const key =
      own.kind === 'struct' && own.form === 'header' ? `${field.name} ${own.declaration.name.text}` : undefined
    const place = shared.get(key) ?? allocate(builder, context, own, `${name}.${field.name}`)
    if (key !== undefined) shared.set(key, place)
    fields.set(field.name, place)
  }
  const place: Place = { kind: 'struct', fields }
  shared.set(type.declaration, place)
  return place
}

/** BMv2: before egress every header is invalid and every varbit empty; other fields and stacks stay as they are. */
function invalidateAll({ builder }: Lowering): Statement[] {
  const empty = new Map<number, SlotId>()
  return builder.headers.flatMap(({ valid, fields }): Statement[] => {
    const varbits = fields.flatMap((slot): Statement[] => {
      const { kind, width } = builder.slots[slot] ?? { kind: 'bit', width: 0 }
      if (kind !== 'varbit') return []
      const from = empty.get(width) ?? builder.slot(`$empty${width}`, 'varbit', width)
      empty.set(width, from)
      return [{ kind: 'assignVarbit', slot, from }]
    })
    return [{ kind: 'assign', slot: valid, value: fold.FALSE }, ...varbits]
  })
}

type PlaceName =
  | 'ih'
  | 'im'
  | 'ipIn'
  | 'resubmit'
  | 'recirculate'
  | 'igIn'
  | 'igOut'
  | 'cloneI2e'
  | 'normal'
  | 'eh'
  | 'em'
  | 'epIn'
  | 'egIn'
  | 'egOut'
  | 'cloneE2e'
  | 'edIn'

function carriedSlots(place: Place): SlotId[] {
  const slots = new Set<SlotId>()
  allSlots(place, slots)
  return [...slots]
}

/** A field of the architecture's own metadata; a slot that nobody reads where the include file lacks it. */
function fieldSlot(lower: Lowering, place: Place, name: string): SlotId {
  const field = place.kind === 'struct' ? place.fields.get(name) : undefined
  return field?.kind === 'scalar' ? field.slot : lower.builder.temporary('', 32)
}

function property(_lower: Lowering, name: string, value: ExternObject, attributes: TableAttributes): void {
  if (value.id === undefined) return
  if (name === 'psa_direct_counter') attributes.directCounter = value.id
  if (name === 'psa_direct_meter') attributes.directMeter = value.id
  if (name === 'psa_implementation') attributes.implementation = value.id
}
