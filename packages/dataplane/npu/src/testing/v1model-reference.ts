/**
 * What v1model does with a packet between the blocks of a program, a second time and as plainly as it goes: the reference
 * that `duel.ts` compares the traffic manager with. Written after simple_switch's description of its packet paths; copies wait
 * in one queue, first come first served.
 */
import { type InterpretedState, type Interpreter, type Program, RESERVED_DROP } from '@lodestone/p4'
import type { CloneSession, GroupMember } from '../target/replication.ts'

export interface ReferenceNetwork {
  readonly groups: Readonly<Record<number, readonly GroupMember[]>>
  readonly sessions: Readonly<Record<number, CloneSession>>
}

export interface ReferenceOutcome {
  readonly sent: { readonly port: number; readonly frame: Uint8Array }[]
  readonly drops: number[]
  /** Reasons that copies were dropped for before egress saw them. */
  readonly lost: number[]
}

interface Packet extends InterpretedState {
  frame: Uint8Array
  /** To egress by this port; undefined: around, through ingress. */
  port?: number
  /** A clone, or one of a group, that has not run yet. */
  readonly isCopy: boolean
  /** Port of the wire, whatever the program writes into its metadata. */
  readonly arrivedBy: number
  readonly rounds: number
}

const ROUNDS_MAX = 64
const NO_SESSION = 0
const SESSION_GIVEN = 0x8000n

export class V1modelReference {
  readonly #interpreter: Interpreter
  readonly #program: Program
  readonly #network: ReferenceNetwork
  readonly #queue: Packet[] = []
  #outcome: ReferenceOutcome = { sent: [], drops: [], lost: [] }

  constructor(interpreter: Interpreter, network: ReferenceNetwork) {
    this.#interpreter = interpreter
    this.#program = interpreter.program
    this.#network = network
  }

  run(frame: Uint8Array, port: number): ReferenceOutcome {
    this.#outcome = { sent: [], drops: [], lost: [] }
    this.#interpreter.applied = []
    const packet: Packet = { ...this.#interpreter.emptyState(), frame, isCopy: false, arrivedBy: port, rounds: 0 }
    this.#set(packet, 'ingress.port', port)
    this.#set(packet, 'packet.timestamp', this.#interpreter.nowUs)
    this.#ingress(packet)
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (next.rounds > ROUNDS_MAX) this.#end(next, RESERVED_DROP.loopLimit)
      else if (next.port === undefined) this.#ingress(next)
      else this.#egress(next, next.port)
    }
    return this.#outcome
  }

