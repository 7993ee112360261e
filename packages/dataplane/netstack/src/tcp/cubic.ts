/**
 * CUBIC (RFC 9438): the window follows a cubic curve of the time since the last reduction, flat around the window at
 * which that happened, and never grows slower than Reno's would. Windows are in segments here, times in seconds.
 */
import type { Tcb } from './tcb.ts'

const C = 0.4
/** What a reduction leaves. */
export const CUBIC_BETA = 0.7
/** RFC 9438 §4.3: with this growth a Reno flow that is reduced by 0.7 has the same average window. */
const RENO_ALPHA = (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA)

/** Congestion avoidance: `acked` new bytes were acknowledged. */
export function growCubic(tcb: Tcb, acked: number, nowMs: number): void {
  const window = tcb.cwnd / tcb.mss
  if (tcb.cubicEpochMs < 0) startEpoch(tcb, window, nowMs)
  const elapsedS = (nowMs - tcb.cubicEpochMs) / 1000
  const ackedSegments = acked / tcb.mss
  const alpha = tcb.cubicRenoWindow >= tcb.cubicPrior ? 1 : RENO_ALPHA
  tcb.cubicRenoWindow += (alpha * ackedSegments) / window
  if (curve(tcb, elapsedS) < tcb.cubicRenoWindow) {
    if (tcb.cubicRenoWindow > window) tcb.cwnd = tcb.cubicRenoWindow * tcb.mss
    return
  }
  const rttS = Math.max(0, tcb.srttMs) / 1000
  const target = Math.min(1.5 * window, Math.max(window, curve(tcb, elapsedS + rttS)))
  tcb.cwnd += ((target - window) / window) * ackedSegments * tcb.mss
}

/** RFC 9438 §4.6, §4.7: the window at a loss is remembered, lower when it fell short of the last one. */
export function noteCubicLoss(tcb: Tcb): void {
  const window = tcb.cwnd / tcb.mss
  tcb.cubicMax = window < tcb.cubicMax ? (window * (1 + CUBIC_BETA)) / 2 : window
  tcb.cubicPrior = window
  tcb.cubicEpochMs = -1
}

function startEpoch(tcb: Tcb, window: number, nowMs: number): void {
  tcb.cubicEpochMs = nowMs
  tcb.cubicRenoWindow = window
  if (tcb.cubicMax <= window) {
    tcb.cubicMax = window
    tcb.cubicK = 0
  } else {
    tcb.cubicK = Math.cbrt((tcb.cubicMax - window) / C)
  }
}

function curve(tcb: Tcb, elapsedS: number): number {
  const t = elapsedS - tcb.cubicK
  return C * t * t * t + tcb.cubicMax
}
