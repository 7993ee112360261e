/** What a DHCPv6 client of one address says and hears (RFC 8415 §16, §21), as values; the form of messages is `@lodestone/packet`'s. */
import { Ip, type Mac } from '@lodestone/net'
import {
  Dhcp6Option,
  type Dhcp6Options,
  dhcp6Options,
  Dhcp6Type,
  linkLayerDuid,
  readDhcp6,
  readDhcp6Options,
  writeDhcp6,
} from '@lodestone/packet'

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
const IA_BYTES = 12
const IA_ADDRESS_BYTES = 24

export function encodeRequest6(request: Dhcp6Request): Uint8Array {
  const { transaction, associationId, elapsedMs, address } = request
  const options: [number, ArrayLike<number>][] = [[Dhcp6Option.clientId, linkLayerDuid(request.mac.bytes)]]
  if (request.server !== undefined) options.push([Dhcp6Option.serverId, request.server])
  // Lifetimes and times are the server's to say.
  const inner =
    address === undefined ? [] : [[Dhcp6Option.iaAddress, [...address.bytes, ...word(0), ...word(0)]] as const]
  options.push([Dhcp6Option.iaNa, [...word(associationId), ...word(0), ...word(0), ...dhcp6Options(inner)]])
  const hundredths = Math.min(0xffff, Math.floor(elapsedMs / 10))
  options.push([Dhcp6Option.elapsedTime, [hundredths >> 8, hundredths & 0xff]])
  if (request.type !== 'release' && request.type !== 'decline') {
    options.push([Dhcp6Option.optionRequest, [0, Dhcp6Option.dns, 0, Dhcp6Option.solMaxRt]])
  }
  if (request.type === 'solicit') options.push([Dhcp6Option.rapidCommit, []])
  return writeDhcp6(Dhcp6Type[request.type], transaction, options)
}

/** @returns undefined when the message is malformed, or not from a server for this client (RFC 8415 §16.3, §16.10). */
export function decodeReply6(bytes: Uint8Array, mac: Mac, associationId: number): Dhcp6Reply | undefined {
  const message = readDhcp6(bytes, 0, bytes.length)
  if (message === undefined) return undefined
  const { options, transaction } = message
  const type =
    message.type === Dhcp6Type.advertise ? 'advertise' : message.type === Dhcp6Type.reply ? 'reply' : undefined
  if (type === undefined) return undefined
  const server = options.get(Dhcp6Option.serverId)?.[0]
  const client = options.get(Dhcp6Option.clientId)?.[0]
  if (server === undefined || client === undefined || !isEqual(client, linkLayerDuid(mac.bytes))) return undefined
  const association = (options.get(Dhcp6Option.iaNa) ?? []).find(
    (each) => each.length >= IA_BYTES && readWord(each, 0) === associationId,
  )
  const inner = association && readDhcp6Options(association, IA_BYTES, association.length)
  const granted = inner?.get(Dhcp6Option.iaAddress)?.find((each) => each.length >= IA_ADDRESS_BYTES)
  return {
    type,
    transaction,
    server,
    isRapid: options.has(Dhcp6Option.rapidCommit),
    status: statusOf(options) || statusOf(inner),
    address: granted && Ip.fromBytes(granted, 0, 16),
    preferredS: seconds(granted, 16) ?? 0,
    validS: seconds(granted, 20) ?? 0,
    renewS: seconds(association, 4) || undefined,
    rebindS: seconds(association, 8) || undefined,
    dns: (options.get(Dhcp6Option.dns) ?? []).flatMap(addresses),
  }
}

function statusOf(options: Dhcp6Options | undefined): number {
  const data = options?.get(Dhcp6Option.statusCode)?.[0]
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

function word(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
