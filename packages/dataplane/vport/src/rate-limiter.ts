/** What a port may send or receive, as a token bucket of bytes with the words for what it refuses. */
import type { RateLimit } from './port-config.ts'
import { TokenBucket } from './token-bucket.ts'

export class RateLimiter extends TokenBucket {
  /** For people. */
  readonly text: string

  constructor(limit: RateLimit, nowMs: number) {
    super(limit.bitsPerSecond / 8, limit.burstBytes, nowMs)
    this.text = `more than ${limit.bitsPerSecond / 1e6} Mb/s with bursts of ${limit.burstBytes} bytes`
  }
}

/** A limiter that goes on where its limit is the same as before. */
export function limiterOf(
  limit: RateLimit | undefined,
  before: { readonly limit: RateLimit | undefined; readonly limiter: RateLimiter | undefined },
  nowMs: number,
): RateLimiter | undefined {
  if (limit === undefined) return undefined
  const isSame = before.limit?.bitsPerSecond === limit.bitsPerSecond && before.limit.burstBytes === limit.burstBytes
  return isSame && before.limiter !== undefined ? before.limiter : new RateLimiter(limit, nowMs)
}
