/**
 * The delay-driven choice of paths on one host: measures the delay of each path to each peer by telemetry in its packets, and
 * gives each flowlet to a path with a probability that falls with the path's delay.
 *
 * Pure: it is told the time, holds no bytes and sends nothing. Whoever moves packets asks `choose` for each packet that it
 * sends, puts an element on those for which `stamp` gives an id, and hands answers to `onAnswer`. When `nextDueUs` has come it asks
 * `overdue` for what to measure once more: so a path that died is known to be dead although nothing else is sent.
 *
 * A path is known by its number, 0 … 7, the same for all peers (the NIC, and so the switch). A measurement is booked on the path
 * and peer that its id names, never on whatever route an answer came by. What is too old counts less and less: the peer's path
 * falls back on what all peers say about the path, and that on an even split.
 */
import type { Random } from '@lodestone/host'
import { FlowletTable } from './flowlet-table.ts'
import { DEFAULT_MULTIPATH, type MultipathOptions } from './multipath-options.ts'
import { book, freshness, overdueUs, PathDelay } from './path-delay.ts'
import { pick, weightsOf } from './path-weights.ts'
import { SlidingMinimum } from './sliding-minimum.ts'
import { stampDifference, stampOf } from './timestamp.ts'

const MAX_PATHS = 8
const SEQUENCE_BITS = 5
const IMPATIENT_RATIO = 0.5
/** Clocks drift by tens of µs a second; an empty queue comes by more often than this. */
const FLOOR_WINDOW_US = 1_000_000

/** What is known of the clock that a path ends at. */
class FarClock {
  /** Least round trip, µs. */
  readonly leastRtt: SlidingMinimum = new SlidingMinimum(10 * FLOOR_WINDOW_US)
  /** Least difference between that clock on arrival and ours on departure, relative to `offset`. */
  readonly floor: SlidingMinimum = new SlidingMinimum(FLOOR_WINDOW_US)
  /** The first such difference, modulo 2^24; -1 before it. */
  offset = -1
}

class Peer {
  readonly paths: PathDelay[]
  /** By path: the same one for all, unless the paths end at receivers of their own. */
  readonly clocks: FarClock[]
  readonly isSplit: boolean

  constructor(pathCount: number, isSplit: boolean) {
    const clock = new FarClock()
    this.paths = Array.from({ length: pathCount }, () => new PathDelay())
    this.clocks = this.paths.map(() => (isSplit ? new FarClock() : clock))
    this.isSplit = isSplit
  }
}

/** The queues in front of the host's own cables, which it knows without measuring. */
export interface OwnQueues {
  /** How long a packet waits that is put on the path's cable now. µs */
  backlogUs(path: number): number
  /** How long it would behind a full queue; Infinity where nobody knows, or nothing is ever dropped. µs */
  limitUs(path: number): number
}

/** Why an answer was not believed; counted. */
export type AnswerProblem = 'unknown-peer' | 'unknown-path' | 'not-pending'

export interface PathStatus {
  readonly path: number
  /** Smoothed; undefined before the first answer. µs. */
  readonly delayUs: number | undefined
  readonly roundTripUs: number | undefined
  readonly ageUs: number | undefined
  /** Probability that a new flow takes it now. */
  readonly weight: number
  readonly isDead: boolean
  readonly sent: number
  readonly answered: number
  readonly lost: number
}

export class DelayDrivenPaths {
  readonly options: MultipathOptions
  readonly #random: Random
  readonly #queues: OwnQueues
  readonly #peers: (Peer | undefined)[] = []
  /** Of each path, whatever the peer. */
  readonly #shared: PathDelay[]
  readonly #flowlets: FlowletTable
  readonly #delays: Float64Array<ArrayBuffer>
  readonly #costs: Float64Array<ArrayBuffer>
  readonly #weights: Float64Array<ArrayBuffer>
  #creditBytes: number
  #earnedAtUs = -Infinity
  #nextDueUs = Infinity
  /** Packets that each path was given, times that a flow began on or moved to it. */
  readonly packets: Float64Array<ArrayBuffer>
  readonly flowlets: Float64Array<ArrayBuffer>
  moves = 0
  readonly problems: Record<AnswerProblem, number> = { 'unknown-peer': 0, 'unknown-path': 0, 'not-pending': 0 }

