/**
 * How a host chooses the path of a packet. One instance per host; what differs between policies is here, everything else of a
 * run is the same.
 */
import {
  DelayDrivenPaths,
  ELEMENT_COST_BYTES,
  FlowletTable,
  type MultipathOptions,
  type OwnQueues,
  PROBE_COST_BYTES,
  stampOf,
} from '@lodestone/ddm'
import type { Random } from '@lodestone/host'
import { type ArrivalUs, OracleChoice } from './oracle-policy.ts'

export const POLICY_NAMES = ['ecmp', 'wecmp', 'letflow', 'least-delay', 'ddm', 'oracle', 'oracle-packet'] as const
export type PolicyName = (typeof POLICY_NAMES)[number]

export const POLICY_TITLES: Readonly<Record<PolicyName, string>> = {
  ecmp: 'ECMP per flow',
  wecmp: 'weighted ECMP',
  letflow: 'LetFlow',
  'least-delay': 'least delay',
  ddm: 'DDM',
  oracle: 'all queues known',
  'oracle-packet': 'the same, any order',
}

/** Times are the host's own clock, µs. */
export interface PathPolicy {
  /** @param mask paths that routing allows */
  choose(peer: number, mask: number, flowHash: number, bytes: number, nowUs: number): number
  /** The id of the element that a packet on this path should carry; -1 for none. */
  stamp(peer: number, path: number, nowUs: number): number
  /** Another path that wants a packet of its own for its measurement; -1 for none. */
  probePath(peer: number, mask: number, path: number, nowUs: number): number
  stampProbe(peer: number, path: number, nowUs: number): number
  /** When `overdue` wants to be asked. */
  readonly nextDueUs: number
  /** A peer times 8 and a path that want a packet of their own now, without one to send beside it; -1 for none. */
  overdue(nowUs: number): number
  stampOverdue(peer: number, path: number, nowUs: number): number
  onAnswer(peer: number, id: number, stamp: number, receiverStamp: number, nowUs: number): void
  /** Only for who is told everything: a data packet was lost on the host's cable, or queued at a switch. See `OracleChoice`. */
  onPassed?(flowHash: number, arrivesUs: number): void
}

export interface PolicyOptions {
  readonly random: Random
  /** Rates of the paths, for the one policy that is told them. */
  readonly rates: readonly number[]
  readonly letFlowGapUs: number
  readonly multipath: Partial<MultipathOptions>
  /** Whether answers tell what was measured, or always the same. */
  readonly telemetry: Telemetry
  readonly queues: OwnQueues
  /** What only an oracle knows. */
  readonly arrivalUs: ArrivalUs
}

export const TELEMETRY_NAMES = ['live', 'constant'] as const
export type Telemetry = (typeof TELEMETRY_NAMES)[number]

export function makePolicy(name: PolicyName, options: PolicyOptions): PathPolicy {
  switch (name) {
    case 'ecmp':
      return new HashPolicy(options.rates.map(() => 1))
    case 'wecmp':
      return new HashPolicy(options.rates)
    case 'letflow':
      return new LetFlowPolicy(options.rates.length, options.letFlowGapUs, options.random)
    case 'least-delay':
      return new DelayPolicy({ ...options, multipath: { ...options.multipath, exponent: Infinity } })
    case 'ddm':
      return new DelayPolicy(options)
    case 'oracle':
    case 'oracle-packet':
      return new OraclePolicy(options, name === 'oracle')
  }
}

/** Each flow keeps the path that its hash names, in proportion to fixed weights. */
class HashPolicy implements PathPolicy {
  readonly #weights: readonly number[]

  constructor(weights: readonly number[]) {
    this.#weights = weights
  }

