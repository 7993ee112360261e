/** What can be seen of a peer from outside: the shape that status pages and the API are made from. */
import type { Ip } from '@lodestone/net'
import type { Family } from './address-family.ts'
import type { FsmStateName } from './fsm-state.ts'
import type { Role } from './role.ts'

export interface FsmTransition {
  /** Monotonic milliseconds. */
  readonly atMs: number
  readonly wallMs: number
  readonly from: FsmStateName
  readonly to: FsmStateName
  readonly reason: string
}

export interface NotificationRecord {
  readonly wallMs: number
  readonly code: number
  readonly subcode: number
  readonly text: string
  readonly data: Uint8Array
}

export const PEER_COUNTERS = [
  'opens-received',
  'opens-sent',
  'updates-received',
  'updates-sent',
  'notifications-received',
  'notifications-sent',
  'keepalives-received',
  'keepalives-sent',
  'route-refreshes-received',
  'route-refreshes-sent',
  'bytes-received',
  'bytes-sent',
  'prefixes-announced-received',
  'prefixes-withdrawn-received',
  'updates-treated-as-withdraw',
  'attributes-discarded',
  'families-disabled',
  'messages-malformed',
  'routes-oversized',
  'connections-accepted',
  'connections-refused',
  'connect-attempts',
  'connect-failures',
  'sessions-established',
  'sessions-lost',
  'hold-timer-expirations',
  'send-hold-timer-expirations',
  'prefix-limit-warnings',
  'prefixes-over-limit',
  'stale-paths-removed',
  'graceful-restarts',
] as const
export type PeerCounter = (typeof PEER_COUNTERS)[number]

/** A message as it was on the wire, for the history. */
export interface MessageRecord {
  readonly atMs: number
  readonly wallMs: number
  readonly direction: 'received' | 'sent'
  /** 1 OPEN, 2 UPDATE, 3 NOTIFICATION, 4 KEEPALIVE, 5 ROUTE-REFRESH. */
  readonly type: number
  /** The whole message with its header. */
  readonly bytes: Uint8Array
}

export interface GracefulRestartStatus {
  /** Both sides said the capability. */
  readonly isNegotiated: boolean
  /** What the peer asked us to wait, seconds. */
  readonly peerRestartTimeS: number
  /** The session is down and the peer's routes are kept until this many milliseconds from now. */
  readonly restartRemainingMs: number | undefined
  /** The peer is back, and routes not sent again go after this many milliseconds. */
  readonly staleRemainingMs: number | undefined
  readonly stalePaths: number
}

export interface PeerStatus {
  readonly name: string
  readonly description: string | undefined
  /** `::` for an unnumbered peer that has not been discovered. */
  readonly remoteAddress: Ip
  /** As configured, or as negotiated where the configuration leaves it open; 0 while it is not known. */
  readonly remoteAsn: number
  readonly isDynamic: boolean
  readonly isUnnumbered: boolean
  readonly isExternal: boolean | undefined
  readonly interface: string | undefined
  readonly state: FsmStateName
  readonly isLinkDown: boolean
  /** Milliseconds in the current state. */
  readonly inStateMs: number
  readonly localAddress: string | undefined
  readonly peerId: number | undefined
  readonly families: readonly Family[]
  readonly capabilities: readonly string[]
  readonly timers: {
    readonly configuredHoldS: number
    readonly negotiatedHoldS: number | undefined
    readonly negotiatedKeepaliveS: number | undefined
    readonly holdRemainingMs: number | undefined
    readonly keepaliveRemainingMs: number | undefined
    readonly connectRetryRemainingMs: number | undefined
    readonly idleHoldRemainingMs: number | undefined
  }
  readonly endOfRibReceived: readonly Family[]
  readonly role: Role | undefined
  /** Families with path identifiers in that direction (RFC 7911). */
  readonly addPathReceive: readonly Family[]
  readonly addPathSend: readonly Family[]
  readonly isEnhancedRefresh: boolean
  readonly gracefulRestart: GracefulRestartStatus | undefined
  /** Paths that import refused, of `pathsReceived`. */
  readonly pathsRefused: number
  /** Bytes accepted for sending that the connection has not taken yet. */
  readonly queuedBytes: number
  readonly pathsReceived: number
  readonly prefixesAdvertised: number
  readonly lastNotificationSent: NotificationRecord | undefined
  readonly lastNotificationReceived: NotificationRecord | undefined
  readonly counters: Readonly<Record<PeerCounter, number>>
}
