/** What a speaker tells whoever watches: the live event stream, metrics, MRT and BMP are made from it. */
import type { Ip } from '@lodestone/net'
import type { Family } from './address-family.ts'
import type { FsmTransition, NotificationRecord } from './peer-status.ts'

/** What BMP (RFC 7854 §4.2, §4.10) and MRT (RFC 6396 §4.4) say about a peer. */
export interface PeerIdentity {
  readonly name: string
  readonly remoteAddress: Ip
  readonly remotePort: number
  readonly remoteAsn: number
  /** BGP identifier, unsigned 32 bits. */
  readonly remoteId: number
  readonly localAddress: Ip | undefined
  readonly localPort: number
  readonly localAsn: number
  readonly localId: number
  readonly isFourOctetAs: boolean
  readonly interface: string | undefined
}

export type SpeakerEvent =
  | { readonly kind: 'transition'; readonly peer: string; readonly transition: FsmTransition }
  /** The two OPEN messages whole, as BMP wants them. */
  | {
      readonly kind: 'session-up'
      readonly identity: PeerIdentity
      readonly sentOpen: Uint8Array
      readonly receivedOpen: Uint8Array
    }
  | {
      readonly kind: 'session-down'
      readonly identity: PeerIdentity
      readonly reason: string
      readonly notification:
        | { readonly direction: 'sent' | 'received'; readonly record: NotificationRecord }
        | undefined
      /** Its routes are kept as stale ones (RFC 4724). */
      readonly isRestarting: boolean
    }
  | { readonly kind: 'end-of-rib'; readonly peer: string; readonly family: Family }
  | {
      readonly kind: 'prefix-limit'
      readonly peer: string
      readonly family: Family
      readonly count: number
      readonly limit: number
    }
  | { readonly kind: 'peer-added'; readonly peer: string; readonly isDynamic: boolean }
  | { readonly kind: 'peer-removed'; readonly peer: string }

export interface SpeakerListener {
  readonly event?: (event: SpeakerEvent) => void
  /** Every message of every established session. `bytes` is only valid during the call. */
  readonly message?: (identity: PeerIdentity, direction: 'received' | 'sent', bytes: Uint8Array) => void
}
