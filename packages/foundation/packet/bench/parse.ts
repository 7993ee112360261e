/**
 * Nanoseconds per parse, checksum and hash: `node packages/foundation/packet/bench/parse.ts`. Not a test: prints the
 * least of several rounds, which is what a quiet machine would give.
 */
import * as packet from '../src/index.ts'
import { goldenFrames } from '../src/golden-frames.ts'

const ROUNDS = 12
const MIN_ROUND_MS = 25

/** Least nanoseconds per call over the rounds. `run` makes `count` calls and returns something that depends on them. */
function measure(name: string, run: (count: number) => number): void {
  let count = 1000
  let sink = run(count)
  let best = Infinity
  for (let round = 0; round < ROUNDS;) {
    const start = process.hrtime.bigint()
    sink ^= run(count)
    const ns = Number(process.hrtime.bigint() - start)
    if (ns < MIN_ROUND_MS * 1e6) {
      count *= 2
      continue
    }
    best = Math.min(best, ns / count)
    round++
  }
  console.log(`${name.padEnd(44)} ${best.toFixed(1).padStart(8)} ns${sink === 0.5 ? '!' : ''}`)
}

// As in an arena: one large array, frames at places congruent to 2 modulo 4.
const FRAMES = 256
const STRIDE = 9728
const bytes = new Uint8Array(FRAMES * STRIDE)
const row = new Int32Array(packet.ROW_SIZE)

function place(frame: Uint8Array): number {
  for (let i = 0; i < FRAMES; i++) bytes.set(frame, 254 + i * STRIDE)
  return frame.length
}

function parseAll(length: number): (count: number) => number {
  return (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      const start = 254 + (i & (FRAMES - 1)) * STRIDE
      sum += packet.parseFrame(bytes, start, start + length, row) + row[packet.ROW_DST_PORT]!
    }
    return sum
  }
}

measure('parseFrame, IPv4 TCP SYN', parseAll(place(goldenFrames.A)))
measure('parseFrame, IPv6 UDP (Geneve, outer only)', parseAll(place(goldenFrames.B)))

const outer = place(goldenFrames.B)
measure('parseFrame outer, checkGeneve, parseFrame inner', (count) => {
  let sum = 0
  for (let i = 0; i < count; i++) {
    const start = 254 + (i & (FRAMES - 1)) * STRIDE
    packet.parseFrame(bytes, start, start + outer, row)
    const geneve = row[packet.ROW_PAYLOAD]!
    const length = packet.checkGeneve(bytes, geneve, start + outer)
    sum += packet.parseFrame(bytes, geneve + length, start + outer, row)
  }
  return sum
})

const inner = place(goldenFrames.A)
measure('parseFrame and flowHash, IPv4 TCP', (count) => {
  let sum = 0
  for (let i = 0; i < count; i++) {
    const start = 254 + (i & (FRAMES - 1)) * STRIDE
    packet.parseFrame(bytes, start, start + inner, row)
    sum ^= packet.flowHash(bytes, row)
  }
  return sum
})

for (const length of [20, 64, 1460, 8960]) {
  measure(`sumBytes, ${length} bytes`, (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      const start = 254 + 14 + (i & 63) * STRIDE
      sum ^= packet.sumBytes(bytes, start, start + length)
    }
    return sum
  })
}

measure('updateChecksum32', (count) => {
  let checksum = 0x1234
  for (let i = 0; i < count; i++) checksum = packet.updateChecksum32(checksum, i, i + 77777)
  return checksum
})

measure('summarize, Geneve (slow path)', (count) => {
  let sum = 0
  for (let i = 0; i < count; i++) sum += packet.summarize(goldenFrames.B, 0, goldenFrames.B.length).length
  return sum
})

measure('dissect, Geneve (slow path)', (count) => {
  let sum = 0
  for (let i = 0; i < count; i++) sum += packet.dissect(goldenFrames.B, 0, goldenFrames.B.length).length
  return sum
})

// The packet paths must not allocate: the heap after many parses is the heap before, up to what this loop makes itself.
const length = place(goldenFrames.A)
const parse = parseAll(length)
parse(100_000)
const before = process.memoryUsage().heapUsed
const parses = 2_000_000
parse(parses)
const perParse = (process.memoryUsage().heapUsed - before) / parses
console.log(`${'parseFrame, heap growth'.padEnd(44)} ${perParse.toFixed(3).padStart(8)} bytes`)
