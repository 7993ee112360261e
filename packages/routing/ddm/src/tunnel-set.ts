/**
 * The effective tunnel endpoints: of all endpoints learned for an overlay prefix those with a metric above 0 are
 * used; only when there is none, those with metric 0. Always computed from everything learned, so that an expiry or
 * withdrawal brings back what a better endpoint had hidden.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { TunnelOrigin } from './exchange-message.ts'

/** A tunnel as it is programmed: the metric has done its work and is gone. */
export interface TunnelEndpoint {
  readonly overlayPrefix: Prefix
  readonly boundaryAddress: Ip
  readonly vni: number
}

/** In order of prefix, then boundary address, then VNI; each once. */
export function effectiveTunnels(learned: Iterable<TunnelOrigin>): readonly TunnelEndpoint[] {
  const active = new Map<string, TunnelEndpoint>()
  const standby = new Map<string, TunnelEndpoint>()
  const activePrefixes = new Set<string>()
  for (const { overlayPrefix, boundaryAddress, vni, metric } of learned) {
    const endpoint: TunnelEndpoint = { overlayPrefix, boundaryAddress, vni }
    const isActive = metric > 0n
    if (isActive) activePrefixes.add(overlayPrefix.toString())
    const target = isActive ? active : standby
    target.set(endpointKey(endpoint), endpoint)
  }
  for (const [key, endpoint] of standby) {
    if (!activePrefixes.has(endpoint.overlayPrefix.toString())) active.set(key, endpoint)
  }
  return [...active.values()].toSorted(
    (a, b) => a.overlayPrefix.compare(b.overlayPrefix) || a.boundaryAddress.compare(b.boundaryAddress) || a.vni - b.vni,
  )
}

export function isSameTunnels(a: readonly TunnelEndpoint[], b: readonly TunnelEndpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, i) => endpointKey(endpoint) === endpointKey(b[i]!))
}

function endpointKey({ overlayPrefix, boundaryAddress, vni }: TunnelEndpoint): string {
  return `${overlayPrefix} ${boundaryAddress} ${vni}`
}
