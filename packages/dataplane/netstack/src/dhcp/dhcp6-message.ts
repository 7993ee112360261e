/**
 * DHCPv6 messages (RFC 8415 §8, §21) as far as a client of one address needs them, read and written as values.
 *
 *     type 8 | transaction id 24 | { code 16 | length 16 | data }…
 */
import { Ip, type Mac } from '@lodestone/net'

const Type = { solicit: 1, advertise: 2, request: 3, renew: 5, rebind: 6, reply: 7, release: 8, decline: 9 } as const
const Option = {
  clientId: 1,
  serverId: 2,
  iaNa: 3,
  iaAddress: 5,
  optionRequest: 6,
  preference: 7,
  elapsedTime: 8,
  statusCode: 13,
  rapidCommit: 14,
  dns: 23,
  solMaxRt: 82,
} as const

export type Dhcp6RequestType = 'solicit' | 'request' | 'renew' | 'rebind' | 'release' | 'decline'

export interface Dhcp6Request {
  readonly type: Dhcp6RequestType
  readonly transaction: number
  readonly mac: Mac
  /** Names the interface's address among those of the host. */
  readonly associationId: number
  readonly elapsedMs: number
  readonly server: Uint8Array | undefined
  readonly address: Ip | undefined
}

export interface Dhcp6Reply {
  readonly type: 'advertise' | 'reply'
  readonly transaction: number
  readonly server: Uint8Array
  readonly isRapid: boolean
  /** 0 is success (RFC 8415 §21.13); the message's, else that of the identity association. */
  readonly status: number
  /** Undefined when there is none for us. */
  readonly address: Ip | undefined
  /** Seconds; Infinity is for ever. */
  readonly preferredS: number
  readonly validS: number
  /** Undefined: the client decides. */
  readonly renewS: number | undefined
  readonly rebindS: number | undefined
  readonly dns: readonly Ip[]
}

const INFINITE_S = 0xffffffff
const HEADER_BYTES = 4
const IA_BYTES = 12
const IA_ADDRESS_BYTES = 24

export function encodeRequest6(request: Dhcp6Request): Uint8Array {
  const { transaction, associationId, elapsedMs, address } = request
  const out: number[] = [Type[request.type], transaction >>> 16, transaction >>> 8, transaction].map((n) => n & 0xff)
  put(out, Option.clientId, clientId(request.mac))
  if (request.server !== undefined) put(out, Option.serverId, request.server)
  const inner: number[] = []
  // Lifetimes and times are the server's to say.
  if (address !== undefined) put(inner, Option.iaAddress, [...address.bytes, 0, 0, 0, 0, 0, 0, 0, 0])
  put(out, Option.iaNa, [...word(associationId), ...word(0), ...word(0), ...inner])
  const hundredths = Math.min(0xffff, Math.floor(elapsedMs / 10))
  put(out, Option.elapsedTime, [hundredths >> 8, hundredths & 0xff])
  if (request.type !== 'release' && request.type !== 'decline') {
    put(out, Option.optionRequest, [0, Option.dns, 0, Option.solMaxRt])
  }
  if (request.type === 'solicit') put(out, Option.rapidCommit, [])
  return Uint8Array.from(out)
}

/** @returns undefined when the message is malformed, or not from a server for this client (RFC 8415 §16.3, §16.10). */
export function decodeReply6(bytes: Uint8Array, mac: Mac, associationId: number): Dhcp6Reply | undefined {
  const type = bytes[0] === Type.advertise ? 'advertise' : bytes[0] === Type.reply ? 'reply' : undefined
  const options = type === undefined ? undefined : readOptions(bytes, HEADER_BYTES)
  if (type === undefined || options === undefined) return undefined
  const server = options.get(Option.serverId)?.[0]
  const client = options.get(Option.clientId)?.[0]
  if (server === undefined || client === undefined || !isEqual(client, clientId(mac))) return undefined
  const association = (options.get(Option.iaNa) ?? []).find(
    (each) => each.length >= IA_BYTES && readWord(each, 0) === associationId,
  )
  const inner = association && readOptions(association, IA_BYTES)
  const granted = inner?.get(Option.iaAddress)?.find((each) => each.length >= IA_ADDRESS_BYTES)
  return {
    type,
    transaction: readWord(bytes, 0) & 0xffffff,
    server,
    isRapid: options.has(Option.rapidCommit),
    status: statusOf(options) || statusOf(inner),
    address: granted && Ip.fromBytes(granted, 0, 16),
    preferredS: seconds(granted, 16) ?? 0,
    validS: seconds(granted, 20) ?? 0,
    renewS: seconds(association, 4) || undefined,
    rebindS: seconds(association, 8) || undefined,
    dns: (options.get(Option.dns) ?? []).flatMap(addresses),
  }
}

/** DUID-LL (RFC 8415 §11.4): type 3, hardware type Ethernet. */
function clientId(mac: Mac): Uint8Array {
  return Uint8Array.of(0, 3, 0, 1, ...mac.bytes)
}

/** All options of each code; undefined when one runs past the end. */
function readOptions(bytes: Uint8Array, from: number): Map<number, Uint8Array[]> | undefined {
  const options = new Map<number, Uint8Array[]>()
  for (let at = from; at < bytes.length;) {
    if (bytes.length - at < 4) return undefined
    const code = (bytes[at]! << 8) | bytes[at + 1]!
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (at + 4 + length > bytes.length) return undefined
    const data = bytes.slice(at + 4, at + 4 + length)
    const known = options.get(code)
    if (known === undefined) options.set(code, [data])
    else known.push(data)
    at += 4 + length
  }
  return options
}

function statusOf(options: ReadonlyMap<number, Uint8Array[]> | undefined): number {
  const data = options?.get(Option.statusCode)?.[0]
  return data === undefined || data.length < 2 ? 0 : (data[0]! << 8) | data[1]!
}

function addresses(data: Uint8Array): Ip[] {
  const out: Ip[] = []
  for (let at = 0; at + 16 <= data.length; at += 16) out.push(Ip.fromBytes(data, at, 16))
  return out
}

function seconds(data: Uint8Array | undefined, at: number): number | undefined {
  if (data === undefined) return undefined
  const value = readWord(data, at)
  return value === INFINITE_S ? Infinity : value
}

function readWord(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function put(out: number[], code: number, data: ArrayLike<number>): void {
  out.push(code >> 8, code & 0xff, data.length >> 8, data.length & 0xff, ...Array.from(data))
}

function word(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
