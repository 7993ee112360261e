/** Configuration of one peer, as the engine takes it. */
import type { Ip } from '@lodestone/net'
import type { Family } from './address-family.ts'
import type { Policy } from './policy.ts'

export interface PeerConfig {
  /** Unique among the speaker's peers; the peer's key in the RIB. */
  readonly name: string
  readonly remoteAddress: Ip
  readonly remoteAsn: number
  /** Default 179. */
  readonly remotePort?: number | undefined
  readonly localAddress?: Ip | undefined
  /** The link to the peer: needed for link-local addresses, and drops the session at once when it goes down. */
  readonly interface?: string | undefined
  /** Seconds, 0 or at least 3; default 90. */
  readonly holdTimeS?: number | undefined
  /** Default: a third of the negotiated hold time. */
  readonly keepaliveS?: number | undefined
  /** Default 5. */
  readonly connectRetryS?: number | undefined
  /** Pause after the first failure in a row; default 1. */
  readonly idleHoldS?: number | undefined
  readonly isPassive?: boolean | undefined
  /** Default both. */
  readonly families?: readonly Family[] | undefined
  /** Next hop told to the peer, by family of the routes; default: our end of the session where the family fits. */
  readonly nextHop4?: Ip | undefined
  readonly nextHop6?: Ip | undefined
  /** Offer IPv4 routes over an IPv6 next hop (RFC 8950). */
  readonly ipv4OverIpv6?: boolean | undefined
  readonly nextHopSelf?: boolean | undefined
  /** Default true. */
  readonly enforceFirstAs?: boolean | undefined
  /** Paths accepted before the session is ended with 6/1; default no limit. */
  readonly maxPaths?: number | undefined
  readonly import?: Policy | undefined
  readonly export?: Policy | undefined
}

export const DEFAULT_HOLD_TIME_S = 90
export const DEFAULT_CONNECT_RETRY_S = 5
export const DEFAULT_IDLE_HOLD_S = 1
export const BGP_PORT = 179

/** Whether two configurations differ only in what can change under a running session. */
export function needsNewSession(before: PeerConfig, after: PeerConfig): boolean {
  const fixed = (config: PeerConfig): string =>
    JSON.stringify({ ...config, import: undefined, export: undefined, maxPaths: undefined, enforceFirstAs: undefined })
  return fixed(before) !== fixed(after)
}

/** Whether nothing differs. Policy functions are equal only to themselves. */
export function isSamePeer(before: PeerConfig, after: PeerConfig): boolean {
  return (
    before.import?.route === after.import?.route &&
    before.export?.route === after.export?.route &&
    JSON.stringify(before) === JSON.stringify(after)
  )
}
