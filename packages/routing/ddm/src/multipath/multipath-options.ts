/** What can be tuned about the choice of paths. The record of what was tried is docs/decisions/0010. Times in µs. */

export interface MultipathOptions {
  /** Paths of a peer, 1 … 8: the element's id has three bits for the path. */
  readonly pathCount: number
  /** Weight of a path is its delay to the power of minus this. Infinity takes the least delay. */
  readonly exponent: number
  /** A flow may move only when the other path's delay is below this part of its own. */
  readonly moveRatio: number
  /** A flow may move only after a pause this much longer than the delay that the move saves (no packet overtakes another). */
  readonly gapMarginUs: number
  /** How much of the saved delay a pause has to cover: 1 keeps the order, 0 moves after every pause of the margin. */
  readonly orderFactor: number
  /** How much longer the pause must be for each µs since the flow's own path was measured: its queue may have grown since. */
  readonly ageFactor: number
  /**
   * A flow that never pauses long enough may move once in this time, if the other path's delay is below half of its own: a few
   * packets arrive out of order, and then it is off a path that would hold it for ever.
   */
  readonly patienceUs: number
  /**
   * A flow is small until it has sent this much since it began. Small flows have few of all packets, so that some disorder in them is
   * cheap, and a bad path costs them most: they move below another ratio, and after this part of the pause.
   */
  readonly smallFlowBytes: number
  readonly smallMoveRatio: number
  readonly smallPauseFactor: number
  /** A queue of our own cable that is filled beyond this part counts for more to a small flow: it is about to drop. */
  readonly crowdedRatio: number
  readonly crowdedCostUs: number
  /** A measurement this old counts half as much as a new one replaces: the time constant of the smoothing. */
  readonly smoothingUs: number
  /** A measurement of this age counts for nothing; between, it fades. */
  readonly staleUs: number
  /** The same for the delay of a path to all peers together. */
  readonly sharedStaleUs: number
  /** Never more than one measurement of a path in this time, nor more than one in a round trip. */
  readonly minIntervalUs: number
  /** A measurement without an answer for this long, and for three round trips, is lost. */
  readonly minTimeoutUs: number
  readonly maxTimeoutUs: number
  /** A path that lost this many measurements in a row carries nothing while another one works. */
  readonly deadAfter: number
  /** Bytes of telemetry, answers included, per byte sent. */
  readonly budgetRatio: number
  /** And per second, so that a trickle of traffic is measured, too. */
  readonly budgetBytesPerSecond: number
  /** What may be spent at once after a silence. */
  readonly budgetBytes: number
  /** Of that, what only paths may use that were not measured for `staleUs`. */
  readonly reserveBytes: number
  /** Rows of the flowlet table, a power of two. Flows that share a row move together. */
  readonly flowletRows: number
}

export const DEFAULT_MULTIPATH: MultipathOptions = {
  pathCount: 2,
  exponent: 4,
  moveRatio: 0.7,
  gapMarginUs: 100,
  orderFactor: 1,
  ageFactor: 1,
  patienceUs: 500_000,
  smallFlowBytes: 110_000,
  smallMoveRatio: 0.85,
  smallPauseFactor: 0.5,
  crowdedRatio: 0.85,
  crowdedCostUs: 3_000,
  smoothingUs: 300,
  staleUs: 10_000,
  sharedStaleUs: 5_000,
  minIntervalUs: 50,
  minTimeoutUs: 3_000,
  maxTimeoutUs: 100_000,
  deadAfter: 3,
  budgetRatio: 0.009,
  budgetBytesPerSecond: 10_000,
  budgetBytes: 4_000,
  reserveBytes: 2_000,
  flowletRows: 8192,
}

/**
 * Bytes on the wire of an element in a packet that leaves anyway, with its answer: the header with our element and the switch's
 * (12), and an answer of Ethernet, IPv6, header, three elements and what a wire adds (14 + 40 + 4 + 12 + 24).
 */
export const ELEMENT_COST_BYTES = 106
/** The same for a packet that carries nothing else. */
export const PROBE_COST_BYTES = 184
