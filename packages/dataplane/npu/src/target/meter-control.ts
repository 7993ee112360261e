/** Meter cells from the control plane's side: rates and bursts of two token buckets (RFC 2698), read and written. */
import { CELL, METER } from '@lodestone/p4'
import type { MeterConfig } from '../pipeline.ts'
import type { StateMemory } from '../state-memory.ts'

/** Tokens are kept in millionths of a unit. */
const SCALE = 1_000_000n
/** Beyond this, rate times time would not fit 63 bits. */
const RATE_MAX = 9e10
/** The same of a burst in millionths. */
const BURST_MAX = 9e12

/** A sentence when the configuration makes no sense. */
export function meterProblem(config: MeterConfig): string | undefined {
  const { committedRate, committedBurst, peakRate, peakBurst } = config
  const fields = { committedRate, committedBurst, peakRate, peakBurst }
  for (const [name, value] of Object.entries(fields)) {
    if (!Number.isInteger(value) || value < 0) return `${name} must be a whole number of units, not ${value}`
  }
  if (peakRate < committedRate)
    return `the peak rate (${peakRate}) must not be below the committed rate (${committedRate})`
  if (peakRate > RATE_MAX) return `rates go up to ${RATE_MAX} units a second`
  if (Math.max(committedBurst, peakBurst) > BURST_MAX) return `bursts go up to ${BURST_MAX} units`
  return undefined
}

/** Buckets are full at first. */
export function writeMeter(state: StateMemory, at: number, config: MeterConfig): void {
  const { u64 } = state
  for (const [offset, value] of [
    [METER.committedRate, BigInt(config.committedRate)],
    [METER.committedBurst, BigInt(config.committedBurst)],
    [METER.peakRate, BigInt(config.peakRate)],
    [METER.peakBurst, BigInt(config.peakBurst)],
    [METER.committedTokens, BigInt(config.committedBurst) * SCALE],
    [METER.peakTokens, BigInt(config.peakBurst) * SCALE],
    [METER.filledUs, u64[CELL.nowUs >> 3]!],
  ] as const) {
    u64[(at + offset) >> 3] = value
  }
}

export function readMeter(state: StateMemory, at: number): MeterConfig {
  const { u64 } = state
  return {
    committedRate: Number(u64[(at + METER.committedRate) >> 3]),
    committedBurst: Number(u64[(at + METER.committedBurst) >> 3]),
    peakRate: Number(u64[(at + METER.peakRate) >> 3]),
    peakBurst: Number(u64[(at + METER.peakBurst) >> 3]),
  }
}
