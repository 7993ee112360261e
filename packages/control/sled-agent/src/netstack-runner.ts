/**
 * The embedded guest: a TCP/IP host on the instance's NICs. It configures itself by DHCP and router advertisements, and runs
 * either the module that came as `user_data`, or a web server that says who it is and a shell on the serial console.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock, Random } from '@lodestone/host'
import { DhcpClient, Netstack, RouterDiscovery, Shell, shellCommand, WebServer } from '@lodestone/netstack'
import type { Tracer } from '@lodestone/probe'
import type { Guest, GuestSpec, InstanceRunner } from './instance-runner.ts'
import { isGuestModule, ModuleGuest } from './module-guest/module-guest.ts'

export interface NetstackRunnerOptions {
  readonly arena: Arena
  readonly clock: Clock
  readonly random: Random
  readonly tracer: Tracer
}

/** A module that listens before it has an address would only confuse: it starts with the lease, or after this long. */
const LEASE_WAIT_MS = 2000

export class NetstackRunner implements InstanceRunner {
  readonly kind = 'netstack'
  readonly #options: NetstackRunnerOptions

  constructor(options: NetstackRunnerOptions) {
    this.#options = options
  }

  async start(spec: GuestSpec): Promise<Guest> {
    const { clock } = this.#options
    const network = new Netstack({ ...this.#options, name: spec.hostname })
    const closers: (() => void)[] = [() => network.close()]
    const leased: Promise<void>[] = []
    for (const nic of spec.nics) {
      network.addInterface({ name: nic.name, port: nic.port, mac: nic.mac, mtuBytes: nic.mtuBytes })
      leased.push(
        new Promise((resolve) => {
          const onLease = (): void => resolve()
          const dhcp = new DhcpClient({ network, interface: nic.name, hostName: spec.hostname, onLease })
          closers.unshift(() => dhcp.close())
        }),
      )
      const routers = new RouterDiscovery({ network, interface: nic.name })
      closers.unshift(() => routers.close())
    }
    const text = new TextDecoder().decode(spec.userData)
    const input = isGuestModule(text)
      ? await this.#runModule(spec, network, text, leased, closers)
      : await this.#runDefault(spec, network, closers)
    return {
      input,
      exec: async (command) => ({
        output: await shellCommand({ network, clock, hostName: spec.hostname, command }),
        exitCode: 0,
      }),
      stop() {
        for (const close of closers) close()
      },
    }
  }

  async #runModule(
    spec: GuestSpec,
    network: Netstack,
    source: string,
    leased: readonly Promise<void>[],
    closers: (() => void)[],
  ): Promise<(bytes: Uint8Array) => void> {
    const patience = new Promise<void>((resolve) => this.#options.clock.after(LEASE_WAIT_MS, resolve))
    await Promise.race([Promise.all(leased), patience])
    const module = new ModuleGuest({
      hostname: spec.hostname,
      addresses: network.interfaces().flatMap((each) => each.addresses.map((ip) => ip.toString())),
      source,
      network,
      print: (bytes) => spec.console.write(bytes),
    })
    closers.unshift(() => module.stop())
    return (bytes) => module.input(bytes)
  }

  async #runDefault(spec: GuestSpec, network: Netstack, closers: (() => void)[]): Promise<(bytes: Uint8Array) => void> {
    const server = new WebServer({ network, hostName: spec.hostname })
    await server.start()
    closers.unshift(() => server.close())
    let typed: (bytes: Uint8Array) => void = () => undefined
    const shell = new Shell({
      network,
      clock: this.#options.clock,
      hostName: spec.hostname,
      console: {
        write: (bytes) => spec.console.write(bytes),
        onInput(fn) {
          typed = fn
          return () => undefined
        },
      },
    })
    closers.unshift(() => shell.close())
    return (bytes) => typed(bytes)
  }
}
