import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Arena } from '@lodestone/frame'
import { createBatch, createPipeline } from './index.ts'
import { sourceProgram } from './testing/source-program.ts'

/** An object for each would be 800 kB: less than V8 collects at a time, so that all of it would be counted. */
const PACKETS = 50_000
const BATCH = 256
/** What the engine itself may do meanwhile. */
const NOISE_BYTES = 100_000

test('packets leave nothing on the heap', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const arena = new Arena({ slots: BATCH, slotBytes: 512 })
  const program = sourceProgram('p4/examples/router.p4', (file) => readFileSync(file, 'utf8'))
  const pipeline = createPipeline(program, { arena, nowMs: () => 0 })
  pipeline.setDefault('ipv4_lpm', 'set_next_hop', [1n, 2n])
  pipeline.setDefault('arp', 'set_dmac', [3n])
  const frame = new Uint8Array(64)
  frame.set([0x08, 0x00, 0x45, 0, 0, 50, 0, 1, 0, 0, 64, 17, 0x7a, 0xbb], 12)
  const batch = createBatch(BATCH)
  const pass = (): void => {
    for (let i = 0; i < BATCH; i++) {
      const slot = arena.alloc(frame.length)
      arena.bytes.set(frame, arena.start(slot))
      batch.slots[i] = slot
      // Every fourth packet is one that the program drops.
      batch.ports[i] = 1
      if (i % 4 === 0) arena.bytes[arena.start(slot) + 22] = 0
    }
    batch.count = BATCH
    pipeline.process(batch)
    for (let i = 0; i < batch.outCount; i++) arena.free(batch.outSlots[i]!)
  }
  pass()
  assert.equal(batch.outCount, (3 * BATCH) / 4)
  // What allocates does so every time. What does not may be seen to until V8 has compiled it in its other threads, which is whenever
  // they get the processor; so the least of several counts says how much it is.
  let least = Infinity
  for (let round = 0; round < 50 && least >= NOISE_BYTES; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let sent = 0; sent < PACKETS; sent += BATCH) pass()
    least = Math.min(least, process.memoryUsage().heapUsed - before)
  }
  assert.ok(least < NOISE_BYTES, `${least} bytes for ${PACKETS} packets`)
})
