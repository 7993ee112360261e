/**
 * DHCPv6 messages between clients and servers (RFC 8415 §8, §21.1): a type, a transaction and options. What the options hold is
 * the business of those who speak the protocol; options inside of options have the same form.
 *
 *     type 8 | transaction id 24 | { code 16 | length 16 | data }…
 */

export const Dhcp6Type = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  informationRequest: 11,
} as const

export const Dhcp6Option = {
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
  domainSearch: 24,
  solMaxRt: 82,
} as const

/** Bytes in front of the options. */
export const DHCP6_MIN = 4

/** All options of each code, in the order in which they came; copies. */
export type Dhcp6Options = ReadonlyMap<number, readonly Uint8Array[]>

export interface Dhcp6Message {
  readonly type: number
  readonly transaction: number
  readonly options: Dhcp6Options
}

/** @returns undefined when the message is cut or an option runs past its end. */
export function readDhcp6(bytes: Uint8Array, start: number, end: number): Dhcp6Message | undefined {
  if (end - start < DHCP6_MIN) return undefined
  const options = readDhcp6Options(bytes, start + DHCP6_MIN, end)
  if (options === undefined) return undefined
  const transaction = (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!
  return { type: bytes[start]!, transaction, options }
}

/** @returns undefined when an option runs past the end. */
export function readDhcp6Options(bytes: Uint8Array, start: number, end: number): Dhcp6Options | undefined {
  const options = new Map<number, Uint8Array[]>()
  for (let at = start; at < end;) {
    if (end - at < 4) return undefined
    const code = (bytes[at]! << 8) | bytes[at + 1]!
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (at + 4 + length > end) return undefined
    // Not `slice` or `subarray`: a Node Buffer would share its memory.
    const data = Uint8Array.from(bytes.subarray(at + 4, at + 4 + length))
    const known = options.get(code)
    if (known === undefined) options.set(code, [data])
    else known.push(data)
    at += 4 + length
  }
  return options
}

/** The options one after the other, each with its header. */
export function dhcp6Options(options: Iterable<readonly [number, ArrayLike<number>]>): Uint8Array {
  const out: number[] = []
  for (const [code, data] of options) {
    out.push(code >> 8, code & 0xff, data.length >> 8, data.length & 0xff, ...Array.from(data))
  }
  return Uint8Array.from(out)
}

/** A whole message. */
export function writeDhcp6(
  type: number,
  transaction: number,
  options: Iterable<readonly [number, ArrayLike<number>]>,
): Uint8Array {
  const body = dhcp6Options(options)
  const message = new Uint8Array(DHCP6_MIN + body.length)
  message.set([type, (transaction >>> 16) & 0xff, (transaction >>> 8) & 0xff, transaction & 0xff])
  message.set(body, DHCP6_MIN)
  return message
}

/** DUID-LL (RFC 8415 §11.4) of an Ethernet address, 6 bytes. */
export function linkLayerDuid(mac: ArrayLike<number>): Uint8Array {
  return Uint8Array.of(0, 3, 0, 1, ...Array.from(mac))
}
