/**
 * Nanoseconds per packet through the engine with flows in its table, beside the same work in native C:
 * `node packages/dataplane/vport/bench/fast-path.ts`. Outbound: parse, look up, TCP state, source translation with
 * incremental checksums, 70 bytes of encapsulation. Inbound: outer and inner headers, tunnel options, look up, TCP state,
 * translation. 64-byte payloads; frames are put into the arena before each batch, outside the clock. Medians of batches of
 * 256 packets, each of a random flow. IPv4, IPv6 and the C program take turns; of several rounds the best time counts, and of
 * their ratios the median.
 */
import { Arena } from '@lodestone/frame'
import { OsRandom, RealClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { VportEngine } from '../src/engine.ts'
import { encapsulated, frame } from '../src/frame-fixture.ts'
import { DEFAULT_FIREWALL, GUEST_MAC, portConfig, SLED_A, SWITCH_0 } from '../src/sled-fixture.ts'
import type { VirtualPort } from '../src/virtual-port.ts'
import { generator, medianOf, native, type Row, print } from './harness.ts'

const BATCH = 256
const PACKETS = 300_000
const ROUNDS = 5
const FIRST_PORT = 1024
const PAYLOAD = new Uint8Array(64)
const ACK = 0x10
const LIMITS: readonly (readonly [flows: number, outboundNs: number])[] = [
  [64, 60],
  [65_536, 130],
  [524_288, 400],
]

type Kind = 'out4' | 'in4' | 'out6' | 'in6'

/** The client's address carries the upper part of the flow number, the guest's port the lower. */
function frameOf(kind: Kind, flow: number): Uint8Array {
  const isV4 = kind.endsWith('4')
  const client = isV4 ? `203.0.${flow >> 14}.9` : `2001:db8:1::${(flow >> 14).toString(16)}:9`
  const port = FIRST_PORT + (flow & 0x3fff)
  const fields = { kind: 'tcp', flags: ACK, payload: PAYLOAD } as const
  if (kind.startsWith('out')) {
    return frame({
      ...fields,
      src: isV4 ? '172.30.0.5' : 'fd12:3456:789a::5',
      dst: client,
      srcPort: port,
      dstPort: 443,
    })
  }
  const dst = isV4 ? '1.2.3.4' : '2001:db8::4'
  const inner = frame({ ...fields, etherDst: GUEST_MAC, src: client, dst, srcPort: 443, dstPort: port })
  return encapsulated(inner, { isExternal: true })
}

/** Frames of all flows in one piece; only addresses and ports differ, so they are copies of one with those written in. */
function imageOf(kind: Kind, flows: number): { image: Uint8Array; frameBytes: number } {
  const first = frameOf(kind, 0)
  const image = new Uint8Array(first.length * flows)
  for (let flow = 0; flow < flows; flow++) image.set(frameOf(kind, flow), flow * first.length)
  return { image, frameBytes: first.length }
}

class Bench {
  readonly arena = new Arena({ slots: 2 * BATCH, slotBytes: 2048 })
  readonly engine: VportEngine
  readonly port: VirtualPort
  readonly #slots = new Int32Array(BATCH)
  readonly #next = generator(7)

  constructor() {
    const clock = new RealClock()
    const { arena } = this
    this.engine = new VportEngine({
      node: 'bench',
      arena,
      clock,
      tracer: new Tracer(() => clock.nowMs()),
      random: new OsRandom(),
      underlayAddress: SLED_A,
      sendUnderlay: (slot) => arena.free(slot),
    })
    const endpoints = [{ address: SWITCH_0, vni: 99, metric: 1 }]
    this.engine.setTunnelEndpoints([
      { prefix: Prefix.of('0.0.0.0/0'), endpoints },
      { prefix: Prefix.of('::/0'), endpoints },
    ])
    const externalIps6 = { floating: [{ ip: Ip.of('2001:db8::4') }] }
    this.port = this.engine.addPort(portConfig({ firewall: DEFAULT_FIREWALL, externalIps6 }))
    this.port.guest.attach({
      receive: (slots, count) => {
        for (let i = 0; i < count; i++) arena.free(slots[i]!)
      },
    })
  }

  send(kind: Kind): void {
    if (kind.startsWith('out')) this.port.guest.send(this.#slots, BATCH)
    else this.engine.receiveUnderlay(this.#slots, BATCH)
  }

  /** Puts a batch of frames into the arena, of the flows that `pick` names. */
  fill(image: Uint8Array, frameBytes: number, pick: (i: number) => number): void {
    for (let i = 0; i < BATCH; i++) {
      const slot = this.arena.alloc(frameBytes)
      const from = pick(i) * frameBytes
      this.arena.bytes.set(image.subarray(from, from + frameBytes), this.arena.start(slot))
      this.#slots[i] = slot
    }
  }

  /** Opens all flows. @returns nanoseconds that the slow path took for each. */
  open(kind: Kind, flows: number, image: Uint8Array, frameBytes: number): number {
    const spent: number[] = []
    for (let flow = 0; flow < flows; flow += BATCH) {
      this.fill(image, frameBytes, (i) => (flow + i) % flows)
      spent.push(this.once(kind))
    }
    return medianOf(spent) / BATCH
  }

  once(kind: Kind): number {
    const start = process.hrtime.bigint()
    this.send(kind)
    return Number(process.hrtime.bigint() - start)
  }

  measure(kind: Kind, flows: number, image: Uint8Array, frameBytes: number, packets = PACKETS): number {
    const batches = Math.floor(packets / BATCH)
    const spent = new Float64Array(batches)
    const before = this.#fast()
    for (let k = 0; k < batches; k++) {
      this.fill(image, frameBytes, () => this.#next() % flows)
      spent[k] = this.once(kind)
    }
    const fast = this.#fast() - before
    if (fast !== batches * BATCH) throw new Error(`${batches * BATCH - fast} of ${batches * BATCH} walked the layers`)
    return medianOf(spent.subarray(batches >> 1)) / BATCH
  }

  #fast(): number {
    const { counters } = this.engine.stats().perPort[0]!
    return counters.fastIn + counters.fastOut
  }
}

/** Nanoseconds of the rounds in which both families, and outbound the C program, take turns. */
interface Rounds {
  readonly v4: number[]
  readonly v6: number[]
  readonly native: number[]
}

function roundsOf(benches: Readonly<Record<'4' | '6', Bench>>, direction: 'out' | 'in', flows: number): Rounds {
  const rounds: Rounds = { v4: [], v6: [], native: [] }
  const kinds = (['4', '6'] as const).map((family) => {
    const kind: Kind = `${direction}${family}`
    const bench = benches[family]
    const { image, frameBytes } = imageOf(kind, flows)
    bench.open(kind, flows, image, frameBytes)
    bench.open(kind, flows, image, frameBytes)
    bench.measure(kind, flows, image, frameBytes, 200_000)
    return () => bench.measure(kind, flows, image, frameBytes)
  })
  for (let round = 0; round < ROUNDS; round++) {
    if (direction === 'out' && c !== undefined) rounds.native.push(c.run(String(flows), String(PACKETS))[0]!)
    rounds.v4.push(kinds[0]!())
    rounds.v6.push(kinds[1]!())
  }
  return rounds
}

/** What the rounds say about a ratio: other programs disturb single rounds, and both sides of one about alike. */
function medianRatio(of: readonly number[], to: readonly number[]): number {
  return medianOf(of.map((ns, i) => ns / to[i]!))
}

function rows(): Row[] {
  const found: Row[] = []
  for (const [flows, limitNs] of LIMITS) {
    const benches = { 4: new Bench(), 6: new Bench() }
    const out = roundsOf(benches, 'out', flows)
    const into = roundsOf(benches, 'in', flows)
    benches[4].engine.close()
    benches[6].engine.close()
    const out4 = Math.min(...out.v4)
    const nativeRatio = c === undefined ? 0 : medianRatio(out.v4, out.native)
    const nativeText =
      c === undefined
        ? 'no C compiler'
        : `${nativeRatio.toFixed(2)} times native C (${Math.min(...out.native).toFixed(0)} ns)`
    const ratio = medianRatio(out.v6, out.v4)
    found.push({
      what: `outbound, TCP over IPv4, NAT, 70-byte encapsulation, ${flows} flows`,
      mustReach: `${limitNs} ns; within 2.5 times native C`,
      reached: `${out4.toFixed(0)} ns, ${nativeText}`,
      isReached: out4 <= limitNs && nativeRatio <= 2.5,
    })
    found.push({
      what: `the same over IPv6, ${flows} flows`,
      mustReach: '1.4 times the IPv4 figure',
      reached: `${Math.min(...out.v6).toFixed(0)} ns, ${ratio.toFixed(2)} times IPv4`,
      isReached: ratio <= 1.4,
    })
    found.push({
      what: `inbound, ${flows} flows`,
      mustReach: '(no limit)',
      reached: `IPv4 ${Math.min(...into.v4).toFixed(0)} ns, IPv6 ${Math.min(...into.v6).toFixed(0)} ns`,
      isReached: true,
    })
  }
  return found
}

const c = native('fast-path.c')
if (import.meta.main) print(rows())
c?.close()
