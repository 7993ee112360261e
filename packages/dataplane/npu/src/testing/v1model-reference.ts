/**
 * What v1model does with a packet between the blocks of a program, a second time and as plainly as it goes: the reference
 * that `duel.ts` compares the traffic manager with. Written after simple_switch's description of its packet paths; copies wait
 * in one queue, first come first served.
 */
import { type Interpreter, type Program, RESERVED_DROP } from '@lodestone/p4'
import type { CloneSession } from '../target/replication.ts'
import { type ReferenceNetwork, type ReferenceOutcome, type ReferencePacket, ReferenceRun } from './reference-run.ts'

interface Packet extends ReferencePacket {
  /** To egress by this port; undefined: around, through ingress. */
  port?: number
  /** Port of the wire, whatever the program writes into its metadata. */
  readonly arrivedBy: number
  readonly rounds: number
}

const ROUNDS_MAX = 64
const NO_SESSION = 0
const SESSION_GIVEN = 0x8000n

export class V1modelReference {
  readonly #run: ReferenceRun
  readonly #interpreter: Interpreter
  readonly #program: Program
  readonly #network: ReferenceNetwork
  readonly #queue: Packet[] = []

  constructor(interpreter: Interpreter, network: ReferenceNetwork) {
    this.#run = new ReferenceRun(interpreter)
    this.#interpreter = interpreter
    this.#program = interpreter.program
    this.#network = network
  }

  run(frame: Uint8Array, port: number): ReferenceOutcome {
    this.#run.begin()
    const packet: Packet = { ...this.#interpreter.emptyState(), frame, isCopy: false, arrivedBy: port, rounds: 0 }
    this.#run.set(packet, 'ingress.port', port)
    this.#run.set(packet, 'packet.timestamp', this.#interpreter.nowUs)
    this.#ingress(packet)
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (next.rounds > ROUNDS_MAX) this.#run.lose(next, RESERVED_DROP.loopLimit)
      else if (next.port === undefined) this.#ingress(next)
      else this.#egress(next, next.port)
    }
    return this.#run.outcome
  }

