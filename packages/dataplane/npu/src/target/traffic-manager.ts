/**
 * What happens to packets between and behind the programmable blocks when the generated code cannot decide it alone:
 * clones, copies of a group, further rounds, queues. The generated code saves the packet's state and stops; the manager
 * keeps such packets in a list, runs the parts of the program that each needs, and hands finished frames on.
 *
 * Which states a copy begins with is the architecture's (`v1model-target.ts`, `psa-target.ts`); order, ownership of frames,
 * bounds and counting are here. A frame belongs to one work item, and to nobody else.
 */
import type { Arena } from '@lodestone/frame'
import { CELL, type Generated, PASS, RESERVED_DROP, VERDICT } from '@lodestone/p4'
import type { RunCause } from '../explain/explanation.ts'
import type { StateMemory } from '../state-memory.ts'
import { EgressQueues } from './egress-queue.ts'
import { Replication } from './replication.ts'
import { SavedState } from './saved-state.ts'

/** How the pipeline runs generated code and disposes of frames: for real, traced, or for an explanation. */
export interface Passes {
  /** Runs the packet function once; `CELL.pass` says which part. */
  packet(slot: number, port: number, cause: RunCause, origin: number): number
  /** Runs what follows replication. */
  copy(slot: number, port: number, cause: RunCause, origin: number): number
  /** Number of the latest run, for an explanation; -1 while nobody watches. */
  run(): number
  /** Carries out a verdict of kind unicast or drop. */
  finish(slot: number, verdict: number): void
  /** `isCopy`: no run of the packet ends with it. */
  drop(slot: number, reason: number, isCopy?: boolean): void
  /** Counts a copy of a frame that never came to be. */
  lose(slot: number, reason: number): void
}

/** A packet on its way to a pass. */
export interface WorkItem {
  slot: number
  /** Port it came from. */
  ingressPort: number
  /** Where it goes; for rounds through ingress unused. */
  port: number
  toIngress: boolean
  /** Bytes of the frame that are parsed. */
  consumed: number
  /** How often this packet, or one that it was made from, was sent around. */
  rounds: number
  enqueuedUs: number
  enqueuedDepth: number
  cause: RunCause
  /** The run that left the state that this one was made from. */
  origin: number
  readonly state: Uint8Array
}

/** What an architecture decides. `packet` is the state that the code saved when it stopped. */
export interface TargetRules {
  /** Acts on a packet that stopped; it owns the frame of `packet` and makes items out of it. */
  settle(manager: TrafficManager, packet: WorkItem, stage: number): void
  /** Before egress of an item: what queueing found. */
  depart(manager: TrafficManager, item: WorkItem, queue: QueueStory): void
  priority(manager: TrafficManager, item: WorkItem): number
  /** Writes the instance number into a copy for a group. */
  mark(manager: TrafficManager, copy: WorkItem, instance: number): void
}

export interface QueueStory {
  enqueuedDepth: number
  dequeuedDepth: number
  enqueuedUs: number
}

/** Packets that go around for ever are dropped after so many rounds. */
export const ROUNDS_MAX = 64
/** Packets that one packet may turn into before the rest is dropped. */
const COPIES_MAX = 4096

export class TrafficManager {
  readonly replication: Replication
  readonly queues: EgressQueues<WorkItem>
  readonly saved: SavedState
  readonly arena: Arena
  readonly #rules: TargetRules
  readonly #passes: Passes
  readonly #state: StateMemory
  readonly #free: WorkItem[] = []
  readonly #work: WorkItem[] = []
  readonly #story: QueueStory = { enqueuedDepth: 0, dequeuedDepth: 0, enqueuedUs: 0 }
  #isWorking = false
  #made = 0
  /** While an explanation runs, nothing waits in a queue. */
  isDry = false

  constructor(
    generated: Generated,
    state: StateMemory,
    arena: Arena,
    passes: Passes,
    rules: TargetRules,
    limits: { readonly groups: number; readonly sessions: number; readonly priorities: number },
  ) {
    this.#state = state
    this.#passes = passes
    this.#rules = rules
    this.arena = arena
    this.saved = new SavedState(generated, state)
    this.replication = new Replication(limits.groups, limits.sessions)
    this.queues = new EgressQueues(limits.priorities)
  }

