/**
 * What v1model does to a packet between and after the programmable blocks, as IR: blocks `decision` (end of ingress),
 * `departure` (start of egress, once per copy) and `egressDecision`. Requests of the program (clone, resubmit, …) are
 * hidden slots, which the target reads as intrinsics `target.…`; a packet that asks for none of them and is unicast
 * never leaves the generated code.
 *
 * The order is that of simple_switch: clone, digest, resubmit, multicast, drop, unicast; clone, drop, recirculate,
 * transmit. The last request of a kind counts, and what it keeps is read when the block ends.
 */
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import * as fold from './fold.ts'
import type { Lowering } from './lowering.ts'
import type { Place } from './place.ts'

/** Egress port that means "drop" (simple_switch's default). */
export const DROP_PORT = 511n
const SESSION_WIDTH = 16
/** Marks a session number as given: session 0 is one too. */
const SESSION_GIVEN = 0x8000n
const SESSION_MASK = 0x7fffn
/** Reason of drops for a priority without queue; `RESERVED_DROP.badPriority` of the back end. */
const BAD_PRIORITY = 0xf7n

type Request = 'cloneSession' | 'cloneList' | 'resubmit' | 'recirculate' | 'truncate'

const WIDTHS: Readonly<Record<Request, number>> = {
  cloneSession: SESSION_WIDTH,
  cloneList: 16,
  resubmit: 16,
  recirculate: 16,
  truncate: 32,
}

interface PendingDigest {
  readonly id: number
  readonly values: readonly Expression[]
}

export class PacketPath {
  readonly #lower: Lowering
  readonly #standard: Place
  readonly #requests = new Map<Request, SlotId>()
  readonly #digests: PendingDigest[] = []
  #digest: SlotId | undefined
  readonly #now: SlotId
  readonly #drop: SlotId
  readonly #dropReason: SlotId
  readonly #special: SlotId
  readonly #egressSpecial: SlotId
  /** What `packet_length` says in egress. BMv2 adds and subtracts headers that become valid or invalid. */
  readonly #length: SlotId
  readonly fieldLists: (readonly SlotId[])[] = []

  constructor(lower: Lowering, standard: Place) {
    this.#lower = lower
    this.#standard = standard
    const { builder } = lower
    this.#now = builder.slot('$now', 'bit', 48)
    this.#drop = builder.slot('$drop', 'bool', 1)
    this.#dropReason = builder.slot('$drop_reason', 'bit', 8)
    this.#special = builder.slot('$special', 'bool', 1)
    this.#egressSpecial = builder.slot('$egress_special', 'bool', 1)
    this.#length = builder.slot('$length', 'bit', 32)
    lower.lengthSlot = this.#length
  }

  /** The last call before the end of the block counts. */
  clone(session: Expression, keep: readonly SlotId[]): void {
    const number = fold.arithmetic(
      'and',
      fold.resize(session, SESSION_WIDTH, false),
      fold.constant(SESSION_MASK, SESSION_WIDTH),
    )
    this.#set('cloneSession', fold.arithmetic('or', number, fold.constant(SESSION_GIVEN, SESSION_WIDTH)))
    this.#set('cloneList', this.#list(keep))
  }

  resubmit(keep: readonly SlotId[]): void {
    this.#set('resubmit', this.#list(keep))
  }

  recirculate(keep: readonly SlotId[]): void {
    this.#set('recirculate', this.#list(keep))
  }

  /** The smallest of several lengths counts; the slot holds the length plus one, and 0 for none. */
  truncate(length: Expression): void {
    const slot = this.#request('truncate')
    const given = this.#lower.capture(fold.resize(length, 32, false))
    const ones = fold.constant(0xffff_ffffn, 32)
    const wanted = fold.mux(fold.equal(given, ones), ones, fold.arithmetic('add', given, fold.constant(1n, 32)))
    const current = this.#lower.builder.load(slot)
    const isFirst = fold.equal(current, fold.constant(0n, 32))
    const isSmaller = fold.compare('lt', false, wanted, current)
    this.#set('truncate', fold.mux(fold.or(isFirst, isSmaller), wanted, current))
  }

