/**
 * Nanoseconds per packet of the outbound fast path as an entry of a P4 program (`vport.p4`), compiled by this project's compiler,
 * in turns with the packet engine's kernel that was taken instead: `node packages/dataplane/vport/bench/p4-entry.ts`. Both get the
 * same frames, and before anything is measured it is checked that they make the same bytes of them. Batches of 256 packets,
 * each of a random flow; of several rounds the best time counts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Arena } from '@lodestone/frame'
import { OsRandom, RealClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { type Batch, createBatch, createPipeline, type Pipeline, type TableResult } from '@lodestone/npu'
import { compile, renderDiagnostics } from '@lodestone/p4'
import { Tracer } from '@lodestone/probe'
import { VportEngine } from '../src/engine.ts'
import { frame } from '../src/frame-fixture.ts'
import { portConfig, SLED_A, SWITCH_0, toHex } from '../src/sled-fixture.ts'
import { generator, medianOf, print, type Row } from './harness.ts'

const BATCH = 256
const BATCHES = 600
const ROUNDS = 4
const FLOWS = [64, 65_536]
const FRAME_BYTES = 14 + 40 + 64
const GUEST_PORT = 1
/** Versions of the flows' port and of what else they depend on: registers that no other flow's. */
const PORT_VERSION = 3n
const DEPENDENCY = 5n

function program(): NonNullable<ReturnType<typeof compile>['program']> {
  const readFile = (file: string): string | undefined => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      // The compiler tries include folders one after the other.
      return undefined
    }
  }
  const fileName = join(import.meta.dirname, 'vport.p4')
  const result = compile({ fileName, readFile, includePaths: [join(import.meta.dirname, '../../../../p4/include')] })
  if (result.program === undefined) throw new Error(renderDiagnostics(result.diagnostics, readFile))
  return result.program
}

function frameOf(flow: number): Uint8Array {
  return frame({
    src: '172.30.0.5',
    dst: `203.0.${flow >> 14}.9`,
    kind: 'tcp',
    flags: 0x10,
    srcPort: 1024 + (flow & 0x3fff),
    dstPort: 443,
    payload: new Uint8Array(64),
  })
}

class Kernel {
  readonly arena = new Arena({ slots: 2 * BATCH, slotBytes: 2048 })
  readonly engine: VportEngine
  readonly slots = new Int32Array(BATCH)
  readonly #port: ReturnType<VportEngine['addPort']>
  last = new Uint8Array(0)
  isKept = false

  constructor() {
    const clock = new RealClock()
    const { arena } = this
    this.engine = new VportEngine({
      node: 'bench',
      arena,
      clock,
      random: new OsRandom(),
      tracer: new Tracer(() => clock.nowMs()),
      underlayAddress: SLED_A,
      sendUnderlay: (slot) => {
        if (this.isKept) this.last = arena.peek(slot).slice()
        arena.free(slot)
      },
    })
    const endpoints = [{ address: SWITCH_0, vni: 99, metric: 1 }]
    this.engine.setTunnelEndpoints([{ prefix: Prefix.of('0.0.0.0/0'), endpoints }])
    this.#port = this.engine.addPort(portConfig({ externalIps4: { floating: [{ ip: Ip.of('1.2.3.4') }] } }))
  }

  send(count: number): void {
    this.#port.guest.send(this.slots, count)
  }

  /** What it makes of a frame, from the outer IPv6 header on. */
  sent(bytes: Uint8Array): Uint8Array {
    this.isKept = true
    this.slots[0] = this.arena.from(bytes)
    this.send(1)
    this.isKept = false
    return this.last
  }
}

function must(result: TableResult): void {
  if (!result.ok) throw new Error(result.error.kind)
}

