/**
 * BGP messages: header, dispatch, framing (RFC 4271 §4.1, §6.1; ROUTE-REFRESH RFC 2918).
 *
 *   marker 16 × ff | length u16 (whole message, 19 to 4096) | type u8 | body
 */
import { afiOf, type Family, familyOf, Safi } from './address-family.ts'
import type { EncodeContext } from './attribute-encoding.ts'
import { type BgpError, type Decoded, ErrorCode, HeaderError, sessionReset } from './bgp-error.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { decodeOpen, encodeOpen, type OpenMessage } from './open-message.ts'
import type { DecodeContext } from './path-attribute.ts'
import { decodeUpdate, encodeUpdate, type ReceivedUpdate, type UpdateMessage } from './update-message.ts'

export const HEADER_BYTES = 19
export const MAX_MESSAGE_BYTES = 4096

export const MessageType = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const

export interface NotificationMessage {
  readonly kind: 'notification'
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
}

export interface KeepaliveMessage {
  readonly kind: 'keepalive'
}

export interface RouteRefreshMessage {
  readonly kind: 'route-refresh'
  /** `undefined` for a family that is not ours: ignored (RFC 2918 §4). */
  readonly family: Family | undefined
  /** RFC 7313 §3.2: 0 is a request; others delimit an answer. */
  readonly subtype: number
}

export type Message = OpenMessage | UpdateMessage | NotificationMessage | KeepaliveMessage | RouteRefreshMessage

/** A decoded message as the session sees it; an UPDATE comes with its RFC 7606 findings. */
export type ReceivedMessage =
  | OpenMessage
  | ({ readonly kind: 'update' } & ReceivedUpdate)
  | NotificationMessage
  | KeepaliveMessage
  | RouteRefreshMessage

const MIN_LENGTH: Readonly<Record<number, number>> = {
  [MessageType.open]: 29,
  [MessageType.update]: 23,
  [MessageType.notification]: 21,
  [MessageType.keepalive]: 19,
  [MessageType.routeRefresh]: 23,
}

/** A whole message cut out of the stream, header checked, body not yet looked at. */
export interface RawMessage {
  readonly type: number
  readonly body: Uint8Array
  /** The message with its header, for history and captures. */
  readonly bytes: Uint8Array
}

/**
 * Checks the header at `offset` of received bytes.
 * @returns the length of the message, 0 when the header is not complete yet, or the error.
 */
export function checkHeader(bytes: Uint8Array, offset: number): number | BgpError {
  if (bytes.length - offset >= HEADER_BYTES && isPlainUpdate(bytes, offset)) {
    return (bytes[offset + 16]! << 8) | bytes[offset + 17]!
  }
  const available = Math.min(16, bytes.length - offset)
  for (let i = 0; i < available; i++) {
    if (bytes[offset + i] !== 0xff) {
      return sessionReset(ErrorCode.header, HeaderError.notSynchronized, 'the marker is not all ones')
    }
  }
  if (bytes.length - offset < HEADER_BYTES) return 0
  const reader = new ByteReader(bytes, offset + 16)
  const length = reader.u16()
  const type = reader.u8()
  const lengthField = bytes.slice(offset + 16, offset + 18)
  if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
    return sessionReset(ErrorCode.header, HeaderError.badLength, `a message of ${length} bytes`, lengthField)
  }
  const min = MIN_LENGTH[type]
  if (min === undefined) {
    return sessionReset(ErrorCode.header, HeaderError.badType, `message type ${type}`, new Uint8Array([type]))
  }
  const isFixed = type === MessageType.keepalive
  if (length < min || (isFixed && length !== min)) {
    return sessionReset(ErrorCode.header, HeaderError.badLength, `type ${type} with ${length} bytes`, lengthField)
  }
  return length
}

/** By far the most frequent header: marker, UPDATE, a length that it may have. */
function isPlainUpdate(bytes: Uint8Array, offset: number): boolean {
  for (let i = offset; i < offset + 16; i++) if (bytes[i] !== 0xff) return false
  const length = (bytes[offset + 16]! << 8) | bytes[offset + 17]!
  return bytes[offset + 18] === MessageType.update && length >= 23 && length <= MAX_MESSAGE_BYTES
}

/** Decodes one framed message. UPDATEs are read the way the session negotiated. */
export function decodeMessage(raw: RawMessage, context: DecodeContext): Decoded<ReceivedMessage> {
  const reader = new ByteReader(raw.body)
  switch (raw.type) {
    case MessageType.open:
      return decodeOpen(raw.body)
    case MessageType.update: {
      const update = decodeUpdate(raw.body, context)
      return update.ok ? { ok: true, value: { ...update.value, kind: 'update' } } : update
    }
    case MessageType.notification: {
      const code = reader.u8()
      const subcode = reader.u8()
      return { ok: true, value: { kind: 'notification', code, subcode, data: raw.body.slice(2) } }
    }
    case MessageType.keepalive:
      return { ok: true, value: { kind: 'keepalive' } }
    case MessageType.routeRefresh: {
      const afi = reader.u16()
      const subtype = reader.u8()
      // NOT IMPLEMENTED: outbound route filters (RFC 5291), which make the message longer.
      return { ok: true, value: { kind: 'route-refresh', family: familyOf(afi, reader.u8()), subtype } }
    }
    default:
      throw new Error(`message type ${raw.type} passed checkHeader`)
  }
}

/** Writes one message with its header. A message over 4096 bytes is a bug of the caller. */
export function encodeMessage(message: Message, context: EncodeContext = { isFourOctetAs: true }): Uint8Array {
  const writer = new ByteWriter(message.kind === 'update' ? 512 : 64)
  for (let i = 0; i < 16; i++) writer.u8(0xff)
  writer.u16(0)
  switch (message.kind) {
    case 'open':
      encodeOpen(writer.u8(MessageType.open), message)
      break
    case 'update':
      encodeUpdate(writer.u8(MessageType.update), message, context)
      break
    case 'notification':
      writer.u8(MessageType.notification).u8(message.code).u8(message.subcode)
      writer.bytes(message.data.subarray(0, MAX_MESSAGE_BYTES - HEADER_BYTES - 2))
      break
    case 'keepalive':
      writer.u8(MessageType.keepalive)
      break
    case 'route-refresh':
      if (message.family === undefined) throw new Error('a ROUTE-REFRESH is sent for a family that we know')
      writer.u8(MessageType.routeRefresh).u16(afiOf(message.family)).u8(message.subtype).u8(Safi.unicast)
      break
    default: {
      const never: never = message
      throw new Error(`unknown message ${JSON.stringify(never)}`)
    }
  }
  if (writer.length > MAX_MESSAGE_BYTES) throw new Error(`a ${message.kind} of ${writer.length} bytes`)
  writer.patchU16(16, writer.length)
  return writer.finish()
}

export function notificationFor(error: BgpError): NotificationMessage {
  return { kind: 'notification', code: error.code, subcode: error.subcode, data: error.data }
}
