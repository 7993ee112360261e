/**
 * What the rows of the benchmark share: the random generator (the C programs use the same one, so that both sides see
 * the same entries and packets), the loop that times batches, and the form of a row.
 *
 * Filling frames is the link's work, not the pipeline's, and stays outside the clock. Times are per batch, and the median of
 * the second half counts: other work on the machine spoils means, and the first half is warm-up, in which V8 replaces its
 * baseline code by optimised code. Where two figures are compared, their rounds are interleaved.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena } from '@lodestone/frame'
import { type Batch, createBatch, type Pipeline } from '../src/index.ts'

export const BATCH = 256

/** One line of the table. */
export interface Row {
  readonly what: string
  readonly mustReach: string
  readonly reached: string
  readonly isReached: boolean
}

/** xorshift32. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}

export function arenaOf(): Arena {
  return new Arena({ slots: 4 * BATCH, slotBytes: 2048 })
}

/** Traffic: packets of a number of flows in random order, one after the other into batches. */
export class Traffic {
  readonly #arena: Arena
  readonly #image: Uint8Array
  readonly #frameBytes: number
  readonly #port: number
  readonly #flows: number
  readonly #next = generator(7)
  readonly batch: Batch = createBatch(BATCH)

  /** @param image the frames of all flows in one piece; the first `flows` of them are sent. */
  constructor(arena: Arena, image: Uint8Array, port: number, flows: number, frameBytes = 64) {
    this.#arena = arena
    this.#image = image
    this.#port = port
    this.#flows = flows
    this.#frameBytes = frameBytes
  }

  fill(): void {
    const { batch } = this
    for (let i = 0; i < BATCH; i++) {
      const slot = this.#arena.alloc(this.#frameBytes)
      const from = this.#frameBytes * (this.#next() % this.#flows)
      this.#arena.bytes.set(this.#image.subarray(from, from + this.#frameBytes), this.#arena.start(slot))
      batch.slots[i] = slot
      batch.ports[i] = this.#port
    }
    batch.count = BATCH
  }

  /** Gives back what came out. */
  drain(): void {
    for (let i = 0; i < this.batch.outCount; i++) this.#arena.free(this.batch.outSlots[i]!)
  }
}

/** Nanoseconds per packet: the median over the second half of the batches. */
export function measure(pipeline: Pipeline, traffic: Traffic, packets: number, mayDrop = false): number {
  const batches = Math.floor(packets / BATCH)
  const spentNs = new Float64Array(batches)
  for (let k = 0; k < batches; k++) spentNs[k] = once(pipeline, traffic, mayDrop)
  return medianOf(spentNs.subarray(batches >> 1)) / BATCH
}

/** Nanoseconds that one batch takes. */
export function once(pipeline: Pipeline, traffic: Traffic, mayDrop = false): number {
  traffic.fill()
  const started = process.hrtime.bigint()
  pipeline.process(traffic.batch)
  const spent = Number(process.hrtime.bigint() - started)
  if (!mayDrop && traffic.batch.outCount !== BATCH) {
    throw new Error(`${traffic.batch.outCount} of ${BATCH} came out; drops: ${[...pipeline.drops()].join(' ')}`)
  }
  traffic.drain()
  return spent
}

export function medianOf(values: Float64Array | readonly number[]): number {
  return Float64Array.from(values).sort()[values.length >> 1]!
}

/** Compiles a C file of this folder and gives a function that runs it; undefined without a compiler. */
export function native(file: string): { run: (...args: readonly string[]) => number[]; close: () => void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'npu-bench-'))
  const close = (): void => rmSync(folder, { recursive: true })
  const binary = join(folder, 'program')
  try {
    execFileSync('gcc', ['-O3', '-march=native', '-o', binary, join(import.meta.dirname, file)], { stdio: 'ignore' })
  } catch {
    close()
    return undefined
  }
  const run = (...args: readonly string[]): number[] =>
    execFileSync(binary, args, { encoding: 'utf8' }).trim().split(/\s+/).map(Number)
  return { run, close }
}

export function mpps(nsPerPacket: number): string {
  return `${(1000 / nsPerPacket).toFixed(1)} M/s (${nsPerPacket.toFixed(0)} ns)`
}

/** Prints a row's file's rows, as JSON for `numbers.ts` or to be read. */
export function print(rows: readonly Row[]): void {
  if (process.argv.includes('--json')) return console.log(JSON.stringify(rows))
  for (const { what, mustReach, reached, isReached } of rows) {
    console.log(`${isReached ? 'reached' : 'MISSED '}  ${what}\n         must: ${mustReach}\n         is:   ${reached}`)
  }
}
