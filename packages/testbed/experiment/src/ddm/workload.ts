/**
 * Flows of one run: who sends how much to whom, when. The same seed gives the same flows whatever the policy, so that policies
 * are compared pairwise.
 */
import type { Random } from '@lodestone/host'
import { flowBytes, meanFlowBytes, type SizeName } from './flow-sizes.ts'
import { OVERHEAD_BYTES, SEGMENT_BYTES } from './packet.ts'

export interface Flow {
  readonly source: number
  readonly destination: number
  readonly bytes: number
  readonly startUs: number
}

export interface WorkloadOptions {
  readonly random: Random
  readonly sizes: SizeName
  readonly flows: number
  readonly hosts: number
  /** Of what all hosts can send together, 0 … 1. */
  readonly load: number
  /** What one host can send by all of its links, bits per second. */
  readonly hostBps: number
}

/** Poisson arrivals at the whole rack, between two different hosts that are equally likely, in order of time. */
export function makeFlows(options: WorkloadOptions): Flow[] {
  const { random, sizes, hosts } = options
  const wireBits = meanFlowBytes(sizes) * 8 * (1 + OVERHEAD_BYTES / SEGMENT_BYTES)
  const meanGapUs = (wireBits / (options.load * options.hostBps * hosts)) * 1e6
  let startUs = 0
  return Array.from({ length: options.flows }, () => {
    startUs += -Math.log(1 - random.float()) * meanGapUs
    const source = random.below(hosts)
    const destination = (source + 1 + random.below(hosts - 1)) % hosts
    return { source, destination, bytes: flowBytes(sizes, random.float()), startUs }
  })
}
