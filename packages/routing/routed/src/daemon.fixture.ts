/** Daemons with configuration files, in memory and virtual time. */
import { client } from '@lodestone/api'
import { routedApi, type RoutedClient } from '@lodestone/contract-routed'
import {
  Host,
  type LogLine,
  MemoryFabric,
  MemoryFiles,
  type Network,
  SeededRandom,
  VirtualClock,
} from '@lodestone/host'
import { MemoryTarget } from '@lodestone/lower'
import { Daemon, type ReloadResult } from './daemon.ts'
import type { MrtStore } from './mrt/mrt-dumper.ts'

/** MRT files in memory, by `DIRECTORY/NAME`; only what was closed is there. */
export class MemoryMrt implements MrtStore {
  readonly files = new Map<string, Uint8Array>()
  /** The disk is full. */
  isFailing = false

  create(directory: string, name: string) {
    const chunks: Uint8Array[] = []
    if (this.isFailing) return Promise.reject(new Error('ENOSPC: no space left'))
    return Promise.resolve({
      write: async (bytes: Uint8Array) => {
        if (this.isFailing) throw new Error('ENOSPC: no space left')
        chunks.push(bytes)
      },
      close: async () => void this.files.set(`${directory}/${name}`, new Uint8Array(Buffer.concat(chunks))),
    })
  }
}

export class LabDaemon {
  readonly daemon: Daemon
  readonly mrt = new MemoryMrt()
  readonly target = new MemoryTarget()
  readonly log: LogLine[] = []
  readonly client: RoutedClient
  text = ''

  constructor(name: string, clock: VirtualClock, network: Network, address: string) {
    const host = new Host({
      name,
      clock,
      random: new SeededRandom(name.charCodeAt(0) * 7 + name.length),
      files: new MemoryFiles(),
      networks: { os: network },
      log: (line) => void this.log.push(line),
    })
    this.daemon = new Daemon(host, {
      network: 'os',
      adminNetwork: 'os',
      defaultAdmin: [`${address}:4676`],
      mrtStore: this.mrt,
      targets: [{ target: this.target, interfaceOf: () => 'eth0' }],
      source: {
        name: `${name}.yaml`,
        read: () => Promise.resolve(this.text),
        readFile: (path) => Promise.reject(new Error(`there is no file ${path}`)),
      },
    })
    this.client = client(routedApi, this.daemon.handler(), 'http://routed')
  }

  get routed() {
    return this.daemon.routed
  }

  /** `prefix next-hop` of what is in use, sorted. */
  selected(): string[] {
    return [...this.routed.rib.routes()]
      .flatMap(({ prefix, selected }) => selected.map(({ nextHop }) => `${prefix} ${nextHop}`))
      .toSorted()
  }

  established(): string[] {
    return [...(this.routed.speaker?.peers() ?? [])]
      .filter((peer) => peer.isEstablished)
      .map((peer) => peer.config.name)
  }
}

export class DaemonLab {
  readonly clock = new VirtualClock()
  readonly fabric = new MemoryFabric(this.clock)
  readonly daemons: LabDaemon[] = []

  /** A host without a daemon. */
  network(name: string, address: string): Network {
    return this.fabric.network(name, [address])
  }

  /** @param wrap puts something between the daemon and its network. */
  add(name: string, address: string, wrap: (network: Network) => Network = (network) => network): LabDaemon {
    const made = new LabDaemon(name, this.clock, wrap(this.network(name, address)), address)
    this.daemons.push(made)
    return made
  }

  async start(daemon: LabDaemon, text: string): Promise<ReloadResult> {
    daemon.text = text
    return this.clock.run(daemon.daemon.reload())
  }

  close(): void {
    for (const { daemon } of this.daemons) daemon.close()
  }
}
