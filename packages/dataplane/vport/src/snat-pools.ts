/** The three port pools of a shared external address: TCP, UDP, and ICMP echo identifiers. */
import { IpProtocol } from '@lodestone/packet'
import type { SourceNat } from './port-config.ts'
import { type PoolUsage, SnatPool, TCP_REST_MS } from './snat-pool.ts'

/** How much of a shared address is in use. */
export interface SourceNatUsage {
  readonly ip: string
  readonly firstPort: number
  readonly lastPort: number
  readonly tcp: PoolUsage
  readonly udp: PoolUsage
  readonly icmp: PoolUsage
}

export class SnatPools {
  readonly config: SourceNat
  readonly #tcp: SnatPool
  readonly #udp: SnatPool
  readonly #icmp: SnatPool

  /** @param like of the same address and ports, whose leases these begin with. */
  constructor(config: SourceNat, like?: SnatPools) {
    this.config = config
    this.#tcp = like?.of(IpProtocol.tcp).copy() ?? new SnatPool(config.firstPort, config.lastPort, TCP_REST_MS)
    this.#udp = like?.of(IpProtocol.udp).copy() ?? new SnatPool(config.firstPort, config.lastPort)
    this.#icmp = like?.of(IpProtocol.icmp).copy() ?? new SnatPool(config.firstPort, config.lastPort)
  }

  copy(): SnatPools {
    return new SnatPools(this.config, this)
  }

  of(protocol: number): SnatPool {
    if (protocol === IpProtocol.tcp) return this.#tcp
    return protocol === IpProtocol.udp ? this.#udp : this.#icmp
  }

  all(): readonly SnatPool[] {
    return [this.#tcp, this.#udp, this.#icmp]
  }

  includes(pool: SnatPool): boolean {
    return pool === this.#tcp || pool === this.#udp || pool === this.#icmp
  }

  /** Whether a configuration means the same address and ports, so that leases may go on. */
  isSame(config: SourceNat): boolean {
    return (
      this.config.ip.equals(config.ip) &&
      this.config.firstPort === config.firstPort &&
      this.config.lastPort === config.lastPort
    )
  }

  usage(nowMs: number): SourceNatUsage {
    const { ip, firstPort, lastPort } = this.config
    const [tcp, udp, icmp] = [this.#tcp.usage(nowMs), this.#udp.usage(nowMs), this.#icmp.usage(nowMs)]
    return { ip: ip.toString(), firstPort, lastPort, tcp, udp, icmp }
  }
}
