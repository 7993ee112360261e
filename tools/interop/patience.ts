/** Waiting for something outside of this process: asked again and again until it is so. */
const PAUSE_MS = 100
/** Between two looks at the time. */
const LOOK_MS = 10
/** So long that only what never comes true takes it, also where processors are shared. */
const PATIENCE_MS = 300_000

/**
 * @param what for the message when it does not come true.
 * @param ask its answer is the result once it is neither false nor undefined; an exception is "not yet".
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = PATIENCE_MS,
): Promise<T> {
  const untilMs = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== false && answer !== undefined) return answer
      last = undefined
    } catch (error) {
      last = error
    }
    if (performance.now() > untilMs) {
      throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last })
    }
    await pause(PAUSE_MS)
  }
}

/** How long this process has not been given a processor at a time, at most: `stop` says, in milliseconds. */
export function watchStandstill(): { readonly stop: () => number } {
  let [lastMs, longestMs] = [performance.now(), 0]
  const look = (): number => {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
    return longestMs
  }
  const timer = setInterval(look, LOOK_MS)
  return {
    stop() {
      clearInterval(timer)
      return look()
    },
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
