/**
 * All update groups of a speaker: who shares one, when they send, when one is split off or joined.
 *
 * Sending yields to everything else after each slice, so that keepalives, other peers and the rest of the process get their turn.
 */
import type { Clock, Timer } from '@lodestone/host'
import type { Rib } from '@lodestone/rib'
import { FAMILIES, type Family } from './address-family.ts'
import { ExportPlan } from './export-plan.ts'
import type { ExportContext } from './route-export.ts'
import { type GroupMember, HIGH_WATER_BYTES, UpdateGroup } from './update-group.ts'

export interface GroupOptions {
  /** Equal for peers that are told the same. */
  readonly key: string
  readonly context: ExportContext
  /** RFC 4271 §9.2.1.1. */
  readonly intervalMs: number
  readonly maxPaths: number
}

/** Peers whose sockets are full hold up the others of their group so long, then they get their own. */
const PATIENCE_MS = 1000

interface Shelf {
  readonly group: UpdateGroup
  readonly options: GroupOptions
  timer: Timer | undefined
  /** When a member was first found with a full queue while others had room. */
  waitsSinceMs: number
  /** Not before this time (advertisement interval). */
  notBeforeMs: number
}

export class GroupBook {
  readonly #clock: Clock
  readonly #rib: Rib
  readonly #originated: () => Iterable<number>
  readonly #plans = new Map<string, ExportPlan>()
  readonly #shelves = new Set<Shelf>()
  readonly #byMember = new Map<GroupMember, Shelf>()
  #isDeferring = false

  /** @param originated references of our own prefixes. */
  constructor(clock: Clock, rib: Rib, originated: () => Iterable<number>) {
    this.#clock = clock
    this.#rib = rib
    this.#originated = originated
  }

  get groupCount(): number {
    return this.#shelves.size
  }

