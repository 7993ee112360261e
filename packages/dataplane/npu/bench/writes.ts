/**
 * Control-plane writes: entries a second, and the longest time that one write took, for every kind of table, inserting,
 * modifying and deleting. Packets cannot flow meanwhile, so the longest write is the pause they see.
 *
 * On a shared machine a thread stands still for as long as others like. So the longest write of all rounds is told by the clock,
 * and without what the thread waited for a processor (Linux tells it, to the nanosecond, for the `WINDOW` writes around), which
 * must stay below the limit; what a hypervisor takes is told nowhere and stays in. Thread processor time would be plainer, but
 * kernels keep it in steps of some milliseconds. Young garbage is collected by this thread alone: helper threads shorten
 * that by tenths of a millisecond, and on a busy machine it waits ten for them. Rates are medians over blocks, and suffer
 * from others too.
 */
import { readFileSync } from 'node:fs'
import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
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

/** Writes of which a rate is taken. */
const BLOCK = 64
const ROUNDS = 3
/** Writes between two looks at what the thread waited. */
const WINDOW = 32
const OPERATIONS = ['add', 'modify', 'delete'] as const

type Operation = (typeof OPERATIONS)[number]

/**
 * The entries of a table, one at a time: what many entries made beforehand cost the collector would be the benchmark's own,
 * and once V8 sees that they survive, it makes their like in the old generation from the start.
 */
function entriesOf(one: Kind): () => Entry {
  const next = generator(3)
  let k = 0
  return () => {
    const entry: Entry = {
      keys: one.key(k, next()),
      ...(one.hasPriority ? { priority: next() % 1_000_000 } : {}),
      action: 'send',
      parameters: [BigInt(k & 0xffff)],
    }
    k++
    return entry
  }
}

function write(pipeline: Pipeline, operation: Operation, entry: Entry): boolean {
  if (operation === 'add') return pipeline.addEntry('table', entry).ok
  if (operation === 'modify') return pipeline.modifyEntry('table', entry).ok
  return pipeline.deleteEntry('table', entry).ok
}

setFlagsFromString('--expose-gc')
/** After the making of a pipeline, which moves the collector to start, but not to end before there are writes. */
const collect = runInNewContext('gc') as () => void

const NO_SPAN = { ms: 0, from: 0, to: 0 }

/** When a write began and ended, and how long it took: by the clock, or without what the thread waited. */
interface Span {
  readonly ms: number
  readonly from: number
  readonly to: number
}

/** The longest write of a round. */
interface Pause {
  readonly byClock: Span
  readonly own: Span
}

interface Figure {
  readonly perSecond: number
  /** Of all rounds. */
  readonly own: Span
  /** Of all rounds. */
  readonly byClock: Span
  /** How much of a span was garbage collection. */
  readonly collectorMs: (span: Span) => number
}

async function run(one: Kind): Promise<Record<Operation, Figure>> {
  const rates = OPERATIONS.map((): number[] => [])
  const pauses = OPERATIONS.map((): Pause[] => [])
  const collections: { readonly from: number; readonly to: number }[] = []
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      collections.push({ from: startTime, to: startTime + duration })
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  for (let round = 0; round < ROUNDS; round++) {
    const paced = one.make()
    const watched = one.make()
    collect()
    for (const [index, operation] of OPERATIONS.entries()) {
      const written = pace(one, paced, operation, rates[index]!)
      if (written < 0.9 * one.count) throw new Error(`${operation}: only ${written} of ${one.count} entries`)
      pauses[index]!.push(watch(one, watched, operation))
    }
  }
  // What was collected is told in later turns of the event loop.
  for (let turn = 0; turn < 4; turn++) await setImmediate()
  observer.disconnect()
  const collectorMs = (span: Span): number =>
    collections.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)), 0)
  const figures = OPERATIONS.map((operation, index) => {
    const own = pauses[index]!.map((pause) => pause.own).toSorted((a, b) => b.ms - a.ms)[0]!
    const byClock = pauses[index]!.map((pause) => pause.byClock).toSorted((a, b) => b.ms - a.ms)[0]!
    return [operation, { perSecond: medianOf(rates[index]!), own, byClock, collectorMs }] as const
  })
  return Object.fromEntries(figures) as Record<Operation, Figure> // because OPERATIONS are the keys
}

/** Writes every entry and notes how many a second. @returns how many were written */
function pace(one: Kind, pipeline: Pipeline, operation: Operation, rates: number[]): number {
  const next = entriesOf(one)
  let written = 0
  for (let first = 0; first < one.count; first += BLOCK) {
    const entries = Array.from({ length: Math.min(BLOCK, one.count - first) }, next)
    const started = performance.now()
    for (const entry of entries) if (write(pipeline, operation, entry)) written++
    rates.push(entries.length / ((performance.now() - started) / 1000))
  }
  return written
}

/** Writes every entry and notes the longest write. */
function watch(one: Kind, pipeline: Pipeline, operation: Operation): Pause {
  const next = entriesOf(one)
  let byClock: Span = NO_SPAN
  let own: Span = NO_SPAN
  for (let first = 0; first < one.count; first += WINDOW) {
    const waited = waitedMs()
    let worst: Span = NO_SPAN
    for (let k = first; k < Math.min(first + WINDOW, one.count); k++) {
      const entry = next()
      const from = performance.now()
      write(pipeline, operation, entry)
      const to = performance.now()
      if (to - from > worst.ms) worst = { ms: to - from, from, to }
    }
    if (worst.ms > byClock.ms) byClock = worst
    if (worst.ms <= own.ms) continue
    const ms = worst.ms - (waitedMs() - waited)
    if (ms > own.ms) own = { ...worst, ms }
  }
  return { byClock, own }
}

/** How long this thread has been ready to run and did not, since it began; 0 where that is not told. */
function waitedMs(): number {
  if (process.platform !== 'linux') return 0
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
}

async function rows(): Promise<Row[]> {
  setFlagsFromString('--no-parallel-scavenge')
  const found: Row[] = []
  for (const one of KINDS) {
    const figures = await run(one)
    const operations = OPERATIONS.map((name) => ({ name, ...figures[name] }))
    const text = ({ name, perSecond, own, byClock, collectorMs }: (typeof operations)[number]): string => {
      const [withoutWaits, longest] = [own, byClock].map((span) => {
        const collector = collectorMs(span)
        return `${span.ms.toFixed(1)} ms${collector >= 0.1 ? ` with ${collector.toFixed(1)} of collection` : ''}`
      })
      return `${name} ${Math.round(perSecond / 1000)} k/s (${withoutWaits}; by the clock ${longest})`
    }
    found.push({
      what: `control-plane writes: ${one.name}, ${one.count} entries`,
      mustReach: '100 000 entries/s, no pause over 5 ms',
      reached: operations.map(text).join(', '),
      isReached: operations.every(({ perSecond, own }) => perSecond >= 100_000 && own.ms <= 5),
    })
  }
  return found
}

if (import.meta.main) print(await rows())
