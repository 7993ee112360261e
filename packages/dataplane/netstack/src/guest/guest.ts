/**
 * The embedded guest: a host with one NIC that asks for its address by DHCP, listens to routers, serves a page that
 * says who it is, and has a shell on its console.
 * NOT IMPLEMENTED: running the module given as `user_data`.
 */
import type { Port } from '@lodestone/link'
import type { Mac } from '@lodestone/net'
import { DhcpClient } from '../dhcp/dhcp-client.ts'
import { Netstack } from '../netstack.ts'
import { RouterDiscovery } from '../router-discovery.ts'
import type { StackOptions } from '../stack.ts'
import { type GuestConsole, Shell } from './shell.ts'
import { WebServer } from './web-server.ts'

export interface GuestOptions extends Omit<StackOptions, 'forwarding'> {
  /** Default: the node's name. */
  readonly hostName?: string
  readonly port: Port
  readonly mac: Mac
  /** Default 1500. */
  readonly mtuBytes?: number
  /** Without one there is no shell. */
  readonly console?: GuestConsole
  /** Port of the web server; default 80. */
  readonly webPort?: number
}

/** The guest's interface. */
export const GUEST_INTERFACE = 'nic0'

export class Guest {
  readonly network: Netstack
  readonly dhcp: DhcpClient
  readonly routers: RouterDiscovery
  readonly webServer: WebServer
  readonly shell: Shell | undefined

  /** Boots at once. */
  constructor(options: GuestOptions) {
    const hostName = options.hostName ?? options.name
    const network = new Netstack(options)
    this.network = network
    network.addInterface({
      name: GUEST_INTERFACE,
      port: options.port,
      mac: options.mac,
      mtuBytes: options.mtuBytes ?? 1500,
    })
    this.dhcp = new DhcpClient({ network, interface: GUEST_INTERFACE, hostName })
    this.routers = new RouterDiscovery({ network, interface: GUEST_INTERFACE })
    this.webServer = new WebServer({ network, hostName, port: options.webPort ?? 80 })
    void this.webServer.start()
    const { clock, console } = options
    this.shell = console === undefined ? undefined : new Shell({ console, network, clock, hostName })
  }

  close(): void {
    this.shell?.close()
    this.webServer.close()
    this.routers.close()
    this.dhcp.close()
    this.network.close()
  }
}
