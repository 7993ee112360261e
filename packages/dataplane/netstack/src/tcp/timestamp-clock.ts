/** The clock of a connection's timestamps (RFC 7323 §5.4): one tick a millisecond, moved by an offset that only this host knows. */
import type { Tcb } from './tcb.ts'

/** What a segment sent at `nowMs` is stamped with. Never 0, which an echo uses for "none". */
export function timestampAt(tcb: Tcb, nowMs: number): number {
  return (Math.floor(nowMs) + tcb.timestampOffset) >>> 0 || 1
}
