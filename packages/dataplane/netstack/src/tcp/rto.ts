/** The retransmission timeout: RFC 6298, with the lower bound that the parameters give (200 ms, not the RFC's 1 s). */
import type { Tcb } from './tcb.ts'

const LEAST_AFTER_LOST_SYN_MS = 3000

/** RFC 6298 §2.2, §2.3. Also ends the backoff. */
export function sampleRtt(tcb: Tcb, rttMs: number): void {
  tcb.rttSamples++
  tcb.lastRttMs = rttMs
  if (tcb.srttMs < 0) {
    tcb.srttMs = rttMs
    tcb.rttvarMs = rttMs / 2
  } else {
    tcb.rttvarMs = 0.75 * tcb.rttvarMs + 0.25 * Math.abs(tcb.srttMs - rttMs)
    tcb.srttMs = 0.875 * tcb.srttMs + 0.125 * rttMs
  }
  setRto(tcb)
}

/** RFC 6298 §2.1; §2.3 with a clock granularity of 1 ms. */
export function setRto(tcb: Tcb): void {
  const rtoMs = tcb.srttMs < 0 ? tcb.parameters.initialRtoMs : tcb.srttMs + Math.max(1, 4 * tcb.rttvarMs)
  tcb.rtoMs = Math.min(tcb.parameters.maxRtoMs, Math.max(tcb.parameters.minRtoMs, rtoMs))
}

/** RFC 6298 §5.7: the handshake took a retransmission and measured nothing; what carries data had better not be as hasty. */
export function setUnmeasuredRto(tcb: Tcb): void {
  setRto(tcb)
  if (tcb.retransmits > 0) tcb.rtoMs = Math.max(tcb.rtoMs, LEAST_AFTER_LOST_SYN_MS)
}

/** RFC 6298 §5.5. */
export function backOff(tcb: Tcb): void {
  tcb.rtoMs = Math.min(tcb.parameters.maxRtoMs, tcb.rtoMs * 2)
}
