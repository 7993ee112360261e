/** Configuration of one peer, as the engine takes it, and of what peers share: groups and ranges of dynamic neighbours. */
import type { Ip, Prefix } from '@lodestone/net'
import type { Family } from './address-family.ts'
import type { Policy } from './policy.ts'
import type { Role } from './role.ts'

/** A number, or any other AS than ours, or ours. */
export type RemoteAsn = number | 'external' | 'internal'

/** How many prefixes of one family a peer may send (RFC 4486 §4). */
export interface MaxPrefixes {
  readonly limit: number
  /** Percent of the limit at which the counter `prefix-limit-warnings` and an event tell of it; default 75. */
  readonly warnPercent?: number | undefined
  /** `stop` ends the session with 6/1; `ignore` takes no more prefixes and keeps it. Default `stop`. */
  readonly action?: 'stop' | 'ignore' | undefined
  /** Seconds after which a stopped session is tried again; default: the growing pause of every failure. */
  readonly restartAfterS?: number | undefined
}

/** RFC 4724. */
export interface GracefulRestart {
  /** Seconds that the peer shall wait for us to come back; 0 to 4095, default 120. */
  readonly restartTimeS?: number | undefined
  /** Seconds after which routes that a returned peer has not sent again go; default 360. */
  readonly stalePathsS?: number | undefined
  /** Whether our forwarding survives a restart of ours (the F bit); default true. */
  readonly isForwardingPreserved?: boolean | undefined
  /** Only keep the peer's routes over its restarts, and promise nothing about ours; default false. */
  readonly isHelperOnly?: boolean | undefined
}

/** RFC 7911, by family. */
export interface AddPath {
  readonly receive?: readonly Family[] | undefined
  readonly send?: readonly Family[] | undefined
  /** Paths sent per prefix, best first; default all usable ones. */
  readonly maxPaths?: number | undefined
}

export interface PeerConfig {
  /** Unique among the speaker's peers; the peer's key in the RIB. */
  readonly name: string
  /** Absent for an unnumbered peer: it is learned from `Speaker.neighbourDiscovered` on `interface`. */
  readonly remoteAddress?: Ip | undefined
  readonly remoteAsn: RemoteAsn
  readonly description?: string | undefined
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
  /** TCP-MD5 (RFC 2385) key, at most 80 bytes. */
  readonly md5Password?: string | undefined
  /** TTL or hop limit of what we send; default 255 with `minTtl`, else the system's. */
  readonly ttl?: number | undefined
  /** GTSM (RFC 5082): segments that arrive with less are dropped; 255 for a neighbour on the link. */
  readonly minTtl?: number | undefined
  /** Default both. */
  readonly families?: readonly Family[] | undefined
  /** Next hop told to the peer, by family of the routes; default: our end of the session where the family fits. */
  readonly nextHop4?: Ip | undefined
  readonly nextHop6?: Ip | undefined
  /** Offer IPv4 routes over an IPv6 next hop (RFC 8950); default true for an unnumbered peer. */
  readonly ipv4OverIpv6?: boolean | undefined
  readonly nextHopSelf?: boolean | undefined
  /** Leave the next hop of external routes alone towards this external peer (a route server's clients). */
  readonly nextHopUnchanged?: boolean | undefined
  /** Default true. */
  readonly enforceFirstAs?: boolean | undefined
  /**
   * Whether routes are told to an external peer whose AS stands in their AS_PATH, which the peer has to refuse (RFC 4271 §9); default
   * true. Where it is false, peers of different ASes are told different things and share nothing of the work.
   */
  readonly tellsLoops?: boolean | undefined
  /** How often our own AS number may stand in a received AS_PATH; default 0. */
  readonly allowOwnAs?: number | undefined
  /** LOCAL_PREF of routes from this peer when it is external and no policy says otherwise; default 100. */
  readonly localPref?: number | undefined
  /** Administrative preference of its paths, lower wins; default 20. */
  readonly preference?: number | undefined
  /** Paths accepted before the session is ended with 6/1; default no limit. Both families together, path IDs count. */
  readonly maxPaths?: number | undefined
  readonly maxPrefixes?:
    | { readonly ipv4?: MaxPrefixes | undefined; readonly ipv6?: MaxPrefixes | undefined }
    | undefined
  readonly gracefulRestart?: GracefulRestart | undefined
  readonly addPath?: AddPath | undefined
  /** Our role in the session (RFC 9234): what we are to the peer. */
  readonly role?: Role | undefined
  /** Refuse peers that do not say their role. */
  readonly isRoleStrict?: boolean | undefined
  /** RFC 4456: the internal peer is our client. */
  readonly isRouteReflectorClient?: boolean | undefined
  /** Tell the peer with every route that this session is about to end (RFC 8326 §4.1). */
  readonly gracefulShutdown?: boolean | undefined
  /** Give routes that carry GRACEFUL_SHUTDOWN the lowest LOCAL_PREF (RFC 8326 §4.2); default true. */
  readonly honoursGracefulShutdown?: boolean | undefined
  /** Least seconds between two batches of updates (RFC 4271 §9.2.1.1); default 0. */
  readonly advertisementIntervalS?: number | undefined
  /** Bytes of received and sent messages kept for the history; default 32768. */
  readonly historyBytes?: number | undefined
  /** RFC 8212: an external session without a policy exchanges nothing in that direction; default the speaker's. */
  readonly requiresPolicy?: boolean | undefined
  readonly import?: Policy | undefined
  readonly export?: Policy | undefined
}

