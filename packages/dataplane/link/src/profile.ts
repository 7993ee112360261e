/** Links that people know, by name: what `impairments` of both directions are like. Figures are one way. */
import type { Impairments } from './impairments.ts'

export interface LinkProfile {
  readonly detail: string
  readonly impairments: Partial<Impairments>
}

const MBIT = 1e6
const GBIT = 1e9

/**
 * Opportunities of a mobile downlink over one second: frames leave in bunches, and there is a fade in which hardly any do.
 * About 10 Mbit/s on average.
 */
function mobileTrace(): readonly number[] {
  const marks: number[] = []
  for (let ms = 1; ms <= 1000; ms++) {
    const isFade = ms > 600 && ms <= 720
    const perBunch = isFade ? (ms % 40 === 0 ? 1 : 0) : ms % 8 === 0 ? 7 : ms % 4 === 0 ? 1 : 0
    for (let i = 0; i < perBunch; i++) marks.push(ms)
  }
  if (marks.at(-1) !== 1000) marks.push(1000)
  return marks
}

export const LINK_PROFILES = {
  dc: {
    detail: 'inside a data centre: 1 to 5 µs, 100 Gbit/s',
    impairments: { delayMs: 0.003, jitterMs: 0.002, rateBps: 100 * GBIT },
  },
  metro: {
    detail: 'across a city: 2 ± 0.2 ms, 10 Gbit/s',
    impairments: { delayMs: 2, jitterMs: 0.2, rateBps: 10 * GBIT },
  },
  wan: {
    detail: 'across a continent: 40 ± 3 ms, bursts of loss (0.33 %, 3.3 frames long), 1 Gbit/s',
    impairments: {
      delayMs: 40,
      jitterMs: 3,
      jitterDistribution: 'normal',
      jitterCorrelation: 0.25,
      rateBps: GBIT,
      lossModel: { kind: 'gilbert-elliott', toBad: 0.001, toGood: 0.3 },
    },
  },
  leo: {
    detail: 'satellites near the earth: 25 to 60 ms as they pass, a handover of 80 ms every 15 s, 100 Mbit/s',
    impairments: {
      delayMs: 25,
      delayWave: { shape: 'sawtooth', rangeMs: 35, periodMs: 15_000 },
      jitterMs: 2,
      jitterDistribution: 'normal',
      rateBps: 100 * MBIT,
      loss: 0.002,
      outage: { kind: 'periodic', onMs: 14_920, offMs: 80 },
      limitFrames: 4096,
    },
  },
  geo: {
    detail: 'a geostationary satellite: 300 ms, 20 Mbit/s, large buffers',
    impairments: { delayMs: 300, jitterMs: 5, rateBps: 20 * MBIT, queueBytes: 1 << 20, limitFrames: 4096 },
  },
  lte: {
    detail: 'a mobile network: opportunities to send come in bunches (about 10 Mbit/s), 30 ms, a long queue',
    impairments: {
      delayMs: 30,
      jitterMs: 8,
      jitterDistribution: 'pareto-normal',
      opportunitiesMs: mobileTrace(),
      queueBytes: 1 << 20,
    },
  },
  'lossy-optic': {
    detail: 'a dirty fibre: one bit of 10^9 arrives flipped, and the receiver drops the frame; 100 Gbit/s',
    impairments: { delayMs: 0.05, rateBps: 100 * GBIT, bitErrorRatio: 1e-9, checksFrames: true },
  },
  flappy: {
    detail: 'a loose plug: 20 s of service and 0.5 s without, both on average',
    impairments: { delayMs: 0.05, rateBps: 10 * GBIT, outage: { kind: 'exponential', onMs: 20_000, offMs: 500 } },
  },
} as const satisfies Readonly<Record<string, LinkProfile>>

export type LinkProfileName = keyof typeof LINK_PROFILES
