/**
 * Control-plane writes: entries a second, and the longest time that one write took, for every kind of table, inserting,
 * modifying and deleting. Packets cannot flow meanwhile, so the longest write is the pause they see.
 *
 * On a shared machine a thread stands still for as long as others like, so the longest write of all rounds is told twice: by the
 * clock, and by the thread's processor time, which is what the write itself does, page faults and collection of young garbage
 * included. The latter must stay below the limit. A collection of the whole heap counts with its full length by the clock, since
 * other threads have a part in it. After each round a control, a loop that does nothing, runs for as long as the round's writes
 * took and looks at the same clocks: what stands still in it is not the writes' doing.
 *
 * Young garbage is collected by this thread alone: helper threads shorten that by tenths of a millisecond, and on a busy
 * machine it waits ten for them. Rates are medians over blocks, and suffer from others too.
 *
 *     node packages/dataplane/npu/bench/writes.ts [--json] [PART OF A KIND'S NAME…]
 */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { KeySet } from '@lodestone/p4'
import { createPipeline, type Entry, type Pipeline } from '../src/index.ts'
import { arenaOf, generator, medianOf, print, type Row } from './harness.ts'
import { exact, tableProgram } from './tables.ts'
import { plus, type Standing, standing, threadMs } from './thread-clock.ts'

interface Kind {
  readonly name: string
  readonly count: number
  readonly make: () => Pipeline
  readonly key: (k: number, random: number) => readonly KeySet[]
  readonly hasPriority: boolean
}

function kind(
  name: string,
  count: number,
  keys: Parameters<typeof tableProgram>[0],
  key: Kind['key'],
  isSizeDeclared = true,
): Kind {
  const hasPriority = keys.some(({ match }) => match === 'ternary' || match === 'range' || match === 'optional')
  const program = tableProgram(keys, isSizeDeclared ? count : undefined)
  const make = (): Pipeline => createPipeline(program, { arena: arenaOf(), nowMs: () => 0 })
  return { name, count, make, key, hasPriority }
}