  #ingress(packet: Packet): void {
    this.#set(packet, 'clock.now', this.#interpreter.nowUs)
    this.#set(packet, 'packet.length', packet.frame.length)
    if (!this.#part(packet, 0, this.#after('decision'))) return
    const session = this.#get(packet, 'target.cloneSession')
    if (session !== NO_SESSION) this.#cloneOfIngress(packet, session)
    if (this.#get(packet, 'target.resubmit') !== 0) return this.#again(packet, packet.frame, 'target.resubmit', 6)
    const group = this.#get(packet, 'standard.mcast_grp')
    this.#set(packet, 'target.cloneSession', NO_SESSION)
    this.#set(packet, 'target.resubmit', 0)
    if (group !== 0) {
      this.#set(packet, 'standard.instance_type', 5)
      this.#set(packet, 'target.recirculate', 0)
      if (this.#program.isBmv2 === true) this.#set(packet, 'target.truncate', 0)
      return this.#multicast(packet, group)
    }
    if (this.#get(packet, 'egress.drop') !== 0) {
      this.#outcome.drops.push(this.#get(packet, 'egress.dropReason'))
      return
    }
    const port = this.#get(packet, 'egress.port')
    // Alone, a packet goes on at once; beside a clone it waits its turn.
    if (session === NO_SESSION) this.#egress(packet, port)
    else this.#queue.push({ ...packet, port })
  }

  #egress(packet: Packet, port: number): void {
    const priorities = this.#program.isBmv2 === true ? 1 : 8
    if (this.#get(packet, 'standard.priority') >= priorities) return this.#end(packet, RESERVED_DROP.badPriority)
    this.#set(packet, 'standard.enq_timestamp', this.#interpreter.nowUs)
    this.#set(packet, 'clock.now', this.#interpreter.nowUs)
    this.#set(packet, 'egress.port', port)
    if (!this.#part(packet, this.#after('decision'), this.#after('egressDecision'))) return
    const session = this.#get(packet, 'target.cloneSession')
    if (session !== NO_SESSION) this.#cloneOfEgress(packet, session)
    this.#set(packet, 'target.cloneSession', NO_SESSION)
    if (this.#get(packet, 'egress.drop') !== 0) {
      this.#outcome.drops.push(this.#get(packet, 'egress.dropReason'))
      return
    }
    if (!this.#part(packet, this.#after('egressDecision'), this.#program.blocks.length)) return
    const { written } = this.#interpreter
    const truncate = this.#get(packet, 'target.truncate')
    const frame = truncate === 0 ? written : written.subarray(0, truncate - 1)
    if (this.#get(packet, 'target.recirculate') === 0) this.#outcome.sent.push({ port, frame })
    else this.#again(packet, frame, 'target.recirculate', 4)
  }

  /** The frame as it arrived, parsed once more. */
  #cloneOfIngress(packet: Packet, number: number): void {
    const session = this.#session(number)
    if (session === undefined) return
    const parsed: Packet = { ...packet, ...this.#interpreter.emptyState(), rounds: packet.rounds + 1 }
    this.#set(parsed, 'ingress.port', packet.arrivedBy)
    this.#set(parsed, 'clock.now', this.#interpreter.nowUs)
    this.#set(parsed, 'packet.length', packet.frame.length)
    const ingress = this.#program.blocks.findIndex(({ name }) => name === 'ingress')
    if (!this.#part(parsed, 0, ingress)) return
    this.#sendClone(packet, this.#headersOnly(parsed), session, 1, packet.frame.length)
  }

  #cloneOfEgress(packet: Packet, number: number): void {
    const session = this.#session(number)
    if (session === undefined) return
    const copy = this.#headersOnly({ ...packet, rounds: packet.rounds + 1 })
    this.#sendClone(packet, copy, session, 2, this.#get(packet, 'target.length'))
  }

  #sendClone(from: Packet, copy: Packet, session: CloneSession, type: number, length: number): void {
    this.#keep(from, copy, 'target.cloneList')
    this.#set(copy, 'standard.instance_type', type)
    this.#set(copy, 'target.length', length)
    if (session.group !== undefined) this.#multicast(copy, session.group)
    if (session.port === undefined) return
    const last = this.#program.isBmv2 === true ? this.#network.groups[session.group ?? 0]?.at(-1) : undefined
    if (last !== undefined) this.#set(copy, 'standard.egress_rid', last.instance)
    this.#queue.push({ ...copy, port: session.port })
  }

  #multicast(packet: Packet, group: number): void {
    const members = this.#network.groups[group] ?? []
    if (members.length === 0) this.#end(packet, RESERVED_DROP.emptyGroup)
    for (const { port, instance } of members) {
      const copy = { ...packet, slots: packet.slots.slice(), varbitBits: packet.varbitBits.slice(), port, isCopy: true }
      this.#set(copy, 'standard.egress_rid', instance)
      this.#queue.push(copy)
    }
  }

  /** Resubmitted or recirculated: nothing is left but the field list. */
  #again(packet: Packet, frame: Uint8Array, request: string, type: number): void {
    const { arrivedBy, rounds } = packet
    const next: Packet = {
      ...this.#interpreter.emptyState(),
      frame,
      isCopy: false,
      arrivedBy,
      rounds: rounds + 1,
    }
    this.#keep(packet, next, request)
    this.#set(next, 'standard.instance_type', type)
    this.#queue.push(next)
  }

  #session(number: number): CloneSession | undefined {
    const session = this.#network.sessions[Number(BigInt(number) & ~SESSION_GIVEN)]
    if (session === undefined) this.#outcome.lost.push(RESERVED_DROP.noSession)
    return session
  }

  #headersOnly(packet: Packet): Packet {
    const copy: Packet = {
      ...packet,
      slots: packet.slots.map(() => 0n),
      varbitBits: packet.varbitBits.slice(),
      isCopy: true,
    }
    delete copy.port
    for (const { valid, fields } of this.#program.headers) {
      for (const slot of [valid, ...fields]) copy.slots[slot] = packet.slots[slot]!
    }
    this.#program.slots.forEach(({ name }, slot) => {
      if (name.endsWith('.nextIndex')) copy.slots[slot] = packet.slots[slot]!
    })
    return copy
  }

  #keep(from: Packet, into: Packet, request: string): void {
    for (const slot of this.#program.fieldLists?.[this.#get(from, request) - 1] ?? []) {
      into.slots[slot] = from.slots[slot]!
    }
  }

  /** False when the packet ended in it. */
  #part(packet: Packet, from: number, to: number): boolean {
    const verdict = this.#interpreter.part(packet.frame, packet, from, to)
    if (verdict?.kind === 'drop') this.#outcome.drops.push(verdict.reason)
    return verdict === undefined
  }

  /** Dropped for a reason that is not the program's. */
  #end({ isCopy }: Packet, reason: number): void {
    const { drops, lost } = this.#outcome
    if (isCopy) lost.push(reason)
    else drops.push(reason)
  }

  #after(name: string): number {
    return this.#program.blocks.findIndex((block) => block.name === name) + 1
  }

  #slot(name: string): number | undefined {
    return this.#program.intrinsics[name]
  }

  #get(packet: Packet, name: string): number {
    const slot = this.#slot(name)
    return slot === undefined ? 0 : Number(packet.slots[slot]!)
  }

  #set(packet: Packet, name: string, value: number): void {
    const slot = this.#slot(name)
    if (slot !== undefined) packet.slots[slot] = BigInt.asUintN(this.#program.slots[slot]!.width, BigInt(value))
  }
}
