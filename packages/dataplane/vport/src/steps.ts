/**
 * Work that is done in pieces, so that packets can pass in between: a generator that yields after each piece. The same
 * generator serves those who want the result at once.
 */

export type Steps<T> = Generator<undefined, T, undefined>

/** How many rules make a piece: some tens of microseconds. */
export const RULES_PER_STEP = 16

export function runSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Calls `fn` for each item, a piece at a time. */
export function* mapInSteps<T, U>(items: readonly T[], fn: (item: T, index: number) => U): Steps<U[]> {
  const result: U[] = []
  for (let i = 0; i < items.length; i++) {
    if (i % RULES_PER_STEP === RULES_PER_STEP - 1) yield
    result.push(fn(items[i]!, i))
  }
  return result
}
