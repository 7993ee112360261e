/** For tests: one sled with an engine, a guest's NIC that keeps what it receives, and an underlay that keeps what is sent. */
import { Arena } from '@lodestone/frame'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { ETHERNET_MIN, EtherType, writeEthernet } from '@lodestone/packet'
import { type StoryEvent, Tracer } from '@lodestone/probe'
import { VportEngine } from './engine.ts'
import type { VportEngineOptions } from './engine-options.ts'
import { BOUNDARY_VNI } from './gateway/gateway-address.ts'
import type { FirewallRule, PortConfig, Route } from './port-config.ts'
import type { TunnelRoute } from './tunnel-endpoints.ts'
import type { VirtualMapping } from './virtual-to-physical.ts'
import type { VirtualPort } from './virtual-port.ts'

export const GUEST_MAC: Mac = Mac.of('a8:40:25:f4:11:d7')
export const PEER_MAC: Mac = Mac.of('a8:40:25:f2:a4:ea')
export const VNI = 0x1c5121
export const SLED_A: Ip = Ip.of('fd00:1122:3344:104::1')
export const SLED_B: Ip = Ip.of('fd00:1122:3344:101::1')
export const SWITCH_0: Ip = Ip.of('fdb1:a844:2ecd::1')
export const SWITCH_1: Ip = Ip.of('fdb1:a844:2ecd::2')
export const REAR_MAC: Mac = Mac.of('a8:40:25:05:00:64')
export const SLED_MAC: Mac = Mac.of('a8:40:25:04:02:70')

export const SUBNET_ROUTE: Route = {
  id: 'subnet4',
  name: 'subnet',
  destination: Prefix.of('172.30.0.0/22'),
  target: { kind: 'vpc-subnet', prefix: Prefix.of('172.30.0.0/22') },
  class: 'system',
}
export const DEFAULT_ROUTES: readonly Route[] = [
  SUBNET_ROUTE,
  {
    id: 'subnet6',
    name: 'subnet',
    destination: Prefix.of('fd12:3456:789a::/64'),
    target: { kind: 'vpc-subnet', prefix: Prefix.of('fd12:3456:789a::/64') },
    class: 'system',
  },
  {
    id: 'default4',
    name: 'default-v4',
    destination: Prefix.of('0.0.0.0/0'),
    target: { kind: 'internet-gateway' },
    class: 'system',
  },
  {
    id: 'default6',
    name: 'default-v6',
    destination: Prefix.of('::/0'),
    target: { kind: 'internet-gateway' },
    class: 'system',
  },
]

/** The rules that every VPC begins with. */
export const DEFAULT_FIREWALL: readonly FirewallRule[] = [
  {
    id: 'fw1',
    name: 'allow-internal-inbound',
    direction: 'in',
    action: 'allow',
    priority: 65534,
    hosts: [{ kind: 'vni', vni: VNI }],
  },
  {
    id: 'fw2',
    name: 'allow-ssh',
    direction: 'in',
    action: 'allow',
    priority: 65534,
    protocols: [{ kind: 'tcp' }],
    ports: [{ first: 22, last: 22 }],
  },
  {
    id: 'fw3',
    name: 'allow-icmp',
    direction: 'in',
    action: 'allow',
    priority: 65534,
    protocols: [{ kind: 'icmp' }],
  },
]

export const ALLOW_HTTP: FirewallRule = {
  id: 'fw4',
  name: 'allow-http',
  direction: 'in',
  action: 'allow',
  priority: 1000,
  protocols: [{ kind: 'tcp' }],
  ports: [{ first: 80, last: 80 }],
}

export function portConfig(overrides: Partial<PortConfig> = {}): PortConfig {
  return {
    generation: 1,
    id: 'nic-web1',
    name: 'web1-nic0',
    mac: GUEST_MAC,
    vni: VNI,
    ip4: { address: Ip.of('172.30.0.5'), subnet: Prefix.of('172.30.0.0/22'), gateway: Ip.of('172.30.0.1') },
    ip6: {
      address: Ip.of('fd12:3456:789a::5'),
      subnet: Prefix.of('fd12:3456:789a::/64'),
      gateway: Ip.of('fd12:3456:789a::1'),
    },
    externalIps4: { floating: [{ ip: Ip.of('1.2.3.4'), name: 'web-ip' }] },
    firewall: DEFAULT_FIREWALL,
    routes: DEFAULT_ROUTES,
    dhcp: { hostname: 'web1', dns: [Ip.of('9.9.9.9'), Ip.of('1.1.1.1')], domain: 'internal' },
    mtuBytes: 1500,
    transitIps: [],
    ...overrides,
  }
}

/** The same instance's neighbour, `…0.6`. */
export function peerConfig(overrides: Partial<PortConfig> = {}): PortConfig {
  return portConfig({
    id: 'nic-db1',
    name: 'db1-nic0',
    mac: PEER_MAC,
    ip4: { address: Ip.of('172.30.0.6'), subnet: Prefix.of('172.30.0.0/22'), gateway: Ip.of('172.30.0.1') },
    ip6: {
      address: Ip.of('fd12:3456:789a::6'),
      subnet: Prefix.of('fd12:3456:789a::/64'),
      gateway: Ip.of('fd12:3456:789a::1'),
    },
    externalIps4: { floating: [] },
    ...overrides,
  })
}

