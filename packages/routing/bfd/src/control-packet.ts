/**
 * The BFD control packet (RFC 5880 §4.1): codec and the checks of §6.8.6 that need no session.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 *   |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *   +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 *   |                       My Discriminator                        |
 *   |                      Your Discriminator                       |
 *   |                 Desired Min TX Interval (us)                  |
 *   |                 Required Min RX Interval (us)                 |
 *   |               Required Min Echo RX Interval (us)              |
 *   +---------------+---------------+-------------------------------+
 *   |   Auth Type   |   Auth Len    |  authentication, when A is 1  |
 *
 * Invariant: decoding never throws and never reads past the payload; what it refuses is a value with a kind.
 */
import {
  AUTHENTICATION_OFFSET,
  type AuthenticationSection,
  authenticationBytes,
  decodeAuthentication,
  encodeAuthentication,
} from './authentication-section.ts'

export const SINGLE_HOP_PORT = 3784
export const ECHO_PORT = 3785
export const MULTIHOP_PORT = 4784

/** In the order of their codes on the wire. */
export const SESSION_STATES = ['AdminDown', 'Down', 'Init', 'Up'] as const
export type SessionState = (typeof SESSION_STATES)[number]

export interface ControlPacket {
  /** 0 … 31, see `Diagnostic`. */
  readonly diagnostic: number
  readonly state: SessionState
  readonly isPoll: boolean
  readonly isFinal: boolean
  readonly isControlPlaneIndependent: boolean
  readonly isDemand: boolean
  /** 1 … 255. */
  readonly detectMult: number
  /** Unsigned, not 0. */
  readonly myDiscriminator: number
  /** Unsigned; 0 while the sender does not know it. */
  readonly yourDiscriminator: number
  readonly desiredMinTxUs: number
  readonly requiredMinRxUs: number
  /** 0: the sender does not return echo packets. */
  readonly requiredMinEchoRxUs: number
  readonly authentication?: AuthenticationSection | undefined
}

export const DECODE_ERRORS = [
  /** Fewer bytes than a header, or than the packet says it has. */
  'truncated',
  'version',
  /** The length field is too small for what the flags promise. */
  'length',
  'detect-multiplier',
  'multipoint',
  'my-discriminator',
  'your-discriminator-missing',
  'authentication-length',
] as const
export type DecodeErrorKind = (typeof DECODE_ERRORS)[number]

export interface DecodeError {
  readonly kind: DecodeErrorKind
  /** Of the offending field, in bytes. */
  readonly offset: number
}

export type DecodeResult =
  | { readonly ok: true; readonly packet: ControlPacket }
  | { readonly ok: false; readonly error: DecodeError }

const VERSION = 1
const HEADER_BYTES = 24

const DETECT_MULT = 2
const LENGTH = 3
const MY_DISCRIMINATOR = 4
const YOUR_DISCRIMINATOR = 8
const DESIRED_MIN_TX = 12
const REQUIRED_MIN_RX = 16
const REQUIRED_MIN_ECHO_RX = 20

const POLL = 0x20
const FINAL = 0x10
const CONTROL_PLANE_INDEPENDENT = 0x08
const AUTHENTICATION_PRESENT = 0x04
const DEMAND = 0x02
const MULTIPOINT = 0x01

/** A fresh array that holds exactly the packet. A digest in the authentication section is written as it is given. */
export function encodeControlPacket(packet: ControlPacket): Uint8Array {
  const { authentication } = packet
  const bytes = new Uint8Array(HEADER_BYTES + (authentication === undefined ? 0 : authenticationBytes(authentication)))
  bytes[0] = (VERSION << 5) | (packet.diagnostic & 0x1f)
  bytes[1] =
    (SESSION_STATES.indexOf(packet.state) << 6) |
    (packet.isPoll ? POLL : 0) |
    (packet.isFinal ? FINAL : 0) |
    (packet.isControlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (authentication === undefined ? 0 : AUTHENTICATION_PRESENT) |
    (packet.isDemand ? DEMAND : 0)
  bytes[DETECT_MULT] = packet.detectMult
  bytes[LENGTH] = bytes.length
  writeU32(bytes, MY_DISCRIMINATOR, packet.myDiscriminator)
  writeU32(bytes, YOUR_DISCRIMINATOR, packet.yourDiscriminator)
  writeU32(bytes, DESIRED_MIN_TX, packet.desiredMinTxUs)
  writeU32(bytes, REQUIRED_MIN_RX, packet.requiredMinRxUs)
  writeU32(bytes, REQUIRED_MIN_ECHO_RX, packet.requiredMinEchoRxUs)
  if (authentication !== undefined) encodeAuthentication(authentication, bytes)
  return bytes
}

/** Decodes a UDP payload. Bytes after the packet's own length are ignored; no view of `bytes` is kept. */
export function decodeControlPacket(bytes: Uint8Array): DecodeResult {
  if (bytes.length < HEADER_BYTES) return refuse('truncated', bytes.length)
  if (bytes[0]! >>> 5 !== VERSION) return refuse('version', 0)
  const flags = bytes[1]!
  const length = bytes[LENGTH]!
  const isAuthenticated = (flags & AUTHENTICATION_PRESENT) !== 0
  // RFC 5880 §6.8.6: at least 24, or 26 with authentication, which has a type and a length of its own.
  if (length < HEADER_BYTES + (isAuthenticated ? 2 : 0)) return refuse('length', LENGTH)
  if (length > bytes.length) return refuse('truncated', LENGTH)
  const detectMult = bytes[DETECT_MULT]!
  if (detectMult === 0) return refuse('detect-multiplier', DETECT_MULT)
  if ((flags & MULTIPOINT) !== 0) return refuse('multipoint', 1)
  const myDiscriminator = readU32(bytes, MY_DISCRIMINATOR)
  if (myDiscriminator === 0) return refuse('my-discriminator', MY_DISCRIMINATOR)
  const yourDiscriminator = readU32(bytes, YOUR_DISCRIMINATOR)
  const state = SESSION_STATES[flags >>> 6]! // because two bits index four states
  if (yourDiscriminator === 0 && (state === 'Init' || state === 'Up')) {
    return refuse('your-discriminator-missing', YOUR_DISCRIMINATOR)
  }
  let authentication: AuthenticationSection | undefined
  if (isAuthenticated) {
    authentication = decodeAuthentication(bytes, length)
    if (authentication === undefined) return refuse('authentication-length', AUTHENTICATION_OFFSET + 1)
  }
  return {
    ok: true,
    packet: {
      diagnostic: bytes[0]! & 0x1f,
      state,
      isPoll: (flags & POLL) !== 0,
      isFinal: (flags & FINAL) !== 0,
      isControlPlaneIndependent: (flags & CONTROL_PLANE_INDEPENDENT) !== 0,
      isDemand: (flags & DEMAND) !== 0,
      detectMult,
      myDiscriminator,
      yourDiscriminator,
      desiredMinTxUs: readU32(bytes, DESIRED_MIN_TX),
      requiredMinRxUs: readU32(bytes, REQUIRED_MIN_RX),
      requiredMinEchoRxUs: readU32(bytes, REQUIRED_MIN_ECHO_RX),
      ...(authentication === undefined ? {} : { authentication }),
    },
  }
}

function refuse(kind: DecodeErrorKind, offset: number): DecodeResult {
  return { ok: false, error: { kind, offset } }
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