  /** A packet stopped with a verdict of kind `target`. All that follows from it happens here. */
  settle(slot: number, ingressPort: number, verdict: number): void {
    const packet = this.#item()
    packet.slot = slot
    packet.ingressPort = ingressPort
    packet.port = 0
    packet.rounds = 0
    packet.cause = 'received'
    this.#made = 0
    this.#take(packet)
    this.#rules.settle(this, packet, verdict & 0xffff)
    this.#release(packet)
    this.#run()
  }

  /** Sends queued packets whose time has come. */
  release(): void {
    const { nowUs } = this
    for (let next = this.queues.pop(nowUs); next !== undefined; next = this.queues.pop(nowUs)) {
      this.#made = 0
      this.#egress(next.item, next.depth)
      this.#run()
    }
    this.updateQueueing()
  }

  /** Call it after a change of queue limits. */
  updateQueueing(): void {
    this.#state.u32[CELL.isQueueing >> 2] = this.queues.isActive ? 1 : 0
  }

  get nowUs(): number {
    const { u32 } = this.#state
    return u32[CELL.nowUs >> 2]! + u32[(CELL.nowUs >> 2) + 1]! * 2 ** 32
  }

  /** A new item with a state of zeros, made from `origin`. It owns `slot`. */
  derive(origin: WorkItem, slot: number): WorkItem {
    const item = this.#item()
    item.slot = slot
    item.ingressPort = origin.ingressPort
    item.port = 0
    item.toIngress = false
    item.consumed = 0
    item.rounds = origin.rounds
    item.cause = origin.cause
    item.origin = origin.origin
    item.state.fill(0)
    return item
  }

  /** A second frame like the one of `origin`, or -1, which is counted. */
  cloneFrame(origin: WorkItem): number {
    const slot = this.arena.clone(origin.slot)
    if (slot < 0) this.#passes.lose(origin.slot, RESERVED_DROP.noFrame)
    return slot
  }

  /** A copy of the item's frame that never came to be. */
  lose(item: WorkItem, reason: number): void {
    this.#passes.lose(item.slot, reason)
  }

  drop(slot: number, reason: number): void {
    this.#passes.drop(slot, reason)
  }

  /** Drops an item that egress has not seen, and consumes it. */
  dropItem(item: WorkItem, reason: number): void {
    const { cause, slot } = item
    this.#passes.drop(slot, reason, cause === 'multicast' || cause === 'ingress clone' || cause === 'egress clone')
    this.#release(item)
  }

  finish(slot: number, verdict: number): void {
    this.#passes.finish(slot, verdict)
  }

  discard(item: WorkItem): void {
    this.#release(item)
  }