const KINDS: readonly Kind[] = [
  kind('exact, 128-bit key', 300_000, [{ match: 'exact', width: 128 }], (k, random) => [
    exact((BigInt(random) << 64n) | BigInt(k)),
  ]),
  kind(
    'exact, 128-bit key, no size declared',
    300_000,
    [{ match: 'exact', width: 128 }],
    (k, random) => [exact((BigInt(random) << 64n) | BigInt(k))],
    false,
  ),
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
  // All in one chain.
  kind('range, 16-bit key', 1000, [{ match: 'range', width: 16 }], (k, random) => [
    { kind: 'range', low: BigInt(k), high: BigInt(k + (random % 1000)) },
  ]),
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
/** Writes that took longer by the clock are kept, and compared with collections of garbage when those are known. */
const LONG_MS = 0.05
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

/** One write that took long, or one look of the control. */
interface Span {
  /** By the clock, as `performance.now()` tells. */
  readonly from: number
  readonly to: number
  readonly threadMs: number
}

/** What an observer of garbage collections is told. */
interface Collection extends PerformanceEntry {
  readonly detail: { readonly kind: number }
}

/** The longest of many writes. */
interface Pause {
  /** What the writes themselves need: `repeatedMs`, or one with a collection of garbage in it. */
  readonly ownMs: number
  /** By the thread's processor time, over all rounds. */
  readonly threadMs: number
  /** By the clock, over all rounds. */
  readonly clockMs: number
}

interface Figure {
  readonly perSecond: number
  readonly pause: Pause
}

interface Figures {
  readonly operations: Record<Operation, Figure>
  readonly control: Omit<Pause, 'ownMs'>
  readonly written: Standing
  readonly controlled: Standing
}

/** Processor time of each write of a round. */
type Round = Float32Array<ArrayBuffer>

const NOTHING: Standing = { waitedMs: 0, putAside: 0, stolenMs: 0, faults: 0 }

async function run(one: Kind): Promise<Figures> {
  const rates = OPERATIONS.map((): number[] => [])
  const rounds = OPERATIONS.map((): Round[] => Array.from({ length: ROUNDS }, () => new Float32Array(one.count)))
  const long = OPERATIONS.map((): Span[] => [])
  const idle: Span[] = []
  const collections: Collection[] = []
  const observer = new PerformanceObserver((list) => collections.push(...(list.getEntries() as Collection[])))
  observer.observe({ entryTypes: ['gc'] })
  let written = NOTHING
  let controlled = NOTHING
  for (let round = 0; round < ROUNDS; round++) {
    const paced = one.make()
    const watched = one.make()
    collect()
    for (const [index, operation] of OPERATIONS.entries()) {
      const count = pace(one, paced, operation, rates[index]!)
      if (count < 0.9 * one.count) throw new Error(`${operation}: only ${count} of ${one.count} entries`)
      const before = standing()
      const spentMs = watch(one, watched, operation, rounds[index]![round]!, long[index]!)
      const after = standing()
      spin(spentMs, idle)
      written = plus(written, before, after)
      controlled = plus(controlled, after, standing())
    }
  }
  // What was collected is told in later turns of the event loop.
  for (let turn = 0; turn < 4; turn++) await setImmediate()
  observer.disconnect()
  const figures = OPERATIONS.map((operation, index) => {
    const ownMs = Math.max(repeatedMs(rounds[index]!), collectedMs(long[index]!, collections))
    return [operation, { perSecond: medianOf(rates[index]!), pause: { ownMs, ...worstOf(long[index]!) } }] as const
  })
  return {
    operations: Object.fromEntries(figures) as Record<Operation, Figure>, // because OPERATIONS are the keys
    control: worstOf(idle),
    written,
    controlled,
  }
}

/** The longest write, each taken as the median of its rounds. */
function repeatedMs(rounds: readonly Round[]): number {
  let worst = 0
  const same = new Float64Array(rounds.length)
  for (let k = 0; k < rounds[0]!.length; k++) {
    for (let round = 0; round < same.length; round++) same[round] = rounds[round]![k]!
    same.sort()
    worst = Math.max(worst, same[same.length >> 1]!)
  }
  return worst
}

/** The longest write in which garbage was collected. */
function collectedMs(spans: readonly Span[], collections: readonly Collection[]): number {
  let worst = 0
  for (const span of spans) {
    for (const { startTime, duration, detail } of collections) {
      const ms = Math.min(startTime + duration, span.to) - Math.max(startTime, span.from)
      if (ms <= 0) continue
      // Other threads have a part in a collection of the whole heap, for which this one waits.
      worst = Math.max(worst, span.threadMs, detail.kind === constants.NODE_PERFORMANCE_GC_MINOR ? 0 : ms)
    }
  }
  return worst
}

function worstOf(spans: readonly Span[]): Omit<Pause, 'ownMs'> {
  return {
    threadMs: spans.reduce((worst, span) => Math.max(worst, span.threadMs), 0),
    clockMs: spans.reduce((worst, { from, to }) => Math.max(worst, to - from), 0),
  }
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

/** Writes every entry and notes how long each took. @returns how long all took by the clock */
function watch(one: Kind, pipeline: Pipeline, operation: Operation, spent: Round, long: Span[]): number {
  const next = entriesOf(one)
  let sumMs = 0
  for (let k = 0; k < one.count; k++) {
    const entry = next()
    const before = threadMs()
    const from = performance.now()
    write(pipeline, operation, entry)
    const to = performance.now()
    // What passed between the looks at the two clocks is not the write's.
    const ms = Math.min(threadMs() - before, to - from)
    spent[k] = ms
    sumMs += to - from
    if (to - from > LONG_MS) long.push({ from, to, threadMs: ms })
  }
  return sumMs
}

/** Does nothing but look at the clocks for so long, and notes when they jump. */
function spin(ms: number, long: Span[]): void {
  let from = performance.now()
  let before = threadMs()
  for (const end = from + ms; from < end;) {
    const to = performance.now()
    const now = threadMs()
    if (to - from > LONG_MS || now - before > LONG_MS) long.push({ from, to, threadMs: now - before })
    from = to
    before = now
  }
}

async function rows(): Promise<Row[]> {
  setFlagsFromString('--no-parallel-scavenge')
  const found: Row[] = []
  const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'))
  for (const one of KINDS) {
    if (asked.length > 0 && !asked.some((word) => one.name.includes(word))) continue
    const { operations, control, written, controlled } = await run(one)
    const text = (name: Operation): string => {
      const { perSecond, pause } = operations[name]
      return `${name} ${Math.round(perSecond / 1000)} k/s (${pause.ownMs.toFixed(1)} ms; ${clocksText(pause)})`
    }
    found.push({
      what: `control-plane writes: ${one.name}, ${one.count} entries`,
      mustReach: '100 000 entries/s, no pause over 5 ms',
      reached:
        `${OPERATIONS.map(text).join(', ')}; ${standingText(written)}, ${written.faults} page faults; ` +
        `a loop that does nothing: ${clocksText(control)}, ${standingText(controlled)}`,
      isReached: OPERATIONS.every((name) => operations[name].perSecond >= 100_000 && operations[name].pause.ownMs <= 5),
    })
  }
  return found
}

function clocksText({ threadMs, clockMs }: Omit<Pause, 'ownMs'>): string {
  return `thread ${threadMs.toFixed(1)}, clock ${clockMs.toFixed(1)}`
}

function standingText({ waitedMs, putAside, stolenMs }: Standing): string {
  return `put aside ${putAside} times for ${(waitedMs / 1000).toFixed(2)} s, ${(stolenMs / 1000).toFixed(2)} s stolen`
}

if (import.meta.main) print(await rows())