  constructor(random: Random, options: Partial<MultipathOptions> = {}, queues: OwnQueues = NO_QUEUES) {
    this.#queues = queues
    this.options = { ...DEFAULT_MULTIPATH, ...options }
    const { pathCount, flowletRows, budgetBytes } = this.options
    if (pathCount < 1 || pathCount > MAX_PATHS) throw new RangeError(`${pathCount} paths: 1 to ${MAX_PATHS} have room`)
    this.#random = random
    this.#shared = Array.from({ length: pathCount }, () => new PathDelay())
    this.#flowlets = new FlowletTable(flowletRows)
    this.#delays = new Float64Array(pathCount)
    this.#costs = new Float64Array(pathCount)
    this.#weights = new Float64Array(pathCount)
    this.packets = new Float64Array(pathCount)
    this.flowlets = new Float64Array(pathCount)
    this.#creditBytes = budgetBytes
  }

  /**
   * The path for a packet.
   * @param peer number of the receiver, small
   * @param mask paths that routing allows, bit by bit; not 0
   * @param flowHash 32 bits, the same for all packets of a flow
   * @param bytes of the packet on the wire, which the telemetry's budget grows by
   */
  choose(peer: number, mask: number, flowHash: number, bytes: number, nowUs: number): number {
    const { options } = this
    this.#earn(bytes, nowUs)
    const flowlets = this.#flowlets
    const row = flowlets.row(flowHash ^ Math.imul(peer + 1, 0x9e3779b1))
    const current = flowlets.path(row)
    const pauseUs = flowlets.pauseUs(row, nowUs)
    const sentBytes = flowlets.bytesWith(row, bytes, pauseUs > options.staleUs)
    flowlets.setBytes(row, sentBytes)
    const isSmall = sentBytes < options.smallFlowBytes
    let path = current
    const isUsable = current >= 0 && (mask & (1 << current)) !== 0
    const isImpatient = flowlets.settledUs(row, nowUs) > options.patienceUs
    if (!isUsable || this.#mayMove(peer, current, pauseUs, isImpatient, nowUs)) {
      path = this.#decide(peer, mask, isUsable ? current : -1, pauseUs, isImpatient, isSmall, nowUs)
      if (path !== current || pauseUs > options.staleUs) this.flowlets[path]!++
      if (path !== current || isImpatient) flowlets.decided(row, nowUs)
    }
    flowlets.note(row, path, nowUs)
    this.packets[path]!++
    return path
  }

  /**
   * How likely `choose` is to give a packet each path if it is asked now; nothing changes by asking.
   * @returns by number of the path; their sum is 1
   */
  chances(peer: number, mask: number, flowHash: number, bytes: number, nowUs: number): Float64Array<ArrayBuffer> {
    const { pathCount, staleUs, smallFlowBytes, patienceUs } = this.options
    const chances = new Float64Array(pathCount)
    const flowlets = this.#flowlets
    const row = flowlets.row(flowHash ^ Math.imul(peer + 1, 0x9e3779b1))
    const current = flowlets.path(row)
    const pauseUs = flowlets.pauseUs(row, nowUs)
    const isUsable = current >= 0 && (mask & (1 << current)) !== 0
    const isImpatient = flowlets.settledUs(row, nowUs) > patienceUs
    if (isUsable && !this.#mayMove(peer, current, pauseUs, isImpatient, nowUs)) {
      chances[current] = 1
      return chances
    }
    const isSmall = flowlets.bytesWith(row, bytes, pauseUs > staleUs) < smallFlowBytes
    this.#estimate(this.#peers[peer], mask, nowUs)
    this.#weigh(mask, isSmall)
    for (let path = 0; path < pathCount; path++) {
      const isKept = isUsable && this.#staysOn(peer, current, path, pauseUs, isImpatient, isSmall, nowUs)
      chances[isKept ? current : path]! += this.#weights[path]!
    }
    return chances
  }

