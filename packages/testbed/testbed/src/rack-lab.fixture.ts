/**
 * For tests: a whole rack in virtual time, a control plane that speaks its contracts, and guests whose TCP/IP stack the test holds
 * in its hand: it sits on the wire of an instance that the agent itself does not run.
 */
import { httpFetch } from '@lodestone/api'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import type { Link } from '@lodestone/link'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { DhcpClient, Netstack, RouterDiscovery } from '@lodestone/netstack'
import type { Program } from '@lodestone/p4'
import type { Story } from '@lodestone/probe'
import { ControlPlaneFixture, type InstanceSpec, type LabInstance } from './control-plane.fixture.ts'
import { Emulation } from './emulation.ts'
import type { HostNode } from './host-node.ts'
import { compileSwitchProgram } from './os-switch-program.ts'
import { CLIENT_NAME, rackTopology } from './rack-topology.ts'
import { rackChecks } from './readiness.ts'
import { storiesDuring } from './story-hops.fixture.ts'
import type { Topology } from './topology.ts'
import { World } from './world.ts'

let program: Program | undefined

export interface LabOptions {
  readonly sleds?: number
  /** Another one than `rackTopology` makes. */
  readonly topology?: Topology
  readonly seed?: number
  readonly frames?: number
}

export interface LabGuest {
  readonly instance: LabInstance
  readonly stack: Netstack
  /** `a` is the guest's end. */
  readonly wire: Link
}

export interface Page {
  readonly status: number
  readonly body: string
}

export class RackLab {
  readonly clock = new VirtualClock()
  readonly world: World
  readonly emulation: Emulation
  readonly control: ControlPlaneFixture
  readonly #guests: (() => void)[] = []

  /** A rack that passes all of its own checks; with a topology of your own you say yourself what to wait for. */
  static async start(options: LabOptions = {}): Promise<RackLab> {
    const lab = new RackLab(options)
    await lab.emulation.start()
    if (options.topology === undefined) await lab.untilReady(30_000)
    return lab
  }

  private constructor(options: LabOptions) {
    program ??= compileSwitchProgram()
    this.world = new World({
      clock: this.clock,
      random: new SeededRandom(options.seed ?? 1),
      ...(options.frames === undefined ? {} : { frames: options.frames }),
    })
    const topology = options.topology ?? rackTopology({ sleds: options.sleds ?? 2 })
    this.emulation = new Emulation({ world: this.world, topology, program })
    this.control = new ControlPlaneFixture(this.emulation)
  }

  get client(): HostNode {
    return this.emulation.hosts().find((node) => node.name === CLIENT_NAME)!
  }

  link(name: string): Link {
    const link = this.emulation.links().get(name)
    if (link === undefined)
      throw new Error(`no link ${name}; there are ${[...this.emulation.links().keys()].join(' ')}`)
    return link
  }

  get isReady(): boolean {
    return rackChecks(this.emulation).every((check) => check.ready)
  }

  async untilReady(withinMs: number): Promise<void> {
    if (await this.clock.until(() => this.isReady, withinMs)) return
    const failed = rackChecks(this.emulation).filter((check) => !check.ready)
    throw new Error(`not ready within ${withinMs} ms: ${failed.map((check) => check.detail).join('; ')}`)
  }

  /** Waits in virtual time. */
  run<T>(promise: Promise<T>, withinMs?: number): Promise<T> {
    return this.clock.run(promise, withinMs)
  }

  /** An instance whose guest the agent runs: a web server and a shell. */
  async boot(spec: InstanceSpec): Promise<LabInstance> {
    const instance = await this.run(this.control.createInstance(spec))
    await this.run(this.control.run(instance))
    const { agent } = this.emulation.sleds()[spec.sled]!
    const isUp = (): boolean => agent.instances.get(instance.id)!.guest !== undefined
    if (!(await this.clock.until(isUp, 1000))) throw new Error(`${spec.name} did not boot`)
    await this.clock.advance(100) // DHCP
    return instance
  }

  /** Types a command at an instance's console. */
  async shell(instance: LabInstance, command: string): Promise<string> {
    const { agent } = this.emulation.sleds()[instance.spec.sled]!
    return (await this.run(agent.instances.get(instance.id)!.guest!.exec!(command))).output
  }

  /** An instance whose guest is a stack in the test's hand, with its lease. */
  async attach(spec: InstanceSpec): Promise<LabGuest> {
    const instance = await this.run(this.control.createInstance(spec))
    const wire = this.link(`${spec.name}-nic0`)
    const stack = new Netstack({ ...this.world, name: spec.name })
    stack.addInterface({ name: 'eth0', port: wire.a, mac: Mac.of(instance.mac) })
    const leased = new Promise<void>((resolve) => {
      const dhcp = new DhcpClient({ network: stack, interface: 'eth0', onLease: () => resolve() })
      this.#guests.push(() => dhcp.close())
    })
    const routers = new RouterDiscovery({ network: stack, interface: 'eth0' })
    // The stack has no DHCPv6: what it would be told is set by hand.
    if (spec.ip6 !== undefined) stack.interface('eth0')!.addAddress(Prefix.host(Ip.of(spec.ip6)))
    this.#guests.push(
      () => routers.close(),
      () => stack.close(),
    )
    await this.run(leased, 5000)
    return { instance, stack, wire }
  }

  async fetch(from: Netstack, url: string, timeoutMs = 3000): Promise<Page> {
    const load = async (): Promise<Page> => {
      const response = await httpFetch(from, { clock: this.clock, timeoutMs })(new Request(url))
      return { status: response.status, body: await response.text() }
    }
    return this.run(load())
  }

  /** Every story that ends while `work` is under way, and those it leaves open. */
  stories<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly stories: readonly Story[] }> {
    return storiesDuring(this.world.tracer, work)
  }

  /** Frames that exist and are not in a table's or queue's keeping: what is left when traffic has ended. */
  get framesInUse(): number {
    return this.world.arena.slots - this.world.arena.freeSlots
  }

  close(): void {
    for (const close of this.#guests) close()
    this.emulation.close()
  }
}

/** What an expression throws, for the failures that a test expects. */
export async function failure(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('it succeeded')
}