  /** Takes a member in; it is told everything from the beginning. */
  join(member: GroupMember, options: GroupOptions): void {
    let plan = this.#plans.get(options.key)
    if (plan === undefined)
      this.#plans.set(options.key, (plan = new ExportPlan(options.key, this.#rib, options.context)))
    const peers = [...this.#shelves].find(({ group }) => group.plan === plan && group.isIdle)
    if (peers !== undefined && peers.group.sentCount === 0) {
      this.#add(member, peers)
      return
    }
    const shelf = this.#open(plan, options)
    if (peers !== undefined) {
      // Everything has been worked out already: it only has to be written once more.
      shelf.group.copyFrom(peers.group)
      for (const family of FAMILIES) shelf.group.sendAgain(family)
    } else {
      shelf.group.start()
      for (const ref of this.#originated()) shelf.group.enqueue(ref)
    }
    this.#add(member, shelf)
  }

  /** The member is told by other rules from now on: what it was told wrongly is withdrawn or told anew. */
  change(member: GroupMember, options: GroupOptions): void {
    const shelf = this.#byMember.get(member)
    if (shelf === undefined || shelf.options.key === options.key) return
    let plan = this.#plans.get(options.key)
    if (plan === undefined)
      this.#plans.set(options.key, (plan = new ExportPlan(options.key, this.#rib, options.context)))
    const next = this.#open(plan, options)
    next.group.copyFrom(shelf.group)
    next.group.start()
    for (const ref of this.#originated()) next.group.enqueue(ref)
    shelf.group.members.delete(member)
    this.#add(member, next)
    if (shelf.group.members.size === 0) this.#close(shelf)
  }

  leave(member: GroupMember): void {
    const shelf = this.#byMember.get(member)
    if (shelf === undefined) return
    this.#byMember.delete(member)
    shelf.group.members.delete(member)
    if (shelf.group.members.size === 0) this.#close(shelf)
    else this.#schedule(shelf)
  }

  groupOf(member: GroupMember): UpdateGroup | undefined {
    return this.#byMember.get(member)?.group
  }

  /** Our own prefixes changed. */
  enqueue(refs: readonly number[]): void {
    for (const { group } of this.#shelves) for (const ref of refs) group.enqueue(ref)
  }

  /** Tells a member everything of some families once more (RFC 2918). */
  sendAgain(member: GroupMember, families: readonly Family[]): void {
    const own = this.#alone(member)
    if (own === undefined) return
    for (const family of families) own.group.sendAgain(family)
    this.#schedule(own)
  }

  /** The member's socket has room again. */
  drained(member: GroupMember): void {
    const shelf = this.#byMember.get(member)
    if (shelf !== undefined && !shelf.group.isIdle) this.#schedule(shelf)
  }

  /** A restarting speaker tells nothing before it has heard everybody (RFC 4724 §4.1). */
  defer(isDeferring: boolean): void {
    this.#isDeferring = isDeferring
    if (!isDeferring) for (const shelf of this.#shelves) this.#schedule(shelf)
  }

  close(): void {
    for (const shelf of [...this.#shelves]) this.#close(shelf)
    this.#byMember.clear()
  }

  #open(plan: ExportPlan, options: GroupOptions): Shelf {
    const shelf: Shelf = {
      group: new UpdateGroup(plan, () => this.#schedule(shelf), options.maxPaths),
      options,
      timer: undefined,
      waitsSinceMs: Infinity,
      notBeforeMs: 0,
    }
    this.#shelves.add(shelf)
    return shelf
  }

  #add(member: GroupMember, shelf: Shelf): void {
    shelf.group.join(member)
    this.#byMember.set(member, shelf)
    this.#schedule(shelf)
  }

  /** The member's own group, which it gets now if it shares one. */
  #alone(member: GroupMember): Shelf | undefined {
    const shelf = this.#byMember.get(member)
    if (shelf === undefined || shelf.group.members.size === 1) return shelf
    const own = this.#open(shelf.group.plan, shelf.options)
    own.group.copyFrom(shelf.group)
    shelf.group.members.delete(member)
    this.#add(member, own)
    return own
  }

  #close(shelf: Shelf): void {
    shelf.timer?.cancel()
    this.#shelves.delete(shelf)
    const { group } = shelf
    group.close()
    if (![...this.#shelves].some((other) => other.group.plan === group.plan)) this.#plans.delete(group.plan.key)
    const dispose = (): void => {
      if (group.dispose()) this.#clock.after(0, dispose)
    }
    dispose()
  }

  #schedule(shelf: Shelf): void {
    if (this.#isDeferring) return
    shelf.timer ??= this.#clock.after(Math.max(0, shelf.notBeforeMs - this.#clock.nowMs()), () => {
      shelf.timer = undefined
      this.#run(shelf)
    })
  }

  #run(shelf: Shelf): void {
    const { group, options } = shelf
    if (this.#isDeferring || !this.#shelves.has(shelf)) return
    const nowMs = this.#clock.nowMs()
    const full = [...group.members].filter(({ queuedBytes }) => queuedBytes > HIGH_WATER_BYTES)
    if (full.length > 0) {
      if (full.length === group.members.size) return // `drained` goes on
      shelf.waitsSinceMs = Math.min(shelf.waitsSinceMs, nowMs)
      if (nowMs - shelf.waitsSinceMs < PATIENCE_MS) {
        shelf.timer = this.#clock.after(PATIENCE_MS / 10, () => {
          shelf.timer = undefined
          this.#run(shelf)
        })
        return
      }
      for (const member of full) this.#alone(member)
    }
    shelf.waitsSinceMs = Infinity
    const isLeft = group.flush()
    if (isLeft) {
      this.#schedule(shelf)
      return
    }
    shelf.notBeforeMs = options.intervalMs === 0 ? 0 : nowMs + options.intervalMs
    this.#merge(shelf)
  }

  /** Groups of one plan that have nothing left to send have said the same. */
  #merge(shelf: Shelf): void {
    for (const other of this.#shelves) {
      if (other === shelf || other.group.plan !== shelf.group.plan || !other.group.isIdle) continue
      for (const member of shelf.group.members) {
        other.group.members.add(member)
        this.#byMember.set(member, other)
      }
      shelf.group.members.clear()
      this.#close(shelf)
      return
    }
  }
}
