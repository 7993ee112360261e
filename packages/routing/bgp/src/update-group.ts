/**
 * Peers that are told the same, together: one adj-RIB-out (RFC 4271 §3.2), one queue of what has changed, one run of messages for all.
 *
 * A prefix waits in the queue when its route changes and is looked at only when it is sent, so a route that flaps while sockets are full
 * costs one message. Sending goes in slices. A peer that cannot keep up, or that asks for everything again, gets a group
 * of its own with a copy of the state; groups of one plan that have nothing left to send say the same and become one again.
 *
 * Invariants: a prefix is withdrawn from a peer only if it was announced to it, announced again only if something changed (or the peer
 * asked for a refresh); no peer is told its own routes; when the queue is empty, what was sent equals the export of the loc-RIB.
 */
import { grown, RouteFlag, type Subscription } from '@lodestone/rib'
import type { Family } from './address-family.ts'
import type { ExportPlan } from './export-plan.ts'
import type { UpdateChunk } from './update-builder.ts'
import { UpdateSlice } from './update-slice.ts'

/** A peer as its group sees it. */
export interface GroupMember {
  /** Number of its adj-RIB-in: routes from there are not told to it. */
  readonly adjacencyId: number
  /** Bytes accepted and not sent yet. */
  readonly queuedBytes: number
  write(chunk: UpdateChunk): void
  /** Everything that was due for the first time, or again, has been written. */
  caughtUp(): void
}

/** Routes handled in one turn. */
const SLICE = 4096
/** A member with more than this in its queue gets nothing new until it has been sent. */
export const HIGH_WATER_BYTES = 262_144

export class UpdateGroup {
  readonly plan: ExportPlan
  readonly members = new Set<GroupMember>()
  readonly #subscription: Subscription
  readonly #isAddPath: [boolean, boolean]
  readonly #maxPaths: number
  /** By family and route index: number of what was sent, 0 for nothing. */
  readonly #sent: [Int32Array, Int32Array] = [new Int32Array(0), new Int32Array(0)]
  /** The same for add-path families: by route, path identifier to number. */
  readonly #sentPaths = new Map<number, Map<number, number>>()
  /** Sent routes by the adjacency that they came from. */
  readonly #sentBySource = new Map<number, number>()
  #sentCount = 0
  /** Members that have not been told everything since they came, or asked for it again. */
  readonly #behind = new Set<GroupMember>()
  /** Next index of each family that is sent again; the end of the table when nothing is. */
  readonly #again: [number, number] = [Infinity, Infinity]

  constructor(plan: ExportPlan, onReady: () => void, maxPaths: number) {
    this.plan = plan
    const { addPathSend } = plan.exporter.context.session
    this.#isAddPath = [addPathSend.includes(4), addPathSend.includes(6)]
    this.#maxPaths = maxPaths
    this.#subscription = plan.rib.subscribe(onReady, { allPaths: addPathSend.length > 0 })
  }

  /** Routes told, to a member that none of them came from. */
  get sentCount(): number {
    return this.#sentCount
  }

  get pending(): number {
    return this.#subscription.pending
  }

  /** Nothing to do: what was sent is the export of the loc-RIB. */
  get isIdle(): boolean {
    return this.pending === 0 && this.#again[0] === Infinity && this.#again[1] === Infinity
  }

  sentCountTo(member: GroupMember): number {
    return this.#sentCount - (this.#sentBySource.get(member.adjacencyId) ?? 0)
  }

  /** A member that is to be told when it has caught up. */
  join(member: GroupMember): void {
    this.members.add(member)
    this.#behind.add(member)
  }

