/**
 * A service of the rack on a sled: a TCP/IP stack behind a port of the packet engine, in the services' own VPC, with an external address.
 * Packets from the world reach it as they reach an instance: the switch translates and tunnels, the engine checks and rewrites. What
 * runs on it is another file's.
 */
import { Link, type Port } from '@lodestone/link'
import { Prefix } from '@lodestone/net'
import { Guest, type Netstack } from '@lodestone/netstack'
import type { FirewallRule, PortConfig, VportEngine } from '@lodestone/vport'
import { HTTP_PORT, HTTPS_PORT } from './api-service.ts'
import type { ServiceSpec } from './topology.ts'
import type { World } from './world.ts'

const MTU_BYTES = 1500

export interface ServiceNodeOptions {
  readonly spec: ServiceSpec
  readonly sled: string
  readonly engine: VportEngine
  readonly world: World
  readonly onWire: (link: Link, isThere: boolean) => void
}

export class ServiceNode {
  readonly spec: ServiceSpec
  readonly #guest: Guest
  readonly #wire: Link
  readonly #options: ServiceNodeOptions

  constructor(options: ServiceNodeOptions) {
    const { spec, sled, engine, world, onWire } = options
    const { clock, random, arena, tracer } = world
    this.spec = spec
    this.#options = options
    const port = engine.addPort(portConfig(spec))
    this.#wire = new Link({
      name: port.name,
      a: `${spec.name}/nic0`,
      b: `${sled}/${port.name}`,
      clock,
      random,
      arena,
      tracer,
      mtuBytes: MTU_BYTES,
    })
    join(this.#wire.b, port.guest)
    onWire(this.#wire, true)
    const nics = [{ name: 'nic0', port: this.#wire.a, mac: spec.mac, mtuBytes: MTU_BYTES }]
    this.#guest = new Guest({ name: spec.name, clock, random, arena, tracer, nics, isManagedNetwork: true })
  }

  get network(): Netstack {
    return this.#guest.network
  }

  close(): void {
    this.#guest.close()
    this.#options.onWire(this.#wire, false)
    this.#wire.setUp(false)
    this.#options.engine.removePort(portId(this.spec))
  }
}

/** Only what the service is for comes in, and pings. It may answer, and ask, the whole world. */
function portConfig(spec: ServiceSpec): PortConfig {
  const { vni, mac, address, subnet, externalAddress } = spec
  return {
    generation: 1,
    id: portId(spec),
    name: `${spec.name}-nic0`,
    mac,
    vni,
    ip4: { address, subnet, gateway: subnet.nth(1) },
    externalIps4: { floating: [{ ip: externalAddress, name: spec.name }] },
    firewall: firewallOf(spec),
    routes: [
      {
        id: 'system 0.0.0.0/0',
        name: 'system route 0.0.0.0/0',
        destination: Prefix.of('0.0.0.0/0'),
        target: { kind: 'internet-gateway' },
        class: 'system',
      },
    ],
    dhcp: { hostname: spec.name, dns: [] },
    mtuBytes: MTU_BYTES,
    transitIps: [],
  }
}

function firewallOf({ kind, name }: ServiceSpec): FirewallRule[] {
  const base = { direction: 'in', action: 'allow', priority: 100 } as const
  const service: Pick<FirewallRule, 'protocols' | 'ports'> =
    kind === 'dns'
      ? { protocols: [{ kind: 'udp' }, { kind: 'tcp' }], ports: [{ first: 53, last: 53 }] }
      : { protocols: [{ kind: 'tcp' }], ports: [HTTP_PORT, HTTPS_PORT].map((port) => ({ first: port, last: port })) }
  return [
    { ...base, id: `${name}-service`, name: `allow-${kind}`, ...service },
    { ...base, id: `${name}-ping`, name: 'allow-icmp', protocols: [{ kind: 'icmp' }] },
  ]
}

function portId({ name }: ServiceSpec): string {
  return `service-${name}`
}

/** What arrives at one port is sent out of the other, both ways. */
function join(a: Port, b: Port): void {
  a.attach({ receive: (slots, count) => b.send(slots, count) })
  b.attach({ receive: (slots, count) => a.send(slots, count) })
}
