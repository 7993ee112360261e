/** What can be seen of a peer from outside: the shape that status pages and the API are made from. */
import type { Ip } from '@lodestone/net'
import type { SessionState } from './control-packet.ts'
import type { PeerMode } from './peer-config.ts'
import { PACKET_REFUSALS, type PacketRefusal } from './session.ts'

export type PeerCounter =
  | 'packets-received'
  | 'packets-sent'
  /** The socket was not open yet. */
  | 'packets-not-sent'
  | 'polls-started'
  | 'polls-finished'
  | 'sessions-up'
  | 'sessions-failed'
  | 'stalls'
  | 'hop-limit-too-low'
  | 'interface-mismatch'
  | 'echoes-sent'
  | 'echoes-returned'
  | 'echoes-refused'
  | 'echoes-reflected'
  | 'echoes-not-reflected'
  | 'bind-failures'
  | `refused-${PacketRefusal}`

export const PEER_COUNTERS: readonly PeerCounter[] = [
  'packets-received',
  'packets-sent',
  'packets-not-sent',
  'polls-started',
  'polls-finished',
  'sessions-up',
  'sessions-failed',
  'stalls',
  'hop-limit-too-low',
  'interface-mismatch',
  'echoes-sent',
  'echoes-returned',
  'echoes-refused',
  'echoes-reflected',
  'echoes-not-reflected',
  'bind-failures',
  ...PACKET_REFUSALS.map((reason) => `refused-${reason}` as const),
]

export interface PeerStatus {
  readonly name: string
  readonly remoteAddress: Ip
  readonly localAddress: Ip | undefined
  readonly interface: string | undefined
  readonly mode: PeerMode
  readonly state: SessionState
  readonly inStateMs: number
  /** Why the state last changed, as code and in words. */
  readonly diagnostic: number
  readonly diagnosticText: string
  readonly localDiscriminator: number
  readonly remote: {
    readonly discriminator: number
    readonly state: SessionState
    readonly diagnostic: number
    readonly diagnosticText: string
    readonly detectMult: number
    readonly desiredMinTxUs: number
    readonly requiredMinRxUs: number
    readonly requiredMinEchoRxUs: number
    readonly isDemand: boolean
  }
  readonly timers: {
    readonly desiredMinTxUs: number
    readonly requiredMinRxUs: number
    readonly detectMult: number
    /** Negotiated, before jitter. */
    readonly transmitIntervalUs: number
    /** 0 while the peer is not heard. */
    readonly detectionTimeUs: number
    readonly detectionRemainingMs: number | undefined
    readonly isPolling: boolean
  }
  readonly echo: {
    readonly isActive: boolean
    readonly intervalUs: number | undefined
    /** Of the last echo that came back. */
    readonly roundTripMs: number | undefined
  }
  readonly sourcePort: number | undefined
  /** Why nothing can be sent at the moment. */
  readonly socketError: string | undefined
  readonly counters: Readonly<Record<PeerCounter, number>>
}
