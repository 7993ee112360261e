/**
 * DNS messages at the edge of the server (RFC 1035 section 4, EDNS0: RFC 6891). The codec is dns-packet, which throws on what it cannot
 * read; nothing it throws leaves this file. Queries that it would read differently from how they are written are refused.
 */
import { type Answer, decode, encode, type OptAnswer, type Packet, type Question } from 'dns-packet'
import { Rcode, type ZoneAnswer } from './zone-set.ts'

/** What anybody may send back over UDP without EDNS0. */
export const PLAIN_UDP_BYTES = 512
/** Larger datagrams would be fragmented on some path; who asks for more gets this. */
export const MAX_UDP_BYTES = 1232
export const MAX_MESSAGE_BYTES = 0xffff

const HEADER_BYTES = 12
const QR = 0x8000
const AA = 0x0400
const TC = 0x0200
const RD = 0x0100
const OPCODE_QUERY = 0
const EDNS_VERSION = 0
/** The high bits of the response code BADVERS, which is 16. */
const BADVERS_HIGH = 1
const DO = 0x8000

export interface Query {
  readonly id: number
  readonly flags: number
  readonly question: Question
  /** Undefined: the client did not speak EDNS0. */
  readonly edns: { readonly udpBytes: number; readonly version: number; readonly wantsDnssec: boolean } | undefined
}

/** `drop`: an answer would do harm or could not be matched to anything. `reply`: the header is known, and that is all. */
export type DecodedQuery =
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'drop'; readonly reason: 'short' | 'response' }
  | { readonly kind: 'reply'; readonly reason: 'malformed' | 'opcode'; readonly message: Uint8Array }

export function decodeQuery(bytes: Uint8Array): DecodedQuery {
  if (bytes.length < HEADER_BYTES) return { kind: 'drop', reason: 'short' }
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const id = message.readUInt16BE(0)
  const flags = message.readUInt16BE(2)
  // Two servers must not answer each other's answers.
  if ((flags & QR) !== 0) return { kind: 'drop', reason: 'response' }
  if (((flags >> 11) & 0xf) !== OPCODE_QUERY) {
    return { kind: 'reply', reason: 'opcode', message: headerOnly(id, flags, Rcode.notImp) }
  }
  const malformed: DecodedQuery = {
    kind: 'reply',
    reason: 'malformed',
    message: headerOnly(id, flags, Rcode.formErr),
  }
  // One question and nothing answered: a query with more is nobody's, and would only cost time to read.
  if (message.readUInt16BE(4) !== 1 || message.readUInt16BE(6) !== 0 || message.readUInt16BE(8) !== 0) return malformed
  const packet = tryDecode(message)
  const question = packet?.questions?.[0]
  if (packet === undefined || question === undefined || !isAsWritten(question, message)) return malformed
  const options = (packet.additionals ?? []).filter((record) => record.type === 'OPT')
  if (options.length > 1) return malformed // RFC 6891 section 6.1.1
  return { kind: 'query', query: { id, flags, question, edns: ednsOf(options[0]) } }
}

/**
 * The answer as bytes, at most as many as the client and the transport take. What does not fit loses first the additional records,
 * then everything, with TC set: the client asks again over TCP (RFC 2181 section 9).
 */
export function encodeAnswer(query: Query, answer: ZoneAnswer, limitBytes: number): Uint8Array {
  const whole = encode(packetOf(query, answer))
  if (whole.length <= limitBytes) return whole
  const lean = encode(packetOf(query, { ...answer, additionals: [] }))
  if (lean.length <= limitBytes) return lean
  return encode(packetOf(query, { ...answer, answers: [], authorities: [], additionals: [] }, TC))
}

/** How many bytes may go back over UDP. */
export function udpLimit(query: Query): number {
  return query.edns === undefined
    ? PLAIN_UDP_BYTES
    : Math.min(MAX_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, query.edns.udpBytes))
}

/** The client speaks a version of EDNS that this server does not (RFC 6891 section 6.1.3). */
export function isBadVersion(query: Query): boolean {
  return query.edns !== undefined && query.edns.version !== EDNS_VERSION
}

function packetOf(query: Query, answer: ZoneAnswer, truncated = 0): Packet {
  const flags = (query.flags & RD) | (answer.isAuthoritative ? AA : 0) | truncated | answer.rcode
  const { question, edns } = query
  const opt: Answer[] = edns === undefined ? [] : [optRecord(isBadVersion(query), edns.wantsDnssec)]
  return {
    type: 'response',
    id: query.id,
    flags,
    questions: [question],
    answers: [...answer.answers],
    authorities: [...answer.authorities],
    additionals: [...answer.additionals, ...opt],
  }
}

function optRecord(badVersion: boolean, wantsDnssec: boolean): OptAnswer {
  const flags = wantsDnssec ? DO : 0 // RFC 3225 section 3: copied, though nothing here is signed
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: MAX_UDP_BYTES,
    extendedRcode: badVersion ? BADVERS_HIGH : 0,
    ednsVersion: EDNS_VERSION,
    flags,
    flag_do: wantsDnssec,
    options: [],
  }
}

function ednsOf(opt: OptAnswer | undefined): Query['edns'] {
  if (opt === undefined) return undefined
  return { udpBytes: opt.udpPayloadSize, version: opt.ednsVersion, wantsDnssec: (opt.flags & DO) !== 0 }
}

function headerOnly(id: number, flags: number, rcode: Rcode): Uint8Array {
  const message = Buffer.alloc(HEADER_BYTES)
  message.writeUInt16BE(id, 0)
  // RFC 1035 section 4.1.1: the opcode and RD are copied.
  message.writeUInt16BE(QR | (flags & 0x7800) | (flags & RD) | rcode, 2)
  return message
}

/** The codec holds names as text: a label with a dot or with bytes that are no UTF-8 would come back as another name. */
function isAsWritten(question: Question, message: Buffer): boolean {
  const again = encode({ questions: [question] }).subarray(HEADER_BYTES)
  return message.subarray(HEADER_BYTES, HEADER_BYTES + again.length).equals(again)
}

function tryDecode(message: Buffer): Packet | undefined {
  try {
    return decode(message)
  } catch {
    return undefined // its reasons are many and mean the same: not a DNS message
  }
}
