/** Waiting for something outside of this process: asked again and again until it is so. */
const PAUSE_MS = 100

/**
 * @param what for the message when it does not come true.
 * @param ask its answer is the result once it is neither false nor undefined; an exception is "not yet".
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 45_000,
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

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
