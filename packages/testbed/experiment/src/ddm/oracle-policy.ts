/**
 * What no host can do: the choice of a policy that is told every queue of a path at the moment it sends. It is what others are
 * compared with, no candidate; it measures nothing, so it pays for no telemetry. Each packet goes where it arrives first by the queues
 * of now, which is best for that packet and not always for all. The ordered one moves a flow only when nothing that the flow has sent can arrive later than what it sends now: its last packet is
 * in a switch's queue, so that its arrival is certain, and the other path is, by the queues of now, no faster than that.
 */

/** When a packet of `bytes` to `peer` arrives by `path` at the soonest if it leaves now, in µs since the run began; Infinity for a full queue. */
export type ArrivalUs = (peer: number, path: number, bytes: number) => number

interface OracleFlow {
  path: number
  /** Packets on the way to a switch. */
  underway: number
  /** When the last one that passed a switch arrives. */
  arrivesUs: number
}

export class OracleChoice {
  readonly #pathCount: number
  readonly #arrivalUs: ArrivalUs
  readonly #isOrdered: boolean
  readonly #flows = new Map<number, OracleFlow>()

  constructor(pathCount: number, arrivalUs: ArrivalUs, isOrdered: boolean) {
    this.#pathCount = pathCount
    this.#arrivalUs = arrivalUs
    this.#isOrdered = isOrdered
  }

  choose(peer: number, mask: number, flowHash: number, bytes: number): number {
    const flow = this.#flows.get(flowHash) ?? this.#begin(flowHash)
    let best = flow.path >= 0 && (mask & (1 << flow.path)) !== 0 ? flow.path : -1
    let bestUs = best < 0 ? Infinity : this.#arrivalUs(peer, best, bytes)
    for (let path = 0; path < this.#pathCount; path++) {
      if ((mask & (1 << path)) === 0 || path === flow.path) continue
      const arrivesUs = this.#arrivalUs(peer, path, bytes)
      const isEarly = this.#isOrdered && (flow.underway > 0 || arrivesUs < flow.arrivesUs)
      if (best >= 0 && (isEarly || arrivesUs >= bestUs)) continue
      best = path
      bestUs = arrivesUs
    }
    flow.path = best
    flow.underway++
    return best
  }

  /** The packet was lost on its own cable (-Infinity) or is in a switch's queue, and arrives then unless that was full. */
  passed(flowHash: number, arrivesUs: number): void {
    const flow = this.#flows.get(flowHash)! // because it was chosen for
    flow.underway--
    if (arrivesUs > flow.arrivesUs) flow.arrivesUs = arrivesUs
  }

  #begin(flowHash: number): OracleFlow {
    const flow = { path: -1, underway: 0, arrivesUs: -Infinity }
    this.#flows.set(flowHash, flow)
    return flow
  }
}
