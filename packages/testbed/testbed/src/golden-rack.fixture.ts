/**
 * For tests: the smallest rack that has the addresses of the golden frames. One switch, so that no hash chooses a way; one upstream
 * router; two sleds. Guests are bare wires: the test is their network card.
 */
import { SeededRandom, VirtualClock } from '@lodestone/host'
import type { Link } from '@lodestone/link'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { ControlPlaneFixture, type InstanceSpec } from './control-plane.fixture.ts'
import { Emulation } from './emulation.ts'
import { compileSwitchProgram } from './os-switch-program.ts'
import { rackTopology } from './rack-topology.ts'
import { rackChecks } from './readiness.ts'
import type { HostSpec, NodeSpec, SledSpec, SwitchSpec, Topology } from './topology.ts'
import { World } from './world.ts'

const GENEVE = 6081
const BGP = 179

/** Where a frame was seen: a link, and which end it was sent from. */
export type Place =
  | 'uplink in'
  | 'uplink out'
  | 'sled0 in'
  | 'sled0 out'
  | 'sled1 in'
  | `${string} in`
  | `${string} out`

export interface Sighting {
  readonly place: Place
  readonly frame: Uint8Array
}

export class GoldenRack {
  readonly clock = new VirtualClock()
  readonly world: World
  readonly emulation: Emulation
  readonly control: ControlPlaneFixture

  static async start(): Promise<GoldenRack> {
    const rack = new GoldenRack()
    await rack.emulation.start()
    const isReady = (): boolean => rackChecks(rack.emulation).every((check) => check.ready)
    if (!(await rack.clock.until(isReady, 30_000))) throw new Error('the rack does not converge')
    return rack
  }

  private constructor() {
    this.world = new World({ clock: this.clock, random: new SeededRandom(1), frames: 1024 })
    const program = compileSwitchProgram()
    this.emulation = new Emulation({ world: this.world, topology: goldenTopology(), program })
    this.control = new ControlPlaneFixture(this.emulation)
  }

  /** An instance whose network card is the test: nothing answers for it. */
  async plug(spec: InstanceSpec): Promise<Link> {
    await this.clock.run(this.control.createInstance(spec))
    const wire = this.emulation.links().get(`${spec.name}-nic0`)!
    wire.a.attach({
      receive: (slots, count) => {
        for (let i = 0; i < count; i++) this.world.arena.free(slots[i]!)
      },
    })
    return wire
  }

  /** Puts a frame on a wire as its `end` would, and tells where what frames of guests or for guests went, in order. */
  async send(link: string, end: 'a' | 'b', frame: Uint8Array): Promise<Sighting[]> {
    const seen: Sighting[] = []
    const links = [...this.emulation.links().values()].filter((each) => each.name !== 'isp0-client')
    const stops = links.map((each) =>
      each.tap((slot, direction) => {
        const bytes = this.world.arena.peek(slot)
        if (isGuests(bytes)) seen.push({ place: placeOf(each.name, direction === 'a-to-b'), frame: bytes.slice() })
      }),
    )
    this.emulation
      .links()
      .get(link)!
      [end].send(Int32Array.of(this.world.arena.from(frame)), 1)
    await this.clock.advance(1.5)
    for (const stop of stops) stop()
    return seen
  }

  close(): void {
    this.emulation.close()
  }
}

/** Tunnel packets, and IPv4 that is no BGP. */
function isGuests(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const etherType = view.getUint16(12)
  if (etherType === 0x86dd) return frame[20] === 17 && view.getUint16(56) === GENEVE
  return etherType === 0x0800 && view.getUint16(34) !== BGP && view.getUint16(36) !== BGP
}

function placeOf(link: string, isFromA: boolean): Place {
  if (link === 'switch0-isp0') return isFromA ? 'uplink out' : 'uplink in'
  return `${link.replace(/-(switch0|nic0)$/, '')} ${isFromA ? 'out' : 'in'}`
}

function goldenTopology(): Topology {
  const rack = rackTopology({ sleds: 2 })
  const isHere = (name: string): boolean => !/^(switch1|isp1)$/.test(name)
  return {
    name: 'golden',
    links: rack.links.filter(({ a, b }) => isHere(a.node) && isHere(b.node)),
    nodes: rack.nodes.filter(({ name }) => isHere(name)).map(golden),
  }
}

function golden(node: NodeSpec): NodeSpec {
  switch (node.kind) {
    case 'sled':
      return goldenSled(node)
    case 'switch':
      return goldenSwitch(node)
    case 'host':
      return goldenHost(node)
    case 'external':
      return node
  }
}

function goldenSled(node: SledSpec): SledSpec {
  const nic = node.nics[0]!
  if (node.name !== 'sled0')
    return {
      ...node,
      nics: [nic],
      prefix: Prefix.of('fd00:1122:3344:101::/64'),
      address: Ip.of('fd00:1122:3344:101::1'),
    }
  const mac = Mac.of('a8:40:25:04:02:70')
  return {
    ...node,
    nics: [{ ...nic, mac }],
    prefix: Prefix.of('fd00:1122:3344:104::/64'),
    address: Ip.of('fd00:1122:3344:104::1'),
  }
}

function goldenSwitch(node: SwitchSpec): SwitchSpec {
  return {
    ...node,
    ports: node.ports.filter((port) => port.name !== 'qsfp1'),
    tunnelEndpoint: Ip.of('fdb1:a844:2ecd::1'),
    bgp: {
      ...node.bgp,
      peers: node.bgp.peers.filter((peer) => peer.name !== 'isp1'),
      originate: [...node.bgp.originate, Prefix.of('1.2.3.0/24')],
    },
  }
}

function goldenHost(node: HostSpec): HostSpec {
  const isHere = ({ name }: { readonly name: string }): boolean => !/^(switch1|isp1)$/.test(name)
  return {
    ...node,
    interfaces: node.interfaces.filter(isHere),
    bgp: node.bgp === undefined ? undefined : { ...node.bgp, peers: node.bgp.peers.filter(isHere) },
  }
}
