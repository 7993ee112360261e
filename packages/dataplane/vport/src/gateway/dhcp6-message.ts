/**
 * DHCPv6 messages (RFC 8415 §8, §21.1) as far as the gateway's server needs them: a type, a transaction and options.
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
  elapsedTime: 8,
  statusCode: 13,
  rapidCommit: 14,
  dns: 23,
  domainSearch: 24,
} as const

export const DHCP6_MIN = 4

export interface Dhcp6Message {
  readonly type: number
  readonly transaction: number
  /** The first option of each code. */
  readonly options: ReadonlyMap<number, Uint8Array>
}

/** @returns undefined when the message is cut or an option runs past its end. */
export function readDhcp6(bytes: Uint8Array, start: number, end: number): Dhcp6Message | undefined {
  if (end - start < DHCP6_MIN) return undefined
  const options = new Map<number, Uint8Array>()
  for (let at = start + DHCP6_MIN; at < end;) {
    if (end - at < 4) return undefined
    const code = (bytes[at]! << 8) | bytes[at + 1]!
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (at + 4 + length > end) return undefined
    if (!options.has(code)) options.set(code, bytes.slice(at + 4, at + 4 + length))
    at += 4 + length
  }
  const transaction = (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!
  return { type: bytes[start]!, transaction, options }
}

/** The options one after the other, each with its header. */
export function dhcp6Options(options: Iterable<readonly [number, Uint8Array]>): Uint8Array {
  const out: number[] = []
  for (const [code, data] of options) out.push(code >> 8, code & 0xff, data.length >> 8, data.length & 0xff, ...data)
  return Uint8Array.from(out)
}
