/**
 * The authentication section of a control packet (RFC 5880 §4.2 to §4.4): its bytes, and its digest (§6.7.4).
 *
 *   simple password (1):            type | length | key id | password, 1 to 16 bytes
 *   keyed SHA1 (4), meticulous (5): type | 28 | key id | 0 | sequence u32 | digest, 20 bytes
 *
 * The digest is SHA-1 over the whole packet with the secret, padded with zeros to 20 bytes, in the digest's place.
 *
 * NOT IMPLEMENTED: keyed MD5 (types 2 and 3): decoded as 'unsupported', never accepted.
 */
import { SHA1_BYTES, sha1 } from './sha1.ts'

/** From the start of the control packet. */
export const AUTHENTICATION_OFFSET = 24
export const MAX_PASSWORD_BYTES = 16
export const MAX_SHA1_SECRET_BYTES = SHA1_BYTES

const SIMPLE_PASSWORD = 1
const KEYED_SHA1 = 4
const METICULOUS_KEYED_SHA1 = 5

const SHA1_SECTION_BYTES = 28
const KEY_ID = AUTHENTICATION_OFFSET + 2
const PASSWORD = AUTHENTICATION_OFFSET + 3
const SEQUENCE = AUTHENTICATION_OFFSET + 4
const DIGEST = AUTHENTICATION_OFFSET + 8
const PACKET_BYTES = DIGEST + SHA1_BYTES

export type AuthenticationKind = 'simple-password' | 'keyed-sha1' | 'meticulous-keyed-sha1'

export type AuthenticationSection =
  | { readonly kind: 'simple-password'; readonly keyId: number; readonly password: Uint8Array }
  | {
      readonly kind: 'keyed-sha1' | 'meticulous-keyed-sha1'
      readonly keyId: number
      /** Unsigned 32 bits. */
      readonly sequence: number
      /** 20 bytes. */
      readonly digest: Uint8Array
    }
  | { readonly kind: 'unsupported'; readonly type: number; readonly body: Uint8Array }

/** Of the whole section, in bytes. */
export function authenticationBytes(section: AuthenticationSection): number {
  switch (section.kind) {
    case 'simple-password':
      return 3 + section.password.length
    case 'keyed-sha1':
    case 'meticulous-keyed-sha1':
      return SHA1_SECTION_BYTES
    case 'unsupported':
      return 2 + section.body.length
  }
}

/** Writes the section behind the header of `packet`, which must be as long as both. */
export function encodeAuthentication(section: AuthenticationSection, packet: Uint8Array): void {
  packet[AUTHENTICATION_OFFSET + 1] = authenticationBytes(section)
  switch (section.kind) {
    case 'simple-password':
      packet[AUTHENTICATION_OFFSET] = SIMPLE_PASSWORD
      packet[KEY_ID] = section.keyId
      packet.set(section.password, PASSWORD)
      return
    case 'keyed-sha1':
    case 'meticulous-keyed-sha1':
      packet[AUTHENTICATION_OFFSET] = section.kind === 'keyed-sha1' ? KEYED_SHA1 : METICULOUS_KEYED_SHA1
      packet[KEY_ID] = section.keyId
      packet[SEQUENCE] = section.sequence >>> 24
      packet[SEQUENCE + 1] = section.sequence >>> 16
      packet[SEQUENCE + 2] = section.sequence >>> 8
      packet[SEQUENCE + 3] = section.sequence
      packet.set(section.digest.subarray(0, SHA1_BYTES), DIGEST)
      return
    case 'unsupported':
      packet[AUTHENTICATION_OFFSET] = section.type
      packet.set(section.body, AUTHENTICATION_OFFSET + 2)
  }
}

/**
 * @param length of the packet: at least 26 and at most the bytes there are.
 * @returns undefined when the section's length contradicts its type or the packet.
 */
export function decodeAuthentication(packet: Uint8Array, length: number): AuthenticationSection | undefined {
  const type = packet[AUTHENTICATION_OFFSET]!
  const sectionBytes = packet[AUTHENTICATION_OFFSET + 1]!
  if (AUTHENTICATION_OFFSET + sectionBytes !== length) return undefined
  if (type === SIMPLE_PASSWORD) {
    if (sectionBytes < 4 || sectionBytes > 3 + MAX_PASSWORD_BYTES) return undefined
    const password = new Uint8Array(packet.subarray(PASSWORD, length))
    return { kind: 'simple-password', keyId: packet[KEY_ID]!, password }
  }
  if (type === KEYED_SHA1 || type === METICULOUS_KEYED_SHA1) {
    if (sectionBytes !== SHA1_SECTION_BYTES) return undefined
    return {
      kind: type === KEYED_SHA1 ? 'keyed-sha1' : 'meticulous-keyed-sha1',
      keyId: packet[KEY_ID]!,
      sequence:
        ((packet[SEQUENCE]! << 24) |
          (packet[SEQUENCE + 1]! << 16) |
          (packet[SEQUENCE + 2]! << 8) |
          packet[SEQUENCE + 3]!) >>>
        0,
      digest: new Uint8Array(packet.subarray(DIGEST, PACKET_BYTES)),
    }
  }
  return { kind: 'unsupported', type, body: new Uint8Array(packet.subarray(AUTHENTICATION_OFFSET + 2, length)) }
}

/** The digest of an encoded packet with a SHA1 section under `secret` (at most 20 bytes). `packet` stays as it is. */
export function packetDigest(packet: Uint8Array, secret: Uint8Array): Uint8Array {
  const keyed = new Uint8Array(packet.subarray(0, PACKET_BYTES))
  keyed.fill(0, DIGEST)
  keyed.set(secret.subarray(0, MAX_SHA1_SECRET_BYTES), DIGEST)
  return sha1(keyed)
}

/** Puts the digest into an encoded packet with a SHA1 section. */
export function sealPacket(packet: Uint8Array, secret: Uint8Array): void {
  packet.set(packetDigest(packet, secret), DIGEST)
}

/** Compares without leaving early, so that time tells nothing about how much of a guess was right. */
export function isSameSecret(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}
