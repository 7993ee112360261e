/** What the thread with the sessions and the thread that uses them say to each other. Addresses travel as text. */
import { Ip } from '@lodestone/net'
import type { PeerConfig } from '../peer-config.ts'
import type { PeerStatus } from '../peer-status.ts'
import type { SpeakerStatus, StateChange } from '../speaker.ts'

type Plain<T> = Omit<T, 'remoteAddress' | 'localAddress'> & {
  readonly remoteAddress: string
  readonly localAddress: string | undefined
}

export type PlainPeerConfig = Plain<PeerConfig>
export type PlainStatus = Omit<SpeakerStatus, 'peers'> & { readonly peers: ReadonlyArray<Plain<PeerStatus>> }

/** What the thread starts with. */
export interface BfdThreadData {
  readonly listenAddresses: readonly string[]
  readonly isEchoEnabled: boolean
  readonly alignmentMs: number
  readonly maxPeers: number
}

export type ToBfdThread =
  | { readonly kind: 'listen'; readonly request: number }
  | { readonly kind: 'peers'; readonly peers: readonly PlainPeerConfig[] }
  | { readonly kind: 'interface-down'; readonly name: string }
  | { readonly kind: 'status'; readonly request: number }
  | { readonly kind: 'close' }

export type FromBfdThread =
  | { readonly kind: 'listening'; readonly request: number }
  | { readonly kind: 'not-listening'; readonly request: number; readonly code: string; readonly reason: string }
  | { readonly kind: 'change'; readonly peer: string; readonly change: Omit<StateChange, 'peer'> }
  /** `request` 0: nobody asked. */
  | { readonly kind: 'status'; readonly request: number; readonly status: PlainStatus }
  | { readonly kind: 'closed' }

export function plain<T extends { readonly remoteAddress: Ip; readonly localAddress?: Ip | undefined }>(
  value: T,
): Plain<T> {
  return { ...value, remoteAddress: value.remoteAddress.toString(), localAddress: value.localAddress?.toString() }
}

export function restored<T extends { readonly remoteAddress: string; readonly localAddress: string | undefined }>(
  value: T,
): Omit<T, 'remoteAddress' | 'localAddress'> & { readonly remoteAddress: Ip; readonly localAddress: Ip | undefined } {
  const { remoteAddress, localAddress } = value
  return {
    ...value,
    remoteAddress: Ip.of(remoteAddress), // because `plain` made the text from an address
    localAddress: localAddress === undefined ? undefined : Ip.of(localAddress),
  }
}