export class SledFixture {
  readonly clock = new VirtualClock()
  readonly arena: Arena
  readonly tracer: Tracer
  readonly engine: VportEngine
  readonly address: Ip
  /** What went to the underlay, from the outer IPv6 header on. */
  readonly sent: Uint8Array[] = []
  readonly received = new Map<string, Uint8Array[]>()
  /** The ways out that `setSwitches` has made. */
  routes: readonly TunnelRoute[] = []
  /** Where the guest and its neighbour are. */
  readonly mappings: readonly VirtualMapping[] = [
    { vni: VNI, ip: Ip.of('172.30.0.5'), sled: SLED_A, mac: GUEST_MAC },
    { vni: VNI, ip: Ip.of('172.30.0.6'), sled: SLED_B, mac: PEER_MAC },
    { vni: VNI, ip: Ip.of('fd12:3456:789a::5'), sled: SLED_A, mac: GUEST_MAC },
    { vni: VNI, ip: Ip.of('fd12:3456:789a::6'), sled: SLED_B, mac: PEER_MAC },
  ]
  /** Taint of each received frame, in step with `received`. */
  readonly taints = new Map<string, number[]>()

  constructor(options: Partial<VportEngineOptions> & { slots?: number; switches?: readonly Ip[] } = {}) {
    this.arena = options.arena ?? new Arena({ slots: options.slots ?? 64 })
    this.address = options.underlayAddress ?? SLED_A
    this.tracer = new Tracer(() => this.clock.nowMs())
    this.engine = new VportEngine({
      node: 'sled1',
      arena: this.arena,
      clock: this.clock,
      tracer: this.tracer,
      random: new SeededRandom(1),
      underlayAddress: SLED_A,
      sendUnderlay: (slot) => {
        this.sent.push(this.arena.peek(slot).slice())
        this.arena.free(slot)
      },
      ...options,
    })
    this.setSwitches(options.switches ?? [SWITCH_0])
    this.engine.setVirtualToPhysical(this.mappings)
  }

  setSwitches(switches: readonly Ip[]): void {
    const endpoints = switches.map((address) => ({ address, vni: BOUNDARY_VNI, metric: 1 }))
    this.routes = [
      { prefix: Prefix.of('0.0.0.0/0'), endpoints },
      { prefix: Prefix.of('::/0'), endpoints },
    ]
    this.engine.setTunnelEndpoints(this.routes)
  }

  addPort(config: PortConfig = portConfig()): VirtualPort {
    const port = this.engine.addPort(config)
    const frames: Uint8Array[] = []
    const taints: number[] = []
    this.received.set(config.id, frames)
    this.taints.set(config.id, taints)
    port.guest.attach({
      receive: (slots, count) => {
        for (let i = 0; i < count; i++) {
          frames.push(this.arena.peek(slots[i]!).slice())
          taints.push(this.arena.taint(slots[i]!))
          this.arena.free(slots[i]!)
        }
      },
    })
    return port
  }

  /** What the port's guest received since the last call. */
  take(port: VirtualPort): Uint8Array[] {
    return this.received.get(port.id)!.splice(0)
  }

  takeSent(): Uint8Array[] {
    return this.sent.splice(0)
  }

  send(port: VirtualPort, frame: Uint8Array): void {
    const slot = this.arena.from(frame)
    if (slot < 0) throw new Error('the arena is exhausted')
    port.guest.send(Int32Array.of(slot), 1)
  }

  /** An encapsulated frame from its outer Ethernet header on. */
  receive(frame: Uint8Array): void {
    const slot = this.arena.from(frame)
    if (slot < 0) throw new Error('the arena is exhausted')
    this.engine.receiveUnderlay(Int32Array.of(slot), 1)
  }

  /** Sends and returns what went to the underlay for it. */
  exchange(port: VirtualPort, frame: Uint8Array): Uint8Array | undefined {
    this.send(port, frame)
    return this.takeSent()[0]
  }

  /** Lets deferred work (answers of the gateway, frames that stay on the sled) run. */
  settle(): Promise<void> {
    return this.clock.advance(0)
  }

  /** Everything that is said about packets while `run` runs. */
  async story(run: () => void): Promise<StoryEvent[]> {
    const events: StoryEvent[] = []
    const stop = this.tracer.listen((event) => events.push(event))
    run()
    await this.settle()
    stop()
    return events
  }
}

/** Puts an outer Ethernet header in front of what the engine sent, as the sled's stack would. */
export function onTheWire(packet: Uint8Array, dst: Mac = REAR_MAC, src: Mac = SLED_MAC): Uint8Array {
  const frame = new Uint8Array(ETHERNET_MIN + packet.length)
  writeEthernet(frame, 0, { dst: dst.bytes, src: src.bytes, etherType: EtherType.ipv6 })
  frame.set(packet, ETHERNET_MIN)
  return frame
}

export function hex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(i * 2, i * 2 + 2), 16))
}

export function toHex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '(nothing)' : Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
