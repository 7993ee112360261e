/** Addresses, prefixes and ports as keys and parameters of table entries, and back. */
import { Ip, type Mac, type Prefix } from '@lodestone/net'
import type { KeySet } from '@lodestone/p4'

const PORT_MASK = 0xffffn

/** Any width of bytes as an unsigned integer, network order. */
export function bytesValue(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

export function ipValue(ip: Ip): bigint {
  return bytesValue(ip.bytes)
}

export function macValue(mac: Mac): bigint {
  return BigInt(mac.toNumber())
}

export function ipFromValue(value: bigint, family: 4 | 6): Ip {
  const length = family === 4 ? 4 : 16
  const bytes = new Uint8Array(length)
  let rest = value
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return Ip.fromBytes(bytes, 0, length)
}

export function exact(value: bigint | number): KeySet {
  return { kind: 'exact', value: BigInt(value) }
}

export function lpm(prefix: Prefix): KeySet {
  return { kind: 'lpm', value: ipValue(prefix.address), length: prefix.length }
}

export function range(low: number, high: number): KeySet {
  return { kind: 'range', low: BigInt(low), high: BigInt(high) }
}

/** A ternary key that one port matches. */
export function onePort(port: number): KeySet {
  return { kind: 'ternary', value: BigInt(port), mask: PORT_MASK }
}

/** A ternary key that every port matches. */
export const anyPort: KeySet = { kind: 'ternary', value: 0n, mask: 0n }
