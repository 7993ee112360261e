/**
 * How long packets wait while the control plane states 1000 rules of a VPC that has a port here:
 * `node packages/control/sled-agent/bench/rules.ts`. The agent works in pieces that its clock calls; each is timed, over several
 * rounds, and the best time of a piece counts, because other programs on the machine only ever add. Reading the request (JSON and
 * its schema) comes before the first piece and is shown beside it.
 */
import { sledAgentApi } from '@lodestone/contract-sled-agent'
import { Arena } from '@lodestone/frame'
import { type Clock, Host, MemoryFiles, RealClock, SeededRandom, type Timer } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { VportEngine } from '@lodestone/vport'
import { NetstackRunner } from '../src/netstack-runner.ts'
import { HARDWARE } from '../src/hardware.fixture.ts'
import { SledAgent } from '../src/sled-agent.ts'

const RULES = 1000
const ROUNDS = 12
const LIMIT_MS = 1
const VNI = 1024
const INSTANCE = '11111111-1111-4111-8111-111111111111'

/** Times what it calls, and what follows from that in the same turn. */
class TimedClock implements Clock {
  readonly #clock = new RealClock()
  piecesMs: number[] = []

  nowMs(): number {
    return this.#clock.nowMs()
  }

  wallMs(): number {
    return this.#clock.wallMs()
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#clock.after(delayMs, () => {
      const startMs = performance.now()
      fn()
      // Promises that were resolved go on before any other event.
      queueMicrotask(() => queueMicrotask(() => this.piecesMs.push(performance.now() - startMs)))
    })
  }
}

const clock = new TimedClock()
const random = new SeededRandom(1)
const arena = new Arena({ slots: 512, slotBytes: 2048 })
const tracer = new Tracer(() => clock.nowMs())
const engine = new VportEngine({
  node: 'sled0',
  arena,
  clock,
  tracer,
  random,
  underlayAddress: Ip.of('fd00:1122:3344:101::1'),
  sendUnderlay: (slot) => arena.free(slot),
})
const host = new Host({ name: 'sled0', clock, random, files: new MemoryFiles() })
const agent = new SledAgent(host, {
  engine,
  runner: new NetstackRunner({ arena, clock, random, tracer }),
  arena,
  tracer,
  hardware: HARDWARE,
})

async function put(path: string, body: unknown): Promise<void> {
  const init = { method: 'PUT', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await agent.handler(new Request(`http://sled${path}`, init))
  if (!response.ok) throw new Error(await response.text())
}

function rulesOf(generation: number): unknown[] {
  return Array.from({ length: RULES }, (_, i) => ({
    id: `33333333-3333-4333-8333-${String(i).padStart(12, '0')}`,
    name: `rule-${i}-${generation}`,
    status: 'enabled',
    direction: i % 4 === 3 ? 'outbound' : 'inbound',
    action: i % 7 === 6 ? 'deny' : 'allow',
    priority: 100 + i,
    hosts: [{ type: 'ip', value: `10.${i & 0xff}.${i >> 8}.0/24` }],
    protocols: [{ type: i % 3 === 2 ? 'udp' : 'tcp' }],
    ports: [`${1000 + i}-${1010 + i}`],
  }))
}

await put(`/instances/${INSTANCE}`, {
  generation: 1,
  hostname: 'web1',
  ncpus: 1,
  memory_bytes: 2 ** 30,
  nics: [
    {
      id: '22222222-2222-4222-8222-222222222222',
      name: 'net0',
      slot: 0,
      mac: 'a8:40:25:f0:00:01',
      vni: VNI,
      ipv4: { ip: '172.30.0.5', subnet: '172.30.0.0/22' },
      primary: true,
      transit_ips: [],
    },
  ],
  external_ips: { floating: ['198.51.100.10'] },
  firewall_rules: [],
  routes: [],
  user_data: '',
})
const best: number[] = []
const readMs: number[] = []
for (let generation = 2; generation < 2 + ROUNDS; generation++) {
  const body = { generation, rules: rulesOf(generation) }
  clock.piecesMs = []
  await put(`/vpc/${VNI}/firewall-rules`, body)
  clock.piecesMs.forEach((ms, i) => (best[i] = Math.min(ms, best[i] ?? Infinity)))
  const text = JSON.stringify(body)
  const startMs = performance.now()
  sledAgentApi.endpoints.find((each) => each.operationId === 'vpc_firewall_rules_set')!.body!.parse(JSON.parse(text))
  readMs.push(performance.now() - startMs)
}
const longestMs = Math.max(...best)
console.log(
  `${longestMs <= LIMIT_MS ? 'reached' : 'MISSED '}  ${RULES} rules of a VPC by the sled agent: longest wait of a packet`,
)
console.log(`         must: ${LIMIT_MS} ms\n         is:   ${longestMs.toFixed(2)} ms, ${best.length} pieces`)
console.log(`         besides: reading the request ${Math.min(...readMs).toFixed(1)} ms in one go (JSON and schema)`)
agent.close()
process.exit(0)
