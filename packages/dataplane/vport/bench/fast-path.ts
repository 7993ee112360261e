/**
 * Nanoseconds per packet through the engine with flows in the cache: `node packages/dataplane/vport/bench/fast-path.ts`.
 * Outbound: parse, look up, TCP state, source translation with incremental checksums, 56 bytes of encapsulation.
 * Inbound: outer and inner parse, tunnel options, look up, TCP state, translation. 64-byte payloads; frames are prepared
 * in the arena beforehand and put back after each batch, which is not measured.
 */
import { Arena } from '@lodestone/frame'
import { RealClock, SeededRandom } from '@lodestone/host'
import { Tracer } from '@lodestone/probe'
import { VportEngine } from '../src/engine.ts'
import { encapsulated, frame } from '../src/frame-fixture.ts'
import { DEFAULT_FIREWALL, GUEST_MAC, portConfig, SLED_A, SWITCH_0 } from '../src/sled-fixture.ts'
import { Prefix } from '@lodestone/net'

const BATCH = 256
const ROUNDS = 2000
const FIRST_PORT = 1024
const PAYLOAD = new Uint8Array(64)
const ACK = 0x10

const clock = new RealClock()
const arena = new Arena({ slots: BATCH, slotBytes: 512 })
const sent: number[] = []
const engine = new VportEngine({
  node: 'bench',
  arena,
  clock,
  tracer: new Tracer(() => clock.nowMs()),
  underlayAddress: SLED_A,
  sendUnderlay: (slot) => sent.push(slot),
})
engine.setTunnelEndpoints([
  { prefix: Prefix.of('0.0.0.0/0'), endpoints: [{ address: SWITCH_0, vni: 99, metric: 1 }] },
  { prefix: Prefix.of('::/0'), endpoints: [{ address: SWITCH_0, vni: 99, metric: 1 }] },
])

/** The client's address carries the upper part of the flow number, its port the lower. */
function outFrame(flow: number): Uint8Array {
  const dst = `203.0.${flow >> 14}.9`
  return frame({
    src: '172.30.0.5',
    dst,
    kind: 'tcp',
    srcPort: FIRST_PORT + (flow & 0x3fff),
    dstPort: 443,
    flags: ACK,
    payload: PAYLOAD,
  })
}

function inFrame(flow: number): Uint8Array {
  const src = `203.0.${flow >> 14}.9`
  const inner = frame({
    etherDst: GUEST_MAC,
    src,
    dst: '1.2.3.4',
    kind: 'tcp',
    srcPort: 443,
    dstPort: FIRST_PORT + (flow & 0x3fff),
    flags: ACK,
    payload: PAYLOAD,
  })
  return encapsulated(inner, { isExternal: true })
}

function fastPackets(): number {
  const { counters } = engine.stats().perPort[0]!
  return counters.fastIn + counters.fastOut
}

function measure(flows: number, isOut: boolean): { bestNs: number; nsPerPacket: number; fastShare: number } {
  const port = engine.addPort(portConfig({ firewall: DEFAULT_FIREWALL }))
  const received: number[] = []
  port.guest.attach({
    receive: (slots, count) => {
      for (let i = 0; i < count; i++) received.push(slots[i]!)
    },
  })
  const slots = new Int32Array(BATCH)
  const fill = (next: (i: number) => Uint8Array): void => {
    for (const slot of sent.splice(0)) arena.free(slot)
    for (const slot of received.splice(0)) arena.free(slot)
    for (let i = 0; i < BATCH; i++) slots[i] = arena.from(next(i))
  }
  for (let flow = 0; flow < flows; flow += BATCH) {
    const count = Math.min(BATCH, flows - flow)
    fill((i) => outFrame(flow + Math.min(i, count - 1)))
    port.guest.send(slots, BATCH)
    if (isOut) continue
    fill((i) => inFrame(flow + Math.min(i, count - 1)))
    engine.receiveUnderlay(slots, BATCH)
  }
  const random = new SeededRandom(flows)
  const pool = Array.from({ length: Math.min(flows, 8192) }, () => (isOut ? outFrame : inFrame)(random.below(flows)))
  const fastBefore = fastPackets()
  const samples: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    fill(() => pool[random.below(pool.length)]!)
    const start = clock.nowMs()
    if (isOut) port.guest.send(slots, BATCH)
    else engine.receiveUnderlay(slots, BATCH)
    samples.push(((clock.nowMs() - start) * 1e6) / BATCH)
  }
  fill(() => pool[0]!)
  for (const slot of slots) arena.free(slot)
  const fast = fastPackets() - fastBefore
  engine.removePort(port.id)
  samples.sort((a, b) => a - b)
  return {
    bestNs: samples[0]!,
    nsPerPacket: samples[Math.floor(samples.length / 10)]!,
    fastShare: fast / (ROUNDS * BATCH),
  }
}

measure(64, true)
measure(64, false)
console.log('flows    outbound ns     inbound ns   (best and 10th percentile of batches of 256)')
for (const flows of [64, 1024, 65_536]) {
  const out = measure(flows, true)
  const into = measure(flows, false)
  const cell = ({ bestNs, nsPerPacket }: typeof out): string =>
    `${bestNs.toFixed(0)} / ${nsPerPacket.toFixed(0)}`.padStart(14)
  const share = Math.min(out.fastShare, into.fastShare)
  console.log(
    `${String(flows).padEnd(6)}${cell(out)} ${cell(into)}      ${(share * 100).toFixed(1)} % in the flow cache`,
  )
}
engine.close()
