/** Configuration of one peer, as the engine takes it: who it is, and how its session runs. */
import type { Ip } from '@lodestone/net'
import type { Authentication } from './authenticator.ts'
import { checkSessionConfig, type SessionConfig } from './session-config.ts'

export type PeerMode = 'single-hop' | 'multihop'

export interface PeerConfig {
  /** Unique among the speaker's peers. */
  readonly name: string
  readonly remoteAddress: Ip
  /** Source of what we send; the network chooses when absent. */
  readonly localAddress?: Ip | undefined
  /** The link to the peer: needed for link-local addresses. Single hop only. */
  readonly interface?: string | undefined
  /** Default 'single-hop' (RFC 5881); 'multihop' is RFC 5883. */
  readonly mode?: PeerMode | undefined
  /** Microseconds, default 300 000. */
  readonly desiredMinTxUs?: number | undefined
  /** Microseconds, default 300 000. */
  readonly requiredMinRxUs?: number | undefined
  /** Default 3. */
  readonly detectMult?: number | undefined
  /** Waits for the peer to begin; default false. */
  readonly isPassive?: boolean | undefined
  /** Default true; false keeps the session in AdminDown. */
  readonly isEnabled?: boolean | undefined
  /** Least hop limit on arrival of a multihop packet; default 254. A single hop always needs 255. */
  readonly minHopLimit?: number | undefined
  readonly authentication?: Authentication | undefined
  /** Microseconds between our echo packets, where the peer returns them; default: none are sent. */
  readonly echoMinTxUs?: number | undefined
  /** Microseconds between the peer's echo packets that we return; default 0: none are returned. */
  readonly requiredMinEchoRxUs?: number | undefined
}

export const DEFAULT_INTERVAL_US = 300_000
export const DEFAULT_DETECT_MULT = 3
export const DEFAULT_MIN_HOP_LIMIT = 254

export function sessionConfigOf(config: PeerConfig, jitter: () => number, alignmentMs: number): SessionConfig {
  return {
    desiredMinTxUs: config.desiredMinTxUs ?? DEFAULT_INTERVAL_US,
    requiredMinRxUs: config.requiredMinRxUs ?? DEFAULT_INTERVAL_US,
    detectMult: config.detectMult ?? DEFAULT_DETECT_MULT,
    isPassive: config.isPassive ?? false,
    isMultihop: config.mode === 'multihop',
    authentication: config.authentication,
    echoMinTxUs: config.echoMinTxUs,
    requiredMinEchoRxUs: config.requiredMinEchoRxUs ?? 0,
    alignmentMs,
    jitter,
  }
}

/** @returns what is wrong, in words; undefined when the configuration can be used. */
export function checkPeerConfig(config: PeerConfig): string | undefined {
  const { remoteAddress, localAddress, minHopLimit, mode } = config
  if (remoteAddress.isUnspecified || remoteAddress.isMulticast) return `${remoteAddress} is no address of a peer`
  if (localAddress !== undefined && localAddress.family !== remoteAddress.family) {
    return `${localAddress} and ${remoteAddress} are of different families`
  }
  if (remoteAddress.family === 6 && remoteAddress.isLinkLocal && config.interface === undefined) {
    return `${remoteAddress} needs an interface`
  }
  if (mode === 'multihop' && config.interface !== undefined) return 'a multihop session is bound to no interface'
  if (minHopLimit !== undefined && !(Number.isInteger(minHopLimit) && minHopLimit >= 1 && minHopLimit <= 255)) {
    return `minimum hop limit ${minHopLimit} is not in 1 … 255`
  }
  return checkSessionConfig(sessionConfigOf(config, () => 0, 0))
}

/** What identifies the peer of a packet that does not know our discriminator yet (RFC 5881 §3, RFC 5883 §4). */
export function sourceKey(mode: PeerMode, address: Ip): string {
  return `${mode} ${address}`
}

/** Whether two configurations differ in more than what can change under a running session. */
export function needsNewSession(before: PeerConfig, after: PeerConfig): boolean {
  const fixed = ({ remoteAddress, localAddress, interface: link, mode }: PeerConfig): string =>
    `${sourceKey(mode ?? 'single-hop', remoteAddress)} ${link ?? ''} ${localAddress ?? ''}`
  return fixed(before) !== fixed(after)
}

/** Whether nothing differs. */
export function isSamePeer(before: PeerConfig, after: PeerConfig): boolean {
  return canonical(before) === canonical(after)
}

function canonical(config: PeerConfig): string {
  const { jitter: _, ...session } = sessionConfigOf(config, () => 0, 0)
  const { name, remoteAddress, localAddress, mode, minHopLimit, isEnabled } = config
  return JSON.stringify([
    [name, remoteAddress, localAddress, config.interface, mode ?? 'single-hop'],
    [minHopLimit ?? DEFAULT_MIN_HOP_LIMIT, isEnabled ?? true],
    { ...session, authentication: undefined },
    session.authentication?.kind,
    session.authentication?.keys.map(({ id, secret }) => [id, [...secret]]),
  ])
}
