/**
 * What a link does to frames besides carrying them. Each direction has its own set, and every value may change
 * while frames are in flight; those already accepted keep the delay they were given.
 */
import type { JitterDistribution } from './jitter.ts'
import type { LossModel } from './loss-process.ts'
import type { QueueDiscipline } from './queue/discipline.ts'
import type { DelayWave, Outage } from './weather.ts'

export interface Impairments {
  /** One-way propagation delay. */
  readonly delayMs: number
  /**
   * Random part added to the delay: half-width of the uniform, mean of the exponential, standard deviation of the normal and the
   * pareto; of pareto-normal 1.26 times that, as it is a quarter of the one and three quarters of the other.
   */
  readonly jitterMs: number
  readonly jitterDistribution: JitterDistribution
  /** Correlation of one frame's jitter with the next one's, 0 … 1; mean and variance stay what they are. */
  readonly jitterCorrelation: number
  /** For the distribution `table`: its inverse, at equal steps of probability, in units of `jitterMs`. */
  readonly jitterTable: readonly number[] | undefined
  /** A delay that changes with time, on top of `delayMs`. */
  readonly delayWave: DelayWave | undefined
  /** Whether jitter may let a frame overtake an earlier one. Otherwise arrivals keep the order of departure. */
  readonly mayReorder: boolean
  /** Probability that a frame skips the delay and overtakes those before it. */
  readonly reorder: number
  /** With `reorder`: only every so many frames may do so. */
  readonly reorderGap: number
  /** Bits per second on the wire; Infinity sends at once. */
  readonly rateBps: number
  /** Wire bytes added to each frame for serialisation: preamble 8, frame check sequence 4, gap 12. */
  readonly overheadBytes: number
  /**
   * Instead of a rate: times at which one frame of up to 1504 bytes may leave, ascending, over and over. The last one is the
   * length of a round.
   */
  readonly opportunitiesMs: readonly number[] | undefined
  /** Limit of bytes waiting for their turn on a rate-limited wire. */
  readonly queueBytes: number
  /** Who goes when the queue is full, or too long. */
  readonly queue: QueueDiscipline
  /** Most frames queued and in flight at once, so that one long link cannot take the whole arena (a rack has 8192). */
  readonly limitFrames: number
  /** Probability that a frame vanishes. */
  readonly loss: number
  /** Correlation of one loss with the next, 0 … 1; the share of lost frames stays `loss`. */
  readonly lossCorrelation: number
  /** Losses that come in bursts, or as listed; besides `loss`. */
  readonly lossModel: LossModel | undefined
  /** Times at which nothing gets through although the link is up. */
  readonly outage: Outage | undefined
  /** Probability that a frame arrives twice. */
  readonly duplicate: number
  /** Probability that `corruptBits` random bits of a frame arrive flipped. */
  readonly corrupt: number
  readonly corruptBits: number
  /** Probability that a bit arrives flipped: long frames are hit more often. */
  readonly bitErrorRatio: number
  /** Whether the receiver's frame check sequence finds damaged frames, which are then dropped. */
  readonly checksFrames: boolean
}

/** An ideal wire. */
export const PERFECT: Impairments = {
  delayMs: 0,
  jitterMs: 0,
  jitterDistribution: 'uniform',
  jitterCorrelation: 0,
  jitterTable: undefined,
  delayWave: undefined,
  mayReorder: false,
  reorder: 0,
  reorderGap: 1,
  rateBps: Infinity,
  overheadBytes: 24,
  opportunitiesMs: undefined,
  queueBytes: 512 * 1024,
  queue: { kind: 'drop-tail' },
  limitFrames: 4096,
  loss: 0,
  lossCorrelation: 0,
  lossModel: undefined,
  outage: undefined,
  duplicate: 0,
  corrupt: 0,
  corruptBits: 1,
  bitErrorRatio: 0,
  checksFrames: false,
}

const AMOUNTS = ['delayMs', 'jitterMs', 'overheadBytes', 'queueBytes', 'limitFrames'] as const
const SHARES = [
  'loss',
  'duplicate',
  'corrupt',
  'reorder',
  'jitterCorrelation',
  'lossCorrelation',
  'bitErrorRatio',
] as const

/** `base` with `change` applied; throws where a value makes no sense, because only our own code or an operator sets them. */
export function changed(base: Impairments, change: Partial<Impairments>): Impairments {
  const next = { ...base, ...change }
  for (const name of AMOUNTS) {
    if (!Number.isFinite(next[name]) || next[name] < 0) throw new RangeError(`${name} must be at least 0`)
  }
  if (!(next.rateBps > 0)) throw new RangeError('rateBps must be above 0')
  for (const name of SHARES) {
    if (!(next[name] >= 0 && next[name] <= 1)) throw new RangeError(`${name} must be between 0 and 1`)
  }
  for (const name of ['reorderGap', 'corruptBits'] as const) {
    if (!Number.isInteger(next[name]) || next[name] < 1) throw new RangeError(`${name} must be a whole number from 1`)
  }
  const marks = next.opportunitiesMs
  if (marks !== undefined && !(marks.length > 0 && marks[0]! >= 0 && marks.at(-1)! > 0 && isAscending(marks))) {
    throw new RangeError('opportunitiesMs must be ascending times, the last one above 0')
  }
  if (next.jitterDistribution === 'table' && (next.jitterTable === undefined || next.jitterTable.length < 2)) {
    throw new RangeError('the distribution "table" needs a jitterTable of two values or more')
  }
  return next
}

function isAscending(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value >= values[i - 1]!)
}
