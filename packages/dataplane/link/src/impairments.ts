/**
 * What a link does to frames besides carrying them. Each direction has its own set, and every value may change
 * while frames are in flight; those already accepted keep the delay they were given.
 */

export interface Impairments {
  /** One-way propagation delay. */
  readonly delayMs: number
  /** Random part added to the delay: half-width of the uniform, standard deviation of the normal distribution. */
  readonly jitterMs: number
  readonly jitterDistribution: 'uniform' | 'normal'
  /** Whether jitter may let a frame overtake an earlier one. Otherwise arrivals keep the order of departure. */
  readonly mayReorder: boolean
  /** Bits per second on the wire; Infinity sends at once. */
  readonly rateBps: number
  /** Wire bytes added to each frame for serialisation: preamble 8, frame check sequence 4, gap 12. */
  readonly overheadBytes: number
  /** Drop-tail limit of bytes waiting for their turn on a rate-limited wire. */
  readonly queueBytes: number
  /** Most frames queued and in flight at once, so that one long link cannot take the whole arena. */
  readonly limitFrames: number
  /** Probability that a frame vanishes. */
  readonly loss: number
  /** Probability that a frame arrives twice. */
  readonly duplicate: number
  /** Probability that one random bit of a frame arrives flipped (the frame check sequence is not modelled). */
  readonly corrupt: number
}

/** An ideal wire. */
export const PERFECT: Impairments = {
  delayMs: 0,
  jitterMs: 0,
  jitterDistribution: 'uniform',
  mayReorder: false,
  rateBps: Infinity,
  overheadBytes: 24,
  queueBytes: 512 * 1024,
  limitFrames: 2048,
  loss: 0,
  duplicate: 0,
  corrupt: 0,
}

/** `base` with `change` applied; throws where a value makes no sense, because only our own code or an operator sets them. */
export function changed(base: Impairments, change: Partial<Impairments>): Impairments {
  const next = { ...base, ...change }
  for (const name of ['delayMs', 'jitterMs', 'overheadBytes', 'queueBytes', 'limitFrames'] as const) {
    if (!Number.isFinite(next[name]) || next[name] < 0) throw new RangeError(`${name} must be at least 0`)
  }
  if (!(next.rateBps > 0)) throw new RangeError('rateBps must be above 0')
  for (const name of ['loss', 'duplicate', 'corrupt'] as const) {
    if (!(next[name] >= 0 && next[name] <= 1)) throw new RangeError(`${name} must be between 0 and 1`)
  }
  return next
}
