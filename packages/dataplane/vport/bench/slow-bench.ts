/** A port with many rules and packets that each begin a flow. */
import { Arena } from '@lodestone/frame'
import { OsRandom, RealClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { VportEngine } from '../src/engine.ts'
import { encapsulated, frame } from '../src/frame-fixture.ts'
import type { FirewallRule } from '../src/port-config.ts'
import { GUEST_MAC, portConfig, SLED_A, SWITCH_0 } from '../src/sled-fixture.ts'
import type { VirtualPort } from '../src/virtual-port.ts'
import { medianOf } from './harness.ts'

const BATCH = 64
const FLOWS = 200_000

/** Rules that differ in hosts, protocol and ports, and one that lets the benchmark's packets in. */
export function ruleSet(count: number): FirewallRule[] {
  const rules: FirewallRule[] = Array.from({ length: count }, (_, i) => ({
    id: `rule-${i}`,
    name: `rule-${i}`,
    direction: i % 4 === 3 ? 'out' : 'in',
    action: i % 7 === 6 ? 'deny' : 'allow',
    priority: 100 + i,
    hosts: [{ kind: 'subnet', prefix: Prefix.of(`10.${i & 0xff}.${i >> 8}.0/24`) }],
    protocols: [{ kind: i % 3 === 2 ? 'udp' : 'tcp' }],
    ports: [{ first: 1000 + i, last: 1010 + i }],
  }))
  rules.push({
    id: 'web',
    name: 'web',
    direction: 'in',
    action: 'allow',
    priority: 65_000,
    hosts: [{ kind: 'any' }],
    protocols: [{ kind: 'tcp' }],
    ports: [{ first: 80, last: 80 }],
  })
  return rules
}

export class SlowBench {
  readonly arena = new Arena({ slots: 2 * BATCH, slotBytes: 2048 })
  readonly engine: VportEngine
  readonly port: VirtualPort
  readonly #slots = new Int32Array(BATCH)

  constructor(firewall: readonly FirewallRule[], connectionsPerPort = 524_288) {
    const clock = new RealClock()
    const { arena } = this
    this.engine = new VportEngine({
      node: 'bench',
      arena,
      clock,
      tracer: new Tracer(() => clock.nowMs()),
      random: new OsRandom(),
      underlayAddress: SLED_A,
      connectionsPerPort,
      sendUnderlay: (slot) => arena.free(slot),
    })
    this.engine.setTunnelEndpoints([
      { prefix: Prefix.of('0.0.0.0/0'), endpoints: [{ address: SWITCH_0, vni: 99, metric: 1 }] },
    ])
    this.port = this.engine.addPort(portConfig({ firewall, externalIps4: { floating: [{ ip: Ip.of('1.2.3.4') }] } }))
    this.port.guest.attach({
      receive: (slots, count) => {
        for (let i = 0; i < count; i++) arena.free(slots[i]!)
      },
    })
  }

  /** Nanoseconds per packet, each of which begins a flow. */
  measure(isOut: boolean, flows = FLOWS): number {
    const image = isOut
      ? frame({ src: '172.30.0.5', dst: '203.0.0.9', kind: 'tcp', srcPort: 1, dstPort: 443 })
      : encapsulated(
          frame({ etherDst: GUEST_MAC, src: '203.0.0.9', dst: '1.2.3.4', kind: 'tcp', srcPort: 1, dstPort: 80 }),
          { isExternal: true },
        )
    const addressAt = image.length - 40 + (isOut ? 16 : 12)
    const portAt = image.length - 20
    const spent: number[] = []
    const { arena } = this
    for (let flow = 0; flow < flows; flow += BATCH) {
      for (let i = 0; i < BATCH; i++) {
        const slot = arena.from(image)
        const start = arena.start(slot)
        arena.bytes[start + addressAt + 2] = (flow + i) >> 14
        arena.view.setUint16(start + portAt, 1024 + ((flow + i) & 0x3fff))
        this.#slots[i] = slot
      }
      const start = process.hrtime.bigint()
      if (isOut) this.port.guest.send(this.#slots, BATCH)
      else this.engine.receiveUnderlay(this.#slots, BATCH)
      spent.push(Number(process.hrtime.bigint() - start) / BATCH)
    }
    const { counters } = this.engine.stats().perPort[0]!
    if (counters.slowIn + counters.slowOut < flows || counters.drops > 0)
      throw new Error('not every packet began a flow')
    return medianOf(spent.slice(spent.length >> 1))
  }

  close(): void {
    this.engine.close()
  }
}
