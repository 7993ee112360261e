/**
 * A switch's external routes as tunnel endpoints: for every selected external prefix the sleds are told that packets to
 * it may be tunnelled to this switch. Without an endpoint for a destination a sled drops what an instance sends there.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { type Path, PrefixTable, type Rib } from '@lodestone/rib'

/** The VNI of traffic that leaves or enters the rack. */
export const BOUNDARY_VNI = 99
/** Unsigned 64-bit maximum: what the control plane announces for a working endpoint. */
export const DEFAULT_TUNNEL_METRIC: bigint = (1n << 64n) - 1n

/** The same shape as DDM's, which takes these. */
export interface TunnelOriginLike {
  readonly overlayPrefix: Prefix
  readonly boundaryAddress: Ip
  readonly vni: number
  readonly metric: bigint
}

export interface TunnelOriginsOptions {
  readonly rib: Rib
  /** This switch's tunnel endpoint. */
  readonly boundaryAddress: Ip
  readonly vni?: number
  readonly metric?: bigint
  /** Which paths lead out of the rack; default those of BGP and static routes. */
  readonly isExternal?: (path: Path) => boolean
  /** Called with the whole set, now and after each change. */
  readonly announce: (origins: readonly TunnelOriginLike[]) => void
}

export class TunnelOrigins {
  readonly #origins = new PrefixTable<TunnelOriginLike>()
  readonly #unwatch: () => void

  constructor(options: TunnelOriginsOptions) {
    const { rib, boundaryAddress, vni = BOUNDARY_VNI, metric = DEFAULT_TUNNEL_METRIC } = options
    const isExternal = options.isExternal ?? isExternalProtocol
    this.#unwatch = rib.watch((changes) => {
      let isChanged = false
      for (const { prefix, selected } of changes) {
        const isWanted = selected.some(isExternal)
        if (isWanted === (this.#origins.get(prefix) !== undefined)) continue
        isChanged = true
        if (isWanted) this.#origins.set(prefix, { overlayPrefix: prefix, boundaryAddress, vni, metric })
        else this.#origins.delete(prefix)
      }
      if (isChanged) options.announce(this.list())
    }, true)
  }

  list(): readonly TunnelOriginLike[] {
    return [...this.#origins.values()]
  }

  close(): void {
    this.#unwatch()
  }
}

function isExternalProtocol({ source }: Path): boolean {
  return source.protocol === 'bgp' || source.protocol === 'static'
}