  /** Sent at the end of ingress with the values that the fields have then. */
  digest(id: number, values: readonly Expression[]): void {
    const { builder } = this.#lower
    this.#digest ??= builder.slot('$digest', 'bit', 16)
    const kept = values.map((value) => (value.op === 'load' ? value : this.#lower.capture(value)))
    this.#digests.push({ id, values: kept })
    this.#lower.emit({
      kind: 'assign',
      slot: this.#digest,
      value: fold.constant(BigInt(this.#digests.length), 16),
    })
  }

  /** The names by which a target finds the slots; call it when everything is lowered. */
  intrinsics(): Record<string, SlotId> {
    const intrinsics: Record<string, SlotId> = {
      'clock.now': this.#now,
      'egress.drop': this.#drop,
      'egress.dropReason': this.#dropReason,
      'target.special': this.#special,
      'target.length': this.#length,
    }
    if (this.#requests.has('cloneSession')) intrinsics['target.egressSpecial'] = this.#egressSpecial
    for (const [name, slot] of this.#requests) intrinsics[`target.${name}`] = slot
    return intrinsics
  }

  /** Before the parser. */
  arrival(): Statement[] {
    return [{ kind: 'assign', slot: this.#length, value: fold.resize(this.#load('packet_length'), 32, false) }]
  }

  /** After ingress. */
  decision(): Statement[] {
    const { builder } = this.#lower
    const body: Statement[] = []
    const assign = (slot: SlotId | undefined, value: Expression): void => {
      if (slot !== undefined) body.push({ kind: 'assign', slot, value })
    }
    if (this.#digest !== undefined) {
      body.push({
        kind: 'switch',
        selector: builder.load(this.#digest),
        cases: this.#digests.map(({ id, values }, index) => ({
          values: [BigInt(index + 1)],
          body: [{ kind: 'digest', digest: id, values }],
        })),
        default: [],
      })
      assign(this.#digest, fold.constant(0n, 16))
    }
    const group = this.#load('mcast_grp')
    let special = fold.notEqual(group, fold.constant(0n, group.width))
    for (const name of ['cloneSession', 'resubmit'] as const) special = fold.or(special, this.#isRequested(name))
    assign(this.#special, special)
    const spec = this.#load('egress_spec')
    assign(this.#drop, fold.equal(spec, fold.constant(DROP_PORT, spec.width)))
    if (this.#lower.isBmv2) {
      const priority = this.#load('priority')
      const isBad = fold.notEqual(priority, fold.constant(0n, priority.width))
      const reason = { kind: 'assign', slot: this.#dropReason, value: fold.constant(BAD_PRIORITY, 8) } as const
      const drop = { kind: 'assign', slot: this.#drop, value: fold.TRUE } as const
      const isSent = fold.logicalNot(builder.load(this.#drop))
      body.push({ kind: 'if', condition: fold.and(isSent, isBad), then: [reason, drop], else: [] })
    }
    // A packet that goes on alone is a normal one, whatever it was in ingress.
    const type = this.#field('instance_type')
    if (type !== undefined) assign(type, fold.constant(0n, this.#width(type)))
    assign(this.#field('egress_port'), spec)
    assign(this.#field('enq_timestamp'), fold.resize(builder.load(this.#now), 32, false))
    for (const name of ['enq_qdepth', 'deq_qdepth'] as const) {
      const slot = this.#field(name)
      if (slot !== undefined) assign(slot, fold.constant(0n, this.#width(slot)))
    }
    return body
  }

  /** Before egress, for every copy; the target has set `egress_port` by then. */
  departure(): Statement[] {
    const { builder } = this.#lower
    const body: Statement[] = []
    const assign = (name: string, value: (width: number) => Expression): void => {
      const slot = this.#field(name)
      if (slot !== undefined) body.push({ kind: 'assign', slot, value: value(this.#width(slot)) })
    }
    const now = builder.load(this.#now)
    assign('egress_global_timestamp', (width) => fold.resize(now, width, false))
    assign('deq_timedelta', (width) =>
      fold.arithmetic('sub', fold.resize(now, width, false), fold.resize(this.#load('enq_timestamp'), width, false)),
    )
    assign('egress_spec', (width) => fold.constant(0n, width))
    assign('packet_length', (width) => fold.resize(builder.load(this.#length), width, false))
    return body
  }

  /** After egress, before checksums and deparser. */
  egressDecision(): Statement[] {
    const spec = this.#load('egress_spec')
    const body: Statement[] = []
    if (this.#requests.has('cloneSession')) {
      body.push({ kind: 'assign', slot: this.#egressSpecial, value: this.#isRequested('cloneSession') })
    }
    const isDropped = fold.equal(spec, fold.constant(DROP_PORT, spec.width))
    body.push({ kind: 'assign', slot: this.#drop, value: isDropped })
    return body
  }

  #request(name: Request): SlotId {
    const known = this.#requests.get(name)
    if (known !== undefined) return known
    const slot = this.#lower.builder.slot(`$${name}`, 'bit', WIDTHS[name])
    this.#requests.set(name, slot)
    return slot
  }

  #set(name: Request, value: Expression): void {
    this.#lower.emit({ kind: 'assign', slot: this.#request(name), value })
  }

  #isRequested(name: Request): Expression {
    const slot = this.#requests.get(name)
    if (slot === undefined) return fold.FALSE
    return fold.notEqual(this.#lower.builder.load(slot), fold.constant(0n, WIDTHS[name]))
  }

  /** A list's number, one and up. */
  #list(slots: readonly SlotId[]): Expression {
    const text = slots.join()
    const known = this.fieldLists.findIndex((list) => list.join() === text)
    const index = known === -1 ? this.fieldLists.push(slots) - 1 : known
    return fold.constant(BigInt(index + 1), 16)
  }

  #field(name: string): SlotId | undefined {
    const place = this.#standard.kind === 'struct' ? this.#standard.fields.get(name) : undefined
    return place?.kind === 'scalar' ? place.slot : undefined
  }

  #width(slot: SlotId): number {
    return this.#lower.builder.slots[slot]?.width ?? 1
  }

  /** 0 of one bit where the program's own standard metadata lacks the field. */
  #load(name: string): Expression {
    const slot = this.#field(name)
    return slot === undefined ? fold.FALSE : this.#lower.builder.load(slot)
  }
}