  /** Everything that is selected, and what else the caller enqueues. */
  start(): void {
    this.plan.rib.enqueueAll(this.#subscription)
  }

  enqueue(ref: number): void {
    this.#subscription.enqueue(ref)
    this.#subscription.tell()
  }

  /** Sends everything that was sent once more, to all members (of which there should be one). */
  sendAgain(family: Family): void {
    this.#again[family === 6 ? 1 : 0] = 0
    for (const member of this.members) this.#behind.add(member)
  }

  /**
   * Takes over what another group has sent, and what waits there. From a group of another plan everything is looked at again: what
   * was sent is true, whether it still should be is to be seen.
   */
  copyFrom(other: UpdateGroup): void {
    const { exports, rib } = this.plan
    const isSamePlan = other.plan === this.plan
    const translate = (id: number): number => (isSamePlan ? id : exports.adopt(other.plan.exports, id))
    for (const bit of [0, 1] as const) {
      const sent = other.#sent[bit].slice()
      this.#sent[bit] = sent
      for (let index = 0; index < sent.length; index++) {
        if (sent[index] === 0) continue
        sent[index] = translate(sent[index]!)
        exports.retain(sent[index]!)
        rib.store.hold(index * 2 + bit)
        if (!isSamePlan) this.#subscription.enqueue(index * 2 + bit)
      }
    }
    for (const [ref, paths] of other.#sentPaths) {
      const own = new Map<number, number>()
      for (const [pathId, id] of paths) {
        own.set(pathId, translate(id))
        exports.retain(own.get(pathId)!)
      }
      this.#sentPaths.set(ref, own)
      rib.store.hold(ref)
      if (!isSamePlan) this.#subscription.enqueue(ref)
    }
    for (const [source, count] of other.#sentBySource) this.#sentBySource.set(source, count)
    this.#sentCount = other.#sentCount
    other.#subscription.copyTo(this.#subscription)
  }

  /** Handles some of what waits. @returns whether anything is left. */
  flush(): boolean {
    const slice = new UpdateSlice(this.plan, this.members)
    const taken: number[] = []
    while (taken.length < SLICE) {
      const ref = this.#subscription.next()
      if (ref < 0) break
      taken.push(ref)
      if (this.#isAddPath[ref & 1]) this.#updatePaths(ref, slice)
      else this.#update(ref, slice)
    }
    this.#flushAgain(slice, SLICE - taken.length)
    slice.send()
    for (const ref of taken) this.#subscription.done(ref)
    if (!this.isIdle) return true
    for (const member of this.#behind) if (this.members.has(member)) member.caughtUp()
    this.#behind.clear()
    return false
  }

  #update(ref: number, slice: UpdateSlice): void {
    const bit = ref & 1
    const index = ref >>> 1
    const before = this.#sent[bit as 0 | 1][index] ?? 0
    const after = this.plan.desired(ref)
    if (before === after) return
    const sent = this.#sentOf(bit, index)
    const { exports, rib } = this.plan
    sent[index] = after
    if (before !== 0 && after !== 0 && exports.isSameTelling(before, after)) {
      slice.move(ref, exports.sources[before]!, after)
    } else slice.change(ref, 0, before === 0 ? -1 : exports.sources[before]!, after)
    if (after !== 0) {
      exports.retain(after)
      this.#count(after, 1)
      if (before === 0) rib.store.hold(ref)
    }
    if (before !== 0) {
      this.#count(before, -1)
      exports.release(before)
      if (after === 0) slice.forget(ref)
    }
  }

  #updatePaths(ref: number, slice: UpdateSlice): void {
    const { rib, exports } = this.plan
    const wanted = new Map<number, number>()
    const isOwn = (rib.store.table(ref).flags[ref >>> 1]! & RouteFlag.originated) !== 0
    // Our own prefix has identifier 1; paths in slots have theirs from 2.
    if (isOwn) wanted.set(1, this.plan.desired(ref))
    else {
      for (const slot of rib.ranked(ref, this.#maxPaths)) {
        wanted.set(slot + 2, this.plan.exportId(ref, rib.store.offers.get(rib.store.paths.offer[slot]!)))
      }
    }
    const had = this.#sentPaths.get(ref)
    const sent = had ?? new Map<number, number>()
    for (const [pathId, id] of wanted) {
      const before = sent.get(pathId) ?? 0
      if (id === before) continue
      slice.change(ref, pathId, before === 0 ? -1 : exports.sources[before]!, id)
      if (id !== 0) {
        exports.retain(id)
        this.#count(id, 1)
        sent.set(pathId, id)
      } else sent.delete(pathId)
      if (before !== 0) {
        this.#count(before, -1)
        exports.release(before)
      }
    }
    for (const [pathId, id] of sent) {
      if (wanted.has(pathId)) continue
      slice.change(ref, pathId, exports.sources[id]!, 0)
      sent.delete(pathId)
      this.#count(id, -1)
      exports.release(id)
    }
    if (had === undefined && sent.size > 0) {
      this.#sentPaths.set(ref, sent)
      rib.store.hold(ref)
    } else if (had !== undefined && sent.size === 0) {
      this.#sentPaths.delete(ref)
      slice.forget(ref)
    }
  }

  #flushAgain(slice: UpdateSlice, max: number): void {
    let left = max
    for (const bit of [0, 1] as const) {
      if (this.#again[bit] === Infinity) continue
      if (this.#isAddPath[bit]) {
        // Not in slices: what is told with add-path is small or asked for seldom.
        for (const [ref, paths] of this.#sentPaths) {
          if ((ref & 1) === bit) for (const [pathId, id] of paths) slice.change(ref, pathId, -1, id)
        }
        this.#again[bit] = Infinity
        continue
      }
      const sent = this.#sent[bit]
      let index = this.#again[bit]
      for (; index < sent.length && left > 0; index++) {
        if (sent[index] === 0) continue
        slice.change(index * 2 + bit, 0, -1, sent[index]!)
        left--
      }
      this.#again[bit] = index < sent.length ? index : Infinity
    }
  }

  #sentOf(bit: number, index: number): Int32Array {
    const sent = this.#sent[bit]!
    if (index < sent.length) return sent
    const capacity = Math.max(index + 1, this.plan.rib.store.table(bit).capacity)
    return (this.#sent[bit] = grown(sent, capacity))
  }

  #count(id: number, change: number): void {
    const source = this.plan.exports.sources[id]!
    this.#sentCount += change
    this.#sentBySource.set(source, (this.#sentBySource.get(source) ?? 0) + change)
  }

  /** What a member has been told: route, path identifier and number of the export. */
  *sentTo(
    member: GroupMember,
  ): IterableIterator<{ readonly ref: number; readonly pathId: number; readonly id: number }> {
    const { sources } = this.plan.exports
    for (const bit of [0, 1] as const) {
      const sent = this.#sent[bit]
      for (let index = 0; index < sent.length; index++) {
        const id = sent[index]!
        if (id !== 0 && sources[id] !== member.adjacencyId) yield { ref: index * 2 + bit, pathId: 0, id }
      }
    }
    for (const [ref, paths] of this.#sentPaths) {
      for (const [pathId, id] of paths) if (sources[id] !== member.adjacencyId) yield { ref, pathId, id }
    }
  }

  /** Takes nothing more; then call `dispose` until it returns false. */
  close(): void {
    this.#subscription.close()
    this.#again[0] = this.#sent[0].length - 1
    this.#again[1] = this.#sent[1].length - 1
  }

  /** Gives back what the group holds, a slice at a time. @returns whether anything is left. */
  dispose(): boolean {
    const { exports, rib } = this.plan
    let left = SLICE * 4
    for (const bit of [0, 1] as const) {
      const sent = this.#sent[bit]
      let index = this.#again[bit]
      for (; index >= 0 && left > 0; index--) {
        if (sent[index] === 0) continue
        exports.release(sent[index]!)
        sent[index] = 0
        rib.store.release(index * 2 + bit)
        left--
      }
      this.#again[bit] = index
    }
    for (const [ref, paths] of this.#sentPaths) {
      for (const id of paths.values()) exports.release(id)
      rib.store.release(ref)
    }
    this.#sentPaths.clear()
    return this.#again[0] >= 0 || this.#again[1] >= 0
  }
}
