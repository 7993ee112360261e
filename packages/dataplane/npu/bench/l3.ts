/**
 * IPv4 router: longest-prefix route, exact next hop, TTL, checksum; 64-byte frames. Prints nanoseconds per packet and
 * millions of packets per second, per number of routes and batch size. With a C compiler at hand it also builds the same
 * work in C (`l3.c`: same hash, same tables) and prints the ratio.
 *
 *     node packages/dataplane/npu/bench/l3.ts [--program routes,batch]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena } from '@lodestone/frame'
import { createBatch, createPipeline, type Pipeline } from '../src/index.ts'
import { routerProgram } from '../src/testing/router-program.ts'

const PACKETS = 4_000_000
const FLOWS = 4096
const HOPS = 256

/** The generator that `l3.c` uses too, so that both see the same routes and packets. */
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

/** Prefix lengths as in a default-free table: half /24, the rest /8 to /23. */
function lengthOf(random: number): number {
  return (random & 1) === 0 ? 24 : 8 + ((random >>> 1) & 15)
}

function build(routes: number): { arena: Arena; pipeline: Pipeline; destinations: number[] } {
  const arena = new Arena({ slots: 512, slotBytes: 2048 })
  const pipeline = createPipeline(routerProgram(), { arena, nowMs: () => 0 })
  for (let hop = 0n; hop < HOPS; hop++) {
    pipeline.addEntry('nextHops', {
      keys: [{ kind: 'exact', value: hop }],
      action: 'forward',
      parameters: [0x020000000000n | hop, 0x020000010000n | hop, hop & 15n],
    })
  }
  const next = generator(1)
  const destinations: number[] = []
  for (let k = 0; k < routes; k++) {
    const length = lengthOf(next())
    const address = next()
    const value = (address & ~(2 ** (32 - length) - 1)) >>> 0
    pipeline.addEntry('routes', {
      keys: [{ kind: 'lpm', value: BigInt(value), length }],
      action: 'route',
      parameters: [BigInt(next() % HOPS)],
    })
    if (destinations.length < FLOWS) destinations.push(address)
  }
  for (let k = 0; destinations.length < FLOWS; k++) destinations.push(destinations[k]!)
  return { arena, pipeline, destinations }
}

function frameTo(destination: number): Uint8Array {
  const frame = new Uint8Array(64)
  const view = new DataView(frame.buffer)
  view.setUint16(12, 0x0800)
  view.setUint16(14, 0x4500)
  view.setUint16(16, 50)
  view.setUint16(22, 0x4011)
  view.setUint32(26, 0x0a000001)
  view.setUint32(30, destination)
  return frame
}

/** Nanoseconds per packet of the tenth percentile and the median of batches: other work on the machine spoils means. */
function measure(routes: number, size: number): readonly [number, number] {
  const { arena, pipeline, destinations } = build(routes)
  const batch = createBatch(size)
  const frames = destinations.map(frameTo)
  const pointers = new Int32Array(size)
  for (let i = 0; i < size; i++) pointers[i] = arena.from(frames[0]!)
  const batches = Math.floor(PACKETS / size)
  const spentNs = new Float64Array(batches)
  let at = 0
  for (let k = 0; k < batches; k++) {
    // Refilling the frames is the link's work, not the pipeline's: outside the clock.
    for (let i = 0; i < size; i++) {
      const slot = pointers[i]!
      arena.bytes.set(frames[at]!, arena.start(slot))
      at = (at + 1) % FLOWS
      batch.slots[i] = slot
      batch.ports[i] = 1
    }
    batch.count = size
    const started = process.hrtime.bigint()
    pipeline.process(batch)
    spentNs[k] = Number(process.hrtime.bigint() - started)
    if (batch.outCount !== size) throw new Error(`${batch.outCount} of ${size} came out`)
  }
  // The first half is warm-up.
  const sorted = spentNs.subarray(batches >> 1).sort()
  return [sorted[(sorted.length / 10) | 0]! / size, sorted[sorted.length >> 1]! / size]
}

function native(): Map<string, readonly number[]> | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'l3-'))
  try {
    const binary = join(folder, 'l3')
    execFileSync('gcc', ['-O2', '-march=native', '-o', binary, join(import.meta.dirname, 'l3.c')], { stdio: 'ignore' })
    const lines = execFileSync(binary, { encoding: 'utf8' }).trim().split('\n')
    return new Map(
      lines.map((line) => {
        const [name, ...values] = line.split(' ')
        return [name!, values.map(Number)] as const
      }),
    )
  } catch {
    return undefined
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const c = native()
console.log('routes  batch  ns/packet p10 (p50)   Mpps   native C p10 (p50)   ratio')
for (const routes of [1000, 100_000]) {
  for (const size of [64, 256]) {
    const [ns, median] = measure(routes, size)
    const other = c?.get(`${routes}/${size}`)
    const beside =
      other === undefined
        ? ''
        : `${other[0]!.toFixed(1).padStart(11)} (${other[1]!.toFixed(1).padStart(5)})   ${(ns / other[0]!).toFixed(2).padStart(5)}`
    console.log(
      `${String(routes).padStart(6)}  ${String(size).padStart(5)}  ${ns.toFixed(1).padStart(12)} (${median.toFixed(1).padStart(5)})  ${(1000 / ns).toFixed(2).padStart(5)}  ${beside}`,
    )
  }
}
