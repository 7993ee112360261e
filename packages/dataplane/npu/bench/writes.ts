/**
 * Control-plane writes: entries a second, and the longest time that one write took, for every kind of table, inserting,
 * modifying and deleting. Packets cannot flow meanwhile, so the longest write is the pause they see. On a shared machine a
 * thread may stand still for as long as others like: writes near which the kernel took the processor away do not count as
 * pauses (`involuntaryContextSwitches`). Rates are medians over blocks, so they suffer from others as well.
 */
import type { KeySet } from '@lodestone/p4'
import { createPipeline, type Entry, type Pipeline } from '../src/index.ts'
import { arenaOf, generator, medianOf, print, type Row } from './harness.ts'
import { exact, tableProgram } from './tables.ts'

interface Kind {
  readonly name: string
  readonly count: number
  readonly make: () => Pipeline
  readonly key: (k: number, random: number) => readonly KeySet[]
  readonly hasPriority: boolean
}

function kind(name: string, count: number, keys: Parameters<typeof tableProgram>[0], key: Kind['key']): Kind {
  const hasPriority = keys.some(({ match }) => match === 'ternary' || match === 'range' || match === 'optional')
  const make = (): Pipeline => createPipeline(tableProgram(keys, count), { arena: arenaOf(), nowMs: () => 0 })
  return { name, count, make, key, hasPriority }
}

const KINDS: readonly Kind[] = [
  kind('exact, 128-bit key', 300_000, [{ match: 'exact', width: 128 }], (k, random) => [
    exact((BigInt(random) << 64n) | BigInt(k)),
  ]),
  kind('exact, 16-bit key', 65_536, [{ match: 'exact', width: 16 }], (k) => [exact(BigInt(k))]),
  kind('lpm, 32-bit key', 100_000, [{ match: 'lpm', width: 32 }], (k) => {
    const length = 20 + (k % 13)
    const value = BigInt(Math.imul(k, 2654435761) >>> 0)
    return [{ kind: 'lpm', value: value & (0xffffffffn ^ ((1n << BigInt(32 - length)) - 1n)), length }]
  }),
  kind('lpm, 128-bit key', 100_000, [{ match: 'lpm', width: 128 }], (k, random) => {
    const length = 48 + (k % 17)
    const value = (BigInt(random) << 96n) | (BigInt(Math.imul(k, 2654435761) >>> 0) << 64n)
    return [{ kind: 'lpm', value: (value >> BigInt(128 - length)) << BigInt(128 - length), length }]
  }),
  kind(
    'ternary, 4 keys, 256 masks',
    100_000,
    [32, 32, 16, 8].map((width) => ({ match: 'ternary', width })),
    (k, random) => {
      const mask = 0xffffff00n | BigInt(k & 0xff)
      return [
        { kind: 'ternary', value: BigInt(k) & mask, mask },
        { kind: 'ternary', value: BigInt(random), mask: 0xffffffffn },
        exact(BigInt(k & 0xffff)),
        { kind: 'any' },
      ]
    },
  ),
  kind(
    'exact and range',
    100_000,
    [
      { match: 'exact', width: 32 },
      { match: 'range', width: 16 },
    ],
    (k) => {
      const low = BigInt((k % 4) * 16384)
      return [exact(BigInt(k >> 2)), { kind: 'range', low, high: low + 16383n }]
    },
  ),
  kind(
    'optional',
    100_000,
    [
      { match: 'optional', width: 32 },
      { match: 'optional', width: 32 },
    ],
    (k, random) => [exact(BigInt(k)), exact(BigInt(random))],
  ),
]

const BLOCK = 4096
/** Of the writes that are watched: what the block itself keeps alive is time of the collector, and not the table's. */
const WATCHED_BLOCK = 256
const ROUNDS = 2
/** Writes between two looks at the interruptions. */
const WINDOW = 32
const OPERATIONS = ['add', 'modify', 'delete'] as const

type Operation = (typeof OPERATIONS)[number]

/** Writes every entry; `around` gets a block of writes at a time, made outside its clock. */
function writeAll(
  one: Kind,
  pipeline: Pipeline,
  operation: Operation,
  blockSize: number,
  around: (writes: readonly (() => boolean)[]) => number,
): number {
  const next = generator(3)
  let written = 0
  for (let from = 0; from < one.count; from += blockSize) {
    const writes = Array.from({ length: Math.min(blockSize, one.count - from) }, (_, i) => {
      const k = from + i
      const entry: Entry = {
        keys: one.key(k, next()),
        ...(one.hasPriority ? { priority: next() % 1_000_000 } : {}),
        action: 'send',
        parameters: [BigInt(k & 0xffff)],
      }
      if (operation === 'add') return () => pipeline.addEntry('table', entry).ok
      if (operation === 'modify') return () => pipeline.modifyEntry('table', entry).ok
      return () => pipeline.deleteEntry('table', entry).ok
    })
    written += around(writes)
  }
  return written
}

function run(one: Kind): Record<Operation, { readonly perSecond: number; readonly longestMs: number }> {
  const rates = OPERATIONS.map((): number[] => [])
  const longest = OPERATIONS.map(() => 0)
  for (let round = 0; round < ROUNDS; round++) {
    const paced = one.make()
    const watched = one.make()
    for (const [index, operation] of OPERATIONS.entries()) {
      const written = writeAll(one, paced, operation, BLOCK, (writes) => {
        const started = performance.now()
        let count = 0
        for (const write of writes) if (write()) count++
        rates[index]!.push(writes.length / ((performance.now() - started) / 1000))
        return count
      })
      if (written < 0.9 * one.count) throw new Error(`${operation}: only ${written} of ${one.count} entries`)
      writeAll(one, watched, operation, WATCHED_BLOCK, (writes) => {
        longest[index] = Math.max(longest[index]!, longestWrite(writes))
        return writes.length
      })
    }
  }
  const figures = OPERATIONS.map((operation, index) => {
    return [operation, { perSecond: medianOf(rates[index]!), longestMs: longest[index]! }] as const
  })
  return Object.fromEntries(figures) as ReturnType<typeof run>
}

/** In milliseconds, leaving out windows of writes in which the thread was interrupted. */
function longestWrite(writes: readonly (() => boolean)[]): number {
  let longest = 0
  for (let from = 0; from < writes.length; from += WINDOW) {
    const interruptions = process.resourceUsage().involuntaryContextSwitches
    let worst = 0
    let before = performance.now()
    for (let k = from; k < Math.min(from + WINDOW, writes.length); k++) {
      writes[k]!()
      const now = performance.now()
      if (now - before > worst) worst = now - before
      before = now
    }
    if (process.resourceUsage().involuntaryContextSwitches === interruptions) longest = Math.max(longest, worst)
  }
  return longest
}

function rows(): Row[] {
  return KINDS.map((one) => {
    const figures = run(one)
    const operations = OPERATIONS.map((name) => ({ name, ...figures[name] }))
    return {
      what: `control-plane writes: ${one.name}, ${one.count} entries`,
      mustReach: '100 000 entries/s, no pause over 5 ms',
      reached: operations
        .map(
          ({ name, perSecond, longestMs }) =>
            `${name} ${Math.round(perSecond / 1000)} k/s (${longestMs.toFixed(1)} ms)`,
        )
        .join(', '),
      isReached: operations.every(({ perSecond, longestMs }) => perSecond >= 100_000 && longestMs <= 5),
    }
  })
}

if (import.meta.main) print(rows())
