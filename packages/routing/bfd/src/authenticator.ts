/**
 * Authentication of one session (RFC 5880 §6.7): which packets are accepted, and the sequence numbers of both sides.
 *
 * The digest is checked before the sequence number moves anything: a forger must not be able to set what counts as new.
 */
import {
  type AuthenticationKind,
  type AuthenticationSection,
  isSameSecret,
  MAX_PASSWORD_BYTES,
  MAX_SHA1_SECRET_BYTES,
  packetDigest,
} from './authentication-section.ts'
import type { ControlPacket } from './control-packet.ts'

export interface AuthenticationKey {
  /** 0 … 255. */
  readonly id: number
  /** 1 to 16 bytes for a password, 1 to 20 for SHA1. */
  readonly secret: Uint8Array
}

export interface Authentication {
  readonly kind: AuthenticationKind
  /** The first is sent with, all are accepted: that is how keys are exchanged under a running session. Not empty. */
  readonly keys: readonly AuthenticationKey[]
}

export interface AuthenticationState {
  /** bfd.XmitAuthSeq: of the last packet sent. */
  sentSequence: number
  /** bfd.RcvAuthSeq, undefined while bfd.AuthSeqKnown is 0. */
  receivedSequence: number | undefined
}

export const AUTHENTICATION_REFUSALS = [
  'authentication-missing',
  'authentication-unexpected',
  'authentication-type',
  'authentication-key-id',
  'authentication-mismatch',
  'authentication-sequence',
] as const
export type AuthenticationRefusal = (typeof AUTHENTICATION_REFUSALS)[number]

const EMPTY_DIGEST = new Uint8Array(20)

/** @returns what is wrong with the configuration, in words. */
export function checkAuthentication(authentication: Authentication): string | undefined {
  const { kind, keys } = authentication
  const maxBytes = kind === 'simple-password' ? MAX_PASSWORD_BYTES : MAX_SHA1_SECRET_BYTES
  if (keys.length === 0) return 'authentication needs a key'
  for (const { id, secret } of keys) {
    if (!Number.isInteger(id) || id < 0 || id > 255) return `authentication key id ${id} is not in 0 … 255`
    if (secret.length === 0 || secret.length > maxBytes) {
      return `the secret of authentication key ${id} has ${secret.length} bytes, not 1 to ${maxBytes}`
    }
  }
  return undefined
}

/** The section for the next packet, its digest still empty. Advances the sequence number where `isNew` or it must. */
export function nextSection(
  authentication: Authentication,
  state: AuthenticationState,
  isNew: boolean,
): AuthenticationSection {
  const key = authentication.keys[0]! // because checkAuthentication refuses an empty list
  if (authentication.kind === 'simple-password') {
    return { kind: 'simple-password', keyId: key.id, password: key.secret }
  }
  if (isNew || authentication.kind === 'meticulous-keyed-sha1') state.sentSequence = (state.sentSequence + 1) >>> 0
  return { kind: authentication.kind, keyId: key.id, sequence: state.sentSequence, digest: EMPTY_DIGEST }
}

/**
 * Checks a received packet and remembers its sequence number when it is accepted.
 * @param bytes what `packet` was decoded from.
 */
export function authenticate(
  authentication: Authentication | undefined,
  state: AuthenticationState,
  packet: ControlPacket,
  bytes: Uint8Array,
): AuthenticationRefusal | undefined {
  const section = packet.authentication
  if (authentication === undefined) return section === undefined ? undefined : 'authentication-unexpected'
  if (section === undefined) return 'authentication-missing'
  if (section.kind === 'unsupported' || section.kind !== authentication.kind) return 'authentication-type'
  const key = authentication.keys.find(({ id }) => id === section.keyId)
  if (key === undefined) return 'authentication-key-id'
  if (section.kind === 'simple-password') {
    return isSameSecret(section.password, key.secret) ? undefined : 'authentication-mismatch'
  }
  if (!isSameSecret(section.digest, packetDigest(bytes, key.secret))) return 'authentication-mismatch'
  const { receivedSequence } = state
  if (receivedSequence !== undefined) {
    // RFC 5880 §6.7.4: within 3 × Detect Mult ahead, on a circle; the meticulous kind never repeats a number.
    const ahead = (section.sequence - receivedSequence) >>> 0
    const least = section.kind === 'meticulous-keyed-sha1' ? 1 : 0
    if (ahead < least || ahead > 3 * packet.detectMult) return 'authentication-sequence'
  }
  state.receivedSequence = section.sequence
  return undefined
}
