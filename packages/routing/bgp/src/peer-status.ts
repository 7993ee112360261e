/** What can be seen of a peer from outside: the shape that status pages and the API are made from. */
import type { Ip } from '@lodestone/net'
import type { Family } from './address-family.ts'
import type { FsmStateName } from './fsm.ts'

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
] as const
export type PeerCounter = (typeof PEER_COUNTERS)[number]

export interface PeerStatus {
  readonly name: string
  readonly remoteAddress: Ip
  readonly remoteAsn: number
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
  readonly pathsReceived: number
  readonly prefixesAdvertised: number
  readonly lastNotificationSent: NotificationRecord | undefined
  readonly lastNotificationReceived: NotificationRecord | undefined
  readonly counters: Readonly<Record<PeerCounter, number>>
}