  #earn(bytes: number, nowUs: number): void {
    const { budgetBytes, budgetRatio, budgetBytesPerSecond } = this.options
    const elapsedUs = Math.max(0, nowUs - this.#earnedAtUs)
    this.#earnedAtUs = nowUs
    const earned = bytes * budgetRatio + (elapsedUs * budgetBytesPerSecond) / 1e6
    this.#creditBytes = Math.min(budgetBytes, this.#creditBytes + earned)
  }

  #decide(
    peer: number,
    mask: number,
    current: number,
    pauseUs: number,
    isImpatient: boolean,
    isSmall: boolean,
    nowUs: number,
  ): number {
    this.#estimate(this.#peers[peer], mask, nowUs)
    this.#weigh(mask, isSmall)
    const chosen = pick(this.#weights, this.#random.float())
    if (current < 0 || chosen === current) return chosen
    if (this.#staysOn(peer, current, chosen, pauseUs, isImpatient, isSmall, nowUs)) return current
    this.moves++
    return chosen
  }

  /** Whether a flow on `current` is to be decided about at all. */
  #mayMove(peer: number, current: number, pauseUs: number, isImpatient: boolean, nowUs: number): boolean {
    return isImpatient || pauseUs > this.options.gapMarginUs || this.#isSilent(peer, current, nowUs)
  }

  /** After `#weigh`: whether a flow does not follow what was chosen, because that is too little better or would overtake what is on its way. */
  #staysOn(
    peer: number,
    current: number,
    chosen: number,
    pauseUs: number,
    isImpatient: boolean,
    isSmall: boolean,
    nowUs: number,
  ): boolean {
    const { staleUs, smallMoveRatio, moveRatio } = this.options
    const costs = this.#costs
    // A flow that paused for longer than any measurement lasts begins anew.
    if (pauseUs >= staleUs) return false
    if (costs[chosen]! > (isSmall ? smallMoveRatio : moveRatio) * costs[current]!) return true
    const isWorthDisorder = isImpatient && costs[chosen]! < IMPATIENT_RATIO * costs[current]!
    return !isWorthDisorder && pauseUs < this.#safePauseUs(peer, current, chosen, isSmall, nowUs)
  }

  /**
   * From `#delays` to costs and the probability of each path. A queue that is nearly full drops, and what a small flow loses costs it
   * more than a queue does; a path that is slower but has room is the better one for it. Long flows are what fills the queue: if they
   * left it, too, they would fill the slower one.
   */
  #weigh(mask: number, isSmall: boolean): void {
    const { pathCount, crowdedRatio, crowdedCostUs, exponent } = this.options
    const queues = this.#queues
    for (let i = 0; i < pathCount; i++) {
      const isCrowded = isSmall && queues.backlogUs(i) > crowdedRatio * queues.limitUs(i)
      this.#costs[i] = this.#delays[i]! + (isCrowded ? crowdedCostUs : 0)
    }
    weightsOf(this.#costs, mask, exponent, this.#weights)
  }

  /** How long a flow must have paused so that what it sent by `current` arrives before what it sends by `chosen`. */
  #safePauseUs(peer: number, current: number, chosen: number, isSmall: boolean, nowUs: number): number {
    const { orderFactor, gapMarginUs, ageFactor, staleUs, smallPauseFactor } = this.options
    const saved = this.#delays[current]! - this.#delays[chosen]!
    // What a dead path holds will not arrive to be overtaken.
    if (this.#delays[current] === Infinity) return 0
    const own = this.#peers[peer]?.paths[current]
    const age = own === undefined ? 0 : Math.min(staleUs, nowUs - own.measuredAtUs)
    return (isSmall ? smallPauseFactor : 1) * (orderFactor * saved + ageFactor * age) + gapMarginUs
  }

  /** Whether a flow should leave its path without waiting for a pause. */
  #isSilent(peer: number, path: number, nowUs: number): boolean {
    const own = this.#peers[peer]?.paths[path]
    if (own === undefined) return false
    this.#expire(own, path, nowUs)
    return own.misses >= this.options.deadAfter || this.#shared[path]!.misses >= this.options.deadAfter
  }

  /** Fills `#delays` with what the paths of `mask` take to the peer, as far as anybody knows. µs, Infinity for a dead path. */
  #estimate(peer: Peer | undefined, mask: number, nowUs: number): void {
    const { staleUs, sharedStaleUs, deadAfter, pathCount } = this.options
    let sum = 0
    let count = 0
    for (let i = 0; i < pathCount; i++) {
      const shared = this.#shared[i]!
      if ((mask & (1 << i)) === 0 || shared.measuredAtUs === -Infinity) continue
      sum += shared.delayUs
      count++
    }
    const mean = count === 0 ? 1 : sum / count
    let alive = 0
    for (let i = 0; i < pathCount; i++) {
      const shared = this.#shared[i]!
      const sharedTrust = freshness(shared, nowUs, sharedStaleUs)
      let delay = mean + sharedTrust * (shared.delayUs - mean)
      let isDead = shared.misses >= deadAfter
      if (peer !== undefined) {
        const own = peer.paths[i]!
        this.#expire(own, i, nowUs)
        delay += freshness(own, nowUs, staleUs) * (own.delayUs - delay)
        delay = Math.max(delay, overdueUs(own, nowUs))
        if (own.misses >= deadAfter) isDead = true
      }
      this.#delays[i] = isDead ? Infinity : Math.max(1, delay) + this.#queues.backlogUs(i)
      if (!isDead && (mask & (1 << i)) !== 0) alive++
    }
    if (alive === 0) this.#estimateDead(peer, mask, nowUs)
  }

  /** Where nothing answers, what answered last is the likeliest to be only busy. */
  #estimateDead(peer: Peer | undefined, mask: number, nowUs: number): void {
    for (let i = 0; i < this.options.pathCount; i++) {
      if ((mask & (1 << i)) === 0) continue
      const answeredAtUs = Math.max(this.#shared[i]!.measuredAtUs, peer?.paths[i]!.measuredAtUs ?? -Infinity)
      this.#delays[i] = Math.max(1, nowUs - answeredAtUs)
    }
  }

  /**
   * Whether a packet that leaves now should carry an element, within one measurement a round trip and the budget.
   * @param costBytes what the element and its answer add on the wire
   * @param isUrgent the budget is charged, but does not hold it back
   * @returns the element's id, with `stampOf(nowUs)` beside it; -1 for none
   */
  stamp(peer: number, path: number, costBytes: number, nowUs: number, isUrgent = false): number {
    if (!this.isDue(peer, path, nowUs)) return -1
    const own = this.#obtain(peer).paths[path]!
    // What nothing is known of goes before what could be known better.
    const isStale = nowUs - Math.max(own.measuredAtUs, own.sentAtUs) > this.options.staleUs
    const keptBytes = isStale ? 0 : this.options.reserveBytes
    if (!isUrgent && this.#creditBytes < costBytes + keptBytes) return -1
    this.#creditBytes -= costBytes
    own.sequence = (own.sequence + 1) & ((1 << SEQUENCE_BITS) - 1)
    own.pendingId = (path << SEQUENCE_BITS) | own.sequence
    own.pendingStamp = stampOf(nowUs)
    own.sentAtUs = nowUs
    own.sentBacklogUs = this.#queues.backlogUs(path)
    own.isOwed = false
    own.sent++
    this.#shared[path]!.sent++
    this.#nextDueUs = Math.min(this.#nextDueUs, nowUs + this.#timeoutUs(own))
    return own.pendingId
  }

  /** When `overdue` may have something to say; Infinity while no measurement waits for its answer. */
  get nextDueUs(): number {
    return this.#nextDueUs
  }

  /**
   * A path whose measurement was lost and that is to be measured again at once, by a packet of its own with an urgent `stamp`: until
   * an answer comes or the path is dead. Called until there is no more.
   * @returns the peer's number times 8, and the path; -1 for none
   */
  overdue(nowUs: number): number {
    if (nowUs < this.#nextDueUs) return -1
    let nextDueUs = Infinity
    for (let peer = 0; peer < this.#peers.length; peer++) {
      const known = this.#peers[peer]
      if (known === undefined) continue
      for (let path = 0; path < known.paths.length; path++) {
        const own = known.paths[path]!
        this.#expire(own, path, nowUs)
        if (own.isOwed) {
          own.isOwed = false
          return peer * MAX_PATHS + path
        }
        if (own.pendingId >= 0) nextDueUs = Math.min(nextDueUs, own.sentAtUs + this.#timeoutUs(own))
      }
    }
    this.#nextDueUs = nextDueUs
    return -1
  }

  /** Whether a path has waited long enough for its next measurement. */
  isDue(peer: number, path: number, nowUs: number): boolean {
    const own = this.#peers[peer]?.paths[path]
    if (own === undefined) return true
    this.#expire(own, path, nowUs)
    if (own.pendingId >= 0) return false
    const { minIntervalUs, minTimeoutUs, maxTimeoutUs, deadAfter } = this.options
    const interval = Math.max(minIntervalUs, own.rttUs)
    if (own.misses < deadAfter) return nowUs - own.sentAtUs >= interval
    // Dead: ever more rarely, so that a long outage costs nothing.
    return nowUs - own.sentAtUs >= Math.min(maxTimeoutUs, minTimeoutUs * 2 ** Math.min(10, own.misses - deadAfter))
  }

  /**
   * A path other than `path` that should be measured by a packet of its own, while there is traffic to the peer: of several the one
   * whose last measurement is oldest. -1 for none.
   */
  duePath(peer: number, mask: number, path: number, nowUs: number): number {
    const known = this.#peers[peer]
    let due = -1
    let oldestUs = Infinity
    for (let i = 0; i < this.options.pathCount; i++) {
      if (i === path || (mask & (1 << i)) === 0 || !this.isDue(peer, i, nowUs)) continue
      const sentAtUs = known === undefined ? -Infinity : known.paths[i]!.sentAtUs
      if (due >= 0 && sentAtUs >= oldestUs) continue
      due = i
      oldestUs = sentAtUs
    }
    return due
  }

  /**
   * An answer came from a peer.
   * @param id of our element
   * @param stamp of our element
   * @param receiverStamp the peer's clock when our packet arrived; -1 when it does not tell
   * @returns what is wrong with it, when it is not believed
   */
  onAnswer(peer: number, id: number, stamp: number, receiverStamp: number, nowUs: number): AnswerProblem | undefined {
    const known = this.#peers[peer]
    if (known === undefined) return this.#refuse('unknown-peer')
    const path = id >> SEQUENCE_BITS
    const own = known.paths[path]
    if (own === undefined) return this.#refuse('unknown-path')
    const isLate = own.lateId === id && own.lateStamp === stamp
    if (!isLate && (own.pendingId !== id || own.pendingStamp !== stamp)) return this.#refuse('not-pending')
    const rttUs = Math.max(1, nowUs - (isLate ? own.lateSentAtUs : own.sentAtUs))
    const backlogUs = isLate ? own.lateBacklogUs : own.sentBacklogUs
    if (isLate) own.lateId = -1
    else own.pendingId = -1
    own.misses = 0
    own.isOwed = false
    own.answered++
    const clock = known.clocks[path]!
    clock.leastRtt.add(rttUs, nowUs)
    // Of its own cable's queue a host knows more than any measurement tells: it is taken out here, and put in as it is when it counts.
    const wholeUs = receiverStamp < 0 ? (rttUs + backlogUs) / 2 : oneWayUs(clock, stamp, receiverStamp, rttUs, nowUs)
    const delayUs = Math.max(1, wholeUs - backlogUs)
    const shared = this.#shared[path]!
    shared.misses = 0
    shared.answered++
    const { smoothingUs } = this.options
    book(own, delayUs, rttUs, nowUs, smoothingUs)
    // The way to a switch is shorter than that to a sled: it proves that the cable lives, and compares with nothing else.
    if (!known.isSplit) book(shared, delayUs, rttUs, nowUs, smoothingUs)
    return undefined
  }

  #refuse(problem: AnswerProblem): AnswerProblem {
    this.problems[problem]++
    return problem
  }

  #expire(own: PathDelay, path: number, nowUs: number): void {
    if (own.pendingId < 0) return
    if (nowUs - own.sentAtUs < this.#timeoutUs(own)) return
    own.lateId = own.pendingId
    own.lateStamp = own.pendingStamp
    own.lateSentAtUs = own.sentAtUs
    own.lateBacklogUs = own.sentBacklogUs
    own.pendingId = -1
    own.misses++
    own.lost++
    own.isOwed = own.misses < this.options.deadAfter
    const shared = this.#shared[path]!
    shared.misses++
    shared.lost++
  }

  #timeoutUs(own: PathDelay): number {
    return Math.min(this.options.maxTimeoutUs, Math.max(this.options.minTimeoutUs, 3 * own.rttUs))
  }

  #obtain(peer: number): Peer {
    let known = this.#peers[peer]
    if (known === undefined) {
      known = new Peer(this.options.pathCount, false)
      this.#peers[peer] = known
    }
    return known
  }

  /** Declares a peer that is a receiver of its own at the end of each path, with a clock of its own: the switches. */
  split(peer: number): void {
    this.#peers[peer] = new Peer(this.options.pathCount, true)
  }

  /** The peer is gone; its number may be used again. */
  forget(peer: number): void {
    this.#peers[peer] = undefined
  }

  /** One row per path. Without a peer, what is known of the paths whatever the peer. */
  status(peer: number | undefined, mask: number, nowUs: number): PathStatus[] {
    const known = peer === undefined ? undefined : this.#peers[peer]
    this.#estimate(known, mask, nowUs)
    this.#weigh(mask, true)
    return (known?.paths ?? this.#shared).map((each, path) => {
      const isMeasured = each.answered > 0
      return {
        path,
        delayUs: isMeasured ? each.delayUs : undefined,
        roundTripUs: isMeasured ? each.rttUs : undefined,
        ageUs: isMeasured ? nowUs - each.measuredAtUs : undefined,
        weight: this.#weights[path]!,
        isDead: this.#delays[path] === Infinity,
        sent: each.sent,
        answered: each.answered,
        lost: each.lost,
      }
    })
  }
}

const NO_QUEUES: OwnQueues = { backlogUs: () => 0, limitUs: () => Infinity }

/**
 * The way there alone, without what the answer waited for on its way back. The clocks differ by an unknown offset, but by the same
 * one on all paths: what a packet took more than the fastest one is known, and half of the least round trip stands for the rest.
 */
function oneWayUs(clock: FarClock, stamp: number, receiverStamp: number, rttUs: number, nowUs: number): number {
  const difference = receiverStamp - stamp
  if (clock.offset < 0) clock.offset = difference & 0xffffff
  const relative = stampDifference(difference, clock.offset)
  clock.floor.add(relative, nowUs)
  const leastRttUs = clock.leastRtt.value
  // Never more than the round trip allows, whatever a clock does.
  return Math.min(Math.max(0, relative - clock.floor.value), Math.max(0, rttUs - leastRttUs)) + leastRttUs / 2
}
