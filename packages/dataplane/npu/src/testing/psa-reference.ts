/**
 * What psa does with a packet between the blocks of a program, a second time and as plainly as it goes: the reference that `duel.ts`
 * compares the traffic manager with. Written after the specification's tables of what happens behind ingress and behind egress
 * (PSA §6.2 to §6.6); packets wait in one queue, first come first served.
 */
import { type Interpreter, type Program, RESERVED_DROP } from '@lodestone/p4'
import type { CloneSession } from '../target/replication.ts'
import { type ReferenceNetwork, type ReferenceOutcome, type ReferencePacket, ReferenceRun } from './reference-run.ts'

/** `PSA_PacketPath_t`. */
const PATH = { normal: 0, unicast: 1, multicast: 2, cloneI2e: 3, cloneE2e: 4, resubmit: 5, recirculate: 6 } as const
/** What deparsers hand on, in the order of `Program.fieldLists`. */
const LIST = { cloneI2e: 0, resubmit: 1, cloneE2e: 2, recirculate: 3 } as const
const PORT_RECIRCULATE = 0xfffffffa
const ROUNDS_MAX = 64

interface Packet extends ReferencePacket {
  /** To egress by this port; undefined: through ingress. */
  port?: number
  readonly arrivedBy: number
  readonly path: number
  readonly rounds: number
}

