/**
 * Work that is done in pieces, so that packets can pass in between: a generator that yields after each piece. The same
 * generator serves those who want the result at once.
 */

export type Steps<T> = Generator<undefined, T, undefined>

/** How many rules make a piece: some tens of microseconds. */
export const RULES_PER_STEP = 8

export function runSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Calls `fn` for each item, a piece at a time, until it says something. @returns that. */
export function* findInSteps<T, U>(
  items: readonly T[],
  fn: (item: T, index: number) => U | undefined,
): Steps<U | undefined> {
  for (let i = 0; i < items.length; i++) {
    if (i % RULES_PER_STEP === RULES_PER_STEP - 1) yield
    const found = fn(items[i]!, i)
    if (found !== undefined) return found
  }
  return undefined
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

/** How many items are sorted or merged in one piece. */
export const SORTED_PER_STEP = 64

/** As `toSorted`, stable, a piece at a time: runs of some items are sorted, then merged by pairs. */
export function* sortInSteps<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<T[]> {
  let from: T[] = []
  for (let i = 0; i < items.length; i += SORTED_PER_STEP) {
    from.push(...items.slice(i, i + SORTED_PER_STEP).sort(compare))
    yield
  }
  for (let length = SORTED_PER_STEP; length < from.length; length *= 2) {
    const to: T[] = []
    for (let start = 0; start < from.length; start += 2 * length) {
      const middle = Math.min(start + length, from.length)
      const end = Math.min(middle + length, from.length)
      let left = start
      let right = middle
      while (left < middle || right < end) {
        const takesLeft = left < middle && (right >= end || compare(from[left]!, from[right]!) <= 0)
        to.push(takesLeft ? from[left++]! : from[right++]!)
        if (to.length % SORTED_PER_STEP === 0) yield
      }
    }
    from = to
  }
  return from
}
