/**
 * How many ICMP errors a port may send: a token bucket, so that a flood of bad packets does not become a flood of errors
 * (RFC 1812 §4.3.2.8, RFC 4443 §2.4(f)).
 */
const PER_SECOND = 100
const BURST = 50

export class ErrorBudget {
  #tokens = BURST
  #atMs: number

  constructor(nowMs: number) {
    this.#atMs = nowMs
  }

  /** Takes one, if there is one. */
  take(nowMs: number): boolean {
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#atMs) / 1000) * PER_SECOND)
    this.#atMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
