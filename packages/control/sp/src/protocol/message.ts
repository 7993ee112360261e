/**
 * Datagrams between a management gateway and a service processor: a header with version and number, one message, and for some
 * messages data to the end of the datagram. At most 1024 bytes.
 *
 *    0         4            8      9         …        1024
 *   +---------+------------+------+---------+----------+
 *   | version | message id | kind | message | data …   |
 *   +---------+------------+------+---------+----------+
 *
 * Versions 2 and up are understood; a message of a newer version that cannot be read is answered with the own version.
 */
import { type Codec, Reader, type ReadProblem, u32, struct, Writer } from './codec.ts'
import type { BadRequestReason } from './error.ts'
import { mgsRequest, type MgsRequest, mgsResponse, type MgsResponse, takesData } from './request.ts'
import { spRequest, type SpRequest, spResponse, type SpResponse } from './response.ts'

export const SP_PORT = 11111
export const MGS_PORT = 22222
export const EREPORT_SP_PORT = 57005
export const EREPORT_MGS_PORT = 57007
/** Joined by service processors: the gateway's discovery goes there. */
export const SP_GROUP = 'ff02::1de:2'
/** Joined by gateways. */
export const MGS_GROUP = 'ff02::1de:1'
export const MAX_DATAGRAM_BYTES = 1024
export const MIN_VERSION = 2
export const CURRENT_VERSION = 25

const header = struct({ version: u32, messageId: u32 })
const KINDS = ['MgsRequest', 'MgsResponse', 'SpRequest', 'SpResponse'] as const

export type Message =
  | { readonly kind: 'MgsRequest'; readonly message: MgsRequest }
  | { readonly kind: 'MgsResponse'; readonly message: MgsResponse }
  | { readonly kind: 'SpRequest'; readonly message: SpRequest }
  | { readonly kind: 'SpResponse'; readonly message: SpResponse }

export interface Datagram {
  readonly version: number
  readonly messageId: number
  readonly body: Message
  readonly data: Uint8Array
}

export type DatagramProblem = ReadProblem | 'no-header' | 'old-version' | 'new-version' | 'trailing-data' | 'too-long'

export type DecodedDatagram =
  | { readonly ok: true; readonly datagram: Datagram }
  | {
      readonly ok: false
      readonly problem: DatagramProblem
      /** Absent when not even the header could be read. */
      readonly messageId: number | undefined
      /** What a service processor answers to it. */
      readonly reason: BadRequestReason
    }

const NO_DATA = new Uint8Array(0)

/** @param data is cut where the datagram is full. @returns the bytes, and how many of `data` are in them. */
export function encodeDatagram(
  messageId: number,
  body: Message,
  data: Uint8Array = NO_DATA,
  version = CURRENT_VERSION,
): { readonly bytes: Uint8Array; readonly dataBytes: number } {
  const out = new Writer(MAX_DATAGRAM_BYTES)
  header.write(out, { version, messageId })
  out.u8(KINDS.indexOf(body.kind))
  codecOf(body.kind).write(out, body.message as never)
  const dataBytes = Math.min(out.room, data.length)
  out.bytes(data.subarray(0, dataBytes))
  return { bytes: out.written, dataBytes }
}

export function decodeDatagram(bytes: Uint8Array): DecodedDatagram {
  const malformed: BadRequestReason = { kind: 'DeserializationError' }
  if (bytes.length > MAX_DATAGRAM_BYTES) {
    return { ok: false, problem: 'too-long', messageId: undefined, reason: malformed }
  }
  const input = new Reader(bytes)
  const { version, messageId } = header.read(input)
  if (input.problem !== undefined) return { ok: false, problem: 'no-header', messageId: undefined, reason: malformed }
  const wrongVersion: BadRequestReason = { kind: 'WrongVersion', sp: CURRENT_VERSION, request: version }
  if (version < MIN_VERSION) return { ok: false, problem: 'old-version', messageId, reason: wrongVersion }
  const kind = KINDS[input.u8()]
  if (kind === undefined) input.fail('bad-variant')
  const message = kind === undefined ? undefined : codecOf(kind).read(input)
  const problem = input.problem
  if (problem !== undefined) {
    if (version > CURRENT_VERSION) return { ok: false, problem: 'new-version', messageId, reason: wrongVersion }
    return { ok: false, problem, messageId, reason: malformed }
  }
  // because the codec of this kind read it
  const body = { kind, message } as Message
  const data = input.rest()
  if (body.kind === 'MgsRequest' && data.length > 0 && !takesData(body.message)) {
    return { ok: false, problem: 'trailing-data', messageId, reason: { kind: 'UnexpectedTrailingData' } }
  }
  return { ok: true, datagram: { version, messageId, body, data } }
}

function codecOf(kind: (typeof KINDS)[number]): Codec<unknown> {
  const codecs = { MgsRequest: mgsRequest, MgsResponse: mgsResponse, SpRequest: spRequest, SpResponse: spResponse }
  // because callers pair each kind with its own message
  return codecs[kind] as Codec<unknown>
}
