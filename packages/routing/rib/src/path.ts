/**
 * A path: one way to reach one prefix, as one protocol's peer offered it. Paths are immutable; a peer that
 * changes its mind replaces the path. What a path shares with thousands of others is kept by reference: the
 * interned attribute set and the facts about the peer (its adjacency).
 */
import type { Ip, Prefix } from '@lodestone/net'

/** In the order in which ties of equal preference are broken (`protocol` step). */
export const PROTOCOLS = ['connected', 'static', 'bgp', 'ddm'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/** Administrative preference when a protocol's configuration says nothing else; lower wins. */
export const DEFAULT_PREFERENCE: Readonly<Record<Protocol, number>> = { connected: 0, static: 1, bgp: 20, ddm: 30 }

/** What the decision process reads of a BGP attribute set (RFC 4271 §9.1.2.2). The bgp package interns one per set. */
export interface BgpAttributes {
  /** LOCAL_PREF, or the default when the attribute is absent. Higher wins. */
  readonly effectiveLocalPref: number
  /** RFC 4271 §9.1.2.2 a: an AS_SET counts as one. */
  readonly asPathLength: number
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  readonly origin: 0 | 1 | 2
  /** MULTI_EXIT_DISC; an absent one counts as 0, the lowest. */
  readonly effectiveMed: number
  /** Leftmost AS of the AS_PATH, 0 when it is empty or starts with a set: MEDs compare only within it. */
  readonly neighbourAsn: number
  /** RFC 4456 §9: replaces the router ID in the comparison when present. */
  readonly originatorId: number | undefined
  /** RFC 4456 §9: shorter wins. */
  readonly clusterListLength: number
  /** The AS_PATH as text, for multipath's optional equality and for people. */
  readonly asPathText: string
  /** Present and true when the MED was absent, for `missingMedIsWorst`. */
  readonly isMedAbsent?: boolean
}

/** What all paths of one BGP peer have in common. */
export interface BgpPeerFacts {
  /** Learned from a peer of another AS. */
  readonly isExternal: boolean
  /** BGP identifier of the peer, unsigned 32 bits. */
  readonly routerId: number
  readonly peerAddress: Ip
}

/** Where a path came from. One object per adjacency, shared by its paths. */
export interface PathSource {
  readonly protocol: Protocol
  /** Names the peer within the protocol; the empty string for what is configured here. */
  readonly peer: string
  readonly bgp?: BgpPeerFacts
}

/** Why a path takes no part in the decision although it was received. */
export interface Unusable {
  /** Stable, for machines: `as-loop`, `import-policy`, `next-hop-self`. */
  readonly code: string
  readonly sentence: string
}

export interface Path {
  /** Host bits are zero. */
  readonly prefix: Prefix
  readonly nextHop: Ip
  /** Needed with link-local next hops. */
  readonly nextHopInterface: string | undefined
  readonly source: PathSource
  /** Distinguishes several paths of one peer for one prefix (RFC 7911 path identifier); 0 when there is one. */
  readonly pathId: number
  /** Administrative preference, lower wins. */
  readonly preference: number
  /** Cost of reaching the next hop (BGP) or the destination (DDM, static), lower wins. */
  readonly metric: number
  readonly attributes: BgpAttributes | undefined
  /** The attributes as they came, before import policy changed them; the same object when nothing did. */
  readonly received: BgpAttributes | undefined
  /** What import policy said. */
  readonly policy: string | undefined
  /** When this version of the path arrived, on the monotonic clock. */
  readonly receivedAtMs: number
  /** Kept over a restart of its peer and not confirmed since (RFC 4724 §4.2): as good as any other in the decision. */
  readonly isStale: boolean
  readonly unusable: Unusable | undefined
}

/** `bgp upstream0 via 203.0.113.1`, as explanations name a path. */
export function describePath(path: Path): string {
  const peer = path.source.peer === '' ? '' : ` ${path.source.peer}`
  const zone = path.nextHopInterface === undefined ? '' : `%${path.nextHopInterface}`
  return `${path.source.protocol}${peer} via ${path.nextHop}${zone}`
}
