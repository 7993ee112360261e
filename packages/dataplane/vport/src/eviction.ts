/** Whom to forget first when a port's table is full. */
import { NO_TCP } from './connection.ts'
import { TCP_TTL_S, TcpState } from './tcp-state.ts'

/** For those that the rules refuse: they go before all others. */
export const REFUSED_SCORE = 1e6

/**
 * How well a connection can be spared; 0: it stays. Established ones go last and only after a minute of silence; closing
 * ones grow evictable from 5 s to 120 s, half-open ones after 2.5 s, anything but TCP always, the longest idle first.
 */
export function evictionScore(tcpState: number, idleS: number): number {
  if (tcpState === NO_TCP) return 3 + idleS
  if (tcpState === TcpState.established) return idleS >= 60 ? 0.001 : 0
  if (TCP_TTL_S[tcpState] === 5) return idleS >= 2.5 ? 1 + Math.min(1, (idleS - 2.5) / 2.5) : 0
  return idleS >= 5 ? Math.min(1, 0.01 + (idleS - 5) / 115) : 0
}