export class PsaReference {
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
    this.#ingress(this.#fresh({ frame, arrivedBy: port, path: PATH.normal, rounds: 0 }))
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (next.rounds > ROUNDS_MAX) this.#run.lose(next, RESERVED_DROP.loopLimit)
      else if (next.port === undefined) this.#ingress(next)
      else this.#egress(next, next.port)
    }
    return this.#run.outcome
  }

  #fresh(of: Pick<Packet, 'frame' | 'arrivedBy' | 'path' | 'rounds'>, isCopy = false): Packet {
    return { ...this.#interpreter.emptyState(), ...of, isCopy }
  }

  #ingress(packet: Packet): void {
    // BMv2 forgets where a resubmitted packet came from.
    const isForgotten = packet.path === PATH.resubmit && this.#program.isBmv2 === true
    this.#run.set(packet, 'ingress.port', isForgotten ? 0 : packet.arrivedBy)
    this.#run.set(packet, 'psa.ingressPath', packet.path)
    this.#run.set(packet, 'clock.now', this.#interpreter.nowUs)
    if (!this.#run.part(packet, 0, this.#run.after('decision'))) return
    const isDropped = this.#run.get(packet, 'egress.drop') !== 0
    const wantsClone = this.#run.get(packet, 'psa.clone') !== 0
    const isResubmitted = !isDropped && this.#run.get(packet, 'psa.resubmit') !== 0
    const group = this.#run.get(packet, 'psa.multicastGroup')
    // A packet that is only dropped need not be deparsed; what its clone carries is the deparser's.
    if (isDropped && !wantsClone) return void this.#run.outcome.drops.push(0)
    this.#run.set(packet, 'egress.drop', 0)
    const session = wantsClone ? this.#session(this.#run.get(packet, 'psa.cloneSession')) : undefined
    // In BMv2 neither a dropped nor a resubmitted packet is: nothing carries what the deparser gives away.
    const isDeparsed = this.#program.isBmv2 !== true || !(isDropped || isResubmitted)
    if (isDeparsed && !this.#run.part(packet, this.#run.after('decision'), this.#run.after('ingressDeparser'))) return
    const deparsed = this.#interpreter.written
    const { frame, arrivedBy, rounds } = packet
    if (session !== undefined) {
      const clone = this.#fresh({ frame, arrivedBy, path: PATH.cloneI2e, rounds: rounds + 1 }, true)
      this.#carry(packet, clone, LIST.cloneI2e)
      this.#sendClone(clone, session)
    }
    if (isDropped) return void this.#run.outcome.drops.push(0)
    if (isResubmitted) {
      const again = this.#fresh({ frame, arrivedBy, path: PATH.resubmit, rounds: rounds + 1 })
      this.#carry(packet, again, LIST.resubmit)
      return void this.#queue.push(again)
    }
    const next: Packet = { ...packet, frame: deparsed, consumed: 0 }
    this.#run.set(next, 'psa.classOfService', this.#run.get(packet, 'psa.ingressClass'))
    if (group !== 0) return this.#multicast({ ...next, path: PATH.multicast }, group)
    const port = this.#run.get(packet, 'psa.egressPort')
    // Alone, a packet goes on at once; beside a clone it waits its turn.
    const unicast = { ...next, path: PATH.unicast, port }
    if (wantsClone) this.#queue.push(unicast)
    else this.#egress(unicast, port)
  }

  #egress(packet: Packet, port: number): void {
    packet.consumed = 0
    this.#run.set(packet, 'clock.now', this.#interpreter.nowUs)
    this.#run.set(packet, 'egress.port', port)
    this.#run.set(packet, 'psa.egressPath', packet.path)
    if (!this.#run.part(packet, this.#run.after('ingressDeparser'), this.#program.blocks.length)) return
    const { written: frame } = this.#interpreter
    if (this.#run.get(packet, 'psa.egressClone') !== 0) {
      const session = this.#session(this.#run.get(packet, 'psa.egressCloneSession'))
      const { arrivedBy, rounds } = packet
      const clone = this.#fresh({ frame, arrivedBy, path: PATH.cloneE2e, rounds: rounds + 1 }, true)
      this.#carry(packet, clone, LIST.cloneE2e)
      if (session !== undefined) this.#sendClone(clone, session)
    }
    if (this.#run.get(packet, 'egress.drop') !== 0) {
      return void this.#run.outcome.drops.push(this.#run.get(packet, 'egress.dropReason'))
    }
    if (port !== PORT_RECIRCULATE) return void this.#run.outcome.sent.push({ port: port & 0xffff, frame })
    const round = this.#fresh({ frame, arrivedBy: PORT_RECIRCULATE, path: PATH.recirculate, rounds: packet.rounds + 1 })
    this.#carry(packet, round, LIST.recirculate)
    this.#queue.push(round)
  }

  #sendClone(clone: Packet, session: CloneSession): void {
    this.#run.set(clone, 'psa.classOfService', session.classOfService ?? 0)
    const frame = clone.frame.subarray(0, session.truncateBytes)
    if (session.group !== undefined) this.#multicast({ ...clone, frame }, session.group)
    if (session.port === undefined) return
    const last = this.#program.isBmv2 === true ? this.#network.groups[session.group ?? 0]?.at(-1) : undefined
    const single = { ...clone, frame, slots: clone.slots.slice(), port: session.port }
    if (last !== undefined) this.#run.set(single, 'psa.instance', last.instance)
    this.#queue.push(single)
  }

  #multicast(packet: Packet, group: number): void {
    const members = this.#network.groups[group] ?? []
    if (members.length === 0) this.#run.lose(packet, RESERVED_DROP.emptyGroup)
    for (const { port, instance } of members) {
      const copy = { ...packet, slots: packet.slots.slice(), varbitBits: packet.varbitBits.slice(), port, isCopy: true }
      this.#run.set(copy, 'psa.instance', instance)
      this.#queue.push(copy)
    }
  }

  #session(number: number): CloneSession | undefined {
    const session = this.#network.sessions[number]
    if (session === undefined) this.#run.outcome.lost.push(RESERVED_DROP.noSession)
    return session
  }

  /** BMv2 carries nothing. */
  #carry(from: Packet, into: Packet, list: number): void {
    if (this.#program.isBmv2 === true) return
    for (const slot of this.#program.fieldLists?.[list] ?? []) {
      into.slots[slot] = from.slots[slot]!
      into.varbitBits[slot] = from.varbitBits[slot]!
    }
  }
}