const number = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
/** ~m + m', folded. */
function delta(pairs: readonly (readonly [before: number, after: number])[]): bigint {
  let sum = pairs.reduce((total, [before, after]) => total + (~before & 0xffff) + after, 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return BigInt(sum)
}

/** An entry that repeats what the engine has made of the flow's first packet. */
function enter(pipeline: Pipeline, flow: number, before: Uint8Array, made: Uint8Array): void {
  const view = new DataView(made.buffer)
  const old = new DataView(before.buffer)
  const inner = 56
  const ip = inner + 14
  const words = [26, 28].map((at) => [old.getUint16(at), view.getUint16(ip - 14 + at)] as const)
  const port = [old.getUint16(34), view.getUint16(ip + 20)] as const
  must(
    pipeline.addEntry('flows', {
      keys: [
        { kind: 'exact', value: number(before.subarray(6, 12)) },
        { kind: 'exact', value: number(before.subarray(26, 30)) },
        { kind: 'exact', value: number(before.subarray(30, 34)) },
        { kind: 'exact', value: number(before.subarray(34, 36)) },
        { kind: 'exact', value: number(before.subarray(36, 38)) },
        { kind: 'exact', value: BigInt(GUEST_PORT) },
      ],
      action: 'repeat',
      parameters: [
        BigInt(flow),
        PORT_VERSION,
        DEPENDENCY,
        0n,
        1500n,
        number(made.subarray(ip + 12, ip + 16)),
        BigInt(port[1]),
        delta(words),
        delta(port[0] === port[1] ? words : [...words, port]),
        number(made.subarray(inner, inner + 6)),
        number(made.subarray(8, 24)),
        number(made.subarray(24, 40)),
        BigInt(view.getUint16(40)),
        number(made.subarray(52, 55)),
      ],
    }),
  )
}

class Entries {
  readonly arena = new Arena({ slots: 4 * BATCH, slotBytes: 2048 })
  readonly pipeline: Pipeline
  readonly batch: Batch = createBatch(BATCH)

  constructor() {
    this.pipeline = createPipeline(program(), { arena: this.arena, nowMs: () => performance.now() })
  }

  send(count: number): void {
    this.batch.count = count
    this.pipeline.process(this.batch)
  }

  drain(): void {
    for (let i = 0; i < this.batch.outCount; i++) {
      if (this.batch.outPorts[i] !== 1) throw new Error('a packet took the slow path')
      this.arena.free(this.batch.outSlots[i]!)
    }
  }

  sent(bytes: Uint8Array): Uint8Array {
    this.batch.slots[0] = this.arena.from(bytes)
    this.batch.ports[0] = GUEST_PORT
    this.send(1)
    const made = this.arena.peek(this.batch.outSlots[0]!).slice(14)
    this.drain()
    return made
  }
}

function timed(work: () => void): number {
  const start = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - start) / BATCH
}

function rowOf(flows: number): Row {
  const kernel = new Kernel()
  const entries = new Entries()
  const image = new Uint8Array(FRAME_BYTES * flows)
  for (let flow = 0; flow < flows; flow++) {
    const bytes = frameOf(flow)
    image.set(bytes, flow * FRAME_BYTES)
    kernel.sent(bytes)
    const made = kernel.sent(bytes)
    enter(entries.pipeline, flow, bytes, made)
    if (flow % 997 === 0 && toHex(entries.sent(bytes)) !== toHex(made)) throw new Error(`flow ${flow}: other bytes`)
  }
  const next = generator(7)
  const fill = (arena: Arena, keep: (i: number, slot: number) => void): void => {
    for (let i = 0; i < BATCH; i++) {
      const slot = arena.alloc(FRAME_BYTES)
      const from = (next() % flows) * FRAME_BYTES
      arena.bytes.set(image.subarray(from, from + FRAME_BYTES), arena.start(slot))
      keep(i, slot)
    }
  }
  const measure = (which: 'kernel' | 'entries'): number => {
    const spent: number[] = []
    for (let k = 0; k < BATCHES; k++) {
      if (which === 'kernel') {
        fill(kernel.arena, (i, slot) => (kernel.slots[i] = slot))
        spent.push(timed(() => kernel.send(BATCH)))
      } else {
        fill(entries.arena, (i, slot) => {
          entries.batch.slots[i] = slot
          entries.batch.ports[i] = GUEST_PORT
        })
        spent.push(timed(() => entries.send(BATCH)))
        entries.drain()
      }
    }
    return medianOf(spent.slice(BATCHES >> 1))
  }
  let [ours, theirs] = [Infinity, Infinity]
  for (let round = 0; round < ROUNDS; round++) {
    ours = Math.min(ours, measure('kernel'))
    theirs = Math.min(theirs, measure('entries'))
  }
  kernel.engine.close()
  return {
    what: `outbound, TCP over IPv4, NAT, encapsulation, ${flows} flows: entry of vport.p4 beside the kernel`,
    mustReach: '(no limit)',
    reached: `entry ${theirs.toFixed(0)} ns, kernel ${ours.toFixed(0)} ns`,
    isReached: true,
  }
}

if (import.meta.main) print(FLOWS.map(rowOf))
