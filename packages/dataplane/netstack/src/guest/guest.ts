/**
 * The embedded guest: a host on one or several NICs that configures itself (DHCP, router advertisements, and DHCPv6 where
 * they ask for it), and the program that runs on it when it is given no other: a web page that says who it is and a shell
 * on a serial console. Addresses belong to their NIC (strong host), as the networks behind them expect.
 */
import type { Port } from '@lodestone/link'
import type { Mac } from '@lodestone/net'
import { Dhcp6Client } from '../dhcp/dhcp6-client.ts'
import { DhcpClient } from '../dhcp/dhcp-client.ts'
import { Netstack } from '../netstack.ts'
import { RouterDiscovery } from '../router-discovery.ts'
import type { StackOptions } from '../stack.ts'
import { type GuestConsole, Shell } from './shell.ts'
import { WebServer } from './web-server.ts'

export interface GuestNic {
  readonly name: string
  readonly port: Port
  readonly mac: Mac
  /** Default 1500. */
  readonly mtuBytes?: number
}

export interface GuestOptions extends Omit<StackOptions, 'forwarding' | 'strongHost'> {
  /** Default: the node's name. */
  readonly hostName?: string
  /** The first one's default route is used while it is up. */
  readonly nics: readonly GuestNic[]
  /**
   * The networks give no address to two hosts and have no multicast routers, as behind a packet engine: addresses are not
   * checked for duplicates, which takes a second each, and groups are not reported. Default false.
   */
  readonly isManagedNetwork?: boolean
}

export interface GuestProgramOptions {
  /** Without one there is no shell. */
  readonly console?: GuestConsole
  /** Port of the web server; default 80. */
  readonly webPort?: number
}

/** What configures one NIC. */
interface GuestInterface {
  readonly dhcp: DhcpClient
  readonly routers: RouterDiscovery
  /** Once a router advertisement says that addresses are managed. */
  dhcp6: Dhcp6Client | undefined
  isConfigured: boolean
}

export class Guest {
  readonly network: Netstack
  readonly hostName: string
  readonly #interfaces: ReadonlyMap<string, GuestInterface>
  readonly #waiting = new Set<() => void>()
  #webServer: WebServer | undefined
  #shell: Shell | undefined

  /** Boots at once. */
  constructor(options: GuestOptions) {
    this.hostName = options.hostName ?? options.name
    this.network = new Netstack({ ...options, strongHost: true })
    const isCareful = options.isManagedNetwork !== true
    this.#interfaces = new Map(options.nics.map((nic) => [nic.name, this.#configure(nic, isCareful)]))
  }

  #configure(nic: GuestNic, isCareful: boolean): GuestInterface {
    const { network } = this
    network.addInterface({
      name: nic.name,
      port: nic.port,
      mac: nic.mac,
      mtuBytes: nic.mtuBytes ?? 1500,
      duplicateAddressDetection: isCareful,
      listenerReports: isCareful,
    })
    const onLease = (lease: unknown): void => {
      if (lease === undefined || entry.isConfigured) return
      entry.isConfigured = true
      if (this.#isConfigured()) for (const resume of [...this.#waiting]) resume()
    }
    const entry: GuestInterface = {
      dhcp: new DhcpClient({ network, interface: nic.name, hostName: this.hostName, onLease }),
      routers: new RouterDiscovery({
        network,
        interface: nic.name,
        onAdvert: ({ isManaged }) => {
          if (isManaged) entry.dhcp6 ??= new Dhcp6Client({ network, interface: nic.name, onLease })
        },
      }),
      dhcp6: undefined,
      isConfigured: false,
    }
    return entry
  }

  /** The clients of one NIC; undefined when there is no such NIC. */
  interface(name: string): Readonly<GuestInterface> | undefined {
    return this.#interfaces.get(name)
  }

  /** The page of the web server, once it was asked for. */
  get webServer(): WebServer | undefined {
    return this.#webServer
  }

  /** Resolves when every NIC has an address from a server, or after `patienceMs`. */
  configured(patienceMs: number): Promise<void> {
    if (this.#isConfigured()) return Promise.resolve()
    return new Promise((resolve) => {
      const resume = (): void => {
        timer.cancel()
        this.#waiting.delete(resume)
        resolve()
      }
      const timer = this.network.stack.clock.after(patienceMs, resume)
      this.#waiting.add(resume)
    })
  }

  #isConfigured(): boolean {
    return [...this.#interfaces.values()].every((entry) => entry.isConfigured)
  }

  /** Runs what a guest runs that was given nothing else. Rejects with a Node-style error when the web port is taken. */
  async runProgram(options: GuestProgramOptions = {}): Promise<void> {
    const { network, hostName } = this
    const { clock } = network.stack
    if (options.console !== undefined) {
      this.#shell = new Shell({ console: options.console, network, clock, hostName })
    }
    this.#webServer = new WebServer({ network, hostName, port: options.webPort ?? 80 })
    await this.#webServer.start()
  }

  /** Pulls the plug. */
  close(): void {
    this.#shell?.close()
    this.#webServer?.close()
    for (const { dhcp, routers, dhcp6 } of this.#interfaces.values()) {
      dhcp6?.close()
      routers.close()
      dhcp.close()
    }
    this.network.close()
  }
}