  #ingress(packet: Packet): void {
    this.#run.set(packet, 'clock.now', this.#interpreter.nowUs)
    this.#run.set(packet, 'packet.length', packet.frame.length)
    if (!this.#run.part(packet, 0, this.#run.after('decision'))) return
    const session = this.#run.get(packet, 'target.cloneSession')
    if (session !== NO_SESSION) this.#cloneOfIngress(packet, session)
    if (this.#run.get(packet, 'target.resubmit') !== 0) return this.#again(packet, packet.frame, 'target.resubmit', 6)
    const group = this.#run.get(packet, 'standard.mcast_grp')
    this.#run.set(packet, 'target.cloneSession', NO_SESSION)
    this.#run.set(packet, 'target.resubmit', 0)
    if (group !== 0) {
      this.#run.set(packet, 'standard.instance_type', 5)
      this.#run.set(packet, 'target.recirculate', 0)
      if (this.#program.isBmv2 === true) this.#run.set(packet, 'target.truncate', 0)
      return this.#multicast(packet, group)
    }
    if (this.#run.get(packet, 'egress.drop') !== 0) {
      this.#run.outcome.drops.push(this.#run.get(packet, 'egress.dropReason'))
      return
    }
    const port = this.#run.get(packet, 'egress.port')
    // Alone, a packet goes on at once; beside a clone it waits its turn.
    if (session === NO_SESSION) this.#egress(packet, port)
    else this.#queue.push({ ...packet, port })
  }

  #egress(packet: Packet, port: number): void {
    const priorities = this.#program.isBmv2 === true ? 1 : 8
    if (this.#run.get(packet, 'standard.priority') >= priorities)
      return this.#run.lose(packet, RESERVED_DROP.badPriority)
    this.#run.set(packet, 'standard.enq_timestamp', this.#interpreter.nowUs)
    this.#run.set(packet, 'clock.now', this.#interpreter.nowUs)
    this.#run.set(packet, 'egress.port', port)
    if (!this.#run.part(packet, this.#run.after('decision'), this.#run.after('egressDecision'))) return
    const session = this.#run.get(packet, 'target.cloneSession')
    if (session !== NO_SESSION) this.#cloneOfEgress(packet, session)
    this.#run.set(packet, 'target.cloneSession', NO_SESSION)
    if (this.#run.get(packet, 'egress.drop') !== 0) {
      this.#run.outcome.drops.push(this.#run.get(packet, 'egress.dropReason'))
      return
    }
    if (!this.#run.part(packet, this.#run.after('egressDecision'), this.#program.blocks.length)) return
    const { written } = this.#interpreter
    const truncate = this.#run.get(packet, 'target.truncate')
    const isAgain = this.#run.get(packet, 'target.recirculate') !== 0
    const isWhole = truncate === 0 || (isAgain && this.#program.isBmv2 === true)
    const frame = isWhole ? written : written.subarray(0, truncate - 1)
    if (!isAgain) this.#run.outcome.sent.push({ port, frame })
    else this.#again(packet, frame, 'target.recirculate', 4)
  }

  /** The frame as it arrived, parsed once more. */
  #cloneOfIngress(packet: Packet, number: number): void {
    const session = this.#session(number)
    if (session === undefined) return
    const parsed: Packet = { ...packet, ...this.#interpreter.emptyState(), rounds: packet.rounds + 1 }
    this.#run.set(parsed, 'ingress.port', packet.arrivedBy)
    this.#run.set(parsed, 'clock.now', this.#interpreter.nowUs)
    const isBmv2 = this.#program.isBmv2 === true
    if (!isBmv2) this.#run.set(parsed, 'packet.length', packet.frame.length)
    const ingress = this.#program.blocks.findIndex(({ name }) => name === 'ingress')
    if (!this.#run.part(parsed, 0, ingress)) return
    // What the parser added to the length that it was not told.
    const added = isBmv2 ? this.#run.get(parsed, 'target.length') : 0
    this.#sendClone(packet, this.#headersOnly(parsed), session, 1, packet.frame.length + added)
  }

  #cloneOfEgress(packet: Packet, number: number): void {
    const session = this.#session(number)
    if (session === undefined) return
    const copy = this.#headersOnly({ ...packet, rounds: packet.rounds + 1 })
    this.#forgetInvalid(copy)
    this.#sendClone(packet, copy, session, 2, this.#run.get(packet, 'target.length'))
  }

  #sendClone(from: Packet, copy: Packet, session: CloneSession, type: number, length: number): void {
    this.#keep(from, copy, 'target.cloneList')
    this.#run.set(copy, 'standard.instance_type', type)
    this.#run.set(copy, 'target.length', length)
    if (session.group !== undefined) this.#multicast(copy, session.group)
    if (session.port === undefined) return
    const last = this.#program.isBmv2 === true ? this.#network.groups[session.group ?? 0]?.at(-1) : undefined
    if (last !== undefined) this.#run.set(copy, 'standard.egress_rid', last.instance)
    this.#queue.push({ ...copy, port: session.port })
  }

  #multicast(packet: Packet, group: number): void {
    const members = this.#network.groups[group] ?? []
    if (members.length === 0) this.#run.lose(packet, RESERVED_DROP.emptyGroup)
    for (const { port, instance } of members) {
      const copy = { ...packet, slots: packet.slots.slice(), varbitBits: packet.varbitBits.slice(), port, isCopy: true }
      this.#forgetInvalid(copy)
      this.#run.set(copy, 'standard.egress_rid', instance)
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
    this.#run.set(next, 'standard.instance_type', type)
    this.#queue.push(next)
  }

  #session(number: number): CloneSession | undefined {
    const session = this.#network.sessions[Number(BigInt(number) & ~SESSION_GIVEN)]
    if (session === undefined) this.#run.outcome.lost.push(RESERVED_DROP.noSession)
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

  /** BMv2 copies no fields of headers that are not valid. */
  #forgetInvalid({ slots, varbitBits }: Packet): void {
    if (this.#program.isBmv2 !== true) return
    for (const { valid, fields } of this.#program.headers) {
      if (slots[valid] !== 0n) continue
      for (const slot of fields) {
        slots[slot] = 0n
        varbitBits[slot] = 0
      }
    }
  }

  #keep(from: Packet, into: Packet, request: string): void {
    for (const slot of this.#program.fieldLists?.[this.#run.get(from, request) - 1] ?? []) {
      into.slots[slot] = from.slots[slot]!
    }
  }
}
