/**
 * What two OPEN messages agree on (RFC 4271 §4.2, §6.2, §8.2.2; RFC 5492; RFC 6793; RFC 6286; RFC 4724; RFC 7911; RFC 7313; RFC 9234).
 */
import { FAMILIES, type Family } from './address-family.ts'
import { type BgpError, ErrorCode, OpenError, sessionReset } from './bgp-error.ts'
import { ByteWriter } from './byte-writer.ts'
import { type Capability, encodeCapability, type RestartFamily } from './capability.ts'
import { AS_TRANS, asnOf, BGP_VERSION, type OpenMessage } from './open-message.ts'
import type { AddPath, RemoteAsn } from './peer-config.ts'
import { COUNTERPART, type Role, ROLE_VALUES, roleOf } from './role.ts'

/** What we say about ourselves and demand of the peer. */
export interface SpeakerIdentity {
  readonly localAsn: number
  /** BGP identifier, unsigned 32 bits, not 0. */
  readonly localId: number
  readonly remoteAsn: RemoteAsn
  /** 0 (no keepalives) or at least 3. */
  readonly holdTimeS: number
  /** Upper bound for the keepalive interval; a third of the hold time otherwise. */
  readonly keepaliveS?: number | undefined
  readonly families: readonly Family[]
  /** Offer IPv4 routes with IPv6 next hops (RFC 8950). */
  readonly ipv4OverIpv6?: boolean | undefined
  /** RFC 4724; absent: the capability is not sent. */
  readonly gracefulRestart?:
    | { readonly restartTimeS: number; readonly isForwardingPreserved: boolean; readonly isHelperOnly: boolean }
    | undefined
  /** We have restarted and want our routes back: the R bit. */
  readonly isRestarting?: boolean | undefined
  readonly addPath?: AddPath | undefined
  readonly role?: Role | undefined
  readonly isRoleStrict?: boolean | undefined
}

/** What the peer said about its restarts. */
export interface PeerRestart {
  readonly isRestarting: boolean
  readonly restartTimeS: number
  readonly families: readonly RestartFamily[]
}

export interface NegotiatedSession {
  readonly families: readonly Family[]
  readonly isFourOctetAs: boolean
  readonly hasRouteRefresh: boolean
  readonly hasEnhancedRefresh: boolean
  /** Families whose prefixes carry path identifiers, in each direction. */
  readonly addPathReceive: readonly Family[]
  readonly addPathSend: readonly Family[]
  /** Present when both sides said the capability. */
  readonly restart: PeerRestart | undefined
  /** What we are to the peer, when both sides agree on it. */
  readonly role: Role | undefined
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
  capabilities.push({ kind: 'route-refresh' }, { kind: 'enhanced-route-refresh' })
  capabilities.push({ kind: 'four-octet-as', asn: identity.localAsn })
  if (identity.ipv4OverIpv6 === true) capabilities.push({ kind: 'extended-next-hop', ipv4OverIpv6: true })
  const { gracefulRestart, addPath, role } = identity
  if (gracefulRestart !== undefined) {
    const { restartTimeS, isForwardingPreserved, isHelperOnly } = gracefulRestart
    capabilities.push({
      kind: 'graceful-restart',
      isRestarting: identity.isRestarting ?? false,
      hasNotification: false,
      restartTimeS: isHelperOnly ? 0 : restartTimeS,
      // RFC 4724 §3: without families we only help others.
      families: isHelperOnly ? [] : identity.families.map((family) => ({ family, isForwardingPreserved })),
    })
  }
  const addPathFamilies = identity.families
    .map((family) => ({
      family,
      receive: addPath?.receive?.includes(family) ?? false,
      send: addPath?.send?.includes(family) ?? false,
    }))
    .filter(({ receive, send }) => receive || send)
  if (addPathFamilies.length > 0) capabilities.push({ kind: 'add-path', families: addPathFamilies })
  if (role !== undefined) capabilities.push({ kind: 'role', value: ROLE_VALUES[role] })
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
  const { remoteAsn } = identity
  const isRightAs =
    remoteAsn === 'external'
      ? peerAsn !== identity.localAsn && peerAsn !== 0
      : peerAsn === (remoteAsn === 'internal' ? identity.localAsn : remoteAsn)
  if (!isRightAs) {
    const wanted = typeof remoteAsn === 'number' ? `AS ${remoteAsn}` : `an ${remoteAsn} AS`
    return fail(OpenError.badPeerAs, `the peer is in AS ${peerAsn}, configured is ${wanted}`)
  }
  const isExternal = peerAsn !== identity.localAsn
  const role = isExternal ? agreeOnRole(identity, open) : undefined
  if (typeof role === 'object') return fail(OpenError.roleMismatch, role.sentence)
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
    hasEnhancedRefresh: open.capabilities.some((c) => c.kind === 'enhanced-route-refresh'),
    ...agreeOnAddPath(identity, open, families),
    restart: agreeOnRestart(identity, open),
    role,
    ipv4OverIpv6:
      identity.ipv4OverIpv6 === true && open.capabilities.some((c) => c.kind === 'extended-next-hop' && c.ipv4OverIpv6),
    isExternal,
    peerAsn,
    peerId: open.bgpIdentifier,
    holdTimeMs: holdTimeS * 1000,
    keepaliveMs: keepaliveS * 1000,
    peerCapabilities: open.capabilities,
  }
}

/** RFC 9234 §4.2. @returns the role that holds for the session, or what is wrong. */
function agreeOnRole(
  { role, isRoleStrict }: SpeakerIdentity,
  open: OpenMessage,
): Role | undefined | { sentence: string } {
  const said = new Set(open.capabilities.flatMap((c) => (c.kind === 'role' ? [c.value] : [])))
  if (role === undefined) return undefined
  if (said.size > 1) return { sentence: 'the peer says several roles' }
  const [value] = said
  if (value === undefined) {
    return isRoleStrict === true ? { sentence: 'the peer does not say its role' } : role
  }
  const theirs = roleOf(value)
  if (theirs === COUNTERPART[role]) return role
  return { sentence: `our role is ${role}, the peer's is ${theirs ?? value}` }
}

/** RFC 7911 §4: paths travel with identifiers where one side sends and the other receives. */
function agreeOnAddPath(
  { addPath }: SpeakerIdentity,
  open: OpenMessage,
  families: readonly Family[],
): Pick<NegotiatedSession, 'addPathReceive' | 'addPathSend'> {
  const theirs = open.capabilities.flatMap((c) => (c.kind === 'add-path' ? c.families : []))
  return {
    addPathReceive: families.filter(
      (family) => addPath?.receive?.includes(family) === true && theirs.some((t) => t.family === family && t.send),
    ),
    addPathSend: families.filter(
      (family) => addPath?.send?.includes(family) === true && theirs.some((t) => t.family === family && t.receive),
    ),
  }
}

function agreeOnRestart({ gracefulRestart }: SpeakerIdentity, open: OpenMessage): PeerRestart | undefined {
  if (gracefulRestart === undefined) return undefined
  for (const capability of open.capabilities) {
    if (capability.kind === 'graceful-restart') {
      const { isRestarting, restartTimeS, families } = capability
      return { isRestarting, restartTimeS, families }
    }
  }
  return undefined
}