  choose(_peer: number, mask: number, flowHash: number): number {
    let sum = 0
    for (let i = 0; i < this.#weights.length; i++) if ((mask & (1 << i)) !== 0) sum += this.#weights[i]!
    let rest = ((flowHash >>> 0) / 0x1_0000_0000) * sum
    let last = 0
    for (let i = 0; i < this.#weights.length; i++) {
      if ((mask & (1 << i)) === 0) continue
      last = i
      rest -= this.#weights[i]!
      if (rest < 0) return i
    }
    return last
  }

  stamp(): number {
    return -1
  }

  probePath(): number {
    return -1
  }

  stampProbe(): number {
    return -1
  }

  get nextDueUs(): number {
    return Infinity
  }

  overdue(): number {
    return -1
  }

  stampOverdue(): number {
    return -1
  }

  onAnswer(): void {}
}

/** Vanini et al., NSDI 2017: a flow that paused goes on by any path. */
class LetFlowPolicy extends HashPolicy {
  readonly #table = new FlowletTable(8192)
  readonly #pathCount: number
  readonly #gapUs: number
  readonly #random: Random

  constructor(pathCount: number, gapUs: number, random: Random) {
    super([])
    this.#pathCount = pathCount
    this.#gapUs = gapUs
    this.#random = random
  }

  override choose(_peer: number, mask: number, flowHash: number, _bytes?: number, nowUs: number = 0): number {
    const row = this.#table.row(flowHash)
    let path = this.#table.path(row)
    if (path < 0 || (mask & (1 << path)) === 0 || this.#table.pauseUs(row, nowUs) > this.#gapUs) {
      do path = this.#random.below(this.#pathCount)
      while ((mask & (1 << path)) === 0)
    }
    this.#table.note(row, path, nowUs)
    return path
  }
}

class OraclePolicy extends HashPolicy {
  readonly #choice: OracleChoice

  constructor(options: PolicyOptions, isOrdered: boolean) {
    super([])
    this.#choice = new OracleChoice(options.rates.length, options.arrivalUs, isOrdered)
  }

  override choose(peer: number, mask: number, flowHash: number, bytes: number = 0): number {
    return this.#choice.choose(peer, mask, flowHash, bytes)
  }

  onPassed(flowHash: number, arrivesUs: number): void {
    this.#choice.passed(flowHash, arrivesUs)
  }
}

/** What every measurement says with constant telemetry. */
const CONSTANT_RTT_US = 100

/** The state machine that sleds use. */
class DelayPolicy implements PathPolicy {
  readonly paths: DelayDrivenPaths
  readonly #isConstant: boolean

  constructor(options: PolicyOptions) {
    this.#isConstant = options.telemetry === 'constant'
    this.paths = new DelayDrivenPaths(
      options.random,
      options.multipath,
      // Queues are not looked at either when nothing is measured.
      this.#isConstant ? undefined : options.queues,
    )
  }

  choose(peer: number, mask: number, flowHash: number, bytes: number, nowUs: number): number {
    return this.paths.choose(peer, mask, flowHash, bytes, nowUs)
  }

  stamp(peer: number, path: number, nowUs: number): number {
    return this.#stamp(peer, path, ELEMENT_COST_BYTES, nowUs)
  }

  probePath(peer: number, mask: number, path: number, nowUs: number): number {
    return this.paths.duePath(peer, mask, path, nowUs)
  }

  stampProbe(peer: number, path: number, nowUs: number): number {
    return this.#stamp(peer, path, PROBE_COST_BYTES, nowUs)
  }

  get nextDueUs(): number {
    return this.paths.nextDueUs
  }

  overdue(nowUs: number): number {
    return this.paths.overdue(nowUs)
  }

  stampOverdue(peer: number, path: number, nowUs: number): number {
    return this.#stamp(peer, path, PROBE_COST_BYTES, nowUs, true)
  }

  #stamp(peer: number, path: number, costBytes: number, nowUs: number, isUrgent = false): number {
    const id = this.paths.stamp(peer, path, costBytes, nowUs, isUrgent)
    // The packet carries its element all the same, but what is booked has not seen the network.
    if (id >= 0 && this.#isConstant) this.paths.onAnswer(peer, id, stampOf(nowUs), -1, nowUs + CONSTANT_RTT_US)
    return id
  }

  onAnswer(peer: number, id: number, stamp: number, receiverStamp: number, nowUs: number): void {
    if (!this.#isConstant) this.paths.onAnswer(peer, id, stamp, receiverStamp, nowUs)
  }
}
