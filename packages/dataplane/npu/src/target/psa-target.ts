/**
 * The rules of the Portable Switch Architecture (PSA specification §6). End of ingress: clone, drop, resubmit, multicast,
 * unicast, of the frame that the ingress deparser wrote; a clone or a resubmitted packet is the frame as it arrived. End
 * of egress, behind the egress deparser: clone, drop, recirculate, transmit. Every round begins with metadata of zeros but
 * for what the deparser put into `clone_i2e_meta`, `resubmit_meta` and their like.
 */
import { PASS, type Program, RESERVED_DROP, STAGE, VERDICT } from '@lodestone/p4'
import type { CloneSession } from './replication.ts'
import type { TargetRules, TrafficManager, WorkItem } from './traffic-manager.ts'

/** `PSA_PacketPath_t`. */
const PATH = {
  normal: 0,
  unicast: 1,
  multicast: 2,
  cloneI2e: 3,
  cloneE2e: 4,
  resubmit: 5,
  recirculate: 6,
} as const
export const PORT_RECIRCULATE = 0xfffffffa

/** Field lists by what they carry, in the order of `Program.fieldLists` of a psa program. */
const LIST = { cloneI2e: 0, resubmit: 1, cloneE2e: 2, recirculate: 3 } as const

export function psaRules(program: Program): TargetRules {
  return new PsaRules(program)
}

class PsaRules implements TargetRules {
  readonly #program: Program
  readonly #slots: Program['intrinsics']

  constructor(program: Program) {
    this.#program = program
    this.#slots = program.intrinsics
  }

  settle(manager: TrafficManager, packet: WorkItem, stage: number): void {
    if (stage === STAGE.ingress) this.#endOfIngress(manager, packet)
    else this.#endOfEgress(manager, packet)
  }

  depart(): void {
    // psa has no metadata about queues.
  }

  priority(): number {
    return 0
  }