/** What the members of a peer group, or the neighbours of a range, have in common; each may say otherwise. */
export type PeerTemplate = Partial<Omit<PeerConfig, 'name' | 'remoteAddress'>>

/** Peers that are accepted without being named one by one. They are passive and end with their session. */
export interface DynamicNeighbours {
  /** Prefix of the names that they get: `NAME-203.0.113.7`. */
  readonly name: string
  readonly range: Prefix
  /** At most so many at once; default 100. */
  readonly limit?: number | undefined
  readonly template: PeerTemplate & { readonly remoteAsn: RemoteAsn }
}

/** A peer of a group: what it says itself counts, what it leaves out comes from the group. */
export function peerOfGroup(
  group: PeerTemplate,
  peer: PeerTemplate & Pick<PeerConfig, 'name' | 'remoteAddress'>,
): PeerConfig {
  const merged: Record<string, unknown> = { ...group }
  for (const [key, value] of Object.entries(peer)) if (value !== undefined) merged[key] = value
  if (merged['remoteAsn'] === undefined) throw new Error(`peer ${peer.name}: neither it nor its group names the AS`)
  // because every key comes from a PeerConfig, and the two required ones are there
  return merged as unknown as PeerConfig
}

export const DEFAULT_HOLD_TIME_S = 90
export const DEFAULT_CONNECT_RETRY_S = 5
export const DEFAULT_IDLE_HOLD_S = 1
export const DEFAULT_RESTART_TIME_S = 120
export const DEFAULT_STALE_PATHS_S = 360
export const DEFAULT_DYNAMIC_LIMIT = 100
export const BGP_PORT = 179

/** What can change under a running session. */
const SOFT: readonly (keyof PeerConfig)[] = [
  'import',
  'export',
  'maxPaths',
  'maxPrefixes',
  'enforceFirstAs',
  'tellsLoops',
  'allowOwnAs',
  'localPref',
  'description',
  'nextHop4',
  'nextHop6',
  'nextHopSelf',
  'nextHopUnchanged',
  'gracefulShutdown',
  'honoursGracefulShutdown',
  'advertisementIntervalS',
  'isRouteReflectorClient',
  'requiresPolicy',
  'historyBytes',
  'connectRetryS',
  'idleHoldS',
]

/** Whether two configurations differ in something that only a new session can change. */
export function needsNewSession(before: PeerConfig, after: PeerConfig): boolean {
  const soft = new Set<string>(SOFT)
  const fixed = (config: PeerConfig): string => canonical(config, (key) => !soft.has(key))
  return fixed(before) !== fixed(after)
}

/** Whether nothing differs. Policy functions are equal only to themselves. */
export function isSamePeer(before: PeerConfig, after: PeerConfig): boolean {
  return (
    before.import?.route === after.import?.route &&
    before.export?.route === after.export?.route &&
    canonical(before, () => true) === canonical(after, () => true)
  )
}

/** Keys in one order, absent and undefined ones alike, so that equal configurations give equal texts. */
function canonical(config: PeerConfig, accept: (key: string) => boolean): string {
  const entries = Object.entries(config).filter(([key, value]) => value !== undefined && accept(key))
  return JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
