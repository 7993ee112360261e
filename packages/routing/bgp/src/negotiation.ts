/**
 * What two OPEN messages agree on (RFC 4271 §4.2, §6.2, §8.2.2; RFC 5492; RFC 6793; RFC 6286).
 */
import { FAMILIES, type Family } from './address-family.ts'
import { type BgpError, ErrorCode, OpenError, sessionReset } from './bgp-error.ts'
import { ByteWriter } from './byte-writer.ts'
import { type Capability, encodeCapability } from './capability.ts'
import { AS_TRANS, asnOf, BGP_VERSION, type OpenMessage } from './open-message.ts'

/** What we say about ourselves and demand of the peer. */
export interface SpeakerIdentity {
  readonly localAsn: number
  /** BGP identifier, unsigned 32 bits, not 0. */
  readonly localId: number
  readonly remoteAsn: number
  /** 0 (no keepalives) or at least 3. */
  readonly holdTimeS: number
  /** Upper bound for the keepalive interval; a third of the hold time otherwise. */
  readonly keepaliveS?: number | undefined
  readonly families: readonly Family[]
  /** Offer IPv4 routes with IPv6 next hops (RFC 8950). */
  readonly ipv4OverIpv6?: boolean
}

export interface NegotiatedSession {
  readonly families: readonly Family[]
  readonly isFourOctetAs: boolean
  readonly hasRouteRefresh: boolean
  readonly ipv4OverIpv6: boolean
  readonly isExternal: boolean
  readonly peerAsn: number
  readonly peerId: number
  /** 0: neither hold timer nor keepalives. */
  readonly holdTimeMs: number
  readonly keepaliveMs: number
  readonly peerCapabilities: readonly Capability[]
}

export function openFor(identity: SpeakerIdentity): OpenMessage {
  const capabilities: Capability[] = identity.families.map((family) => ({ kind: 'multiprotocol', family }))
  capabilities.push({ kind: 'route-refresh' }, { kind: 'four-octet-as', asn: identity.localAsn })
  if (identity.ipv4OverIpv6 === true) capabilities.push({ kind: 'extended-next-hop', ipv4OverIpv6: true })
  return {
    kind: 'open',
    version: BGP_VERSION,
    myAs: identity.localAsn > 0xffff ? AS_TRANS : identity.localAsn,
    holdTimeS: identity.holdTimeS,
    bgpIdentifier: identity.localId,
    capabilities,
  }
}

/** Checks the peer's OPEN (RFC 4271 §6.2) and computes what holds for the session. */
export function negotiate(identity: SpeakerIdentity, open: OpenMessage): NegotiatedSession | BgpError {
  const fail = (subcode: number, sentence: string, data?: Uint8Array): BgpError =>
    sessionReset(ErrorCode.open, subcode, sentence, data)
  const peerAsn = asnOf(open)
  if (peerAsn !== identity.remoteAsn) {
    return fail(OpenError.badPeerAs, `the peer is in AS ${peerAsn}, configured is AS ${identity.remoteAsn}`)
  }
  // RFC 6286 §2.2: not zero, and unique within the AS.
  const isOurs = open.bgpIdentifier === identity.localId && peerAsn === identity.localAsn
  if (open.bgpIdentifier === 0 || isOurs) {
    return fail(OpenError.badIdentifier, `BGP identifier ${open.bgpIdentifier} cannot be the peer's`)
  }
  if (open.holdTimeS === 1 || open.holdTimeS === 2) {
    return fail(OpenError.unacceptableHoldTime, `a hold time of ${open.holdTimeS} s is not allowed`)
  }
  const offered = open.capabilities.flatMap((c) => (c.kind === 'multiprotocol' ? [c.family] : []))
  // A peer that says nothing about families speaks IPv4 unicast; one that names only foreign ones does not.
  const isSilent = !open.capabilities.some((c) => c.kind === 'multiprotocol' || (c.kind === 'other' && c.code === 1))
  const families = FAMILIES.filter(
    (family) => identity.families.includes(family) && (isSilent ? family === 4 : offered.includes(family)),
  )
  if (families.length === 0) {
    const wanted = new ByteWriter(16)
    for (const family of identity.families) encodeCapability(wanted, { kind: 'multiprotocol', family })
    return fail(OpenError.unsupportedCapability, 'no address family in common', wanted.finish())
  }
  const holdTimeS = Math.min(identity.holdTimeS, open.holdTimeS)
  const keepaliveS = Math.min(identity.keepaliveS ?? holdTimeS / 3, holdTimeS / 3)
  return {
    families,
    isFourOctetAs: open.capabilities.some((c) => c.kind === 'four-octet-as'),
    hasRouteRefresh: open.capabilities.some((c) => c.kind === 'route-refresh'),
    ipv4OverIpv6:
      identity.ipv4OverIpv6 === true && open.capabilities.some((c) => c.kind === 'extended-next-hop' && c.ipv4OverIpv6),
    isExternal: peerAsn !== identity.localAsn,
    peerAsn,
    peerId: open.bgpIdentifier,
    holdTimeMs: holdTimeS * 1000,
    keepaliveMs: keepaliveS * 1000,
    peerCapabilities: open.capabilities,
  }
}
