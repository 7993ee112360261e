/** Runs the tests of a laboratory one after the other and says how each went. */
import type { Clock } from '@lodestone/host'
import type { LabClient } from '../control/lab-api.ts'
import { ClaimError, type LabTest, LabUnderTest } from './lab-test.ts'

export interface TestOutcome {
  readonly name: string
  readonly ok: boolean
  /** Why not. */
  readonly message: string | undefined
  /** On the laboratory's clock. */
  readonly elapsedMs: number
}

/** @param wait drives the clock while a promise is pending: on a virtual clock nothing happens otherwise. */
export async function runTests(
  tests: readonly LabTest[],
  client: LabClient,
  clock: Clock,
  wait: <T>(promise: Promise<T>) => Promise<T>,
  onOutcome: (outcome: TestOutcome) => void = () => undefined,
): Promise<readonly TestOutcome[]> {
  const outcomes: TestOutcome[] = []
  for (const test of tests) {
    const startMs = clock.nowMs()
    let message: string | undefined
    try {
      await wait(limited(clock, test))
    } catch (error) {
      message =
        error instanceof ClaimError
          ? error.message
          : error instanceof Error
            ? (error.stack ?? error.message)
            : String(error)
    }
    const outcome = { name: test.name, ok: message === undefined, message, elapsedMs: clock.nowMs() - startMs }
    outcomes.push(outcome)
    onOutcome(outcome)
    // What a test broke is no business of the next one.
    await wait(client.fault({ body: { kind: 'heal' } }))
  }
  return outcomes

  function limited(on: Clock, test: LabTest): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = on.after(test.timeoutMs, () => reject(new ClaimError(`did not end within ${test.timeoutMs} ms`)))
      test
        .run(new LabUnderTest(client, on))
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }
}
