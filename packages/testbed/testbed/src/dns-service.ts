/**
 * A name server of the rack: it answers the world on a service's port, and is told its zones on the sled's underlay address. What it
 * was told is lost with the sled's power; the control plane says it again.
 */
import { type HttpServer, serveHttp } from '@lodestone/api'
import { DNS_CONFIG_PORT } from '@lodestone/contract-dns'
import { DnsServer } from '@lodestone/dns'
import type { Network } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { ServiceNode } from './service-node.ts'
import type { World } from './world.ts'

export class DnsService {
  readonly server: DnsServer
  #config: HttpServer | undefined

  constructor(node: ServiceNode, world: World) {
    const { clock, files } = world.host(node.spec.name, {})
    this.server = new DnsServer({ network: node.network, clock, files })
  }

  /** @param underlay where the control plane comes from, at `address`. */
  async start(underlay: Network, address: Ip): Promise<void> {
    this.#config = await serveHttp(
      underlay,
      { address: address.toString(), port: DNS_CONFIG_PORT },
      this.server.configHandler,
    )
    await this.server.start()
  }

  close(): void {
    this.#config?.close()
    this.server.close()
  }
}
