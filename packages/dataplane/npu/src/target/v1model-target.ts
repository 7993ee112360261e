/**
 * The rules of v1model, after simple_switch. End of ingress: clones, resubmit, multicast, drop, unicast; end of egress:
 * clones, drop, recirculate, transmit. A clone of ingress is the frame as it arrived, parsed again; one of egress keeps
 * the headers as they are. Metadata of clones and of packets that go around is zero but for the field list that the
 * program named, read when the block ended.
 */
import { PASS, type Program, RESERVED_DROP, STAGE, VERDICT } from '@lodestone/p4'
import type { CloneSession } from './replication.ts'
import type { QueueStory, TargetRules, TrafficManager, WorkItem } from './traffic-manager.ts'

/** Values of `instance_type`. */
export const INSTANCE = {
  normal: 0,
  ingressClone: 1,
  egressClone: 2,
  recirculated: 4,
  replica: 5,
  resubmitted: 6,
} as const

const SESSION_MASK = 0x7fff

export function v1modelRules(program: Program): TargetRules {
  return new V1modelRules(program)
}

class V1modelRules implements TargetRules {
  readonly #program: Program
  readonly #slots: Program['intrinsics']
  readonly #requests: readonly (number | undefined)[]

  constructor(program: Program) {
    this.#program = program
    this.#slots = program.intrinsics
    this.#requests = ['cloneSession', 'cloneList', 'resubmit', 'recirculate'].map(
      (name) => program.intrinsics[`target.${name}`],
    )
  }

  settle(manager: TrafficManager, packet: WorkItem, stage: number): void {
    if (stage === STAGE.ingress) this.#endOfIngress(manager, packet)
    else if (stage === STAGE.egress) this.#endOfEgress(manager, packet)
    else this.#recirculate(manager, packet)
  }

  depart(manager: TrafficManager, item: WorkItem, queue: QueueStory): void {
    const { saved } = manager
    saved.write(item.state, this.#slots['standard.enq_timestamp'], queue.enqueuedUs % 2 ** 32)
    saved.write(item.state, this.#slots['standard.enq_qdepth'], queue.enqueuedDepth)
    saved.write(item.state, this.#slots['standard.deq_qdepth'], queue.dequeuedDepth)
  }

  priority(manager: TrafficManager, item: WorkItem): number {
    return this.#read(manager, item, 'standard.priority')
  }

  mark(manager: TrafficManager, copy: WorkItem, instance: number): void {
    manager.saved.write(copy.state, this.#slots['standard.egress_rid'], instance)
  }

  #endOfIngress(manager: TrafficManager, packet: WorkItem): void {
    const { saved } = manager
    if (this.#read(manager, packet, 'target.cloneSession') !== 0) this.#cloneIngress(manager, packet)
    const resubmit = this.#read(manager, packet, 'target.resubmit')
    if (resubmit !== 0) return this.#again(manager, packet, resubmit, INSTANCE.resubmitted)
    const group = this.#read(manager, packet, 'standard.mcast_grp')
    if (group === 0 && this.#read(manager, packet, 'egress.drop') !== 0) {
      return manager.drop(packet.slot, this.#read(manager, packet, 'egress.dropReason'))
    }
    const item = manager.derive(packet, packet.slot)
    item.consumed = packet.consumed
    item.state.set(packet.state)
    if (group === 0) {
      // A recirculation that ingress asked for happens after egress.
      saved.write(item.state, this.#slots['target.cloneSession'], 0)
      return manager.toEgress(item, this.#read(manager, packet, 'egress.port'))
    }
    saved.write(item.state, this.#slots['standard.instance_type'], INSTANCE.replica)
    // BMv2 keeps the length to truncate to beside the packet, and not in its copies.
    if (this.#program.isBmv2 === true) saved.write(item.state, this.#slots['target.truncate'], 0)
    item.cause = 'multicast'
    this.#clearRequests(manager, item)
    this.#toGroup(manager, item, group)
  }

  /** BMv2 copies no fields of headers that are not valid. */
  #toGroup(manager: TrafficManager, item: WorkItem, group: number): void {
    if (this.#program.isBmv2 === true) manager.saved.forgetInvalid(item.state)
    manager.toGroup(item, group)
  }

  /** Headers are not written back yet: the frame is what the parser saw. */
  #endOfEgress(manager: TrafficManager, packet: WorkItem): void {
    const { saved } = manager
    const session = this.#session(manager, packet)
    if (session !== undefined) {
      const slot = manager.cloneFrame(packet)
      if (slot >= 0) {
        const copy = manager.derive(packet, slot)
        copy.consumed = packet.consumed
        saved.copy(packet.state, copy.state, saved.headerSlots)
        if (this.#program.isBmv2 === true) saved.forgetInvalid(copy.state)
        this.#keep(manager, packet, copy, this.#read(manager, packet, 'target.cloneList'))
        const length = this.#read(manager, packet, 'target.length')
        this.#sendClone(manager, copy, session, INSTANCE.egressClone, length)
      }
    }
    if (this.#read(manager, packet, 'egress.drop') !== 0) {
      return manager.drop(packet.slot, this.#read(manager, packet, 'egress.dropReason'))
    }
    saved.write(packet.state, this.#slots['target.cloneSession'], 0)
    packet.port = this.#read(manager, packet, 'egress.port')
    const verdict = manager.part(packet, PASS.deparse)
    if (verdict >>> 24 === VERDICT.target) this.#recirculate(manager, packet)
    else manager.finish(packet.slot, verdict)
  }

  #recirculate(manager: TrafficManager, packet: WorkItem): void {
    this.#again(manager, packet, this.#read(manager, packet, 'target.recirculate'), INSTANCE.recirculated)
  }

  /** `list`: a field list's number, one and up. */
  #again(manager: TrafficManager, packet: WorkItem, list: number, instance: number): void {
    const item = manager.derive(packet, packet.slot)
    this.#keep(manager, packet, item, list)
    manager.saved.write(item.state, this.#slots['standard.instance_type'], instance)
    item.cause = instance === INSTANCE.resubmitted ? 'resubmitted' : 'recirculated'
    manager.toIngress(item)
  }

  #cloneIngress(manager: TrafficManager, packet: WorkItem): void {
    const { saved, arena } = manager
    const session = this.#session(manager, packet)
    if (session === undefined) return
    const slot = manager.cloneFrame(packet)
    if (slot < 0) return
    const bytes = arena.length(slot)
    const parsed = manager.derive(packet, slot)
    saved.write(parsed.state, this.#slots['ingress.port'], packet.ingressPort)
    const verdict = manager.part(parsed, PASS.parse)
    if (verdict >>> 24 !== VERDICT.target) {
      manager.finish(slot, verdict)
      return manager.discard(parsed)
    }
    const copy = manager.derive(parsed, slot)
    copy.consumed = parsed.consumed
    saved.copy(parsed.state, copy.state, saved.headerSlots)
    // BMv2's parser is not told the length, so that there stands what it added.
    const added = this.#program.isBmv2 === true ? this.#read(manager, parsed, 'target.length') : 0
    manager.discard(parsed)
    this.#keep(manager, packet, copy, this.#read(manager, packet, 'target.cloneList'))
    this.#sendClone(manager, copy, session, INSTANCE.ingressClone, (bytes + added) % 2 ** 32)
  }

  #sendClone(
    manager: TrafficManager,
    copy: WorkItem,
    session: CloneSession,
    instance: number,
    lengthBytes: number,
  ): void {
    const { saved } = manager
    copy.rounds++
    copy.cause = instance === INSTANCE.ingressClone ? 'ingress clone' : 'egress clone'
    saved.write(copy.state, this.#slots['standard.instance_type'], instance)
    saved.write(copy.state, this.#slots['target.length'], lengthBytes)
    if (session.truncateBytes !== undefined) {
      saved.write(copy.state, this.#slots['target.truncate'], session.truncateBytes + 1)
    }
    const { group, port } = session
    if (group !== undefined && port !== undefined) {
      const slot = manager.cloneFrame(copy)
      if (slot >= 0) {
        const second = manager.derive(copy, slot)
        second.consumed = copy.consumed
        second.state.set(copy.state)
        this.#toGroup(manager, second, group)
      }
      if (this.#program.isBmv2 === true) manager.markAsLast(copy, group)
      return manager.toEgress(copy, port)
    }
    if (group !== undefined) this.#toGroup(manager, copy, group)
    else if (port !== undefined) manager.toEgress(copy, port)
    else manager.dropItem(copy, RESERVED_DROP.noSession)
  }

  /** Undefined where the program asked for none, or for one that does not exist, which is counted. */
  #session(manager: TrafficManager, packet: WorkItem): CloneSession | undefined {
    const number = this.#read(manager, packet, 'target.cloneSession')
    if (number === 0) return undefined
    const session = manager.replication.session(number & SESSION_MASK)
    if (session === undefined) manager.lose(packet, RESERVED_DROP.noSession)
    return session
  }

  #keep(manager: TrafficManager, from: WorkItem, into: WorkItem, list: number): void {
    const slots = this.#program.fieldLists?.[list - 1]
    if (slots !== undefined) manager.saved.copy(from.state, into.state, slots)
  }

  #clearRequests(manager: TrafficManager, item: WorkItem): void {
    for (const slot of this.#requests) manager.saved.write(item.state, slot, 0)
  }

  #read(manager: TrafficManager, item: WorkItem, name: string): number {
    return manager.saved.read(item.state, this.#slots[name])
  }
}
