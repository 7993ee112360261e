/** What a session is configured with, and what of it makes no sense. Intervals are in microseconds, as on the wire. */
import { type Authentication, checkAuthentication } from './authenticator.ts'

export interface SessionConfig {
  /** How often we want to send while Up. */
  readonly desiredMinTxUs: number
  /** How often we can stand to receive. */
  readonly requiredMinRxUs: number
  /** 1 … 255: how many of our packets the peer may miss. */
  readonly detectMult: number
  /** Sends nothing until the peer was heard. */
  readonly isPassive: boolean
  readonly isMultihop: boolean
  readonly authentication?: Authentication | undefined
  /** How often we want to send echo packets; undefined: never. Single hop only (RFC 5883 §3). */
  readonly echoMinTxUs?: number | undefined
  /** How often we return echo packets; 0: not at all. */
  readonly requiredMinEchoRxUs: number
  /**
   * Timers end on multiples of this, so that many sessions share a wake-up; 0: exactly when due. Sending moves only
   * earlier and stays within the jitter; detection moves only later.
   */
  readonly alignmentMs: number
  /** Uniform in [0, 1). */
  readonly jitter: () => number
}

const MIN_INTERVAL_US = 1000
const MAX_INTERVAL_US = 0xffff_ffff

/** @returns what is wrong, in words; undefined when the configuration can be used. */
export function checkSessionConfig(config: SessionConfig): string | undefined {
  const problem =
    checkInterval('desired min TX interval', config.desiredMinTxUs) ??
    checkInterval('required min RX interval', config.requiredMinRxUs) ??
    (config.echoMinTxUs === undefined ? undefined : checkInterval('echo interval', config.echoMinTxUs)) ??
    (config.requiredMinEchoRxUs === 0 ? undefined : checkInterval('required echo interval', config.requiredMinEchoRxUs))
  if (problem !== undefined) return problem
  if (!Number.isInteger(config.detectMult) || config.detectMult < 1 || config.detectMult > 255) {
    return `detect multiplier ${config.detectMult} is not in 1 … 255`
  }
  if (config.isMultihop && (config.echoMinTxUs !== undefined || config.requiredMinEchoRxUs !== 0)) {
    return 'a multihop session has no echo function'
  }
  return config.authentication === undefined ? undefined : checkAuthentication(config.authentication)
}

function checkInterval(what: string, us: number): string | undefined {
  if (Number.isInteger(us) && us >= MIN_INTERVAL_US && us <= MAX_INTERVAL_US) return undefined
  return `${what} ${us} us is not a whole number in ${MIN_INTERVAL_US} … ${MAX_INTERVAL_US}`
}
