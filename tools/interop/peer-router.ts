/** What the tests need of a router that is not ours, whoever made it. */
import type { Namespace } from './namespace.ts'

/** One session between the two, as the other side configures it. */
export interface PeerSession {
  /** Ours; absent: found on the interface (unnumbered). */
  readonly address?: string
  readonly localAddress?: string
  readonly interface: string
  /** Default: that of the setup. */
  readonly remoteAsn?: number
  readonly md5?: string
  readonly gtsm?: boolean
  readonly addPath?: boolean
  readonly gracefulRestart?: boolean
  readonly bfd?: boolean
}

export interface PeerSetup {
  readonly asn: number
  readonly routerId: string
  readonly remoteAsn: number
  readonly sessions: readonly PeerSession[]
  /** BFD sessions send echo packets and return ours. */
  readonly hasBfdEcho?: boolean
  /** BFD packets carry meticulous keyed SHA1 with key 7. */
  readonly bfdKey?: string
}

/** A route as the other router has it from us. */
export interface LearnedRoute {
  readonly prefix: string
  /** AS numbers in order. */
  readonly asPath: string
  readonly nextHop: string
  readonly med: number | undefined
  readonly communities: readonly string[]
  readonly largeCommunities: readonly string[]
  readonly isStale: boolean
}

/** What each of the others announces, with these attributes. */
export const ANNOUNCED = {
  ipv4: '100.64.1.0/24',
  ipv6: '2001:db8:6401::/48',
  community: '65011:100',
  largeCommunity: '65011:1:2',
  med: 50,
} as const

/** How long routes wait for a router that restarts: longer than its start takes on any machine, so that only what is broken loses them. */
export const GRACEFUL_RESTART_S = 600

export interface PeerRouter {
  readonly name: string
  readonly can: {
    readonly unnumbered: boolean
    readonly md5: boolean
    readonly gtsm: boolean
    readonly addPath: boolean
    /** `helper`: keeps our routes over a restart of ours, and cannot restart itself. */
    readonly gracefulRestart: 'both' | 'helper'
    readonly bfd: boolean
    readonly bfdEcho: boolean
  }
  /** Starts with this configuration and announces `ANNOUNCED`. */
  start(namespace: Namespace, setup: PeerSetup): Promise<void>
  /** Number of sessions that are established. */
  established(): Promise<number>
  /** What it has from us, of one family; with add-path every path. */
  routes(family: 4 | 6): Promise<readonly LearnedRoute[]>
  /** Its BFD sessions that are up. */
  bfdUp?(): Promise<number>
  /** Whoever answers BFD falls silent without a link going down, and comes back. */
  freeze?(): void
  thaw?(): void
  stop(): Promise<void>
  /** Ends without a word; `start` begins again. */
  kill(): Promise<void>
  logs(): string
}
