/**
 * A name server of the rack: it answers the world on a service's port, or the rack on an underlay address of its own, and is told its
 * zones on the underlay. What it was told is lost with the sled's power; the control plane says it again.
 */
import { type HttpServer, serveHttp } from '@lodestone/api'
import { DNS_CONFIG_PORT } from '@lodestone/contract-dns'
import { DnsServer } from '@lodestone/dns'
import type { Network } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { World } from './world.ts'

export class DnsService {
  readonly server: DnsServer
  #config: HttpServer | undefined

  /** @param address to answer on; default: all of the network's. */
  constructor(name: string, network: Network, world: World, address?: Ip) {
    const { clock, files } = world.host(name, {})
    this.server = new DnsServer({
      network,
      clock,
      files,
      ...(address === undefined ? {} : { address: address.toString() }),
    })
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
