/** For tests: a server on a network in memory, a client beside it, and a rack's zone. */
import { client } from '@lodestone/api'
import { type DnsClient, type DnsConfigParams, dnsApi } from '@lodestone/contract-dns'
import { MemoryFabric, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { DnsServer, type DnsServerOptions } from './dns-server.ts'
import { lookup, type LookupOptions, type LookupResult } from './lookup.ts'

export const SERVER = '198.51.100.2'

export const RACK_ZONE: DnsConfigParams = {
  generation: 3,
  serial: 3,
  time_created: '2026-01-01T00:00:00Z',
  zones: [
    {
      zone_name: 'oxide.test',
      records: {
        '@': [
          { type: 'NS', data: 'ns1.oxide.test' },
          { type: 'NS', data: 'ns2.oxide.test' },
        ],
        ns1: [{ type: 'A', data: '198.51.100.2' }],
        ns2: [{ type: 'A', data: '198.51.100.3' }],
        'eng.sys': [
          { type: 'A', data: '198.51.100.4' },
          { type: 'AAAA', data: '2001:db8::4' },
        ],
        '_api._tcp': [{ type: 'SRV', data: { prio: 1, weight: 2, port: 443, target: 'eng.sys.oxide.test' } }],
        many: Array.from({ length: 100 }, (_, index) => ({ type: 'A' as const, data: `203.0.113.${index}` })),
      },
    },
  ],
}

export class NameServerLab {
  readonly clock = new VirtualClock()
  readonly random = new SeededRandom(1)
  readonly files: MemoryFiles
  readonly server: DnsServer
  readonly config: DnsClient
  readonly network
  readonly #clientNetwork

  static async start(options: Partial<DnsServerOptions> = {}): Promise<NameServerLab> {
    const lab = new NameServerLab(options)
    await lab.server.start()
    return lab
  }

  private constructor(options: Partial<DnsServerOptions>) {
    const fabric = new MemoryFabric(this.clock)
    this.network = fabric.network('server', [SERVER])
    this.#clientNetwork = fabric.network('client', ['203.0.113.9'])
    this.files = (options.files as MemoryFiles | undefined) ?? new MemoryFiles()
    this.server = new DnsServer({ network: this.network, clock: this.clock, files: this.files, ...options })
    this.config = client(dnsApi, this.server.configHandler, 'http://dns')
  }

  get client() {
    return this.#clientNetwork
  }

  async configure(config: DnsConfigParams = RACK_ZONE): Promise<void> {
    const result = await this.config.dns_config_put({ body: config })
    if (!result.ok) throw new Error(result.message)
  }

  ask(name: string, type: LookupOptions['type'], more: Partial<LookupOptions> = {}): Promise<LookupResult> {
    const { clock, random } = this
    return clock.run(lookup({ network: this.#clientNetwork, clock, random, server: SERVER, name, type, ...more }))
  }
}
