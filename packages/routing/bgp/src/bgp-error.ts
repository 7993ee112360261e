/**
 * What can be wrong with a BGP message, as a value that speaks the protocol: NOTIFICATION code, subcode and data
 * (RFC 4271 §6, RFC 4486, RFC 5492, RFC 6608) and, for UPDATE, how far the damage reaches (RFC 7606 §2).
 */

export const ErrorCode = {
  header: 1,
  open: 2,
  update: 3,
  holdTimer: 4,
  fsm: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimer: 8,
} as const

/** RFC 4271 §6.1. */
export const HeaderError = { notSynchronized: 1, badLength: 2, badType: 3 } as const

/** RFC 4271 §6.2, RFC 5492 §5. */
export const OpenError = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
  /** RFC 9234 §4.2. */
  roleMismatch: 11,
} as const

/** RFC 4271 §6.3. */
export const UpdateError = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  attributeFlags: 4,
  attributeLength: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetwork: 10,
  malformedAsPath: 11,
} as const

/** RFC 6608 §3. */
export const FsmError = { inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 } as const

/** RFC 4486 §3, RFC 8538 §3, RFC 9384. */
export const CeaseReason = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  connectionCollision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const

/** RFC 7606 §2, mildest first. */
export const TREATMENTS = ['attribute-discard', 'treat-as-withdraw', 'afi-safi-disable', 'session-reset'] as const
export type Treatment = (typeof TREATMENTS)[number]

export interface BgpError {
  readonly code: number
  readonly subcode: number
  /** The Data field of the NOTIFICATION. */
  readonly data: Uint8Array
  readonly treatment: Treatment
  /** One sentence for people. */
  readonly sentence: string
}

const NO_DATA = new Uint8Array(0)

export function sessionReset(code: number, subcode: number, sentence: string, data: Uint8Array = NO_DATA): BgpError {
  return { code, subcode, data, treatment: 'session-reset', sentence }
}

/** Either a value or the reason why there is none. */
export type Decoded<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: BgpError }

const CODE_NAMES: Readonly<Record<number, string>> = {
  1: 'message header error',
  2: 'OPEN error',
  3: 'UPDATE error',
  4: 'hold timer expired',
  5: 'FSM error',
  6: 'cease',
  7: 'ROUTE-REFRESH error',
  8: 'send hold timer expired',
}

const SUBCODE_NAMES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1: { 1: 'connection not synchronized', 2: 'bad message length', 3: 'bad message type' },
  2: {
    1: 'unsupported version',
    2: 'bad peer AS',
    3: 'bad BGP identifier',
    4: 'unsupported optional parameter',
    6: 'unacceptable hold time',
    7: 'unsupported capability',
    11: 'role mismatch',
  },
  3: {
    1: 'malformed attribute list',
    2: 'unrecognized well-known attribute',
    3: 'missing well-known attribute',
    4: 'attribute flags',
    5: 'attribute length',
    6: 'invalid ORIGIN',
    8: 'invalid NEXT_HOP',
    9: 'optional attribute',
    10: 'invalid network field',
    11: 'malformed AS_PATH',
  },
  5: { 1: 'in OpenSent', 2: 'in OpenConfirm', 3: 'in Established' },
  6: {
    1: 'maximum number of prefixes reached',
    2: 'administrative shutdown',
    3: 'peer de-configured',
    4: 'administrative reset',
    5: 'connection rejected',
    6: 'other configuration change',
    7: 'connection collision resolution',
    8: 'out of resources',
    9: 'hard reset',
    10: 'BFD down',
  },
  7: { 1: 'invalid message length' },
}

/** `cease: connection collision resolution (6/7)`. */
export function describeNotification(code: number, subcode: number): string {
  const detail = SUBCODE_NAMES[code]?.[subcode]
  return `${CODE_NAMES[code] ?? 'unknown error'}${detail === undefined ? '' : `: ${detail}`} (${code}/${subcode})`
}
