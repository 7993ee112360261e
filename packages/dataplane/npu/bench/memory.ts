/**
 * Memory of 1 M exact entries with 16-byte keys: what the process has more of than before, in pages it touched, and of that
 * the pipeline's own memory; and what the JavaScript heap grows by while a million packets pass.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createPipeline } from '../src/index.ts'
import { arenaOf, print, type Row, Traffic } from './harness.ts'
import { ACTIVE, buildRouter, must, routerImage } from './programs.ts'
import { exact, tableProgram } from './tables.ts'

const ENTRIES = 1_000_000
const PACKETS = 1_000_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function entries(): Row {
  const pipeline = createPipeline(tableProgram([{ match: 'exact', width: 128 }], ENTRIES), {
    arena: arenaOf(),
    nowMs: () => 0,
  })
  collect()
  const before = process.memoryUsage()
  for (let k = 0; k < ENTRIES; k++) {
    const keys = [exact((BigInt(Math.imul(k, 2654435761) >>> 0) << 64n) | BigInt(k))]
    must(pipeline.addEntry('table', { keys, action: 'send', parameters: [BigInt(k & 0xffff)] }))
  }
  collect()
  collect()
  const after = process.memoryUsage()
  const usage = pipeline.usage('table')!
  if (usage.entries !== ENTRIES) throw new Error(`${usage.entries} entries`)
  const grown = (after.rss - before.rss) / 1e6
  const heap = (after.heapUsed - before.heapUsed) / 1e6
  return {
    what: 'memory of 1 M exact entries, 16-byte key',
    mustReach: 'under 100 MB',
    reached: `${grown.toFixed(0)} MB resident, of which ${heap.toFixed(1)} MB JavaScript heap`,
    isReached: grown < 100,
  }
}

function packets(): Row {
  const { arena, pipeline, destinations } = buildRouter(1000)
  const traffic = new Traffic(arena, routerImage(destinations), 1, ACTIVE)
  traffic.fill()
  const { batch } = traffic
  const slots = batch.slots.slice()
  const pass = (): void => {
    batch.slots.set(slots)
    batch.count = slots.length
    pipeline.process(batch)
  }
  for (let k = 0; k < 2000; k++) pass()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let sent = 0; sent < PACKETS; sent += slots.length) pass()
  const grown = process.memoryUsage().heapUsed - before
  return {
    what: 'JavaScript heap per packet, over 10^6 packets without a collection between',
    mustReach: 'no allocation per packet',
    reached: `${(grown / 1024).toFixed(0)} KiB in all, ${(grown / PACKETS).toFixed(3)} bytes a packet`,
    isReached: grown / PACKETS < 1,
  }
}

if (import.meta.main) print([entries(), packets()])
