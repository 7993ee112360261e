/**
 * While a simulation runs, the global time, timers and randomness of the process throw: a daemon that finds them by itself would not
 * repeat. The lint rule says the same of our sources; this says it of what they call, too. The database engine's WebAssembly asks for the
 * date; it is told the simulation's.
 */
import type { Clock } from '@lodestone/host'

/** Whoever calls from there may look at the clock: it gets virtual time, so it repeats as well. */
const DATABASE = /[\\/]@electric-sql[\\/]pglite[\\/]/

let isInDatabase = false

/** Runs `work` as the database engine's: synchronous, and it may look at the clock. */
export function asDatabase<T>(work: () => T): T {
  const before = isInDatabase
  isInDatabase = true
  try {
    return work()
  } finally {
    isInDatabase = before
  }
}

export class AmbientUse extends Error {}

const RealDate = globalThis.Date

/** Its timers of before the guard call it from nowhere. */
function isDatabase(): boolean {
  return isInDatabase || DATABASE.test(new Error('who asks').stack ?? '')
}

/** Puts throwing functions in the place of ambient ones. @returns puts everything back. */
export function guardAmbient(clock: Clock): () => void {
  const dateMs = (what: string): number => {
    if (isDatabase()) return clock.wallMs()
    throw new AmbientUse(`${what} was used in virtual time; a daemon has to be given what it needs`)
  }
  const refuse = (what: string) => (): never => {
    throw new AmbientUse(`${what} was used in virtual time; a daemon has to be given what it needs`)
  }
  class GuardedDate extends RealDate {
    constructor(...parts: [] | [string | number | Date]) {
      if (parts.length === 0) super(dateMs('new Date()'))
      // because the other forms of the constructor only convert
      else super(...(parts as [number]))
    }

    /** Dates that were made before the guard, or by Node itself, are dates too. */
    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof RealDate
    }

    static override now(): number {
      return dateMs('Date.now')
    }
  }
  const undo: (() => void)[] = []
  const replace = (owner: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(owner, name)
    Object.defineProperty(owner, name, { value, configurable: true, writable: true })
    undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(owner, name)
      else Object.defineProperty(owner, name, before)
    })
  }
  replace(globalThis, 'Date', GuardedDate)
  replace(Math, 'random', refuse('Math.random'))
  // The database engine's own timers (when to write statistics) never fire here.
  replace(globalThis, 'setTimeout', () => {
    if (!isDatabase()) refuse('setTimeout')()
  })
  for (const name of ['setInterval', 'setImmediate', 'fetch']) {
    replace(globalThis, name, refuse(name))
  }
  replace(globalThis.performance, 'now', () => dateMs('performance.now'))
  replace(globalThis.crypto, 'randomUUID', refuse('crypto.randomUUID'))
  replace(globalThis.crypto, 'getRandomValues', refuse('crypto.getRandomValues'))
  return () => {
    for (const each of undo.toReversed()) each()
  }
}