  mark(manager: TrafficManager, copy: WorkItem, instance: number): void {
    manager.saved.write(copy.state, this.#slots['psa.instance'], instance)
  }

  #endOfIngress(manager: TrafficManager, packet: WorkItem): void {
    const { saved } = manager
    const isDropped = this.#read(manager, packet, 'egress.drop') !== 0
    const isResubmitted = !isDropped && this.#read(manager, packet, 'psa.resubmit') !== 0
    const session = this.#session(manager, packet, 'psa.clone', 'psa.cloneSession')
    const clone = session === undefined ? -1 : manager.cloneFrame(packet)
    const original = isResubmitted ? manager.cloneFrame(packet) : -1
    const group = this.#read(manager, packet, 'psa.multicastGroup')
    const isBmv2 = this.#program.isBmv2 === true
    // The deparser runs for dropped packets too: it writes what their clones carry, which BMv2 loses.
    const isDeparsed = !isBmv2 || !(isDropped || isResubmitted)
    if (isDeparsed) saved.write(packet.state, this.#slots['egress.drop'], 0)
    const verdict = isDeparsed ? manager.part(packet, PASS.deparse) : 0
    if (session !== undefined && clone >= 0) {
      const copy = this.#begin(manager, packet, clone, LIST.cloneI2e)
      this.#sendClone(manager, copy, session, PATH.cloneI2e)
    }
    if (isDropped) return manager.drop(packet.slot, 0)
    if (isResubmitted) {
      manager.arena.free(packet.slot)
      if (original < 0) return
      const item = this.#begin(manager, packet, original, LIST.resubmit)
      // BMv2 forgets the port, and none of the headers.
      if (isBmv2) saved.copy(packet.state, item.state, saved.headerSlots)
      else saved.write(item.state, this.#slots['ingress.port'], packet.ingressPort)
      saved.write(item.state, this.#slots['psa.ingressPath'], PATH.resubmit)
      item.cause = 'resubmitted'
      return manager.toIngress(item)
    }
    if (verdict >>> 24 !== VERDICT.target) return manager.finish(packet.slot, verdict)
    const item = manager.derive(packet, packet.slot)
    item.state.set(packet.state)
    saved.write(item.state, this.#slots['psa.classOfService'], this.#read(manager, packet, 'psa.ingressClass'))
    saved.write(item.state, this.#slots['psa.egressPath'], group === 0 ? PATH.unicast : PATH.multicast)
    if (group === 0) return manager.toEgress(item, this.#read(manager, packet, 'psa.egressPort'))
    item.cause = 'multicast'
    if (isBmv2) saved.forgetInvalid(item.state)
    manager.toGroup(item, group)
  }

  #endOfEgress(manager: TrafficManager, packet: WorkItem): void {
    const { saved } = manager
    const session = this.#session(manager, packet, 'psa.egressClone', 'psa.egressCloneSession')
    if (session !== undefined) {
      const slot = manager.cloneFrame(packet)
      if (slot >= 0) this.#sendClone(manager, this.#begin(manager, packet, slot, LIST.cloneE2e), session, PATH.cloneE2e)
    }
    if (this.#read(manager, packet, 'egress.drop') !== 0) {
      return manager.drop(packet.slot, this.#read(manager, packet, 'egress.dropReason'))
    }
    const port = this.#read(manager, packet, 'egress.port')
    if (port !== PORT_RECIRCULATE) return manager.finish(packet.slot, (VERDICT.unicast << 24) | (port & 0xffff))
    const item = this.#begin(manager, packet, packet.slot, LIST.recirculate)
    if (this.#program.isBmv2 === true) saved.copy(packet.state, item.state, saved.fieldSlots)
    item.ingressPort = PORT_RECIRCULATE
    item.cause = 'recirculated'
    saved.write(item.state, this.#slots['ingress.port'], PORT_RECIRCULATE)
    saved.write(item.state, this.#slots['psa.ingressPath'], PATH.recirculate)
    manager.toIngress(item)
  }

  /** A packet of its own with one kind of carried metadata, which BMv2 loses. */
  #begin(manager: TrafficManager, from: WorkItem, slot: number, list: number): WorkItem {
    const item = manager.derive(from, slot)
    if (this.#program.isBmv2 === true) return item
    const slots = this.#program.fieldLists?.[list]
    if (slots !== undefined) manager.saved.copy(from.state, item.state, slots)
    return item
  }

  #sendClone(manager: TrafficManager, copy: WorkItem, session: CloneSession, path: number): void {
    const { saved, arena } = manager
    copy.rounds++
    copy.cause = path === PATH.cloneI2e ? 'ingress clone' : 'egress clone'
    saved.write(copy.state, this.#slots['psa.egressPath'], path)
    saved.write(copy.state, this.#slots['psa.classOfService'], session.classOfService ?? 0)
    const { group, port, truncateBytes } = session
    if (truncateBytes !== undefined) arena.setLength(copy.slot, Math.min(truncateBytes, arena.length(copy.slot)))
    if (group !== undefined && port !== undefined) {
      const slot = manager.cloneFrame(copy)
      if (slot >= 0) {
        const second = manager.derive(copy, slot)
        second.state.set(copy.state)
        manager.toGroup(second, group)
      }
      if (this.#program.isBmv2 === true) manager.markAsLast(copy, group)
      return manager.toEgress(copy, port)
    }
    if (group !== undefined) return manager.toGroup(copy, group)
    if (port !== undefined) return manager.toEgress(copy, port)
    manager.dropItem(copy, RESERVED_DROP.noSession)
  }

  #session(manager: TrafficManager, packet: WorkItem, flag: string, number: string): CloneSession | undefined {
    if (this.#read(manager, packet, flag) === 0) return undefined
    const session = manager.replication.session(this.#read(manager, packet, number))
    if (session === undefined) manager.lose(packet, RESERVED_DROP.noSession)
    return session
  }

  #read(manager: TrafficManager, item: WorkItem, name: string): number {
    return manager.saved.read(item.state, this.#slots[name])
  }
}
