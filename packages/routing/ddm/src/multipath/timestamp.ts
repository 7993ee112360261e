/**
 * Timestamps of the telemetry elements: microseconds modulo 2^24, so they wrap every 16.78 s. A difference of two stamps is
 * right while the true one is below half of that; both clocks may have any offset.
 */

export const STAMP_PERIOD_US = 0x1000000

/** @param nowUs microseconds since any epoch, not negative. */
export function stampOf(nowUs: number): number {
  return Math.floor(nowUs) % STAMP_PERIOD_US
}

/** `later - earlier` in µs, in -2^23 … 2^23-1. */
export function stampDifference(later: number, earlier: number): number {
  return ((later - earlier) << 8) >> 8
}
