/**
 * Flow sizes as published: web search (Alizadeh et al., DCTCP, SIGCOMM 2010) and data mining (Greenberg et al., VL2, SIGCOMM 2009),
 * as the piecewise linear distributions in segments of 1460 bytes that later work simulates with (pFabric, CONGA, LetFlow).
 */

export const SIZE_NAMES = ['web-search', 'data-mining'] as const
export type SizeName = (typeof SIZE_NAMES)[number]

const SEGMENT_BYTES = 1460

/** Pairs of segments and the share of flows that are at most that long. */
const DISTRIBUTIONS: Readonly<Record<SizeName, readonly (readonly [number, number])[]>> = {
  'web-search': [
    [1, 0],
    [6, 0.15],
    [13, 0.2],
    [19, 0.3],
    [33, 0.4],
    [53, 0.53],
    [133, 0.6],
    [667, 0.7],
    [1333, 0.8],
    [3333, 0.9],
    [6667, 0.97],
    [20_000, 1],
  ],
  'data-mining': [
    [1, 0],
    [1, 0.5],
    [2, 0.6],
    [3, 0.7],
    [7, 0.8],
    [267, 0.9],
    [2107, 0.95],
    [66_667, 0.99],
    [666_667, 1],
  ],
}

/** The size at share `uniform`, from [0, 1), of the distribution. Bytes, at least 1. */
export function flowBytes(name: SizeName, uniform: number): number {
  const points = DISTRIBUTIONS[name]
  let at = 1
  while (points[at]![1] <= uniform) at++
  const [low, lowShare] = points[at - 1]!
  const [high, highShare] = points[at]!
  const segments = low + ((uniform - lowShare) / (highShare - lowShare)) * (high - low)
  return Math.max(1, Math.round(segments * SEGMENT_BYTES))
}

/** Mean size in bytes. */
export function meanFlowBytes(name: SizeName): number {
  let mean = 0
  const points = DISTRIBUTIONS[name]
  for (let i = 1; i < points.length; i++) {
    const [low, lowShare] = points[i - 1]!
    const [high, highShare] = points[i]!
    mean += ((low + high) / 2) * (highShare - lowShare)
  }
  return mean * SEGMENT_BYTES
}