  /** Sends the item to egress, through the queue of its port if that has one. The item is the manager's from now on. */
  toEgress(item: WorkItem, port: number): void {
    item.port = port
    item.toIngress = false
    if (!this.#mayAdd(item)) return
    this.#work.push(item)
  }

  /** Sends the item around once more. */
  toIngress(item: WorkItem): void {
    item.toIngress = true
    item.rounds++
    if (!this.#mayAdd(item)) return
    this.#work.push(item)
  }

  /** Copies of `item` to the members of a group. Consumes the item. */
  toGroup(item: WorkItem, group: number): void {
    const members = this.replication.members(group)
    const count = members === undefined ? 0 : members.length / 2
    if (members === undefined || count === 0) {
      // A group that ingress asked for is all that becomes of the packet.
      if (item.cause === 'multicast') this.#passes.drop(item.slot, RESERVED_DROP.emptyGroup)
      else return this.dropItem(item, RESERVED_DROP.emptyGroup)
      return this.#release(item)
    }
    for (let k = 0; k < count; k++) {
      let copy = item
      if (k < count - 1) {
        const slot = this.cloneFrame(item)
        if (slot < 0) continue
        copy = this.derive(item, slot)
        copy.state.set(item.state)
        copy.consumed = item.consumed
      }
      this.#rules.mark(this, copy, members[2 * k + 1]!)
      this.toEgress(copy, members[2 * k]!)
    }
  }

  /** BMv2: a clone for a group and for a port is one packet, which keeps the instance number of the group's last copy. */
  markAsLast(item: WorkItem, group: number): void {
    const last = this.replication.members(group)?.at(-1)
    if (last !== undefined) this.#rules.mark(this, item, last)
  }

  /** Runs one part of the program over the item's frame and takes the state that it leaves. @returns the verdict */
  part(item: WorkItem, pass: typeof PASS.parse | typeof PASS.deparse): number {
    const { u32 } = this.#state
    this.saved.put(item.state, item.consumed)
    u32[CELL.pass >> 2] = pass
    const verdict =
      pass === PASS.parse
        ? this.#passes.packet(item.slot, item.ingressPort, item.cause, item.origin)
        : this.#passes.copy(item.slot, item.port, item.cause, item.origin)
    u32[CELL.pass >> 2] = PASS.fresh
    if (verdict >>> 24 === VERDICT.target) this.#take(item)
    return verdict
  }

  /** What a run ended with: done, or one more decision. Consumes the item. */
  conclude(item: WorkItem, verdict: number): void {
    if (verdict >>> 24 !== VERDICT.target) this.#passes.finish(item.slot, verdict)
    else {
      this.#take(item)
      this.#rules.settle(this, item, verdict & 0xffff)
    }
    this.#release(item)
  }

  #run(): void {
    if (this.#isWorking) return
    this.#isWorking = true
    for (let next = this.#work.shift(); next !== undefined; next = this.#work.shift()) {
      if (next.toIngress) this.#ingress(next)
      else this.#enqueue(next)
    }
    this.#isWorking = false
  }

  #ingress(item: WorkItem): void {
    const { u32 } = this.#state
    this.saved.put(item.state, 0)
    u32[CELL.pass >> 2] = PASS.again
    const verdict = this.#passes.packet(item.slot, item.ingressPort, item.cause, item.origin)
    u32[CELL.pass >> 2] = PASS.fresh
    this.conclude(item, verdict)
  }

  #enqueue(item: WorkItem): void {
    const priority = this.#rules.priority(this, item)
    if (priority >= this.queues.priorities) {
      return this.dropItem(item, RESERVED_DROP.badPriority)
    }
    const { nowUs } = this
    item.enqueuedUs = nowUs
    item.enqueuedDepth = this.queues.depth(item.port, priority)
    if (this.isDry || this.queues.limits(item.port).ratePps === 0) return this.#egress(item, item.enqueuedDepth)
    if (!this.queues.push(item.port, priority, item, nowUs)) {
      this.dropItem(item, RESERVED_DROP.queueFull)
    }
  }

  #egress(item: WorkItem, dequeuedDepth: number): void {
    const story = this.#story
    story.enqueuedDepth = item.enqueuedDepth
    story.dequeuedDepth = dequeuedDepth
    story.enqueuedUs = item.enqueuedUs
    this.#rules.depart(this, item, story)
    this.saved.put(item.state, item.consumed)
    this.conclude(item, this.#passes.copy(item.slot, item.port, item.cause, item.origin))
  }

  #mayAdd(item: WorkItem): boolean {
    this.#made++
    if (item.rounds <= ROUNDS_MAX && this.#made <= COPIES_MAX) return true
    this.dropItem(item, RESERVED_DROP.loopLimit)
    return false
  }

  #take(item: WorkItem): void {
    this.saved.take(item.state)
    item.consumed = this.saved.consumed
    item.origin = this.#passes.run()
  }

  #item(): WorkItem {
    return (
      this.#free.pop() ?? {
        slot: -1,
        ingressPort: 0,
        port: 0,
        toIngress: false,
        consumed: 0,
        rounds: 0,
        enqueuedUs: 0,
        enqueuedDepth: 0,
        cause: 'received',
        origin: -1,
        state: new Uint8Array(this.saved.bytes),
      }
    )
  }

  #release(item: WorkItem): void {
    this.#free.push(item)
  }
}
